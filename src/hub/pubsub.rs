//! Channels, patterns and shard channels, and who listens to them.
//!
//! What can be listened to is a topic, known to its subscribers by number and to all by kind and
//! name. Names stand here once, however many listen.

use crate::base::glob;
use crate::base::id::ClientId;
use crate::base::num;
use hashbrown::HashTable;
use slab::Slab;
use std::collections::BTreeSet;

/// What kind of thing is listened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A channel.
    Channel,
    /// All channels whose names match a pattern.
    Pattern,
    /// A channel of a shard of a cluster, which patterns do not reach.
    Shard,
}

impl Kind {
    /// Its place where there is something for each kind.
    const fn index(self) -> usize {
        match self {
            Kind::Channel => 0,
            Kind::Pattern => 1,
            Kind::Shard => 2,
        }
    }
}

/// Number of a topic, for as long as someone listens to it.
type TopicId = usize;

/// Place of a subscriber among the clients: those who listen are connected.
pub type Slot = usize;

/// What one client listens to. A client that listens to nothing has none of these.
#[derive(Default)]
pub struct Subscriptions {
    topics: [BTreeSet<u32>; 3],
}

impl Subscriptions {
    /// Number of topics of a kind.
    pub fn len(&self, kind: Kind) -> usize {
        self.topics[kind.index()].len()
    }

    /// True without topics.
    pub fn is_empty(&self) -> bool {
        self.topics.iter().all(BTreeSet::is_empty)
    }

    /// Bytes of memory, roughly.
    pub fn memory_bytes(&self) -> usize {
        let topics: usize = self.topics.iter().map(BTreeSet::len).sum();
        size_of::<Subscriptions>() + topics * 2 * size_of::<u32>()
    }
}

/// Something that clients listen to.
struct Topic {
    name: Box<[u8]>,
    /// The slots of those who listen, in order, so that deliveries are the same in every run. They
    /// are read for every message, and change much less often.
    subscribers: Vec<u32>,
}

/// Which clients listen to what.
pub struct PubSub {
    topics: Slab<Topic>,
    /// The numbers of the topics of each kind, by name.
    names: [HashTable<u32>; 3],
    /// The numbers of the patterns, in the order in which they came.
    patterns: Vec<u32>,
    hasher: ahash::RandomState,
}

impl PubSub {
    /// No topics. Their names are hashed with a secret drawn from `rng`, since clients choose them.
    pub fn new(rng: &mut fastrand::Rng) -> PubSub {
        let [a, b, c, d] = std::array::from_fn(|_| rng.u64(..));
        let hasher = ahash::RandomState::with_seeds(a, b, c, d);
        PubSub { topics: Slab::new(), names: Default::default(), patterns: Vec::new(), hasher }
    }

    /// Number of topics of a kind that someone listens to.
    pub fn len(&self, kind: Kind) -> usize {
        self.names[kind.index()].len()
    }

    /// True if nobody listens to a channel or a pattern, so that events need not be told.
    #[inline]
    pub fn is_silent(&self) -> bool {
        self.len(Kind::Channel) == 0 && self.patterns.is_empty()
    }

    /// The names of the topics of a kind.
    pub fn names(&self, kind: Kind) -> impl Iterator<Item = &[u8]> {
        self.names[kind.index()].iter().map(|id| self.name(index(*id)))
    }

    /// Number of subscribers of a topic.
    pub fn subscriber_count(&self, kind: Kind, name: &[u8]) -> usize {
        self.find(kind, name).map_or(0, |id| self.topics[id].subscribers.len())
    }

    /// Has a client listen; false if it does already.
    pub fn subscribe(
        &mut self,
        kind: Kind,
        name: &[u8],
        client: ClientId,
        subscriptions: &mut Option<Box<Subscriptions>>,
    ) -> bool {
        let id = self.find(kind, name).unwrap_or_else(|| self.add(kind, name));
        let own = &mut subscriptions.get_or_insert_default().topics[kind.index()];
        let (subscribers, slot) = (&mut self.topics[id].subscribers, number(client.slot));
        if let Err(at) = subscribers.binary_search(&slot) {
            subscribers.insert(at, slot);
        }
        own.insert(number(id))
    }

