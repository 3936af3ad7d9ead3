//! A string of a reply appended as one piece: its room is asked for once, not for each part.
//!
//! Most replies are such strings or made of them, and the parts are short, so that checks and
//! lengths between them cost more than the bytes: a quarter of what LRANGE does in all.

#![allow(unsafe_code, reason = "several short parts are written behind one check of the room")]

/// Longest string whose length takes at most two digits.
const SHORT_MAX: usize = 99;
/// Bytes that are written for a head, of which the string overwrites what is too much.
const HEAD_BYTES: usize = 8;

/// Appends a string of at most 99 bytes with its head and line ends; false, and nothing, for a
/// longer one.
#[inline]
pub(super) fn short_bulk(out: &mut Vec<u8>, bytes: &[u8]) -> bool {
    let len = bytes.len();
    let Some(digits) = u8::try_from(len).ok().filter(|_| len <= SHORT_MAX) else {
        return false;
    };
    let (head, head_len) = match digits {
        0..10 => ([b'$', b'0' + digits, b'\r', b'\n', 0, 0, 0, 0], 4),
        _ => ([b'$', b'0' + digits / 10, b'0' + digits % 10, b'\r', b'\n', 0, 0, 0], 5),
    };
    out.reserve(HEAD_BYTES + len + 2);
    let start = out.len();
    // SAFETY: there is room for `HEAD_BYTES + len + 2` bytes behind `start`, and `head_len` is less
    // than `HEAD_BYTES`, so all writes are inside of it; `bytes` is borrowed, so not in `out`. All
    // bytes up to the new length have been written.
    unsafe {
        let head_at = out.as_mut_ptr().add(start);
        head_at.cast::<[u8; HEAD_BYTES]>().write_unaligned(head);
        let text_at = head_at.add(head_len);
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), text_at, len);
        text_at.add(len).cast::<[u8; 2]>().write_unaligned(*b"\r\n");
        out.set_len(start + head_len + len + 2);
    }
    true
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
