//! Client-side caching: which keys clients have read is noted, and who may hold a copy of a key is
//! told when it changes.
//!
//! The client whose command runs is told after its reply, others at once; those who are told by
//! prefix, when all that has come together has run.

use super::client::Client;
use super::effects::is_over_limit;
use super::engine::Engine;
use super::peers::{Peer, Peers};
use super::state::State;
use super::table::CommandId;
use crate::base::id::ClientId;
use crate::base::num;
use crate::hub::tracking::{Broadcast, Notice, TrackerId, Tracking};
use crate::resp::argv::Argv;
use crate::resp::output::{Mark, Output, Protocol};
use crate::spec::flags::Flags;
use crate::store::{Changes, Touched};

/// The channel by which a subscriber of RESP2 is told in another client's place.
const CHANNEL: &[u8] = b"__redis__:invalidate";
/// Keys that are forgotten at a time while too many are noted.
const TRIM_KEYS: usize = 100;

/// Whose command runs.
#[derive(Clone, Copy)]
struct Running {
    client: ClientId,
    tracker: Option<TrackerId>,
}

impl Running {
    fn of(client: &Client) -> Running {
        Running { client: client.id, tracker: client.tracker }
    }
}

/// What it takes to tell clients what has changed.
struct Teller<'a> {
    tracking: &'a mut Tracking,
    peers: &'a mut Peers,
    state: &'a mut State,
    /// Whose command runs, if one does: it is told later.
    running: Option<Running>,
}

impl Engine {
    /// Some client tracks, and a command has run: tells of what it has changed, and notes what the
    /// client has read.
    #[inline(never)] // Those who do not track are not to make room for it.
    pub(super) fn track(&mut self, client: &Client, id: CommandId, argv: Argv<'_>) {
        if !self.store.changes.untold().is_empty() {
            let (mut teller, changes) = self.teller(Some(Running::of(client)));
            teller.tell_changes(changes, client.tracker);
        }
        let row = self.table.row(id);
        let flags = row.command.spec.flags;
        let Some(tracker) = client.tracker else { return };
        if !flags.contains(Flags::READONLY) || flags.contains(Flags::PUBSUB) {
            return;
        }
        if (1..argv.len()).contains(&row.only_key) {
            self.tracking.note_read(tracker, argv.at(row.only_key));
        } else {
            row.key_indexes(argv).for_each(|at| self.tracking.note_read(tracker, argv.at(at)));
        }
        if self.tracking.has_excess(keys_max(&self.state)) {
            self.teller(Some(Running::of(client))).0.trim();
        }
    }

    /// A request of a client that tracks, or has tracked, is over: what CLIENT CACHING has said of
    /// it says nothing of the next.
    #[cold]
    pub(super) fn end_choice(&mut self, client: &Client, id: Option<CommandId>) {
        let flags = id.map_or(Flags::empty(), |id| self.table.row(id).command.spec.flags);
        let Some(tracker) = client.tracker else { return };
        if client.multi.is_none() && !flags.contains(Flags::KEEPS_CHOICE) {
            self.tracking.get_mut(tracker).has_chosen = false;
        }
    }

    /// Keys have been evicted for a command that has not run yet: the client is told before its
    /// reply, which begins at `mark`.
    #[cold]
    pub(super) fn tell_evictions(&mut self, peer: &mut Peer, mark: &mut Mark) {
        let (mut teller, changes) = self.teller(Some(Running::of(&peer.client)));
        teller.tell_changes(changes, None);
        teller.running = None;
        for (tracker, notice) in std::mem::take(&mut teller.tracking.postponed) {
            let Some((recipient, is_redirected)) = teller.recipient(tracker) else { continue };
            if recipient == peer.client.id {
                write(peer, &notice, is_redirected);
            } else {
                teller.tell(tracker, &notice);
            }
        }
        *mark = peer.out.mark();
    }

    /// Tells of the keys that have changed without a command, if some client tracks.
    pub(super) fn tell_changes(&mut self) {
        if self.tracking.is_on() {
            let (mut teller, changes) = self.teller(None);
            teller.tell_changes(changes, None);
        }
    }

    /// Tells the clients whose commands have replied.
    #[cold]
    pub(super) fn tell_postponed(&mut self) {
        let mut teller = self.teller(None).0;
        for (tracker, notice) in std::mem::take(&mut teller.tracking.postponed) {
            teller.tell(tracker, &notice);
        }
    }

    /// Ends what has come together, before anything is sent: tells clients what has changed of the
    /// prefixes that they track, and closes the largest ones if all take too much memory. Call it
    /// after serving.
    #[inline]
    pub fn end_round(&mut self) {
        if self.tracking.has_broadcasts() {
            self.broadcast();
        }
        self.tracking.note_reads();
        self.evict_clients();
    }

    #[cold]
    fn broadcast(&mut self) {
        let mut teller = self.teller(None).0;
        for broadcast in teller.tracking.take_broadcasts() {
            teller.broadcast(&broadcast);
        }
    }

    /// True if there is something to free, or too many keys are noted.
    pub(super) fn has_tracking_work(&self) -> bool {
        self.tracking.has_remains() || self.tracking.has_excess(keys_max(&self.state))
    }

    /// Does some of that.
    #[cold]
    pub(super) fn work_on_tracking(&mut self) {
        self.tracking.free_some();
        self.teller(None).0.trim();
    }

    fn teller(&mut self, running: Option<Running>) -> (Teller<'_>, &mut Changes) {
        let Engine { tracking, peers, state, store, .. } = self;
        (Teller { tracking, peers, state, running }, &mut store.changes)
    }
}

