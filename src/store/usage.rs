//! When and how often keys are used: what the access bytes of an entry mean.
//!
//! Under most policies they are a clock of 24 bits: when the key was last used. It counts seconds,
//! which last for half a year; while keys are being evicted it counts sixteenths of them, since
//! then keys come and go faster. Under an LFU policy they are, as in Redis, sixteen bits of minutes
//! and a counter of eight bits, which grows with the logarithm of the uses and falls with the
//! minutes that have passed.

use super::entry::Entry;
use crate::base::num;
use crate::base::time::Now;
use crate::config::Config;
use crate::config::kinds::EvictionPolicy;

/// The bits of the clock.
const CLOCK_MASK: u32 = (1 << 24) - 1;
/// Microseconds of a tick of the clock, and while keys are being evicted.
const COARSE_US: u64 = 1_000_000;
const FINE_US: u64 = COARSE_US / 16;
/// How long after an eviction the clock stays fine, in microseconds.
const FINE_FOR_US: u64 = 600 * COARSE_US;
/// The clock when the process starts, so that keys can have been used before that: three months.
const CLOCK_START: u64 = 1 << 23;
/// Changes of the tick that are remembered, to tell the time of old ticks.
const ERAS_MAX: usize = 32;
/// The bits of the minutes.
const MINUTES_MASK: u32 = (1 << 16) - 1;
/// The counter of a new key, so that it is not the first to go.
const COUNT_NEW: u8 = 5;

/// What is noted of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// When it was last looked at.
    LastUse,
    /// When it was last changed.
    LastChange,
    /// How often it is looked at.
    Frequency,
}

impl Measure {
    /// What a policy has to know.
    pub fn of(policy: EvictionPolicy) -> Measure {
        match policy {
            EvictionPolicy::VolatileLfu | EvictionPolicy::AllkeysLfu => Measure::Frequency,
            EvictionPolicy::VolatileLrm | EvictionPolicy::AllkeysLrm => Measure::LastChange,
            EvictionPolicy::VolatileLru
            | EvictionPolicy::AllkeysLru
            | EvictionPolicy::VolatileRandom
            | EvictionPolicy::AllkeysRandom
            | EvictionPolicy::VolatileTtl
            | EvictionPolicy::NoEviction => Measure::LastUse,
        }
    }
}

/// A time with ticks of one length.
struct Era {
    /// The clock when it began.
    clock: u64,
    /// When that was, on the monotonic clock in microseconds.
    since_us: u64,
    tick_us: u64,
}

impl Era {
    fn clock_at(&self, now_us: u64) -> u64 {
        self.clock + now_us.saturating_sub(self.since_us) / self.tick_us
    }

    /// The time of a clock, which may be before the process was there.
    fn time_us(&self, clock: u64) -> i64 {
        let ticks = num::signed_u64(clock) - num::signed_u64(self.clock);
        num::signed_u64(self.since_us) + ticks * num::signed_u64(self.tick_us)
    }
}

/// Notes the use of keys, and reads what was noted.
pub struct Usage {
    measure: Measure,
    /// Looks are not noted (CLIENT NO-TOUCH).
    is_quiet: bool,
    /// The ticks so far.
    clock: u64,
    /// Their lower 24 bits, which entries note.
    ticks: u32,
    /// The present moment, on the monotonic clock in microseconds.
    now_us: u64,
    /// Until when ticks are fine.
    fine_until_us: u64,
    /// Times with ticks of one length, the present one last.
    eras: Vec<Era>,
    /// Minutes, within sixteen bits.
    minutes: u32,
    /// How slowly counters grow (`lfu-log-factor`).
    log_factor: u64,
    /// Minutes after which a counter falls by one; zero for never (`lfu-decay-time`).
    decay_minutes: u32,
    rng: fastrand::Rng,
}

impl Usage {
    /// Notes as the parameters say.
    pub fn new(config: &Config, seed: u64) -> Usage {
        let mut usage = Usage {
            measure: Measure::LastUse,
            is_quiet: false,
            clock: CLOCK_START,
            ticks: within(CLOCK_START, CLOCK_MASK),
            now_us: 0,
            fine_until_us: 0,
            eras: vec![Era { clock: CLOCK_START, since_us: 0, tick_us: COARSE_US }],
            minutes: 0,
            log_factor: 0,
            decay_minutes: 0,
            rng: fastrand::Rng::with_seed(seed),
        };
        usage.follow(config);
        usage
    }

    /// Takes parameters into effect. What was noted so far is read as if it had always been so; it
    /// takes some time to become true.
    pub fn follow(&mut self, config: &Config) {
        self.measure = Measure::of(config.maxmemory_policy);
        self.log_factor = u64::try_from(config.lfu_log_factor).unwrap_or(0);
        self.decay_minutes = u32::try_from(config.lfu_decay_time).unwrap_or(0);
    }

