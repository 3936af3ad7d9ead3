//! Bytes behind a pointer of eight bytes: the length stands in front of them, in the same
//! allocation.
//!
//! What a large collection keeps for each element is one of these. Up to 254 bytes cost one byte
//! more than they are.
#![allow(unsafe_code, reason = "a fat pointer would cost eight bytes an element")]

use super::table::Prefetch;
use crate::sys::{cache, memory};
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

/// In place of a length that does not fit a byte.
const WIDE: u8 = u8::MAX;
/// Bytes of a length that does not fit a byte, with the mark.
const WIDE_BYTES: usize = 9;

/// Owned bytes of a length that does not change.
pub struct Thin(NonNull<u8>);

impl Thin {
    /// The bytes of all parts, one behind the other.
    pub fn new(parts: &[&[u8]]) -> Thin {
        let len = parts.iter().map(|part| part.len()).sum();
        let layout = layout_of(len);
        // SAFETY: the size is not zero, as there is a length at least.
        let Some(base) = NonNull::new(unsafe { alloc(layout) }) else { handle_alloc_error(layout) };
        // SAFETY: the allocation has `head_len(len) + len` bytes, and the parts are `len` together;
        // fresh memory overlaps with none of them.
        unsafe {
            let mut at = base.as_ptr();
            match u8::try_from(len) {
                Ok(short) if short != WIDE => at.write(short),
                Ok(_) | Err(_) => {
                    at.write(WIDE);
                    at.add(1).cast::<[u8; 8]>().write((len as u64).to_le_bytes());
                }
            }
            at = at.add(head_len(len));
            for part in parts {
                at.copy_from_nonoverlapping(part.as_ptr(), part.len());
                at = at.add(part.len());
            }
        }
        Thin(base)
    }

    /// The bytes.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        let (head, len) = self.lens();
        // SAFETY: `new` has written so many bytes behind the head.
        unsafe { std::slice::from_raw_parts(self.0.as_ptr().add(head), len) }
    }

    /// The bytes, to be changed.
    #[inline]
    pub fn as_bytes_mut(&mut self) -> &mut [u8] {
        let (head, len) = self.lens();
        // SAFETY: as in `as_bytes`, and the borrow is the only one.
        unsafe { std::slice::from_raw_parts_mut(self.0.as_ptr().add(head), len) }
    }

    /// Bytes of memory, as the allocator rounds them.
    pub fn memory_bytes(&self) -> usize {
        let (head, len) = self.lens();
        memory::size_class(head + len)
    }

    /// How many bytes more would take no more memory than so many do.
    pub fn spare_beside(len: usize) -> usize {
        let used = head_len(len) + len;
        let spare = memory::size_class(used) - used;
        // The head stays what it is.
        if len < usize::from(WIDE) { spare.min(usize::from(WIDE) - 1 - len) } else { spare }
    }

    /// A second pointer to the bytes.
    pub fn share(&self) -> Shared {
        Shared(self.0)
    }

    /// Bytes of the length, and the length.
    #[inline]
    fn lens(&self) -> (usize, usize) {
        // SAFETY: there is a byte at least, and eight more behind the mark.
        unsafe {
            match self.0.read() {
                WIDE => {
                    let wide = self.0.as_ptr().add(1).cast::<[u8; 8]>().read();
                    (WIDE_BYTES, crate::base::num::index(u64::from_le_bytes(wide)))
                }
                short => (1, usize::from(short)),
            }
        }
    }
}

/// A pointer to the bytes of a [`Thin`], which does not keep them.
#[derive(Clone, Copy)]
pub struct Shared(NonNull<u8>);

impl Shared {
    /// The bytes.
    ///
    /// # Safety
    /// The [`Thin`] that was shared must live as long as they are looked at, and not be changed.
    #[inline]
    pub unsafe fn as_bytes<'a>(self) -> &'a [u8] {
        let thin = ManuallyDrop::new(Thin(self.0));
        let bytes: *const [u8] = thin.as_bytes();
        // SAFETY: the bytes are not in `thin` but behind its pointer, and the caller promises that
        // they stay.
        unsafe { &*bytes }
    }
}

impl Drop for Thin {
    fn drop(&mut self) {
        let (_, len) = self.lens();
        // SAFETY: allocated with the same layout; nothing uses it after this.
        unsafe { dealloc(self.0.as_ptr(), layout_of(len)) };
    }
}

impl Clone for Thin {
    fn clone(&self) -> Thin {
        Thin::new(&[self.as_bytes()])
    }
}

impl Prefetch for Thin {
    #[inline]
    fn prefetch(&self) {
        // SAFETY: there is a byte at least.
        cache::prefetch(unsafe { self.0.as_ref() });
    }
}

fn head_len(len: usize) -> usize {
    if len < usize::from(WIDE) { 1 } else { WIDE_BYTES }
}

fn layout_of(len: usize) -> Layout {
    match Layout::from_size_align(head_len(len) + len, 1) {
        Ok(layout) => layout,
        Err(_) => unreachable!("no bytes in memory are so many"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_those_of_the_parts() {
        for len in [0, 1, 13, 253, 254, 255, 256, 70_000] {
            let part: Vec<u8> = (0..len).map(|n: u32| n.to_le_bytes()[0]).collect();
            let mut thin = Thin::new(&[&part, b"", b"end"]);
            assert_eq!(thin.as_bytes(), [&part[..], b"end"].concat());
            thin.as_bytes_mut()[part.len()] = b'E';
            let copy = thin.clone();
            drop(thin);
            assert!(copy.as_bytes().ends_with(b"End"));
            assert!(copy.memory_bytes() >= part.len() + 4);
        }
        assert_eq!(size_of::<Option<Thin>>(), 8);
        for (len, spare) in [(0, 15), (15, 0), (16, 15), (250, 4), (254, 0), (255, 56)] {
            assert_eq!(Thin::spare_beside(len), spare, "{len}");
        }
        assert_eq!(Thin::new(&[&[b'm'; 15]]).memory_bytes(), 16);
    }
}
