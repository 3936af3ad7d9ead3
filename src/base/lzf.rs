//! Compression in the format of LZF, which snapshots use for strings.
//!
//! ```text
//! 000LLLLL byte ..             L + 1 bytes as they are
//! LLLooooo oooooooo            L + 2 bytes from o + 1 bytes before, where L is 1 to 6
//! 111ooooo LLLLLLLL oooooooo   the same for L + 7 more than that
//! ```
//!
//! The format is that of Marc Lehmann's liblzf; <https://oldhome.schmorp.de/marc/liblzf.html>.

use super::num;

/// Most bytes that are told to stand as they are at once.
const LITERALS_MAX: usize = 32;
/// Most bytes that a repetition covers.
const REPEATED_MAX: usize = 264;
/// How far back a repetition may begin.
const DISTANCE_MAX: usize = 8_192;
/// Least bytes that are worth a repetition.
const REPEATED_MIN: usize = 3;
/// Most bytes that come of one byte.
const GROWTH_MAX: usize = REPEATED_MAX / 3;
/// Places that are remembered, as a power of two: twice as many as a string has bytes, from the
/// least to the most.
const SLOT_BITS_MIN: u32 = 7;
const SLOT_BITS_MAX: u32 = 13;
/// After so many bytes without a repetition, as a power of two, every second one is skipped, and so
/// on: what cannot be compressed costs little.
const SKIP_BITS: usize = 6;

/// Compresses one string after the other.
pub struct Compressor {
    /// Where three bytes of a hash were last seen, counted on from string to string.
    seen: Vec<u32>,
    /// How many of them there are, as a power of two.
    slot_bits: u32,
    /// The number of the present string's first byte.
    base: u32,
}

impl Default for Compressor {
    fn default() -> Compressor {
        Compressor { seen: Vec::new(), slot_bits: 0, base: 1 }
    }
}

impl Compressor {
    /// Appends the compressed form of `input` to `out` if it takes no more than `max` bytes; false
    /// and nothing otherwise.
    pub fn compress(&mut self, input: &[u8], out: &mut Vec<u8>, max: usize) -> bool {
        let start = out.len();
        let Ok(len) = u32::try_from(input.len()) else { return false };
        let (mut at, mut written, mut at_number) = (0, 0, self.begin(len));
        let base = at_number;
        while at + REPEATED_MIN <= input.len() {
            let slot = slot_of(&input[at..], self.slot_bits);
            let number = std::mem::replace(&mut self.seen[slot], at_number);
            let repeated = match number.checked_sub(base) {
                Some(from) => common(input, from as usize, at),
                None => 0,
            };
            let step = if repeated < REPEATED_MIN {
                1 + ((at - written) >> SKIP_BITS)
            } else {
                let from = number - base;
                push_literals(out, &input[written..at]);
                push_repetition(out, at - from as usize, repeated);
                written = at + repeated;
                repeated
            };
            at += step;
            at_number = at_number.wrapping_add(u32::try_from(step).unwrap_or(0));
            if out.len() - start + (at - written.min(at)) / LITERALS_MAX > max {
                break;
            }
        }
        push_literals(out, &input[written..]);
        let fits = out.len() - start <= max;
        if !fits {
            out.truncate(start);
        }
        fits
    }

    /// The number of the first byte of a string of so many.
    fn begin(&mut self, len: u32) -> u32 {
        if self.base.checked_add(len).is_none() {
            *self = Compressor::default();
        }
        let bits = (u32::BITS - len.leading_zeros() + 1).clamp(SLOT_BITS_MIN, SLOT_BITS_MAX);
        if self.slot_bits < bits {
            (self.seen, self.slot_bits) = (vec![0; 1 << bits], bits);
        }
        let base = self.base;
        self.base = base.saturating_add(len);
        base
    }
}

/// Where three bytes are remembered.
#[inline]
fn slot_of(bytes: &[u8], slot_bits: u32) -> usize {
    let word = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], 0]);
    (word.wrapping_mul(0x9E37_79B1) >> (u32::BITS - slot_bits)) as usize
}

/// How many bytes from two places on are the same, as far as they can be told in one repetition.
#[inline]
fn common(input: &[u8], from: usize, at: usize) -> usize {
    if from >= at || at - from > DISTANCE_MAX {
        return 0;
    }
    let len = REPEATED_MAX.min(input.len() - at);
    let (a, b) = (&input[at..at + len], &input[from..from + len]);
    let mut same = 0;
    while let (Some(a), Some(b)) = (a[same..].first_chunk(), b[same..].first_chunk()) {
        let differing = u64::from_le_bytes(*a) ^ u64::from_le_bytes(*b);
        if differing != 0 {
            return same + (differing.trailing_zeros() / 8) as usize;
        }
        same += size_of::<u64>();
    }
    same + a[same..].iter().zip(&b[same..]).take_while(|(a, b)| a == b).count()
}

