//! What a handler works with: borrows that do not touch each other.

use super::client::Client;
use super::command::{Flow, Wait};
use super::engine::Engine;
use super::host::Host;
use super::peers::Peers;
use super::propagate::Propagated;
use super::state::State;
use super::table::{CommandId, Table};
use crate::data::collection::{Limits, Type};
use crate::hub::monitors::Monitors;
use crate::hub::pubsub::PubSub;
use crate::hub::tracking::Tracking;
use crate::hub::waiters::Waiters;
use crate::hub::watches::Watches;
use crate::resp::argv::{Argv, ArgvBuf};
use crate::resp::error::Error;
use crate::resp::output::Output;
use crate::store::{self, Db, Store};

/// One run of a command.
pub struct Call<'a> {
    /// The arguments; there are as many as the arity allows.
    pub argv: Argv<'a>,
    /// Where the reply goes.
    pub out: &'a mut Output,
    /// Whose call it is.
    pub client: &'a mut Client,
    /// All other clients.
    pub peers: &'a mut Peers,
    /// The keys.
    pub store: &'a mut Store,
    /// The channels.
    pub pubsub: &'a mut PubSub,
    /// Who tracks keys.
    pub tracking: &'a mut Tracking,
    /// Who watches commands.
    pub monitors: &'a mut Monitors,
    /// Who waits for keys.
    pub waiters: &'a mut Waiters,
    /// Who watches keys.
    pub watches: &'a mut Watches,
    /// Everything else.
    pub state: &'a mut State,
    /// All commands.
    pub table: &'a Table,
    /// Which one this is.
    pub command: CommandId,
    /// The world outside.
    pub host: &'a mut dyn Host,
}

impl Engine {
    /// What the handler of a command works with.
    #[inline]
    pub(super) fn open_call<'a>(
        &'a mut self,
        command: CommandId,
        argv: Argv<'a>,
        client: &'a mut Client,
        out: &'a mut Output,
        host: &'a mut dyn Host,
    ) -> Call<'a> {
        Call {
            argv,
            out,
            client,
            peers: &mut self.peers,
            store: &mut self.store,
            pubsub: &mut self.pubsub,
            tracking: &mut self.tracking,
            monitors: &mut self.monitors,
            waiters: &mut self.waiters,
            watches: &mut self.watches,
            state: &mut self.state,
            table: &self.table,
            command,
            host,
        }
    }
}

impl Call<'_> {
    /// The doors of the client's database.
    #[inline]
    pub fn db(&mut self) -> Db<'_> {
        self.store.db(self.client.db, self.state.now.unix_ms())
    }

    /// How far a collection of this type may go in its small form.
    pub fn limits(&self, value: Type) -> Limits {
        store::limits(&self.state.config, self.store.hasher(), value)
    }

    /// Milliseconds since 1970, the same throughout the call.
    #[inline]
    pub fn now_ms(&self) -> i64 {
        self.state.now.unix_ms()
    }

    /// The command's name in full, such as `config|get`.
    pub fn name(&self) -> &str {
        &self.table.row(self.command).name
    }

    /// That the number of arguments is wrong, where the arity alone does not tell.
    pub fn wrong_arity(&self) -> Error {
        super::table::wrong_arity(self.table.row(self.command))
    }

    /// That the subcommand is unknown or has a wrong number of arguments, where it does not matter
    /// which.
    pub fn unknown_subcommand(&self) -> Error {
        let parent = self.name().split('|').next().unwrap_or_default().to_uppercase();
        Error::quoting_name(
            "ERR unknown subcommand or wrong number of arguments for '",
            self.argv.get(1).unwrap_or_default(),
            &format!("'. Try {parent} HELP."),
        )
    }

    /// Ends a run that has found nothing, written nothing and changed nothing: the command is run
    /// again when one of the keys that it waits for has changed.
    pub fn wait_for(&mut self, wait: Wait) -> Flow {
        self.client.wait = Some(wait);
        Flow::Block
    }

    /// Hides an argument from the slow log and from those who watch commands.
    pub fn redact(&mut self, index: usize) {
        self.state.redacted.push(index);
    }

    /// Propagates other arguments than those received; they are made only if someone wants them.
    #[inline]
    pub fn propagate_as<A: AsRef<[u8]>, const N: usize>(&mut self, argv: impl FnOnce() -> [A; N]) {
        self.propagate_all(|| argv().into_iter().collect());
    }

    /// The same for any number of arguments.
    #[inline]
    pub fn propagate_all(&mut self, argv: impl FnOnce() -> ArgvBuf) {
        if self.state.feed.is_on() {
            self.state.feed.propagate(Propagated::Instead(argv()));
        }
    }

    /// Propagates several requests instead of the one received, or none.
    pub fn propagate_each(&mut self, requests: Vec<ArgvBuf>) {
        self.state.feed.propagate(Propagated::Each(requests));
    }

    /// Propagates the request to replicas although it changes nothing: it has effects there.
    #[inline]
    pub fn propagate_to_replicas(&mut self) {
        self.state.feed.propagate(Propagated::ToReplicas);
    }

    /// Whether what runs has been run by another before: it comes from the log or from our primary.
    #[inline]
    pub fn is_replay(&self) -> bool {
        self.store.changes.shows_due
    }

    /// True if a deadline is past. None is while changes are replayed: what a key's end leads to
    /// has been decided by who ran the request first.
    #[inline]
    pub fn is_past(&self, at_ms: i64) -> bool {
        at_ms <= self.state.now.unix_ms() && !self.store.changes.shows_due
    }
}
