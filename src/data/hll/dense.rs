//! Registers of six bits each, without gaps, the lowest bits first.

use super::REGISTERS;

/// Bytes of all registers.
pub const LEN: usize = REGISTERS * BITS / 8;
/// Registers that are read together.
pub const BLOCK: usize = 128;

/// Bits of a register.
const BITS: usize = 6;
/// The highest value.
const MAX: u16 = (1 << BITS) - 1;
/// Registers that take whole bytes together, and those bytes.
const GROUP: usize = 8;
const GROUP_BYTES: usize = GROUP * BITS / 8;

/// Raises a register to a value; whether it was less.
pub fn raise(body: &mut [u8], index: usize, value: u8) -> bool {
    let (at, shift) = (index * BITS / 8, index * BITS % 8);
    // The last register ends with the last byte.
    let next = body.get(at + 1).copied().unwrap_or(0);
    let pair = u16::from_le_bytes([body[at], next]);
    let raises = (pair >> shift) & MAX < u16::from(value);
    if raises {
        let pair = pair & !(MAX << shift) | u16::from(value) << shift;
        let [low, high] = pair.to_le_bytes();
        body[at] = low;
        if let Some(next) = body.get_mut(at + 1) {
            *next = high;
        }
    }
    raises
}

/// Visits all registers in order, [`BLOCK`] of them at a time, a byte each.
#[inline]
pub fn each(body: &[u8], mut visit: impl FnMut(&[u8; BLOCK])) {
    let mut block = [0; BLOCK];
    for bytes in body.chunks_exact(BLOCK * BITS / 8) {
        for (registers, bytes) in block.chunks_exact_mut(GROUP).zip(bytes.chunks_exact(GROUP_BYTES))
        {
            registers.copy_from_slice(&unpack(bytes));
        }
        visit(&block);
    }
}

/// Packs registers of a byte each.
pub fn pack(registers: &[u8], body: &mut [u8]) {
    let groups = registers.chunks_exact(GROUP);
    for (bytes, registers) in body.chunks_exact_mut(GROUP_BYTES).zip(groups) {
        let mut group = [0; GROUP];
        group.copy_from_slice(registers);
        let mut word = u64::from_le_bytes(group);
        word = word & 0x003F_003F_003F_003F | (word & 0x3F00_3F00_3F00_3F00) >> 2;
        word = word & 0x0000_0FFF_0000_0FFF | (word & 0x0FFF_0000_0FFF_0000) >> 4;
        word = word & 0x0000_0000_00FF_FFFF | (word & 0x00FF_FFFF_0000_0000) >> 8;
        bytes.copy_from_slice(&word.to_le_bytes()[..GROUP_BYTES]);
    }
}

/// The registers of a group, all eight moved apart at once.
#[inline]
fn unpack(bytes: &[u8]) -> [u8; GROUP] {
    let mut group = [0; GROUP];
    group[..GROUP_BYTES].copy_from_slice(bytes);
    let mut word = u64::from_le_bytes(group);
    word = word & 0x0000_0000_00FF_FFFF | (word & 0x0000_FFFF_FF00_0000) << 8;
    word = word & 0x0000_0FFF_0000_0FFF | (word & 0x00FF_F000_00FF_F000) << 4;
    word = word & 0x003F_003F_003F_003F | (word & 0x0FC0_0FC0_0FC0_0FC0) << 2;
    word.to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_do_not_touch_each_other() {
        let mut rng = fastrand::Rng::with_seed(1);
        let (mut body, mut plain) = (vec![0; LEN], vec![0u8; REGISTERS]);
        for _ in 0..200_000 {
            let (index, value) = (rng.usize(0..REGISTERS), rng.u8(0..64));
            assert_eq!(raise(&mut body, index, value), plain[index] < value);
            plain[index] = plain[index].max(value);
        }
        let mut all = Vec::new();
        each(&body, |registers| all.extend_from_slice(registers));
        assert_eq!(all, plain);
        let mut packed = vec![0xFF; LEN];
        pack(&plain, &mut packed);
        assert_eq!(packed, body);
    }
}
