//! A string of a reply appended as one piece: its room is asked for once, not for each part.
//!
//! Most replies are such strings or made of them, and the parts are short, so that checks and
//! lengths between them cost more than the bytes: a quarter of what LRANGE does in all.

#![allow(unsafe_code, reason = "several short parts are written behind one check of the room")]

use super::output::Output;

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
    let Some(head) = HEADS.get(bytes.len()) else { return false };
    out.reserve(HEAD_BYTES + bytes.len() + 2);
    let len = out.len();
    // SAFETY: there is room for `HEAD_BYTES + bytes.len() + 2` bytes behind `len`; all bytes up to
    // the new length have been written.
    unsafe {
        let end = write(out, len, head, bytes);
        out.set_len(end);
    }
    true
}

/// Writes a string with its head and line ends from `len` on, and tells where it ends.
///
/// # Safety
/// `out` must have room for `HEAD_BYTES + bytes.len() + 2` bytes behind `len`, and `head` must be
/// that of the string.
#[inline(always)] // Into its callers, which have looked at the length.
unsafe fn write(out: &mut Vec<u8>, len: usize, head: &[u8; HEAD_BYTES], bytes: &[u8]) -> usize {
    let head_len = usize::from(head[HEAD_BYTES - 1]);
    // SAFETY: `head_len` is less than `HEAD_BYTES`, so all writes are inside the room; `bytes` is
    // borrowed, so not in `out`.
    unsafe {
        let head_at = out.as_mut_ptr().add(len);
        head_at.cast::<[u8; HEAD_BYTES]>().write_unaligned(*head);
        let text_at = head_at.add(head_len);
        copy(bytes.as_ptr(), text_at, bytes.len());
        text_at.add(bytes.len()).cast::<[u8; 2]>().write_unaligned(*b"\r\n");
    }
    len + head_len + bytes.len() + 2
}

/// Strings that follow each other in a reply; see [`Output::strings`].
pub struct Strings<'o> {
    out: &'o mut Output,
    /// Bytes of the buffer that are written; its own length is told at the end, so that nothing
    /// goes through memory from one string to the next.
    len: usize,
}

impl Strings<'_> {
    /// A string of any bytes.
    #[inline(always)] // Into the loops that are there for it.
    pub fn bulk(&mut self, bytes: &[u8]) {
        let room = self.out.tail.capacity() - self.len;
        self.len = match HEADS.get(bytes.len()) {
            Some(head) if room >= HEAD_BYTES + bytes.len() + 2 => {
                // SAFETY: that is the room that is asked for.
                unsafe { write(&mut self.out.tail, self.len, head, bytes) }
            }
            _ => Strings::other(self.out, self.len, bytes),
        };
    }

    /// An integer as a string.
    #[inline(always)] // As above.
    pub fn int(&mut self, value: i64) {
        self.len = Strings::integer(self.out, self.len, value);
    }

    // What follows takes the length and tells the new one, so that it can stay in a register.

    /// Writes an integer behind so many bytes; how many there are then.
    #[inline(never)] // Keeps the loops short.
    fn integer(out: &mut Output, len: usize, value: i64) -> usize {
        let mut strings = Strings { out, len };
        strings.bulk(itoa::Buffer::new().format(value).as_bytes());
        strings.len
    }

    /// Writes a string that is long, or for which there is no room yet.
    #[inline(never)] // As above.
    fn other(out: &mut Output, len: usize, bytes: &[u8]) -> usize {
        // SAFETY: so many bytes have been written.
        unsafe { out.tail.set_len(len) };
        out.bulk(bytes);
        out.tail.len()
    }
}

impl Output {
    /// Appends strings, which `write` is to write, with less work for each than by
    /// [`Output::bulk`].
    #[inline(always)] // So that the loop inside knows where the buffer is.
    pub fn strings(&mut self, write: impl FnOnce(&mut Strings<'_>)) {
        let len = self.tail.len();
        let mut strings = Strings { out: self, len };
        write(&mut strings);
        let len = strings.len;
        // SAFETY: so many bytes have been written.
        unsafe { self.tail.set_len(len) };
    }
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
    fn strings_in_a_row_are_as_each_by_itself() {
        let text: Vec<u8> = (0..=u8::MAX).collect();
        for cap in [0, 100] {
            let (mut row, mut each) = (Output::default(), Output::default());
            row.set_cap(cap);
            each.set_cap(cap);
            row.strings(|strings| {
                for len in (0..text.len()).chain((0..text.len()).rev()) {
                    strings.bulk(&text[..len]);
                    strings.int(-3 * len.cast_signed() as i64);
                }
            });
            for len in (0..text.len()).chain((0..text.len()).rev()) {
                each.bulk(&text[..len]);
                each.bulk_int(-3 * len.cast_signed() as i64);
            }
            // A client that is over its limit is closed: what it is still sent does not matter.
            assert!(row.single() == each.single() || cap > 0 && row.len() < 1_000);
        }
    }

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
