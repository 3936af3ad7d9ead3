//! A string as a row of bits, the highest bit of the first byte first: one bit, how many are set,
//! where the first one stands.

use crate::base::num;

/// Bytes that are looked at together where the first bit of a kind is sought.
const STRIDE: usize = 64;

/// The bit at a place; zero behind the end.
pub fn get(bytes: &[u8], at: usize) -> bool {
    bytes.get(at / 8).is_some_and(|byte| byte & mask(at) != 0)
}

/// Sets or clears the bit at a place, which must be there.
pub fn set(bytes: &mut [u8], at: usize, is_set: bool) {
    let byte = &mut bytes[at / 8];
    *byte = if is_set { *byte | mask(at) } else { *byte & !mask(at) };
}

/// Number of bits that are set.
pub fn count(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks();
    let in_words: u64 = words.iter().map(|word| ones(u64::from_le_bytes(*word))).sum();
    in_words + rest.iter().map(|byte| ones(u64::from(*byte))).sum::<u64>()
}

/// The bits from one place to another.
#[derive(Clone, Copy)]
pub struct Window<'a> {
    /// The bytes that they stand in, whole.
    bytes: &'a [u8],
    /// The place of the first of these bytes' bits.
    offset: usize,
    /// The bits of the first byte that belong to it.
    first_mask: u8,
    /// The same of the last byte.
    last_mask: u8,
}

impl<'a> Window<'a> {
    /// The bits of `bytes` from `first` to `last`, both included.
    ///
    /// # Panics
    /// If they are not all there.
    pub fn new(bytes: &'a [u8], first: usize, last: usize) -> Window<'a> {
        debug_assert!(first <= last, "a window has bits");
        Window {
            bytes: &bytes[first / 8..=last / 8],
            offset: first / 8 * 8,
            first_mask: u8::MAX >> (first % 8),
            last_mask: u8::MAX << (7 - last % 8),
        }
    }

    /// Number of bits that are set.
    pub fn count(&self) -> u64 {
        let outside =
            |byte: Option<&u8>, mask: u8| byte.map_or(0, |byte| ones(u64::from(byte & !mask)));
        let before = outside(self.bytes.first(), self.first_mask);
        let behind = outside(self.bytes.last(), self.last_mask);
        count(self.bytes) - before - behind
    }

    /// The place of the first bit that is set, or, if `is_set` is false, that is not.
    pub fn position(&self, is_set: bool) -> Option<usize> {
        let skipped = if is_set { 0 } else { u8::MAX };
        let end = self.bytes.len() - 1;
        let differs = |at: usize| {
            let mut found = self.bytes[at] ^ skipped;
            found &= if at == 0 { self.first_mask } else { u8::MAX };
            found &= if at == end { self.last_mask } else { u8::MAX };
            (found != 0).then(|| self.offset + at * 8 + found.leading_zeros() as usize)
        };
        let middle = self.bytes.get(1..end).unwrap_or_default();
        differs(0)
            .or_else(|| differs(1 + first_other_than(middle, skipped)?))
            .or_else(|| differs(end))
    }
}

/// The place of the first byte that is another one.
fn first_other_than(bytes: &[u8], byte: u8) -> Option<usize> {
    let (strides, _) = bytes.as_chunks::<STRIDE>();
    // Folded without a branch, so that a stride is compared as a whole.
    let is_other =
        |stride: &[u8; STRIDE]| stride.iter().fold(0, |all, other| all | (other ^ byte)) != 0;
    let start = strides.iter().position(is_other).unwrap_or(strides.len()) * STRIDE;
    let within = bytes[start..].iter().position(|other| *other != byte)?;
    Some(start + within)
}

fn ones(word: u64) -> u64 {
    u64::from(word.count_ones())
}

fn mask(at: usize) -> u8 {
    num::low_byte(0x80 >> (at % 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn random(rng: &mut fastrand::Rng) -> Vec<u8> {
        let len = if rng.bool() { rng.usize(1..20) } else { rng.usize(1..400) };
        let byte = [0, u8::MAX][rng.usize(0..2)];
        let mut bytes = vec![byte; len];
        for _ in 0..rng.usize(0..4) {
            bytes[rng.usize(0..len)] = rng.u8(..);
        }
        bytes
    }

    #[test]
    fn a_bit_is_what_it_was_set_to() {
        let mut bytes = vec![0; 4];
        set(&mut bytes, 0, true);
        set(&mut bytes, 15, true);
        assert_eq!(bytes, [0x80, 1, 0, 0]);
        assert!(get(&bytes, 0) && get(&bytes, 15) && !get(&bytes, 1) && !get(&bytes, 32));
        set(&mut bytes, 0, false);
        assert_eq!(bytes, [0, 1, 0, 0]);
    }

    #[test]
    fn windows_count_and_find_as_bit_by_bit() {
        let mut rng = fastrand::Rng::with_seed(3);
        for _ in 0..3_000 {
            let bytes = random(&mut rng);
            let first = rng.usize(0..bytes.len() * 8);
            let last = rng.usize(first..bytes.len() * 8);
            let window = Window::new(&bytes, first, last);
            let is_set = |at: &usize| get(&bytes, *at);
            assert_eq!(window.count(), (first..=last).filter(is_set).count() as u64);
            assert_eq!(window.position(true), (first..=last).find(is_set));
            assert_eq!(window.position(false), (first..=last).find(|at| !is_set(at)));
        }
    }

    #[test]
    fn all_bits_are_counted() {
        let mut rng = fastrand::Rng::with_seed(4);
        let bytes: Vec<u8> = std::iter::repeat_with(|| rng.u8(..)).take(1_003).collect();
        assert_eq!(count(&bytes), bytes.iter().map(|byte| u64::from(byte.count_ones())).sum());
    }
}