    /// Time has moved on.
    pub fn set_now(&mut self, now: Now) {
        self.now_us = now.mono_us;
        self.minutes = within(now.mono_us / 60_000_000, MINUTES_MASK);
        let tick_us = if self.fine_until_us > self.now_us { FINE_US } else { COARSE_US };
        let Some(era) = self.eras.last() else { return };
        self.clock = era.clock_at(self.now_us);
        self.ticks = within(self.clock, CLOCK_MASK);
        if era.tick_us != tick_us {
            if self.eras.len() >= ERAS_MAX {
                self.eras.remove(0);
            }
            self.eras.push(Era { clock: self.clock, since_us: self.now_us, tick_us });
        }
    }

    /// A key is evicted: the clock gets finer.
    pub(super) fn note_eviction(&mut self) {
        self.fine_until_us = self.now_us + FINE_FOR_US;
    }

    /// Sets whether looks are noted.
    #[inline]
    pub fn set_quiet(&mut self, is_quiet: bool) {
        self.is_quiet = is_quiet;
    }

    /// What is noted of keys.
    pub fn measure(&self) -> Measure {
        self.measure
    }

    /// An entry is new.
    #[inline]
    pub(super) fn begin(&self, entry: &mut Entry) {
        entry.set_access(match self.measure {
            Measure::LastUse | Measure::LastChange => self.ticks,
            Measure::Frequency => pack(self.minutes, COUNT_NEW),
        });
    }

    /// An entry is looked at.
    #[inline]
    pub(super) fn look(&mut self, entry: &mut Entry) {
        if self.is_quiet {
            return;
        }
        match self.measure {
            Measure::LastUse => self.stamp(entry),
            Measure::LastChange => {}
            Measure::Frequency => self.count(entry),
        }
    }

    /// True if a value that is written anew has to be noted. Mostly it was looked up before, which
    /// has been noted already.
    #[inline]
    pub(super) fn notes_writes(&self) -> bool {
        match self.measure {
            Measure::LastUse => self.is_quiet,
            Measure::LastChange => true,
            Measure::Frequency => false,
        }
    }

    /// True if a value that is changed in place has to be noted.
    #[inline]
    pub(super) fn notes_changes(&self) -> bool {
        self.measure == Measure::LastChange
    }

    /// An entry is used or changed now.
    #[inline]
    pub(super) fn stamp(&self, entry: &mut Entry) {
        entry.set_access(self.ticks);
    }

    /// The seconds since a key was last used, or changed, by its access bytes.
    pub fn idle_s(&self, access: u32) -> u64 {
        self.idle_us(access) / COARSE_US
    }

    /// The same in microseconds, as near as the clock ticks.
    pub fn idle_us(&self, access: u32) -> u64 {
        let clock = self.clock.saturating_sub(u64::from(self.idle_ticks(access)));
        let era = self.eras.iter().rfind(|era| era.clock <= clock).or(self.eras.first());
        let used_us = era.map_or(0, |era| era.time_us(clock));
        let idle_us = num::signed_u64(self.now_us).saturating_sub(used_us);
        u64::try_from(idle_us).unwrap_or(0)
    }

    /// Notes that an entry was used so many seconds ago, if that is what is noted.
    pub(super) fn note_idle(&self, entry: &mut Entry, idle_s: u64) {
        if self.measure == Measure::Frequency {
            return;
        }
        let idle_us = idle_s.min(CLOCK_START) * COARSE_US;
        let ticks = match self.now_us.checked_sub(idle_us) {
            Some(used_us) => {
                let era = self.eras.iter().rfind(|era| era.since_us <= used_us);
                era.map_or(CLOCK_START, |era| era.clock_at(used_us))
            }
            None => CLOCK_START.saturating_sub((idle_us - self.now_us).div_ceil(COARSE_US)),
        };
        entry.set_access(within(ticks, CLOCK_MASK));
    }

    /// Notes that an entry is used so often, if that is what is noted.
    pub(super) fn note_frequency(&self, entry: &mut Entry, count: u8) {
        if self.measure == Measure::Frequency {
            entry.set_access(pack(self.minutes, count));
        }
    }

    /// The counter of a key by its access bytes, less what has passed since it was right.
    pub fn frequency(&self, access: u32) -> u8 {
        let [count, ..] = access.to_le_bytes();
        let elapsed = self.minutes.wrapping_sub(access >> 8) & MINUTES_MASK;
        let lost = elapsed.checked_div(self.decay_minutes).unwrap_or(0);
        count.saturating_sub(u8::try_from(lost).unwrap_or(u8::MAX))
    }

    /// How good it is to evict a key, by its access bytes: the more, the better.
    pub(super) fn rank(&self, access: u32) -> u32 {
        match self.measure {
            Measure::LastUse | Measure::LastChange => self.idle_ticks(access),
            Measure::Frequency => u32::from(u8::MAX - self.frequency(access)),
        }
    }

    fn idle_ticks(&self, access: u32) -> u32 {
        self.ticks.wrapping_sub(access) & CLOCK_MASK
    }

