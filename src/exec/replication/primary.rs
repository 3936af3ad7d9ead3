//! What a primary does for its replicas: the stream into their output, snapshots, and asking how
//! far they are.

use super::super::client::{Client, ReplyMode};
use super::super::engine::Engine;
use super::super::host::Host;
use super::super::propagate::Sink;
use super::super::state::State;
use super::Side;
use crate::base::id::ClientId;
use crate::base::time::Now;
use crate::config::output_limits::LimitClass;
use crate::config::replication::micros;
use crate::repl::{self, Plan, Replica, ReplicaStage, Resume, Rules, Stream, Target};
use crate::store::Store;

/// Output of a replica that is filled from the stream; more stays there until this is sent.
const OUTPUT_BYTES: usize = 256 * 1024;

/// Microseconds after which it is looked again whether a replica takes its snapshot, at the least.
const LOOK_AGAIN_US: u64 = 100_000;

/// How a replica that asks for changes begins.
pub enum Start {
    /// It goes on where it is.
    Partial,
    /// It gets everything, once a snapshot has begun.
    Full,
    /// It gets everything, with a snapshot that is being made of this offset.
    Shared(u64),
}

impl State {
    /// Takes a client as a replica. It has the changes of the history `id` before an offset, if it
    /// says so.
    pub fn welcome_replica(
        &mut self,
        client: &mut Client,
        has: Option<(&[u8], u64)>,
        store: &mut Store,
    ) -> Start {
        self.flush_feed();
        let replication = &mut self.replication;
        let resume = has.map_or(Resume::OtherHistory, |(id, offset)| {
            replication.history.resume(id, offset, replication.stream.as_ref())
        });
        let about = client.about.clone().map_or_else(Default::default, |about| *about);
        let peer_ip = client.ip();
        let mut replica = Replica::new(client.id, about, peer_ip, self.now);
        client.side = Side::Replica;
        // What it sends has no reply.
        client.reply_mode = ReplyMode::Off;
        if self.config.repl.delays_packets {
            replication.delayed.push(client.id);
        }
        if let Resume::From(offset) = resume {
            replica.stage = ReplicaStage::Online;
            replica.next = Some(offset);
            replication.counts.partial += 1;
            let bytes = replication.offset() - offset;
            log::info!(
                "Partial resynchronization request from {}:{} accepted. Sending {bytes} bytes of \
                 backlog starting from offset {}.",
                replica.address(),
                replica.about.port,
                offset + 1
            );
            self.add_replica(replica, store);
            return Start::Partial;
        }
        if has.is_some_and(|(id, _)| id != b"?") {
            replication.counts.refused += 1;
            log::info!("Partial resynchronization not accepted: {resume:?}");
        }
        replication.counts.full += 1;
        log::info!("Full resync requested by replica {}:{}", replica.address(), replica.about.port);
        self.add_replica(replica, store);
        let shared = self.replication.replicas.join_snapshot(client.id);
        shared.map_or(Start::Full, Start::Shared)
    }

    fn add_replica(&mut self, replica: Replica, store: &mut Store) {
        let replication = &mut self.replication;
        if replication.replicas.is_empty() {
            replication.pinged_us = self.now.mono_us;
        }
        replication.replicas.add(replica);
        if replication.stream.is_none() {
            // Nobody can have any part of what was not kept.
            replication.history.begin_anew(&mut self.rng);
            replication.stream = Some(Stream::after(replication.offset));
            log::info!("Replication backlog created, history {}", replication.history.id);
        }
        if !self.is_replica() && !self.feed.feeds(Sink::Replicas) {
            self.feed.begin(Sink::Replicas, store);
        }
    }

    /// Moves what has been fed into the stream.
    pub(in crate::exec) fn flush_feed(&mut self) {
        let bytes = self.feed.waiting(Sink::Replicas);
        if let Some(stream) = &mut self.replication.stream {
            stream.append(bytes, self.config.repl.backlog_bytes());
        }
        let count = bytes.len();
        self.feed.consume(Sink::Replicas, count);
    }

    /// Appends a request that concerns the stream itself.
    fn append_to_stream(&mut self, request: &[u8]) {
        self.flush_feed();
        if let Some(stream) = &mut self.replication.stream {
            stream.append(request, self.config.repl.backlog_bytes());
        }
    }

    /// By what the next snapshot for replicas is decided.
    pub(in crate::exec) fn snapshot_rules(&self) -> Rules {
        let config = &self.config.repl;
        Rules {
            diskless: config.diskless_sync,
            delay_us: micros(config.diskless_sync_delay_s),
            enough: usize::try_from(config.diskless_sync_enough).unwrap_or(0),
        }
    }
}

