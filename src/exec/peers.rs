//! All clients, each with its output.

use super::client::{Client, Closing, Connection};
use super::replication::Side;
use crate::acl::Standing;
use crate::base::id::ClientId;
use crate::base::num;
use crate::base::time::Now;
use crate::config::output_limits::OutputLimits;
use crate::hub::pubsub::Slot;
use crate::resp::message::Message;
use crate::resp::output::Output;
use slab::Slab;
use std::collections::VecDeque;

/// A client and the bytes on their way to it.
pub struct Peer {
    /// The client.
    pub client: Client,
    /// What it is being sent.
    pub out: Output,
    /// Stands in the list of those that have output.
    is_listed: bool,
    /// Stands in the queue of those that have messages.
    is_queued: bool,
    /// Its part in the memory of all clients, in bytes.
    counted_bytes: usize,
}

/// The clients, by slot. One that runs a command is checked out meanwhile.
#[derive(Default)]
pub struct Peers {
    slots: Slab<Option<Box<Peer>>>,
    /// Clients connected so far.
    serials: u64,
    /// Clients that nobody sees.
    unseen: usize,
    /// Clients that have output to be sent, each once.
    with_output: Vec<ClientId>,
    /// Clients that have messages to be sent, each once, first come first served.
    with_messages: VecDeque<ClientId>,
    /// Bytes of messages that these have been written, or more.
    message_bytes: usize,
    /// Clients to be closed at once.
    doomed: Vec<ClientId>,
    /// Messages for a client that is checked out.
    held: Vec<(Slot, Message)>,
    /// Clients that need wait no more, in the order in which they go on.
    resumed: Vec<ClientId>,
    /// Requests so far that had to wait for the end of a pause.
    postponed: u64,
    /// Whether the memory of all clients is counted.
    counts_memory: bool,
    /// Memory of all clients, in bytes.
    counted_bytes: usize,
    /// Memory for output, lent to clients while something waits for them.
    spare: Vec<Vec<u8>>,
}

/// Bytes of output that may wait for a client that has not authenticated.
const UNAUTHENTICATED_OUTPUT_MAX: u64 = 16 * 1024;
/// Bytes of output that count for no limit: one below them would shut every client out. Redis does
/// not count its first buffer either.
const UNCOUNTED_OUTPUT_MAX: u64 = 16 * 1024;
/// Pieces of memory kept to be lent for output.
const SPARE_MAX: usize = 256;

/// Whether a client's waiting output is within its limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputState {
    /// It is.
    Within,
    /// Over the soft limit, which may be for a while.
    OverSoft {
        /// When the while is over, on the monotonic clock in microseconds.
        due: u64,
    },
    /// Over a limit for too long or by too much.
    TooMuch,
}

impl Peers {
    /// Adds a client.
    pub fn connect(&mut self, connection: Connection, now: Now, standing: Standing) -> ClientId {
        self.serials += 1;
        let slot = self.slots.vacant_key();
        let id = ClientId { serial: self.serials, slot };
        let client = Client::new(id, connection, now, standing);
        let out = Output::default();
        let peer = Peer { client, out, is_listed: false, is_queued: false, counted_bytes: 0 };
        self.slots.insert(Some(Box::new(peer)));
        id
    }

    /// Adds a client that nobody sees: it is checked out as long as it is there, and not counted.
    pub(super) fn connect_unseen(&mut self, now: Now) -> Box<Peer> {
        self.unseen += 1;
        let id = ClientId { serial: u64::MAX, slot: self.slots.insert(None) };
        let client = Client::new(id, Connection::default(), now, Standing::Free);
        Box::new(Peer {
            client,
            out: Output::default(),
            is_listed: false,
            is_queued: false,
            counted_bytes: 0,
        })
    }

    /// Takes such a client away.
    pub(super) fn disconnect_unseen(&mut self, peer: &Peer) {
        self.slots.try_remove(peer.client.id.slot);
        self.unseen -= 1;
    }

    /// Takes a client away for good.
    pub fn disconnect(&mut self, id: ClientId) -> Option<Client> {
        self.get(id)?;
        let peer = self.slots.try_remove(id.slot)??;
        self.counted_bytes -= peer.counted_bytes;
        Some(peer.client)
    }

