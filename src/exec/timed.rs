//! How long commands take: the stopwatch around them, and who hears of the slow ones.

use super::client::Client;
use super::engine::Engine;
use super::host::Host;
use super::slowlog;
use super::state::State;
use super::table::{CommandId, Table};
use crate::base::num;
use crate::config::Config;
use crate::resp::argv::Argv;
use crate::spec::flags::Flags;

/// A threshold of the slow log from which on commands may share a measurement, in microseconds:
/// brief ones take far less.
const SHARED_FROM_US: i64 = 1_000;
/// Ticks of the stopwatch in a microsecond at the least.
const TICKS_PER_US_MIN: u64 = 1_000;

/// Measures how long commands take. Brief ones that follow each other share one measurement,
/// evenly: reading the stopwatch costs a good part of what they do.
pub(super) struct Timed<'a> {
    from: u64,
    group: Option<Group<'a>>,
    /// Whether brief commands share a measurement, or someone wants to know each.
    shares: bool,
    /// Ticks below which nobody wants to hear of a command.
    heard_from: u64,
    /// Whether time stands still: all commands of a transaction see the same.
    is_frozen: bool,
}

/// Commands that share a measurement.
struct Group<'a> {
    command: CommandId,
    /// The arguments of the first one.
    argv: Argv<'a>,
    count: u64,
    /// Most arguments with which others of the command join it; zero if none do.
    brief_args: usize,
}

impl<'a> Timed<'a> {
    pub(super) fn start(engine: &mut Engine, host: &mut dyn Host) -> Timed<'a> {
        let from = host.ticks();
        engine.state.refresh_now(from, host);
        Timed::from_tick(from, &engine.state.config, false)
    }

    /// The same for the commands of a transaction.
    pub(super) fn start_in_transaction(engine: &Engine, host: &mut dyn Host) -> Timed<'a> {
        Timed::from_tick(host.ticks(), &engine.state.config, true)
    }

    fn from_tick(from: u64, config: &Config, is_frozen: bool) -> Timed<'a> {
        let (shares, heard_from) = (shares(config), heard_from(config));
        Timed { from, group: None, shares, heard_from, is_frozen }
    }

    /// A command of `client` begins.
    #[inline]
    pub(super) fn begin(
        &mut self,
        command: CommandId,
        argv: Argv<'a>,
        client: &Client,
        engine: &mut Engine,
        host: &mut dyn Host,
    ) {
        if let Some(group) = &mut self.group
            && group.command == command
            && argv.len() <= group.brief_args
        {
            group.count += 1;
            return;
        }
        self.stop(client, engine, host);
        let brief_args = if self.shares { engine.table.row(command).brief_args } else { 0 };
        let brief_args = if argv.len() <= brief_args { brief_args } else { 0 };
        self.group = Some(Group { command, argv, count: 1, brief_args });
    }

    /// What has run since the last measurement is over.
    pub(super) fn stop(&mut self, client: &Client, engine: &mut Engine, host: &mut dyn Host) {
        let now = host.ticks();
        if let Some(group) = self.group.take() {
            let ticks = now.saturating_sub(self.from);
            let is_tracked = engine.state.config.latency_tracking;
            engine.state.stats.took(group.command, ticks, group.count, is_tracked);
            if group.brief_args == 0 {
                // It may have been CONFIG SET, which is the first to be held to what it has set.
                let config = &engine.state.config;
                (self.shares, self.heard_from) = (shares(config), heard_from(config));
            }
            if ticks >= self.heard_from {
                tell(&group, ticks, client, (&mut engine.state, &engine.table), host);
            }
            engine.state.redacted.clear();
        }
        if !self.is_frozen {
            engine.state.refresh_now(now, host);
        }
        self.from = now;
    }

    /// The command that has begun last goes on waiting: the ticks that it has taken so far, which
    /// are noted when it is over.
    pub(super) fn withdraw(&mut self, host: &mut dyn Host) -> u64 {
        self.group = None;
        let now = host.ticks();
        now.saturating_sub(std::mem::replace(&mut self.from, now))
    }
}

/// Notes that a command is over that has waited, and how many ticks it has taken apart from that.
pub(super) fn note_waited(
    (command, argv): (CommandId, Argv<'_>),
    ticks: u64,
    client: &Client,
    (state, table): (&mut State, &Table),
    host: &mut dyn Host,
) {
    state.stats.took(command, ticks, 1, state.config.latency_tracking);
    if ticks >= heard_from(&state.config) {
        let group = Group { command, argv, count: 1, brief_args: 0 };
        tell(&group, ticks, client, (state, table), host);
    }
}

/// Whether brief commands may share a measurement.
fn shares(config: &Config) -> bool {
    !(0..SHARED_FROM_US).contains(&config.slowlog_log_slower_than)
}

/// Ticks below which neither the slow log nor the latency monitor can want to hear of a command.
fn heard_from(config: &Config) -> u64 {
    let slow_us = u64::try_from(config.slowlog_log_slower_than).ok();
    let late_ms = u64::try_from(config.latency_monitor_threshold).ok().filter(|ms| *ms > 0);
    let late_us = late_ms.map(|ms| ms.saturating_mul(1_000));
    let first_us = slow_us.into_iter().chain(late_us).min();
    first_us.map_or(u64::MAX, |us| us.saturating_mul(TICKS_PER_US_MIN))
}

/// Tells the slow log and the latency monitor, if by their thresholds they want to know.
#[cold]
fn tell(
    group: &Group<'_>,
    ticks: u64,
    client: &Client,
    (state, table): (&mut State, &Table),
    host: &mut dyn Host,
) {
    let us = num::whole(num::float(ticks) / host.ticks_per_us()) / group.count;
    let flags = table.row(group.command).command.spec.flags;
    let unix_s = host.now().unix_s();
    let (slow_us, max) = (state.config.slowlog_log_slower_than, state.config.slowlog_max_len);
    let is_slow = u64::try_from(slow_us).is_ok_and(|slow_us| us >= slow_us);
    if is_slow && max > 0 && !flags.contains(Flags::SKIP_SLOWLOG) {
        let argv = slowlog::shorten(group.argv, &state.redacted);
        state.slowlog.add((unix_s, us), argv, client, usize::try_from(max).unwrap_or(usize::MAX));
    }
    let event = if flags.contains(Flags::FAST) { "fast-command" } else { "command" };
    state.note_latency(event, unix_s, us / 1_000);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_thresholds_that_are_set_are_waited_for() {
        let with = |slow_us, late_ms| Config {
            slowlog_log_slower_than: slow_us,
            latency_monitor_threshold: late_ms,
            ..Config::default()
        };
        assert_eq!(heard_from(&with(-1, 0)), u64::MAX);
        assert_eq!(heard_from(&with(0, 0)), 0);
        assert_eq!(heard_from(&with(10_000, 0)), 10_000_000);
        assert_eq!(heard_from(&with(10_000, 1)), 1_000_000);
        assert_eq!(heard_from(&with(i64::MAX, 0)), u64::MAX);
    }
}
