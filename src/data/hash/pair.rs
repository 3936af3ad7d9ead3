//! A field and its value in one piece: what a large hash keeps for each.
//!
//! ```text
//! head 1 | [field length 8] | [heap slot 4] | field | value
//! ```
//!
//! The head is the length of the field, or the mark that it stands behind; its highest bit tells
//! whether there is room for a heap slot, which there is once the field has had a deadline. A field
//! of 14 bytes with a value of 14 takes 30 bytes: 32 from the allocator.

use crate::base::num;
use crate::data::deadlines::Timed;
use crate::data::table::Prefetch;
use crate::data::thin::Thin;

/// Head bit: there is room for a heap slot.
const HAS_SLOT: u8 = 1 << 7;
/// In place of a length that does not fit the rest of the head.
const WIDE: u8 = HAS_SLOT - 1;
/// Heap slot of a field without a deadline.
const NO_SLOT: u32 = u32::MAX;
/// Bytes of the heap slot.
const SLOT_BYTES: usize = 4;

/// A field with its value.
#[derive(Clone)]
pub(super) struct Pair(Thin);

impl Pair {
    /// A field without a deadline; `with_slot` leaves room for one to come.
    pub(super) fn new(field: &[u8], value: &[u8], with_slot: bool) -> Pair {
        let flag = if with_slot { HAS_SLOT } else { 0 };
        let slot = &NO_SLOT.to_le_bytes()[..if with_slot { SLOT_BYTES } else { 0 }];
        match u8::try_from(field.len()) {
            Ok(len) if len < WIDE => Pair(Thin::new(&[&[flag | len], slot, field, value])),
            Ok(_) | Err(_) => {
                let len = (field.len() as u64).to_le_bytes();
                Pair(Thin::new(&[&[flag | WIDE], &len, slot, field, value]))
            }
        }
    }

    /// The field.
    #[inline]
    pub(super) fn field(&self) -> &[u8] {
        self.parts().0
    }

    /// The value.
    #[inline]
    pub(super) fn value(&self) -> &[u8] {
        self.parts().1
    }

    /// Field and value.
    #[inline]
    pub(super) fn parts(&self) -> (&[u8], &[u8]) {
        let bytes = self.0.as_bytes();
        let (start, len) = shape(bytes);
        bytes[start..].split_at(len)
    }

    /// The same with another value; heap slot and room for it stay.
    pub(super) fn set_value(&mut self, value: &[u8]) {
        let bytes = self.0.as_bytes_mut();
        let (start, len) = shape(bytes);
        let held = &mut bytes[start + len..];
        if held.len() == value.len() {
            held.copy_from_slice(value);
            return;
        }
        let slot = self.heap_slot();
        let has_room = self.0.as_bytes()[0] & HAS_SLOT != 0;
        let mut pair = Pair::new(self.field(), value, has_room);
        pair.set_heap_slot(slot);
        *self = pair;
    }

    /// Bytes of memory, as the allocator rounds them.
    pub(super) fn memory_bytes(&self) -> usize {
        self.0.memory_bytes()
    }
}

impl Timed for Pair {
    fn heap_slot(&self) -> Option<u32> {
        let bytes = self.0.as_bytes();
        if bytes[0] & HAS_SLOT == 0 {
            return None;
        }
        let at = shape(bytes).0 - SLOT_BYTES;
        let slot = u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        (slot != NO_SLOT).then_some(slot)
    }

    fn set_heap_slot(&mut self, slot: Option<u32>) {
        if self.0.as_bytes()[0] & HAS_SLOT == 0 {
            if slot.is_none() {
                return;
            }
            *self = Pair::new(self.field(), self.value(), true);
        }
        let bytes = self.0.as_bytes_mut();
        let end = shape(bytes).0;
        bytes[end - SLOT_BYTES..end].copy_from_slice(&slot.unwrap_or(NO_SLOT).to_le_bytes());
    }
}

impl Prefetch for Pair {
    #[inline]
    fn prefetch(&self) {
        self.0.prefetch();
    }
}

/// Where the field begins, and its length.
#[inline]
fn shape(bytes: &[u8]) -> (usize, usize) {
    let head = bytes[0];
    let slot = if head & HAS_SLOT == 0 { 0 } else { SLOT_BYTES };
    match head & !HAS_SLOT {
        WIDE => {
            let mut len = [0; 8];
            len.copy_from_slice(&bytes[1..9]);
            (9 + slot, num::index(u64::from_le_bytes(len)))
        }
        len => (1 + slot, usize::from(len)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_keeps_its_parts_and_its_slot() {
        let mut rng = fastrand::Rng::with_seed(3);
        for field_len in [0, 1, 14, 125, 126, 127, 128, 300, 70_000] {
            let field = vec![b'f'; field_len];
            let mut pair = Pair::new(&field, b"value", rng.bool());
            let mut slot = None;
            for _ in 0..50 {
                let value = vec![rng.u8(..); rng.usize(0..400)];
                match rng.u8(0..3) {
                    0 => slot = Some(rng.u32(0..100)),
                    1 => slot = None,
                    _ => {}
                }
                pair.set_heap_slot(slot);
                pair.set_value(&value);
                assert_eq!((pair.parts(), pair.heap_slot()), ((&field[..], &value[..]), slot));
                assert_eq!((pair.field(), pair.value()), pair.clone().parts());
            }
        }
    }

    #[test]
    fn a_common_pair_fits_its_class() {
        assert_eq!(Pair::new(&[b'f'; 14], &[b'v'; 14], false).memory_bytes(), 32);
        assert_eq!(Pair::new(&[b'f'; 14], &[b'v'; 14], true).memory_bytes(), 48);
        assert_eq!(size_of::<Option<Pair>>(), 8);
    }
}
