//! Transactions: requests that are queued by MULTI and run together by EXEC, unless a key that is
//! watched has changed meanwhile.

use super::access;
use super::client::Client;
use super::command::{Flow, Nothing};
use super::engine::Engine;
use super::host::Host;
use super::peers::Peer;
use super::replication::Side;
use super::run::AHEAD_REQUESTS;
use super::table::CommandId;
use super::timed::Timed;
use crate::base::id::DbIndex;
use crate::hub::watches::Watches;
use crate::resp::argv::{Argv, Requests};
use crate::resp::error::Error;
use crate::spec::flags::Flags;
use crate::store::Touched;

/// Requests and bytes of a queue whose memory is kept for the next one.
const SPARE_REQUESTS_MAX: usize = 128;
const SPARE_BYTES_MAX: usize = 16 * 1024;

/// What has been queued since MULTI.
pub struct Multi {
    commands: Vec<CommandId>,
    requests: Requests,
    /// The flags of all commands in the queue together.
    pub flags: Flags,
    /// The flags that every command in the queue has.
    pub common: Flags,
    /// Whether all of them are [plain](super::table::Row::is_plain).
    is_plain: bool,
    /// Whether some request could not be queued, so that none will run.
    pub has_failed: bool,
}

impl Default for Multi {
    fn default() -> Multi {
        Multi {
            commands: Vec::with_capacity(AHEAD_REQUESTS),
            requests: Requests::default(),
            flags: Flags::empty(),
            common: Flags::all(),
            is_plain: true,
            has_failed: false,
        }
    }
}

impl Multi {
    /// Requests in the queue.
    pub fn len(&self) -> usize {
        self.commands.len()
    }

    /// True without requests.
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    /// An empty queue in the memory of this one, if it is no more than most take.
    fn emptied(mut self: Box<Multi>) -> Option<Box<Multi>> {
        if self.len() > SPARE_REQUESTS_MAX || self.memory_bytes() > SPARE_BYTES_MAX {
            return None;
        }
        self.commands.clear();
        self.requests.clear();
        (self.flags, self.common) = (Flags::empty(), Flags::all());
        (self.is_plain, self.has_failed) = (true, false);
        Some(self)
    }

    /// Bytes of memory of the queue.
    pub fn memory_bytes(&self) -> usize {
        self.commands.capacity() * size_of::<CommandId>() + self.requests.memory_bytes()
    }
}

/// The keys that a client watches.
#[derive(Default)]
pub struct Watching {
    keys: Vec<(DbIndex, Box<[u8]>, bool)>,
    /// Bytes of the names.
    bytes: usize,
    /// Whether one of them has changed.
    pub has_changed: bool,
}

impl Watching {
    /// Number of keys.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// True without keys.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Bytes of memory of the keys.
    pub fn memory_bytes(&self) -> usize {
        self.keys.capacity() * size_of::<(DbIndex, Box<[u8]>, bool)>() + self.bytes
    }

    /// The keys, and whether each was there when its watch began.
    pub fn keys(&self) -> impl Iterator<Item = (DbIndex, &[u8], bool)> {
        self.keys.iter().map(|(db, key, existed)| (*db, &**key, *existed))
    }
}

/// Has a client watch a key, which is there or not.
pub fn watch(client: &mut Client, watches: &mut Watches, key: &[u8], exists: bool) {
    if watches.add(client.id, client.db, key, exists) {
        client.watching.keys.push((client.db, key.into(), exists));
        client.watching.bytes += key.len();
    }
}

/// Has a client watch nothing any more.
pub fn unwatch(client: &mut Client, watches: &mut Watches) {
    for (db, key, _) in std::mem::take(&mut client.watching).keys {
        watches.remove(client.id, db, &key);
    }
}

/// Forgets the queue of a client, and what it watches.
pub fn discard(client: &mut Client, watches: &mut Watches) {
    client.multi = None;
    unwatch(client, watches);
}

impl Engine {
    /// Puts a request that has been admitted into its client's queue, unless it is already certain
    /// that the queue will not run.
    #[cold]
    pub(super) fn queue(&mut self, peer: &mut Peer, id: CommandId, argv: Argv<'_>) {
        peer.out.status("QUEUED");
        let has_changed = peer.client.watching.has_changed;
        let Some(multi) = &mut peer.client.multi else { return };
        if multi.has_failed || has_changed {
            return;
        }
        let row = self.table.row(id);
        let flags = row.command.spec.flags;
        multi.is_plain &= row.is_plain;
        multi.flags |= flags;
        multi.common &= flags;
        multi.commands.push(id);
        multi.requests.push(argv);
    }

