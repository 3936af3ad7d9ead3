//! Replication as the engine does it: what it knows of both sides ([`Replication`]), what a primary
//! does for its replicas (`primary`), and how a replica follows its primary (`replica`).

mod failover;
mod incoming;
mod own;
mod primary;
mod replica;
mod restart;
mod snapshot;

pub use failover::{Failover, Goal};
pub use primary::Start;
pub use replica::{Bond, LinkTurn, Primary};

use super::block::{self, GivenUp};
use super::call::Call;
use super::client::Written;
use super::command::Nothing;
use super::engine::Engine;
use super::host::Host;
use super::peers::{Peer, Peers};
use super::propagate::Sink;
use super::state::State;
use crate::base::id::ClientId;
use crate::hub::waiters::Waiters;
use crate::persist::aof::LogState;
use crate::repl::{History, ReplicaStage, Replicas, Stream};
use crate::resp::error::Error;
use crate::store::Store;
use incoming::Incoming;
use own::OwnKeys;
use snapshot::{Making, Sending};

/// What a client is to us.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Side {
    /// A client.
    #[default]
    Client,
    /// A replica of ours.
    Replica,
    /// Our primary.
    Primary,
    /// The log, from which requests are run again.
    Log,
}

/// How often replicas have asked for changes, and what they got.
#[derive(Clone, Copy, Debug, Default)]
pub struct SyncCounts {
    /// Everything.
    pub full: u64,
    /// What they lacked.
    pub partial: u64,
    /// Everything, because what they lacked was not to be had.
    pub refused: u64,
}

/// The engine's part in replication.
pub struct Replication {
    /// Which changes these are.
    pub history: History,
    /// The latest of them; none before a replica has asked for them.
    pub stream: Option<Stream>,
    /// How many bytes of changes there have been while there is no stream.
    offset: u64,
    /// Whom we follow.
    pub primary: Option<Box<Primary>>,
    /// The change of places with a replica that is going on.
    pub failover: Option<Failover>,
    /// Those who follow.
    pub replicas: Replicas,
    /// What they were given.
    pub counts: SyncCounts,
    /// When replicas were last shown that we are there, on the monotonic clock in microseconds.
    pinged_us: u64,
    /// Whether replicas are to be asked how far they are.
    wants_acks: bool,
    /// Whether some replica has told that it is further than before.
    has_new_acks: bool,
    /// Clients that wait for replicas or disks.
    waiting: Vec<ClientId>,
    /// How safe the log was when that was last looked at.
    seen: (LogState, u64),
    /// The snapshot that is being made.
    making: Option<Making>,
    /// The snapshots that are being sent.
    sending: Vec<Sending>,
    /// When to look whether those who are sent one take it, on the monotonic clock in microseconds.
    stuck_due_us: Option<u64>,
    /// The snapshot of our primary that is arriving.
    incoming: Option<Incoming>,
    /// The file of it that has arrived and is being loaded, if it is to be kept.
    arrived: Option<String>,
    /// Keys with a deadline that our own clients have changed, while this is a replica.
    own: OwnKeys,
    /// Whether the host has last been told that this is a replica.
    told_replica: bool,
    /// New replicas whose packets are to be collected.
    delayed: Vec<ClientId>,
}

impl Replication {
    /// A primary without replicas.
    pub fn new(rng: &mut fastrand::Rng) -> Replication {
        Replication {
            history: History::new(rng),
            stream: None,
            offset: 0,
            primary: None,
            failover: None,
            replicas: Replicas::default(),
            counts: SyncCounts::default(),
            pinged_us: 0,
            wants_acks: false,
            has_new_acks: false,
            waiting: Vec::new(),
            seen: (LogState::Off, 0),
            making: None,
            sending: Vec::new(),
            stuck_due_us: None,
            incoming: None,
            arrived: None,
            own: OwnKeys::new(),
            told_replica: false,
            delayed: Vec::new(),
        }
    }

    /// How many bytes of changes are in the stream.
    pub fn offset(&self) -> u64 {
        self.stream.as_ref().map_or(self.offset, Stream::end)
    }

    /// Has the replicas asked how far they are.
    pub(super) fn ask_for_acks(&mut self) {
        self.wants_acks = true;
    }