impl Engine {
    /// Hands what has changed on to the replicas, whose output is filled up to a measure. Call it
    /// before sending.
    #[inline]
    pub fn feed_replicas(&mut self) {
        if !self.state.replication.replicas.is_empty() || self.state.feed.feeds(Sink::Replicas) {
            self.fill_replicas();
        }
    }

    #[inline(never)] // A name of its own in profiles.
    fn fill_replicas(&mut self) {
        self.state.flush_feed();
        if std::mem::take(&mut self.state.replication.wants_acks) && !self.state.is_replica() {
            self.state.append_to_stream(repl::GETACK);
        }
        if self.state.replication.failover.is_some() {
            self.tend_failover();
        }
        for client in self.state.replication.replicas.clients() {
            self.fill_replica(client);
            self.check_replica_limits(client);
        }
        let backlog_bytes = self.state.config.repl.backlog_bytes() as u64;
        let replication = &mut self.state.replication;
        let needed = replication.replicas.needed_from();
        if let Some(stream) = &mut replication.stream {
            stream.trim(backlog_bytes, needed);
        }
    }

    /// Fills the output of a replica from the stream; true if it has got anything.
    pub fn fill_replica(&mut self, client: ClientId) -> bool {
        let replication = &mut self.state.replication;
        let Some(stream) = &replication.stream else { return false };
        let Some(replica) = replication.replicas.get_mut(client) else { return false };
        if replica.stage == ReplicaStage::Sending {
            return self.send_file(client);
        }
        let Some(next) = replica.next.as_mut() else { return false };
        if !matches!(replica.stage, ReplicaStage::Online) || *next == stream.end() {
            return false;
        }
        let waiting = self.peers.get(client).map_or(usize::MAX, |peer| peer.out.len());
        let mut room = OUTPUT_BYTES.saturating_sub(waiting);
        let mut filled = false;
        while room > 0 {
            let Some(piece) = stream.piece_at(*next).filter(|piece| !piece.is_empty()) else {
                break;
            };
            let piece = &piece[..piece.len().min(room)];
            self.peers.write(client, |out| out.raw(piece));
            *next += piece.len() as u64;
            room -= piece.len();
            filled = true;
        }
        if filled {
            replica.output_bytes = self.peers.get(client).map_or(0, |peer| peer.out.memory_bytes());
        }
        filled
    }

    /// Closes a replica for whom too much waits.
    fn check_replica_limits(&mut self, client: ClientId) {
        let replication = &self.state.replication;
        let Some(replica) = replication.replicas.get(client) else { return };
        let behind = replica.next.map_or(0, |next| replication.offset().saturating_sub(next));
        let backlog_bytes = self.state.config.repl.backlog_bytes() as u64;
        let limit = self.state.config.client_output_buffer_limit.of(LimitClass::Replica);
        let Some(peer) = self.peers.get_mut(client) else { return };
        let waiting = behind + peer.out.len() as u64;
        // Less than what is kept anyway is no limit.
        let passes = |bytes: u64| bytes != 0 && waiting >= bytes.max(backlog_bytes);
        let now = self.state.now;
        let since = &mut peer.client.over_soft_limit_since;
        if !passes(limit.soft_bytes) {
            *since = None;
        }
        let is_over = passes(limit.hard_bytes)
            || passes(limit.soft_bytes) && {
                let due = *since.get_or_insert(now.mono_us) + limit.soft_seconds * 1_000_000;
                self.state.agenda.watch_soft_limit(due + 1);
                now.mono_us > due
            };
        if is_over {
            log::warn!("closing replica id={}: output limit", client.serial);
            self.state.stats.closed_for_output += 1;
            self.peers.doom(client);
        }
    }

    /// Does what is due for replicas.
    pub(in crate::exec) fn tend_replicas(&mut self, host: &mut dyn Host) {
        let now = self.state.now;
        for client in self.state.replication.replicas.take_lines_due(now) {
            self.peers.write(client, |out| out.raw(b"\n"));
        }
        let timeout_us = self.state.config.repl.timeout_us();
        for client in self.state.replication.replicas.silent(timeout_us, now) {
            log::warn!("Disconnecting timedout replica (streaming sync): id={}", client.serial);
            self.peers.doom(client);
        }
        for client in self.stuck_replicas(timeout_us) {
            log::warn!("Disconnecting timedout replica (full sync): id={}", client.serial);
            self.peers.doom(client);
        }
        // A ping would set back one who has everything.
        if !self.state.replication.replicas.is_empty()
            && self.state.is_steady()
            && self.state.ping_due_us() <= now.mono_us
        {
            self.state.replication.pinged_us = now.mono_us;
            self.state.append_to_stream(repl::PING);
        }
        self.forget_backlog(now);
        if self.state.is_making_in_vain() {
            self.stop_making(host);
        }
        let rules = self.state.snapshot_rules();
        if let Plan::Begin(target, filter) = self.state.replication.replicas.plan(rules, now) {
            self.begin_replica_snapshot(target, filter, host);
        }
    }

