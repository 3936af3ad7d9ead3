//! Integers of any width up to 64 bits, anywhere in a string's bits, the highest bit first.

/// The width of an integer, and whether it has a sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    is_signed: bool,
    width: u32,
}

/// What becomes of a value that does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// Its lowest bits are kept.
    Wrap,
    /// The nearest value that fits takes its place.
    Saturate,
    /// None is written.
    Fail,
}

impl Kind {
    /// An integer with a sign of 1 to 64 bits, or without one of 1 to 63; `None` for other widths.
    pub fn new(is_signed: bool, width: i64) -> Option<Kind> {
        let width_max = if is_signed { 64 } else { 63 };
        let width = u32::try_from(width).ok().filter(|width| (1..=width_max).contains(width))?;
        Some(Kind { is_signed, width })
    }

    /// A value as it is given in an argument; where there is no sign, its bits are a large number.
    pub fn wide(self, value: i64) -> i128 {
        if self.is_signed { value.into() } else { value.cast_unsigned().into() }
    }

    /// Its bits.
    pub fn width(self) -> u32 {
        self.width
    }

    /// The integer whose highest bit stands at `at`; bits behind the end of the string are zeros.
    pub fn read(self, bytes: &[u8], at: usize) -> i64 {
        let first = at / 8;
        // Nine bytes hold 64 bits from any place on.
        let mut window = [0; 16];
        let found = bytes.get(first..).unwrap_or_default();
        let len = found.len().min(9);
        window[..len].copy_from_slice(&found[..len]);
        self.narrow(i128::from_be_bytes(window) >> self.shift(at))
    }

    /// Writes the lowest bits of a value where its highest bit stands at `at`.
    ///
    /// # Panics
    /// If the string is too short.
    pub fn write(self, bytes: &mut [u8], at: usize, value: i64) {
        let (first, end) = (at / 8, (at + self.width as usize).div_ceil(8));
        let place = &mut bytes[first..end];
        let mut window = [0; 16];
        window[..place.len()].copy_from_slice(place);
        let shift = self.shift(at);
        let mask = ((1 << self.width) - 1) << shift;
        let kept = i128::from_be_bytes(window) & !mask;
        let written = kept | ((i128::from(value) << shift) & mask);
        place.copy_from_slice(&written.to_be_bytes()[..place.len()]);
    }

    /// What is written for a value, which may be out of range; `None` if nothing is.
    pub fn fit(self, value: i128, overflow: Overflow) -> Option<i64> {
        let (min, max) = self.range();
        let narrowed = self.narrow(value);
        if (min..=max).contains(&value) {
            return Some(narrowed);
        }
        match overflow {
            Overflow::Wrap => Some(narrowed),
            Overflow::Saturate => Some(self.narrow(value.clamp(min, max))),
            Overflow::Fail => None,
        }
    }

    fn range(self) -> (i128, i128) {
        if self.is_signed {
            let half = 1 << (self.width - 1);
            return (-half, half - 1);
        }
        (0, (1 << self.width) - 1)
    }

    /// The value of the lowest bits of a number.
    #[allow(clippy::cast_possible_truncation, reason = "no kind is wider than 64 bits")]
    fn narrow(self, bits: i128) -> i64 {
        let spare = 128 - self.width;
        let shifted = bits << spare;
        if self.is_signed {
            (shifted >> spare) as i64
        } else {
            (shifted.cast_unsigned() >> spare) as i64
        }
    }

    /// How far an integer at `at` is from the lowest bit of 16 bytes from its first byte on.
    fn shift(self, at: usize) -> u32 {
        let before = [0, 1, 2, 3, 4, 5, 6, 7][at % 8];
        128 - before - self.width
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::bits;

    fn kind(rng: &mut fastrand::Rng) -> Kind {
        let is_signed = rng.bool();
        Kind::new(is_signed, rng.i64(1..if is_signed { 65 } else { 64 })).expect("in range")
    }

    #[test]
    fn integers_are_their_bits() {
        let mut rng = fastrand::Rng::with_seed(13);
        for _ in 0..5_000 {
            let mut bytes: Vec<u8> = std::iter::repeat_with(|| rng.u8(..)).take(20).collect();
            let before = bytes.clone();
            let kind = kind(&mut rng);
            let width = kind.width() as usize;
            let at = rng.usize(0..=160 - width);
            let value = kind.narrow(i128::from(rng.i64(..)));
            kind.write(&mut bytes, at, value);
            assert_eq!(kind.read(&bytes, at), value, "{kind:?}");
            for place in 0..160usize {
                let expected = match place.checked_sub(at).filter(|from| *from < width) {
                    Some(from) => value >> (width - 1 - from) & 1 == 1,
                    None => bits::get(&before, place),
                };
                assert_eq!(bits::get(&bytes, place), expected);
            }
        }
    }

    #[test]
    fn what_is_behind_the_end_is_zero() {
        let kind = Kind::new(false, 12).expect("in range");
        assert_eq!(
            (kind.read(&[0xFF], 0), kind.read(&[0xFF], 4), kind.read(&[0xFF], 80)),
            (0xFF0, 0xF00, 0)
        );
    }

    #[test]
    fn what_does_not_fit_is_dealt_with_as_asked() {
        let (i8, u8) = (Kind::new(true, 8).expect("fits"), Kind::new(false, 8).expect("fits"));
        let cases = [
            (i8, 127, Overflow::Fail, Some(127)),
            (i8, 128, Overflow::Wrap, Some(-128)),
            (i8, 300, Overflow::Saturate, Some(127)),
            (i8, -300, Overflow::Saturate, Some(-128)),
            (i8, -129, Overflow::Fail, None),
            (u8, 256, Overflow::Wrap, Some(0)),
            (u8, -1, Overflow::Wrap, Some(255)),
            (u8, -1, Overflow::Saturate, Some(0)),
            (u8, 999, Overflow::Saturate, Some(255)),
            (u8, 256, Overflow::Fail, None),
        ];
        for (kind, value, overflow, expected) in cases {
            assert_eq!(kind.fit(value, overflow), expected, "{value} {overflow:?}");
        }
        assert_eq!(Kind::new(false, 64), None);
        assert_eq!(Kind::new(true, 65), None);
        assert_eq!(Kind::new(true, 0), None);
        let widest = Kind::new(true, 64).expect("fits");
        assert_eq!(widest.fit(i128::from(i64::MAX) + 1, Overflow::Wrap), Some(i64::MIN));
    }
}
