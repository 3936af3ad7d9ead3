//! Requests that have been run before, by an earlier process or by another server, are run again.
//!
//! They come by a client without a connection. Nothing is refused that was admitted once, nobody is
//! answered, and what is due stays until its end is replayed too.

use super::command::Flow;
use super::engine::Engine;
use super::host::Host;
use super::peers::Peer;
use super::replication::Side;
use super::run::Planned;
use crate::resp::argv::Argv;

/// A request that cannot be run again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreplayable {
    /// Requests before it, which have run.
    pub count: usize,
    /// The name of its command.
    pub name: Vec<u8>,
    /// Whether there is no such command; if there is, the number of arguments is wrong.
    pub is_unknown: bool,
}

/// A client without a connection by which requests are replayed. Nobody sees it.
pub struct Replayer {
    peer: Box<Peer>,
    has_begun: bool,
}

impl Replayer {
    /// Whether a transaction has begun and not ended.
    pub fn is_in_transaction(&self) -> bool {
        self.peer.client.multi.is_some()
    }

    /// Whether the last request that was run has begun a transaction.
    pub fn has_begun_transaction(&self) -> bool {
        self.has_begun
    }

    /// Forgets a transaction that has begun.
    pub fn forget_transaction(&mut self) {
        self.peer.client.multi = None;
    }
}

impl Engine {
    /// A client by which requests are replayed.
    pub fn begin_replay(&mut self) -> Replayer {
        let mut peer = self.peers.connect_unseen(self.state.now);
        peer.client.side = Side::Log;
        Replayer { peer, has_begun: false }
    }

    /// Forgets it.
    pub fn end_replay(&mut self, replayer: Replayer) {
        self.peers.disconnect_unseen(&replayer.peer);
        self.forget_client(replayer.peer.client);
    }

    /// Runs requests again, up to the first that begins a transaction; how many have run.
    ///
    /// # Errors
    /// The first request that cannot be run.
    pub fn replay<'a>(
        &mut self,
        replayer: &mut Replayer,
        requests: impl Iterator<Item = Argv<'a>> + Clone,
        host: &mut dyn Host,
    ) -> Result<usize, Unreplayable> {
        let peer = &mut *replayer.peer;
        let plan = self.look_ahead(peer.client.db, requests.clone());
        let showed_due = std::mem::replace(&mut self.store.changes.shows_due, true);
        let (mut count, mut outcome, mut has_begun) = (0, Ok(()), false);
        for argv in requests {
            let planned = plan.get(count).copied().flatten();
            let was_queueing = peer.client.multi.is_some();
            if let Err(is_unknown) = self.replay_one(peer, planned, argv, host) {
                outcome = Err(Unreplayable { count, name: argv.at(0).to_vec(), is_unknown });
                break;
            }
            count += 1;
            has_begun = !was_queueing && peer.client.multi.is_some();
            if has_begun {
                break;
            }
        }
        replayer.has_begun = has_begun;
        self.store.expect_none();
        self.store.changes.shows_due = showed_due;
        self.settle(host);
        outcome.map(|()| count)
    }

    /// Runs one request again; the error is whether its command is unknown.
    fn replay_one(
        &mut self,
        peer: &mut Peer,
        planned: Option<Planned>,
        argv: Argv<'_>,
        host: &mut dyn Host,
    ) -> Result<(), bool> {
        let id = match planned {
            Some(planned) => self.begin_planned(planned, argv),
            None => self.resolve(argv).map_err(|_| true)?,
        };
        let row = self.table.row(id);
        if !row.command.spec.takes(argv.len()) {
            return Err(false);
        }
        let mark = peer.out.mark();
        if peer.client.multi.is_some() && self.is_queued(id) {
            self.queue(peer, id, argv);
        } else {
            match self.invoke::<false>(id, peer, argv, host) {
                Ok(Flow::Exec) => self.run_queue(peer, host),
                // It has been run in a form that waits for nothing; whoever wrote this did not.
                Ok(Flow::Block) => peer.client.wait = None,
                Ok(Flow::Done | Flow::Pushed | Flow::LoadLog) => {}
                Err(error) => self.note_divergence(peer.client.side, Some(id), &error),
            }
        }
        peer.out.rollback(mark);
        if peer.out.chunks_waiting() > 0 {
            peer.out.clear();
        }
        Ok(())
    }
}