    /// Those who have taken nothing of a snapshot for so long; looks again when the next one may
    /// have.
    fn stuck_replicas(&mut self, timeout_us: u64) -> Vec<ClientId> {
        let State { replication, now, .. } = &mut self.state;
        let is_direct =
            replication.making.as_ref().is_some_and(|making| making.target == Target::Sockets);
        let mut stuck = Vec::new();
        replication.stuck_due_us = None;
        for replica in replication.replicas.iter() {
            let is_sent = match replica.stage {
                ReplicaStage::Dumping => is_direct,
                ReplicaStage::Sending => true,
                ReplicaStage::Waiting | ReplicaStage::Loading | ReplicaStage::Online => false,
            };
            let Some(peer) = self.peers.get(replica.client).filter(|_| is_sent) else { continue };
            let due_us = peer.client.active.mono_us + timeout_us;
            if due_us <= now.mono_us && !peer.out.is_empty() {
                stuck.push(replica.client);
            } else {
                let due_us = due_us.max(now.mono_us + LOOK_AGAIN_US);
                let first_us = replication.stuck_due_us.unwrap_or(u64::MAX);
                replication.stuck_due_us = Some(first_us.min(due_us));
            }
        }
        stuck
    }

    /// Drops the backlog once nobody has wanted it for long.
    fn forget_backlog(&mut self, now: Now) {
        if self.state.backlog_due_us().is_none_or(|at| at > now.mono_us) {
            return;
        }
        let replication = &mut self.state.replication;
        replication.history.begin_anew(&mut self.state.rng);
        replication.drop_stream();
        self.state.feed.end(Sink::Replicas, &mut self.store);
        log::info!("Replication backlog freed after a time without connected replicas.");
    }

    /// Runs the commands again that wait for replicas, if some replica has come further.
    pub(in crate::exec) fn serve_ack_waiters(&mut self, host: &mut dyn Host) {
        self.state.replication.has_new_acks = false;
        for client in self.state.replication.waiting.clone() {
            self.rerun_parked(client, host);
        }
        let peers = &self.peers;
        self.state
            .replication
            .waiting
            .retain(|client| peers.get(*client).is_some_and(|peer| peer.client.parked.is_some()));
    }

    /// A replica is there: it has sent an empty line.
    pub fn hear_replica(&mut self, client: ClientId) {
        let now = self.state.now;
        if let Some(replica) = self.state.replication.replicas.get_mut(client) {
            replica.acked_us = now.mono_us;
        }
    }

    /// A client is gone that was a replica.
    pub(in crate::exec) fn forget_replica(&mut self, client: ClientId) {
        let now = self.state.now;
        self.state.replication.sending.retain(|sending| sending.client != client);
        if let Some(replica) = self.state.replication.replicas.remove(client, now) {
            let (address, port) = (replica.address().to_owned(), replica.about.port);
            log::warn!("Connection with replica {address}:{port} lost.");
        }
    }
}

impl State {
    /// When the backlog may be dropped, on the monotonic clock in microseconds.
    fn backlog_due_us(&self) -> Option<u64> {
        let replication = &self.replication;
        let ttl_us = micros(self.config.repl.backlog_ttl_s);
        let may_go = replication.replicas.is_empty() && replication.stream.is_some() && ttl_us > 0;
        may_go.then(|| replication.replicas.none_since_us + ttl_us)
    }

    /// When something is due for replicas, on the monotonic clock in microseconds.
    pub(in crate::exec) fn replicas_due_us(&self) -> Option<u64> {
        let replicas = &self.replication.replicas;
        if self.is_making_in_vain() {
            return Some(self.now.mono_us);
        }
        if replicas.is_empty() {
            return self.backlog_due_us();
        }
        let lines = replicas.lines_due_us();
        let silent = replicas.first_silent_us(self.config.repl.timeout_us());
        let plan = match replicas.plan(self.snapshot_rules(), self.now) {
            Plan::Nothing => None,
            Plan::Later(at) => Some(at),
            Plan::Begin(..) => Some(self.now.mono_us).filter(|_| self.may_snapshot()),
        };
        let ping = Some(self.ping_due_us()).filter(|_| self.is_steady());
        let stuck = self.replication.stuck_due_us;
        [lines, silent, plan, ping, stuck, self.failover_due_us()].into_iter().flatten().min()
    }

    /// When replicas are shown that we are there, on the monotonic clock in microseconds.
    fn ping_due_us(&self) -> u64 {
        self.replication.pinged_us + micros(self.config.repl.ping_period_s)
    }

    /// Whether the stream may go on by itself: it is ours, and nobody waits for a replica to have
    /// all of it.
    fn is_steady(&self) -> bool {
        !self.is_replica() && self.replication.failover.is_none() && self.shutdown.is_none()
    }
}
