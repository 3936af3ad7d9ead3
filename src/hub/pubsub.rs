//! Channels and their subscribers.

use crate::base::id::ClientId;
use std::collections::{BTreeSet, HashMap};

/// A message that is to go to the subscribers of a channel.
#[derive(Debug, PartialEq, Eq)]
pub struct Message {
    /// The channel.
    pub channel: Box<[u8]>,
    /// What is published.
    pub payload: Box<[u8]>,
}

/// Which clients listen to which channels, and what has been published but not delivered.
pub struct PubSub {
    /// Subscribers in order of connection, so that deliveries are the same in every run.
    channels: HashMap<Box<[u8]>, BTreeSet<ClientId>, ahash::RandomState>,
    outbox: Vec<Message>,
}

impl PubSub {
    /// No channels. Their names are hashed with a secret drawn from `rng`, since clients choose
    /// them.
    pub fn new(rng: &mut fastrand::Rng) -> PubSub {
        let [a, b, c, d] = std::array::from_fn(|_| rng.u64(..));
        let hasher = ahash::RandomState::with_seeds(a, b, c, d);
        PubSub { channels: HashMap::with_hasher(hasher), outbox: Vec::new() }
    }

    /// Number of channels that someone listens to.
    pub fn len(&self) -> usize {
        self.channels.len()
    }

    /// True if nobody listens to anything.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.channels.is_empty()
    }

    /// Adds a subscriber to a channel.
    pub fn subscribe(&mut self, channel: &[u8], client: ClientId) {
        match self.channels.get_mut(channel) {
            Some(subscribers) => {
                subscribers.insert(client);
            }
            None => {
                self.channels.insert(channel.into(), BTreeSet::from([client]));
            }
        }
    }

    /// Takes a subscriber from a channel.
    pub fn unsubscribe(&mut self, channel: &[u8], client: ClientId) {
        if let Some(subscribers) = self.channels.get_mut(channel) {
            subscribers.remove(&client);
            if subscribers.is_empty() {
                self.channels.remove(channel);
            }
        }
    }

    /// The subscribers of a channel, in order of connection.
    pub fn subscribers(&self, channel: &[u8]) -> impl Iterator<Item = ClientId> {
        self.channels.get(channel).into_iter().flatten().copied()
    }

    /// Publishes a message, to be delivered once the running command has replied; returns how many
    /// will get it.
    pub fn publish(&mut self, channel: &[u8], payload: &[u8]) -> usize {
        let count = self.channels.get(channel).map_or(0, BTreeSet::len);
        if count > 0 {
            self.outbox.push(Message { channel: channel.into(), payload: payload.into() });
        }
        count
    }

    /// True if messages wait for delivery.
    #[inline]
    pub fn has_messages(&self) -> bool {
        !self.outbox.is_empty()
    }

    /// Takes the messages that wait, in order.
    pub fn take_messages(&mut self) -> Vec<Message> {
        std::mem::take(&mut self.outbox)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn client(serial: u64) -> ClientId {
        ClientId { serial, slot: 0 }
    }

    #[test]
    fn messages_wait_only_where_someone_listens() {
        let mut pubsub = PubSub::new(&mut fastrand::Rng::with_seed(1));
        assert_eq!(pubsub.publish(b"news", b"x"), 0);
        pubsub.subscribe(b"news", client(2));
        pubsub.subscribe(b"news", client(1));
        pubsub.subscribe(b"news", client(1));
        assert_eq!(pubsub.publish(b"news", b"y"), 2);
        let messages = pubsub.take_messages();
        assert_eq!((messages.len(), &*messages[0].payload), (1, &b"y"[..]));
        assert!(!pubsub.has_messages());
        assert!(pubsub.subscribers(b"news").eq([client(1), client(2)]));
    }

    #[test]
    fn a_channel_without_subscribers_is_gone() {
        let mut pubsub = PubSub::new(&mut fastrand::Rng::with_seed(1));
        pubsub.subscribe(b"a", client(1));
        pubsub.unsubscribe(b"b", client(1));
        pubsub.unsubscribe(b"a", client(2));
        assert_eq!(pubsub.len(), 1);
        pubsub.unsubscribe(b"a", client(1));
        assert!(pubsub.is_empty());
    }
}
