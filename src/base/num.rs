//! Numbers as the wire spells them: strict parsing, printing, and the few conversions between
//! widths.

// Indexes, lengths and hashes are 64 bits wide throughout.
const _: () = assert!(usize::BITS == 64, "spindle needs a 64-bit machine");

/// Most bytes that a canonical `i64` takes: a sign and 19 digits.
pub const I64_TEXT_MAX: usize = 20;

/// Reads a canonical decimal `i64`: no plus sign, no leading zero, no `-0`, no spaces, no overflow.
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let magnitude = parse_u64(digits)?;
    if !negative {
        return i64::try_from(magnitude).ok();
    }
    match magnitude {
        0 => None,
        _ => 0i64.checked_sub_unsigned(magnitude),
    }
}

/// Reads a canonical decimal `u64`: digits only, no leading zero, no overflow.
pub fn parse_u64(text: &[u8]) -> Option<u64> {
    match text {
        [b'0'] => return Some(0),
        [b'1'..=b'9', ..] => {}
        _ => return None,
    }
    if text.len() >= I64_TEXT_MAX {
        return parse_u64_checked(text);
    }
    let mut value = 0u64;
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + u64::from(digit);
    }
    Some(value)
}

fn parse_u64_checked(text: &[u8]) -> Option<u64> {
    text.iter().try_fold(0u64, |value, byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// Appends the decimal form of `value`.
pub fn push_i64(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// How many digits a length is written with.
#[inline]
pub fn digits(len: usize) -> usize {
    match len {
        0..10 => 1,
        10..100 => 2,
        _ => len.ilog10() as usize + 1,
    }
}

/// Appends the decimal form of a length or count.
pub fn push_len(out: &mut Vec<u8>, value: usize) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// A length or count as the signed integer that replies carry; saturates, which no real length
/// reaches.
pub fn signed(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// An unsigned counter as the signed integer that replies carry; saturates.
pub fn signed_u64(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A 64-bit number as an index; exact, since the machine is a 64-bit one.
#[allow(clippy::cast_possible_truncation, reason = "usize is 64 bits wide, asserted above")]
pub const fn index(value: u64) -> usize {
    value as usize
}

/// The upper half of a product of two 64-bit numbers.
#[allow(clippy::cast_possible_truncation, reason = "the shift leaves 64 bits")]
pub const fn high_word(product: u128) -> usize {
    (product >> 64) as usize
}

/// The two halves of a 128-bit number, the upper one first.
#[allow(clippy::cast_possible_truncation, reason = "the shift leaves 64 bits, the cast the others")]
pub const fn halves(value: u128) -> (u64, u64) {
    ((value >> 64) as u64, value as u64)
}

/// The lowest byte.
#[allow(clippy::cast_possible_truncation, reason = "the mask leaves one byte")]
pub const fn low_byte(value: u64) -> u8 {
    (value & 0xFF) as u8
}

/// What stands before a figure's point; zero for what is negative or no number.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast keeps to the range of the type, as is wanted"
)]
pub fn whole(value: f64) -> u64 {
    value as u64
}

/// A count as a float, for ratios and rates that people read.
#[allow(clippy::cast_precision_loss, reason = "a figure for people needs no 53rd bit")]
pub fn float(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_canonical_integers_are_read() {
        let good: &[(&str, i64)] = &[
            ("0", 0),
            ("7", 7),
            ("-1", -1),
            ("1234567890", 1_234_567_890),
            ("9223372036854775807", i64::MAX),
            ("-9223372036854775808", i64::MIN),
        ];
        for (text, value) in good {
            assert_eq!(parse_i64(text.as_bytes()), Some(*value), "{text}");
        }
        let bad = [
            "",
            "-",
            "-0",
            "+1",
            "01",
            "00",
            " 1",
            "1 ",
            "1a",
            "a",
            "--1",
            "1.0",
            "0x10",
            "9223372036854775808",
            "-9223372036854775809",
            "99999999999999999999999",
        ];
        for text in bad {
            assert_eq!(parse_i64(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn unsigned_integers_reach_their_full_range() {
        assert_eq!(parse_u64(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(parse_u64(b"18446744073709551616"), None);
        assert_eq!(parse_u64(b"-1"), None);
    }

    #[test]
    fn what_is_printed_reads_back() {
        for value in [0, 1, -1, 42, i64::MAX, i64::MIN] {
            let mut text = Vec::new();
            push_i64(&mut text, value);
            assert_eq!(parse_i64(&text), Some(value));
        }
    }
}
