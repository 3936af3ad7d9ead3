//! Ids of entries: a moment in milliseconds and a number that tells entries of the same one apart.

use crate::base::num;

/// Longest text that is read as an id.
const TEXT_MAX: usize = 127;
/// Longest text of an id: two numbers of 20 digits and a dash.
const SHOWN_MAX: usize = 41;

/// The id of an entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct StreamId {
    /// Milliseconds since 1970, most of the time.
    pub ms: u64,
    /// Which of the entries of that millisecond it is.
    pub seq: u64,
}

impl StreamId {
    /// The lowest id; no entry has it.
    pub const MIN: StreamId = StreamId { ms: 0, seq: 0 };
    /// The highest id.
    pub const MAX: StreamId = StreamId { ms: u64::MAX, seq: u64::MAX };

    /// Reads `ms-seq` or `ms`, which gets this `seq`.
    #[inline]
    pub fn parse(text: &[u8], seq: u64) -> Option<StreamId> {
        if text.len() > TEXT_MAX {
            return None;
        }
        match memchr::memchr(b'-', text) {
            None => Some(StreamId { ms: parse_number(text)?, seq }),
            Some(at) => {
                let (ms, seq) = (parse_number(&text[..at])?, parse_number(&text[at + 1..])?);
                Some(StreamId { ms, seq })
            }
        }
    }

    /// The `ms` of `ms-*`.
    pub fn parse_open(text: &[u8]) -> Option<u64> {
        text.strip_suffix(b"-*").filter(|ms| ms.len() <= TEXT_MAX).and_then(parse_number)
    }

    /// The id right behind this one.
    pub fn next(self) -> Option<StreamId> {
        match (self.seq.checked_add(1), self.ms.checked_add(1)) {
            (Some(seq), _) => Some(StreamId { seq, ..self }),
            (None, Some(ms)) => Some(StreamId { ms, seq: 0 }),
            (None, None) => None,
        }
    }

    /// The id right before this one.
    pub fn prev(self) -> Option<StreamId> {
        match (self.seq.checked_sub(1), self.ms.checked_sub(1)) {
            (Some(seq), _) => Some(StreamId { seq, ..self }),
            (None, Some(ms)) => Some(StreamId { ms, seq: u64::MAX }),
            (None, None) => None,
        }
    }

    /// As it is shown.
    pub fn text(self) -> IdText {
        let mut shown = IdText { bytes: [0; SHOWN_MAX], len: 0 };
        shown.push(itoa::Buffer::new().format(self.ms).as_bytes());
        shown.push(b"-");
        shown.push(itoa::Buffer::new().format(self.seq).as_bytes());
        shown
    }
}

/// The text of an id.
#[derive(Clone, Copy)]
pub struct IdText {
    bytes: [u8; SHOWN_MAX],
    len: usize,
}

impl IdText {
    fn push(&mut self, part: &[u8]) {
        self.bytes[self.len..self.len + part.len()].copy_from_slice(part);
        self.len += part.len();
    }
}

impl AsRef<[u8]> for IdText {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// Reads a part of an id. Beside canonical numbers those are taken that C takes: with spaces, a
/// sign and zeros in front.
#[inline]
fn parse_number(text: &[u8]) -> Option<u64> {
    num::parse_u64(text).or_else(|| parse_loosely(text))
}

#[cold]
fn parse_loosely(text: &[u8]) -> Option<u64> {
    if num::parse_i64(text).is_some() {
        return None;
    }
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let start = text.iter().position(|byte| !is_space(byte))?;
    let (is_negative, digits) = match &text[start..] {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let zeros = digits.iter().take_while(|byte| **byte == b'0').count();
    let value = match &digits[zeros..] {
        [] if zeros > 0 => 0,
        rest => num::parse_u64(rest)?,
    };
    Some(if is_negative { value.wrapping_neg() } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_c_reads_numbers() {
        let id = |ms, seq| Some(StreamId { ms, seq });
        let cases: &[(&[u8], Option<StreamId>)] = &[
            (b"5", id(5, 9)),
            (b"5-0", id(5, 0)),
            (b"0-0", id(0, 0)),
            (b"18446744073709551615-18446744073709551615", Some(StreamId::MAX)),
            (b"18446744073709551616-0", None),
            (b"007-+3", id(7, 3)),
            (b" 7-00", id(7, 0)),
            (b"5--1", None),
            (b"5--01", id(5, u64::MAX)),
            (b"", None),
            (b"-", None),
            (b"+", None),
            (b"-1", None),
            (b"1-", None),
            (b"1-2-3", None),
            (b"a-1", None),
            (b"1-*", None),
            (b"1 ", None),
        ];
        for (text, expected) in cases {
            assert_eq!(StreamId::parse(text, 9), *expected, "{}", text.escape_ascii());
        }
        assert_eq!(StreamId::parse(&[b'0'; 128], 0), None);
        assert_eq!(StreamId::parse_open(b"12-*"), Some(12));
        assert_eq!((StreamId::parse_open(b"*"), StreamId::parse_open(b"a-*")), (None, None));
    }

    #[test]
    fn ids_have_neighbours_up_to_the_ends() {
        let id = StreamId { ms: 3, seq: u64::MAX };
        assert_eq!(id.next(), Some(StreamId { ms: 4, seq: 0 }));
        assert_eq!(id.next().and_then(StreamId::prev), Some(id));
        assert_eq!((StreamId::MAX.next(), StreamId::MIN.prev()), (None, None));
        assert_eq!(StreamId::MAX.text().as_ref(), b"18446744073709551615-18446744073709551615");
    }
}
