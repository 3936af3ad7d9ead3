//! HyperLogLogs: how many distinct elements were seen, from a few kilobytes, within a percent.
//!
//! Each element is hashed to one of 16,384 registers, which keeps the longest run of zeros that a
//! hash of its elements has had. A string holds them as Redis does, byte for byte:
//!
//! ```text
//! "HYLL" | encoding 1 | zeros 3 | latest count 8, its highest bit set if it is out of date | body
//! ```
//!
//! The body is `dense` or `sparse`. Clients may have written any bytes into it.

mod dense;
mod estimate;
mod murmur;
mod sparse;

pub use sparse::{Run, Runs};

use crate::base::num;
use estimate::Histogram;
use sparse::Change;

/// Number of registers.
pub const REGISTERS: usize = 1 << REGISTER_BITS;

/// Bits of a hash that choose a register.
const REGISTER_BITS: u32 = 14;
/// Bits of a hash in which zeros are counted.
const COUNTED_BITS: u32 = 64 - REGISTER_BITS;
/// The seed of hashes, as in Redis.
const HASH_SEED: u64 = 0xADC8_3B19;

const MAGIC: &[u8] = b"HYLL";
/// Where the byte of the encoding stands.
const ENCODING_AT: usize = 4;
/// Where the latest count stands.
const COUNT_AT: usize = 8;
/// Where the body begins.
const BODY_AT: usize = 16;
/// The encoding of a dense body.
const DENSE: u8 = 0;
/// The encoding of a sparse one.
const SPARSE: u8 = 1;
/// In the last byte of the count: it is out of date.
const OUT_OF_DATE: u8 = 1 << 7;
/// Bytes of a string with a dense body.
const DENSE_LEN: usize = BODY_AT + dense::LEN;

/// That the body is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corrupt;

/// Whether a string may be a HyperLogLog; its body may still be corrupt.
pub fn is_one(bytes: &[u8]) -> bool {
    if bytes.len() < BODY_AT || !bytes.starts_with(MAGIC) {
        return false;
    }
    match bytes[ENCODING_AT] {
        DENSE => bytes.len() == DENSE_LEN,
        encoding => encoding == SPARSE,
    }
}

/// One that has seen nothing.
pub fn new() -> Vec<u8> {
    let mut bytes = header(SPARSE);
    bytes.extend_from_slice(&sparse::EMPTY);
    bytes
}

/// Whether the body is sparse.
pub fn is_sparse(bytes: &[u8]) -> bool {
    bytes.get(ENCODING_AT) == Some(&SPARSE)
}

/// The runs of equal registers of a sparse body.
pub fn runs(bytes: &[u8]) -> Runs<'_> {
    Runs::of(&bytes[BODY_AT..])
}

/// The latest count, unless it is out of date.
pub fn latest_count(bytes: &[u8]) -> Option<u64> {
    let count = bytes[COUNT_AT..BODY_AT].iter().rev();
    let is_valid = bytes[BODY_AT - 1] & OUT_OF_DATE == 0;
    is_valid.then(|| count.fold(0, |count, byte| count << 8 | u64::from(*byte)))
}

/// Notes a count.
pub fn note_count(bytes: &mut [u8], count: u64) {
    bytes[COUNT_AT..BODY_AT].copy_from_slice(&count.to_le_bytes());
}

/// Notes that the latest count is out of date.
pub fn forget_count(bytes: &mut [u8]) {
    bytes[BODY_AT - 1] |= OUT_OF_DATE;
}

/// Counts the distinct elements that were seen.
///
/// # Errors
/// That the body is corrupt.
pub fn count(bytes: &[u8]) -> Result<u64, Corrupt> {
    let body = &bytes[BODY_AT..];
    let mut histogram = Histogram::default();
    if is_sparse(bytes) {
        sparse::each_run(body, |registers, value| histogram.add(value, registers.len()))?;
    } else {
        dense::each(body, |registers| histogram.add_each(registers));
    }
    Ok(histogram.count())
}

