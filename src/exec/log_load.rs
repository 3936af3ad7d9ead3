//! The append-only file on its way in: a little at a time while the server starts, at once for
//! DEBUG LOADAOF.

use super::engine::Engine;
use super::host::Host;
use super::loading;
use super::replay::{Replayer, Unreplayable};
use super::state::State;
use crate::base::num;
use crate::base::time::Now;
use crate::config::append_only::AppendOnly;
use crate::persist::aof;
use crate::persist::aof::manifest::Part;
use crate::persist::aof::reader::{Reader, Step};
use crate::persist::rdb::Loader;
use crate::store::Store;
use crate::sys::disk::Disk;
use crate::sys::files;
use std::io;

/// Requests after which clients are served in between.
const REQUESTS: u64 = 1_024;

/// Why a file of the log could not be read to its end.
enum Fault {
    /// It cannot be loaded; why, in one line.
    Fatal(String),
    /// It ends early, or in something that is no request.
    Tail { is_cut: bool, reason: String },
}

/// What is being done with the present file.
enum Stage {
    /// It is to be opened.
    Closed,
    /// The snapshot that it begins with is being loaded.
    Snapshot(Box<Loader<'static>>),
    /// Its requests are being run.
    Requests(Reader),
}

/// The log while it is being loaded.
pub(super) struct LogLoad {
    config: AppendOnly,
    parts: Vec<Part>,
    /// The present file.
    at: usize,
    stage: Stage,
    /// What is whole and not in the middle of a transaction ends here, in the present file.
    ok_up_to: u64,
    /// Bytes of the files before it.
    before: u64,
    replayer: Replayer,
    /// Requests that have been run.
    requests: u64,
    /// Bytes of memory that were in use when the base was written, as it says.
    used_bytes: u64,
}

impl LogLoad {
    fn name(&self) -> &str {
        self.parts.get(self.at).map_or("", |part| &part.name)
    }

    fn path(&self) -> String {
        aof::path(&self.config, self.name())
    }

    /// Bytes that have been loaded.
    pub(super) fn loaded_bytes(&self) -> u64 {
        self.before
            + match &self.stage {
                Stage::Closed => 0,
                Stage::Snapshot(loader) => loader.offset(),
                Stage::Requests(reader) => reader.offset(),
            }
    }

    /// Bytes of memory that were in use when the base was written; zero if that is not known.
    pub(super) fn used_bytes(&self) -> u64 {
        match &self.stage {
            Stage::Snapshot(loader) => loading::used_bytes(loader),
            Stage::Closed | Stage::Requests(_) => self.used_bytes,
        }
    }

    /// Requests that have been run.
    pub(super) fn requests(&self) -> u64 {
        self.requests
    }

    fn unreadable(&self, error: &io::Error) -> String {
        let (name, reason) = (self.name(), files::reason(error));
        format!("Unrecoverable error reading the append only file {name}: {reason}")
    }

    /// Opens the present file.
    fn open(&mut self, store: &Store, state: &State, disk: &mut dyn Disk) -> Result<(), String> {
        let unopened = |error: io::Error| {
            let (name, reason) = (self.name(), files::reason(&error));
            format!("Fatal error: can't open the append log file {name} for reading: {reason}")
        };
        let path = self.path();
        let len = disk.len(&path).map_err(unopened)?;
        if len == Some(0) {
            self.next_file();
            return Ok(());
        }
        let mut reader = Reader::new(disk.open(&path).map_err(unopened)?, 0);
        if !reader.begins_with(b"REDIS").map_err(|error| self.unreadable(&error))? {
            self.stage = Stage::Requests(reader);
            return Ok(());
        }
        log::info!("Reading RDB base file on AOF loading...");
        let file = disk.open(&path).map_err(unopened)?;
        self.stage = Stage::Snapshot(Box::new(loading::base_loader(store, state, file, len)));
        Ok(())
    }

    /// Goes on behind the snapshot that the present file begins with.
    fn leave_snapshot(&mut self, disk: &mut dyn Disk) -> Result<(), String> {
        self.used_bytes = self.used_bytes();
        let Stage::Snapshot(loader) = &self.stage else { return Ok(()) };
        let used = loader.offset();
        let file = disk.open_at(&self.path(), used).map_err(|error| self.unreadable(&error))?;
        self.stage = Stage::Requests(Reader::new(file, used));
        self.ok_up_to = used;
        Ok(())
    }

