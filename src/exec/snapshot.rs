//! Snapshots from the engine's side: taken at once, or by a child while the engine goes on.

use super::children::ChildKind;
use super::engine::Engine;
use super::host::Host;
use super::state::State;
use crate::base::num;
use crate::base::time::Now;
use crate::persist::rdb::Saving;
use crate::persist::snapshot::{self, Place};
use crate::spec::REDIS_VERSION;
use crate::store::Store;
use crate::sys::disk::Disk;
use crate::sys::fork::{self, End, Pace, Progress};
use std::io;

/// Something could not be done; the log says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed;

/// Saves all keys to the file of snapshots, while everything else waits.
///
/// # Errors
/// That it could not be done; the log says why.
pub fn save(store: &Store, state: &mut State, host: &mut dyn Host) -> Result<(), Failed> {
    save_at(Pace::start(), store, state, host)
}

/// The same, which may be stopped in the middle.
pub(super) fn save_at(
    mut pace: Pace,
    store: &Store,
    state: &mut State,
    host: &mut dyn Host,
) -> Result<(), Failed> {
    let from = host.now();
    let pause_us = pause_us(state);
    let progress = Progress::default();
    let (saving, place) = (saving(state, false), place(state));
    let mut visit = |count| pace.note(&progress, count, pause_us);
    let saved = snapshot::save(host.disk(), &place, state.facts.pid, store, &saving, &mut visit);
    let now = host.now();
    match saved {
        Ok(()) => {
            log::info!("DB saved on disk");
            state.persistence.note_saved(store.changes.dirty, now);
            state.persistence.took_s = Some(now.seconds_since(from));
            state.persistence.saves += 1;
            Ok(())
        }
        Err(reason) => {
            log::warn!("{reason}");
            Err(Failed)
        }
    }
}

/// Begins to save all keys to the file of snapshots in a child.
///
/// # Errors
/// The system's; then there is no child.
pub fn save_in_background(store: &Store, state: &mut State, host: &mut dyn Host) -> io::Result<()> {
    state.persistence.is_scheduled = false;
    state.persistence.last_try_us = state.now.mono_us;
    let (saving, place, pause_us) = (saving(state, false), place(state), pause_us(state));
    let mut job = |disk: &mut dyn Disk, progress: &Progress| {
        let mut pace = Pace::start();
        let mut visit = |count| pace.note(progress, count, pause_us);
        let own = std::process::id();
        snapshot::save(disk, &place, own, store, &saving, &mut visit)?;
        progress.note_copied();
        log::info!("DB saved on disk");
        let mb = progress.copied_bytes() >> 20;
        log::info!("Fork CoW for RDB: current {mb} MB, peak {mb} MB, average {mb} MB");
        Ok(())
    };
    let now = host.now();
    match state.children.start(ChildKind::Snapshot, now, host, &[], &mut job) {
        Ok(pid) => {
            log::info!("Background saving started by pid {pid}");
            let keys = (0..store.databases()).map(|db| store.lens(db).0 as u64).sum();
            state.persistence.keys_total = keys;
            state.persistence.forked_dirty = store.changes.dirty;
            Ok(())
        }
        Err(error) => {
            state.persistence.is_ok = false;
            log::warn!("Can't save in background: fork: {error}");
            Err(error)
        }
    }
}

/// Ends the child that takes a snapshot, if there is one, and removes what it has written.
pub fn stop_saving(state: &mut State, host: &mut dyn Host) {
    let Some(child) = state.children.of(ChildKind::Snapshot).copied() else { return };
    log::info!("Killing the child {} that saves", child.pid);
    state.children.kill(ChildKind::Snapshot, host);
    state.persistence.is_scheduled = false;
    remove_temporary(child.pid, host);
}

