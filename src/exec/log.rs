//! The append-only file as the engine uses it: read when the server starts, written before replies
//! leave.

use super::engine::Engine;
use super::host::Host;
use super::loading;
use super::log_rewrite;
use super::propagate::Sink;
use super::replay::Unreplayable;
use super::state::State;
use crate::base::hash::KeyHasher;
use crate::base::id::ClientId;
use crate::base::num;
use crate::config::append_only::AppendOnly;
use crate::persist::aof::manifest::Part;
use crate::persist::aof::reader::{Reader, Step};
use crate::persist::aof::rewrite;
use crate::persist::aof::{self, LogState};
use crate::resp::error::Error;
use crate::sys::files;
use std::io;

/// Why a file of the log could not be read to its end.
enum Fault {
    /// It cannot be loaded; why, in one line.
    Fatal(String),
    /// It ends early, or in something that is no request; what is whole ends at this offset.
    Tail { ok_up_to: u64, is_cut: bool, reason: String },
}

/// What has been read of a file of the log.
struct Loading<'a> {
    reader: Reader,
    client: ClientId,
    name: &'a str,
    path: &'a str,
    /// What is whole and not in the middle of a transaction ends here.
    ok_up_to: u64,
}

impl Engine {
    /// Reads the log, if changes are logged, and opens it to be continued.
    ///
    /// # Errors
    /// One line that says what cannot be had; what led to it is in the log of the process.
    pub fn start_log(&mut self, host: &mut dyn Host) -> Result<(), String> {
        let config = self.state.config.aof.clone();
        if !config.is_on {
            return Ok(());
        }
        self.state.log.read_manifest(&config, host.disk())?;
        self.state.log.adopt_old(&config, host.disk())?;
        self.load_log(host)?;
        let form = log_rewrite::form(&mut self.state, host.now());
        let Engine { state, store, .. } = self;
        let errand = state.log.open(&config, host.disk(), &mut |disk, path| {
            rewrite::write_base(disk, path, false, (store, &form), &mut |_| ())
        })?;
        if let Some(errand) = errand {
            host.aside(errand);
        }
        self.begin_feed(Sink::Log);
        Ok(())
    }

    /// Loads the log in the place of all keys, for DEBUG LOADAOF.
    ///
    /// # Errors
    /// That it cannot be loaded; the log of the process says why.
    pub(super) fn reload_log(&mut self, host: &mut dyn Host) -> Result<(), Error> {
        let failed = |reason: String| {
            log::warn!("{reason}");
            Error::new("ERR Error trying to load the AOF files, check server logs")
        };
        write_pending(&mut self.state, host).map_err(failed)?;
        let now_ms = self.state.now.unix_ms();
        for index in 0..self.store.databases() {
            let mut pieces = self.store.db(index, now_ms).empty();
            while pieces.free_one(|_| ()) {}
        }
        self.store.renew(KeyHasher::new(&mut self.state.rng));
        self.load_log(host).map_err(failed)?;
        self.state.persistence.forget_changes(self.store.changes.dirty);
        log::warn!("Append Only File loaded by DEBUG LOADAOF");
        Ok(())
    }

    /// Runs what the files of the log say.
    ///
    /// # Errors
    /// One line that says what is wrong.
    pub fn load_log(&mut self, host: &mut dyn Host) -> Result<(), String> {
        let config = self.state.config.aof.clone();
        let parts: Vec<Part> = self.state.log.manifest.parts().cloned().collect();
        if parts.is_empty() {
            return Ok(());
        }
        for Part { name, .. } in &parts {
            let len = host.disk().len(&aof::path(&config, name));
            let failed = |reason: String| {
                format!("Unable to obtain the AOF file {name} length. stat: {reason}")
            };
            if len.map_err(|error| failed(files::reason(&error)))?.is_none() {
                return Err(failed("No such file or directory".to_owned()));
            }
        }
        let from = host.now();
        self.state.feed.mute(Sink::Log, true);
        let client = self.connect_replay();
        let mut outcome = Ok(());
        for (index, part) in parts.iter().enumerate() {
            let is_last = index + 1 == parts.len();
            outcome = self.load_part(client, &part.name, is_last, &config, host);
            if outcome.is_err() {
                break;
            }
        }
        self.disconnect(client);
        self.state.feed.mute(Sink::Log, false);
        outcome?;
        let log = &mut self.state.log;
        log.size = log.sizes(&config, host.disk());
        let base = log.manifest.base.as_ref().map(|base| aof::path(&config, &base.name));
        log.base_size = base.and_then(|base| host.disk().len(&base).ok().flatten()).unwrap_or(0);
        let us = host.now().mono_us.saturating_sub(from.mono_us);
        log::info!("DB loaded from append only file: {:.3} seconds", num::float(us) / 1e6);
        Ok(())
    }

