//! The snapshot of a primary: kept in a file while it comes, then loaded.

use super::super::engine::Engine;
use super::super::host::Host;
use super::super::loading::{Load, Purpose};
use super::replica::Bond;
use super::snapshot::remove;
use crate::config::kinds::DisklessLoad;
use crate::repl::{History, Stream};
use crate::store::{Store, Usage};
use crate::sys::disk::DiskFile;
use crate::sys::files::reason;
use std::io::Write;

/// Microseconds between two signs of life while a snapshot is loaded.
const SIGN_EVERY_US: u64 = 1_000_000;

/// A snapshot that is arriving.
pub(super) struct Incoming {
    path: String,
    file: Box<dyn DiskFile>,
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
        let path = format!("temp-{}.{}.rdb", self.state.now.unix_s(), self.state.facts.pid);
        let file = host.disk().create(&path).map_err(|error| {
            format!("Opening the temp file needed for MASTER <-> REPLICA synchronization: {error}")
        })?;
        self.state.replication.incoming = Some(Incoming { path, file });
        if let Some(opening) = self.opening() {
            opening.goal = goal;
        }
        let empties = match self.state.config.repl.diskless_load {
            DisklessLoad::FlushBeforeLoad => true,
            DisklessLoad::Disabled | DisklessLoad::OnEmptyDb | DisklessLoad::SwapDb => false,
        };
        if empties {
            self.drop_data();
        }
        Ok(())
    }

    /// Bytes of it have come: these of the input of the link.
    pub(super) fn take_snapshot(&mut self, at: usize, count: usize) -> Result<(), String> {
        let replication = &mut self.state.replication;
        let (Some(incoming), Some(primary)) = (&mut replication.incoming, &mut replication.primary)
        else {
            return Err("no snapshot is expected".to_owned());
        };
        let Bond::Opening(opening) = &mut primary.bond else { return Ok(()) };
        let bytes = &opening.input[at..at + count];
        incoming.file.write_all(bytes).map_err(|error| {
            format!("Write error or short write writing to the DB dump file: {}", reason(&error))
        })?;
        opening.read_bytes += count as u64;
        let missing = opening.link.missing();
        opening.total_bytes = missing.map(|missing| opening.read_bytes + missing);
        Ok(())
    }

    /// It is whole: loading begins. The data that was there goes first, unless it is to stay until
    /// the end.
    pub(super) fn load_incoming(&mut self, host: &mut dyn Host) -> Result<(), String> {
        let Some(mut incoming) = self.state.replication.incoming.take() else {
            return Err("no snapshot is expected".to_owned());
        };
        let Incoming { path, file } = &mut incoming;
        let written = file.flush();
        let opened = written.and_then(|()| host.disk().open(path));
        let (len, now) = (host.disk().len(path), host.now());
        // The name is not needed any more, whatever comes.
        remove(path, host);
        let fault = |error| format!("cannot read the snapshot again: {}", reason(&error));
        let (input, len) = (opened.map_err(fault)?, len.map_err(fault)?);
        self.drop_replicas();
        log::info!("MASTER <-> REPLICA sync: Loading DB in memory");
        let aside = (self.state.config.repl.diskless_load == DisklessLoad::SwapDb).then(|| {
            let hasher = self.store.hasher().clone();
            let usage = Usage::new(&self.state.config, self.state.rng.u64(..));
            Box::new(Store::new(self.store.databases(), hasher, usage))
        });
        if aside.is_none() {
            log::info!("MASTER <-> REPLICA sync: Flushing old data");
            self.drop_data();
        }
        let purpose = Purpose::Sync { aside };
        let load = Load::new(input, len, now, &self.store, &self.state, purpose);
        self.state.persistence.loading = Some(Box::new(load));
        if let Some(primary) = &mut self.state.replication.primary {
            let bond = std::mem::replace(&mut primary.bond, Bond::Down(0));
            primary.bond = match bond {
                Bond::Opening(opening) => Bond::Loading(opening),
                other => other,
            };
        }
        Ok(())
    }

    /// Removes all keys.
    fn drop_data(&mut self) {
        let now_ms = self.state.now.unix_ms();
        for index in 0..self.store.databases() {
            if self.store.lens(index).0 > 0 {
                let pieces = self.store.db(index, now_ms).clear();
                self.store.free_later(pieces);
            }
        }
        while !self.state.config.repl.flushes_later && self.store.has_remains() {
            self.store.free_slice();
        }
    }

    /// Shows the primary now and then that we are there while a snapshot is loaded.
    pub(in crate::exec) fn show_life(&mut self) {
        let now_us = self.state.now.mono_us;
        if let Some(primary) = &mut self.state.replication.primary
            && let Bond::Loading(opening) = &mut primary.bond
            && now_us >= opening.shown_us + SIGN_EVERY_US
        {
            opening.shown_us = now_us;
            opening.output.push(b'\n');
        }
    }

    /// The snapshot is loaded.
    pub(in crate::exec) fn snapshot_loaded(&mut self, aside: Option<Box<Store>>) {
        if let Some(aside) = aside {
            let old = self.store.adopt(*aside);
            old.into_iter().for_each(|pieces| self.store.free_later(pieces));
        }
        let replication = &mut self.state.replication;
        let Some(primary) = &mut replication.primary else { return };
        let Bond::Loading(opening) = &mut primary.bond else { return };
        opening.is_loaded = true;
        primary.is_familiar = opening.goal.is_some();
        let (id, offset) = opening
            .goal
            .clone()
            .unwrap_or_else(|| (History::random_id(&mut self.state.rng), replication.offset));
        replication.history = History::of(id);
        replication.stream = Some(Stream::after(offset));
        log::info!("MASTER <-> REPLICA sync: Finished with success");
    }

    /// The snapshot could not be loaded.
    pub(in crate::exec) fn snapshot_refused(&mut self, had_aside: bool) {
        log::warn!("Failed trying to load the MASTER synchronization DB from disk");
        if !had_aside {
            self.drop_data();
        }
        if let Some(primary) = &mut self.state.replication.primary {
            primary.is_familiar = false;
        }
        self.cut_link("the snapshot cannot be loaded");
    }

    /// Forgets a snapshot that does not come to its end.
    pub(super) fn drop_incoming(&mut self, host: &mut dyn Host) {
        if let Some(incoming) = self.state.replication.incoming.take() {
            remove(&incoming.path, host);
        }
    }
}
