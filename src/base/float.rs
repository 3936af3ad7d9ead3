//! Doubles as the wire prints them and as arguments spell them.
//!
//! The text of a double is the shortest that reads back as the same one, in the forms of Redis 7.2:
//! integers up to 2^62 without a point, an exponent only where it makes the text much shorter.

use super::num;

/// Most bytes of a text.
const TEXT_MAX: usize = 40;
/// Most digits that the shortest text of a double needs.
const DIGITS_MAX: usize = 17;
/// Integers beyond this are printed like numbers with a fraction.
const INTEGER_MAX: f64 = 4_611_686_018_427_387_904.0;
/// Zeros that may follow the digits of a number before an exponent takes their place.
const ZEROS_MAX: i32 = 7;
/// Digits behind a point that never need an exponent.
const FRACTION_MAX: i32 = 6;
/// Most digits of a text with a fixed number of them behind the point.
pub const FIXED_MAX: u32 = 17;
/// The magnitude up to which such a text is exact.
const FIXED_BOUND: f64 = 9_223_372_036_854_775_808.0;
/// Bits of the fraction of a double as it stands in memory.
const MANTISSA_BITS: u32 = 52;
/// What its exponent counts from, if its significand is taken as an integer.
const EXPONENT_BIAS: u32 = 1_023 + MANTISSA_BITS;
/// Bits of a hexadecimal significand that are kept; the others only matter together.
const HEXADECIMAL_BITS_MAX: u32 = 60;

/// A double as text.
#[derive(Clone, Copy)]
pub struct FloatText {
    bytes: [u8; TEXT_MAX],
    len: usize,
}

impl FloatText {
    /// The text of a value.
    pub fn new(value: f64) -> FloatText {
        let mut text = FloatText { bytes: [0; TEXT_MAX], len: 0 };
        if let Some(integer) = to_integer(value) {
            text.push(itoa::Buffer::new().format(integer).as_bytes());
        } else if value.is_nan() {
            text.push(b"nan");
        } else {
            text.push(if value.is_sign_negative() { b"-" } else { b"" });
            match value {
                0.0 => text.push(b"0"),
                _ if value.is_infinite() => text.push(b"inf"),
                _ => text.push_digits(&Digits::of(value.abs())),
            }
        }
        text
    }

    /// The text with so many digits behind the point, at most [`FIXED_MAX`], exactly rounded, as C
    /// prints it. A magnitude beyond 2^63 shows as that.
    pub fn fixed(value: f64, digits: u32) -> FloatText {
        if value.is_nan() {
            return FloatText::new(value);
        }
        let mut text = FloatText { bytes: [0; TEXT_MAX], len: 0 };
        text.push(if value.is_sign_negative() { b"-" } else { b"" });
        let unit = 10u128.pow(digits.min(FIXED_MAX));
        let scaled = scaled(value.abs().min(FIXED_BOUND), unit);
        let mut whole = itoa::Buffer::new();
        text.push(whole.format(scaled / unit).as_bytes());
        if digits > 0 {
            text.push(b".");
            // A digit in front keeps the zeros.
            let mut fraction = itoa::Buffer::new();
            text.push(&fraction.format(unit + scaled % unit).as_bytes()[1..]);
        }
        text
    }