/// Sees an element; whether that has changed a register. A sparse body becomes dense before the
/// string has more than so many bytes.
///
/// # Errors
/// That the body is corrupt.
pub fn add(bytes: &mut Vec<u8>, element: &[u8], sparse_max: usize) -> Result<bool, Corrupt> {
    let (index, value) = register_of(element);
    if is_sparse(bytes) {
        match sparse::Writer::new(bytes, sparse_max).raise(index, value)? {
            Change::None => return Ok(false),
            Change::Raised => return Ok(true),
            Change::TooLarge => to_dense(bytes)?,
        }
    }
    Ok(dense::raise(&mut bytes[BODY_AT..], index, value))
}

/// Makes the body dense.
///
/// # Errors
/// That it is corrupt.
pub fn to_dense(bytes: &mut Vec<u8>) -> Result<(), Corrupt> {
    if !is_sparse(bytes) {
        return Ok(());
    }
    let mut registers = Registers::default();
    registers.merge(bytes)?;
    let mut whole = Vec::with_capacity(DENSE_LEN);
    whole.extend_from_slice(&bytes[..BODY_AT]);
    whole[ENCODING_AT] = DENSE;
    whole.resize(DENSE_LEN, 0);
    dense::pack(&registers.0, &mut whole[BODY_AT..]);
    *bytes = whole;
    Ok(())
}

/// The register of an element, and the least value that it has then.
fn register_of(element: &[u8]) -> (usize, u8) {
    let hash = murmur::hash(element, HASH_SEED);
    let counted = hash >> REGISTER_BITS | 1 << COUNTED_BITS;
    let zeros = u8::try_from(counted.trailing_zeros()).unwrap_or(0);
    (num::index(hash) & (REGISTERS - 1), zeros + 1)
}

fn header(encoding: u8) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.resize(BODY_AT, 0);
    bytes[ENCODING_AT] = encoding;
    bytes
}

/// All registers, a byte each.
pub struct Registers(Vec<u8>);

impl Default for Registers {
    fn default() -> Registers {
        Registers(vec![0; REGISTERS])
    }
}

impl Registers {
    /// Sees what a HyperLogLog has seen.
    ///
    /// # Errors
    /// That its body is corrupt.
    pub fn merge(&mut self, bytes: &[u8]) -> Result<(), Corrupt> {
        let body = &bytes[BODY_AT..];
        if is_sparse(bytes) {
            return sparse::each_run(body, |registers, value| {
                if value > 0 {
                    self.0[registers].iter_mut().for_each(|own| *own = value.max(*own));
                }
            });
        }
        let mut own = self.0.chunks_exact_mut(dense::BLOCK);
        dense::each(body, |others| {
            let own = own.next().into_iter().flatten();
            own.zip(others).for_each(|(own, other)| *own = (*own).max(*other));
        });
        Ok(())
    }

    /// Counts the distinct elements that were seen.
    pub fn count(&self) -> u64 {
        let mut histogram = Histogram::default();
        self.0.chunks_exact(dense::BLOCK).for_each(|registers| histogram.add_each(registers));
        histogram.count()
    }

    /// Gives a HyperLogLog these registers, of which none may be less than its own; see [`add`].
    ///
    /// # Errors
    /// That its body is corrupt.
    pub fn write_to(&self, bytes: &mut Vec<u8>, sparse_max: usize) -> Result<(), Corrupt> {
        if is_sparse(bytes) {
            let mut writer = sparse::Writer::new(bytes, sparse_max);
            let mut is_too_large = false;
            for (index, value) in self.0.iter().enumerate().filter(|(_, value)| **value > 0) {
                is_too_large = writer.raise(index, *value)? == Change::TooLarge;
                if is_too_large {
                    break;
                }
            }
            if !is_too_large {
                return Ok(());
            }
            to_dense(bytes)?;
        }
        dense::pack(&self.0, &mut bytes[BODY_AT..]);
        Ok(())
    }

    /// The registers in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = u8> {
        self.0.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sees so many elements; also the plain registers.
    fn grown(elements: u32, seed: u64, sparse_max: usize) -> (Vec<u8>, Vec<u8>) {
        let (mut bytes, mut plain) = (new(), vec![0; REGISTERS]);
        for n in 0..elements {
            let element = format!("{seed}:{n}");
            let (index, value) = register_of(element.as_bytes());
            let raises = value > plain[index];
            plain[index] = value.max(plain[index]);
            assert_eq!(add(&mut bytes, element.as_bytes(), sparse_max), Ok(raises));
        }
        (bytes, plain)
    }

