//! Loading a snapshot: in slices while the server starts, so that clients can be told of it, or at
//! once for DEBUG RELOAD.

use super::engine::Engine;
use super::host::Host;
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

/// A snapshot that is being loaded.
pub struct Load {
    purpose: Purpose,
    loader: Loader<'static>,
    /// Whether its bytes are still coming.
    comes: bool,
    /// When that was begun.
    pub started: Now,
    /// Bytes of the file.
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
        let purpose = Purpose::Sync(aside);
        Load { purpose, loader, comes, started, total_bytes: len.unwrap_or(0) }
    }

    /// Whether clients are served meanwhile from the data that was there.
    pub fn serves_old(&self) -> bool {
        matches!(self.purpose, Purpose::Sync(Some(Aside { serves_old: true, .. })))
    }

    /// Whether its bytes are still coming.
    pub fn comes(&self) -> bool {
        self.comes
    }

    /// Bytes have come.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.loader.feed(bytes);
    }

    /// All bytes have come.
    pub(super) fn end_feed(&mut self) {
        self.loader.end_feed();
        self.comes = false;
    }

    /// The value of a word about the snapshot, if it has come.
    pub(super) fn word(&self, name: &str) -> Option<&str> {
        self.loader.loaded().aux(name)
    }

    /// Takes the keys that were due and have been left out since the last time.
    pub(super) fn take_due(&mut self) -> Vec<(DbIndex, Vec<u8>)> {
        self.loader.take_due()
    }

    /// Where the data was gathered, for a load that does not come to its end.
    pub(super) fn into_aside(self) -> Option<Aside> {
        match self.purpose {
            Purpose::Start => None,
            Purpose::Sync(aside) => aside,
        }
    }

    /// Bytes that have been loaded.
    pub fn loaded_bytes(&self) -> u64 {
        self.loader.offset()
    }

    /// Bytes of memory that were in use when it was made, as it says; zero if it does not.
    pub fn used_bytes(&self) -> u64 {
        self.loader.loaded().aux("used-mem").and_then(|text| text.parse().ok()).unwrap_or(0)
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

/// Loads a snapshot that the log begins with, whatever is due in it; the bytes that it has.
///
/// # Errors
/// That it cannot be loaded; the log of the process says why.
pub(super) fn load_base(
    store: &mut Store,
    state: &mut State,
    file: Box<dyn DiskFile>,
    len: Option<u64>,
) -> Result<u64, Failed> {
    let forms = Forms::of_file(&state.config, store.hasher(), state.plain_bytes);
    let checks_sum = state.config.rdbchecksum && !state.persistence.skips_sums;
    let loading = Loading { forms, due_ms: None, replaces: false, checks_sum };
    let mut loader = Loader::new(Box::new(file), len, loading);
    loader.step(store, u64::MAX, u64::MAX).map_err(|fault| {
        complain(&fault);
        Failed
    })?;
    note_loaded(&loader, state);
    Ok(loader.offset())
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
) -> Result<Option<Load>, String> {
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
    let (purpose, total_bytes) = (Purpose::Start, len.unwrap_or(0));
    Ok(Some(Load { purpose, loader, comes: false, started, total_bytes }))
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
    finish(load, state);
    Ok(())
}

fn complain(fault: &Fault) {
    let Fault { offset, reason } = fault;
    if let Reason::Bad(what) = reason {
        log::warn!("Internal error in RDB reading offset {offset} -> {what}");
        log::warn!("The RDB file is damaged: {what}");
    }
    log::warn!("{}", reason.sentence());
}

/// Notes what has been loaded.
fn finish(load: Load, state: &mut State) -> Purpose {
    note_loaded(&load.loader, state);
    load.purpose
}

fn note_loaded(loader: &Loader<'_>, state: &mut State) {
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
        if self.state.config.aof.is_on {
            return self.start_log(host);
        }
        let load = open(&self.store, &self.state, host, false)?;
        self.state.persistence.loading = load.map(Box::new);
        Ok(())
    }

    /// Loads some more of what is there.
    #[cold]
    pub(super) fn load_slice(&mut self, host: &mut dyn Host) {
        let Some(mut load) = self.state.persistence.loading.take() else { return };
        let config = &self.state.config;
        let bytes = u64::try_from(config.loading_process_events_interval_bytes).unwrap_or(1);
        let keys_before = load.loader.loaded().keys;
        let pause_us = u64::try_from(config.key_load_delay).unwrap_or(0);
        let store = match &mut load.purpose {
            Purpose::Sync(Some(aside)) => &mut aside.store,
            Purpose::Sync(None) | Purpose::Start => &mut self.store,
        };
        let stepped = load.loader.step(store, bytes, u64::MAX);
        if matches!(load.purpose, Purpose::Start) {
            self.follow_load(&mut load);
        }
        match stepped {
            Ok(is_whole) if load.comes || !is_whole => {
                self.show_life();
                let keys = load.loader.loaded().keys - keys_before;
                if pause_us > 0 {
                    host.sleep(Duration::from_micros(pause_us.saturating_mul(keys)));
                }
                self.state.persistence.loading = Some(load);
            }
            Ok(_) => self.end_load(*load, host),
            Err(fault) => {
                complain(&fault);
                if let Purpose::Sync(aside) = load.purpose {
                    return self.snapshot_refused(aside, host);
                }
                let sentence = "Fatal error loading the DB, check server logs. Exiting.";
                self.state.persistence.failure = Some(sentence.to_owned());
                self.state.is_stopping = true;
            }
        }
    }

    /// All of it is there.
    fn end_load(&mut self, load: Load, host: &mut dyn Host) {
        let now = host.now();
        let us = now.mono_us.saturating_sub(load.started.mono_us);
        let db = load.stream_db();
        if let Purpose::Sync(aside) = finish(load, &mut self.state) {
            return self.snapshot_loaded(aside, db, host);
        }
        self.state.persistence.note_saved(self.store.changes.dirty, now);
        log::info!("DB loaded from disk: {:.3} seconds", num::float(us) / 1e6);
    }
}
