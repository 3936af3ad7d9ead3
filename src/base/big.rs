//! Natural numbers of any size, with what the exact reading and printing of floats needs.

use super::num;

/// The largest power of ten in a word, and its exponent: so many digits are printed at once.
const PRINT_STEP: (u64, usize) = (10_000_000_000_000_000_000, 19);

/// A natural number: words of 64 bits, the lowest first, the highest not zero.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Big(Vec<u64>);

impl Big {
    /// The number in one word.
    pub fn new(value: u64) -> Big {
        let mut big = Big(vec![value]);
        big.trim();
        big
    }

    /// True for zero.
    pub fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    /// Number of bits up to the highest one that is set.
    pub fn bit_len(&self) -> usize {
        let top = self.0.last().map_or(0, |word| word.leading_zeros() as usize);
        self.0.len() * 64 - top
    }

    /// Multiplies by `factor`, then adds `more`.
    pub fn mul_add(&mut self, factor: u64, more: u64) {
        let mut carry = more;
        for word in &mut self.0 {
            let product = u128::from(*word) * u128::from(factor) + u128::from(carry);
            (carry, *word) = num::halves(product);
        }
        self.0.push(carry);
        self.trim();
    }

    /// Divides by `divisor`, which is not zero; returns the remainder.
    pub fn div(&mut self, divisor: u64) -> u64 {
        let mut remainder = 0;
        for word in self.0.iter_mut().rev() {
            let dividend = (u128::from(remainder) << 64) | u128::from(*word);
            // The remainder is less than the divisor, so each quotient is one word.
            *word = num::halves(dividend / u128::from(divisor)).1;
            remainder = num::halves(dividend % u128::from(divisor)).1;
        }
        self.trim();
        remainder
    }

    /// Shifts `bits` to the left.
    pub fn shift_left(&mut self, bits: usize) {
        if self.is_zero() {
            return;
        }
        let within = bits % 64;
        if within > 0 {
            self.mul_add(1 << within, 0);
        }
        self.0.splice(..0, std::iter::repeat_n(0, bits / 64));
    }

    /// The highest 128 bits, the first of them set unless the number is zero, and whether any bit
    /// below them is set.
    pub fn top(&self) -> (u128, bool) {
        let word = |back: usize| self.0.len().checked_sub(back).map_or(0, |at| self.0[at]);
        let shift = word(1).leading_zeros() % 64;
        let head = (u128::from(word(1)) << 64) | u128::from(word(2));
        // Two words less their leading zeros, and as many bits of the third.
        let (from_third, rest) = num::halves(u128::from(word(3)) << shift);
        let below = self.0.len().saturating_sub(3);
        let has_more = rest != 0 || self.0[..below].iter().any(|word| *word != 0);
        ((head << shift) | u128::from(from_third), has_more)
    }

    /// The decimal digits.
    pub fn to_decimal(mut self) -> String {
        let mut steps = Vec::new();
        while self.0.len() > 1 {
            steps.push(self.div(PRINT_STEP.0));
        }
        let mut digits = self.0.first().copied().unwrap_or(0).to_string();
        for step in steps.iter().rev() {
            digits.push_str(&format!("{step:0width$}", width = PRINT_STEP.1));
        }
        digits
    }

    fn trim(&mut self) {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(digits: &str) -> Big {
        let mut big = Big::default();
        digits.bytes().for_each(|digit| big.mul_add(10, u64::from(digit - b'0')));
        big
    }

    #[test]
    fn digits_are_printed_as_they_were_read() {
        let mut rng = fastrand::Rng::with_seed(5);
        for len in 1..200 {
            let mut digits: String = std::iter::repeat_with(|| rng.digit(10)).take(len).collect();
            digits.insert(0, '7');
            assert_eq!(parse(&digits).to_decimal(), digits);
        }
        assert_eq!(Big::default().to_decimal(), "0");
        assert_eq!(parse("10000000000000000000").to_decimal(), "10000000000000000000");
    }

    #[test]
    fn numbers_of_two_words_do_as_machine_numbers_do() {
        let mut rng = fastrand::Rng::with_seed(6);
        for _ in 0..1_000 {
            let value = rng.u128(..) >> rng.u32(0..128);
            let mut big = parse(&value.to_string());
            assert_eq!(big.bit_len(), 128 - value.leading_zeros() as usize);
            let divisor = rng.u64(1..);
            assert_eq!(u128::from(big.div(divisor)), value % u128::from(divisor));
            assert_eq!(big.to_decimal(), (value / u128::from(divisor)).to_string());
        }
    }

    #[test]
    fn the_top_tells_what_is_below_it() {
        for (low, has_more) in [(0, false), (1, true)] {
            for bits in [1, 63, 64, 65, 200] {
                let mut big = Big::new(5);
                big.shift_left(126 + bits);
                big.mul_add(1, low);
                assert_eq!(big.top(), (5 << 125, has_more), "{bits}");
            }
        }
        assert_eq!(Big::new(1).top(), (1 << 127, false));
    }
}