    /// The same with [`FIXED_MAX`] digits, but without zeros at the end: how Redis shows a place.
    pub fn plain(value: f64) -> FloatText {
        let mut text = FloatText::fixed(value, FIXED_MAX);
        if text.as_bytes().contains(&b'.') {
            let zeros = text.as_bytes().iter().rev().take_while(|byte| **byte == b'0').count();
            text.len -= zeros;
            text.len -= usize::from(text.as_bytes().ends_with(b"."));
        }
        if text.as_bytes() == b"-0" { FloatText::new(0.0) } else { text }
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    fn push(&mut self, bytes: &[u8]) {
        self.bytes[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    fn push_digits(&mut self, digits: &Digits) {
        let (len, zeros) = (digits.len, digits.exponent);
        let all = &digits.bytes[..len];
        let magnitude = zeros + i32::try_from(len).unwrap_or(0) - 1;
        if (0..=ZEROS_MAX).contains(&zeros) {
            self.push(all);
            self.push_zeros(zeros);
        } else if zeros < 0 && (zeros >= -FRACTION_MAX || magnitude.abs() < 4) {
            match usize::try_from(magnitude + 1) {
                Ok(whole) if whole > 0 => {
                    self.push(&all[..whole]);
                    self.push(b".");
                    self.push(&all[whole..]);
                }
                Ok(_) | Err(_) => {
                    self.push(b"0.");
                    self.push_zeros(-magnitude - 1);
                    self.push(all);
                }
            }
        } else {
            self.push(&all[..1]);
            if len > 1 {
                self.push(b".");
                self.push(&all[1..]);
            }
            self.push(if magnitude < 0 { b"e-" } else { b"e+" });
            self.push(itoa::Buffer::new().format(magnitude.abs()).as_bytes());
        }
    }

    fn push_zeros(&mut self, count: i32) {
        (0..count).for_each(|_| self.push(b"0"));
    }
}

/// A number as digits, the first and the last of them not zero, times ten to a power.
struct Digits {
    bytes: [u8; DIGITS_MAX],
    len: usize,
    exponent: i32,
}

impl Digits {
    /// Those of a finite number above zero.
    fn of(value: f64) -> Digits {
        let mut buffer = zmij::Buffer::new();
        let text = buffer.format_finite(value);
        let (number, exponent) = text.split_once('e').unwrap_or((text, "0"));
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let behind_point = i32::try_from(fraction.len()).unwrap_or(0);
        let mut digits = Digits {
            bytes: [0; DIGITS_MAX],
            len: 0,
            exponent: exponent.parse::<i32>().unwrap_or(0) - behind_point,
        };
        let mut zeros = 0;
        for byte in whole.bytes().chain(fraction.bytes()) {
            if byte == b'0' {
                zeros += 1;
                continue;
            }
            // Zeros in front of all others mean nothing, and those behind them move the exponent.
            digits.len += if digits.len == 0 { 0 } else { zeros };
            digits.bytes[digits.len] = byte;
            (digits.len, zeros) = (digits.len + 1, 0);
        }
        digits.bytes[..digits.len].iter_mut().filter(|b| **b == 0).for_each(|b| *b = b'0');
        digits.exponent += i32::try_from(zeros).unwrap_or(0);
        digits
    }
}

/// A number from zero to [`FIXED_BOUND`] in units of which `unit` are one, rounded to the nearest
/// and from a tie to the even neighbour.
fn scaled(value: f64, unit: u128) -> u128 {
    let (bits, hidden) = (value.to_bits(), 1 << MANTISSA_BITS);
    let (exponent, fraction) = (bits >> MANTISSA_BITS, bits & (hidden - 1));
    let significand = if exponent == 0 { fraction } else { fraction | hidden };
    let units = u128::from(significand) * unit;
    let exponent = u32::try_from(exponent.max(1)).unwrap_or(0);
    match EXPONENT_BIAS.checked_sub(exponent) {
        None => units << (exponent - EXPONENT_BIAS),
        Some(0) => units,
        Some(128..) => 0,
        Some(shift) => {
            let (whole, rest, half) =
                (units >> shift, units & ((1 << shift) - 1), 1 << (shift - 1));
            whole + u128::from(rest > half || (rest == half && whole % 2 == 1))
        }
    }
}

/// The integer that a double is, if it is one of a magnitude that prints without exponent; a
/// negative zero is none.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "the cast back tells whether something is lost"
)]
pub fn to_integer(value: f64) -> Option<i64> {
    let integer = value as i64;
    let is_same = integer as f64 == value && value.abs() <= INTEGER_MAX;
    let is_negative_zero = integer == 0 && value.is_sign_negative();
    (is_same && !is_negative_zero).then_some(integer)
}

/// The double nearest to an integer.
#[allow(clippy::cast_precision_loss, reason = "the nearest one is what is asked for")]
pub fn of_integer(value: i64) -> f64 {
    value as f64
}

/// A double as an integer in the same order, in which both zeros are one. It must be a number.
#[inline]
pub fn in_order(value: f64) -> u64 {
    const SIGN: u64 = 1 << 63;
    let bits = (value + 0.0).to_bits();
    if bits & SIGN == 0 { bits | SIGN } else { !bits }
}

/// Reads a double: decimal or hexadecimal, with or without exponent, or `inf`. `None` for anything
/// else, for what is no number, and for what is too large or too small for a double.
pub fn parse(text: &[u8]) -> Option<f64> {
    let value = read(text)?;
    if value.is_finite() && value != 0.0 {
        return Some(value);
    }
    let digits = text.strip_prefix(b"-").or(text.strip_prefix(b"+")).unwrap_or(text);
    if value.is_infinite() {
        return digits.first().is_some_and(u8::is_ascii_alphabetic).then_some(value);
    }
    let mark = if matches!(digits, [_, b'x' | b'X', ..]) { b'p' } else { b'e' };
    let mut significand = digits.iter().take_while(|byte| !byte.eq_ignore_ascii_case(&mark));
    let is_zero = significand.all(|byte| matches!(byte, b'0' | b'.' | b'x' | b'X'));
    is_zero.then_some(value)
}

/// Reads a double as the C library's `strtod` alone does: blanks may stand in front, what is too
/// large is infinite and what is too small zero, nothing is zero, and a NUL is the end.
pub fn parse_loose(text: &[u8]) -> Option<f64> {
    let end = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
    match &text[..end] {
        [] => Some(0.0),
        text => read(text.trim_ascii_start()),
    }
}

fn read(text: &[u8]) -> Option<f64> {
    // Most scores are short integers.
    if let Some(integer) = num::parse_i64(text) {
        return Some(of_integer(integer));
    }
    let (is_negative, rest) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] | rest => (false, rest),
    };
    if let [b'0', b'x' | b'X', rest @ ..] = rest {
        let value = parse_hexadecimal(rest)?;
        return Some(if is_negative { -value } else { value });
    }
    let value: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    (!value.is_nan()).then_some(value)
}

