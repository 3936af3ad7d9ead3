//! What SCAN and its relatives share: the cursor, the options, and steps until a call has seen
//! enough.

use crate::base::glob;
use crate::exec::positive_count;
use crate::resp::argv::Argv;
use crate::resp::error::Error;

/// Elements that a call looks at unless told otherwise.
const COUNT: usize = 10;
/// Steps for each element that was asked for, so that a call through a sparse table ends.
const STEPS_PER_ELEMENT: usize = 10;

/// What is scanned, which decides the options that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scanned {
    /// The keys of a database: TYPE chooses among them.
    Keys,
    /// A hash: NOVALUES leaves its values out.
    Fields,
    /// A set or a sorted set.
    Members,
}

/// The options of a scan.
pub(super) struct ScanOptions<'a> {
    pattern: Option<&'a [u8]>,
    count: usize,
    /// The type that keys must be of, in the words of the client.
    pub(super) kind: Option<&'a [u8]>,
    /// Whether the values of a hash are left out.
    pub(super) leaves_values_out: bool,
}

impl<'a> ScanOptions<'a> {
    /// Reads the arguments from `first` on.
    pub(super) fn parse(
        argv: Argv<'a>,
        first: usize,
        scanned: Scanned,
    ) -> Result<ScanOptions<'a>, Error> {
        let mut options =
            ScanOptions { pattern: None, count: COUNT, kind: None, leaves_values_out: false };
        let mut at = first;
        while let Some(option) = argv.get(at) {
            at += 1 + options.take(option, argv.get(at + 1), scanned)?;
        }
        Ok(options)
    }

    /// Takes an option; returns how many arguments belong to it.
    fn take(
        &mut self,
        option: &[u8],
        value: Option<&'a [u8]>,
        scanned: Scanned,
    ) -> Result<usize, Error> {
        let option = option.to_ascii_uppercase();
        match (option.as_slice(), value) {
            (b"NOVALUES", _) if scanned == Scanned::Fields => {
                self.leaves_values_out = true;
                return Ok(0);
            }
            (b"NOVALUES", _) => {
                return Err(Error::new("ERR NOVALUES option can only be used in HSCAN"));
            }
            (b"MATCH", Some(value)) => self.pattern = Some(value).filter(|value| *value != b"*"),
            (b"COUNT", Some(value)) => self.count = positive_count(value)?,
            (b"TYPE", Some(value)) if scanned == Scanned::Keys => self.kind = Some(value),
            _ => return Err(Error::SYNTAX),
        }
        Ok(1)
    }

    /// Whether the pattern fits, if there is one.
    pub(super) fn matches(&self, element: &[u8]) -> bool {
        self.pattern.is_none_or(|pattern| glob::matches(pattern, element))
    }

    /// Steps from a cursor until a call has seen enough; the cursor for the next one. `step` goes
    /// on from a cursor, and tells the next one and how many elements it has seen.
    pub(super) fn walk(&self, mut cursor: u64, mut step: impl FnMut(u64) -> (u64, usize)) -> u64 {
        let mut seen = 0;
        for _ in 0..self.count.saturating_mul(STEPS_PER_ELEMENT) {
            let (next, more) = step(cursor);
            (cursor, seen) = (next, seen + more);
            if cursor == 0 || seen >= self.count {
                break;
            }
        }
        cursor
    }
}

/// A cursor as C reads unsigned numbers: digits up to a NUL, perhaps behind a sign; a negative one
/// counts back from the end, and nothing at all is zero.
pub(super) fn parse_cursor(text: &[u8]) -> Result<u64, Error> {
    const INVALID: Error = Error::new("ERR invalid cursor");
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    let text = std::str::from_utf8(text).map_err(|_| INVALID)?;
    let cursor = match text.strip_prefix('-') {
        None if text.is_empty() => Some(0),
        Some(digits) if digits.starts_with(|first: char| first.is_ascii_digit()) => {
            digits.parse::<u64>().ok().map(u64::wrapping_neg)
        }
        _ => text.parse().ok(),
    };
    cursor.ok_or(INVALID)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::argv::ArgvBuf;

    fn parse(line: &str, scanned: Scanned) -> Result<(usize, bool), Error> {
        let argv: ArgvBuf = line.split(' ').collect();
        let options = ScanOptions::parse(argv.borrow(), 1, scanned)?;
        Ok((options.count, options.leaves_values_out))
    }

    #[test]
    fn what_is_scanned_decides_the_options() {
        assert_eq!(parse("SCAN COUNT 5 TYPE x", Scanned::Keys), Ok((5, false)));
        assert_eq!(parse("HSCAN match a novalues COUNT 7", Scanned::Fields), Ok((7, true)));
        let refused = Error::new("ERR NOVALUES option can only be used in HSCAN");
        assert_eq!(parse("SSCAN NOVALUES", Scanned::Members), Err(refused));
        assert_eq!(parse("SSCAN TYPE x", Scanned::Members), Err(Error::SYNTAX));
        assert_eq!(parse("SSCAN COUNT", Scanned::Members), Err(Error::SYNTAX));
    }

    #[test]
    fn a_call_ends_with_enough_elements_or_enough_steps() {
        let argv: ArgvBuf = ["SCAN", "COUNT", "3"].into_iter().collect();
        let options = ScanOptions::parse(argv.borrow(), 1, Scanned::Keys).expect("valid");
        assert_eq!(options.walk(5, |cursor| (cursor + 1, 2)), 7);
        assert_eq!(options.walk(5, |cursor| (cursor + 1, 0)), 35);
        assert_eq!(options.walk(5, |_| (0, 0)), 0);
    }

    #[test]
    fn cursors_are_read_as_c_reads_them() {
        let cases: &[(&[u8], Option<u64>)] = &[
            (b"0", Some(0)),
            (b"", Some(0)),
            (b"+12", Some(12)),
            (b"-1", Some(u64::MAX)),
            (b"18446744073709551615", Some(u64::MAX)),
            (b"18446744073709551616", None),
            (b"-", None),
            (b"--1", None),
            (b"1x", None),
            (b"7\0x", Some(7)),
            (b"\0", Some(0)),
        ];
        for (text, cursor) in cases {
            assert_eq!(parse_cursor(text).ok(), *cursor, "{}", text.escape_ascii());
        }
    }
}
