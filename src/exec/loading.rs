//! Loading what was kept: in slices while the server starts, so that clients can be told of it.
//! DEBUG RELOAD loads a snapshot at once.

use super::engine::Engine;
use super::host::Host;
use super::log_load::LogLoad;
use super::snapshot::Failed;
use super::state::State;
use crate::base::id::DbIndex;
use crate::base::num;
use crate::base::time::Now;
use crate::persist::rdb::load::Loading;
use crate::persist::rdb::{Fault, Forms, Loader, Reason};
use crate::store::Store;
use crate::sys::disk::DiskFile;
use crate::sys::files::reason;
use std::io::{self, ErrorKind};
use std::time::Duration;

/// What a snapshot is loaded for.
pub(super) enum Purpose {
    /// It is what was kept when the server last ran.
    Start,
    /// It is the data of our primary, which takes the place of what is there: at once, or as a
    /// whole in the end.
    Sync(Option<Aside>),
}

/// Where data is gathered until it is whole.
pub(super) struct Aside {
    pub(super) store: Box<Store>,
    /// Whether clients are served from the old data meanwhile.
    pub(super) serves_old: bool,
}

/// A snapshot on its way in.
pub(super) struct SnapshotLoad {
    purpose: Purpose,
    loader: Loader<'static>,
    /// Whether its bytes are still coming.
    comes: bool,
}

impl SnapshotLoad {
    /// The value of a word about the snapshot, if it has come.
    pub(super) fn word(&self, name: &str) -> Option<&str> {
        self.loader.loaded().aux(name)
    }

    /// Takes the keys that were due and have been left out since the last time.
    pub(super) fn take_due(&mut self) -> Vec<(DbIndex, Vec<u8>)> {
        self.loader.take_due()
    }
}

/// What is being loaded.
enum Work {
    Snapshot(Box<SnapshotLoad>),
    Log(Box<LogLoad>),
}

/// A snapshot or a log that is being loaded.
pub struct Load {
    work: Work,
    /// When that was begun.
    pub started: Now,
    /// Bytes of the files.
    pub total_bytes: u64,
}

impl Load {
    /// Begins to load what a primary has sent, from a file of so many bytes, or what it sends, as
    /// it comes.
    pub(super) fn of_primary(
        input: Option<Box<dyn DiskFile>>,
        len: Option<u64>,
        started: Now,
        (store, state): (&Store, &State),
        aside: Option<Aside>,
    ) -> Load {
        let forms = Forms::of_file(&state.config, store.hasher(), state.plain_bytes);
        let checks_sum = state.config.rdbchecksum && !state.persistence.skips_sums;
        // It is for the primary to say what dies.
        let loading = Loading { forms, due_ms: None, replaces: false, checks_sum };
        let comes = input.is_none();
        let loader = match input {
            Some(input) => Loader::new(Box::new(input), len, loading),
            None => Loader::fed(loading),
        };
        let snapshot = SnapshotLoad { purpose: Purpose::Sync(aside), loader, comes };
        let work = Work::Snapshot(Box::new(snapshot));
        Load { work, started, total_bytes: len.unwrap_or(0) }
    }

    /// A log of so many bytes.
    pub(super) fn of_log(log: LogLoad, started: Now, total_bytes: u64) -> Load {
        Load { work: Work::Log(Box::new(log)), started, total_bytes }
    }

    /// Whether clients are served meanwhile from the data that was there.
    pub fn serves_old(&self) -> bool {
        let Work::Snapshot(snapshot) = &self.work else { return false };
        matches!(snapshot.purpose, Purpose::Sync(Some(Aside { serves_old: true, .. })))
    }

    /// Whether its bytes are still coming.
    pub fn comes(&self) -> bool {
        matches!(&self.work, Work::Snapshot(snapshot) if snapshot.comes)
    }

    /// Bytes have come; false if they stand behind the end of the snapshot.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> bool {
        let Work::Snapshot(snapshot) = &mut self.work else { return false };
        if snapshot.loader.is_whole() {
            return false;
        }
        snapshot.loader.feed(bytes);
        true
    }

    /// All bytes have come.
    pub(super) fn end_feed(&mut self) {
        if let Work::Snapshot(snapshot) = &mut self.work {
            snapshot.loader.end_feed();
            snapshot.comes = false;
        }
    }

    /// Where the data was gathered, for a load that does not come to its end.
    pub(super) fn into_aside(self) -> Option<Aside> {
        match self.work {
            Work::Snapshot(snapshot) => match snapshot.purpose {
                Purpose::Start => None,
                Purpose::Sync(aside) => aside,
            },
            Work::Log(_) => None,
        }
    }

    /// Bytes that have been loaded.
    pub fn loaded_bytes(&self) -> u64 {
        match &self.work {
            Work::Snapshot(snapshot) => snapshot.loader.offset(),
            Work::Log(log) => log.loaded_bytes(),
        }
    }

    /// Bytes of memory that were in use when it was made, as it says; zero if it does not.
    pub fn used_bytes(&self) -> u64 {
        match &self.work {
            Work::Snapshot(snapshot) => used_bytes(&snapshot.loader),
            Work::Log(log) => log.used_bytes(),
        }
    }

    /// Seconds until the rest is loaded, if it goes on as it did.
    pub fn rest_s(&self, now: Now) -> u64 {
        let (done, total) = (self.loaded_bytes(), self.total_bytes);
        let elapsed_s = now.seconds_since(self.started);
        if done == 0 {
            return 1;
        }
        num::whole(
            num::float(elapsed_s) * num::float(total.saturating_sub(done)) / num::float(done),
        )
    }
}

