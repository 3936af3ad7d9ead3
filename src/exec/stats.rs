//! Counts and rates that INFO shows.

use super::table::CommandId;
use crate::acl::log::Reason;
use crate::base::time::Now;
use crate::resp::error::Error;
use hdrhistogram::Histogram;
use std::collections::BTreeMap;

/// Most error codes that are counted apart; clients could make up any number of them.
const ERROR_CODES_MAX: usize = 128;
/// Samples over which a rate is taken.
const RATE_SAMPLES: usize = 16;
/// Over how long a rate is taken, in microseconds.
const RATE_WINDOW_US: u64 = 1_000_000;
/// Least microseconds between two samples.
const SAMPLE_EVERY_US: u64 = 100_000;

/// Shortest times that the distribution of a command's times tells apart, in ticks.
const TRACKED_TICKS_MIN: u64 = 64;
/// The longest one, in ticks: some seconds.
const TRACKED_TICKS_MAX: u64 = 1 << 34;
/// Decimal digits that it tells apart.
const TRACKED_DIGITS: u8 = 2;

/// Counts of one command.
#[derive(Clone, Default)]
pub struct CommandStats {
    /// Calls.
    pub calls: u64,
    /// Time that they took, in ticks of the host's stopwatch.
    pub ticks: u64,
    /// Calls that were not admitted.
    pub rejected: u64,
    /// Calls that ended with an error.
    pub failed: u64,
    /// How the times are distributed, in ticks; made when the first one is noted.
    pub times: Option<Box<Histogram<u64>>>,
}

impl CommandStats {
    /// Notes a time, for so many calls.
    fn track(&mut self, ticks: u64, calls: u64) {
        let create = || {
            let least = TRACKED_TICKS_MIN;
            let mut times = Histogram::new_with_bounds(least, 2 * least, TRACKED_DIGITS).ok()?;
            // Most commands take a small part of a second; room for more comes with the need.
            times.auto(true);
            Some(Box::new(times))
        };
        if self.times.is_none() {
            self.times = create();
        }
        if let Some(times) = &mut self.times {
            let noted = times.record_n(ticks.min(TRACKED_TICKS_MAX), calls);
            debug_assert!(noted.is_ok(), "it grows");
        }
    }
}

/// Counts of what users were denied.
#[derive(Default)]
pub struct Denials {
    /// Passwords.
    pub auth: u64,
    /// Commands.
    pub command: u64,
    /// Keys.
    pub key: u64,
    /// Channels.
    pub channel: u64,
}

impl Denials {
    /// Counts one.
    pub(super) fn count(&mut self, reason: Reason) {
        *match reason {
            Reason::Auth => &mut self.auth,
            Reason::Command => &mut self.command,
            Reason::Key => &mut self.key,
            Reason::Channel => &mut self.channel,
        } += 1;
    }
}

/// Counts since the start or since CONFIG RESETSTAT.
#[derive(Default)]
pub struct Stats {
    /// Errors that one server had for the other's requests.
    pub errors_between_servers: u64,
    /// By command.
    pub commands: Vec<CommandStats>,
    /// Error replies by code.
    pub errors: BTreeMap<Vec<u8>, u64>,
    /// Error replies.
    pub error_replies: u64,
    /// Commands run.
    pub commands_processed: u64,
    /// Connections accepted.
    pub connections: u64,
    /// Connections refused since there were too many.
    pub connections_rejected: u64,
    /// Denials, by what was denied.
    pub denied: Denials,
    /// Bytes read from clients.
    pub net_in: u64,
    /// Bytes written to clients.
    pub net_out: u64,
    /// Reads from clients.
    pub reads: u64,
    /// Writes to clients.
    pub writes: u64,
    /// Clients closed since too many request bytes waited.
    pub closed_for_query: u64,
    /// Clients closed since too many reply bytes waited.
    pub closed_for_output: u64,
    /// Clients closed since all together took too much memory.
    pub clients_evicted: u64,
    /// Time that the removal of due keys has taken, in ticks.
    pub expiry_ticks: u64,
    /// Rounds of the loop.
    pub cycles: u64,
    /// Time that they took, in ticks.
    pub loop_ticks: u64,
    /// Time that the longest one took, in ticks.
    pub loop_ticks_max: u64,
    /// Most commands of one.
    pub loop_commands_max: u64,
    /// Time that scheduled work and deaths have taken, in ticks.
    pub scheduled_ticks: u64,
    /// How late the latest key died, in microseconds.
    pub expiry_lag_us: u64,
    /// How late a key has died at worst, in microseconds.
    pub expiry_lag_max_us: u64,
    /// Most clients at one time.
    pub clients_peak: usize,
    /// Commands a second.
    pub command_rate: Rate,
    /// Bytes read a second.
    pub net_in_rate: Rate,
    /// Bytes written a second.
    pub net_out_rate: Rate,
    /// Rounds of the loop a second.
    pub cycle_rate: Rate,
    /// Ticks in the loop a second.
    pub loop_rate: Rate,
}

