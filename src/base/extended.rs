//! Floats with a significand of 64 bits: the `long double` of x86, in which Redis adds fractions.
//!
//! Reading, adding and printing are exact up to one rounding each, to the nearest and from a tie to
//! the even neighbour, so that results are those of that machine on any machine. What differs:
//! there are no subnormal numbers, as they print as zero.

use super::big::Big;
use super::num;
use std::fmt;

/// Longest text that is read.
pub const TEXT_MAX: usize = 5 * 1_024 - 1;

/// Digits that are printed behind the point.
const FRACTION_DIGITS: usize = 17;
/// Ten to that power.
const FRACTION_UNIT: u128 = 10u128.pow(17);
/// The highest exponent of a finite number.
const EXPONENT_MAX: i32 = 16_320;
/// The lowest exponent at which a number is read as more than zero.
const EXPONENT_MIN: i32 = -16_509;
/// The exponent that stands for infinity.
const INFINITE: i32 = i32::MAX;
/// Written exponents beyond this are all alike: too large or too small for any text of digits.
const WRITTEN_EXPONENT_MAX: i64 = 100_000;

/// A number, or an infinity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extended {
    is_negative: bool,
    /// The highest bit is set, but in zero.
    significand: u64,
    /// The value is the significand times two to this power.
    exponent: i32,
}

impl Extended {
    /// Nothing.
    pub const ZERO: Extended = Extended { is_negative: false, significand: 0, exponent: 0 };

    /// Reads a number as `strtold` does: decimal or hexadecimal, with or without exponent, or
    /// `inf`. `None` for anything else, for what is too large, and for what is too small to differ
    /// from zero.
    pub fn parse(text: &[u8]) -> Option<Extended> {
        let (is_negative, rest) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] | rest => (false, rest),
        };
        if text.len() > TEXT_MAX {
            return None;
        }
        if rest.eq_ignore_ascii_case(b"inf") || rest.eq_ignore_ascii_case(b"infinity") {
            return Some(Extended { is_negative, significand: 1 << 63, exponent: INFINITE });
        }
        let magnitude = match rest {
            [b'0', b'x' | b'X', rest @ ..] => from_hexadecimal(&Written::parse(rest, 16, b'p')?),
            _ => from_decimal(&Written::parse(rest, 10, b'e')?),
        };
        Some(Extended { is_negative, ..magnitude? })
    }

    /// False for an infinity.
    pub fn is_finite(self) -> bool {
        self.exponent != INFINITE
    }

    /// The sum; `None` if it is not finite.
    pub fn checked_add(self, other: Extended) -> Option<Extended> {
        if self.exponent == INFINITE || other.exponent == INFINITE {
            return None;
        }
        let (more, less) = if self.rank() < other.rank() { (other, self) } else { (self, other) };
        if less.significand == 0 {
            return Some(more);
        }
        // Room for a carry above, and below for the bits that decide the rounding.
        const ROOM: i32 = 62;
        let distance = more.exponent.abs_diff(less.exponent);
        let high = u128::from(more.significand) << ROOM;
        let low = shift_right_jamming(u128::from(less.significand) << ROOM, distance);
        let sum = if more.is_negative == less.is_negative { high + low } else { high - low };
        let rounded = round(sum, more.exponent - ROOM);
        let is_finite = rounded.exponent <= EXPONENT_MAX;
        is_finite.then_some(Extended { is_negative: more.is_negative, ..rounded })
    }

    /// In order of magnitude.
    fn rank(self) -> (bool, i32, u64) {
        (self.significand != 0, self.exponent, self.significand)
    }

    /// The magnitude in units of the last digit that is printed, if it has a fraction.
    fn scaled(self) -> u128 {
        let units = u128::from(self.significand) * FRACTION_UNIT;
        let shift = self.exponent.unsigned_abs();
        if shift >= 128 {
            return 0;
        }
        let (whole, rest) = (units >> shift, units & ((1 << shift) - 1));
        let half = 1u128 << (shift - 1);
        whole + u128::from(rest > half || (rest == half && whole % 2 == 1))
    }
}

