//! The check sum of snapshots: CRC-64 with the polynomial of Jones, as Redis has it.

use crc::{CRC_64_REDIS, Crc, Table};

static CRC: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_REDIS);

/// A sum over bytes that come in pieces.
pub struct Sum(crc::Digest<'static, u64, Table<16>>);

impl Default for Sum {
    fn default() -> Sum {
        Sum(CRC.digest())
    }
}

impl Sum {
    /// Adds the next bytes.
    pub fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The sum so far.
    pub fn value(&self) -> u64 {
        self.0.clone().finalize()
    }
}

/// The sum over some bytes.
pub fn of(bytes: &[u8]) -> u64 {
    CRC.checksum(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_is_that_of_redis() {
        // The check value that Redis's own source names for this text.
        assert_eq!(of(b"123456789"), 0xE9C6_D914_C4B8_D9CA);
        let mut sum = Sum::default();
        sum.add(b"1234");
        sum.add(b"56789");
        assert_eq!(sum.value(), of(b"123456789"));
        assert_eq!(of(b""), 0);
    }
}
