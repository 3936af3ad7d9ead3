//! The snapshot of a primary: loaded as it comes, or kept in a file until it is whole and loaded
//! then.

use super::super::engine::Engine;
use super::super::host::Host;
use super::super::loading::{Aside, Load};
use super::super::persistence::Persistence;
use super::super::snapshot::stop_saving;
use super::super::{log_rewrite, state::State};
use super::replica::{Bond, Opening};
use super::snapshot::remove;
use crate::base::id::DbIndex;
use crate::config::kinds::DisklessLoad;
use crate::persist::aof::LogState;
use crate::persist::snapshot::{Synced, put_in_place, sync_name};
use crate::repl::{History, Stream};
use crate::store::{Store, Usage};
use crate::sys::disk::DiskFile;
use crate::sys::files::reason;
use std::io::Write;

/// Microseconds between two signs of life while a snapshot is loaded.
const SIGN_EVERY_US: u64 = 1_000_000;

/// A snapshot that is arriving.
pub(super) enum Incoming {
    /// It is written to a file, which becomes the server's own snapshot if it is to be kept.
    File { path: String, file: Synced, is_kept: bool },
    /// It is loaded as it comes, beside the old data or in its place.
    Direct { is_aside: bool },
}

impl Engine {
    /// A snapshot is about to come, after which the stream goes on at `goal`.
    pub(super) fn expect_snapshot(
        &mut self,
        goal: Option<(String, u64)>,
        host: &mut dyn Host,
    ) -> Result<(), String> {
        match &goal {
            Some((id, offset)) => log::info!("Full resync from master: {id}:{offset}"),
            None => log::info!("Full resync from a master without PSYNC"),
        }
        let has_keys = || (0..self.store.databases()).any(|index| self.store.lens(index).0 > 0);
        let is_direct = match self.state.config.repl.diskless_load {
            DisklessLoad::Disabled => false,
            DisklessLoad::OnEmptyDb => !has_keys(),
            DisklessLoad::FlushBeforeLoad | DisklessLoad::SwapDb => true,
        };
        let incoming = if is_direct {
            let is_aside = self.state.config.repl.diskless_load == DisklessLoad::SwapDb;
            Incoming::Direct { is_aside }
        } else {
            let path = sync_name(self.state.facts.pid, self.state.now.unix_us);
            let file = host.disk().create(&path).map_err(|error| {
                let what = "Opening the temp file needed for MASTER <-> REPLICA synchronization";
                format!("{what}: {error}")
            })?;
            let is_kept = self.state.keeps_sync_files();
            Incoming::File { path, file: Synced::new(file, is_kept), is_kept }
        };
        self.state.replication.incoming = Some(incoming);
        if let Some(opening) = self.opening() {
            opening.goal = goal;
        }
        Ok(())
    }

    /// Bytes of it have come: these of the input of the link.
    pub(super) fn take_snapshot(
        &mut self,
        at: usize,
        count: usize,
        host: &mut dyn Host,
    ) -> Result<(), String> {
        if let Some(Incoming::Direct { is_aside }) = self.state.replication.incoming
            && self.state.persistence.loading.is_none()
        {
            self.begin_load(None, None, is_aside, host);
        }
        let replication = &mut self.state.replication;
        let (Some(incoming), Some(primary)) = (&mut replication.incoming, &mut replication.primary)
        else {
            return Err("no snapshot is expected".to_owned());
        };
        let Bond::Opening(opening) = &mut primary.bond else { return Ok(()) };
        note_arrival(opening, count, &mut self.state.persistence);
        let bytes = &opening.input[at..at + count];
        match incoming {
            Incoming::File { file, .. } => file.write_all(bytes).map_err(|error| {
                let what = "Write error or short write writing to the DB dump file";
                format!("{what}: {}", reason(&error))
            }),
            Incoming::Direct { .. } => {
                if let Some(load) = &mut self.state.persistence.loading
                    && !load.feed(bytes)
                {
                    return Err("more comes behind the end of the snapshot".to_owned());
                }
                self.load_slice(host);
                Ok(())
            }
        }
    }