    /// Notes that a request was not admitted while its client queues. If it was to run the queue,
    /// that is over; what the client is told then.
    #[cold]
    pub(super) fn fail_transaction(&mut self, peer: &mut Peer, flags: Flags, why: Error) -> Error {
        if !flags.contains(Flags::RUNS_QUEUE) {
            if let Some(multi) = &mut peer.client.multi {
                multi.has_failed = true;
            }
            return why;
        }
        discard(&mut peer.client, &mut self.watches);
        let text = why.as_bytes();
        let text = text.strip_prefix(b"ERR ").unwrap_or(text);
        Error::text([b"EXECABORT Transaction discarded because of: ", text].concat())
    }

    /// Runs the queue of a client; the reply is an array of all replies.
    #[cold]
    pub(super) fn run_queue(&mut self, peer: &mut Peer, host: &mut dyn Host) {
        let Some(multi) = peer.client.multi.take() else { return };
        unwatch(&mut peer.client, &mut self.watches);
        peer.out.array(multi.len());
        self.state.feed.enter();
        peer.client.running = Some(multi.len());
        self.run_all(peer, &multi, host);
        self.state.spare_queue = multi.emptied();
        // It has stood still so far; who is served next sees what it has become.
        let ticks = host.ticks();
        self.state.refresh_now(ticks, host);
        peer.client.running = None;
        self.state.feed.leave(false);
        if self.state.feed.is_on() {
            peer.client.written = self.state.written();
        }
    }

    fn run_all(&mut self, peer: &mut Peer, multi: &Multi, host: &mut dyn Host) {
        let mut timed = Timed::start_in_transaction(self, host);
        let is_calm = multi.is_plain && self.is_calm(peer);
        let mut queued = multi.commands.iter().copied().zip(multi.requests.iter());
        loop {
            let plan = self.plan(peer.client.db, queued.clone());
            let planned = plan.into_iter().flatten();
            for (planned, (_, argv)) in planned.zip(queued.by_ref()) {
                let id = self.begin_planned(planned, argv);
                if is_calm {
                    self.run_queued::<true>(peer, (id, argv), &mut timed, host);
                } else {
                    self.run_queued::<false>(peer, (id, argv), &mut timed, host);
                }
            }
            if queued.clone().next().is_none() {
                break;
            }
        }
        self.store.expect_none();
        timed.stop(&peer.client, self, host);
    }

    /// Runs one of them; where all is [calm](Engine::is_calm), without more ado.
    fn run_queued<'a, const CALM: bool>(
        &mut self,
        peer: &mut Peer,
        (id, argv): (CommandId, Argv<'a>),
        timed: &mut Timed<'a>,
        host: &mut dyn Host,
    ) {
        peer.out.close_chunk();
        let mark = peer.out.mark();
        // Rights may have changed since it was queued.
        let request = (id, self.table.row(id), argv);
        if !CALM && let Err(denial) = access::permit(&peer.client, request, &self.state.acl) {
            let error = self.deny_late(denial, (id, argv), peer);
            self.state.stats.errored(&error);
            peer.out.error(&error);
            return;
        }
        timed.begin(id, argv, &peer.client, self, host);
        let flow = self.invoke::<CALM>(id, peer, argv, host);
        if !CALM {
            self.show(id, &peer.client, argv);
        }
        // Whoever tracks is told of the next one's changes as it runs.
        self.publish_events();
        self.count_run(id, peer, flow.is_err());
        match flow {
            Ok(Flow::Done | Flow::Pushed | Flow::Exec) => {}
            Ok(Flow::LoadLog) => peer.out.error(&Error::new("ERR not inside a transaction")),
            Ok(Flow::Block) => match peer.client.wait.take().map(|wait| wait.nothing) {
                Some(Nothing::Element) => peer.out.null(),
                Some(nothing @ (Nothing::Replicas | Nothing::Disks)) => {
                    let reached = self.state.reached(nothing, peer.client.written);
                    nothing.tell(reached, &mut peer.out);
                }
                Some(Nothing::NullArray | Nothing::Shutdown) | None => peer.out.null_array(),
            },
            Err(error) => {
                self.state.stats.errored(&error);
                peer.out.rollback(mark);
                peer.out.error(&error);
                if peer.client.side != Side::Client {
                    self.note_divergence(peer.client.side, Some(id), &error);
                }
            }
        }
    }

    /// Notes that what some client watches has changed.
    pub(super) fn note_touched(&mut self, touched: &Touched) {
        let mut clients = Vec::new();
        match touched {
            Touched::Key(db, key) => {
                clients.extend(self.watches.of(*db, key).map(|(client, _)| client));
            }
            Touched::Dead(db, key) => {
                let watchers = self.watches.of(*db, key).filter(|(_, existed)| *existed);
                clients.extend(watchers.map(|(client, _)| client));
            }
            Touched::Woken(..) => {}
            Touched::Database(db) => {
                let mut doors = self.store.db(*db, self.state.now.unix_ms());
                for (key, client, existed) in self.watches.of_db(*db) {
                    if existed || doors.find(key).exists() {
                        clients.push(client);
                    }
                }
            }
        }
        for client in clients {
            if let Some(peer) = self.peers.get_mut(client) {
                peer.client.watching.has_changed = true;
            }
        }
    }
}
