//! Numbers and floats as bytes.

use std::io::Read;

/// What is wrong with some bytes.
pub(super) type Read1<T> = Result<T, String>;

/// Reads numbers from bytes that may end at any place.
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(super) fn take(&mut self, count: usize) -> Read1<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(count).ok_or("the bytes end too early")?;
        self.0 = rest;
        Ok(head)
    }

    pub(super) fn u8(&mut self) -> Read1<u8> {
        Ok(self.take(1)?[0])
    }

    /// Seven bits per byte, lowest first, the highest bit of a byte telling that more follow.
    pub(super) fn number(&mut self) -> Read1<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                return Err("a number is too large".to_owned());
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err("a number is too long".to_owned())
    }

    /// A number that may not exceed `most`.
    pub(super) fn count(&mut self, most: usize) -> Read1<usize> {
        let value = self.number()?;
        usize::try_from(value).ok().filter(|&count| count <= most).ok_or_else(|| format!("{value} exceeds {most}"))
    }

    /// A number with its sign in the lowest bit.
    pub(super) fn signed(&mut self) -> Read1<i32> {
        let zigzag = u32::try_from(self.number()?).map_err(|_| "a number is too large")?;
        Ok(unfolded(zigzag))
    }
}

/// 0, -1, 1, -2 .. as 0, 1, 2, 3 ..
pub(super) fn folded(value: i32) -> u32 {
    (value << 1 ^ value >> 31) as u32
}

/// The reverse of [`folded`].
pub(super) fn unfolded(value: u32) -> i32 {
    (value >> 1) as i32 ^ -((value & 1) as i32)
}

pub(super) fn put_number(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub(super) fn put_signed(out: &mut Vec<u8>, value: i32) {
    put_number(out, u64::from(folded(value)));
}

/// The first bytes of all floats, then their second ones and so on: likes beside likes.
pub(super) fn planes(values: &[f32]) -> Vec<u8> {
    let byte = |plane: usize| values.iter().map(move |value| value.to_be_bytes()[plane]);
    (0..4).flat_map(byte).collect()
}

/// The reverse of [`planes`].
pub(super) fn from_planes(bytes: &[u8]) -> Vec<f32> {
    let count = bytes.len() / 4;
    let float = |i: usize| f32::from_be_bytes(std::array::from_fn(|plane| bytes[plane * count + i]));
    (0..count).map(float).collect()
}

/// CRC-32 as in zip files.
pub(super) fn checksum(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

pub(super) fn squeezed(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    zstd::bulk::compress(bytes, 19)
}

/// The reverse of [`squeezed`], for bytes of a known length: memory grows with what is really there.
pub(super) fn unsqueezed(bytes: &[u8], length: usize) -> Read1<Vec<u8>> {
    let damaged = |_| "compressed bytes are damaged".to_owned();
    let mut out = Vec::new();
    let decoder = zstd::stream::read::Decoder::new(bytes).map_err(damaged)?;
    decoder.take(length as u64 + 1).read_to_end(&mut out).map_err(damaged)?;
    if out.len() == length { Ok(out) } else { Err(format!("{} bytes instead of {length}", out.len())) }
}