    fn load_part(
        &mut self,
        client: ClientId,
        name: &str,
        is_last: bool,
        config: &AppendOnly,
        host: &mut dyn Host,
    ) -> Result<(), String> {
        let path = aof::path(config, name);
        let unreadable = |error: io::Error| {
            let reason = files::reason(&error);
            format!("Fatal error: can't open the append log file {name} for reading: {reason}")
        };
        if host.disk().len(&path).map_err(unreadable)? == Some(0) {
            return Ok(());
        }
        let file = host.disk().open(&path).map_err(unreadable)?;
        let reader = Reader::new(file, 0);
        let mut loading = Loading { reader, client, name, path: &path, ok_up_to: 0 };
        match self.replay_file(&mut loading, host) {
            Ok(()) => {
                log::info!("DB loaded from file {name}");
                Ok(())
            }
            Err(Fault::Fatal(reason)) => Err(reason),
            Err(Fault::Tail { ok_up_to, is_cut, reason }) => {
                if let Some(peer) = self.peers.get_mut(client) {
                    peer.client.multi = None;
                }
                let len = host.disk().len(&path).map_err(unreadable)?.unwrap_or(0);
                let tail_max = u64::try_from(config.load_corrupt_tail_max_size).unwrap_or(0);
                let may_cut = if is_cut {
                    config.load_truncated
                } else {
                    tail_max > 0 && len.saturating_sub(ok_up_to) <= tail_max
                };
                if !may_cut {
                    return Err(reason);
                }
                if !is_last {
                    log::warn!("{reason}");
                    return Err("Fatal error: the truncated file is not the last file".to_owned());
                }
                log::warn!("!!! Warning: {reason} !!!");
                log::warn!("!!! Truncating the AOF {name} at offset {ok_up_to} !!!");
                host.disk().truncate(&path, ok_up_to).map_err(|error| {
                    format!("Error truncating the AOF file {name}: {}", files::reason(&error))
                })?;
                log::warn!("AOF {name} loaded anyway, without the {} bytes", len - ok_up_to);
                Ok(())
            }
        }
    }

    /// Runs the requests of one file.
    fn replay_file(&mut self, it: &mut Loading<'_>, host: &mut dyn Host) -> Result<(), Fault> {
        let name = it.name;
        let unreadable = |error: io::Error| {
            let reason = files::reason(&error);
            let what = "Unrecoverable error reading the append only file";
            Fault::Fatal(format!("{what} {name}: {reason}"))
        };
        if it.reader.begins_with(b"REDIS").map_err(unreadable)? {
            self.load_snapshot(it, host).map_err(unreadable)??;
        }
        loop {
            match it.reader.step().map_err(unreadable)? {
                Step::Requests(_) => self.replay_batch(it, host)?,
                Step::Second(_) => {}
                Step::End if self.is_in_transaction(it.client) => {
                    log::warn!("Revert incomplete MULTI/EXEC transaction in AOF file {name}");
                    return Err(cut_short(it));
                }
                Step::End => return Ok(()),
                Step::CutShort => return Err(cut_short(it)),
                Step::Bad(error) => {
                    let error = String::from_utf8_lossy(error.as_bytes()).into_owned();
                    let at = it.reader.offset();
                    return Err(Fault::Tail {
                        ok_up_to: it.ok_up_to,
                        is_cut: false,
                        reason: format!(
                            "Bad file format reading the append only file {name}: at offset {at}: \
                             {error}. Make a backup of it, then use --check-aof --fix"
                        ),
                    });
                }
            }
            if !self.is_in_transaction(it.client) {
                it.ok_up_to = it.reader.offset();
            }
        }
    }

