//! Deadlines as commands take them: relative or absolute, in seconds or milliseconds.

use crate::exec::int;
use crate::resp::argv::Argv;
use crate::resp::error::Error;
use crate::store::Ttl;

/// The latest deadline of a field of a hash, in milliseconds since 1970, as Redis has it.
const FIELD_MAX_MS: i64 = (1 << 46) - 1;

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

/// What options say of a key's deadline: when it is, or one word such as KEEPTTL. They exclude each
/// other; the same one may be given again.
pub(super) struct Expiry<'a> {
    word: &'static str,
    has_word: bool,
    at: Option<(Form, &'a [u8])>,
}

impl<'a> Expiry<'a> {
    /// No option as yet; `word` is the one without an argument.
    pub(super) fn or_word(word: &'static str) -> Expiry<'a> {
        Expiry { word, has_word: false, at: None }
    }

    /// Takes an option; returns how many arguments belong to it, or `None` if it is another one.
    pub(super) fn take(
        &mut self,
        option: &[u8],
        value: Option<&'a [u8]>,
    ) -> Result<Option<usize>, Error> {
        if option.eq_ignore_ascii_case(self.word.as_bytes()) {
            self.has_word = true;
            return if self.at.is_none() { Ok(Some(0)) } else { Err(Error::SYNTAX) };
        }
        let (Some(form), Some(value)) = (Form::by_option(option), value) else { return Ok(None) };
        if self.has_word || self.at.is_some_and(|(other, _)| other != form) {
            return Err(Error::SYNTAX);
        }
        self.at = Some((form, value));
        Ok(Some(1))
    }

    /// Takes all arguments from `start` on.
    pub(super) fn take_all(&mut self, argv: Argv<'a>, start: usize) -> Result<(), Error> {
        let mut at = start;
        while let Some(option) = argv.get(at) {
            at += 1 + self.take(option, argv.get(at + 1))?.ok_or(Error::SYNTAX)?;
        }
        Ok(())
    }

    /// Whether the word was among the options.
    pub(super) fn has_word(&self) -> bool {
        self.has_word
    }

    /// Whether a deadline is given in another form than as milliseconds since 1970.
    pub(super) fn is_relative(&self) -> bool {
        self.at.is_some_and(|(form, _)| form != Form::AtMilliseconds)
    }

    /// The deadline of a command of that name, if there is to be one.
    pub(super) fn at_ms(&self, command: &str, now_ms: i64) -> Result<Option<i64>, Error> {
        self.at.map(|(form, value)| deadline_ms(command, form, value, now_ms)).transpose()
    }

    /// What becomes of the deadline of a value that is written, where the word keeps it.
    pub(super) fn ttl(&self, command: &str, now_ms: i64) -> Result<Ttl, Error> {
        let otherwise = if self.has_word { Ttl::Keep } else { Ttl::Clear };
        Ok(self.at_ms(command, now_ms)?.map_or(otherwise, Ttl::At))
    }
}

/// The moment that an argument of `command` states, which must be a positive number.
pub(super) fn deadline_ms(
    command: &str,
    form: Form,
    argument: &[u8],
    now_ms: i64,
) -> Result<i64, Error> {
    let value = int(argument)?;
    let at_ms = if value > 0 { form.at_ms(value, now_ms) } else { None };
    at_ms.ok_or_else(|| invalid(command))
}

/// The moment that an argument of `command` states for a field of a hash, which may be past.
pub(super) fn field_deadline_ms(
    command: &str,
    form: Form,
    argument: &[u8],
    now_ms: i64,
) -> Result<i64, Error> {
    let value = int(argument)?;
    if value < 0 {
        return Err(Error::new("ERR invalid expire time, must be >= 0"));
    }
    let at_ms = form.at_ms(value, now_ms).filter(|at_ms| *at_ms <= FIELD_MAX_MS);
    at_ms.ok_or_else(|| invalid(command))
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