    /// Counts a look: the higher the counter, the more seldom it grows.
    fn count(&mut self, entry: &mut Entry) {
        let mut count = self.frequency(entry.access());
        let above = u64::from(count.saturating_sub(COUNT_NEW));
        if count < u8::MAX && self.rng.u64(0..=above.saturating_mul(self.log_factor)) == 0 {
            count += 1;
        }
        entry.set_access(pack(self.minutes, count));
    }
}

fn within(value: u64, mask: u32) -> u32 {
    u32::try_from(value & u64::from(mask)).unwrap_or(0)
}

fn pack(minutes: u32, count: u8) -> u32 {
    minutes << 8 | u32::from(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::text::Text;

    fn at(seconds: u64) -> Now {
        Now { unix_us: 0, mono_us: seconds * 1_000_000 }
    }

    fn usage(policy: EvictionPolicy) -> (Usage, Entry) {
        let config = Config { maxmemory_policy: policy, ..Config::default() };
        let usage = Usage::new(&config, 1);
        let mut entry = Entry::new(b"k", Text::Int(1), false);
        usage.begin(&mut entry);
        (usage, entry)
    }

    #[test]
    fn idle_time_counts_from_the_last_look() {
        let (mut usage, mut entry) = usage(EvictionPolicy::NoEviction);
        // Also where the clock begins anew.
        for start in [0, 1_000, (1 << 24) - 3] {
            usage.set_now(at(start));
            usage.look(&mut entry);
            usage.set_now(at(start + 7));
            assert_eq!(usage.idle_s(entry.access()), 7);
            usage.set_quiet(true);
            usage.look(&mut entry);
            assert!(usage.notes_writes());
            assert_eq!(usage.idle_s(entry.access()), 7);
            usage.set_quiet(false);
            assert!(!usage.notes_writes());
            usage.look(&mut entry);
            assert_eq!(usage.idle_s(entry.access()), 0);
        }
    }

    #[test]
    fn the_clock_is_fine_while_keys_are_evicted_and_still_tells_seconds() {
        let (mut usage, mut old) = usage(EvictionPolicy::AllkeysLru);
        let ms = |ms: u64| Now { unix_us: 0, mono_us: ms * 1_000 };
        usage.set_now(ms(100_000));
        usage.look(&mut old);
        let (mut first, mut second) =
            (Entry::new(b"a", Text::Int(1), false), Entry::new(b"b", Text::Int(1), false));
        for round in 1..100 {
            let start = round * 1_000_000;
            usage.set_now(ms(start - 1));
            usage.note_eviction();
            usage.set_now(ms(start));
            usage.look(&mut first);
            usage.set_now(ms(start + 100));
            usage.look(&mut second);
            assert!(usage.rank(first.access()) > usage.rank(second.access()));
            assert!(usage.rank(old.access()) > usage.rank(first.access()));
            usage.set_now(ms(start + 700_000));
            let idle = usage.idle_s(second.access());
            assert!((699..=701).contains(&idle), "{idle}");
            usage.set_now(ms(start + 900_000));
            assert!(usage.idle_s(second.access()) - idle == 200);
        }
        assert!(usage.eras.len() == ERAS_MAX);
    }

    #[test]
    fn under_lrm_only_changes_count() {
        let (mut usage, mut entry) = usage(EvictionPolicy::AllkeysLrm);
        usage.set_now(at(5));
        usage.look(&mut entry);
        assert_eq!(usage.idle_s(entry.access()), 5);
        assert!(usage.notes_writes());
        assert!(usage.notes_changes());
        usage.stamp(&mut entry);
        assert_eq!(usage.idle_s(entry.access()), 0);
    }

    #[test]
    fn counters_grow_with_the_logarithm_and_fall_with_time() {
        let (mut usage, mut entry) = usage(EvictionPolicy::AllkeysLfu);
        assert_eq!(usage.frequency(entry.access()), COUNT_NEW);
        let mut counts = Vec::new();
        for step in 1..=100_000 {
            usage.look(&mut entry);
            if [100, 1_000, 100_000].contains(&step) {
                counts.push(usage.frequency(entry.access()));
            }
        }
        // Some 10, 18 and 142 by the table that comes with Redis's configuration.
        let expected = [6..15, 12..25, 110..175];
        assert!(counts.iter().zip(&expected).all(|(c, range)| range.contains(c)), "{counts:?}");
        usage.set_now(at(60 * 50));
        assert_eq!(usage.frequency(entry.access()), counts[2] - 50);
        usage.set_now(at(60 * 1_000));
        assert_eq!(usage.frequency(entry.access()), 0);
        usage.look(&mut entry);
        assert_eq!(usage.frequency(entry.access()), 1);
    }

    #[test]
    fn the_idlest_or_least_used_key_is_the_best_to_go() {
        let (mut usage, _) = usage(EvictionPolicy::AllkeysLru);
        usage.set_now(at(100));
        assert!(usage.rank(10) > usage.rank(90));
        let (usage, _) = self::usage(EvictionPolicy::VolatileLfu);
        assert!(usage.rank(pack(0, 3)) > usage.rank(pack(0, 200)));
    }
}
