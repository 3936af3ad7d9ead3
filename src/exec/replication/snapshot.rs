//! Snapshots for replicas: made by a child, sent as a file or as they are made.

use super::super::call::Call;
use super::super::children::ChildKind;
use super::super::engine::Engine;
use super::super::host::Host;
use super::super::propagate::Sink;
use super::super::snapshot::saving;
use super::super::state::State;
use crate::base::id::ClientId;
use crate::config::Config;
use crate::persist::rdb::Saving;
use crate::persist::snapshot::{put_in_place, sync_name};
use crate::repl::{Filter, History, Payload, ReplicaStage, Target};
use crate::store::{Store, Usage};
use crate::sys::disk::{Disk, DiskFile};
use crate::sys::files::reason;
use crate::sys::fork::{End, Pace, Progress};
use std::io::{self, Read, Write};

/// Bytes of a file that are read at a time.
const PIECE_BYTES: usize = 64 * 1024;
/// Output of a replica from which on no more of a snapshot is asked of the child.
const AHEAD_BYTES: usize = 256 * 1024;

/// A snapshot that is being made.
pub(super) struct Making {
    pub(super) target: Target,
    /// Whether it is to be the server's own snapshot, too.
    is_kept: bool,
    /// Changes since the start when it was begun.
    dirty: u64,
    /// What follows it, if it goes to the sockets.
    mark: String,
    /// The file that it is written to, if it is.
    path: String,
    /// How the child has ended, if it has.
    end: Option<End>,
    /// Whether all that it has written has been read.
    is_drained: bool,
}

/// A snapshot that is being sent.
pub(super) struct Sending {
    pub(super) client: ClientId,
    file: Box<dyn DiskFile>,
    left: u64,
}

impl State {
    /// Whether a snapshot for replicas may begin now.
    pub(in crate::exec) fn may_snapshot(&self) -> bool {
        self.children.current().is_none()
            && self.replication.making.is_none()
            && self.persistence.loading.is_none()
    }

    /// Whether a snapshot of a synchronization that is a file becomes the server's own.
    pub(super) fn keeps_sync_files(&self) -> bool {
        let keeps_some = self.persistence.has_points() || self.config.aof.is_on;
        keeps_some || !self.config.repl.deletes_sync_files
    }

    /// What a snapshot for replicas is to be like.
    fn replica_saving(&mut self, filter: Filter) -> Saving {
        let mut saving = saving(self, false);
        if filter.no_functions {
            saving.functions.clear();
        }
        saving
    }

    /// Whether the snapshot is being made of which nobody is left to be sent it.
    pub(super) fn is_making_in_vain(&self) -> bool {
        let is_own = |making: &Making| making.is_kept && self.persistence.has_points();
        self.replication.making.as_ref().is_some_and(|making| !is_own(making))
            && self.replication.replicas.members().is_empty()
    }

    /// Ends the child that makes a snapshot for replicas, if there is one.
    fn stop_making(&mut self, host: &mut dyn Host) {
        let Some(making) = self.replication.making.take() else { return };
        self.replication.replicas.snapshot = None;
        match making.target {
            Target::Sockets => {
                log::warn!("Diskless rdb transfer, last replica dropped, killing fork child.");
            }
            Target::File => log::info!("Killing the child that makes a snapshot for nobody"),
        }
        self.children.kill(ChildKind::Sync, host);
        remove(&making.path, host);
    }
}

impl Engine {
    /// Begins a snapshot for the replicas that wait for one like this.
    pub(in crate::exec) fn begin_replica_snapshot(
        &mut self,
        target: Target,
        filter: Filter,
        host: &mut dyn Host,
    ) {
        if !self.state.may_snapshot() {
            return;
        }
        self.state.flush_feed();
        self.state.feed.select_again(Sink::Replicas);
        let place = if target == Target::File { "disk" } else { "replicas sockets" };
        log::info!("Starting BGSAVE for SYNC with target: {place}");
        let saving = self.state.replica_saving(filter);
        let path = sync_name(self.state.facts.pid, self.state.now.unix_us);
        let pid = match self.spawn_saver((target, &path), filter, &saving, host) {
            Ok(pid) => pid,
            Err(error) => {
                log::warn!("Can't make a snapshot for replicas: {error}");
                for client in self.state.replication.replicas.clients() {
                    let replica = self.state.replication.replicas.get(client);
                    if replica.is_some_and(|replica| replica.stage == ReplicaStage::Waiting) {
                        self.peers.doom(client);
                    }
                }
                return;
            }
        };
        let mark = History::random_id(&mut self.state.rng);
        let offset = self.state.replication.offset();
        let members = self.state.replication.replicas.begin_snapshot(target, filter, offset);
        match target {
            Target::File => log::info!("Background saving started by pid {pid}"),
            Target::Sockets => log::info!("Background RDB transfer started by pid {pid}"),
        }
        let keys = (0..self.store.databases()).map(|index| self.store.lens(index).0 as u64);
        self.state.persistence.keys_total = keys.sum();
        let is_kept = target == Target::File && filter.is_empty() && self.state.keeps_sync_files();
        let dirty = self.store.changes.dirty;
        let header = match target {
            Target::File => String::new(),
            Target::Sockets => Payload::Mark(mark.clone()).header(),
        };
        let is_drained = target == Target::File;
        let making = Making { target, is_kept, dirty, mark, path, end: None, is_drained };
        self.state.replication.making = Some(making);
        for client in members {
            self.announce(client, offset, &header);
        }
    }

