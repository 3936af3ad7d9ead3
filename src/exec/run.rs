//! The one caller of handlers.

use super::call::Call;
use super::client::ReplyMode;
use super::command::Flow;
use super::engine::Engine;
use super::gate::{self, Applicant};
use super::host::Host;
use super::peers::Peer;
use super::table::CommandId;
use crate::resp::argv::Argv;
use crate::resp::error::Error;
use crate::spec::flags::Flags;

impl Engine {
    /// Runs a request for a client that is checked out: finds the command, admits it, calls its handler, and sees to
    /// it that one reply is written.
    pub(super) fn run(&mut self, peer: &mut Peer, argv: Argv<'_>, host: &mut dyn Host) {
        let mark = peer.out.mark();
        let flow = match self.resolve(argv) {
            Ok(id) => {
                peer.client.last_command = Some(id);
                self.call(id, peer, argv, host)
            }
            Err(error) => {
                self.state.stats.errored(&error);
                Err(error)
            }
        };
        if let Err(error) = &flow {
            peer.out.rollback(mark);
            peer.out.error(error);
        }
        if peer.client.reply_mode != ReplyMode::On {
            if !matches!(flow, Ok(Flow::Pushed)) {
                peer.out.rollback(mark);
            }
            peer.client.reply_mode = match peer.client.reply_mode {
                ReplyMode::SkipNext => ReplyMode::Skip,
                ReplyMode::Skip => ReplyMode::On,
                same @ (ReplyMode::On | ReplyMode::Off) => same,
            };
        }
    }

    /// Finds the command; requests that follow each other mostly name the same one.
    #[inline]
    fn resolve(&mut self, argv: Argv<'_>) -> Result<CommandId, Error> {
        let name = argv.at(0);
        if let Some(id) = self.recent.get(name) {
            return Ok(id);
        }
        let id = self.table.resolve(argv)?;
        let row = self.table.row(id);
        if !row.is_subcommand && row.command.subcommands.is_empty() {
            self.recent.set(name, id);
        }
        Ok(id)
    }

    fn call(
        &mut self,
        id: CommandId,
        peer: &mut Peer,
        argv: Argv<'_>,
        host: &mut dyn Host,
    ) -> Result<Flow, Error> {
        let row = self.table.row(id);
        let command = row.command;
        let applicant =
            Applicant { client: &peer.client, protocol: peer.out.protocol, state: &self.state };
        if let Err(error) = gate::admit(row, argv, &applicant) {
            self.state.stats.commands[id.index()].rejected += 1;
            self.state.stats.errored(&error);
            return Err(error);
        }
        let (dirty, events) = (self.store.changes.dirty, self.store.changes.events().len());
        let mut call = Call {
            argv,
            out: &mut peer.out,
            client: &mut peer.client,
            peers: &mut self.peers,
            store: &mut self.store,
            pubsub: &mut self.pubsub,
            state: &mut self.state,
            table: &self.table,
            command: id,
            host,
            propagated: None,
        };
        let db = call.client.db;
        let outcome = (command.run)(&mut call);
        let propagated = call.propagated;
        if command.spec.flags.contains(Flags::TAKES_TIME) {
            self.state.now = host.now();
        }
        if self.state.feed.is_on() {
            self.state.feed.append_deaths(&self.store.changes.events()[events..]);
            if self.store.changes.dirty != dirty {
                let argv = propagated.as_ref().map_or(argv, |instead| instead.borrow());
                self.state.feed.append(db, argv);
            }
        }
        let ticks = host.ticks();
        let used = ticks.saturating_sub(std::mem::replace(&mut self.state.ticks, ticks));
        self.state.stats.ran(id, used, outcome.is_err());
        if let Err(error) = &outcome {
            self.state.stats.errored(error);
        }
        peer.client.commands += 1;
        outcome
    }
}