    /// The present file is loaded.
    fn next_file(&mut self) {
        self.before = self.loaded_bytes();
        (self.stage, self.ok_up_to) = (Stage::Closed, 0);
        self.at += 1;
    }

    /// That the present file ends in the middle of something.
    fn cut_short(&self) -> Fault {
        let (name, ok_up_to) = (self.name(), self.ok_up_to);
        Fault::Tail {
            is_cut: true,
            reason: format!(
                "Unexpected end of file reading the append only file {name}: it is whole up to \
                 offset {ok_up_to}. Make a backup of it, then use --check-aof --fix, or set \
                 aof-load-truncated to yes"
            ),
        }
    }

    /// Cuts off what the present file should not end in, if that may be.
    fn cut(&mut self, is_cut: bool, reason: String, disk: &mut dyn Disk) -> Result<(), String> {
        let (path, ok_up_to) = (self.path(), self.ok_up_to);
        let len = disk.len(&path).map_err(|error| self.unreadable(&error))?.unwrap_or(0);
        let tail_max = u64::try_from(self.config.load_corrupt_tail_max_size).unwrap_or(0);
        let may_cut = if is_cut {
            self.config.load_truncated
        } else {
            tail_max > 0 && len.saturating_sub(ok_up_to) <= tail_max
        };
        if !may_cut {
            return Err(reason);
        }
        if self.at + 1 < self.parts.len() {
            log::warn!("{reason}");
            return Err("Fatal error: the truncated file is not the last file".to_owned());
        }
        let name = self.name();
        log::warn!("!!! Warning: {reason} !!!");
        log::warn!("!!! Truncating the AOF {name} at offset {ok_up_to} !!!");
        disk.truncate(&path, ok_up_to).map_err(|error| {
            format!("Error truncating the AOF file {name}: {}", files::reason(&error))
        })?;
        log::warn!("AOF {name} loaded anyway, without the {} bytes", len - ok_up_to);
        Ok(())
    }
}

impl Engine {
    /// Begins to load the files of the log, and how many bytes they have; `None` if there are none.
    ///
    /// # Errors
    /// One line that says what is wrong.
    pub(super) fn open_log_load(
        &mut self,
        host: &mut dyn Host,
    ) -> Result<Option<(LogLoad, u64)>, String> {
        let config = self.state.config.aof.clone();
        let parts: Vec<Part> = self.state.log.manifest.parts().cloned().collect();
        if parts.is_empty() {
            return Ok(None);
        }
        let mut total_bytes = 0;
        for Part { name, .. } in &parts {
            let failed = |reason: String| {
                format!("Unable to obtain the AOF file {name} length. stat: {reason}")
            };
            let len = host.disk().len(&aof::path(&config, name));
            let len = len.map_err(|error| failed(files::reason(&error)))?;
            total_bytes += len.ok_or_else(|| failed("No such file or directory".to_owned()))?;
        }
        let load = LogLoad {
            config,
            parts,
            at: 0,
            stage: Stage::Closed,
            ok_up_to: 0,
            before: 0,
            replayer: self.begin_replay(),
            requests: 0,
            used_bytes: 0,
        };
        Ok(Some((load, total_bytes)))
    }

