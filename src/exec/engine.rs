//! The engine as its driver sees it.

use super::access;
use super::client::{Client, Connection};
use super::command::Command;
use super::host::Host;
use super::peers::Peers;
use super::propagate::Sink;
use super::replication::Side;
use super::run::Recent;
use super::state::{Facts, State};
use super::stats::Stats;
use super::table::Table;
use super::transaction;
use crate::acl::{Acl, Standing, UserId};
use crate::base::hash::KeyHasher;
use crate::base::id::ClientId;
use crate::base::num;
use crate::base::time::Now;
use crate::config::Config;
use crate::hub::monitors::Monitors;
use crate::hub::pubsub::PubSub;
use crate::hub::tracking::Tracking;
use crate::hub::waiters::Waiters;
use crate::hub::watches::Watches;
use crate::resp::argv::Argv;
use crate::resp::error::Error;
use crate::resp::output::Output;
use crate::resp::request::Limits;
use crate::store::{Store, Usage};
use crate::sys::crash::BlackBox;
use crate::sys::probes;
use std::sync::Arc;

/// Keys that die in one tick; the rest of a storm waits for the next, so that clients are served in
/// between.
const DEATHS_PER_TICK: usize = 2_000;

/// Microseconds between two slices of memory that is freed. A thread that never sleeps is made to
/// wait by the system when it shares a processor, for milliseconds and with all its clients.
const BREATH_US: u64 = 50;

/// What a driver does after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Go on with the client's next request.
    Next,
    /// Much output has come of it already: go on later, with the first request that has not run.
    Pause,
    /// Go on with the first request that has not run once [`Engine::take_resumed`] names the
    /// client.
    Wait,
    /// Read no more requests of this client: it is being closed, or the server stops.
    Stop,
}

/// What waits of a client's requests, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pending {
    /// Of the incomplete request, as far as it has been read.
    pub argv_bytes: usize,
    /// What has arrived behind that.
    pub query_bytes: usize,
    /// The memory in which all of it waits.
    pub capacity: usize,
}

/// What has become of a burst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Served {
    /// Requests that have run.
    pub count: usize,
    /// What comes next.
    pub turn: Turn,
}

/// The whole of a server but for its sockets and its clock.
pub struct Engine {
    pub(super) peers: Peers,
    pub(super) store: Store,
    pub(super) pubsub: PubSub,
    pub(super) tracking: Tracking,
    pub(super) monitors: Monitors,
    pub(super) waiters: Waiters,
    pub(super) watches: Watches,
    pub(super) state: State,
    pub(super) table: Table,
    pub(super) recent: Recent,
    pub(super) black_box: Arc<BlackBox>,
}

