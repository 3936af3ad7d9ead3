//! Time as a value, and the only place that reads the machine's clocks.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Microseconds in a millisecond.
const US_PER_MS: u64 = 1_000;
/// Microseconds in a second.
const US_PER_S: u64 = 1_000_000;

/// A moment on both clocks, sampled once a tick and passed by value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Microseconds since 1970 on the wall clock: keys die by it. Can be set back by an operator.
    pub unix_us: u64,
    /// Microseconds on the clock that never goes back: waits, ages and rates are measured on it.
    pub mono_us: u64,
}

impl Now {
    /// Milliseconds since 1970.
    pub fn unix_ms(self) -> i64 {
        i64::try_from(self.unix_us / US_PER_MS).unwrap_or(i64::MAX)
    }

    /// Seconds since 1970.
    pub fn unix_s(self) -> i64 {
        i64::try_from(self.unix_us / US_PER_S).unwrap_or(i64::MAX)
    }

    /// Whole seconds from `earlier` until now on the monotonic clock.
    pub fn seconds_since(self, earlier: Now) -> u64 {
        self.mono_us.saturating_sub(earlier.mono_us) / US_PER_S
    }

    /// This moment moved on by `by` on both clocks.
    #[must_use]
    pub fn after(self, by: Duration) -> Now {
        let us = u64::try_from(by.as_micros()).unwrap_or(u64::MAX);
        Now { unix_us: self.unix_us.saturating_add(us), mono_us: self.mono_us.saturating_add(us) }
    }
}

/// Reads both clocks of the machine.
pub struct SystemClock {
    origin: Instant,
}

impl SystemClock {
    /// A clock whose monotonic time counts from here.
    #[allow(clippy::disallowed_methods, reason = "this is the reader of clocks")]
    pub fn start() -> SystemClock {
        SystemClock { origin: Instant::now() }
    }

    /// The current moment. No system call on Linux: both clocks are in the vDSO.
    #[allow(clippy::disallowed_methods, reason = "this is the reader of clocks")]
    pub fn sample(&self) -> Now {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now {
            unix_us: u64::try_from(unix.as_micros()).unwrap_or(u64::MAX),
            mono_us: u64::try_from(self.origin.elapsed().as_micros()).unwrap_or(u64::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_clock_does_not_go_back() {
        let clock = SystemClock::start();
        let first = clock.sample();
        let second = clock.sample();
        assert!(second.mono_us >= first.mono_us);
        assert!(first.unix_s() > 1_600_000_000);
    }

    #[test]
    fn moments_move_on_together() {
        let now = Now { unix_us: 5_000_000, mono_us: 1_000_000 };
        let later = now.after(Duration::from_millis(2_500));
        assert_eq!((later.unix_ms(), later.seconds_since(now)), (7_500, 2));
    }
}
