//! String values: integers kept as integers, everything else as bytes.

use crate::base::{num, short};
use std::borrow::Cow;

/// Longest string that OBJECT ENCODING calls `embstr`, as Redis has it.
pub const EMBSTR_MAX: usize = 44;

/// A string value as a reader sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text<'a> {
    /// A canonical decimal, kept in eight bytes.
    Int(i64),
    /// Any bytes.
    Bytes(&'a [u8]),
}

impl<'a> Text<'a> {
    /// The string without bytes.
    pub const EMPTY: Text<'static> = Text::Bytes(b"");

    /// The form in which `bytes` are best kept: an integer if that is what they spell.
    #[inline]
    pub fn compact(bytes: &'a [u8]) -> Text<'a> {
        // Most values that are no numbers are told by their length or their first byte.
        let starts_like_a_number = matches!(bytes, [b'0'..=b'9' | b'-', ..]);
        if !starts_like_a_number || bytes.len() > num::I64_TEXT_MAX {
            return Text::Bytes(bytes);
        }
        num::parse_i64(bytes).map_or(Text::Bytes(bytes), Text::Int)
    }

    /// Whether both are the same and of the same kind: `==`, but without a call if they are short.
    #[inline]
    pub fn is(self, other: Text<'_>) -> bool {
        match (self, other) {
            (Text::Int(a), Text::Int(b)) => a == b,
            (Text::Bytes(a), Text::Bytes(b)) => short::equal(a, b),
            (Text::Int(_), Text::Bytes(_)) | (Text::Bytes(_), Text::Int(_)) => false,
        }
    }

    /// The integer that the string spells, if it does.
    pub fn to_int(self) -> Option<i64> {
        match self {
            Text::Int(value) => Some(value),
            Text::Bytes(bytes) => num::parse_i64(bytes),
        }
    }

    /// Number of bytes.
    pub fn len(self) -> usize {
        self.with_bytes(<[u8]>::len)
    }

    /// True without bytes.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The bytes of the string; those of an integer are made.
    pub fn to_bytes(self) -> Cow<'a, [u8]> {
        match self {
            Text::Int(value) => Cow::Owned(value.to_string().into_bytes()),
            Text::Bytes(bytes) => Cow::Borrowed(bytes),
        }
    }

    /// Calls `f` with the bytes of the string.
    pub fn with_bytes<R>(self, f: impl FnOnce(&[u8]) -> R) -> R {
        match self {
            Text::Int(value) => f(itoa::Buffer::new().format(value).as_bytes()),
            Text::Bytes(bytes) => f(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_canonical_numbers_are_kept_as_numbers() {
        assert_eq!(Text::compact(b"12"), Text::Int(12));
        assert_eq!(Text::compact(b"-9223372036854775808"), Text::Int(i64::MIN));
        for bytes in [&b"012"[..], b"1.5", b"", b"9223372036854775808", b"12 ", b"-"] {
            assert_eq!(Text::compact(bytes), Text::Bytes(bytes));
        }
    }

    #[test]
    fn a_number_has_its_decimal_bytes() {
        assert!(Text::Int(-42).with_bytes(|bytes| bytes == b"-42"));
        assert_eq!(Text::Int(-42).to_bytes(), Text::Bytes(b"-42").to_bytes());
        assert_eq!(Text::Bytes(b"42").to_int(), Some(42));
    }
}
