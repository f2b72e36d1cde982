//! What file names say about order: numbers inside them count as numbers.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::iter::Peekable;
use std::str::Chars;

/// Digits that every number fits into exactly, as a float too.
const MOST_DIGITS: usize = 15;

/// Compares names as people do: `cam2` before `cam10`; names that differ in nothing else, byte by byte.
pub(crate) fn natural(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a.chars().peekable(), b.chars().peekable());
    loop {
        let order = match (left.peek().copied(), right.peek().copied()) {
            (None, None) => return a.cmp(b),
            (Some(x), Some(y)) if x.is_ascii_digit() && y.is_ascii_digit() => {
                let (x, y) = (digits(&mut left), digits(&mut right));
                x.len().cmp(&y.len()).then_with(|| x.cmp(&y))
            }
            (x, y) => {
                left.next();
                right.next();
                x.cmp(&y)
            }
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// The digits that come next, without leading zeros.
fn digits(text: &mut Peekable<Chars<'_>>) -> String {
    let mut found = String::new();
    while let Some(digit) = text.next_if(char::is_ascii_digit) {
        if digit != '0' || !found.is_empty() {
            found.push(digit);
        }
    }
    found
}

/// The last number in the name of a file, its folders and extension left out.
pub(super) fn frame_number(name: &str) -> Option<u64> {
    let file = name.rsplit('/').next().unwrap_or(name);
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let end = stem.trim_end_matches(|c: char| !c.is_ascii_digit());
    let before = end.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = end.get(before.len()..)?.trim_start_matches('0');
    match digits.len() {
        0 if end.ends_with('0') => Some(0),
        1..=MOST_DIGITS => digits.parse().ok(),
        _ => None,
    }
}

fn folder(name: &str) -> String {
    name.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned()
}

/// The last number in each name, if that tells the images of every folder apart.
pub(crate) fn numbers(names: &[&str]) -> Option<Vec<u64>> {
    let numbers: Vec<u64> = names.iter().map(|name| frame_number(name)).collect::<Option<_>>()?;
    let distinct: BTreeSet<(String, u64)> = names.iter().map(|n| folder(n)).zip(numbers.iter().copied()).collect();
    (distinct.len() == names.len()).then_some(numbers)
}

/// The frame that each image is, by its name, every folder being one camera: its [number](numbers), otherwise the place
/// among the names of its folder.
pub(crate) fn frames(names: &[&str]) -> Vec<f64> {
    if let Some(numbers) = numbers(names) {
        return numbers.into_iter().map(|number| number as f64).collect();
    }
    let mut sorted: Vec<(usize, &str)> = names.iter().copied().enumerate().collect();
    sorted.sort_by(|a, b| natural(a.1, b.1));
    let mut next: BTreeMap<String, u32> = BTreeMap::new();
    let mut places = vec![0.0; names.len()];
    for (index, name) in sorted {
        let count = next.entry(folder(name)).or_default();
        if let Some(place) = places.get_mut(index) {
            *place = f64::from(*count);
        }
        *count += 1;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::{frame_number, frames, natural};

    #[test]
    fn numbers_in_names_are_numbers() {
        let mut names = ["cam10", "cam2", "cam02", "cam1", "b", "cam", "cam1/9.png", "cam1/10.png", "é3", "é20"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["b", "cam", "cam1", "cam1/9.png", "cam1/10.png", "cam02", "cam2", "cam10", "é3", "é20"]);
    }

    #[test]
    fn the_last_number_of_a_name_is_its_frame() {
        for (name, number) in [
            ("cam01/frame_00012.jpg", Some(12)),
            ("images/000.png", Some(0)),
            ("7", Some(7)),
            ("a3b.png", Some(3)),
            ("cam05/first.png", None),
            ("1234567890123456.png", None),
            ("", None),
        ] {
            assert_eq!(frame_number(name), number, "{name}");
        }
    }

    #[test]
    fn numbers_that_do_not_tell_images_apart_give_way_to_the_order() {
        assert_eq!(frames(&["a/4.png", "a/2.png", "b/4.png"]), [4.0, 2.0, 4.0]);
        assert_eq!(frames(&["10_00.png", "9_59.png", "9_58.png", "10_59.png"]), [2.0, 1.0, 0.0, 3.0]);
        assert_eq!(frames(&["x/b.png", "x/a.png", "y/c.png"]), [1.0, 0.0, 0.0]);
    }
}