    /// It is whole: what has not been loaded is loaded in the following ticks.
    pub(super) fn load_incoming(&mut self, host: &mut dyn Host) -> Result<(), String> {
        match self.state.replication.incoming.take() {
            None => return Err("no snapshot is expected".to_owned()),
            Some(Incoming::File { path, mut file, is_kept }) => {
                let written = if is_kept { file.sync() } else { file.flush() };
                let opened = written.and_then(|()| host.disk().open(&path));
                let len = host.disk().len(&path);
                if is_kept && opened.is_ok() {
                    self.state.replication.arrived = Some(path);
                } else {
                    remove(&path, host);
                }
                let fault = |error| format!("cannot read the snapshot again: {}", reason(&error));
                let (input, len) = (opened.map_err(fault)?, len.map_err(fault)?);
                self.begin_load(Some(input), len, false, host);
            }
            Some(Incoming::Direct { is_aside }) => {
                if self.state.persistence.loading.is_none() {
                    self.begin_load(None, None, is_aside, host);
                }
                if let Some(load) = &mut self.state.persistence.loading {
                    load.end_feed();
                }
            }
        }
        if let Some(primary) = &mut self.state.replication.primary {
            let bond = std::mem::replace(&mut primary.bond, Bond::Down(0));
            primary.bond = match bond {
                Bond::Opening(opening) => Bond::Loading(opening),
                other => other,
            };
        }
        // What is small is there at once.
        self.load_slice(host);
        Ok(())
    }

    /// Loading begins, from a file or from what comes. The data that was there goes first, unless
    /// it is to stay until the end.
    fn begin_load(
        &mut self,
        input: Option<Box<dyn DiskFile>>,
        len: Option<u64>,
        is_aside: bool,
        host: &mut dyn Host,
    ) {
        // What is being saved is not what there will be, and costs memory.
        stop_saving(&mut self.state, host);
        if self.state.log.state != LogState::Off {
            log_rewrite::turn_off(&mut self.store, &mut self.state, host);
        }
        let aside = is_aside.then(|| self.place_aside());
        self.state.replication.own.clear();
        if aside.is_none() {
            self.drop_replicas();
            log::info!("MASTER <-> REPLICA sync: Flushing old data");
            self.drop_data();
            // It has nothing in common any more with what there was.
            self.state.replication.drop_stream();
            if let Some(primary) = &mut self.state.replication.primary {
                primary.is_familiar = false;
            }
        }
        log::info!("MASTER <-> REPLICA sync: Loading DB in memory");
        let now = host.now();
        let load = Load::of_primary(input, len, now, (&self.store, &self.state), aside);
        self.state.persistence.loading = Some(Box::new(load));
    }

    /// Where the new data is gathered. The old data is good enough for clients only if it is of the
    /// same history.
    fn place_aside(&mut self) -> Aside {
        let hasher = self.store.hasher().clone();
        let usage = Usage::new(&self.state.config, self.state.rng.u64(..));
        let store = Box::new(Store::new(self.store.databases(), hasher, usage));
        let goal = self.opening().and_then(|opening| opening.goal.clone());
        let serves_old = goal.is_some_and(|(id, _)| id == self.state.replication.history.id);
        Aside { store, serves_old }
    }

    /// Removes all keys, which does not count as a change.
    fn drop_data(&mut self) {
        let now_ms = self.state.now.unix_ms();
        let dirty = self.store.changes.dirty;
        for index in 0..self.store.databases() {
            if self.store.lens(index).0 > 0 {
                let pieces = self.store.db(index, now_ms).clear();
                self.store.free_later(pieces);
            }
        }
        self.store.changes.dirty = dirty;
        while !self.state.config.repl.flushes_later && self.store.has_remains() {
            self.store.free_slice();
        }
    }

    /// Shows the primary now and then that we are there while a snapshot is loaded.
    pub(in crate::exec) fn show_life(&mut self) {
        let now_us = self.state.now.mono_us;
        if let Some(primary) = &mut self.state.replication.primary
            && let Bond::Loading(opening) | Bond::Opening(opening) = &mut primary.bond
            && now_us >= opening.shown_us + SIGN_EVERY_US
        {
            opening.shown_us = now_us;
            opening.output.push(b'\n');
        }
    }

