//! Ways to damage bytes, texts and JSON.

use std::ops::Range;

use serde_json::{Value, json};

use super::random::Random;

/// Counts, offsets and lengths as an attacker would choose them.
const EXTREMES: [u64; 16] = [
    0,
    1,
    2,
    0x7f,
    0xff,
    0x7fff,
    0xffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x1_0000_0000,
    1 << 40,
    1 << 53,
    i64::MAX as u64,
    1 << 63,
    u64::MAX,
];

/// Floats that formulas stumble over.
const FLOATS: [f32; 12] = [
    f32::NAN,
    f32::INFINITY,
    f32::NEG_INFINITY,
    f32::MAX,
    f32::MIN,
    f32::MIN_POSITIVE,
    1e-45,
    -0.0,
    0.0,
    1e9,
    -1.0,
    89.0,
];

const TEXTS: [&str; 16] = [
    "-1",
    "0",
    "1e308",
    "-1e999",
    "nan",
    "99999999999999999999",
    "4294967296",
    "\"",
    "[",
    "{}",
    "null",
    "\n",
    " ",
    "property float x\n",
    "property list uint uint x\n",
    "element vertex 7\n",
];

/// A place: anywhere, or near an end, where headers and trailers are.
fn place(length: usize, random: &mut Random) -> usize {
    // Half of the near ones lie within the square root of the length.
    let bits = length.max(1).ilog2() as usize + 1;
    let most = 1 << random.below(bits + 1);
    let near = random.below(most).min(length.saturating_sub(1));
    match random.below(3) {
        0 => random.below(length),
        1 => near,
        _ => length.saturating_sub(1 + near),
    }
}

/// A range of bytes, short or long.
fn range(length: usize, random: &mut Random) -> Range<usize> {
    let start = place(length, random);
    let most = 1 << random.below(length.max(1).ilog2() as usize + 1);
    start..(start + 1 + random.below(most)).min(length)
}

/// Damages bytes once; `other` gives pieces to mix in.
pub(super) fn damage(bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    if random.once_in(2)
        && let Ok(mut json) = serde_json::from_slice::<Value>(bytes)
        && (json.is_object() || json.is_array())
    {
        damage_json(&mut json, random);
        *bytes = json.to_string().into_bytes();
        return;
    }
    let length = bytes.len();
    let at = place(length, random);
    match random.below(12) {
        0 if length > 0 => bytes[at] ^= 1 << random.below(8),
        1 if length > 0 => bytes[at] = random.next() as u8,
        2 => bytes.truncate(at),
        3 => drop(bytes.drain(range(length, random))),
        4 => {
            let piece = bytes[range(length, random)].to_vec();
            bytes.splice(at..at, piece);
        }
        5 => {
            let piece = &other[range(other.len(), random)];
            let end = if random.once_in(2) { at } else { (at + piece.len()).min(length) };
            bytes.splice(at..end, piece.iter().copied());
        }
        6 => {
            let value = *random.of(&[0, 0xff, 0x80, 0x7f]);
            bytes[range(length, random)].fill(value);
        }
        7 => {
            let value = random.of(&FLOATS).to_le_bytes();
            overwrite(bytes, at / 4 * 4, &value);
        }
        8 => {
            bytes.splice(at..at, random.of(&TEXTS).bytes());
        }
        9 => damage_digits(bytes, at, random),
        10 => nudge(bytes, at, random),
        _ => {
            // Most fields are aligned; those that are not are met too.
            let width = 1 << random.below(4);
            let at = if random.once_in(3) { at } else { at / width * width };
            let value = random.of(&EXTREMES).to_le_bytes();
            overwrite(bytes, at, &value[..width]);
        }
    }
}

fn overwrite(bytes: &mut [u8], at: usize, values: &[u8]) {
    for (byte, value) in bytes.iter_mut().skip(at).zip(values) {
        *byte = *value;
    }
}