    /// Has a client listen no more; false if it does not.
    pub fn unsubscribe(
        &mut self,
        kind: Kind,
        name: &[u8],
        client: ClientId,
        subscriptions: &mut Option<Box<Subscriptions>>,
    ) -> bool {
        let (Some(id), Some(own)) = (self.find(kind, name), subscriptions.as_mut()) else {
            return false;
        };
        if !own.topics[kind.index()].remove(&number(id)) {
            return false;
        }
        if own.is_empty() {
            *subscriptions = None;
        }
        self.leave(kind, id, client.slot);
        true
    }

    /// Has a client that is gone, or begins anew, listen to nothing any more.
    pub fn forget(&mut self, client: ClientId, subscriptions: &Subscriptions) {
        for kind in [Kind::Channel, Kind::Pattern, Kind::Shard] {
            for id in &subscriptions.topics[kind.index()] {
                self.leave(kind, index(*id), client.slot);
            }
        }
    }

    /// The names of all topics of a kind that a client listens to, in order.
    pub fn names_of(&self, kind: Kind, subscriptions: &Subscriptions) -> Vec<Box<[u8]>> {
        let ids = subscriptions.topics[kind.index()].iter();
        let mut names: Vec<Box<[u8]>> = ids.map(|id| self.name(index(*id)).into()).collect();
        names.sort_unstable();
        names
    }

    /// The subscribers of a channel of a kind.
    pub fn subscribers(&self, kind: Kind, name: &[u8]) -> impl Iterator<Item = Slot> {
        let topic = self.find(kind, name).map(|id| &self.topics[id]);
        topic.into_iter().flat_map(|topic| topic.subscribers.iter().map(|slot| index(*slot)))
    }

    /// The patterns that a channel matches, in the order in which they came, each with its
    /// subscribers.
    pub fn matching<'a>(
        &'a self,
        channel: &'a [u8],
    ) -> impl Iterator<Item = (&'a [u8], impl Iterator<Item = Slot>)> {
        let topics = self.patterns.iter().map(|id| &self.topics[index(*id)]);
        topics
            .filter(|topic| glob::matches(&topic.name, channel))
            .map(|topic| (&*topic.name, topic.subscribers.iter().map(|slot| index(*slot))))
    }

    fn name(&self, id: TopicId) -> &[u8] {
        &self.topics[id].name
    }

    fn find(&self, kind: Kind, name: &[u8]) -> Option<TopicId> {
        let names = &self.names[kind.index()];
        if names.is_empty() {
            return None;
        }
        let found = names.find(self.hasher.hash_one(name), |id| self.name(index(*id)) == name);
        found.map(|id| index(*id))
    }

    fn add(&mut self, kind: Kind, name: &[u8]) -> TopicId {
        let id = self.topics.insert(Topic { name: name.into(), subscribers: Vec::new() });
        let (topics, hasher) = (&self.topics, &self.hasher);
        let hash_of = |id: &u32| hasher.hash_one(&*topics[index(*id)].name);
        self.names[kind.index()].insert_unique(hasher.hash_one(name), number(id), hash_of);
        if kind == Kind::Pattern {
            self.patterns.push(number(id));
        }
        id
    }

    /// Takes a subscriber from a topic, which is gone with the last one.
    fn leave(&mut self, kind: Kind, id: TopicId, slot: Slot) {
        let topic = &mut self.topics[id];
        if let Ok(at) = topic.subscribers.binary_search(&number(slot)) {
            topic.subscribers.remove(at);
        }
        if !topic.subscribers.is_empty() {
            return;
        }
        let topic = self.topics.remove(id);
        let hash = self.hasher.hash_one(&*topic.name);
        let found = self.names[kind.index()].find_entry(hash, |other| index(*other) == id);
        if let Ok(entry) = found {
            entry.remove();
        }
        if kind == Kind::Pattern {
            self.patterns.retain(|other| index(*other) != id);
        }
    }
}

/// Slots and topics are numbered in 32 bits: there are never more connections, and a topic takes
/// more memory than that leaves room for.
fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

