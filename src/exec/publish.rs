//! Messages and events on their way to those who listen.
//!
//! A message goes to its subscribers as it is published, in the order of Redis. The client whose
//! command runs has it when that has replied.

use super::call::Call;
use super::effects::is_over_limit;
use super::peers::Peers;
use super::state::State;
use crate::config::notify::EventClasses;
use crate::hub::pubsub::{Kind, PubSub, Slot};
use crate::resp::message::Message;
use crate::store::{Changes, Event};

/// What it takes to reach subscribers.
pub(super) struct Station<'a> {
    pub(super) pubsub: &'a PubSub,
    pub(super) peers: &'a mut Peers,
    pub(super) state: &'a mut State,
}

impl Station<'_> {
    /// Sends a message to all who listen to a channel or to a pattern that it matches; returns how
    /// many times it was sent.
    pub(super) fn publish(&mut self, kind: Kind, channel: &[u8], payload: &[u8]) -> usize {
        let word: &[u8] = if kind == Kind::Shard { b"smessage" } else { b"message" };
        let subscribers = self.pubsub.subscribers(kind, channel);
        let mut count = self.send(subscribers, &[word, channel, payload]);
        if kind == Kind::Channel {
            for (pattern, subscribers) in self.pubsub.matching(channel) {
                count += self.send(subscribers, &[b"pmessage", pattern, channel, payload]);
            }
        }
        count
    }

    /// Publishes the events that have not been published yet.
    pub(super) fn publish_events(&mut self, changes: &mut Changes) {
        if !self.pubsub.is_silent() {
            let classes = changes.wanted();
            for event in changes.unpublished() {
                self.publish_event(classes, event);
            }
        }
        changes.note_published();
    }

    /// Publishes an event to the channels that its classes ask for.
    fn publish_event(&mut self, classes: EventClasses, event: &Event) {
        if !classes.wants(event.class) {
            return;
        }
        let (db, name) = (event.db, event.name);
        if classes.contains(EventClasses::KEYSPACE) {
            let mut channel = format!("__keyspace@{db}__:").into_bytes();
            channel.extend_from_slice(&event.key);
            self.publish(Kind::Channel, &channel, name.as_bytes());
        }
        if classes.contains(EventClasses::KEYEVENT) {
            let channel = format!("__keyevent@{db}__:{name}");
            self.publish(Kind::Channel, channel.as_bytes(), &event.key);
        }
    }

    /// Writes a message to each of some clients; it is put together once, if there are any.
    fn send(&mut self, to: impl Iterator<Item = Slot>, items: &[&[u8]]) -> usize {
        let (mut count, mut message) = (0, None);
        for slot in to {
            self.deliver(slot, message.get_or_insert_with(|| Message::new(items)));
            count += 1;
        }
        count
    }

    /// Writes a message to a client. One whose output piles up beyond its limit is closed.
    #[inline]
    pub(super) fn deliver(&mut self, slot: Slot, message: &Message) {
        let Some(peer) = self.peers.push(slot, message) else { return };
        if is_over_limit(self.state, peer) {
            let id = peer.client.id;
            self.peers.doom(id);
        }
    }
}

impl Call<'_> {
    /// Sends a message to all who listen to a channel; returns how many times it was sent. The
    /// caller has it after its reply.
    pub fn publish(&mut self, kind: Kind, channel: &[u8], payload: &[u8]) -> usize {
        self.publish_events();
        self.station().0.publish(kind, channel, payload)
    }

    /// Has the client listen.
    pub fn subscribe(&mut self, kind: Kind, name: &[u8]) {
        self.publish_events();
        let own = &mut self.client.subscriptions;
        self.pubsub.subscribe(kind, name, self.client.id, own);
    }

    /// Has the client listen no more.
    pub fn unsubscribe(&mut self, kind: Kind, name: &[u8]) {
        self.publish_events();
        let own = &mut self.client.subscriptions;
        self.pubsub.unsubscribe(kind, name, self.client.id, own);
    }

    /// Number of topics of a kind that the client listens to.
    pub fn subscription_count(&self, kind: Kind) -> usize {
        let own = self.client.subscriptions.as_ref();
        own.map_or(0, |own| own.len(kind))
    }

    /// Tells who listens at present of what has changed so far: later it may be others.
    fn publish_events(&mut self) {
        if self.store.changes.has_events() {
            let (mut station, changes) = self.station();
            station.publish_events(changes);
        }
    }

    fn station(&mut self) -> (Station<'_>, &mut Changes) {
        let Call { pubsub, peers, state, store, .. } = self;
        (Station { pubsub, peers, state }, &mut store.changes)
    }
}