    /// Loads the snapshot that a file begins with, and goes on behind it.
    fn load_snapshot(
        &mut self,
        it: &mut Loading<'_>,
        host: &mut dyn Host,
    ) -> io::Result<Result<(), Fault>> {
        let Loading { name, path, .. } = *it;
        log::info!("Reading RDB base file on AOF loading...");
        let len = host.disk().len(path)?;
        let file = host.disk().open(path)?;
        let Ok(used) = loading::load_base(&mut self.store, &mut self.state, file, len) else {
            let reason = format!("Error reading the RDB base file {name}, AOF loading aborted");
            return Ok(Err(Fault::Fatal(reason)));
        };
        let mut file = host.disk().open(path)?;
        io::copy(&mut io::Read::take(&mut file, used), &mut io::sink())?;
        it.reader = Reader::new(file, used);
        it.ok_up_to = used;
        Ok(Ok(()))
    }

    fn replay_batch(&mut self, it: &mut Loading<'_>, host: &mut dyn Host) -> Result<(), Fault> {
        let was_queueing = self.is_in_transaction(it.client);
        let replayed = self.replay(it.client, it.reader.requests(), host);
        let ran = match &replayed {
            Ok(count) => *count,
            Err(Unreplayable { count, .. }) => *count,
        };
        let begins = !was_queueing && self.is_in_transaction(it.client);
        if begins {
            // The last one is where a transaction begins, which may never end.
            it.reader.release(ran - 1);
            it.ok_up_to = it.reader.offset();
            it.reader.release(1);
        } else {
            it.reader.release(ran);
        }
        let Err(Unreplayable { name: command, is_unknown, .. }) = replayed else { return Ok(()) };
        let (command, name) = (String::from_utf8_lossy(&command), it.name);
        let at = it.reader.offset();
        let what = if is_unknown { "Unknown command" } else { "Wrong number of arguments for" };
        let reason =
            format!("{what} '{command}' reading the append only file {name} at offset {at}");
        Err(Fault::Fatal(reason))
    }

    /// Writes what has changed to the log, and syncs it as the parameters say. Call it before
    /// replies leave. Costs one comparison without a log.
    ///
    /// # Errors
    /// That the process cannot keep what it has promised and must end, without sending replies.
    #[inline]
    pub fn write_log(&mut self, host: &mut dyn Host) -> Result<(), String> {
        if self.state.log.is_open() { self.flush_log(host) } else { Ok(()) }
    }

    fn flush_log(&mut self, host: &mut dyn Host) -> Result<(), String> {
        let State { log, feed, config, now, children, .. } = &mut self.state;
        let has_child = children.current().is_some();
        let pending = feed.pending(Sink::Log);
        let flushed = log.flush(pending, &config.aof, *now, has_child, host.disk())?;
        feed.consume(Sink::Log, flushed.taken);
        if let Some(errand) = flushed.errand {
            host.aside(errand);
        }
        Ok(())
    }

    /// Writes and syncs all of the log, for the end of the process.
    pub fn close_log(&mut self, host: &mut dyn Host) {
        log_rewrite::stop_rewriting(&mut self.state, host);
        let State { log, feed, .. } = &mut self.state;
        if log.state != LogState::On {
            return;
        }
        log::info!("Calling fsync() on the AOF file.");
        match log.finish(feed.pending(Sink::Log), host.disk()) {
            Ok(()) => drop(feed.take(Sink::Log)),
            Err(error) => log::error!("Fail to fsync the AOF file: {}", files::reason(&error)),
        }
    }
}

/// Writes what waits to the present file of the log.
///
/// # Errors
/// A line for the log of the process.
pub(super) fn write_pending(state: &mut State, host: &mut dyn Host) -> Result<(), String> {
    let State { log, feed, .. } = state;
    let pending = feed.waiting(Sink::Log);
    if pending.is_empty() || !log.is_open() {
        return Ok(());
    }
    let written = log.append(pending, host.disk());
    written.map_err(|error| format!("Error writing to the AOF file: {}", files::reason(&error)))?;
    let count = pending.len();
    feed.consume(Sink::Log, count);
    Ok(())
}

/// That a file ends in the middle of something.
fn cut_short(it: &Loading<'_>) -> Fault {
    let (name, ok_up_to) = (it.name, it.ok_up_to);
    Fault::Tail {
        ok_up_to,
        is_cut: true,
        reason: format!(
            "Unexpected end of file reading the append only file {name}: it is whole up to offset \
             {ok_up_to}. Make a backup of it, then use --check-aof --fix, or set \
             aof-load-truncated to yes"
        ),
    }
}
