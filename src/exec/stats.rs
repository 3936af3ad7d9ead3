//! Counts and rates that INFO shows.

use super::table::CommandId;
use crate::base::time::Now;
use crate::resp::error::Error;
use std::collections::BTreeMap;

/// Most error codes that are counted apart; clients could make up any number of them.
const ERROR_CODES_MAX: usize = 128;
/// Samples over which a rate is taken.
const RATE_SAMPLES: usize = 16;
/// Over how long a rate is taken, in microseconds.
const RATE_WINDOW_US: u64 = 1_000_000;
/// Least microseconds between two samples.
const SAMPLE_EVERY_US: u64 = 100_000;

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
}

/// Counts since the start or since CONFIG RESETSTAT.
#[derive(Default)]
pub struct Stats {
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
    /// Most clients at one time.
    pub clients_peak: usize,
    /// Commands a second.
    pub command_rate: Rate,
    /// Bytes read a second.
    pub net_in_rate: Rate,
    /// Bytes written a second.
    pub net_out_rate: Rate,
}

impl Stats {
    /// No counts, for so many commands.
    pub fn new(commands: usize) -> Stats {
        Stats { commands: vec![CommandStats::default(); commands], ..Stats::default() }
    }

    /// Back to no counts.
    pub fn reset(&mut self) {
        *self = Stats::new(self.commands.len());
    }

    /// Counts a command that has run.
    #[inline]
    pub fn ran(&mut self, command: CommandId, failed: bool) {
        self.commands_processed += 1;
        let stats = &mut self.commands[command.index()];
        stats.calls += 1;
        stats.failed += u64::from(failed);
    }

    /// Adds to the time that a command has taken.
    pub fn took(&mut self, command: CommandId, ticks: u64) {
        self.commands[command.index()].ticks += ticks;
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

    /// Takes a sample of every rate, if the last one is old enough.
    pub fn sample(&mut self, now: Now) {
        self.command_rate.sample(self.commands_processed, now);
        self.net_in_rate.sample(self.net_in, now);
        self.net_out_rate.sample(self.net_out, now);
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
        u64::try_from(grown * 1_000_000 / elapsed).unwrap_or(u64::MAX)
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
    fn made_up_error_codes_have_a_bound() {
        let mut stats = Stats::default();
        (0..1_000).for_each(|i| stats.errored(&Error::text(format!("CODE{i} x"))));
        assert_eq!((stats.errors.len(), stats.error_replies), (ERROR_CODES_MAX, 1_000));
    }
}
