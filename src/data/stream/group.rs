//! Groups of consumers: how far they have read, what they have been given and not acknowledged yet,
//! and by whom.

use super::Facts;
use super::Stream;
use super::block::Entry;
use super::entries::Entries;
use super::id::StreamId;
use crate::sys::memory;
use slab::Slab;
use std::collections::{BTreeMap, BTreeSet};

/// Bytes of an ordered map for one item, over those of the item, in tenths: its nodes are not full.
const MAP_TENTHS: usize = 17;

/// A group of consumers.
#[derive(Clone, Default)]
pub struct Group {
    /// The id of the last entry that it was given.
    pub last_id: StreamId,
    /// How many entries had been added when that one was, if that is known.
    pub entries_read: Option<u64>,
    pending: BTreeMap<StreamId, Pending>,
    /// The pending entries by when each was given last; kept once someone has asked for it.
    by_age: Option<BTreeSet<(i64, StreamId)>>,
    consumers: Slab<Consumer>,
    names: BTreeMap<Box<[u8]>, ConsumerId>,
}

/// A consumer of a group as long as it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConsumerId(u32);

/// In place of a consumer while there is none yet.
const NOBODY: ConsumerId = ConsumerId(u32::MAX);

/// An entry that a consumer has been given and not acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// When it was given last, in milliseconds since 1970.
    pub delivered_ms: i64,
    /// How many times it was given.
    pub deliveries: u64,
    /// To whom.
    pub consumer: ConsumerId,
}

/// Someone who reads for a group.
#[derive(Clone)]
pub struct Consumer {
    /// Its name.
    pub name: Box<[u8]>,
    /// When it was heard of last, in milliseconds since 1970.
    pub seen_ms: i64,
    /// When it was given an entry last; -1 if it never was.
    pub active_ms: i64,
    pending: BTreeSet<StreamId>,
}

/// How new entries are given to a consumer.
#[derive(Clone, Copy, Debug)]
pub struct Delivery {
    /// Most entries.
    pub max: usize,
    /// Whether they are pending until they are acknowledged.
    pub are_pending: bool,
    /// The present, in milliseconds since 1970.
    pub now_ms: i64,
}

impl ConsumerId {
    fn index(self) -> usize {
        self.0 as usize
    }
}

impl Group {
    /// A group that is given what comes after an entry.
    pub fn new(last_id: StreamId, entries_read: Option<u64>) -> Group {
        Group { last_id, entries_read, ..Group::default() }
    }

    /// Number of pending entries.
    pub fn pending_len(&self) -> usize {
        self.pending.len()
    }

    /// What is known of a pending entry.
    #[inline]
    pub fn pending(&self, id: StreamId) -> Option<&Pending> {
        self.pending.get(&id)
    }

    /// The pending entries with ids between two, both included, in order.
    pub fn pending_range(
        &self,
        from: StreamId,
        to: StreamId,
    ) -> impl DoubleEndedIterator<Item = (StreamId, &Pending)> {
        // A range that ends before it begins holds nothing.
        self.pending.range(from..=to.max(from)).filter(move |_| from <= to).map(|(id, p)| (*id, p))
    }

    /// Has the pending entries be kept in the order of their age, too. Costs a look at each of them
    /// once.
    pub fn keep_ages(&mut self) {
        if self.by_age.is_none() {
            let ages = self.pending.iter().map(|(id, held)| (held.delivered_ms, *id));
            self.by_age = Some(ages.collect());
        }
    }

    /// The pending entries, first those that were given longest ago; none unless their ages are
    /// kept.
    pub fn oldest(&self) -> impl Iterator<Item = (StreamId, &Pending)> {
        let ages = self.by_age.iter().flatten();
        ages.filter_map(|(_, id)| Some((*id, self.pending.get(id)?)))
    }

    /// Notes that the age of a pending entry is another one.
    #[inline]
    fn move_age(&mut self, id: StreamId, from_ms: Option<i64>, to_ms: Option<i64>) {
        if let Some(by_age) = &mut self.by_age {
            from_ms.map(|ms| by_age.remove(&(ms, id)));
            by_age.extend(to_ms.map(|ms| (ms, id)));
        }
    }