    /// Takes the new replicas to whom packets are to be sent that are as full as can be.
    pub fn take_delayed(&mut self) -> Vec<ClientId> {
        std::mem::take(&mut self.delayed)
    }

    /// True if replicas have come further and someone waits for that.
    #[inline]
    pub(super) fn has_new_acks(&self) -> bool {
        self.has_new_acks
    }

    /// Drops the stream: nobody can go on from here.
    fn drop_stream(&mut self) {
        self.offset = self.offset();
        self.stream = None;
    }
}

impl State {
    /// Has a client wait until replicas, or disks, have come further; replicas are asked how far
    /// they are.
    pub fn await_acks(&mut self, client: ClientId) {
        let replication = &mut self.replication;
        // One that waits already has asked.
        if !replication.waiting.contains(&client) {
            replication.waiting.push(client);
            replication.wants_acks = true;
        }
    }

    /// Whether what was written is safe here, and how many replicas have it: on their disks, if
    /// disks are what is waited for.
    pub fn reached(&self, nothing: Nothing, written: Written) -> (bool, usize) {
        let replicas = &self.replication.replicas;
        match nothing {
            Nothing::NullArray | Nothing::Element | Nothing::Shutdown => (false, 0),
            Nothing::Replicas => (false, replicas.count_acked(written.stream)),
            Nothing::Disks => {
                (self.log.is_safe(written.log), replicas.count_on_disk(written.stream))
            }
        }
    }

    /// How far changes are.
    pub(super) fn written(&self) -> Written {
        let log = self.log.appended() + self.feed.waiting(Sink::Log).len() as u64;
        Written { stream: self.replication_offset(), log }
    }

    /// How many bytes of changes there have been.
    pub fn replication_offset(&self) -> u64 {
        self.replication.offset() + self.feed.waiting(Sink::Replicas).len() as u64
    }

    /// Notes how far a replica says it is, and its disk.
    pub fn note_ack(&mut self, client: ClientId, offset: u64, disk: Option<u64>) {
        let replication = &mut self.replication;
        replication.replicas.note_ack(client, offset, disk, self.now);
        replication.has_new_acks = !replication.waiting.is_empty();
        if let Some(replica) = replication.replicas.get_mut(client)
            && replica.stage == ReplicaStage::Loading
        {
            replica.stage = ReplicaStage::Online;
        }
    }

    /// Whether someone else decides what clients may do, or their number does.
    #[inline]
    pub(super) fn restricts_clients(&self) -> bool {
        self.replication.primary.is_some() || self.config.repl.least_replicas > 0
    }

    /// Whether too few replicas follow for a change to be safe.
    pub(super) fn lacks_replicas(&self) -> bool {
        let config = &self.config.repl;
        let least = usize::try_from(config.least_replicas).unwrap_or(0);
        let lag_max_s = u64::try_from(config.lag_max_s).unwrap_or(0);
        !self.is_replica()
            && lag_max_s > 0
            && self.replication.replicas.count_good(lag_max_s, self.now) < least
    }

    /// Tells the host whether this is a replica, if that has changed.
    #[inline]
    fn tell_role(&mut self, host: &mut dyn Host) {
        let is_replica = self.is_replica();
        if is_replica != self.replication.told_replica {
            self.replication.told_replica = is_replica;
            host.note_role(&self.config, is_replica);
        }
    }

    /// Begins another history of changes.
    pub fn change_replication_id(&mut self) {
        self.replication.history.begin_anew(&mut self.rng);
    }
}

/// What following someone else, or nobody, concerns.
pub(super) struct Realm<'a> {
    pub(super) state: &'a mut State,
    pub(super) store: &'a mut Store,
    pub(super) peers: &'a mut Peers,
    pub(super) waiters: &'a mut Waiters,
}

