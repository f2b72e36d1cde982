//! Losing a graphics device on purpose: what a driver does when it is updated, or a laptop when it wakes up, for tests
//! and for trying it by hand.

use anyhow::Result;
use splat_core::Error;

/// The variable that asks for it.
const VARIABLE: &str = "SPLAT_LOSE_DEVICE";

/// Which device is to be lost, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// That of the next run, as soon as it tells of this step or a later one.
    Training(u64),
    /// That of the pictures, at this one.
    Worker(u64),
}

impl Loss {
    /// What `SPLAT_LOSE_DEVICE=training@STEP` or `worker@PICTURE` asks for.
    ///
    /// # Errors
    /// [`Error::Settings`] when it is neither.
    pub(crate) fn from_env() -> Result<Option<Self>> {
        let Ok(text) = std::env::var(VARIABLE) else { return Ok(None) };
        let unknown = || Error::Settings {
            problem: format!("{VARIABLE} is \"{text}\""),
            remedy: "use training@STEP or worker@PICTURE, or unset it".into(),
        };
        Ok(Some(Self::parse(&text).ok_or_else(unknown)?))
    }

    fn parse(text: &str) -> Option<Self> {
        let (which, when) = text.split_once('@')?;
        let when = when.parse().ok()?;
        match which {
            "training" => Some(Self::Training(when)),
            "worker" => Some(Self::Worker(when)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Loss;

    #[test]
    fn words_are_read_or_refused() {
        assert_eq!(Loss::parse("training@12"), Some(Loss::Training(12)));
        assert_eq!(Loss::parse("worker@3"), Some(Loss::Worker(3)));
        for bad in ["", "training", "training@", "window@1", "worker@-1", "worker@x"] {
            assert_eq!(Loss::parse(bad), None, "{bad}");
        }
    }
}