/// Bytes of memory that were in use when a snapshot was made, as it says; zero if it does not.
pub(super) fn used_bytes(loader: &Loader<'_>) -> u64 {
    loader.loaded().aux("used-mem").and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// What loads a snapshot that the log begins with, whatever is due in it.
pub(super) fn base_loader(
    store: &Store,
    state: &State,
    file: Box<dyn DiskFile>,
    len: Option<u64>,
) -> Loader<'static> {
    let forms = Forms::of_file(&state.config, store.hasher(), state.plain_bytes);
    let checks_sum = state.config.rdbchecksum && !state.persistence.skips_sums;
    let loading = Loading { forms, due_ms: None, replaces: false, checks_sum };
    Loader::new(Box::new(file), len, loading)
}

/// The file of snapshots, to be loaded.
struct Opened {
    loader: Loader<'static>,
    started: Now,
    total_bytes: u64,
}

/// Opens the file of snapshots; `None` if there is none.
///
/// # Errors
/// A line for the log.
fn open(
    store: &Store,
    state: &State,
    host: &mut dyn Host,
    replaces: bool,
) -> Result<Option<Opened>, String> {
    let path = state.config.dbfilename.clone();
    let started = host.now();
    let fault = |error: &io::Error| {
        format!("Fatal error: can't open the RDB file {path} for reading: {}", reason(error))
    };
    let input = match host.disk().open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fault(&error)),
    };
    let len = host.disk().len(&path).map_err(|error| fault(&error))?;
    let forms = Forms::of_file(&state.config, store.hasher(), state.plain_bytes);
    let checks_sum = state.config.rdbchecksum && !state.persistence.skips_sums;
    // It is for the primary to say what dies.
    let due_ms = (!state.is_replica()).then(|| started.unix_ms());
    let loading = Loading { forms, due_ms, replaces, checks_sum };
    let loader = Loader::new(Box::new(input), len, loading);
    Ok(Some(Opened { loader, started, total_bytes: len.unwrap_or(0) }))
}

/// Loads the file of snapshots at once.
///
/// # Errors
/// That there is none, or that it cannot be loaded; the log says why. Some of it may be there.
pub fn reload(
    store: &mut Store,
    state: &mut State,
    host: &mut dyn Host,
    replaces: bool,
) -> Result<(), Failed> {
    let opened = open(store, state, host, replaces).map_err(|line| {
        log::warn!("{line}");
        Failed
    })?;
    let Some(mut load) = opened else {
        log::warn!("there is no file {} to be loaded", state.config.dbfilename);
        return Err(Failed);
    };
    load.loader.step(store, u64::MAX, u64::MAX).map_err(|fault| {
        complain(&fault);
        Failed
    })?;
    note_loaded(&load.loader, state);
    Ok(())
}

/// Writes to the log of the process what is wrong with a snapshot.
pub(super) fn complain(fault: &Fault) {
    let Fault { offset, reason } = fault;
    if let Reason::Bad(what) = reason {
        log::warn!("Internal error in RDB reading offset {offset} -> {what}");
        log::warn!("The RDB file is damaged: {what}");
    }
    log::warn!("{}", reason.sentence());
}

/// Notes what has been loaded.
pub(super) fn note_loaded(loader: &Loader<'_>, state: &mut State) {
    let loaded = loader.loaded();
    let (keys, expired, empty) = (loaded.keys, loaded.expired, loaded.empty);
    log::info!("Done loading RDB, keys loaded: {keys}, keys expired: {expired}.");
    if empty > 0 {
        log::info!("Done loading RDB, empty keys skipped: {empty}.");
    }
    state.persistence.loaded_keys = (expired, keys);
    if !loaded.functions.is_empty() {
        state.persistence.functions.clone_from(&loaded.functions);
    }
}

