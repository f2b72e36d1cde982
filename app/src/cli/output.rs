//! Where text goes: results to stdout, everything else to stderr; and how numbers read.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

pub(crate) use splat_core::text::thousands;

/// Writes results. A reader that went away is an error here, which the caller may call success.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Tells a person something on stderr; it is not worth failing when nobody reads it.
pub(crate) fn note(text: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{text}");
}

/// Tells a warning on stderr.
pub(crate) fn warning(text: &str) {
    let style = Style::new().fg_color(Some(AnsiColor::Yellow.into()));
    note(&format!("{style}warning:{style:#} {text}"));
}

/// Tells what went wrong on stderr.
pub(crate) fn error(text: &str) {
    let style = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
    note(&format!("{style}splat:{style:#} {text}"));
}

/// Seconds as `m:ss` or `h:mm:ss`.
pub(crate) fn clock(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// Bytes in MiB or GiB.
pub(crate) fn bytes(count: u64) -> String {
    let mebi = count as f64 / f64::from(1 << 20);
    if mebi < 1024.0 { format!("{mebi:.1} MiB") } else { format!("{:.2} GiB", mebi / 1024.0) }
}

#[cfg(test)]
mod tests {
    use super::{bytes, clock};

    #[test]
    fn clocks_show_hours_only_when_there_are_some() {
        assert_eq!([0.0, 59.6, 3599.0, 3661.0].map(clock).join(" "), "0:00 1:00 59:59 1:01:01");
    }

    #[test]
    fn bytes_switch_to_gibibytes() {
        assert_eq!(bytes(3 << 19), "1.5 MiB");
        assert_eq!(bytes(5 << 29), "2.50 GiB");
    }
}