    /// Those of one consumer.
    pub fn pending_of(
        &self,
        consumer: ConsumerId,
        from: StreamId,
        to: StreamId,
    ) -> impl Iterator<Item = (StreamId, &Pending)> {
        let ids = self.consumers.get(consumer.index()).map(|consumer| {
            consumer.pending.range(from..=to.max(from)).filter(move |_| from <= to)
        });
        ids.into_iter().flatten().filter_map(|id| Some((*id, self.pending.get(id)?)))
    }

    /// The consumers by name, in order.
    pub fn consumers(&self) -> impl ExactSizeIterator<Item = (ConsumerId, &Consumer)> {
        self.names.values().map(|id| (*id, &self.consumers[id.index()]))
    }

    /// The consumer of that name.
    #[inline]
    pub fn find_consumer(&self, name: &[u8]) -> Option<ConsumerId> {
        self.names.get(name).copied()
    }

    /// What is known of a consumer.
    pub fn consumer(&self, id: ConsumerId) -> Option<&Consumer> {
        self.consumers.get(id.index())
    }

    /// Makes a consumer of a name that none has.
    pub fn add_consumer(&mut self, name: &[u8], now_ms: i64) -> ConsumerId {
        let consumer = Consumer {
            name: name.into(),
            seen_ms: now_ms,
            active_ms: -1,
            pending: BTreeSet::new(),
        };
        let id = ConsumerId(u32::try_from(self.consumers.insert(consumer)).unwrap_or(u32::MAX));
        self.names.insert(name.into(), id);
        id
    }

    /// Removes a consumer with its pending entries; how many those were.
    pub fn remove_consumer(&mut self, id: ConsumerId) -> usize {
        let Some(consumer) = self.consumers.try_remove(id.index()) else { return 0 };
        self.names.remove(&consumer.name);
        for id in &consumer.pending {
            let held = self.pending.remove(id);
            self.move_age(*id, held.map(|held| held.delivered_ms), None);
        }
        consumer.pending.len()
    }

    /// Notes that a consumer was heard of.
    #[inline]
    pub fn note_seen(&mut self, id: ConsumerId, now_ms: i64) {
        if let Some(consumer) = self.consumers.get_mut(id.index()) {
            consumer.seen_ms = now_ms;
        }
    }

    /// Notes that a consumer was given an entry.
    #[inline]
    pub fn note_active(&mut self, id: ConsumerId, now_ms: i64) {
        if let Some(consumer) = self.consumers.get_mut(id.index()) {
            consumer.active_ms = now_ms;
        }
    }

    /// Has an entry be pending, as this says, whether it was or not.
    #[inline]
    pub fn give(&mut self, id: StreamId, pending: Pending) {
        let before = self.pending.insert(id, pending);
        self.move_age(id, before.map(|held| held.delivered_ms), Some(pending.delivered_ms));
        if let Some(before) = before {
            if before.consumer == pending.consumer {
                return;
            }
            if let Some(consumer) = self.consumers.get_mut(before.consumer.index()) {
                consumer.pending.remove(&id);
            }
        }
        if let Some(consumer) = self.consumers.get_mut(pending.consumer.index()) {
            consumer.pending.insert(id);
        }
    }

    /// Notes that a pending entry is given to its consumer again.
    pub fn note_again(&mut self, id: StreamId, now_ms: i64) {
        if let Some(pending) = self.pending.get_mut(&id) {
            let from_ms = std::mem::replace(&mut pending.delivered_ms, now_ms);
            pending.deliveries = pending.deliveries.saturating_add(1);
            self.move_age(id, Some(from_ms), Some(now_ms));
        }
    }

    /// Takes an entry off the pending ones; false if it was none.
    #[inline]
    pub fn acknowledge(&mut self, id: StreamId) -> bool {
        let Some(pending) = self.pending.remove(&id) else { return false };
        self.move_age(id, Some(pending.delivered_ms), None);
        if let Some(consumer) = self.consumers.get_mut(pending.consumer.index()) {
            consumer.pending.remove(&id);
        }
        true
    }

    /// Bytes of memory that it points to.
    pub fn memory_bytes(&self) -> usize {
        let item = size_of::<(StreamId, Pending)>() + size_of::<StreamId>();
        let names: usize = self.names.keys().map(|name| 2 * memory::size_class(name.len())).sum();
        let consumer = size_of::<Consumer>() + size_of::<(Box<[u8]>, ConsumerId)>();
        let ages = self.by_age.as_ref().map_or(0, BTreeSet::len) * size_of::<(i64, StreamId)>();
        let pending = self.pending.len() * item + ages;
        pending * MAP_TENTHS / 10 + names + consumer * self.names.len()
    }

