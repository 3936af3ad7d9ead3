//! What follows from a command once its reply is written: events and messages reach whoever
//! listens.

use super::client::Closing;
use super::engine::Engine;
use super::host::Host;
use super::peers::{OutputState, Peer, Peers};
use super::state::State;
use crate::acl::Standing;
use crate::base::id::ClientId;
use crate::config::notify::EventClasses;
use crate::hub::pubsub::{Message, PubSub};
use crate::store::Event;

impl Engine {
    /// True if something waits to be delivered.
    #[inline]
    pub(super) fn has_effects(&self) -> bool {
        let changes = &self.store.changes;
        changes.has_events()
            || changes.has_touched()
            || self.pubsub.has_messages()
            || self.monitors.has_lines()
    }

    /// True if so much output waits for a client that it must be closed.
    #[inline]
    pub(super) fn is_over_limit(&mut self, peer: &mut Peer) -> bool {
        is_over_limit(&mut self.state, peer)
    }

    /// Delivers what has been reported and published, and serves those who wait for keys that have
    /// changed. Costs four comparisons while there is nothing.
    #[inline]
    pub(super) fn settle(&mut self, host: &mut dyn Host) {
        self.deliver();
        // Who is served may change keys that others wait for.
        while self.store.changes.has_touched() {
            self.follow_touched(host);
            self.deliver();
        }
    }

    /// Tells those who watch keys or wait for them that keys have changed.
    #[cold]
    fn follow_touched(&mut self, host: &mut dyn Host) {
        let touched = self.store.changes.take_touched();
        touched.iter().for_each(|touched| self.note_touched(touched));
        self.serve_waiters(touched, host);
        self.store.changes.list_touched(!self.waiters.is_empty() || !self.watches.is_empty());
    }

    #[inline]
    fn deliver(&mut self) {
        if self.store.changes.has_events() {
            let classes = self.store.changes.wanted();
            for event in self.store.changes.take_events() {
                publish_event(&mut self.pubsub, classes, &event);
            }
        }
        if self.pubsub.has_messages() {
            for message in self.pubsub.take_messages() {
                deliver_message(&self.pubsub, &mut self.peers, &mut self.state, &message);
            }
        }
        if self.monitors.has_lines() {
            self.tell_monitors();
        }
    }

    /// Writes the commands that were seen to all who watch.
    #[cold]
    fn tell_monitors(&mut self) {
        let clients = self.monitors.clients();
        for line in self.monitors.take_lines() {
            for id in &clients {
                self.peers.write(*id, |out| out.status(&line));
                close_if_over_limit(&mut self.peers, &mut self.state, *id);
            }
        }
    }
}

/// Publishes an event to the channels that its classes ask for.
fn publish_event(pubsub: &mut PubSub, classes: EventClasses, event: &Event) {
    if pubsub.is_empty() || !classes.wants(event.class) {
        return;
    }
    let (db, name) = (event.db, event.name);
    if classes.contains(EventClasses::KEYSPACE) {
        let mut channel = format!("__keyspace@{db}__:").into_bytes();
        channel.extend_from_slice(&event.key);
        pubsub.publish(&channel, name.as_bytes());
    }
    if classes.contains(EventClasses::KEYEVENT) {
        pubsub.publish(format!("__keyevent@{db}__:{name}").as_bytes(), &event.key);
    }
}

/// Writes a message to every subscriber; those whose output piles up beyond their limit are closed.
fn deliver_message(pubsub: &PubSub, peers: &mut Peers, state: &mut State, message: &Message) {
    for id in pubsub.subscribers(&message.channel) {
        peers.write(id, |out| {
            out.push(3);
            out.bulk(b"message");
            out.bulk(&message.channel);
            out.bulk(&message.payload);
        });
        close_if_over_limit(peers, state, id);
    }
}

fn close_if_over_limit(peers: &mut Peers, state: &mut State, id: ClientId) {
    if peers.get_mut(id).is_some_and(|peer| is_over_limit(state, peer)) {
        peers.doom(id);
    }
}

/// True if so much output waits for a client that it must be closed; if it may only be for a while,
/// looks again later.
#[inline]
fn is_over_limit(state: &mut State, peer: &mut Peer) -> bool {
    if peer.client.closing == Some(Closing::Now) {
        return false;
    }
    let limits = &state.config.client_output_buffer_limit;
    match peer.check_output(limits, state.now) {
        OutputState::Within => false,
        OutputState::OverSoft { due } => {
            state.agenda.watch_soft_limit(due);
            false
        }
        OutputState::TooMuch => {
            // A stranger is not to fill the log.
            let is_known = peer.client.standing != Standing::Locked;
            let level = if is_known { log::Level::Warn } else { log::Level::Debug };
            log::log!(level, "closing client id={}: output limit", peer.client.id.serial);
            state.stats.closed_for_output += 1;
            true
        }
    }
}
