//! MurmurHash64A by Austin Appleby, which is in the public domain.

const MULTIPLIER: u64 = 0xC6A4_A793_5BD1_E995;
const SHIFT: u32 = 47;

/// The hash of bytes.
pub fn hash(bytes: &[u8], seed: u64) -> u64 {
    let mut hash = seed ^ (bytes.len() as u64).wrapping_mul(MULTIPLIER);
    let mut words = bytes.chunks_exact(8);
    for word in words.by_ref() {
        let mut mixed = word_of(word).wrapping_mul(MULTIPLIER);
        mixed ^= mixed >> SHIFT;
        hash = (hash ^ mixed.wrapping_mul(MULTIPLIER)).wrapping_mul(MULTIPLIER);
    }
    if !words.remainder().is_empty() {
        hash = (hash ^ word_of(words.remainder())).wrapping_mul(MULTIPLIER);
    }
    hash = (hash ^ hash >> SHIFT).wrapping_mul(MULTIPLIER);
    hash ^ hash >> SHIFT
}

/// At most eight bytes, the lowest first.
fn word_of(bytes: &[u8]) -> u64 {
    let mut word = [0; 8];
    word[..bytes.len()].copy_from_slice(bytes);
    u64::from_le_bytes(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_and_every_byte_count() {
        let mut seen = std::collections::BTreeSet::new();
        for len in 0..20 {
            let mut bytes = vec![0; len];
            assert!(seen.insert(hash(&bytes, 1)));
            for at in 0..len {
                bytes[at] = 1;
                assert!(seen.insert(hash(&bytes, 1)));
                bytes[at] = 0;
            }
        }
    }
}
