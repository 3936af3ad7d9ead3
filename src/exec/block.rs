//! Commands that wait: parked with their arguments, run again when one of their keys has changed.
//!
//! A command that has found nothing is run again as it was, so what it does then is told in one
//! place only. Who goes on waiting keeps its place.

use super::access;
use super::client::Client;
use super::command::{Flow, Nothing, Wait};
use super::engine::Engine;
use super::host::Host;
use super::peers::{Peer, Peers};
use super::state::State;
use super::table::{CommandId, Table};
use super::timed;
use crate::base::id::{ClientId, DbIndex};
use crate::data::collection::Type;
use crate::hub::waiters::Waiters;
use crate::resp::argv::{Argv, ArgvBuf};
use crate::resp::error::Error;
use crate::spec::Group;
use crate::store::Touched;

/// A command that waits.
pub struct Parked {
    argv: ArgvBuf,
    pub(super) command: CommandId,
    wait: Wait,
    db: DbIndex,
    ticket: u64,
    /// When it is looked at though no key has changed, on the monotonic clock in microseconds.
    due_us: Option<u64>,
    /// Ticks of the stopwatch that it has taken so far, apart from waiting.
    ticks: u64,
}

impl Parked {
    fn keys(&self) -> impl Iterator<Item = &[u8]> {
        self.argv.borrow().from(self.wait.first_key).take(self.wait.keys)
    }

    /// Its database and keys, if it waits for whatever becomes of them.
    pub fn keys_even_gone(&self) -> impl Iterator<Item = (DbIndex, &[u8])> {
        let keys = if self.wait.wants_any { self.wait.keys } else { 0 };
        self.keys().take(keys).map(|key| (self.db, key))
    }

    /// Notes that it is over.
    pub fn note_end(
        &self,
        failed: bool,
        client: &Client,
        (state, table): (&mut State, &Table),
        host: &mut dyn Host,
    ) {
        state.stats.ran(self.command, failed);
        let request = (self.command, self.argv.borrow());
        timed::note_waited(request, self.ticks, client, (state, table), host);
    }

    /// Whether it waits for the end of the server.
    pub fn waits_for_end(&self) -> bool {
        self.wait.nothing == Nothing::Shutdown
    }

    /// Bytes of memory of its arguments.
    pub fn memory_bytes(&self) -> usize {
        size_of::<Parked>() + self.argv.borrow().from(0).map(<[u8]>::len).sum::<usize>()
    }
}

/// Why a client waits no more without having got anything.
pub enum GivenUp {
    /// Its time is over.
    TimedOut,
    /// Someone has called it off, with this error.
    CalledOff(Error),
}

impl Engine {
    /// Has a client wait with the command that it has run in vain.
    #[cold]
    pub(super) fn park(&mut self, peer: &mut Peer, command: CommandId, argv: Argv<'_>, ticks: u64) {
        let Some(mut wait) = peer.client.wait.take() else { return };
        let (client, db, due_us) = (peer.client.id, peer.client.db, wait.due_us());
        let again = wait.again.take().map(|argv| *argv);
        let argv: ArgvBuf = again.unwrap_or_else(|| argv.from(0).collect());
        let mut parked = Box::new(Parked { argv, command, wait, db, ticket: 0, due_us, ticks });
        parked.ticket = self.waiters.add(client, db, parked.keys(), due_us);
        peer.client.parked = Some(parked);
        self.store.changes.list_touched(true);
    }

    /// Runs the commands again that wait for keys that have changed.
    pub(super) fn serve_waiters(&mut self, touched: Vec<Touched>, host: &mut dyn Host) {
        for touched in touched {
            match touched {
                Touched::Key(db, key) | Touched::Dead(db, key) | Touched::Woken(db, key) => {
                    self.serve_key(db, &key, host);
                }
                Touched::Database(db) => {
                    for key in self.waiters.keys_of(db) {
                        self.serve_key(db, &key, host);
                    }
                }
            }
        }
    }

    fn serve_key(&mut self, db: DbIndex, key: &[u8], host: &mut dyn Host) {
        let mut from = 0;
        while let Some((ticket, client)) = self.waiters.next(db, key, from) {
            let value = self.store.db(db, self.state.now.unix_ms()).type_of_live(key);
            self.run_parked(client, value, host);
            from = ticket + 1;
        }
    }

    /// Runs the command of a client again that waits for replicas or for the disk.
    pub(super) fn rerun_parked(&mut self, client: ClientId, host: &mut dyn Host) {
        self.run_parked(client, None, host);
    }

