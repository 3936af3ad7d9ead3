//! Reading arguments.

use crate::base::extended::Extended;
use crate::base::float::parse as parse_double;
use crate::base::id::DbIndex;
use crate::base::num;
use crate::base::time::Now;
use crate::resp::error::Error;
use std::ops::Range;

const TOO_LONG: Error = Error::new("ERR timeout is out of range");
const NEGATIVE: Error = Error::new("ERR timeout is negative");

/// A canonical 64-bit integer.
///
/// # Errors
/// That it is none.
#[inline]
pub fn int(argument: &[u8]) -> Result<i64, Error> {
    num::parse_i64(argument).ok_or(Error::NOT_AN_INTEGER)
}

/// A count of at least one, as COUNT takes it.
///
/// # Errors
/// That it is no integer, or a syntax error if it is less than one.
pub fn positive_count(argument: &[u8]) -> Result<usize, Error> {
    match int(argument)? {
        count if count < 1 => Err(Error::SYNTAX),
        count => Ok(usize::try_from(count).unwrap_or(usize::MAX)),
    }
}

/// When a wait of so many seconds, which may have a fraction, ends, on the monotonic clock in
/// microseconds; `None` for never, which is what zero seconds mean.
///
/// # Errors
/// That it is no number, negative, or too long.
pub fn timeout(argument: &[u8], now: Now) -> Result<Option<u64>, Error> {
    let Some(seconds) = parse_double(argument) else {
        // Redis reads more precisely: what is beyond a double may still be a number.
        return Err(match (Extended::parse(argument), argument.first()) {
            (None, _) => Error::new("ERR timeout is not a float or out of range"),
            (Some(_), Some(b'-')) => NEGATIVE,
            (Some(_), _) => TOO_LONG,
        });
    };
    let ms = (seconds * 1_000.0).ceil();
    if ms > num::float(i64::MAX as u64) {
        return Err(TOO_LONG);
    }
    if ms < 0.0 {
        return Err(NEGATIVE);
    }
    end_of_wait(num::whole(ms), now)
}

/// The same for a wait of so many whole milliseconds.
///
/// # Errors
/// That it is no integer, negative, or too long.
pub fn timeout_ms(argument: &[u8], now: Now) -> Result<Option<u64>, Error> {
    let ms = num::parse_i64(argument);
    let ms = ms.ok_or(Error::new("ERR timeout is not an integer or out of range"))?;
    match u64::try_from(ms) {
        Err(_) => Err(NEGATIVE),
        Ok(ms) => end_of_wait(ms, now),
    }
}

/// When a wait of so many milliseconds ends.
fn end_of_wait(ms: u64, now: Now) -> Result<Option<u64>, Error> {
    if ms == 0 {
        return Ok(None);
    }
    let ends = num::signed_u64(ms).checked_add(now.unix_ms());
    ends.ok_or(TOO_LONG).map(|_| Some(now.mono_us.saturating_add(ms.saturating_mul(1_000))))
}

/// The number of one of so many databases.
///
/// # Errors
/// That it is no integer, out of range, or of none of them.
pub fn db_index(argument: &[u8], databases: usize) -> Result<DbIndex, Error> {
    let index = int(argument)?;
    if i32::try_from(index).is_err() {
        let range = format!("{} and {}", i32::MIN, i32::MAX);
        return Err(Error::text(format!("ERR value is out of range, value must between {range}")));
    }
    let index = usize::try_from(index).ok();
    index.filter(|index| *index < databases).ok_or(Error::NO_SUCH_DB)
}

/// A finite number that may have a fraction.
///
/// # Errors
/// That it is none.
pub fn float(argument: &[u8]) -> Result<f64, Error> {
    let value = parse_double(argument).filter(|value| value.is_finite());
    value.ok_or(Error::new("ERR value is not a valid float"))
}