    /// Tells a replica that it gets everything, and where the stream will go on.
    fn announce(&mut self, client: ClientId, offset: u64, header: &str) {
        let replication = &self.state.replication;
        let is_old = replication.replicas.get(client).is_some_and(|it| it.about.is_old);
        let line = format!("+FULLRESYNC {} {offset}\r\n", replication.history.id);
        self.peers.write(client, |out| {
            if !is_old {
                out.raw(line.as_bytes());
            }
            out.raw(header.as_bytes());
        });
    }

    fn spawn_saver(
        &mut self,
        (target, path): (Target, &str),
        filter: Filter,
        saving: &Saving,
        host: &mut dyn Host,
    ) -> io::Result<i32> {
        let hasher = self.store.hasher().clone();
        let none = Store::new(1, hasher, Usage::new(&Config::default(), 0));
        let store = if filter.no_keys { &none } else { &self.store };
        let now = host.now();
        let pause_us = u64::try_from(self.state.config.rdb_key_save_delay).unwrap_or(0);
        let children = &mut self.state.children;
        match target {
            Target::File => {
                let mut job = |disk: &mut dyn Disk, progress: &Progress| {
                    let file = disk.create(path);
                    let saved = file.and_then(|mut file| {
                        save((saving, pause_us), store, &mut file, progress)?;
                        file.sync()
                    });
                    saved.map_err(|error| format!("cannot write {path}: {}", reason(&error)))
                };
                children.start(ChildKind::Sync, now, host, &[], &mut job)
            }
            Target::Sockets => {
                let mut pipe = host.pipe()?;
                let mut job = |_: &mut dyn Disk, progress: &Progress| {
                    save((saving, pause_us), store, &mut pipe, progress)
                        .map_err(|error| format!("cannot write a snapshot: {}", reason(&error)))
                };
                children.start(ChildKind::Sync, now, host, &[], &mut job)
            }
        }
    }

    /// Whether the driver is to hand on what the child writes to the pipe.
    pub fn wants_snapshot_bytes(&self) -> bool {
        let Some(making) = &self.state.replication.making else { return false };
        let waiting = |client: &ClientId| self.peers.get(*client).map_or(0, |peer| peer.out.len());
        let members = self.state.replication.replicas.members();
        !making.is_drained && members.iter().map(waiting).max().unwrap_or(0) < AHEAD_BYTES
    }

    /// Whether a child may be writing to the pipe.
    pub fn has_pipe(&self) -> bool {
        self.state.replication.making.as_ref().is_some_and(|making| !making.is_drained)
    }

    /// The child has written bytes to the pipe.
    pub fn take_snapshot_bytes(&mut self, bytes: &[u8]) {
        for client in self.state.replication.replicas.members() {
            self.peers.write(client, |out| out.raw(bytes));
        }
    }

    /// The child writes no more to the pipe.
    pub fn end_snapshot_bytes(&mut self) {
        if let Some(making) = &mut self.state.replication.making {
            making.is_drained = true;
            let count = self.state.replication.replicas.members().len();
            log::info!("Diskless rdb transfer, done reading from pipe, {count} replicas still up.");
        }
        self.finish_sockets();
    }

    /// The child has ended that makes a snapshot for replicas.
    pub(in crate::exec) fn sync_ended(&mut self, end: End, host: &mut dyn Host) {
        let Some(making) = &mut self.state.replication.making else { return };
        making.end = Some(end);
        let snapshot = self.state.replication.replicas.snapshot.clone();
        match snapshot.map(|snapshot| snapshot.target) {
            Some(Target::Sockets) => self.finish_sockets(),
            Some(Target::File) => self.send_files(end, host),
            None => self.state.replication.making = None,
        }
    }

    /// All replicas have been sent the whole snapshot, if the child has ended and all that it has
    /// written has been read.
    fn finish_sockets(&mut self) {
        let ended = |making: &mut Making| making.is_drained && making.end.is_some();
        let Some(making) = self.state.replication.making.take_if(ended) else { return };
        self.state.replication.replicas.snapshot = None;
        let is_whole = making.end == Some(End::Done);
        for client in self.state.replication.replicas.members() {
            if is_whole {
                self.peers.write(client, |out| out.raw(making.mark.as_bytes()));
                self.set_stage(client, ReplicaStage::Loading);
            } else {
                self.peers.doom(client);
            }
        }
        if is_whole {
            log::info!("Background RDB transfer terminated with success");
        } else {
            log::warn!("Background transfer error: {:?}", making.end);
        }
    }