fn index(number: u32) -> usize {
    num::index(u64::from(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [Kind; 3] = [Kind::Channel, Kind::Pattern, Kind::Shard];

    fn pubsub() -> PubSub {
        PubSub::new(&mut fastrand::Rng::with_seed(1))
    }

    const fn client(slot: usize) -> ClientId {
        ClientId { serial: 1, slot }
    }

    #[test]
    fn a_topic_lasts_as_long_as_someone_listens() {
        for kind in KINDS {
            let (mut pubsub, mut a, mut b) = (pubsub(), None, None);
            assert!(pubsub.subscribe(kind, b"x", client(2), &mut a));
            assert!(pubsub.subscribe(kind, b"x", client(1), &mut b));
            assert!(!pubsub.subscribe(kind, b"x", client(1), &mut b));
            assert_eq!((pubsub.subscriber_count(kind, b"x"), pubsub.len(kind)), (2, 1));
            assert!(pubsub.subscribers(kind, b"x").eq([1, 2]));
            assert!(!pubsub.unsubscribe(kind, b"y", client(1), &mut b));
            assert!(pubsub.unsubscribe(kind, b"x", client(1), &mut b) && b.is_none());
            assert!(!pubsub.unsubscribe(kind, b"x", client(1), &mut b));
            pubsub.forget(client(2), &a.unwrap());
            assert_eq!((pubsub.len(kind), pubsub.subscriber_count(kind, b"x")), (0, 0));
            assert!(pubsub.is_silent() && pubsub.topics.is_empty());
        }
    }

    #[test]
    fn kinds_do_not_mix() {
        let (mut pubsub, mut own) = (pubsub(), None);
        for kind in KINDS {
            assert!(pubsub.subscribe(kind, b"x", client(0), &mut own));
        }
        let mut own = own.unwrap();
        assert!(KINDS.iter().all(|kind| own.len(*kind) == 1 && pubsub.len(*kind) == 1));
        own.topics[1].clear();
        assert!(!own.is_empty());
        assert_eq!(pubsub.names_of(Kind::Shard, &own), [Box::from(&b"x"[..])]);
    }

    #[test]
    fn patterns_are_found_in_the_order_in_which_they_came() {
        let (mut pubsub, mut own) = (pubsub(), None);
        for pattern in [&b"n*"[..], b"a*", b"*s", b"*"] {
            pubsub.subscribe(Kind::Pattern, pattern, client(3), &mut own);
        }
        pubsub.unsubscribe(Kind::Pattern, b"a*", client(3), &mut own);
        pubsub.subscribe(Kind::Pattern, b"new?", client(4), &mut None);
        let found: Vec<_> =
            pubsub.matching(b"news").map(|(name, who)| (name, who.count())).collect();
        assert_eq!(found, [(&b"n*"[..], 1), (b"*s", 1), (b"*", 1), (b"new?", 1)]);
        assert_eq!(pubsub.matching(b"old").count(), 1);
    }

    #[test]
    fn any_coming_and_going_leaves_what_is_left() {
        let mut rng = fastrand::Rng::with_seed(7);
        let (mut pubsub, mut clients) = (pubsub(), Vec::<Option<Box<Subscriptions>>>::new());
        clients.resize_with(8, || None);
        let mut expected: BTreeSet<(usize, usize, u8)> = BTreeSet::new();
        for _ in 0..5_000 {
            let (slot, kind, name) = (rng.usize(0..8), rng.choice(KINDS).unwrap(), rng.u8(0..20));
            let fact = (slot, kind.index(), name);
            if rng.u8(0..50) == 0 {
                if let Some(own) = clients[slot].take() {
                    pubsub.forget(client(slot), &own);
                }
                expected.retain(|(other, ..)| *other != slot);
            } else if rng.bool() {
                let is_new = pubsub.subscribe(kind, &[name], client(slot), &mut clients[slot]);
                assert_eq!(is_new, expected.insert(fact));
            } else {
                let was_there = pubsub.unsubscribe(kind, &[name], client(slot), &mut clients[slot]);
                assert_eq!(was_there, expected.remove(&fact));
            }
            let listens = expected.iter().any(|(other, ..)| *other == slot);
            assert_eq!(clients[slot].is_some(), listens);
        }
        for kind in KINDS {
            for name in 0..20 {
                let who = expected.iter().filter(|fact| (fact.1, fact.2) == (kind.index(), name));
                assert!(pubsub.subscribers(kind, &[name]).eq(who.map(|fact| fact.0)));
            }
        }
    }
}
