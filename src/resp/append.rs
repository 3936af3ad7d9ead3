//! A string of a reply appended as one piece: its room is asked for once, not for each part.
//!
//! Most replies are such strings or made of them, and the parts are short, so that checks and
//! lengths between them cost more than the bytes: a quarter of what LRANGE does in all.

#![allow(unsafe_code, reason = "several short parts are written behind one check of the room")]

/// Longest string whose length takes at most two digits.
const SHORT_MAX: usize = 99;
/// Bytes that are written for a head, of which the string overwrites what is too much.
const HEAD_BYTES: usize = 8;
/// The heads of strings by their length; the last byte is the head's own length.
static HEADS: [[u8; HEAD_BYTES]; SHORT_MAX + 1] = heads();

/// Appends a string of at most 99 bytes with its head and line ends; false, and nothing, for a
/// longer one.
#[inline(always)] // Into the two forms of `Output::bulk`.
pub(super) fn short_bulk(out: &mut Vec<u8>, bytes: &[u8]) -> bool {
    let len = bytes.len();
    let Some(head) = HEADS.get(len) else { return false };
    let head_len = usize::from(head[HEAD_BYTES - 1]);
    out.reserve(HEAD_BYTES + len + 2);
    let start = out.len();
    // SAFETY: there is room for `HEAD_BYTES + len + 2` bytes behind `start`, and `head_len` is less
    // than `HEAD_BYTES`, so all writes are inside of it; `bytes` is borrowed, so not in `out`. All
    // bytes up to the new length have been written.
    unsafe {
        let head_at = out.as_mut_ptr().add(start);
        head_at.cast::<[u8; HEAD_BYTES]>().write_unaligned(*head);
        let text_at = head_at.add(head_len);
        copy(bytes.as_ptr(), text_at, len);
        text_at.add(len).cast::<[u8; 2]>().write_unaligned(*b"\r\n");
        out.set_len(start + head_len + len + 2);
    }
    true
}

/// Copies `len` bytes that do not overlap. Up to 32 are copied in two pieces, which may overlap
/// each other, so that nothing has to be called.
///
/// # Safety
/// `from` must be readable and `to` writable for `len` bytes.
#[inline(always)] // Into its one caller.
unsafe fn copy(from: *const u8, to: *mut u8, len: usize) {
    /// Copies the first and the last bytes, as many each as `T` has.
    ///
    /// # Safety
    /// As for `copy`, and `len` is from the size of `T` to twice that.
    #[inline(always)] // As above.
    unsafe fn ends<T>(from: *const u8, to: *mut u8, len: usize) {
        let back = len - size_of::<T>();
        // SAFETY: both pieces are within the `len` bytes.
        unsafe {
            let first = from.cast::<T>().read_unaligned();
            let last = from.add(back).cast::<T>().read_unaligned();
            to.cast::<T>().write_unaligned(first);
            to.add(back).cast::<T>().write_unaligned(last);
        }
    }
    // SAFETY: each piece is used for the lengths that it is good for.
    unsafe {
        match len {
            16..=32 => ends::<u128>(from, to, len),
            8..16 => ends::<u64>(from, to, len),
            4..8 => ends::<u32>(from, to, len),
            _ => std::ptr::copy_nonoverlapping(from, to, len),
        }
    }
}

const fn heads() -> [[u8; HEAD_BYTES]; SHORT_MAX + 1] {
    let mut heads = [[0; HEAD_BYTES]; SHORT_MAX + 1];
    let mut digits = [b'0', b'0'];
    let mut len = 0;
    while len <= SHORT_MAX {
        let [tens, ones] = digits;
        heads[len] = match tens {
            b'0' => [b'$', ones, b'\r', b'\n', 0, 0, 0, 4],
            _ => [b'$', tens, ones, b'\r', b'\n', 0, 0, 5],
        };
        digits = if ones == b'9' { [tens + 1, b'0'] } else { [tens, ones + 1] };
        len += 1;
    }
    heads
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_strings_are_as_their_parts_would_be() {
        let text: Vec<u8> = (0..=u8::MAX).collect();
        for len in 0..text.len() {
            for room in [0, len, 2 * len] {
                let mut out = Vec::with_capacity(room);
                out.extend_from_slice(b"+OK\r\n");
                let is_short = short_bulk(&mut out, &text[..len]);
                assert_eq!(is_short, len <= SHORT_MAX);
                let mut parts = b"+OK\r\n".to_vec();
                if is_short {
                    parts.extend_from_slice(format!("${len}\r\n").as_bytes());
                    parts.extend_from_slice(&text[..len]);
                    parts.extend_from_slice(b"\r\n");
                }
                assert_eq!(out, parts);
            }
        }
    }
}