impl Engine {
    /// An engine with these commands and parameters and no keys. The same seed gives the same
    /// behaviour.
    pub fn new(
        groups: &[&[&'static Command]],
        config: Config,
        facts: Facts,
        now: Now,
        seed: u64,
    ) -> Engine {
        let mut rng = fastrand::Rng::with_seed(seed);
        let table = Table::new(groups, &mut rng);
        let databases = usize::try_from(config.databases).unwrap_or(1);
        let mut store =
            Store::new(databases, KeyHasher::new(&mut rng), Usage::new(&config, rng.u64(..)));
        store.changes.publish(config.notify_keyspace_events);
        let pubsub = PubSub::new(&mut rng);
        let tracking = Tracking::new(std::array::from_fn(|_| KeyHasher::new(&mut rng)));
        let mut acl = Acl::new(access::catalog(&table), config.acl_pubsub_default.is_all());
        acl.users.set_default_password(config.requirepass.as_bytes());
        let mut state = State::new(config, facts, now, acl, rng);
        state.stats = Stats::new(table.len());
        state.follow_configured(&mut store);
        let mut peers = Peers::default();
        peers.count_memory(state.config.client_memory_max() > 0);
        let (monitors, recent) = (Monitors::default(), Recent::default());
        let names = table.rows().map(|(_, row)| row.name.clone()).collect();
        let black_box = Arc::new(BlackBox::new(names));
        Engine {
            peers,
            store,
            pubsub,
            tracking,
            monitors,
            waiters: Waiters::default(),
            watches: Watches::default(),
            state,
            table,
            recent,
            black_box,
        }
    }

    /// Calls commands by other names, as `rename-command` says.
    ///
    /// # Errors
    /// One line that says which one cannot be renamed, and why.
    pub fn rename_commands(&mut self) -> Result<(), String> {
        self.table.rename_all(&self.state.config.renames)
    }

    /// Takes a new client in.
    ///
    /// # Errors
    /// The line to send it before it is turned away.
    pub fn connect(&mut self, connection: Connection) -> Result<ClientId, Error> {
        self.state.stats.connections += 1;
        let config = &self.state.config;
        if self.peers.len() >= usize::try_from(config.maxclients).unwrap_or(usize::MAX) {
            self.state.stats.connections_rejected += 1;
            return Err(Error::new("ERR max number of clients reached"));
        }
        let users = &self.state.acl.users;
        if config.protected_mode && users.default_user().any_password && !connection.is_local {
            self.state.stats.connections_rejected += 1;
            return Err(PROTECTED_MODE);
        }
        let standing = users.standing(UserId::DEFAULT, users.admits_strangers());
        let id = self.peers.connect(connection, self.state.now, standing);
        self.state.stats.clients_peak = self.state.stats.clients_peak.max(self.peers.len());
        self.state.agenda.watch_idle(&self.state.config, self.state.now);
        Ok(id)
    }

    /// Forgets a client whose connection is gone.
    pub fn disconnect(&mut self, id: ClientId) {
        if let Some(client) = self.peers.disconnect(id) {
            self.forget_client(client);
        }
    }

    /// Forgets what there is of a client beside itself.
    pub(super) fn forget_client(&mut self, mut client: Client) {
        let id = client.id;
        match client.side {
            Side::Client | Side::Log => {}
            Side::Replica => self.forget_replica(id),
            Side::Primary => self.lose_primary(&client),
        }
        transaction::unwatch(&mut client, &mut self.watches);
        if let Some(own) = client.subscriptions.take() {
            self.pubsub.forget(id, &own);
        }
        if let Some(tracker) = client.tracker {
            self.tracking.leave(tracker);
        }
        self.monitors.remove(id);
        if let Some(parked) = client.parked {
            self.abandon(id, &parked);
        }
    }

    /// Moves time on: due keys die, scheduled work is done. Call it before serving what has
    /// arrived.
    pub fn tick(&mut self, now: Now, host: &mut dyn Host) {
        probes::tick(now.mono_us);
        self.state.set_now(now);
        self.store.usage.set_now(now);
        let from = host.ticks();
        self.state.begin_cycle(from);
        if self.state.pause.is_some_and(|pause| pause.until_us <= now.mono_us) {
            self.state.pause = None;
            self.store.changes.keeps_due = self.state.is_replica();
            self.peers.resume();
        }
        if self.state.persistence.can_load_on() {
            self.load_slice(host);
        }
        self.save_if_due(host);
        if self.state.log.is_open() || self.state.rewrites.is_scheduled {
            self.rewrite_if_due(host);
        }
        let due_ms = self.store.next_deadline_ms().filter(|_| self.state.lets_die());
        if let Some(due_ms) = due_ms.filter(|at_ms| *at_ms <= now.unix_ms()) {
            self.bury_due(due_ms, host);
        }
        if self.state.agenda.take_memory_watch() {
            self.evict_slice();
        }
        if self.state.replication.has_own() {
            self.bury_own();
        }
        if self.state.feed.is_on() {
            let State { feed, config, .. } = &mut self.state;
            feed.note_second(config, now.unix_s());
            self.feed_deaths();
        }
        if self.store.has_remains() {
            self.store.free_slice();
        }
        if self.has_tracking_work() {
            self.work_on_tracking();
        }
        if self.state.next_work_us().is_some_and(|at| at <= now.mono_us) {
            let State { agenda, config, stats, remotes, .. } = &mut self.state;
            stats.closed_for_output += agenda.run(config, &mut self.peers, now);
            remotes.close_idle(now);
        }
        if self.state.signal_waits.is_some() {
            self.heed_signal(host);
        }
        if self.state.shutdown.is_some() {
            self.tend_shutdown(host);
        }
        self.tend_replication(host);
        self.state.stats.sample(now);
        self.state.memory_used();
        self.follow_disk();
        self.end_waits(host);
        self.settle(host);
        self.state.stats.scheduled_ticks += host.ticks().saturating_sub(from);
    }

    /// Removes keys that are due, the first since `due_ms`.
    fn bury_due(&mut self, due_ms: i64, host: &mut dyn Host) {
        let now = self.state.now;
        let due_us = u64::try_from(due_ms).unwrap_or(0).saturating_mul(1_000);
        self.state.stats.died_late(now.unix_us.saturating_sub(due_us));
        let from = host.ticks();
        self.store.bury_due(now.unix_ms(), DEATHS_PER_TICK);
        let ticks = host.ticks().saturating_sub(from);
        self.state.stats.expiry_ticks += ticks;
        if self.state.config.latency_monitor_threshold > 0 {
            let ms = num::whole(num::float(ticks) / host.ticks_per_us()) / 1_000;
            self.state.note_latency("expire-cycle", now.unix_s(), ms);
        }
    }

    /// Microseconds until there is something to do; `None` for never.
    pub fn idle_us(&mut self, host: &mut dyn Host) -> Option<u64> {
        let ticks = host.ticks();
        self.state.end_cycle(ticks);
        if self.state.persistence.can_load_on() || self.has_tracking_work() {
            return Some(0);
        }
        if self.store.has_remains() {
            return Some(BREATH_US);
        }
        self.state.refresh_now(ticks, host);
        let (used_bytes, now) = (self.state.memory_used(), self.state.now);
        self.state.agenda.note_memory(used_bytes, now);
        let death = self.store.next_deadline_ms().filter(|_| self.state.lets_die());
        let death = death.map(|at_ms| {
            u64::try_from(at_ms).unwrap_or(0).saturating_mul(1_000).saturating_sub(now.unix_us)
        });
        let resumption = self.state.pause.map(|pause| pause.until_us);
        let wait = self.waiters.first_timeout().map(|(until_us, _)| until_us);
        let work = self.state.next_work_us().into_iter().chain(resumption).chain(wait);
        let work = work.chain(self.next_save_us()).chain(self.next_rewrite_us());
        death.into_iter().chain(work.map(|at| at.saturating_sub(now.mono_us))).min()
    }

    /// What a client may send at this moment.
    #[inline]
    pub fn limits(&self, id: ClientId) -> Limits {
        let peer = self.peers.get(id);
        let authenticated = peer.is_some_and(|peer| peer.client.standing != Standing::Locked);
        Limits { bulk_max: self.state.config.proto_max_bulk_len, authenticated }
    }

    /// Notes that a client is alive, how many bytes of requests wait, and how much memory of its
    /// own they wait in.
    #[inline]
    pub fn begin_turn(&mut self, id: ClientId, query_bytes: usize, query_capacity: usize) {
        if let Some(peer) = self.peers.get_mut(id) {
            peer.client.active = self.state.now;
            peer.client.query_bytes = query_bytes;
            peer.client.query_capacity = query_capacity;
        }
        if self.peers.counts_memory() {
            // A request that takes too much is not even run.
            self.peers.note_memory(id);
            self.evict_clients();
        }
    }

    /// Ends a turn: notes what waits of the client's requests.
    pub fn end_turn(&mut self, id: ClientId, pending: Pending) {
        if let Some(peer) = self.peers.get_mut(id) {
            peer.client.argv_bytes = pending.argv_bytes;
            peer.client.query_bytes = pending.query_bytes;
            peer.client.query_capacity = pending.capacity;
        }
        self.peers.note_memory(id);
    }

    /// Marks the clients that take most memory as to be closed, if all together take more than
    /// `maxmemory-clients`.
    #[inline]
    pub(super) fn evict_clients(&mut self) {
        let max = self.state.config.client_memory_max();
        if max > 0 {
            self.state.stats.clients_evicted += self.peers.evict_over(max);
        }
    }

    /// Moves the clients whose requests need wait no more into `into`.
    #[inline]
    pub fn take_resumed(&mut self, into: &mut Vec<ClientId>) {
        self.peers.take_resumed(into);
    }

    /// Runs one request of a client; the reply appears in its output.
    pub fn submit(&mut self, id: ClientId, argv: Argv<'_>, host: &mut dyn Host) -> Turn {
        self.submit_all(id, std::iter::once(argv), host).turn
    }

    /// Answers a request that breaks the protocol; the client is closed after that.
    pub fn refuse(&mut self, id: ClientId, error: &Error) {
        self.state.stats.errored(error);
        let Some(peer) = self.peers.get_mut(id) else { return };
        peer.client.has_broken_protocol = true;
        if peer.client.side == Side::Primary {
            // It would take the error for a request.
            log::warn!("Protocol error from master: {}", String::from_utf8_lossy(error.as_bytes()));
            return self.peers.doom(id);
        }
        self.peers.write(id, |out| out.error(error));
        log::debug!("client id={} broke the protocol", id.serial);
        self.peers.finish(id);
    }

    /// A client, if it is connected.
    pub fn client(&self, id: ClientId) -> Option<&Client> {
        self.peers.get(id).map(|peer| &peer.client)
    }

    /// A client, to note what the driver knows of it.
    pub fn client_mut(&mut self, id: ClientId) -> Option<&mut Client> {
        self.peers.get_mut(id).map(|peer| &mut peer.client)
    }

    /// The bytes on their way to a client.
    pub fn output(&mut self, id: ClientId) -> Option<&mut Output> {
        self.peers.get_mut(id).map(|peer| &mut peer.out)
    }

    /// All clients.
    pub fn peers(&mut self) -> &mut Peers {
        &mut self.peers
    }

    /// The engine's own state.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The engine's own state, to count what the driver does.
    pub fn state_mut(&mut self) -> &mut State {
        &mut self.state
    }

    /// What a report of a crash needs to know.
    pub fn black_box(&self) -> &Arc<BlackBox> {
        &self.black_box
    }

    /// The table of commands.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// The keys, for drivers that look inside.
    pub fn store(&mut self) -> &mut Store {
        &mut self.store
    }

    /// Starts the stream of changes for a sink; see [`super::Feed`].
    pub fn begin_feed(&mut self, sink: Sink) {
        self.state.feed.begin(sink, &mut self.store);
    }
}

/// What clients of other machines are told while there is no password.
const PROTECTED_MODE: Error = Error::new(
    "DENIED Redis is running in protected mode because protected mode is enabled and no password \
     is set for the default user. In this mode connections are only accepted from the loopback \
     interface. If you want to connect from external computers to Redis you may adopt one of the \
     following solutions: 1) Just disable protected mode sending the command 'CONFIG SET \
     protected-mode no' from the loopback interface by connecting to Redis from the same host the \
     server is running, however MAKE SURE Redis is not publicly accessible from internet if you \
     do so. Use CONFIG REWRITE to make this change permanent. 2) Alternatively you can just \
     disable the protected mode by editing the Redis configuration file, and setting the \
     protected mode option to 'no', and then restarting the server. 3) If you started the server \
     manually just for testing, restart it with the '--protected-mode no' option. 4) Set up an \
     authentication password for the default user. NOTE: You only need to do one of the above \
     things in order for the server to start accepting connections from the outside.",
);
