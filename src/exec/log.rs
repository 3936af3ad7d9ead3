//! The append-only file as the engine uses it: read when the server starts, written before replies
//! leave.

use super::engine::Engine;
use super::host::Host;
use super::loading::Load;
use super::log_rewrite;
use super::propagate::Sink;
use super::state::State;
use crate::base::hash::KeyHasher;
use crate::persist::aof::LogState;
use crate::persist::aof::rewrite;
use crate::resp::error::Error;
use crate::sys::files;

impl Engine {
    /// Begins to load the log; ticks go on with it, and end by opening it to be continued.
    ///
    /// # Errors
    /// One line that says what cannot be had; what led to it is in the log of the process.
    pub(super) fn begin_log(&mut self, host: &mut dyn Host) -> Result<(), String> {
        self.state.log.state = LogState::On;
        self.state.log.adopt_old(&self.state.config.aof, host.disk())?;
        let started = host.now();
        match self.open_log_load(host)? {
            Some((log, total_bytes)) => {
                let load = Load::of_log(log, started, total_bytes);
                self.state.persistence.loading = Some(Box::new(load));
                Ok(())
            }
            None => self.open_log(host),
        }
    }

    /// Opens the log, all of which is loaded, to be continued.
    ///
    /// # Errors
    /// One line that says what cannot be done.
    pub(super) fn open_log(&mut self, host: &mut dyn Host) -> Result<(), String> {
        let config = self.state.config.aof.clone();
        let form = log_rewrite::form(&mut self.state, host.now());
        let Engine { state, store, .. } = self;
        let errand = state.log.open(&config, host.disk(), &mut |disk, path| {
            rewrite::write_base(disk, path, false, (store, &form), &mut |_| Ok(()))
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
        // As it is on the disk, which is what counts for the numbers of new files, too.
        self.state.log.read_manifest(&self.state.config.aof, host.disk()).map_err(failed)?;
        let now_ms = self.state.now.unix_ms();
        for index in 0..self.store.databases() {
            let mut pieces = self.store.db(index, now_ms).empty();
            while pieces.free_one(|_| ()) {}
        }
        self.store.renew(KeyHasher::new(&mut self.state.rng));
        let started = host.now();
        let Some((mut load, _)) = self.open_log_load(host).map_err(failed)? else { return Ok(()) };
        for sink in [Sink::Log, Sink::Replicas] {
            self.state.feed.mute(sink, true);
        }
        let outcome = loop {
            match self.log_slice(&mut load, u64::MAX, host) {
                Ok(false) => {}
                Ok(true) => break Ok(()),
                Err(reason) => break Err(reason),
            }
        };
        for sink in [Sink::Log, Sink::Replicas] {
            self.state.feed.mute(sink, false);
        }
        match outcome {
            Ok(()) => self.end_log_load(load, started, host),
            Err(reason) => {
                self.drop_log_load(load);
                return Err(failed(reason));
            }
        }
        log::warn!("Append Only File loaded by DEBUG LOADAOF");
        Ok(())
    }

    /// Writes what has changed to the log, and syncs it as the parameters say. Call it before
    /// replies leave. Costs one comparison without a log.
    ///
    /// # Errors
    /// That the process cannot keep what it has promised and must end, without sending replies.
    #[inline]
    pub fn write_log(&mut self, host: &mut dyn Host) -> Result<(), String> {
        if self.state.log.is_open() {
            self.flush_log(host)?;
        }
        self.follow_disk();
        if self.state.replication.has_new_acks() {
            self.serve_ack_waiters(host);
        }
        Ok(())
    }

    fn flush_log(&mut self, host: &mut dyn Host) -> Result<(), String> {
        let offset = self.state.replication_offset();
        let State { log, feed, config, now, children, .. } = &mut self.state;
        let has_child = children.current().is_some();
        let pending = feed.pending(Sink::Log);
        let flushed = log.flush((pending, offset), &config.aof, *now, has_child, host.disk())?;
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
    let offset = state.replication_offset();
    let State { log, feed, .. } = state;
    let pending = feed.waiting(Sink::Log);
    if pending.is_empty() || !log.is_open() {
        return Ok(());
    }
    let written = log.append(pending, offset, host.disk());
    written.map_err(|error| format!("Error writing to the AOF file: {}", files::reason(&error)))?;
    let count = pending.len();
    feed.consume(Sink::Log, count);
    Ok(())
}