/// Reads digits of base 16 with a point and a power of two.
fn parse_hexadecimal(text: &[u8]) -> Option<f64> {
    let mark = text.iter().position(|byte| byte.eq_ignore_ascii_case(&b'p'));
    let (number, power) = match mark {
        Some(at) => (&text[..at], parse_power(&text[at + 1..])?),
        None => (text, 0),
    };
    let (mut significand, mut exponent, mut seen, mut has_point) = (0u64, power, false, false);
    for byte in number {
        if *byte == b'.' && !has_point {
            has_point = true;
            continue;
        }
        let digit = char::from(*byte).to_digit(16)?;
        seen = true;
        if significand >> (HEXADECIMAL_BITS_MAX - 4) == 0 {
            significand = significand << 4 | u64::from(digit);
            exponent -= if has_point { 4 } else { 0 };
        } else {
            // What is lost is remembered in the lowest bit, so that the rounding is right.
            significand |= u64::from(digit != 0);
            exponent += if has_point { 0 } else { 4 };
        }
    }
    seen.then(|| scale(num::float(significand), exponent))
}

/// The digits of a power, with a sign or without; limited to what makes a difference.
fn parse_power(text: &[u8]) -> Option<i64> {
    let (sign, digits) = match text {
        [b'-', rest @ ..] => (-1, rest),
        [b'+', rest @ ..] | rest => (1, rest),
    };
    let all = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let power = digits.iter().fold(0, |power: i64, digit| {
        (power * 10 + i64::from(digit.wrapping_sub(b'0'))).min(1 << 40)
    });
    all.then_some(sign * power)
}

