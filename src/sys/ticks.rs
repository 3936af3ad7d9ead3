//! A stopwatch cheap enough for every command: the processor's cycle counter where it is steady.
#![allow(unsafe_code, reason = "reading the cycle counter is an unsafe intrinsic")]

use crate::base::num;
use std::time::Instant;

/// Counts in ticks of unknown length, and tells their length from the time that has passed since it
/// started.
///
/// Reading it costs a few nanoseconds, a quarter of a clock in the vDSO. A reading is for
/// differences only.
pub struct Stopwatch {
    start: Instant,
    start_ticks: u64,
    has_counter: bool,
}

impl Stopwatch {
    /// Starts counting.
    #[allow(clippy::disallowed_methods, reason = "the length of a tick is measured here")]
    pub fn start() -> Stopwatch {
        let has_counter = has_steady_counter();
        let start = Instant::now();
        let start_ticks = if has_counter { counter() } else { 0 };
        Stopwatch { start, start_ticks, has_counter }
    }

    /// The present reading.
    #[inline]
    pub fn read(&self) -> u64 {
        if self.has_counter { counter() } else { self.elapsed_ns() }
    }

    /// Ticks in a microsecond, by what has been counted so far; never zero.
    pub fn ticks_per_us(&self) -> f64 {
        if !self.has_counter {
            return 1_000.0;
        }
        let ticks = self.read().saturating_sub(self.start_ticks);
        (num::float(ticks) * 1_000.0 / num::float(self.elapsed_ns().max(1))).max(1.0)
    }

    #[allow(clippy::disallowed_methods, reason = "the length of a tick is measured here")]
    fn elapsed_ns(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn counter() -> u64 {
    // SAFETY: RDTSC is part of every x86-64 processor and touches no memory.
    unsafe { std::arch::x86_64::_rdtsc() }
}

/// True if the counter runs at one speed through all power states (CPUID 0x80000007, EDX bit 8).
#[cfg(target_arch = "x86_64")]
fn has_steady_counter() -> bool {
    use std::arch::x86_64::__cpuid;
    __cpuid(0x8000_0000).eax >= 0x8000_0007 && __cpuid(0x8000_0007).edx & (1 << 8) != 0
}

#[cfg(not(target_arch = "x86_64"))]
fn counter() -> u64 {
    0
}

#[cfg(not(target_arch = "x86_64"))]
fn has_steady_counter() -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::disallowed_methods)]
    fn ticks_measure_time() {
        let watch = Stopwatch::start();
        let (begin, from) = (Instant::now(), watch.read());
        while begin.elapsed().as_millis() < 20 {
            std::hint::spin_loop();
        }
        let ms = num::float(watch.read() - from) / watch.ticks_per_us() / 1_000.0;
        assert!(ms > 15.0, "{ms}");
    }
}
