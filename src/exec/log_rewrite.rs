//! The append-only file written anew: a child writes a base of all data as it is, while changes go
//! to a new incremental file.

use super::children::ChildKind;
use super::engine::Engine;
use super::host::Host;
use super::log::write_pending;
use super::propagate::Sink;
use super::snapshot::{self, Failed};
use super::state::State;
use crate::base::num;
use crate::base::time::Now;
use crate::persist::aof::rewrite::{self, Form};
use crate::persist::aof::{LogState, temporary_incr};
use crate::store::Store;
use crate::sys::disk::Disk;
use crate::sys::fork::{self, End, Pace, Progress};
use std::io;

/// Failures in a row after which the next try is put off, and for how long at most.
const FAILURES_MAX: u64 = 3;
const DELAY_MAX_MINUTES: u64 = 60;
/// Microseconds in a minute.
const MINUTE_US: u64 = 60_000_000;

/// What is known of rewriting the log.
#[derive(Default)]
pub struct Rewrites {
    /// How many have been begun.
    pub count: u64,
    /// How many have failed since the last one that has not.
    pub failures: u64,
    /// One is to be begun as soon as nothing is in the way.
    pub is_scheduled: bool,
    /// Whether the last one has failed.
    pub has_failed: bool,
    /// How long the last one took, in seconds.
    pub took_s: Option<u64>,
    /// Bytes of memory that were copied for the last one.
    pub copied_bytes: u64,
    /// After too many failures: when to try again on the monotonic clock, and for how many minutes
    /// that was put off.
    put_off: Option<(u64, u64)>,
}

impl Rewrites {
    /// Has one begun as soon as nothing is in the way, however many have failed.
    pub fn schedule(&mut self) {
        (self.is_scheduled, self.failures) = (true, 0);
    }

    /// Whether too many have failed to try again now.
    fn is_put_off(&mut self, now: Now) -> bool {
        if self.failures < FAILURES_MAX {
            self.put_off = None;
            return false;
        }
        let minutes = match self.put_off {
            Some((until_us, _)) if now.mono_us < until_us => return true,
            // Its time is over: this try is made, and the next one put off for longer.
            Some((until_us, minutes)) if until_us > 0 => {
                self.put_off = Some((0, minutes));
                return false;
            }
            Some((_, minutes)) => (minutes * 2).min(DELAY_MAX_MINUTES),
            None => 1,
        };
        self.put_off = Some((now.mono_us + minutes * MINUTE_US, minutes));
        log::warn!(
            "Background AOF rewrite has repeatedly failed and triggered the limit, will retry in \
             {minutes} minutes"
        );
        true
    }
}

/// Begins to write the log anew in a child.
///
/// # Errors
/// That it cannot be done; the log of the process says why.
pub fn rewrite_in_background(
    store: &mut Store,
    state: &mut State,
    host: &mut dyn Host,
) -> Result<(), Failed> {
    let outcome = begin(store, state, host);
    if let Err(reason) = &outcome {
        log::warn!("{reason}");
        state.rewrites.has_failed = true;
    }
    outcome.map_err(|_| Failed)
}