    /// Number of clients, checked out ones included.
    pub fn len(&self) -> usize {
        self.slots.len() - self.unseen
    }

    /// True without clients.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A client that is not checked out.
    #[inline]
    pub fn get(&self, id: ClientId) -> Option<&Peer> {
        let peer = self.slots.get(id.slot)?.as_deref()?;
        (peer.client.id == id).then_some(peer)
    }

    /// The client of that number, if it is not checked out.
    pub fn find(&self, serial: u64) -> Option<ClientId> {
        self.iter().map(|peer| peer.client.id).find(|id| id.serial == serial)
    }

    /// A client that is not checked out, to be changed.
    #[inline]
    pub fn get_mut(&mut self, id: ClientId) -> Option<&mut Peer> {
        let peer = self.slots.get_mut(id.slot)?.as_deref_mut()?;
        (peer.client.id == id).then_some(peer)
    }

    /// Takes a client out for the time of a call.
    #[inline]
    pub(super) fn check_out(&mut self, id: ClientId, limits: &OutputLimits) -> Option<Box<Peer>> {
        let slot = self.slots.get_mut(id.slot)?;
        let mut peer = slot.take_if(|peer| peer.client.id == id)?;
        peer.out.set_cap(peer.output_cap(limits));
        peer.out.lend(&mut self.spare);
        Some(peer)
    }

    /// Puts a client back and lists it if it has output.
    #[inline]
    pub(super) fn check_in(&mut self, mut peer: Box<Peer>) {
        peer.out.close_chunk();
        // One that is to be closed after its reply is listed even without one.
        if !peer.is_listed && (!peer.out.is_empty() || peer.client.closing.is_some()) {
            peer.is_listed = true;
            self.with_output.push(peer.client.id);
        }
        if peer.client.closing == Some(Closing::Now) {
            self.doomed.push(peer.client.id);
        }
        if self.counts_memory {
            count(&mut self.counted_bytes, &mut peer);
        }
        if let Some(slot) = self.slots.get_mut(peer.client.id.slot) {
            *slot = Some(peer);
        }
    }

    /// Writes to a client that is not checked out; nothing if it is gone or about to go.
    pub(super) fn write(&mut self, id: ClientId, write: impl FnOnce(&mut Output)) {
        self.write_as(id, |peer| write(&mut peer.out));
    }

    /// The same where it matters who it is; the client.
    pub(super) fn write_as(
        &mut self,
        id: ClientId,
        write: impl FnOnce(&mut Peer),
    ) -> Option<&mut Peer> {
        let peer = self.slots.get_mut(id.slot)?.as_deref_mut()?;
        if peer.client.id != id || peer.client.closing.is_some() {
            return None;
        }
        peer.out.lend(&mut self.spare);
        write(peer);
        self.list_written(id.slot)
    }

    /// Writes a message to the client in a slot, which is returned; nothing if it is about to go.
    /// For one that is checked out it is held until [`Peers::take_held`]. It is sent once
    /// [`Peers::next_with_messages`] names the client, or with a reply to it.
    #[inline]
    pub(super) fn push(&mut self, slot: Slot, message: &Message) -> Option<&mut Peer> {
        let Some(peer) = self.slots.get_mut(slot)?.as_deref_mut() else {
            self.held.push((slot, message.clone()));
            return None;
        };
        if peer.client.closing.is_some() {
            return None;
        }
        peer.out.lend(&mut self.spare);
        peer.out.message(message);
        peer.out.close_chunk();
        if !peer.is_listed {
            self.message_bytes += message.len();
            if !peer.is_queued {
                peer.is_queued = true;
                self.with_messages.push_back(peer.client.id);
            }
        }
        if self.counts_memory {
            count(&mut self.counted_bytes, peer);
        }
        Some(peer)
    }

    /// Lists a client that has been written to.
    #[inline]
    fn list_written(&mut self, slot: Slot) -> Option<&mut Peer> {
        let peer = self.slots.get_mut(slot)?.as_deref_mut()?;
        peer.out.close_chunk();
        if !peer.is_listed && !peer.out.is_empty() {
            peer.is_listed = true;
            self.with_output.push(peer.client.id);
        }
        if self.counts_memory {
            count(&mut self.counted_bytes, peer);
        }
        Some(peer)
    }