    /// Runs the command of a client again, if it waits for values of this type, or for whatever
    /// becomes of the key.
    fn run_parked(&mut self, client: ClientId, value: Option<Type>, host: &mut dyn Host) {
        let Some(mut peer) = self.check_out(client) else { return };
        let is_leaving = peer.client.closing.is_some();
        let wants = |parked: &mut Box<Parked>| {
            let group = self.table.row(parked.command).command.spec.group;
            let is_wanted =
                parked.wait.keys == 0 || value.is_some_and(|value| waits_for(group, value));
            !is_leaving && (is_wanted || parked.wait.wants_any)
        };
        if let Some(mut parked) = peer.client.parked.take_if(wants) {
            let (mark, from) = (peer.out.mark(), host.ticks());
            let request = (parked.command, parked.argv.borrow());
            let permitted = self.permit_parked(request, &peer);
            let may_run = permitted.is_ok();
            let flow = permitted.and_then(|()| {
                self.invoke::<false>(parked.command, &mut peer, parked.argv.borrow(), host)
            });
            parked.ticks += host.ticks().saturating_sub(from);
            if flow == Ok(Flow::Block) {
                if let Some(again) = peer.client.wait.take() {
                    parked.wait.retry_us = again.retry_us;
                    let due_us = parked.wait.due_us();
                    self.waiters.move_timeout(client, parked.due_us, due_us);
                    parked.due_us = due_us;
                }
                peer.client.parked = Some(parked);
            } else {
                peer.client.commands += 1;
                let world = (&mut self.state, &self.table);
                if may_run {
                    parked.note_end(flow.is_err(), &peer.client, world, host);
                }
                self.finish_reply(&mut peer, mark, &flow);
                forget(&mut self.waiters, &mut self.peers, client, &parked);
            }
        }
        self.peers.check_in(peer);
    }

    /// Whether the user of a client may still run what the client waits with.
    fn permit_parked(
        &mut self,
        (id, argv): (CommandId, Argv<'_>),
        peer: &Peer,
    ) -> Result<(), Error> {
        let request = (id, self.table.row(id), argv);
        access::permit(&peer.client, request, &self.state.acl).map_err(|denial| {
            self.state.stats.commands[id.index()].rejected += 1;
            self.deny(denial, (id, argv), peer)
        })
    }

    /// Tells those whose time is over that there was nothing, and looks again for those who may
    /// find something now.
    pub(super) fn end_waits(&mut self, host: &mut dyn Host) {
        while let Some((due_us, client)) = self.waiters.first_timeout()
            && due_us <= self.state.now.mono_us
        {
            let parked = self.peers.get(client).and_then(|peer| peer.client.parked.as_deref());
            if parked.is_some_and(|parked| parked.wait.until_us != Some(due_us)) {
                self.run_parked(client, None, host);
                if self.waiters.first_timeout() == Some((due_us, client)) {
                    return;
                }
                continue;
            }
            let why = GivenUp::TimedOut;
            let parked = give_up(&mut self.waiters, &mut self.peers, &self.state, client, &why);
            // If there is none it is being closed; its connection will call it off.
            let (Some(parked), Some(peer)) = (parked, self.peers.get(client)) else { return };
            parked.note_end(false, &peer.client, (&mut self.state, &self.table), host);
        }
    }

    /// Forgets what a client that is gone has waited for.
    pub(super) fn abandon(&mut self, client: ClientId, parked: &Parked) {
        forget(&mut self.waiters, &mut self.peers, client, parked);
    }
}

/// Ends the waiting of a client, if it waits; what it has waited with.
pub fn give_up(
    waiters: &mut Waiters,
    peers: &mut Peers,
    state: &State,
    client: ClientId,
    why: &GivenUp,
) -> Option<Box<Parked>> {
    let peer = peers.get_mut(client)?;
    let parked = peer.client.parked.take()?;
    peer.client.commands += 1;
    let written = peer.client.written;
    peers.answer(client, |out| match (why, parked.wait.nothing) {
        (GivenUp::TimedOut, nothing @ (Nothing::Replicas | Nothing::Disks)) => {
            nothing.tell(state.reached(nothing, written), out);
        }
        (GivenUp::TimedOut, Nothing::NullArray | Nothing::Element | Nothing::Shutdown) => {
            out.null_array();
        }
        (GivenUp::CalledOff(error), _) => out.error(error),
    });
    forget(waiters, peers, client, &parked);
    Some(parked)
}

fn forget(waiters: &mut Waiters, peers: &mut Peers, client: ClientId, parked: &Parked) {
    waiters.remove(client, parked.db, parked.keys(), parked.due_us, parked.ticket);
    peers.resume_one(client);
}

/// Whether commands of a group wait for values of a type.
fn waits_for(group: Group, value: Type) -> bool {
    match group {
        Group::List => value == Type::List,
        Group::SortedSet => value == Type::SortedSet,
        Group::Stream => value == Type::Stream,
        Group::Connection
        | Group::Generic
        | Group::Bitmap
        | Group::Cluster
        | Group::Geo
        | Group::Hash
        | Group::HyperLogLog
        | Group::Set
        | Group::String
        | Group::PubSub
        | Group::Transactions
        | Group::Server => true,
    }
}
