//! Errors as clients see them.

use std::borrow::Cow;

/// The client's mistake, in the words of the wire: a code in capitals, a space, a sentence.
///
/// Line breaks and other control bytes become spaces when it is written, as one line is all there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error(Cow<'static, str>);

impl Error {
    /// Options that make no sense together or at all.
    pub const SYNTAX: Error = Error::new("ERR syntax error");
    /// An argument that should be a canonical 64-bit integer.
    pub const NOT_AN_INTEGER: Error = Error::new("ERR value is not an integer or out of range");
    /// An argument that must not be negative.
    pub const NOT_POSITIVE: Error = Error::new("ERR value is out of range, must be positive");
    /// The connection has to authenticate first.
    pub const NO_AUTH: Error = Error::new("NOAUTH Authentication required.");
    /// Name and password do not fit.
    pub const WRONG_PASS: Error =
        Error::new("WRONGPASS invalid username-password pair or user is disabled.");

    /// An error with a fixed text.
    pub const fn new(text: &'static str) -> Error {
        Error(Cow::Borrowed(text))
    }

    /// An error with a text that was put together.
    pub fn text(text: impl Into<String>) -> Error {
        Error(Cow::Owned(text.into()))
    }

    /// The text, without the leading `-`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The code in front, such as `ERR` or `WRONGTYPE`.
    pub fn code(&self) -> &str {
        self.0.split(' ').next().unwrap_or_default()
    }
}

impl<T: Into<String>> From<T> for Error {
    fn from(text: T) -> Error {
        Error::text(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_the_first_word() {
        assert_eq!(Error::SYNTAX.code(), "ERR");
        assert_eq!(Error::text(format!("WRONGPASS {}", 1)).code(), "WRONGPASS");
    }
}