fn keys_max(state: &State) -> usize {
    match u64::try_from(state.config.tracking_table_max_keys) {
        Ok(0) | Err(_) => usize::MAX,
        Ok(max) => num::index(max),
    }
}

impl Teller<'_> {
    /// Tells of the keys that have changed, by whom, and have not been told of.
    fn tell_changes(&mut self, changes: &mut Changes, by: Option<TrackerId>) {
        let mut was_flush = false;
        for touched in changes.untold() {
            let is_flush = matches!(touched, Touched::Database(_));
            match touched {
                Touched::Key(_, key) => self.tell_of_key(key, by),
                // Nobody has changed what has died.
                Touched::Dead(_, key) => self.tell_of_key(key, None),
                Touched::Woken(..) => {}
                // Of all databases it is told once.
                Touched::Database(_) if was_flush => {}
                Touched::Database(_) => self.tell_of_all(),
            }
            was_flush = is_flush;
        }
        changes.note_told();
    }

    fn tell_of_key(&mut self, key: &[u8], by: Option<TrackerId>) {
        self.tracking.note_change(key, by);
        self.forget(key);
    }

    /// Tells those for whom a key is noted, and notes it no more.
    fn forget(&mut self, key: &[u8]) {
        let mut told = Vec::new();
        let own = self.running.and_then(|running| running.tracker);
        self.tracking.forget_key(key, |id, mode| {
            if !(mode.skips_own && own == Some(id)) {
                told.push(id);
            }
        });
        if !told.is_empty() {
            let notice = notice_of([key].into_iter());
            told.into_iter().for_each(|id| self.tell(id, &notice));
        }
    }

    fn tell_of_all(&mut self) {
        self.tracking.forget_all();
        let active = self.tracking.active_ids();
        active.into_iter().for_each(|id| self.tell(id, &Notice::All));
    }

    /// Forgets some keys, since too many are noted: their clients are told as if they had changed.
    fn trim(&mut self) {
        let max = keys_max(self.state);
        for _ in 0..TRIM_KEYS {
            let Some(key) = self.tracking.excess_key(max, &mut self.state.rng) else { return };
            self.forget(&key);
        }
    }

    /// Tells the clients of a prefix which of its keys have changed.
    fn broadcast(&mut self, broadcast: &Broadcast) {
        let keys = || broadcast.changed.iter().map(|(key, by)| (&**key, *by));
        let all = notice_of(keys().map(|(key, _)| key));
        for id in &broadcast.trackers {
            let skips_own = self.tracking.get(*id).mode().is_some_and(|mode| mode.skips_own);
            if !skips_own {
                self.tell(*id, &all);
                continue;
            }
            let others: Vec<&[u8]> =
                keys().filter(|(_, by)| *by != Some(*id)).map(|(key, _)| key).collect();
            if !others.is_empty() {
                self.tell(*id, &notice_of(others.into_iter()));
            }
        }
    }

    /// Tells a client that tracks, or the one in its place; later, if that is the one whose command
    /// runs.
    fn tell(&mut self, id: TrackerId, notice: &Notice) {
        let Some((recipient, is_redirected)) = self.recipient(id) else { return };
        if let Some(Running { client, tracker }) = self.running
            && (client == recipient || tracker == Some(id))
        {
            self.tracking.postponed.push((id, notice.clone()));
            return;
        }
        if self.peers.get(recipient).is_some() {
            self.send(recipient, |peer| write(peer, notice, is_redirected));
        } else if is_redirected {
            self.tell_of_broken(id, recipient);
        }
    }

    /// Tells a client that the one in its place is gone.
    fn tell_of_broken(&mut self, id: TrackerId, gone: ClientId) {
        let tracker = self.tracking.get_mut(id);
        tracker.is_broken = true;
        let Some(client) = tracker.client() else { return };
        self.send(client, |peer| {
            if peer.out.protocol == Protocol::Resp3 {
                peer.out.push(2);
                peer.out.bulk(b"tracking-redir-broken");
                peer.out.int(num::signed_u64(gone.serial));
            }
        });
    }

    /// Who is told for a client that tracks, or has tracked, and whether that is another one.
    fn recipient(&self, id: TrackerId) -> Option<(ClientId, bool)> {
        let tracker = self.tracking.find(id)?;
        let redirect = tracker.mode().and_then(|mode| mode.redirect);
        match redirect {
            Some(other) => Some((other, true)),
            None => tracker.client().map(|own| (own, false)),
        }
    }

    fn send(&mut self, id: ClientId, write: impl FnOnce(&mut Peer)) {
        let Some(peer) = self.peers.write_as(id, write) else { return };
        if is_over_limit(self.state, peer) {
            self.peers.doom(id);
        }
    }
}

/// The notice that some keys have changed.
fn notice_of<'k>(keys: impl ExactSizeIterator<Item = &'k [u8]>) -> Notice {
    let mut out = Output::default();
    out.array(keys.len());
    keys.for_each(|key| out.bulk(key));
    Notice::Keys(out.single().unwrap_or_default().into())
}

/// Writes a notice as its recipient understands it. Without RESP3 that takes a subscriber to whom
/// it is redirected.
fn write(peer: &mut Peer, notice: &Notice, is_redirected: bool) {
    let out = &mut peer.out;
    match out.protocol {
        Protocol::Resp3 => {
            out.push(2);
            out.bulk(b"invalidate");
        }
        Protocol::Resp2 if is_redirected && peer.client.is_subscribed() => {
            out.push(3);
            out.bulk(b"message");
            out.bulk(CHANNEL);
        }
        Protocol::Resp2 => return,
    }
    match notice {
        Notice::Keys(keys) => out.raw(keys),
        Notice::All => out.null(),
    }
}
