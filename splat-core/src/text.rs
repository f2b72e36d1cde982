//! How numbers and quoted text read in messages.

/// `1234567` as `1,234,567`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `text` itself, or its two ends with `…` between them when it has more than `most` characters.
///
/// A message quotes what a file says, and a damaged or hostile file can say megabytes.
pub fn shortened(text: &str, most: usize) -> std::borrow::Cow<'_, str> {
    let count = text.chars().count();
    if count <= most {
        return text.into();
    }
    let tail = most / 4;
    let head = most - tail - 1;
    let start: String = text.chars().take(head).collect();
    let end: String = text.chars().skip(count - tail).collect();
    format!("{start}…{end}").into()
}

#[cfg(test)]
mod tests {
    use super::{shortened, thousands};

    #[test]
    fn long_text_keeps_both_ends() {
        assert_eq!(shortened("twelve chars", 12), "twelve chars");
        assert_eq!(shortened("äöüß twelve chars", 9), "äöüß t…rs");
        assert_eq!(shortened(&"x".repeat(9999), 64).chars().count(), 64);
    }

    #[test]
    fn thousands_are_grouped_from_the_right() {
        assert_eq!([0, 12, 999, 1000, 1_234_567].map(thousands).join(" "), "0 12 999 1,000 1,234,567");
    }
}
