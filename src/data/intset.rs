//! Sets of integers in one piece: the bytes of Redis's intset.
//!
//! ```text
//! bytes of an integer 4 | integers 4 | integer ..
//! ```
//!
//! Integers stand in order, each in 2, 4 or 8 bytes, as many as any of them has ever needed.
//! Numbers are little-endian. [`Ints`] reads, [`IntSet`] changes. Bytes from outside are to be
//! checked before ([`IntSet::check`]); those that are no intset make readers panic.

use std::cmp::Ordering;

/// Bytes in front of the integers.
const HEADER: usize = 8;
/// Where the number of integers stands.
const LEN_AT: usize = 4;

/// Integers that are being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ints<'a>(&'a [u8]);

/// Owned integers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntSet(Vec<u8>);

impl<'a> Ints<'a> {
    /// The integers of whole bytes.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Ints<'a> {
        Ints(bytes)
    }

    /// Number of integers.
    #[inline]
    pub fn len(self) -> usize {
        (self.0.len() - HEADER) / self.width()
    }

    /// True without integers.
    pub fn is_empty(self) -> bool {
        self.0.len() == HEADER
    }

    /// The integer of that number, counted from the smallest.
    ///
    /// # Panics
    /// If there are fewer.
    #[inline]
    pub fn get(self, index: usize) -> i64 {
        let width = self.width();
        let bytes = &self.0[HEADER + index * width..][..width];
        match bytes {
            [a, b] => i64::from(i16::from_le_bytes([*a, *b])),
            [a, b, c, d] => i64::from(i32::from_le_bytes([*a, *b, *c, *d])),
            _ => {
                let mut wide = [0; 8];
                wide.copy_from_slice(bytes);
                i64::from_le_bytes(wide)
            }
        }
    }

    /// The integers in order.
    pub fn iter(self) -> impl Iterator<Item = i64> + use<'a> {
        (0..self.len()).map(move |index| self.get(index))
    }

    /// True if the integer is there.
    #[inline]
    pub fn contains(self, value: i64) -> bool {
        self.find(value).is_ok()
    }

    /// The number of an integer or, if it is not there, the one that it would have.
    fn find(self, value: i64) -> Result<usize, usize> {
        let (mut low, mut high) = (0, self.len());
        // Integers often come in order.
        if high == 0 || self.get(high - 1) < value {
            return Err(high);
        }
        while low < high {
            let middle = usize::midpoint(low, high);
            match self.get(middle).cmp(&value) {
                Ordering::Less => low = middle + 1,
                Ordering::Equal => return Ok(middle),
                Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }

    /// Bytes of each integer.
    #[inline]
    fn width(self) -> usize {
        usize::from(self.0[0])
    }
}

impl Default for IntSet {
    fn default() -> IntSet {
        IntSet::new()
    }
}

impl IntSet {
    /// No integers yet.
    pub fn new() -> IntSet {
        IntSet(vec![2, 0, 0, 0, 0, 0, 0, 0])
    }

    /// Takes bytes that are an intset.
    pub fn from_bytes(bytes: Vec<u8>) -> IntSet {
        debug_assert!(IntSet::check(&bytes));
        IntSet(bytes)
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes, to be taken or put back as a whole.
    pub fn bytes_mut(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }

    /// The integers.
    #[inline]
    pub fn ints(&self) -> Ints<'_> {
        Ints(&self.0)
    }

    /// Bytes of memory.
    pub fn memory_bytes(&self) -> usize {
        self.0.capacity()
    }

    /// Adds an integer; false if it is there already.
    pub fn insert(&mut self, value: i64) -> bool {
        let Err(index) = self.ints().find(value) else { return false };
        if width_of(value) > self.ints().width() {
            self.widen(width_of(value));
        }
        let width = self.ints().width();
        let (at, end) = (HEADER + index * width, self.0.len());
        self.0.resize(end + width, 0);
        self.0.copy_within(at..end, at + width);
        self.0[at..at + width].copy_from_slice(&value.to_le_bytes()[..width]);
        self.note_len();
        true
    }

    /// Removes an integer; false if it is not there.
    pub fn remove(&mut self, value: i64) -> bool {
        let Ok(index) = self.ints().find(value) else { return false };
        let width = self.ints().width();
        let at = HEADER + index * width;
        self.0.copy_within(at + width.., at);
        self.0.truncate(self.0.len() - width);
        self.note_len();
        true
    }

    /// Gives each integer more bytes.
    fn widen(&mut self, width: usize) {
        let old = std::mem::take(self);
        self.0[0] = width.to_le_bytes()[0];
        self.0.reserve_exact((old.ints().len() + 1) * width);
        for value in old.ints().iter() {
            self.0.extend_from_slice(&value.to_le_bytes()[..width]);
        }
    }

    /// Writes the number of integers.
    fn note_len(&mut self) {
        // No more than 2^30 are kept in this form.
        let len = u32::try_from(self.ints().len()).unwrap_or(u32::MAX);
        self.0[LEN_AT..HEADER].copy_from_slice(&len.to_le_bytes());
    }

    /// True if bytes are an intset that can be read.
    pub fn check(bytes: &[u8]) -> bool {
        let [width @ (2 | 4 | 8), 0, 0, 0, a, b, c, d, rest @ ..] = bytes else { return false };
        let len = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
        let ints = Ints(bytes);
        rest.len() == len * usize::from(*width)
            && (1..len).all(|index| ints.get(index - 1) < ints.get(index))
    }
}

/// Bytes that an integer needs.
fn width_of(value: i64) -> usize {
    match value {
        -0x8000..0x8000 => 2,
        -0x8000_0000..0x8000_0000 => 4,
        _ => 8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn bytes_are_those_of_the_format() {
        let mut set = IntSet::new();
        assert_eq!(set.0, b"\x02\0\0\0\0\0\0\0");
        assert!(set.insert(5) && set.insert(-1) && !set.insert(5));
        assert_eq!(set.0, b"\x02\0\0\0\x02\0\0\0\xFF\xFF\x05\0");
        assert!(set.insert(0x8000));
        assert_eq!(set.0, b"\x04\0\0\0\x03\0\0\0\xFF\xFF\xFF\xFF\x05\0\0\0\0\x80\0\0");
        assert!(set.remove(0x8000) && set.remove(5) && !set.remove(7));
        // It stays as wide as it was.
        assert_eq!(set.0, b"\x04\0\0\0\x01\0\0\0\xFF\xFF\xFF\xFF");
        assert!(set.insert(i64::MIN));
        assert_eq!(set.0[..8], *b"\x08\0\0\0\x02\0\0\0");
        assert!(set.ints().iter().eq([i64::MIN, -1]));
    }

    #[test]
    fn it_behaves_like_a_set() {
        let mut rng = fastrand::Rng::with_seed(9);
        for width in [3, 17, 40, 62] {
            let (mut set, mut plain) = (IntSet::new(), BTreeSet::new());
            for _ in 0..2_000 {
                let value = rng.i64(-(1 << width)..1 << width) >> rng.u32(0..width);
                assert_eq!(set.ints().contains(value), plain.contains(&value));
                if rng.u8(0..3) > 0 {
                    assert_eq!(set.insert(value), plain.insert(value));
                } else {
                    assert_eq!(set.remove(value), plain.remove(&value));
                }
                assert_eq!(
                    (set.ints().len(), set.ints().is_empty()),
                    (plain.len(), plain.is_empty())
                );
            }
            assert!(IntSet::check(set.bytes_mut()) && set.ints().iter().eq(plain));
        }
    }

    #[test]
    fn damaged_bytes_are_found_out() {
        for bytes in [
            &b""[..],
            b"\x03\0\0\0\0\0\0\0",
            b"\x02\0\0\0\x01\0\0\0",
            b"\x02\0\0\0\x02\0\0\0\x05\0\x05\0",
            b"\x02\0\0\0\x02\0\0\0\x05\0\x04\0",
        ] {
            assert!(!IntSet::check(bytes), "{}", bytes.escape_ascii());
        }
    }
}
