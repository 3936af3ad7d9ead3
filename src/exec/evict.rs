//! Keeping memory within `maxmemory`: keys are evicted before a command runs, for a short time, and
//! what is left is work for the following ticks.

use super::engine::Engine;
use super::host::Host;
use super::state::State;
use crate::base::num;
use crate::base::time::Now;
use crate::config::Config;
use crate::repl::Stream;

/// Keys evicted between two looks at the stopwatch.
const KEYS_PER_LOOK: usize = 16;
/// Keys evicted in a tick.
const KEYS_PER_TICK: usize = 1_000;
/// `maxmemory-eviction-tenacity` up to which the time grows evenly, and from which on it has no
/// limit.
const TENACITY_EVEN: i32 = 10;
const TENACITY_MAX: i32 = 100;
/// Microseconds for each step of it, and by how much each step over [`TENACITY_EVEN`] multiplies
/// them.
const US_PER_STEP: f64 = 50.0;
const GROWTH: f64 = 1.15;

/// How long memory was over its limit.
#[derive(Default)]
pub struct Excess {
    /// Since when it is, on the monotonic clock in microseconds.
    since: Option<u64>,
    /// How long it was before that, in microseconds.
    past_us: u64,
}

impl Excess {
    /// Microseconds since memory went over its limit; zero while it is within.
    pub fn current_us(&self, now: Now) -> u64 {
        self.since.map_or(0, |since| now.mono_us.saturating_sub(since))
    }

    /// Microseconds for which memory has been over its limit.
    pub fn total_us(&self, now: Now) -> u64 {
        self.past_us + self.current_us(now)
    }

    /// Back to no time, from now on.
    pub(super) fn reset(&mut self, now: Now) {
        *self = Excess { since: self.since.map(|_| now.mono_us), past_us: 0 };
    }

    #[inline]
    fn note(&mut self, is_over: bool, now: Now) {
        if is_over {
            self.since.get_or_insert(now.mono_us);
        } else if self.since.is_some() {
            self.past_us = self.total_us(now);
            self.since = None;
        }
    }
}

/// How memory stands to its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Room {
    /// Within the limit.
    Enough,
    /// Over it, and more keys can go.
    Soon,
    /// Over it, and no key can go.
    Never,
}

impl State {
    /// Looks at memory in the next tick; for when its limit or the policy has changed.
    pub fn watch_memory(&mut self) {
        if self.is_over_memory() {
            log::warn!(
                "more memory is in use than maxmemory allows: keys will be evicted, or commands \
                 that need memory refused"
            );
            self.agenda.watch_memory(self.now);
        } else {
            self.excess.note(false, self.now);
        }
    }

    /// Counts anew how long memory is over its limit.
    pub fn reset_excess(&mut self) {
        self.excess.reset(self.now);
    }

    /// Whether it is for the primary to say what is evicted.
    fn leaves_eviction(&self) -> bool {
        self.config.repl.ignores_maxmemory && self.is_replica()
    }

    #[inline]
    fn is_over_memory(&self) -> bool {
        self.is_over_memory_by(0)
    }

    /// Whether more is in use than the limit and so much.
    #[inline]
    fn is_over_memory_by(&self, bytes: usize) -> bool {
        let limit = u64::try_from(self.config.maxmemory).ok().filter(|limit| *limit > 0);
        let over = |limit: u64| self.memory.used_bytes().checked_sub(limit + bytes as u64 + 1);
        limit.and_then(over).is_some_and(|rest| rest >= self.uncounted_bytes())
    }

    /// Bytes of memory that do not count against the limit: what waits for slow replicas beyond the
    /// backlog. To evict for it would make more of it.
    pub fn uncounted_bytes(&self) -> u64 {
        let replication = &self.replication;
        let stream = replication.stream.as_ref().map_or(0, Stream::memory_bytes);
        let waiting = stream.saturating_sub(self.config.repl.backlog_bytes());
        (waiting + replication.replicas.output_bytes()) as u64
    }
}

impl Engine {
    /// Evicts keys if too much memory is in use; true if that does not help, so that no command may
    /// take more. Costs one comparison without a limit.
    #[inline]
    pub(super) fn is_out_of_memory(&mut self, host: &mut dyn Host) -> bool {
        if self.state.config.maxmemory == 0 || self.state.leaves_eviction() {
            return false;
        }
        if self.state.is_over_memory() {
            // Nothing changes during a pause.
            return self.state.pause.is_none() && self.make_room(host) == Room::Never;
        }
        self.state.excess.note(false, self.state.now);
        false
    }

