//! Errors as clients see them.

use std::borrow::Cow;

/// The client's mistake, in the words of the wire: a code in capitals, a space, a sentence.
///
/// It may quote what the client sent, so it is bytes. Line breaks become spaces when it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error(Cow<'static, [u8]>);

impl Error {
    /// Options that make no sense together or at all.
    pub const SYNTAX: Error = Error::new("ERR syntax error");
    /// An argument that should be a canonical 64-bit integer.
    pub const NOT_AN_INTEGER: Error = Error::new("ERR value is not an integer or out of range");
    /// The key holds a value of a type that the command is not for.
    pub const WRONG_TYPE: Error =
        Error::new("WRONGTYPE Operation against a key holding the wrong kind of value");
    /// There is no database of that number.
    pub const NO_SUCH_DB: Error = Error::new("ERR DB index is out of range");
    /// The connection has to authenticate first.
    pub const NO_AUTH: Error = Error::new("NOAUTH Authentication required.");
    /// The command needs memory, of which as much is in use as allowed.
    pub const OUT_OF_MEMORY: Error =
        Error::new("OOM command not allowed when used memory > 'maxmemory'.");
    /// The command needs data that is still being read.
    pub const LOADING: Error = Error::new("LOADING Redis is loading the dataset in memory");
    /// Name and password do not fit.
    pub const WRONG_PASS: Error =
        Error::new("WRONGPASS invalid username-password pair or user is disabled.");

    /// An error with a fixed text.
    pub const fn new(text: &'static str) -> Error {
        Error(Cow::Borrowed(text.as_bytes()))
    }

    /// An error with a text that was put together.
    pub fn text(text: impl Into<Vec<u8>>) -> Error {
        Error(Cow::Owned(text.into()))
    }

    /// `before`, then what the client sent up to a NUL, then `after`.
    pub fn quoting(before: &str, sent: &[u8], after: &str) -> Error {
        Error::text([before.as_bytes(), shown(sent, usize::MAX), after.as_bytes()].concat())
    }

    /// The same with at most 128 bytes of what the client sent, as names of commands are quoted.
    pub fn quoting_name(before: &str, sent: &[u8], after: &str) -> Error {
        Error::quoting(before, shown(sent, 128), after)
    }

    /// The text, without the leading `-`.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The code in front, such as `ERR` or `WRONGTYPE`.
    pub fn code(&self) -> &[u8] {
        self.0.split(|byte| *byte == b' ').next().unwrap_or_default()
    }
}

/// At most `max` bytes of what a client sent, and none from a NUL on, as error texts show it.
pub fn shown(sent: &[u8], max: usize) -> &[u8] {
    let end = sent.iter().position(|byte| *byte == 0).unwrap_or(sent.len());
    &sent[..end.min(max)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_the_first_word() {
        assert_eq!(Error::SYNTAX.code(), b"ERR");
        assert_eq!(Error::WRONG_PASS.code(), b"WRONGPASS");
    }

    #[test]
    fn what_was_sent_is_quoted_up_to_a_limit() {
        let long = [b'x'; 300];
        assert_eq!(Error::quoting_name("ERR '", &long, "'").as_bytes().len(), 5 + 128 + 1);
        assert_eq!(Error::quoting("ERR '", &long, "'").as_bytes().len(), 5 + long.len() + 1);
        assert_eq!(Error::quoting("ERR '", b"a\0b", "'").as_bytes(), b"ERR 'a'");
    }
}
