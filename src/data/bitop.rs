//! Bitwise operations between strings; shorter ones count as ending in zeros.

/// Bytes of the result that are made together, so that they stay in the nearest cache however many
/// strings go into them.
const BLOCK: usize = 8_192;

/// What becomes of the bits at one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Set in all.
    And,
    /// Set in any.
    Or,
    /// Set in an odd number.
    Xor,
    /// Not set in the first, which is the only one.
    Not,
    /// Set in the first, and in none of the others.
    Diff,
    /// Set in any of the others, and not in the first.
    Diff1,
    /// Set in the first, and in any of the others.
    AndOr,
    /// Set in exactly one.
    One,
}

/// The result of an operation, as long as the longest of `sources`. It stands in `room` if that is
/// large enough and not far too large: fresh memory costs more than the operation.
pub fn combine(operation: Operation, sources: &[&[u8]], room: Vec<u8>) -> Vec<u8> {
    let len = sources.iter().map(|source| source.len()).max().unwrap_or(0);
    let fits = (len..=len * 2).contains(&room.capacity());
    let mut result = if fits { room } else { Vec::with_capacity(len) };
    result.clear();
    let mut parts = Vec::with_capacity(sources.len());
    for start in (0..len).step_by(BLOCK) {
        let end = (start + BLOCK).min(len);
        parts.clear();
        parts.extend(sources.iter().map(|s| &s[start.min(s.len())..end.min(s.len())]));
        let Some((first, others)) = parts.split_first() else { continue };
        result.extend_from_slice(first);
        result.resize(end, 0);
        combine_block(operation, &mut result[start..], others);
    }
    result
}

/// Makes a block of the result, which is the first string's part as yet.
fn combine_block(operation: Operation, block: &mut [u8], others: &[&[u8]]) {
    match operation {
        Operation::And => others.iter().for_each(|other| and(block, other)),
        Operation::Or => others.iter().for_each(|other| apply(block, other, |a, b| a | b)),
        Operation::Xor => others.iter().for_each(|other| apply(block, other, |a, b| a ^ b)),
        Operation::Not => block.iter_mut().for_each(|byte| *byte = !*byte),
        Operation::Diff => others.iter().for_each(|other| apply(block, other, |a, b| a & !b)),
        Operation::Diff1 | Operation::AndOr => {
            let mut any = [0; BLOCK];
            let any = &mut any[..block.len()];
            others.iter().for_each(|other| apply(any, other, |a, b| a | b));
            if operation == Operation::AndOr {
                return and(block, any);
            }
            apply(block, any, |a, b| !a & b);
        }
        Operation::One => {
            let mut many = [0; BLOCK];
            for other in others {
                for ((bit, many), more) in block.iter_mut().zip(&mut many).zip(*other) {
                    *many |= *bit & more;
                    *bit = (*bit ^ more) & !*many;
                }
            }
        }
    }
}

fn and(block: &mut [u8], other: &[u8]) {
    apply(block, other, |a, b| a & b);
    block[other.len()..].fill(0);
}

fn apply(block: &mut [u8], other: &[u8], change: impl Fn(u8, u8) -> u8) {
    block.iter_mut().zip(other).for_each(|(byte, more)| *byte = change(*byte, *more));
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Operation; 8] = [
        Operation::And,
        Operation::Or,
        Operation::Xor,
        Operation::Not,
        Operation::Diff,
        Operation::Diff1,
        Operation::AndOr,
        Operation::One,
    ];

    /// What becomes of one bit, from how it is in each source.
    fn plainly(operation: Operation, bits: &[bool]) -> bool {
        let count = bits.iter().filter(|bit| **bit).count();
        let in_others = bits[1..].contains(&true);
        match operation {
            Operation::And => count == bits.len(),
            Operation::Or => count > 0,
            Operation::Xor => count % 2 == 1,
            Operation::Not => !bits[0],
            Operation::Diff => bits[0] && !in_others,
            Operation::Diff1 => in_others && !bits[0],
            Operation::AndOr => bits[0] && in_others,
            Operation::One => count == 1,
        }
    }

    #[test]
    fn operations_do_to_each_bit_what_they_say() {
        let mut rng = fastrand::Rng::with_seed(9);
        for _ in 0..300 {
            let operation = ALL[rng.usize(0..ALL.len())];
            let count = if operation == Operation::Not { 1 } else { rng.usize(1..6) };
            let len_max = if rng.u8(0..20) == 0 { BLOCK * 2 + 9 } else { 40 };
            let mut source = || {
                let len = rng.usize(0..len_max);
                std::iter::repeat_with(|| rng.u8(..)).take(len).collect::<Vec<u8>>()
            };
            let sources: Vec<_> = (0..count).map(|_| source()).collect();
            let slices: Vec<&[u8]> = sources.iter().map(Vec::as_slice).collect();
            let room = vec![0xAA; rng.usize(0..50)];
            let result = combine(operation, &slices, room);
            assert_eq!(result.len(), sources.iter().map(Vec::len).max().unwrap_or(0));
            for (at, byte) in result.iter().enumerate() {
                for bit in 0..8 {
                    let is_set =
                        |source: &Vec<u8>| source.get(at).is_some_and(|byte| byte >> bit & 1 == 1);
                    let bits: Vec<bool> = sources.iter().map(is_set).collect();
                    assert_eq!(byte >> bit & 1 == 1, plainly(operation, &bits), "{operation:?}");
                }
            }
        }
    }
}
