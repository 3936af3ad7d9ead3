//! From registers to a count: the improved raw estimator of Otmar Ertl ("New cardinality estimation
//! algorithms for HyperLogLog sketches", 2017).

use super::{COUNTED_BITS, REGISTERS};
use crate::base::num;

/// The factor of the estimate for very many registers, 1 / (2 ln 2).
const ALPHA: f64 = 0.721_347_520_444_481_7;
/// Histograms that are filled in turn, so that no addition waits for the one before it.
const LANES: usize = 4;
/// Values that a register may have.
const VALUES: usize = 64;
/// The value after which there is none in a sound HyperLogLog.
const LAST: usize = COUNTED_BITS as usize + 1;
/// What the conversion of too large a number gives on the machine of Redis.
const NO_INTEGER: u64 = 1 << 63;

/// How many registers have each value.
pub struct Histogram([[u32; VALUES]; LANES]);

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram([[0; VALUES]; LANES])
    }
}

impl Histogram {
    /// Adds registers of one value.
    pub fn add(&mut self, value: u8, registers: usize) {
        self.0[0][usize::from(value) % VALUES] += u32::try_from(registers).unwrap_or(0);
    }

    /// Adds registers, of which there must be a multiple of four.
    #[inline]
    pub fn add_each(&mut self, registers: &[u8]) {
        for registers in registers.chunks_exact(LANES) {
            for (lane, value) in self.0.iter_mut().zip(registers) {
                lane[usize::from(*value) % VALUES] += 1;
            }
        }
    }

    /// The count that they tell of.
    pub fn count(&self) -> u64 {
        let all = num::float(REGISTERS as u64);
        let of = |value: usize| f64::from(self.0.iter().map(|lane| lane[value]).sum::<u32>());
        let mut sum = all * tau((all - of(LAST)) / all);
        for value in (1..LAST).rev() {
            sum = (sum + of(value)) * 0.5;
        }
        sum += all * sigma(of(0) / all);
        let count = (ALPHA * all * all / sum).round();
        if count < num::float(NO_INTEGER) { num::whole(count) } else { NO_INTEGER }
    }
}

/// What the registers that are zero stand for, which are this share of all.
fn sigma(mut share: f64) -> f64 {
    if share == 1.0 {
        return f64::INFINITY;
    }
    let (mut factor, mut sum, mut before) = (1.0, share, f64::NAN);
    while sum != before {
        share *= share;
        before = sum;
        sum += share * factor;
        factor += factor;
    }
    sum
}

/// What the registers that are full stand for; this share of all is not.
fn tau(mut share: f64) -> f64 {
    if share == 0.0 || share == 1.0 {
        return 0.0;
    }
    let (mut factor, mut sum, mut before) = (1.0, 1.0 - share, f64::NAN);
    while sum != before {
        share = share.sqrt();
        before = sum;
        factor *= 0.5;
        sum -= (1.0 - share) * (1.0 - share) * factor;
    }
    sum / 3.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_registers_have_seen_nothing() {
        let mut histogram = Histogram::default();
        histogram.add(0, REGISTERS);
        assert_eq!(histogram.count(), 0);
    }

    #[test]
    fn any_registers_have_a_count() {
        let mut rng = fastrand::Rng::with_seed(1);
        for value in 0..64 {
            let mut histogram = Histogram::default();
            histogram.add(value, REGISTERS - 1);
            histogram.add(rng.u8(0..64), 1);
            assert!(histogram.count() <= NO_INTEGER);
        }
        let mut full = Histogram::default();
        full.add(63, REGISTERS);
        assert_eq!(full.count(), NO_INTEGER);
    }
}
