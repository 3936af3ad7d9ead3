//! One line of a hash table: seven items, a byte of each one's hash, and a count of the items that
//! found the line full and went to the next one.

use crate::base::num;

/// Items in a line.
pub const WAYS: usize = 7;

/// One in each byte of a word.
const ONES: u64 = 0x0101_0101_0101_0101;
/// The high bit of each of the seven tags.
const TAG_HIGH_BITS: u64 = 0x0080_8080_8080_8080;
/// Where the count of passed-on items stands among the marks.
const PASSED_SHIFT: u32 = 56;
/// The count of passed-on items stays here once it gets here, since it is no longer exact.
const PASSED_MAX: u64 = 0xFF;

/// Items that share a cache line, with a byte of each one's hash.
#[derive(Clone)]
#[repr(align(64))]
pub struct Line<T> {
    /// Seven tags, zero for an empty way; in the highest byte the items passed on to the next line.
    marks: u64,
    /// The items, where there are some.
    pub items: [Option<T>; WAYS],
}

impl<T> Line<T> {
    /// One without items.
    pub const fn empty() -> Line<T> {
        Line { marks: 0, items: [const { None }; WAYS] }
    }

    /// The high bit of each byte whose tag is `tag`. Above a true hit there may be false ones.
    #[inline]
    pub fn hits(&self, tag: u8) -> u64 {
        // The classic test for a zero byte in a word.
        let differing = self.marks ^ (ONES * u64::from(tag));
        differing.wrapping_sub(ONES) & !differing & TAG_HIGH_BITS
    }

    /// Notes the tag of an item, or zero for none.
    pub fn set_tag(&mut self, way: u32, tag: u8) {
        let shift = way * 8;
        self.marks = (self.marks & !(0xFF << shift)) | (u64::from(tag) << shift);
    }

    /// Items that found this line full and stand further on.
    #[inline]
    pub fn passed(&self) -> u64 {
        self.marks >> PASSED_SHIFT
    }

    /// Counts one item more that has been passed on, or one less.
    pub fn count_passed(&mut self, one_more: bool) {
        let passed = self.passed();
        match one_more {
            _ if passed == PASSED_MAX => {}
            true => self.marks += 1 << PASSED_SHIFT,
            false => self.marks -= 1 << PASSED_SHIFT,
        }
    }
}

/// The byte of a hash that stands in the line; never zero, which marks an empty way.
#[inline]
pub fn tag_of(hash: u64) -> u8 {
    num::low_byte(hash).max(1)
}