fn push_literals(out: &mut Vec<u8>, bytes: &[u8]) {
    for run in bytes.chunks(LITERALS_MAX) {
        out.push(u8::try_from(run.len() - 1).unwrap_or(0));
        out.extend_from_slice(run);
    }
}

fn push_repetition(out: &mut Vec<u8>, distance: usize, len: usize) {
    let [low, high] = u16::try_from(distance - 1).unwrap_or(0).to_le_bytes();
    match len - 2 {
        len @ 0..7 => out.push(num::low_byte(len as u64) << 5 | high),
        len => out.extend_from_slice(&[7 << 5 | high, num::low_byte(len as u64 - 7)]),
    }
    out.push(low);
}

/// Appends what `input` is the compressed form of, which must be `len` bytes; false if it is not.
pub fn decompress(input: &[u8], len: usize, out: &mut Vec<u8>) -> bool {
    if len > input.len().saturating_mul(GROWTH_MAX) {
        return false;
    }
    let start = out.len();
    out.reserve(len);
    let mut rest = input;
    while let Some((&control, behind)) = rest.split_first() {
        let control = usize::from(control);
        if control < LITERALS_MAX {
            let Some((run, behind)) = behind.split_at_checked(control + 1) else { return false };
            out.extend_from_slice(run);
            rest = behind;
        } else {
            let (more, behind) = match (control >> 5, behind) {
                (7, [more, behind @ ..]) => (usize::from(*more), behind),
                (7, []) => return false,
                (_, behind) => (0, behind),
            };
            let [low, behind @ ..] = behind else { return false };
            let distance = ((control & 0x1F) << 8 | usize::from(*low)) + 1;
            if !repeat(out, start, distance, (control >> 5) + more + 2) {
                return false;
            }
            rest = behind;
        }
        if out.len() - start > len {
            return false;
        }
    }
    out.len() - start == len
}

/// Appends bytes that stand so far before the end, one after the other.
fn repeat(out: &mut Vec<u8>, start: usize, distance: usize, len: usize) -> bool {
    let Some(from) = out.len().checked_sub(distance).filter(|from| *from >= start) else {
        return false;
    };
    if distance >= len {
        out.extend_from_within(from..from + len);
    } else {
        // It repeats what it has itself written.
        (from..from + len).for_each(|at| out.push(out[at]));
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there_and_back(compressor: &mut Compressor, input: &[u8]) -> Option<usize> {
        let mut out = b"before".to_vec();
        let max = input.len() + input.len() / 32 + 1;
        assert!(compressor.compress(input, &mut out, max), "it cannot grow by more");
        let mut back = b"x".to_vec();
        assert!(decompress(&out[6..], input.len(), &mut back));
        assert_eq!(&back[1..], input);
        (out.len() - 6 < input.len()).then_some(out.len() - 6)
    }

    #[test]
    fn what_is_compressed_comes_back() {
        let mut compressor = Compressor::default();
        let mut rng = fastrand::Rng::with_seed(4);
        for round in 0..3_000 {
            let letters = [1, 2, 5, 255][round % 4];
            let longest = [10, 100, 1_000, 20_000][rng.usize(0..4)];
            let len = rng.usize(0..longest);
            let input: Vec<u8> = (0..len).map(|_| rng.u8(0..letters)).collect();
            there_and_back(&mut compressor, &input);
        }
        assert_eq!(there_and_back(&mut compressor, &[b'a'; 1_000]), Some(14));
    }

    #[test]
    fn what_would_be_too_long_is_left() {
        let mut out = b"x".to_vec();
        assert!(!Compressor::default().compress(b"abcdefghijklmnopqrstuvwxyz", &mut out, 22));
        assert_eq!(out, b"x");
        assert!(Compressor::default().compress(&[b'a'; 26], &mut out, 22));
    }

    #[test]
    fn any_bytes_are_refused_or_read() {
        let mut rng = fastrand::Rng::with_seed(5);
        for _ in 0..20_000 {
            let len = rng.usize(0..40);
            let input: Vec<u8> = (0..len).map(|_| rng.u8(..)).collect();
            let (wanted, mut out) = (rng.usize(0..100), Vec::new());
            if decompress(&input, wanted, &mut out) {
                assert_eq!(out.len(), wanted);
            }
        }
        assert!(!decompress(&[0xFF], usize::MAX, &mut Vec::new()));
    }

    #[test]
    fn the_format_is_that_of_liblzf() {
        let mut out = Vec::new();
        // Two letters, and nine bytes from one byte before.
        assert!(decompress(&[1, b'b', b'a', 0xE0, 0, 0], 11, &mut out));
        assert_eq!(out, b"baaaaaaaaaa");
    }
}