    fn set_stage(&mut self, client: ClientId, stage: ReplicaStage) {
        let now = self.state.now;
        let Some(replica) = self.state.replication.replicas.get_mut(client) else { return };
        (replica.stage, replica.acked_us) = (stage, now.mono_us);
        if replica.about.is_snapshot_only && stage != ReplicaStage::Sending {
            log::info!("RDB transfer completed, replica {client:?} wants no more");
            self.peers.finish(client);
        } else if stage == ReplicaStage::Online {
            log::info!("Synchronization with replica {} succeeded", replica.address());
        }
    }

    /// The file is whole, if the child has ended well: the replicas are sent it.
    fn send_files(&mut self, end: End, host: &mut dyn Host) {
        let Some(making) = self.state.replication.making.take() else { return };
        self.state.replication.replicas.snapshot = None;
        let Making { path: name, is_kept, dirty, .. } = making;
        if end == End::Done {
            log::info!("Background saving terminated with success");
        } else {
            log::warn!("SYNC failed. BGSAVE child returned an error: {end:?}");
        }
        for client in self.state.replication.replicas.members() {
            let opened =
                host.disk().open(&name).and_then(|file| Ok((file, host.disk().len(&name)?)));
            match opened {
                Ok((file, Some(left))) if end == End::Done => {
                    let header = Payload::Length(left).header();
                    self.peers.write(client, |out| out.raw(header.as_bytes()));
                    self.set_stage(client, ReplicaStage::Sending);
                    self.state.replication.sending.push(Sending { client, file, left });
                    self.send_file(client);
                }
                Ok(_) => self.peers.doom(client),
                Err(error) => {
                    log::warn!("Can't open the snapshot for a replica: {}", reason(&error));
                    self.peers.doom(client);
                }
            }
        }
        if is_kept && end == End::Done {
            self.keep_file(&name, dirty, host);
        } else {
            remove(&name, host);
        }
    }

    /// The snapshot that was made for replicas is the server's own, too.
    fn keep_file(&mut self, name: &str, dirty: u64, host: &mut dyn Host) {
        let now = host.now();
        match put_in_place(host.disk(), name, &self.state.config.dbfilename) {
            Ok(()) => {
                self.state.persistence.note_saved(dirty, now);
                self.state.persistence.saves += 1;
            }
            Err(reason) => {
                log::warn!("{reason}");
                remove(name, host);
            }
        }
    }

    /// Fills the output of a replica from the file of its snapshot; true if it has got anything.
    pub(super) fn send_file(&mut self, client: ClientId) -> bool {
        let waiting = self.peers.get(client).map_or(usize::MAX, |peer| peer.out.len());
        let is_its = |sending: &Sending| sending.client == client;
        let Some(index) = self.state.replication.sending.iter().position(is_its) else {
            return false;
        };
        let mut piece = vec![0; PIECE_BYTES];
        let mut room = AHEAD_BYTES.saturating_sub(waiting);
        while room > 0 {
            let sending = &mut self.state.replication.sending[index];
            let limit = usize::try_from(sending.left).unwrap_or(usize::MAX).min(piece.len());
            match sending.file.read(&mut piece[..limit]) {
                Ok(count @ 1..) => {
                    sending.left -= count as u64;
                    room = room.saturating_sub(count);
                    self.peers.write(client, |out| out.raw(&piece[..count]));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) if sending.left == 0 => {
                    self.state.replication.sending.swap_remove(index);
                    self.set_stage(client, ReplicaStage::Online);
                    return true;
                }
                outcome => {
                    log::warn!("Read error sending DB to replica: {outcome:?}");
                    self.peers.doom(client);
                    return false;
                }
            }
        }
        true
    }

    /// Ends the child that makes a snapshot for nobody.
    pub(super) fn stop_making(&mut self, host: &mut dyn Host) {
        self.state.stop_making(host);
    }
}

impl Call<'_> {
    /// Gives up the snapshot that is being made for replicas, which is out of date; they ask for
    /// another one.
    pub fn give_up_replica_snapshot(&mut self) {
        if self.state.replication.making.is_none() {
            return;
        }
        for client in self.state.replication.replicas.members() {
            self.peers.doom(client);
        }
        self.state.stop_making(self.host);
    }
}

fn save(
    (saving, pause_us): (&Saving, u64),
    store: &Store,
    out: &mut dyn Write,
    progress: &Progress,
) -> io::Result<()> {
    let mut pace = Pace::start();
    saving.save(store, out, &mut |count| pace.note(progress, count, pause_us))?;
    progress.note_copied();
    Ok(())
}

/// Removes a file that may not be there.
pub(super) fn remove(name: &str, host: &mut dyn Host) {
    match host.disk().remove(name) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            log::warn!("cannot remove {name}: {}", reason(&error));
        }
        Ok(()) | Err(_) => {}
    }
}