/// The decimal form with at most 17 digits behind the point, none of them a zero at the end.
impl fmt::Display for Extended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.is_negative { "-" } else { "" };
        if self.exponent == INFINITE {
            return write!(f, "{sign}inf");
        }
        if let Ok(shift) = usize::try_from(self.exponent) {
            let mut big = Big::new(self.significand);
            big.shift_left(shift);
            let sign = if big.is_zero() { "" } else { sign };
            return write!(f, "{sign}{}", big.to_decimal());
        }
        let scaled = self.scaled();
        let sign = if scaled == 0 { "" } else { sign };
        let (whole, fraction) = (scaled / FRACTION_UNIT, scaled % FRACTION_UNIT);
        let digits = format!(".{fraction:0FRACTION_DIGITS$}");
        write!(f, "{sign}{whole}{}", digits.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// A number as it is written: digits without their point, and the written exponent.
struct Written {
    digits: Big,
    fraction_len: i64,
    exponent: i64,
}

impl Written {
    /// Reads digits of a base, up to the whole text; `mark` is the letter before the exponent.
    fn parse(text: &[u8], base: u32, mark: u8) -> Option<Written> {
        let digit = |byte: u8| char::from(byte).to_digit(base);
        let is_mark = |byte: &u8| byte.eq_ignore_ascii_case(&mark) && digit(*byte).is_none();
        let (number, exponent) = match text.iter().position(is_mark) {
            Some(at) => (&text[..at], written_exponent(&text[at + 1..])?),
            None => (text, 0),
        };
        let point = number.iter().position(|byte| *byte == b'.');
        let (whole, fraction) = match point {
            Some(at) => (&number[..at], &number[at + 1..]),
            None => (number, &[][..]),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let base = u64::from(base);
        let (mut digits, mut step, mut step_value) = (Big::default(), 1, 0);
        for byte in whole.iter().chain(fraction) {
            step_value = step_value * base + u64::from(digit(*byte)?);
            step *= base;
            // As many digits at once as fit into a word.
            if step > u64::MAX / base / base {
                digits.mul_add(step, step_value);
                (step, step_value) = (1, 0);
            }
        }
        digits.mul_add(step, step_value);
        Some(Written { digits, fraction_len: num::signed(fraction.len()), exponent })
    }
}

/// The digits of an exponent with a sign or without; limited to what makes a difference.
fn written_exponent(text: &[u8]) -> Option<i64> {
    let (is_negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] | rest => (false, rest),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = digits.iter().fold(0i64, |value, digit| {
        (value * 10 + i64::from(digit - b'0')).min(WRITTEN_EXPONENT_MAX)
    });
    Some(if is_negative { -value } else { value })
}

fn from_hexadecimal(written: &Written) -> Option<Extended> {
    let exponent = written.exponent - 4 * written.fraction_len;
    round_big(&written.digits, false, exponent)
}

fn from_decimal(written: &Written) -> Option<Extended> {
    /// Powers of ten with a larger exponent make any number too large or, below zero, too small.
    const POWER_MAX: u32 = 12_000;
    let mut digits = written.digits.clone();
    if digits.is_zero() {
        return Some(Extended::ZERO);
    }
    let power = written.exponent - written.fraction_len;
    let count = u32::try_from(power.unsigned_abs()).ok().filter(|count| *count <= POWER_MAX)?;
    if power >= 0 {
        each_factor(10, count, |factor| digits.mul_add(factor, 0));
        return round_big(&digits, false, 0);
    }
    // Ten is five times two. The division by powers of five leaves at least 66 bits: each five
    // takes less than seven thirds of a bit.
    let room = count as usize * 7 / 3 + 70;
    digits.shift_left(room);
    let mut has_more = false;
    each_factor(5, count, |factor| has_more |= digits.div(factor) != 0);
    round_big(&digits, has_more, power - num::signed(room))
}

/// Calls `apply` with factors whose product is `base` to that power, as few as fit into words.
fn each_factor(base: u64, power: u32, mut apply: impl FnMut(u64)) {
    let step = u64::MAX.ilog(base);
    (0..power / step).for_each(|_| apply(base.pow(step)));
    apply(base.pow(power % step));
}

/// The nearest number to `value * 2^exponent`, of which there is more if `has_more` is set. `None`
/// if it is too large or too small.
fn round_big(value: &Big, has_more: bool, exponent: i64) -> Option<Extended> {
    let (top, has_rest) = value.top();
    let exponent = exponent + num::signed(value.bit_len()) - 128;
    let rounded = round(top | u128::from(has_rest || has_more), i32::try_from(exponent).ok()?);
    let is_zero = rounded.significand == 0;
    let is_in_range = (EXPONENT_MIN..=EXPONENT_MAX).contains(&rounded.exponent);
    (is_zero || is_in_range).then_some(rounded)
}

/// The nearest number to `value * 2^exponent`, whose lowest bit may stand for any that are lost;
/// its exponent may be out of range.
fn round(value: u128, exponent: i32) -> Extended {
    const HALF: u64 = 1 << 63;
    if value == 0 {
        return Extended::ZERO;
    }
    let shift = value.leading_zeros();
    let (mut significand, rest) = num::halves(value << shift);
    let mut exponent = exponent + 64 - shift.cast_signed();
    if rest > HALF || (rest == HALF && significand % 2 == 1) {
        significand = significand.wrapping_add(1);
        if significand == 0 {
            (significand, exponent) = (HALF, exponent + 1);
        }
    }
    Extended { is_negative: false, significand, exponent }
}

/// Shifts to the right; the lowest bit stands for all that are lost.
fn shift_right_jamming(value: u128, bits: u32) -> u128 {
    match value.checked_shr(bits) {
        Some(shifted) => shifted | u128::from(shifted << bits != value),
        None => u128::from(value != 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(a: &str, b: &str) -> String {
        let [a, b] = [a, b].map(|text| Extended::parse(text.as_bytes()));
        match (a, b) {
            (Some(a), Some(b)) => a.checked_add(b).map_or("infinite".to_owned(), |c| c.to_string()),
            _ => "invalid".to_owned(),
        }
    }

    #[test]
    fn sums_are_those_of_a_long_double() {
        let cases = [
            ("0.1", "0.2", "0.3"),
            ("3.0", "1.1", "4.1"),
            ("10.50", "0.1", "10.6"),
            ("5.0e3", "2.0E+2", "5200"),
            ("1e18", "0.1", "1000000000000000000.125"),
            ("1e19", "0.5", "10000000000000000000"),
            ("9223372036854775807", "0.5", "9223372036854775807.5"),
            ("0", "1e30", "1000000000000000000024696061952"),
            ("0", "0.12345678901234567890123", "0.12345678901234568"),
            ("123456789012345678", "0.123456789", "123456789012345678.125"),
            ("-0.5", "0.5", "0"),
            ("0", "-0.000000000000000001", "0"),
            ("0", "-0.00000000000000001", "-0.00000000000000001"),
            ("0", "0x1p3", "8"),
            ("0", "0X1.8", "1.5"),
            ("0", "+.5", "0.5"),
            ("0", "5.", "5"),
            ("-0", "-0", "0"),
            ("0", "1e-4940", "0"),
            ("0", "0e99999", "0"),
            ("1e4932", "1e4932", "infinite"),
            ("inf", "1", "infinite"),
            ("inf", "-Infinity", "infinite"),
        ];
        for (a, b, expected) in cases {
            assert_eq!(sum(a, b), expected, "{a} + {b}");
            assert_eq!(sum(b, a), expected, "{b} + {a}");
        }
        assert!(sum("0", "1e4932").starts_with("10000000000000000000060189493879638913238377742"));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        let bad =
            ["", ".", "-", "1e", "1e+", "0x", "0xp1", "0x1p", "nan", " 1", "1 ", "1_0", "--1"];
        for text in bad.into_iter().chain(["1e5000", "1e-5000", "0x1p-16500", "1.2.3", "1e1.5"]) {
            assert_eq!(Extended::parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(Extended::parse(&[b'1'; TEXT_MAX + 1]), None);
        assert_eq!(Extended::parse(b"1\0"), None);
    }

    #[test]
    fn integers_and_halves_are_exact() {
        let mut rng = fastrand::Rng::with_seed(7);
        for _ in 0..2_000 {
            let (a, b) = (rng.i64(..) >> rng.u8(2..63), rng.i64(..) >> rng.u8(2..63));
            assert_eq!(sum(&a.to_string(), &b.to_string()), (a + b).to_string());
            let half = if a + b == 0 { "0.5".to_owned() } else { format!("{}.5", a + b) };
            if a + b >= 0 {
                assert_eq!(sum(&format!("{a}"), &format!("{b}")), (a + b).to_string());
                assert_eq!(sum(&(a + b).to_string(), "0.5"), half);
            }
        }
    }

    #[test]
    fn doubles_are_read_exactly() {
        let mut rng = fastrand::Rng::with_seed(8);
        for _ in 0..2_000 {
            let value = f64::from_bits(rng.u64(..));
            if !value.is_finite() || value == 0.0 {
                continue;
            }
            let exact = format!("{value:e}");
            let read = Extended::parse(exact.as_bytes()).expect("in range");
            // The double is one rounding away from its shortest form, this is a finer one.
            let (fine, coarse) = (read.significand >> 11, value.to_bits() & ((1 << 52) - 1));
            if value.is_normal() {
                assert!((fine & ((1 << 52) - 1)).abs_diff(coarse) <= 1, "{exact}");
            }
        }
    }
}