/// A value times two to a power.
fn scale(mut value: f64, power: i64) -> f64 {
    let mut left = i32::try_from(power.clamp(-4_096, 4_096)).unwrap_or(0);
    // In steps, since a power beyond the range of doubles may lead into it.
    while left != 0 {
        let step = left.clamp(-1_000, 1_000);
        value *= 2f64.powi(step);
        left -= step;
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: f64) -> String {
        String::from_utf8(FloatText::new(value).as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn texts_are_those_of_redis() {
        let cases = [
            (0.0, "0"),
            (-0.0, "-0"),
            (3.0, "3"),
            (-17.0, "-17"),
            (0.1, "0.1"),
            (-2.5, "-2.5"),
            (2.641_592_653_589_793, "2.641592653589793"),
            (0.000_001, "0.000001"),
            (0.000_000_1, "1e-7"),
            (0.001_5, "0.0015"),
            (1.5e-7, "1.5e-7"),
            (0.001_234_567_89, "0.00123456789"),
            (0.000_123_456_789, "1.23456789e-4"),
            (0.000_012, "0.000012"),
            (1e17, "100000000000000000"),
            (4_611_686_018_427_387_904.0, "4611686018427387904"),
            (1e19, "1e+19"),
            (12_345_678_901_234_567_000.0, "12345678901234567000"),
            (1e100, "1e+100"),
            (1.7e308, "1.7e+308"),
            (5e-324, "5e-324"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
            (f64::MAX, "1.7976931348623157e+308"),
            (123_456.789, "123456.789"),
        ];
        for (value, expected) in cases {
            assert_eq!(text(value), expected);
        }
    }

    #[test]
    fn fixed_texts_are_exactly_rounded() {
        let mut rng = fastrand::Rng::with_seed(4);
        for round in 0..100_000 {
            let value = match round % 3 {
                0 => (rng.f64() - 0.5) * 10f64.powf(rng.f64() * 18.0),
                1 => (rng.f64() - 0.5) * 10f64.powf(rng.f64() * -30.0),
                _ => of_integer(rng.i64(-9_999_999..9_999_999)) / 32.0,
            };
            let digits = rng.u32(0..=FIXED_MAX);
            let text = FloatText::fixed(value, digits);
            let expected = format!("{value:.0$}", usize::try_from(digits).unwrap());
            assert_eq!(text.as_bytes(), expected.as_bytes(), "{value:e} {digits}");
        }
        let plain = |value| String::from_utf8(FloatText::plain(value).as_bytes().to_vec()).unwrap();
        let cases = [(1.0, "1"), (-0.0, "0"), (-180.0, "-180"), (0.25, "0.25"), (1e-20, "0")];
        cases.into_iter().for_each(|(value, text)| assert_eq!(plain(value), text));
        assert_eq!(plain(13.361_389_338_970_184), "13.36138933897018433");
        assert_eq!(plain(f64::NAN), "nan");
        assert_eq!(FloatText::fixed(f64::INFINITY, 17).as_bytes().len(), 37);
    }

    #[test]
    fn texts_read_back() {
        let mut rng = fastrand::Rng::with_seed(3);
        for round in 0..200_000 {
            let value = match round % 4 {
                0 => f64::from_bits(rng.u64(..)),
                1 => rng.f64() * 1_000.0,
                2 => of_integer(rng.i64(..) >> rng.u32(0..64)),
                _ => of_integer(rng.i64(-1_000_000..1_000_000)) / 1_000.0,
            };
            if !value.is_nan() {
                let read = parse(FloatText::new(value).as_bytes());
                assert_eq!(read.map(f64::to_bits), Some(value.to_bits()), "{value:e}");
            }
        }
    }

    #[test]
    fn numbers_are_read_as_c_reads_them() {
        let good = [
            ("1", 1.0),
            ("+1", 1.0),
            ("01", 1.0),
            (".5", 0.5),
            ("5.", 5.0),
            ("-1e3", -1_000.0),
            ("1E-2", 0.01),
            ("inf", f64::INFINITY),
            ("+INF", f64::INFINITY),
            ("-Infinity", f64::NEG_INFINITY),
            ("0x10", 16.0),
            ("-0X1.8p1", -3.0),
            ("0x.8", 0.5),
            ("0x1p-1074", 5e-324),
            ("0x20000000000001000000000000001", 1.0384593717069658e34),
            ("0e999", 0.0),
            ("9223372036854775808", 9_223_372_036_854_775_808.0),
        ];
        for (text, value) in good {
            assert_eq!(parse(text.as_bytes()), Some(value), "{text}");
        }
        assert_eq!(parse(b"-0").map(f64::to_bits), Some((-0.0f64).to_bits()));
        let bad = ["", " 1", "1 ", "nan", "-nan", "1e", "1e400", "-1e400", "1e-400", "0x", "0xp1"];
        for text in bad.into_iter().chain(["x", "1,5", "0x1p", "0x1p5000", "1\0", "--1", "e5"]) {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
        let loose = [("", Some(0.0)), ("  1", Some(1.0)), ("1\0x", Some(1.0)), ("1 ", None)];
        for (text, value) in loose.into_iter().chain([(" ", None), ("1e-400", Some(0.0))]) {
            assert_eq!(parse_loose(text.as_bytes()), value, "{text}");
        }
        assert_eq!(parse_loose(b"-1e400"), Some(f64::NEG_INFINITY));
    }

    #[test]
    fn integers_are_in_the_order_of_their_doubles() {
        let mut rng = fastrand::Rng::with_seed(4);
        let special = [0.0, -0.0, 1.0, -1.0, f64::MAX, f64::MIN, f64::INFINITY, -f64::INFINITY];
        for round in 0..20_000usize {
            let bits = f64::from_bits(rng.u64(..));
            let a = if bits.is_nan() { special[round % special.len()] } else { bits };
            for b in special {
                assert_eq!(in_order(a).cmp(&in_order(b)), a.partial_cmp(&b).unwrap());
            }
        }
    }
}