impl Realm<'_> {
    /// Follows a primary from now on; it is asked to make place for us if this is a failover.
    fn follow(&mut self, host: String, port: u16, is_failover: bool) {
        self.drop_link();
        if !self.state.is_replica() {
            self.end_waits_for_keys();
        }
        self.state.follow(host, port, is_failover, self.store);
    }

    /// Follows nobody any more. Our replicas have to hear of the new name of the history.
    fn lead(&mut self) {
        self.drop_link();
        self.state.lead(self.store);
        for client in self.state.replication.replicas.clients() {
            self.peers.doom(client);
        }
    }

    /// Closes the connection of the primary.
    fn drop_link(&mut self) {
        if let Some(primary) = &self.state.replication.primary
            && let Bond::Up(client) = primary.bond
        {
            self.peers.doom(client);
        }
    }

    /// Clients that wait for keys or for replicas wait in vain on a replica. They are closed, so
    /// that they look for the primary.
    fn end_waits_for_keys(&mut self) {
        let is_waiting = |peer: &&Peer| {
            let parked = peer.client.parked.as_ref();
            parked.is_some_and(|parked| !parked.waits_for_end())
        };
        let waiting: Vec<ClientId> =
            self.peers.iter().filter(is_waiting).map(|peer| peer.client.id).collect();
        let error = Error::new(
            "UNBLOCKED force unblock from blocking operation, instance state changed (master -> \
             replica?)",
        );
        for client in waiting {
            let why = GivenUp::CalledOff(error.clone());
            let given_up = block::give_up(self.waiters, self.peers, self.state, client, &why);
            if let Some(parked) = given_up {
                self.state.stats.ran(parked.command, true);
                self.state.stats.errored(&error);
            }
            self.peers.finish(client);
        }
    }
}

impl Call<'_> {
    /// Takes the client as a replica; see [`State::welcome_replica`].
    pub fn welcome_replica(&mut self, has: Option<(&[u8], u64)>) -> Start {
        self.state.welcome_replica(self.client, has, self.store)
    }

    /// Follows a primary from now on.
    pub fn follow_primary(&mut self, host: String, port: u16) {
        self.realm().follow(host, port, false);
        self.state.tell_role(self.host);
    }

    /// Follows nobody any more.
    pub fn lead(&mut self) {
        self.realm().lead();
        self.state.tell_role(self.host);
    }

    fn realm(&mut self) -> Realm<'_> {
        Realm { state: self.state, store: self.store, peers: self.peers, waiters: self.waiters }
    }

    /// Becomes a primary because ours asks for it; it names the history by which it means us.
    ///
    /// # Errors
    /// That it means someone else.
    pub fn make_place(&mut self, id: &[u8]) -> Result<(), Error> {
        log::warn!("Failover request received for replid {}.", id.escape_ascii());
        if !self.state.is_replica() {
            return Err(Error::new("ERR PSYNC FAILOVER can't be sent to a master."));
        }
        if !self.state.replication.history.id.as_bytes().eq_ignore_ascii_case(id) {
            return Err(Error::new("ERR PSYNC FAILOVER replid must match my replid."));
        }
        self.lead();
        Ok(())
    }
}

impl Engine {
    /// Looks how safe the log has become, for those who wait for that: clients, and our primary.
    /// Costs two comparisons while nobody does.
    #[inline]
    pub(super) fn follow_disk(&mut self) {
        let replication = &self.state.replication;
        let is_primary_told = replication.primary.as_ref().is_none_or(|it| !it.waits_for_disk);
        if replication.waiting.is_empty() && is_primary_told {
            return;
        }
        let seen = self.state.log.safety();
        if std::mem::replace(&mut self.state.replication.seen, seen) != seen {
            self.state.replication.has_new_acks = !self.state.replication.waiting.is_empty();
            if !is_primary_told {
                self.tell_primary();
            }
        }
    }

    /// Does what is due on either side.
    #[inline]
    pub(super) fn tend_replication(&mut self, host: &mut dyn Host) {
        let now_us = self.state.now.mono_us;
        self.state.tell_role(host);
        if self.state.replicas_due_us().is_some_and(|at| at <= now_us) {
            self.tend_replicas(host);
        }
        if self.state.replication.failover.is_some() {
            self.tend_failover();
        }
        if self.state.replication.incoming.is_some() && self.opening().is_none() {
            self.drop_incoming(host);
        }
        if self.state.link_due_us().is_some_and(|at| at <= now_us) {
            self.tend_link(host);
        }
    }
}

impl Engine {
    /// Removes what a synchronization keeps on the disk, for the end of the process.
    pub fn close_replication(&mut self, host: &mut dyn Host) {
        self.drop_incoming(host);
        self.stop_making(host);
    }

    fn realm(&mut self) -> Realm<'_> {
        Realm {
            state: &mut self.state,
            store: &mut self.store,
            peers: &mut self.peers,
            waiters: &mut self.waiters,
        }
    }
}