    /// True if messages are held for a client that is, or was, checked out.
    #[inline]
    pub(super) fn has_held(&self) -> bool {
        !self.held.is_empty()
    }

    /// Takes the messages that are held, in order.
    pub(super) fn take_held(&mut self) -> Vec<(Slot, Message)> {
        std::mem::take(&mut self.held)
    }

    /// Writes the reply to a request of a client that is not checked out, if it wants replies.
    pub(super) fn answer(&mut self, id: ClientId, write: impl FnOnce(&mut Output)) {
        let Some(peer) = self.get_mut(id) else { return };
        if peer.client.wants_reply() {
            self.write(id, write);
        }
    }

    /// Has a client closed once its output is sent.
    pub fn finish(&mut self, id: ClientId) {
        if let Some(slot) = self.slots.get_mut(id.slot)
            && let Some(mut peer) = slot.take_if(|peer| peer.client.id == id)
        {
            peer.client.closing.get_or_insert(Closing::AfterReply);
            self.check_in(peer);
        }
    }

    /// Takes memory back from a client for whom nothing waits any more.
    pub fn reclaim(&mut self, id: ClientId) {
        if let Some(Some(peer)) = self.slots.get_mut(id.slot)
            && self.spare.len() < SPARE_MAX
        {
            peer.out.reclaim(&mut self.spare);
        }
    }

    /// Frees the memory that is kept to be lent; false if there is none.
    pub fn drop_spare(&mut self) -> bool {
        let had_some = !self.spare.is_empty();
        self.spare.clear();
        had_some
    }

    /// Marks a client that is not checked out as to be closed at once.
    pub fn doom(&mut self, id: ClientId) {
        if let Some(peer) = self.get_mut(id)
            && peer.client.closing != Some(Closing::Now)
        {
            peer.client.closing = Some(Closing::Now);
            self.doomed.push(id);
        }
    }

    /// Moves the clients that have output into `into`; they are listed anew when they get more.
    pub fn take_with_output(&mut self, into: &mut Vec<ClientId>) {
        into.append(&mut self.with_output);
        for id in into.iter() {
            if let Some(Some(peer)) = self.slots.get_mut(id.slot) {
                peer.is_listed = false;
            }
        }
    }

    /// True if messages wait to be sent.
    #[inline]
    pub fn has_messages(&self) -> bool {
        !self.with_messages.is_empty()
    }

    /// Bytes of messages that wait to be sent, roughly.
    pub fn message_bytes(&self) -> usize {
        self.message_bytes
    }

    /// The client whose messages have waited longest to be sent; it is named anew when it gets
    /// more.
    pub fn next_with_messages(&mut self) -> Option<ClientId> {
        let Some(id) = self.with_messages.pop_front() else {
            self.message_bytes = 0;
            return None;
        };
        if let Some(Some(peer)) = self.slots.get_mut(id.slot) {
            peer.is_queued = false;
            self.message_bytes = self.message_bytes.saturating_sub(peer.out.len());
        }
        Some(id)
    }

    /// Takes the clients that are to be closed at once.
    pub fn take_doomed(&mut self) -> Vec<ClientId> {
        std::mem::take(&mut self.doomed)
    }

    /// The place of the next client that has to wait for the end of a pause.
    pub(super) fn next_postponed(&mut self) -> u64 {
        self.postponed += 1;
        self.postponed
    }

    /// Lets all clients that wait for the end of a pause go on, who came first at first.
    pub fn resume(&mut self) {
        let mut resumed = Vec::new();
        for peer in self.iter_mut() {
            if let Some(place) = peer.client.postponed.take() {
                resumed.push((place, peer.client.id));
            }
        }
        resumed.sort_unstable();
        self.resumed.extend(resumed.into_iter().map(|(_, id)| id));
    }

    /// Lets a client go on that has waited for keys.
    pub(super) fn resume_one(&mut self, id: ClientId) {
        self.resumed.push(id);
    }

    pub(super) fn take_resumed(&mut self, into: &mut Vec<ClientId>) {
        into.append(&mut self.resumed);
    }

