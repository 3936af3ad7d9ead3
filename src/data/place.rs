//! Where an item of a hash table stands.

use crate::base::num;
use std::num::NonZeroU64;

/// Where an item stands. Holds until the next insertion or removal.
///
/// A segment, a line of it and a way of that, in one word that is never zero: it travels in a
/// register, even if there may be none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(NonZeroU64);

impl Place {
    /// The place of a way of a line of a segment; lines and ways are below 2^8.
    #[inline]
    pub(super) fn new(segment: u32, line: usize, way: u32) -> Place {
        debug_assert!(line < 1 << 8 && way < 1 << 8, "lines and ways are few");
        let word = u64::from(segment) << 16 | (line as u64) << 8 | u64::from(way);
        Place(NonZeroU64::MIN.saturating_add(word))
    }

    /// Segment, line and way.
    #[inline]
    pub(super) fn parts(self) -> (usize, usize, usize) {
        let word = self.0.get() - 1;
        (num::index(word >> 16), num::index(word >> 8 & 0xFF), num::index(word & 0xFF))
    }
}
