//! Short byte strings compared in registers.

/// Whether two byte strings are equal: `a == b`, but without a call if they are of 1 to 16 bytes,
/// as most keys and nearly all names of commands are.
#[inline]
pub fn equal(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len()
        && match a.len() {
            // The first and the last bytes overlap, and are all together.
            8..=16 => ends::<8>(a).map(u64s) == ends::<8>(b).map(u64s),
            4..8 => ends::<4>(a).map(u32s) == ends::<4>(b).map(u32s),
            1..4 => a[0] == b[0] && a.last() == b.last() && a[a.len() / 2] == b[a.len() / 2],
            _ => a == b,
        }
}

#[inline]
fn ends<const N: usize>(bytes: &[u8]) -> Option<[[u8; N]; 2]> {
    Some([*bytes.first_chunk()?, *bytes.last_chunk()?])
}

#[inline]
fn u64s(ends: [[u8; 8]; 2]) -> [u64; 2] {
    ends.map(u64::from_le_bytes)
}

#[inline]
fn u32s(ends: [[u8; 4]; 2]) -> [u32; 2] {
    ends.map(u32::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_equal_only_if_all_bytes_are() {
        let text = b"abcdefghijklmnopqrst";
        for len in 0..=text.len() {
            let same = text[..len].to_vec();
            assert!(equal(&text[..len], &same));
            for at in 0..len {
                let mut other = same.clone();
                other[at] = b'A';
                assert!(!equal(&text[..len], &other), "{len} bytes, differing at {at}");
            }
            assert!(len == 0 || !equal(&text[..len - 1], &same));
        }
    }
}