    /// Evicts keys until memory is within its limit or the time for it is over.
    #[inline(never)] // A name of its own in profiles; rare but at the limit.
    fn make_room(&mut self, host: &mut dyn Host) -> Room {
        let start = host.ticks();
        let elapsed_us = |host: &mut dyn Host| {
            num::float(host.ticks().saturating_sub(start)) / host.ticks_per_us()
        };
        let mut room = self.evict(KEYS_PER_LOOK);
        let limit_us = time_limit_us(&self.state.config);
        while room == Room::Soon && elapsed_us(host) < limit_us {
            room = self.evict(KEYS_PER_LOOK);
        }
        if self.state.config.latency_monitor_threshold > 0 {
            let ms = num::whole(elapsed_us(host)) / 1_000;
            self.state.note_latency("eviction-cycle", self.state.now.unix_s(), ms);
        }
        if self.state.feed.is_on() {
            self.feed_deaths();
        }
        self.note_room(room);
        room
    }

    /// Evicts keys in a tick, if too much memory is in use.
    pub(super) fn evict_slice(&mut self) {
        let is_over = self.state.is_over_memory()
            && self.state.pause.is_none()
            && !self.state.leaves_eviction();
        let room = if is_over { self.evict(KEYS_PER_TICK) } else { Room::Enough };
        self.note_room(room);
    }

    /// Whether too much memory is in use beside that of events, which is free as soon as they are
    /// told: with a short key and value, an eviction takes more for its event than it frees.
    fn is_over_without_events(&self) -> bool {
        self.state.is_over_memory_by(self.store.changes.memory_bytes())
    }

    fn note_room(&mut self, room: Room) {
        let now = self.state.now;
        self.state.excess.note(room != Room::Enough, now);
        if room == Room::Soon {
            self.state.agenda.watch_memory(now);
        }
    }

    /// Evicts so many keys, or fewer if that is enough. What has been removed already is freed
    /// first.
    fn evict(&mut self, keys_max: usize) -> Room {
        let policy = self.state.config.maxmemory_policy;
        let samples = usize::try_from(self.state.config.maxmemory_samples).unwrap_or(1);
        // What is only kept in reserve goes before keys do: among it may be what the last ones that
        // went took to be told of.
        if self.peers.drop_spare() && !self.is_over_without_events() {
            return Room::Enough;
        }
        for _ in 0..keys_max {
            if self.store.has_remains() {
                self.store.free_slice();
            } else if !self.store.evict(policy, samples, &mut self.state.rng) {
                return Room::Never;
            }
            if !self.is_over_without_events() {
                return Room::Enough;
            }
        }
        Room::Soon
    }
}

/// How long a command may evict keys, in microseconds.
fn time_limit_us(config: &Config) -> f64 {
    let tenacity = i32::try_from(config.maxmemory_eviction_tenacity).unwrap_or(TENACITY_MAX);
    if tenacity >= TENACITY_MAX {
        return f64::INFINITY;
    }
    let even = f64::from(tenacity.min(TENACITY_EVEN)) * US_PER_STEP;
    even * GROWTH.powi((tenacity - TENACITY_EVEN).max(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenacity_is_time() {
        let limit = |tenacity| {
            time_limit_us(&Config { maxmemory_eviction_tenacity: tenacity, ..Config::default() })
        };
        assert_eq!((limit(0), limit(1), limit(10)), (0.0, 50.0, 500.0));
        assert!((limit(11) - 575.0).abs() < 0.001);
        // Some two minutes.
        assert!((100e6..200e6).contains(&limit(99)), "{}", limit(99));
        assert_eq!(limit(100), f64::INFINITY);
    }

    #[test]
    fn excess_is_counted_once() {
        let at = |mono_us| Now { unix_us: 0, mono_us };
        let mut excess = Excess::default();
        excess.note(true, at(10));
        excess.note(true, at(20));
        assert_eq!((excess.current_us(at(25)), excess.total_us(at(25))), (15, 15));
        excess.note(false, at(30));
        excess.note(false, at(40));
        assert_eq!((excess.current_us(at(50)), excess.total_us(at(50))), (0, 20));
        excess.note(true, at(60));
        excess.reset(at(70));
        assert_eq!(excess.total_us(at(75)), 5);
    }
}