    /// Frees some of it, about so many pieces; false once nothing is left that takes long.
    pub(super) fn free_some(&mut self, pieces: usize) -> bool {
        let mut left = pieces;
        if let Some(by_age) = &mut self.by_age {
            while left > 0 && by_age.pop_last().is_some() {
                left -= 1;
            }
        }
        while left > 0 && self.pending.pop_last().is_some() {
            left -= 1;
        }
        while left > 0 {
            let Some(name) = self.names.last_entry() else { return false };
            let id = name.get().index();
            let ids = self.consumers.get_mut(id).map(|consumer| &mut consumer.pending);
            if ids.and_then(BTreeSet::pop_last).is_none() {
                name.remove();
                self.consumers.try_remove(id);
            }
            left -= 1;
        }
        true
    }

    /// Notes that the group is given an entry that is new to it.
    #[inline]
    fn note_read(&mut self, facts: &Facts, id: StreamId) {
        self.entries_read = match self.entries_read {
            Some(read) if !facts.has_gaps_from(id) => Some(read.wrapping_add(1)),
            read if facts.entries_added == 0 => read,
            _ => facts.rank_of(id),
        };
        self.last_id = id;
    }
}

/// What is read back from a file, piece by piece.
impl Group {
    /// Adds a pending entry that belongs to nobody yet; false if there is one of that id.
    pub fn restore_pending(&mut self, id: StreamId, delivered_ms: i64, deliveries: u64) -> bool {
        debug_assert!(self.by_age.is_none());
        let pending = Pending { delivered_ms, deliveries, consumer: NOBODY };
        self.pending.insert(id, pending).is_none()
    }

    /// Adds a consumer; `None` if there is one of that name.
    pub fn restore_consumer(
        &mut self,
        name: &[u8],
        seen_ms: i64,
        active_ms: i64,
    ) -> Option<ConsumerId> {
        if self.names.contains_key(name) {
            return None;
        }
        let id = self.add_consumer(name, seen_ms);
        self.note_active(id, active_ms);
        Some(id)
    }

    /// Gives a pending entry to a consumer; false if there is none that belongs to nobody.
    pub fn restore_owner(&mut self, id: StreamId, owner: ConsumerId) -> bool {
        let Some(pending) = self.pending.get_mut(&id).filter(|held| held.consumer == NOBODY) else {
            return false;
        };
        pending.consumer = owner;
        let consumer = self.consumers.get_mut(owner.index());
        consumer.is_some_and(|consumer| consumer.pending.insert(id))
    }

    /// Whether every pending entry belongs to someone.
    pub fn is_whole(&self) -> bool {
        let owned: usize = self.consumers.iter().map(|(_, consumer)| consumer.pending.len()).sum();
        owned == self.pending.len()
    }
}

impl Consumer {
    /// Number of entries that are pending with it.
    pub fn pending_len(&self) -> usize {
        self.pending.len()
    }
}

impl Stream {
    /// Notes that a group was given the entry of an id, which is new to it.
    pub fn note_read(&mut self, group: &[u8], id: StreamId) {
        if let Some(group) = self.groups.get_mut(group) {
            group.note_read(&self.facts, id);
        }
    }

    /// Gives entries that are new to a group to one of its consumers, and shows each to `visit`;
    /// how many.
    pub fn deliver(
        &mut self,
        group: &[u8],
        consumer: ConsumerId,
        delivery: Delivery,
        mut visit: impl FnMut(&Entry<'_>),
    ) -> usize {
        let Some(group) = self.groups.get_mut(group) else { return 0 };
        let Some(from) = group.last_id.next() else { return 0 };
        let Delivery { max, are_pending, now_ms } = delivery;
        let pending = Pending { delivered_ms: now_ms, deliveries: 1, consumer };
        let mut count = 0;
        for entry in Entries::forward(&self.blocks, from, StreamId::MAX).take(max) {
            group.note_read(&self.facts, entry.id);
            visit(&entry);
            if are_pending {
                group.give(entry.id, pending);
            }
            count += 1;
        }
        if are_pending && count > 0 {
            group.note_active(consumer, now_ms);
        }
        count
    }
}