    /// Counts the memory of all clients from now on, or no more.
    pub fn count_memory(&mut self, on: bool) {
        self.counts_memory = on;
        let ids: Vec<ClientId> = self.iter().map(|peer| peer.client.id).collect();
        ids.iter().for_each(|id| self.note_memory(*id));
    }

    /// True while the memory of all clients is counted.
    #[inline]
    pub(super) fn counts_memory(&self) -> bool {
        self.counts_memory
    }

    /// Counts the memory of a client anew.
    #[inline]
    pub(super) fn note_memory(&mut self, id: ClientId) {
        if self.counts_memory
            && let Some(Some(peer)) = self.slots.get_mut(id.slot)
        {
            count(&mut self.counted_bytes, peer);
        }
    }

    /// Dooms the clients that take most memory, until the others take no more than `max` bytes
    /// together; returns how many.
    pub(super) fn evict_over(&mut self, max: usize) -> u64 {
        if self.counted_bytes <= max {
            return 0;
        }
        let may_go = |peer: &&Peer| {
            !peer.client.is_spared && peer.client.side == Side::Client && peer.counted_bytes > 0
        };
        let evictable = self.iter().filter(may_go);
        let mut by_size: Vec<_> =
            evictable.map(|peer| (peer.counted_bytes, peer.client.id)).collect();
        by_size.sort_unstable();
        let mut evicted = 0;
        while self.counted_bytes > max
            && let Some((bytes, id)) = by_size.pop()
        {
            log::info!("Evicting client id={}: it takes {bytes} bytes", id.serial);
            self.doom(id);
            self.note_memory(id);
            evicted += 1;
        }
        evicted
    }

    /// True if some client is to be closed at once.
    #[inline]
    pub fn has_doomed(&self) -> bool {
        !self.doomed.is_empty()
    }

    /// All clients that are not checked out, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Peer> {
        self.slots.iter().filter_map(|(_, slot)| slot.as_deref())
    }

    /// All clients that are not checked out, in no order, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Peer> {
        self.slots.iter_mut().filter_map(|(_, slot)| slot.as_deref_mut())
    }
}

/// Counts the memory of a client anew; one that is to be closed counts no more.
fn count(total: &mut usize, peer: &mut Peer) {
    let is_leaving = peer.client.closing == Some(Closing::Now);
    let bytes = if is_leaving { 0 } else { peer.client.memory_bytes(&peer.out) };
    *total = *total - peer.counted_bytes + bytes;
    peer.counted_bytes = bytes;
}

impl Peer {
    /// Bytes of output over which nothing more is worth writing; zero for none.
    #[inline]
    fn output_cap(&self, limits: &OutputLimits) -> usize {
        if self.client.standing == Standing::Locked {
            return num::index(UNAUTHENTICATED_OUTPUT_MAX);
        }
        match limits.of(self.client.limit_class()).hard_bytes {
            _ if self.client.side != Side::Client => 0,
            0 => 0,
            hard_bytes => num::index(hard_bytes.max(UNCOUNTED_OUTPUT_MAX)),
        }
    }