fn remove_temporary(pid: i32, host: &mut dyn Host) {
    let name = snapshot::temporary_name(pid.unsigned_abs());
    match host.disk().remove(&name) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            log::warn!("cannot remove {name}: {error}");
        }
        Ok(()) | Err(_) => {}
    }
}

/// What a snapshot is to be like, which may be the base of a log.
pub(super) fn saving(state: &mut State, is_base: bool) -> Saving {
    let used = state.memory_used();
    let config = &state.config;
    let mut aux = vec![
        ("redis-ver", REDIS_VERSION.to_owned()),
        ("redis-bits", usize::BITS.to_string()),
        ("ctime", state.now.unix_s().to_string()),
        ("used-mem", used.to_string()),
        ("aof-base", u8::from(is_base).to_string()),
    ];
    if !is_base {
        aux.extend(state.history_words());
    }
    Saving {
        version: u32::try_from(config.rdb_version).unwrap_or(0),
        compresses: config.rdbcompression,
        sums: config.rdbchecksum,
        notes_use: config.maxmemory_policy.is_by_use(),
        aux,
        functions: state.persistence.functions.clone(),
    }
}

fn place(state: &State) -> Place {
    Place {
        path: state.config.dbfilename.clone(),
        syncs_early: state.config.rdb_save_incremental_fsync,
    }
}

fn pause_us(state: &State) -> u64 {
    u64::try_from(state.config.rdb_key_save_delay).unwrap_or(0)
}

impl Engine {
    /// The child that took a snapshot has ended.
    pub(super) fn snapshot_ended(&mut self, pid: i32, started: Now, end: End, host: &mut dyn Host) {
        let now = host.now();
        let (_, copied_bytes) = host.child_progress();
        let persistence = &mut self.state.persistence;
        persistence.took_s = Some(now.seconds_since(started));
        persistence.copied_bytes = copied_bytes;
        match end {
            End::Done => {
                log::info!("Background saving terminated with success");
                let dirty = persistence.forked_dirty;
                persistence.note_saved(dirty, now);
                persistence.saves += 1;
            }
            End::Failed(_) => {
                log::warn!("Background saving error");
                persistence.is_ok = false;
            }
            End::Killed(signal) => {
                log::warn!("Background saving terminated by signal {signal}");
                remove_temporary(pid, host);
                // By this one an operator ends a child that is not wanted.
                if signal != fork::CANCELLED {
                    self.state.persistence.is_ok = false;
                }
            }
        }
    }

    /// Begins a snapshot if one is due.
    pub(super) fn save_if_due(&mut self, host: &mut dyn Host) {
        let now_us = self.state.now.mono_us;
        if self.next_save_us().is_none_or(|at_us| at_us > now_us) {
            return;
        }
        let persistence = &self.state.persistence;
        let dirty = self.store.changes.dirty;
        let due = persistence.next_save(dirty).filter(|(at_us, _)| *at_us <= now_us);
        if let Some((_, point)) = due {
            let (changes, seconds) = (persistence.changes(dirty), point.seconds);
            log::info!("{changes} changes in {seconds} seconds. Saving...");
        }
        // A failure has been logged, and the next try is put off.
        save_in_background(&self.store, &mut self.state, host).unwrap_or_default();
    }

    /// When the next snapshot is due, on the monotonic clock in microseconds; never while something
    /// is in the way.
    #[inline]
    pub(super) fn next_save_us(&self) -> Option<u64> {
        let State { persistence, children, .. } = &self.state;
        let is_free = children.current().is_none() && persistence.loading.is_none();
        if !is_free || self.state.is_cron_paused {
            return None;
        }
        let by_itself = persistence.next_save(self.store.changes.dirty).map(|(at_us, _)| at_us);
        persistence.scheduled_us().into_iter().chain(by_itself).min()
    }
}

/// The part of the work that the child has done, in hundredths.
pub fn percent(done: u64, total: u64) -> f64 {
    if total == 0 { 0.0 } else { 100.0 * num::float(done) / num::float(total) }
}