    /// The snapshot is loaded; the stream behind it is in this database.
    pub(in crate::exec) fn snapshot_loaded(
        &mut self,
        aside: Option<Aside>,
        db: DbIndex,
        host: &mut dyn Host,
    ) {
        if let Some(Aside { store, .. }) = aside {
            self.drop_replicas();
            let dirty = self.store.changes.dirty;
            let old = self.store.adopt(*store);
            self.store.changes.dirty = dirty;
            old.into_iter().for_each(|pieces| self.store.free_later(pieces));
        }
        self.keep_arrived(host);
        let replication = &mut self.state.replication;
        let Some(primary) = &mut replication.primary else { return };
        let Bond::Loading(opening) = &mut primary.bond else { return };
        opening.is_loaded = true;
        primary.db = db;
        primary.is_familiar = opening.goal.is_some();
        let (id, offset) = opening
            .goal
            .clone()
            .unwrap_or_else(|| (History::random_id(&mut self.state.rng), replication.offset));
        replication.history = History::of(id);
        replication.stream = Some(Stream::after(offset));
        log::info!("MASTER <-> REPLICA sync: Finished with success");
        self.log_again(host);
    }

    /// Changes are logged again, if they are to be: the log is written anew.
    pub(super) fn log_again(&mut self, host: &mut dyn Host) {
        let State { config, log, .. } = &self.state;
        if !config.aof.is_on || log.state != LogState::Off {
            return;
        }
        let turned = log_rewrite::turn_on(&mut self.store, &mut self.state, false, host);
        if turned.is_err() {
            log::warn!("Failed enabling the AOF after a synchronization; it is tried again");
            self.state.log.state = LogState::Waiting;
            self.state.rewrites.schedule();
        }
    }

    /// The snapshot could not be loaded.
    pub(in crate::exec) fn snapshot_refused(&mut self, aside: Option<Aside>, host: &mut dyn Host) {
        log::warn!("Failed trying to load the MASTER synchronization DB, check server logs.");
        self.drop_incoming(host);
        self.give_up_load(aside, host);
        self.cut_link("the snapshot cannot be loaded", host);
    }

    /// A snapshot is not loaded to its end: the old data is still there, or there is none.
    pub(super) fn give_up_load(&mut self, aside: Option<Aside>, host: &mut dyn Host) {
        match aside {
            Some(Aside { mut store, .. }) => {
                let gathered = (0..store.databases()).filter(|index| store.lens(*index).0 > 0);
                let gathered: Vec<_> = gathered.collect();
                for index in gathered {
                    let pieces = store.db(index, i64::MIN).clear();
                    self.store.free_later(pieces);
                }
                self.log_again(host);
            }
            None => self.drop_data(),
        }
    }

    /// The file that has been loaded becomes the server's own snapshot.
    fn keep_arrived(&mut self, host: &mut dyn Host) {
        let Some(path) = self.state.replication.arrived.take() else { return };
        if let Err(reason) = put_in_place(host.disk(), &path, &self.state.config.dbfilename) {
            log::warn!("{reason}");
            remove(&path, host);
        }
    }

    /// Forgets a snapshot that does not come to its end.
    pub(super) fn drop_incoming(&mut self, host: &mut dyn Host) {
        if let Some(path) = self.state.replication.arrived.take() {
            remove(&path, host);
        }
        if let Some(Incoming::File { path, .. }) = self.state.replication.incoming.take() {
            remove(&path, host);
        }
    }
}

/// Notes that so many bytes of a snapshot have come.
fn note_arrival(opening: &mut Opening, count: usize, persistence: &mut Persistence) {
    if opening.read_bytes == 0 {
        let to = if persistence.loading.is_some() { "parser" } else { "disk" };
        log::info!("MASTER <-> REPLICA sync: receiving a snapshot from master to {to}");
    }
    opening.read_bytes += count as u64;
    let missing = opening.link.missing();
    opening.total_bytes = missing.map(|missing| opening.read_bytes + missing);
    if let (Some(load), Some(total)) = (&mut persistence.loading, opening.total_bytes) {
        load.total_bytes = total;
    }
}