    /// Loads some bytes more of the log, or some requests; true if that was all.
    ///
    /// # Errors
    /// One line that says what is wrong.
    pub(super) fn log_slice(
        &mut self,
        it: &mut LogLoad,
        bytes: u64,
        host: &mut dyn Host,
    ) -> Result<bool, String> {
        let until = it.loaded_bytes().saturating_add(bytes);
        let requests_max = it.requests + REQUESTS;
        while it.at < it.parts.len() && it.loaded_bytes() < until && it.requests < requests_max {
            match &mut it.stage {
                Stage::Closed => it.open(&self.store, &self.state, host.disk())?,
                Stage::Snapshot(loader) => {
                    let is_whole =
                        loader.step(&mut self.store, bytes, REQUESTS).map_err(|fault| {
                            loading::complain(&fault);
                            let name = it.parts.get(it.at).map_or("", |part| &part.name);
                            format!("Error reading the RDB base file {name}, AOF loading aborted")
                        })?;
                    if !is_whole {
                        return Ok(false);
                    }
                    loading::note_loaded(loader, &mut self.state);
                    it.leave_snapshot(host.disk())?;
                }
                Stage::Requests(_) => {
                    match self.replay_some(it, host) {
                        Ok(false) => continue,
                        Ok(true) => log::info!("DB loaded from file {}", it.name()),
                        Err(Fault::Fatal(reason)) => return Err(reason),
                        Err(Fault::Tail { is_cut, reason }) => {
                            it.replayer.forget_transaction();
                            it.cut(is_cut, reason, host.disk())?;
                        }
                    }
                    it.next_file();
                }
            }
        }
        Ok(it.at == it.parts.len())
    }

    /// Runs some requests of the present file; true at its end.
    fn replay_some(&mut self, it: &mut LogLoad, host: &mut dyn Host) -> Result<bool, Fault> {
        let Stage::Requests(reader) = &mut it.stage else { return Ok(true) };
        let step = reader.step();
        let offset = reader.offset();
        match step.map_err(|error| Fault::Fatal(it.unreadable(&error)))? {
            Step::Requests(_) => self.replay_batch(it, host)?,
            Step::Second(_) => {}
            Step::End if it.replayer.is_in_transaction() => {
                let name = it.name();
                log::warn!("Revert incomplete MULTI/EXEC transaction in AOF file {name}");
                return Err(it.cut_short());
            }
            Step::End => return Ok(true),
            Step::CutShort => return Err(it.cut_short()),
            Step::Bad(error) => {
                let (name, error) = (it.name(), String::from_utf8_lossy(error.as_bytes()));
                let reason = format!(
                    "Bad file format reading the append only file {name}: at offset {offset}: \
                     {error}. Make a backup of it, then use --check-aof --fix"
                );
                return Err(Fault::Tail { is_cut: false, reason });
            }
        }
        if !it.replayer.is_in_transaction()
            && let Stage::Requests(reader) = &it.stage
        {
            it.ok_up_to = reader.offset();
        }
        Ok(false)
    }

    fn replay_batch(&mut self, it: &mut LogLoad, host: &mut dyn Host) -> Result<(), Fault> {
        let LogLoad { stage, replayer, .. } = it;
        let Stage::Requests(reader) = stage else { return Ok(()) };
        let replayed = self.replay(replayer, reader.requests(), host);
        let ran = match &replayed {
            Ok(count) => *count,
            Err(Unreplayable { count, .. }) => *count,
        };
        it.requests += ran as u64;
        if replayer.has_begun_transaction() {
            // The last one is where a transaction begins, which may never end.
            reader.release(ran - 1);
            it.ok_up_to = reader.offset();
            reader.release(1);
        } else {
            reader.release(ran);
        }
        let Err(Unreplayable { name: command, is_unknown, .. }) = replayed else { return Ok(()) };
        let (command, at) = (String::from_utf8_lossy(&command), reader.offset());
        let what = if is_unknown { "Unknown command" } else { "Wrong number of arguments for" };
        let name = it.name();
        Err(Fault::Fatal(format!(
            "{what} '{command}' reading the append only file {name} at offset {at}"
        )))
    }

    /// The log cannot be loaded.
    pub(super) fn drop_log_load(&mut self, load: LogLoad) {
        self.end_replay(load.replayer);
    }

    /// The log is loaded.
    pub(super) fn end_log_load(&mut self, load: LogLoad, started: Now, host: &mut dyn Host) {
        self.end_replay(load.replayer);
        let (log, config) = (&mut self.state.log, &load.config);
        log.size = log.sizes(config, host.disk());
        let base = log.manifest.base.as_ref().map(|base| aof::path(config, &base.name));
        log.base_size = base.and_then(|base| host.disk().len(&base).ok().flatten()).unwrap_or(0);
        self.state.persistence.forget_changes(self.store.changes.dirty);
        let us = host.now().mono_us.saturating_sub(started.mono_us);
        log::info!("DB loaded from append only file: {:.3} seconds", num::float(us) / 1e6);
    }
}