    /// Compares the waiting output with the limits.
    #[inline]
    pub fn check_output(&mut self, limits: &OutputLimits, now: Now) -> OutputState {
        // What waits for a replica is mostly elsewhere, and is looked at there.
        if self.client.side != Side::Client {
            return OutputState::Within;
        }
        let limit = limits.of(self.client.limit_class());
        let is_stranger = self.client.standing == Standing::Locked;
        if limit.is_none() && !is_stranger {
            return OutputState::Within;
        }
        let waiting = self.out.len() as u64;
        if is_stranger && waiting > UNAUTHENTICATED_OUTPUT_MAX {
            return OutputState::TooMuch;
        }
        let passes = |bytes: u64| bytes != 0 && waiting >= bytes.max(UNCOUNTED_OUTPUT_MAX);
        if passes(limit.hard_bytes) {
            return OutputState::TooMuch;
        }
        if !passes(limit.soft_bytes) {
            self.client.over_soft_limit_since = None;
            return OutputState::Within;
        }
        let since = *self.client.over_soft_limit_since.get_or_insert(now.mono_us);
        let due = since + limit.soft_seconds * 1_000_000 + 1;
        if now.mono_us >= due { OutputState::TooMuch } else { OutputState::OverSoft { due } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::output_limits::OutputLimits;
    use std::time::Duration;

    fn connect(peers: &mut Peers) -> ClientId {
        peers.connect(Connection::default(), Now::default(), Standing::Free)
    }

    #[test]
    fn a_slot_used_again_is_another_client() {
        let mut peers = Peers::default();
        let first = connect(&mut peers);
        assert!(peers.disconnect(first).is_some());
        let second = connect(&mut peers);
        assert_eq!(first.slot, second.slot);
        assert!(peers.get(first).is_none() && peers.disconnect(first).is_none());
        assert!(peers.check_out(first, &OutputLimits::default()).is_none());
        assert!(peers.get(second).is_some());
    }

    #[test]
    fn a_client_is_listed_once_until_taken() {
        let mut peers = Peers::default();
        let id = connect(&mut peers);
        let mut taken = Vec::new();
        peers.write(id, |out| out.ok());
        peers.write(id, |out| out.ok());
        let peer = peers.check_out(id, &OutputLimits::default()).expect("connected");
        peers.check_in(peer);
        peers.take_with_output(&mut taken);
        assert_eq!(taken, [id]);
        taken.clear();
        peers.write(id, |out| out.ok());
        peers.take_with_output(&mut taken);
        assert_eq!(taken, [id]);
    }

    #[test]
    fn a_client_with_messages_is_named_once_and_in_turn() {
        let mut peers = Peers::default();
        let message = Message::new(&[b"message", b"c", b"m"]);
        let [a, b, gone] = [(); 3].map(|()| connect(&mut peers));
        for id in [b, gone, a, b] {
            assert!(peers.push(id.slot, &message).is_some());
        }
        assert_eq!(peers.message_bytes(), 4 * message.len());
        peers.disconnect(gone);
        let named: Vec<ClientId> = std::iter::from_fn(|| peers.next_with_messages()).collect();
        assert_eq!(named, [b, gone, a]);
        assert_eq!((peers.has_messages(), peers.message_bytes()), (false, 0));
        // A reply takes what follows it along.
        peers.write(a, |out| out.ok());
        peers.push(a.slot, &message);
        assert!(!peers.has_messages());
    }

    #[test]
    fn soft_limits_wait_and_hard_ones_do_not() {
        let mut limits = OutputLimits::default();
        let mut peers = Peers::default();
        let id = connect(&mut peers);
        let slot = crate::config::kinds::Slot::Limits(&mut limits);
        slot.set(&["normal 40000 20000 2".to_owned()]).expect("valid");
        let now = Now::default();
        let later = |ms| now.after(Duration::from_millis(ms));
        let peer = peers.get_mut(id).expect("connected");
        peer.out.raw(&[b'x'; 24_000]);
        let over = OutputState::OverSoft { due: 2_000_001 };
        assert_eq!(peer.check_output(&limits, now), over);
        assert_eq!(peer.check_output(&limits, later(2_000)), over);
        assert_eq!(peer.check_output(&limits, later(2_001)), OutputState::TooMuch);
        peer.out.consume(8_000);
        assert_eq!(peer.check_output(&limits, later(2_001)), OutputState::Within);
        peer.out.raw(&[b'x'; 24_000]);
        assert_eq!(peer.check_output(&limits, later(2_001)), OutputState::TooMuch);
    }

    #[test]
    fn no_limit_keeps_a_client_from_short_replies() {
        let mut limits = OutputLimits::default();
        let slot = crate::config::kinds::Slot::Limits(&mut limits);
        slot.set(&["normal 1 1 1".to_owned()]).expect("valid");
        let mut peers = Peers::default();
        let id = connect(&mut peers);
        let peer = peers.get_mut(id).expect("connected");
        peer.out.raw(&[b'x'; 16_383]);
        assert_eq!(peer.check_output(&limits, Now::default()), OutputState::Within);
        peer.out.raw(b"x");
        assert_eq!(peer.check_output(&limits, Now::default()), OutputState::TooMuch);
    }
}