    fn registers(bytes: &[u8]) -> Vec<u8> {
        let mut registers = Registers::default();
        registers.merge(bytes).unwrap();
        registers.0
    }

    #[test]
    fn both_bodies_have_the_registers_of_plain_ones() {
        for (elements, sparse_max) in
            [(0, 3_000), (1, 3_000), (500, 3_000), (4_000, 20_000), (3_000, 0), (90_000, 3_000)]
        {
            let (bytes, plain) = grown(elements, 7, sparse_max);
            assert!(is_one(&bytes) && registers(&bytes) == plain);
            assert!(!is_sparse(&bytes) || bytes.len() <= sparse_max || elements == 0);
            let mut raw = Registers::default();
            raw.merge(&bytes).unwrap();
            assert_eq!(raw.count(), count(&bytes).unwrap());
            let mut dense = bytes.clone();
            to_dense(&mut dense).unwrap();
            assert!(!is_sparse(&dense) && registers(&dense) == plain);
            assert_eq!(count(&dense), count(&bytes));
        }
    }

    #[test]
    fn counts_are_near() {
        for elements in [0, 1, 10, 1_000, 20_000, 300_000] {
            let (bytes, _) = grown(elements, 3, 3_000);
            let (counted, seen) = (count(&bytes).unwrap(), u64::from(elements));
            assert!(counted.abs_diff(seen) <= seen / 40, "{counted} of {seen}");
        }
    }

    #[test]
    fn what_is_merged_has_seen_what_all_have_seen() {
        for (a, b, sparse_max) in
            [(100, 200, 3_000), (2_000, 3, 3_000), (3, 9_000, 3_000), (50_000, 60_000, 0)]
        {
            let (mut into, (other, _)) = (grown(a, 1, sparse_max).0, grown(b, 2, sparse_max));
            let mut merged = Registers::default();
            merged.merge(&into).unwrap();
            merged.merge(&other).unwrap();
            let mut all = registers(&into);
            all.iter_mut().zip(registers(&other)).for_each(|(a, b)| *a = b.max(*a));
            merged.write_to(&mut into, sparse_max).unwrap();
            assert_eq!(registers(&into), all);
        }
    }

    #[test]
    fn the_latest_count_is_kept_until_it_is_out_of_date() {
        let mut bytes = new();
        assert_eq!(latest_count(&bytes), Some(0));
        note_count(&mut bytes, 123_456_789);
        assert_eq!(latest_count(&bytes), Some(123_456_789));
        forget_count(&mut bytes);
        assert_eq!(latest_count(&bytes), None);
    }

    #[test]
    fn any_bytes_are_read_and_changed_without_harm() {
        let mut rng = fastrand::Rng::with_seed(5);
        for round in 0..3_000 {
            let (mut bytes, _) = grown(rng.u32(0..400), round % 8, 3_000);
            if rng.u8(0..4) == 0 {
                to_dense(&mut bytes).unwrap();
            }
            for _ in 0..rng.usize(1..20) {
                let at = rng.usize(0..bytes.len());
                match rng.u8(0..4) {
                    0 => bytes.truncate(at),
                    1 => bytes.insert(at, rng.u8(..)),
                    _ => bytes[at] = rng.u8(..),
                }
                if bytes.is_empty() {
                    break;
                }
            }
            if !is_one(&bytes) {
                continue;
            }
            let (_, _) = (count(&bytes), latest_count(&bytes));
            runs(&bytes).for_each(drop);
            let mut merged = Registers::default();
            let _ignored = merged.merge(&bytes).is_err();
            let mut copy = bytes.clone();
            let _ignored = merged.write_to(&mut copy, 3_000).is_err();
            let _ignored = to_dense(&mut copy).is_err();
            for n in 0..20u8 {
                let _ignored = add(&mut bytes, &[n], rng.usize(0..4_000)).is_err();
            }
        }
    }
}
