//! Deadlines as commands take them: relative or absolute, in seconds or milliseconds.

use crate::resp::error::Error;

/// The unit and origin of a deadline given as an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Seconds from now (EX).
    Seconds,
    /// Milliseconds from now (PX).
    Milliseconds,
    /// Seconds since 1970 (EXAT).
    AtSeconds,
    /// Milliseconds since 1970 (PXAT).
    AtMilliseconds,
}

impl Form {
    /// The form of an option such as `EX`, in any case.
    pub(super) fn by_option(option: &[u8]) -> Option<Form> {
        Some(match option.to_ascii_uppercase().as_slice() {
            b"EX" => Form::Seconds,
            b"PX" => Form::Milliseconds,
            b"EXAT" => Form::AtSeconds,
            b"PXAT" => Form::AtMilliseconds,
            _ => return None,
        })
    }

    /// The moment in milliseconds since 1970; `None` if it is out of range.
    pub(super) fn at_ms(self, value: i64, now_ms: i64) -> Option<i64> {
        match self {
            Form::Seconds => value.checked_mul(1_000)?.checked_add(now_ms),
            Form::Milliseconds => value.checked_add(now_ms),
            Form::AtSeconds => value.checked_mul(1_000),
            Form::AtMilliseconds => Some(value),
        }
    }
}

/// That a deadline is out of range, for the command of that name.
pub(super) fn invalid(command: &str) -> Error {
    Error::text(format!("ERR invalid expire time in '{command}' command"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_agree_on_the_moment() {
        let now_ms = 1_000_000;
        assert_eq!(Form::Seconds.at_ms(5, now_ms), Some(1_005_000));
        assert_eq!(Form::Milliseconds.at_ms(-5, now_ms), Some(999_995));
        assert_eq!(Form::AtSeconds.at_ms(1_005, now_ms), Some(1_005_000));
        assert_eq!(Form::AtMilliseconds.at_ms(7, now_ms), Some(7));
        assert_eq!(Form::Seconds.at_ms(i64::MAX / 1_000, now_ms), None);
        assert_eq!(Form::AtSeconds.at_ms(i64::MIN, now_ms), None);
        assert_eq!(Form::Milliseconds.at_ms(i64::MAX, now_ms), None);
    }
}