impl Engine {
    /// Begins to load what was kept when the server last ran, if anything was; ticks go on with it.
    ///
    /// # Errors
    /// Why that cannot be done, in a line.
    pub fn begin_loading(&mut self, host: &mut dyn Host) -> Result<(), String> {
        // Where there is a log it goes on, even if it is turned on later.
        self.state.log.read_manifest(&self.state.config.aof, host.disk())?;
        if self.state.config.aof.is_on {
            return self.begin_log(host);
        }
        if let Some(Opened { loader, started, total_bytes }) =
            open(&self.store, &self.state, host, false)?
        {
            let snapshot = SnapshotLoad { purpose: Purpose::Start, loader, comes: false };
            let work = Work::Snapshot(Box::new(snapshot));
            self.state.persistence.loading = Some(Box::new(Load { work, started, total_bytes }));
        }
        Ok(())
    }

    /// Loads some more of what is there.
    #[cold]
    pub(super) fn load_slice(&mut self, host: &mut dyn Host) {
        let Some(load) = self.state.persistence.loading.take() else { return };
        let Load { work, started, total_bytes } = *load;
        let bytes = self.state.config.loading_process_events_interval_bytes;
        let bytes = u64::try_from(bytes).unwrap_or(1);
        let rest = match work {
            Work::Snapshot(snapshot) => self.snapshot_slice(snapshot, bytes, started, host),
            Work::Log(log) => self.load_log_slice(log, bytes, started, host),
        };
        if let Some(work) = rest {
            self.show_life();
            self.state.persistence.loading = Some(Box::new(Load { work, started, total_bytes }));
        }
    }

    /// Loads some more of a snapshot; what is left to be done.
    fn snapshot_slice(
        &mut self,
        mut snapshot: Box<SnapshotLoad>,
        bytes: u64,
        started: Now,
        host: &mut dyn Host,
    ) -> Option<Work> {
        let SnapshotLoad { purpose, loader, comes } = &mut *snapshot;
        let keys_before = loader.loaded().keys;
        let store = match purpose {
            Purpose::Sync(Some(aside)) => &mut aside.store,
            Purpose::Sync(None) | Purpose::Start => &mut self.store,
        };
        let stepped = loader.step(store, bytes, u64::MAX);
        let (comes, keys) = (*comes, loader.loaded().keys - keys_before);
        if matches!(purpose, Purpose::Start) {
            self.follow_load(&mut snapshot);
        }
        match stepped {
            Ok(is_whole) if comes || !is_whole => {
                self.pause_loading(keys, host);
                return Some(Work::Snapshot(snapshot));
            }
            Ok(_) => self.end_snapshot(*snapshot, started, host),
            Err(fault) => {
                complain(&fault);
                match snapshot.purpose {
                    Purpose::Sync(aside) => self.snapshot_refused(aside, host),
                    Purpose::Start => {
                        let line = "Fatal error loading the DB, check server logs. Exiting.";
                        self.fail(line.to_owned());
                    }
                }
            }
        }
        None
    }

    /// All of a snapshot is there.
    fn end_snapshot(&mut self, snapshot: SnapshotLoad, started: Now, host: &mut dyn Host) {
        note_loaded(&snapshot.loader, &mut self.state);
        let db = snapshot.stream_db();
        if let Purpose::Sync(aside) = snapshot.purpose {
            // What the primary has not is not there any more.
            let functions = &snapshot.loader.loaded().functions;
            self.state.persistence.functions.clone_from(functions);
            return self.snapshot_loaded(aside, db, host);
        }
        let now = host.now();
        let us = now.mono_us.saturating_sub(started.mono_us);
        self.state.persistence.note_saved(self.store.changes.dirty, now);
        log::info!("DB loaded from disk: {:.3} seconds", num::float(us) / 1e6);
    }

    /// Loads some more of the log; what is left to be done.
    fn load_log_slice(
        &mut self,
        mut log: Box<LogLoad>,
        bytes: u64,
        started: Now,
        host: &mut dyn Host,
    ) -> Option<Work> {
        let requests_before = log.requests();
        match self.log_slice(&mut log, bytes, host) {
            Ok(false) => {
                self.pause_loading(log.requests() - requests_before, host);
                return Some(Work::Log(log));
            }
            Ok(true) => {
                self.end_log_load(*log, started, host);
                if let Err(reason) = self.open_log(host) {
                    self.fail(reason);
                }
            }
            Err(reason) => {
                self.drop_log_load(*log);
                self.fail(reason);
            }
        }
        None
    }

    /// Lets time pass for things that have been loaded (`key-load-delay`).
    fn pause_loading(&self, count: u64, host: &mut dyn Host) {
        let pause_us = u64::try_from(self.state.config.key_load_delay).unwrap_or(0);
        if pause_us > 0 {
            host.sleep(Duration::from_micros(pause_us.saturating_mul(count)));
        }
    }

    /// The server cannot go on.
    pub(super) fn fail(&mut self, reason: String) {
        self.state.persistence.failure = Some(reason);
        self.state.is_stopping = true;
    }
}