fn begin(store: &mut Store, state: &mut State, host: &mut dyn Host) -> Result<(), String> {
    let config = state.config.aof.clone();
    write_pending(state, host)?;
    if let Some(errand) = state.log.begin_part(&config, host.disk())? {
        host.aside(errand);
    }
    if state.log.state != LogState::Off {
        state.feed.begin(Sink::Log, store);
    }
    state.rewrites.count += 1;
    let form = form(state, host.now());
    let syncs_early = config.rewrite_incremental_fsync;
    let pause_us = u64::try_from(state.config.rdb_key_save_delay).unwrap_or(0);
    let data = &*store;
    let mut job = |disk: &mut dyn Disk, progress: &Progress| {
        let mut pace = Pace::start();
        let mut visit = |count| pace.note(progress, count, pause_us);
        let name = rewrite::temporary_name(std::process::id());
        rewrite::write_base(disk, &name, syncs_early, (data, &form), &mut visit)?;
        progress.note_copied();
        log::info!("Successfully created the temporary AOF base file {name}");
        let mb = progress.copied_bytes() >> 20;
        log::info!("Fork CoW for AOF rewrite: current {mb} MB, peak {mb} MB, average {mb} MB");
        Ok(())
    };
    let now = host.now();
    let pid = state.children.start(ChildKind::LogRewrite, now, host, &[], &mut job);
    let pid = pid
        .map_err(|error| format!("Can't rewrite append only file in background: fork: {error}"))?;
    log::info!("Background append only file rewriting started by pid {pid}");
    state.persistence.keys_total = (0..store.databases()).map(|db| store.lens(db).0 as u64).sum();
    state.rewrites.is_scheduled = false;
    Ok(())
}

/// What a new base is to consist of.
pub(super) fn form(state: &mut State, now: Now) -> Form {
    if state.config.aof.use_rdb_preamble {
        return Form::Snapshot(snapshot::saving(state, true));
    }
    let second = state.config.aof.timestamp_enabled.then(|| now.unix_s());
    Form::Requests { second, functions: state.persistence.functions.clone() }
}

/// Logs changes from now on; they are kept for good once the data is.
///
/// # Errors
/// That it cannot be done; the log of the process says why.
pub fn turn_on(
    store: &mut Store,
    state: &mut State,
    is_in_transaction: bool,
    host: &mut dyn Host,
) -> Result<(), Failed> {
    state.log.state = LogState::Waiting;
    let is_rewriting = state.children.of(ChildKind::LogRewrite).is_some();
    if state.children.current().is_some() && !is_rewriting || is_in_transaction {
        state.rewrites.is_scheduled = true;
        log::info!(
            "AOF was enabled but there is already another background operation. An AOF background \
             was scheduled to start when possible."
        );
        return Ok(());
    }
    if is_rewriting {
        log::info!(
            "AOF was enabled but there is already an AOF rewriting in background. Stopping \
             background AOF and starting a rewrite now."
        );
        stop_rewriting(state, host);
    }
    let begun = rewrite_in_background(store, state, host);
    if begun.is_err() {
        turn_off(store, state, host);
        log::warn!(
            "The server needs to enable the AOF but can't trigger a background AOF rewrite \
             operation. Check the above logs for more info about the error."
        );
    }
    begun
}

/// Logs changes no more.
pub fn turn_off(store: &mut Store, state: &mut State, host: &mut dyn Host) {
    let is_waiting = state.log.state == LogState::Waiting;
    if let Err(error) = state.log.close(state.feed.waiting(Sink::Log), host.disk()) {
        log::warn!("Fail to fsync the AOF file: {error}");
    }
    state.feed.end(Sink::Log, store);
    state.rewrites.is_scheduled = false;
    stop_rewriting(state, host);
    if is_waiting {
        remove(&temporary_incr(&state.config.aof), host);
    }
}

/// Ends the child that writes the log anew, if there is one, and removes what it has written.
pub fn stop_rewriting(state: &mut State, host: &mut dyn Host) {
    let Some(child) = state.children.of(ChildKind::LogRewrite).copied() else { return };
    log::info!("Killing running AOF rewrite child: {}", child.pid);
    state.children.kill(ChildKind::LogRewrite, host);
    remove(&rewrite::temporary_name(child.pid.unsigned_abs()), host);
}

fn remove(path: &str, host: &mut dyn Host) {
    match host.disk().remove(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            log::warn!("cannot remove {path}: {error}");
        }
        Ok(()) | Err(_) => {}
    }
}