/// A number that may have a fraction, in the precision in which Redis adds to values.
///
/// # Errors
/// That it is none.
pub fn extended(argument: &[u8]) -> Result<Extended, Error> {
    Extended::parse(argument).ok_or(Error::new("ERR value is not a valid float"))
}

/// The first and the last place that a range names in a row of `len`, both included, where negative
/// ones count from the end; `None` if there are none between them. Places before the row are its
/// first one, so that a range before it is not empty.
pub fn span(start: i64, end: i64, len: usize) -> Option<(usize, usize)> {
    let len = num::signed(len);
    let from_start = |place: i64| if place < 0 { (len + place).max(0) } else { place };
    let (first, last) = (from_start(start), from_start(end).min(len - 1));
    let range = (usize::try_from(first).ok()?, usize::try_from(last).ok()?);
    (first <= last).then_some(range)
}

/// The places that a range names in a row of `len`, where negative ones count from the end. Unlike
/// those of [`span`], there are none in a range before the row.
pub fn places(start: i64, stop: i64, len: usize) -> Range<usize> {
    let place = |place: i64| if place < 0 { place + num::signed(len) } else { place };
    let first = usize::try_from(place(start).max(0)).unwrap_or(len);
    let end = usize::try_from(place(stop).saturating_add(1).max(0)).unwrap_or(len).min(len);
    if first < end { first..end } else { 0..0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_at_least_one() {
        assert_eq!(positive_count(b"10"), Ok(10));
        assert_eq!(positive_count(b"0"), Err(Error::SYNTAX));
        assert_eq!(positive_count(b"-3"), Err(Error::SYNTAX));
        assert_eq!(positive_count(b"x"), Err(Error::NOT_AN_INTEGER));
    }

    #[test]
    fn timeouts_beyond_a_double_are_numbers_still() {
        let text = |argument: &[u8]| {
            timeout(argument, Now::default()).map_err(|error| error.as_bytes().to_vec())
        };
        assert_eq!(text(b"1e309"), Err(b"ERR timeout is out of range".to_vec()));
        assert_eq!(text(&[b'9'; 400]), Err(b"ERR timeout is out of range".to_vec()));
        assert_eq!(text(b"-1e309"), Err(b"ERR timeout is negative".to_vec()));
        assert_eq!(text(b"1e9999"), Err(b"ERR timeout is not a float or out of range".to_vec()));
        assert_eq!(text(b"0"), Ok(None));
    }

    #[test]
    fn ranges_count_from_either_end() {
        let cases = [
            ((0, -1), 0..5),
            ((1, 3), 1..4),
            ((-3, -2), 2..4),
            ((-100, 100), 0..5),
            ((0, -6), 0..0),
            ((-9, -8), 0..0),
            ((0, i64::MIN), 0..0),
            ((3, 1), 0..0),
            ((5, 9), 0..0),
            ((4, i64::MAX), 4..5),
            ((i64::MIN, i64::MAX), 0..5),
        ];
        for ((start, stop), expected) in cases {
            assert_eq!(places(start, stop, 5), expected, "{start} {stop}");
        }
        assert_eq!(places(0, -1, 0), 0..0);
    }

    #[test]
    fn places_count_from_either_end() {
        let cases = [
            ((0, -1), Some((0, 4))),
            ((1, 3), Some((1, 3))),
            ((-3, -2), Some((2, 3))),
            ((-100, 100), Some((0, 4))),
            ((3, 1), None),
            ((5, 9), None),
            ((-9, -8), Some((0, 0))),
            ((-8, -9), Some((0, 0))),
            ((i64::MIN, i64::MAX), Some((0, 4))),
        ];
        for ((start, end), expected) in cases {
            assert_eq!(span(start, end, 5), expected, "{start} {end}");
        }
        assert_eq!(span(0, -1, 0), None);
    }

    #[test]
    fn floats_are_finite() {
        assert_eq!(float(b"0.5"), Ok(0.5));
        for bad in [&b""[..], b"nan", b"inf", b"1,5", b"\xff"] {
            assert!(float(bad).is_err());
        }
    }
}