impl Stats {
    /// No counts, for so many commands.
    pub fn new(commands: usize) -> Stats {
        Stats { commands: vec![CommandStats::default(); commands], ..Stats::default() }
    }

    /// Back to no counts, but for those of denials.
    pub fn reset(&mut self) {
        let denied = std::mem::take(&mut self.denied);
        *self = Stats { denied, ..Stats::new(self.commands.len()) };
    }

    /// Counts a command that has run.
    #[inline]
    pub fn ran(&mut self, command: CommandId, failed: bool) {
        self.commands_processed += 1;
        let stats = &mut self.commands[command.index()];
        stats.calls += 1;
        stats.failed += u64::from(failed);
    }

    /// Adds to the time that a command has taken in so many calls, and to the distribution of its
    /// times if that `is_tracked`.
    pub(super) fn took(&mut self, command: CommandId, ticks: u64, calls: u64, is_tracked: bool) {
        let stats = &mut self.commands[command.index()];
        stats.ticks += ticks;
        if is_tracked {
            stats.track(ticks / calls, calls);
        }
    }

    /// Counts an error reply.
    pub fn errored(&mut self, error: &Error) {
        self.error_replies += 1;
        let code = error.code();
        if let Some(count) = self.errors.get_mut(code) {
            *count += 1;
        } else if self.errors.len() < ERROR_CODES_MAX {
            self.errors.insert(code.to_vec(), 1);
        }
    }

    /// Notes how late a key has died, in microseconds.
    pub(super) fn died_late(&mut self, lag_us: u64) {
        self.expiry_lag_us = lag_us;
        self.expiry_lag_max_us = self.expiry_lag_max_us.max(lag_us);
    }

    /// Takes a sample of every rate, if the last one is old enough.
    pub fn sample(&mut self, now: Now) {
        self.command_rate.sample(self.commands_processed, now);
        self.net_in_rate.sample(self.net_in, now);
        self.net_out_rate.sample(self.net_out, now);
        self.cycle_rate.sample(self.cycles, now);
        self.loop_rate.sample(self.loop_ticks, now);
    }
}

/// How fast a count grows, by samples of it. Nothing runs for it while nothing happens.
#[derive(Default)]
pub struct Rate {
    /// Times and counts, the oldest at `next` once all places are taken.
    samples: Vec<(u64, u64)>,
    next: usize,
}

impl Rate {
    /// Notes the count, if the last sample is old enough.
    #[inline]
    pub fn sample(&mut self, count: u64, now: Now) {
        let last = self.next.checked_sub(1).unwrap_or(RATE_SAMPLES - 1);
        if self.samples.get(last).is_some_and(|(at, _)| now.mono_us - at < SAMPLE_EVERY_US) {
            return;
        }
        let sample = (now.mono_us, count);
        match self.samples.get_mut(self.next) {
            Some(oldest) => *oldest = sample,
            None => self.samples.push(sample),
        }
        self.next = (self.next + 1) % RATE_SAMPLES;
    }

    /// Growth per second from the youngest sample that is older than the window until now.
    pub fn per_second(&self, count: u64, now: Now) -> u64 {
        let is_old = |(at, _): &&(u64, u64)| at + RATE_WINDOW_US <= now.mono_us;
        let old = self.samples.iter().filter(is_old).max();
        let Some((at, before)) = old.or(self.samples.iter().min()) else { return 0 };
        let elapsed = u128::from(now.mono_us.saturating_sub(*at).max(1));
        let grown = u128::from(count.saturating_sub(*before));
        // To the nearest: one a second is one, though a little more than a second has passed.
        u64::try_from((grown * 1_000_000 + elapsed / 2) / elapsed).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_rate_is_that_of_the_last_second() {
        let mut rate = Rate::default();
        let mut now = Now::default();
        assert_eq!(rate.per_second(0, now), 0);
        for step in 1..=40 {
            now = now.after(Duration::from_millis(100));
            rate.sample(step * 100, now);
            rate.sample(step * 1_000, now);
        }
        assert_eq!(rate.per_second(4_000, now), 1_000);
        // After ten quiet seconds the rate is that of ten quiet seconds.
        assert_eq!(rate.per_second(4_000, now.after(Duration::from_secs(10))), 0);
    }

    #[test]
    fn all_counts_but_those_of_denials_begin_anew() {
        let mut stats = Stats::new(3);
        stats.denied.count(Reason::Key);
        stats.connections = 1;
        stats.reset();
        assert_eq!((stats.denied.key, stats.connections, stats.commands.len()), (1, 0, 3));
    }

    #[test]
    fn made_up_error_codes_have_a_bound() {
        let mut stats = Stats::default();
        (0..1_000).for_each(|i| stats.errored(&Error::text(format!("CODE{i} x"))));
        assert_eq!((stats.errors.len(), stats.error_replies), (ERROR_CODES_MAX, 1_000));
    }
}