/// Changes a little-endian number to one near it: off by one finds other mistakes than extremes do.
fn nudge(bytes: &mut [u8], at: usize, random: &mut Random) {
    let at = at / 4 * 4;
    if let Some(field) = bytes.get_mut(at..).and_then(|rest| rest.first_chunk_mut::<4>()) {
        let value = u32::from_le_bytes(*field);
        let near = [value.wrapping_add(1), value.wrapping_sub(1), value.wrapping_mul(2), value / 2, !value];
        *field = random.of(&near).to_le_bytes();
    }
}

/// Replaces the first number in the text from a place on.
fn damage_digits(bytes: &mut Vec<u8>, from: usize, random: &mut Random) {
    let is_digit = |byte: &u8| byte.is_ascii_digit();
    let Some(start) = bytes[from..].iter().position(is_digit).map(|offset| from + offset) else {
        return;
    };
    let end = bytes[start..].iter().position(|byte| !is_digit(byte)).map_or(bytes.len(), |length| start + length);
    let number: u64 = std::str::from_utf8(&bytes[start..end]).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    let new = match random.below(3) {
        0 => random.of(&EXTREMES).to_string(),
        1 => number.wrapping_add(1).to_string(),
        _ => format!("{}", number.saturating_sub(1 + random.below(3) as u64)),
    };
    bytes.splice(start..end, new.into_bytes());
}

/// All places in a document.
fn pointers(value: &Value, path: String, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(name, value)| {
            pointers(value, format!("{path}/{}", name.replace('~', "~0").replace('/', "~1")), found);
        }),
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(index, value)| pointers(value, format!("{path}/{index}"), found));
        }
        _ => {}
    }
    found.push(path);
}

fn replacement(old: &Value, random: &mut Random) -> Value {
    match (old.as_f64(), random.below(24)) {
        (Some(number), 0..12) => {
            let near = [number + 1.0, number - 1.0, -number, number * 2.0, number * 0.5, 0.0, 1e30, -1e300, 1e-300];
            // Whole numbers stay whole: readers ask for them.
            match (old.as_u64(), random.below(near.len() + EXTREMES.len())) {
                (Some(old), 0) => json!(old.wrapping_add(1)),
                (Some(old), 1) => json!(old.saturating_sub(1)),
                (Some(old), 2) => json!(old.saturating_mul(2)),
                (_, pick) if pick < near.len() => json!(near[pick]),
                (_, pick) => json!(EXTREMES[pick - near.len()]),
            }
        }
        (_, 0..4) => json!(*random.of(&EXTREMES)),
        (_, 4) => json!(-1),
        (_, 5) => json!(1e300),
        (_, 6) => json!(""),
        (_, 7) => json!("../a"),
        (_, 8) => json!([]),
        (_, 9) => json!({}),
        (_, 10) => json!([old, old]),
        (_, 11) => (0..100).fold(old.clone(), |inner, _| json!([inner])),
        (_, 12) => json!(true),
        (_, 13) => json!(0.5),
        (_, 14) => json!("a\u{0}b%zz%2e"),
        (_, 15) => json!(vec![old; 300]),
        _ => Value::Null,
    }
}

/// Changes a document in one place.
fn damage_json(json: &mut Value, random: &mut Random) {
    let mut places = Vec::new();
    pointers(json, String::new(), &mut places);
    let at = random.of(&places).clone();
    let from = random.of(&places).clone();
    let old = json.pointer(&at).cloned().unwrap_or_default();
    let other = json.pointer(&from).cloned().unwrap_or_default();
    let kind = random.below(5);
    let new = if kind == 0 { other } else { replacement(&old, random) };
    let parent = at.rfind('/').and_then(|end| Some((json.pointer_mut(&at[..end])?, &at[end + 1..])));
    match (kind, parent) {
        (1, Some((Value::Object(map), name))) => drop(map.remove(name)),
        (1, Some((Value::Array(list), index))) => drop(list.remove(index.parse().unwrap())),
        (2, Some((Value::Array(list), _))) => list.push(old),
        (2, Some((Value::Object(map), name))) => drop(map.insert(format!("{name}s"), old)),
        _ => *json.pointer_mut(&at).unwrap() = new,
    }
}