impl Engine {
    /// The child that wrote the log anew has ended.
    pub(super) fn rewrite_ended(&mut self, pid: i32, started: Now, end: End, host: &mut dyn Host) {
        let name = rewrite::temporary_name(pid.unsigned_abs());
        let (_, copied_bytes) = host.child_progress();
        let rewrites = &mut self.state.rewrites;
        rewrites.took_s = Some(host.now().seconds_since(started));
        rewrites.copied_bytes = copied_bytes;
        let is_good = match end {
            End::Done => {
                log::info!("Background AOF rewrite terminated with success");
                self.adopt_base(&name, host)
            }
            End::Failed(_) => {
                log::warn!("Background AOF rewrite terminated with error");
                false
            }
            End::Killed(signal) => {
                log::warn!("Background AOF rewrite terminated by signal {signal}");
                if signal == fork::CANCELLED {
                    self.fail_waiting(host);
                    remove(&name, host);
                    return;
                }
                false
            }
        };
        let rewrites = &mut self.state.rewrites;
        rewrites.has_failed = !is_good;
        rewrites.failures = if is_good { 0 } else { rewrites.failures + 1 };
        if !is_good {
            remove(&name, host);
            self.fail_waiting(host);
        }
    }

    /// The first base could not be had: what has changed meanwhile is of no use without it.
    fn fail_waiting(&mut self, host: &mut dyn Host) {
        if self.state.log.state != LogState::Waiting {
            return;
        }
        self.state.feed.end(Sink::Log, &mut self.store);
        self.state.log.abandon();
        let path = temporary_incr(&self.state.config.aof);
        let name = path.rsplit('/').next().unwrap_or(&path);
        log::info!("Removing the temp incr aof file {name} in the background");
        remove(&path, host);
        self.state.rewrites.is_scheduled = true;
    }

    /// Puts a new base in its place; true if that could be done.
    fn adopt_base(&mut self, temporary: &str, host: &mut dyn Host) -> bool {
        let State { log, config, .. } = &mut self.state;
        match log.adopt_base(temporary, &config.aof, host.disk()) {
            Ok(errand) => {
                if let Some(errand) = errand {
                    host.aside(errand);
                }
                log::info!("Background AOF rewrite finished successfully");
                true
            }
            Err(reason) => {
                log::warn!("{reason}");
                false
            }
        }
    }

    /// Begins to write the log anew if that is due.
    pub(super) fn rewrite_if_due(&mut self, host: &mut dyn Host) {
        let state = &mut self.state;
        if state.children.current().is_some() || state.persistence.loading.is_some() {
            return;
        }
        let is_grown = has_grown(state);
        if !state.rewrites.is_scheduled && !is_grown || state.rewrites.is_put_off(state.now) {
            return;
        }
        if is_grown && !state.rewrites.is_scheduled {
            let growth = growth_percent(state);
            log::info!("Starting automatic rewriting of AOF on {growth}% growth");
        }
        // A failure has been logged; the next try waits for the next change.
        if rewrite_in_background(&mut self.store, &mut self.state, host).is_err() {
            self.state.rewrites.failures += 1;
        }
    }

    /// When that is due without another change, on the monotonic clock in microseconds.
    pub(super) fn next_rewrite_us(&self) -> Option<u64> {
        let state = &self.state;
        let is_due = state.rewrites.is_scheduled && state.children.current().is_none();
        let (until_us, _) = state.rewrites.put_off.unwrap_or_default();
        is_due.then_some(until_us)
    }
}

/// Whether the log has grown so much that it is to be written anew.
fn has_grown(state: &State) -> bool {
    let (log, config) = (&state.log, &state.config.aof);
    let min_size = u64::try_from(config.auto_rewrite_min_size).unwrap_or(0);
    let percentage = num::index(u64::try_from(config.auto_rewrite_percentage).unwrap_or(0)) as u64;
    log.state == LogState::On
        && percentage > 0
        && log.size > min_size
        && growth_percent(state) >= percentage
}

fn growth_percent(state: &State) -> u64 {
    let base = state.log.base_size.max(1);
    (u128::from(state.log.size) * 100 / u128::from(base))
        .saturating_sub(100)
        .try_into()
        .unwrap_or(u64::MAX)
}
