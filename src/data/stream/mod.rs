//! Streams: entries in the order of their ids, and the groups of consumers that read them.
//!
//! Entries stand in blocks (`block`), each known by the id of the first entry that it ever had.
//! Entries come in at the end; they go from the front, block by block, or are marked as deleted
//! where they stand.

mod block;
mod entries;
mod group;
mod id;
mod restore;
mod trim;

pub use block::{Entry, Fields};
pub use entries::Entries;
pub use group::{Consumer, ConsumerId, Delivery, Group, Pending};
pub use id::{IdText, StreamId};
pub use restore::Unsound;
pub use trim::{Bound, References, Trim};

use super::collection::{Collection, Form, Kind, Type};
use crate::base::num;
use crate::sys::memory;
use block::Block;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;

/// Most bytes of the elements of an entry, and of a block.
pub const BYTES_MAX: usize = 1 << 30;
/// Most bytes that a new block has room for.
const ROOM_MAX: usize = 4_096;
/// Blocks that are freed at once.
const BLOCKS_AT_ONCE: usize = 64;
/// Pending entries that are freed at once.
const PENDING_AT_ONCE: usize = 512;
/// Blocks by which the memory of all is judged.
const SAMPLES: usize = 32;
/// Bytes of an ordered map for one item, over those of the item, in tenths: its nodes are not full.
const MAP_TENTHS: usize = 17;

/// How far a block grows.
#[derive(Clone, Copy, Debug)]
pub struct BlockLimits {
    /// Bytes from which on another block is begun.
    pub bytes: usize,
    /// Most entries, deleted ones included; zero for any number.
    pub entries: u64,
}

/// What is known of a stream beside its entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Number of entries.
    pub len: u64,
    /// The id of the first entry; zero without entries.
    pub first_id: StreamId,
    /// The highest id that an entry has ever had.
    pub last_id: StreamId,
    /// The highest id of an entry that was deleted from among others.
    pub max_deleted_id: StreamId,
    /// Number of entries that have ever been added.
    pub entries_added: u64,
}

/// A stream.
#[derive(Clone)]
pub struct Stream {
    facts: Facts,
    /// By the id to which the ids of their entries are relative.
    blocks: BTreeMap<StreamId, Block>,
    groups: BTreeMap<Box<[u8]>, Group>,
}

/// Why an entry cannot be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAdded {
    /// Its id is not above all others.
    IdTooLow,
    /// There is no higher id than the last one.
    Exhausted,
}

/// The id that an entry is to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewId {
    /// One of this moment, or a higher one.
    Now(u64),
    /// The next one of this millisecond.
    Next(u64),
    /// This one.
    Given(StreamId),
}

impl Stream {
    const EMPTY: Stream = Stream {
        facts: Facts {
            len: 0,
            first_id: StreamId::MIN,
            last_id: StreamId::MIN,
            max_deleted_id: StreamId::MIN,
            entries_added: 0,
        },
        blocks: BTreeMap::new(),
        groups: BTreeMap::new(),
    };

    /// What is known of it.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Number of blocks.
    pub fn block_count(&self) -> usize {
        self.blocks.len()
    }

    /// The blocks in order: the id to which others are relative, and a listpack.
    pub fn blocks(&self) -> impl Iterator<Item = (StreamId, &[u8])> {
        self.blocks.iter().map(|(id, block)| (*id, block.bytes()))
    }

    /// The id that an entry gets, if it can be added.
    ///
    /// # Errors
    /// Why it cannot.
    #[inline]
    pub fn admit(&self, wanted: NewId) -> Result<StreamId, NotAdded> {
        let last = self.facts.last_id;
        if last == StreamId::MAX {
            return Err(NotAdded::Exhausted);
        }
        let id = match wanted {
            NewId::Now(ms) if ms > last.ms => Some(StreamId { ms, seq: 0 }),
            NewId::Now(_) => last.next(),
            NewId::Next(ms) if ms == last.ms => {
                last.seq.checked_add(1).map(|seq| StreamId { ms, seq })
            }
            NewId::Next(ms) => Some(StreamId { ms, seq: 0 }),
            NewId::Given(id) => Some(id),
        };
        id.filter(|id| *id > last).ok_or(NotAdded::IdTooLow)
    }

    /// Adds an entry with an id that [`Stream::admit`] has given; names and values take turns.
    #[inline]
    pub fn push<'t>(
        &mut self,
        id: StreamId,
        pairs: impl Iterator<Item = &'t [u8]> + Clone,
        limits: BlockLimits,
    ) {
        let bytes: usize = pairs.clone().map(<[u8]>::len).sum();
        let mut last = self.blocks.last_entry();
        let mut room = 0;
        if let Some(slot) = &mut last {
            let first_id = *slot.key();
            let block = slot.get_mut();
            let counts = block.counts();
            let bytes_max = if limits.bytes == 0 { BYTES_MAX } else { limits.bytes.min(BYTES_MAX) };
            let is_full = block.bytes().len() + bytes >= bytes_max
                || (limits.entries > 0 && counts.live + counts.deleted >= limits.entries);
            if is_full {
                block.shrink();
                room = block.bytes().len().min(ROOM_MAX);
            } else {
                block.push(first_id, id, pairs.clone());
            }
        }
        if last.is_none() || room > 0 {
            let mut block = Block::new(pairs.clone(), room);
            block.push(id, id, pairs);
            self.blocks.insert(id, block);
        }
        self.note_added(id);
    }

    fn note_added(&mut self, id: StreamId) {
        let facts = &mut self.facts;
        facts.len += 1;
        facts.entries_added += 1;
        facts.last_id = id;
        if facts.len == 1 {
            facts.first_id = id;
        }
    }

    /// The entries with ids between two, both included, in order.
    pub fn range(&self, from: StreamId, to: StreamId) -> Entries<'_> {
        Entries::forward(&self.blocks, from, to)
    }

    /// The same, the last one first.
    pub fn range_back(&self, from: StreamId, to: StreamId) -> Entries<'_> {
        Entries::backward(&self.blocks, from, to)
    }

    /// The entry with an id.
    pub fn get(&self, id: StreamId) -> Option<Entry<'_>> {
        self.range(id, id).next()
    }

    /// The highest id of an entry that is there.
    #[inline]
    pub fn top_id(&self) -> Option<StreamId> {
        let last_id = self.facts.last_id;
        let (first_id, block) = self.blocks.last_key_value()?;
        // Mostly the last entry is still there.
        match block.cursor_back(*first_id).prev() {
            Some(entry) if !entry.is_deleted => Some(entry.id),
            _ => self.range_back(StreamId::MIN, last_id).next().map(|entry| entry.id),
        }
    }

    /// Deletes an entry; false if there is none.
    pub fn delete(&mut self, id: StreamId) -> bool {
        if !self.remove(id) {
            return false;
        }
        let facts = &mut self.facts;
        facts.max_deleted_id = facts.max_deleted_id.max(id);
        if self.facts.first_id == id || self.facts.len == 0 {
            self.find_first();
        }
        true
    }

    /// Marks an entry as deleted, or removes its block; false if there is none.
    fn remove(&mut self, id: StreamId) -> bool {
        let Some((first_id, block)) = self.blocks.range_mut(..=id).next_back() else {
            return false;
        };
        let first_id = *first_id;
        let mut cursor = block.cursor(first_id);
        let found = std::iter::from_fn(|| cursor.next()).find(|entry| entry.id >= id);
        let Some(at) = found.filter(|entry| entry.id == id && !entry.is_deleted) else {
            return false;
        };
        let at = at.place();
        if block.counts().live == 1 {
            self.blocks.remove(&first_id);
        } else {
            block.delete(&[at]);
        }
        self.facts.len -= 1;
        true
    }

    /// Looks for the first entry again.
    fn find_first(&mut self) {
        let first = self.range(StreamId::MIN, StreamId::MAX).next();
        self.facts.first_id = first.map_or(StreamId::MIN, |entry| entry.id);
    }

    /// Sets what is known of it, as XSETID does.
    pub fn set_facts(
        &mut self,
        last_id: StreamId,
        entries_added: Option<u64>,
        max_deleted_id: Option<StreamId>,
    ) {
        self.facts.last_id = last_id;
        self.facts.entries_added = entries_added.unwrap_or(self.facts.entries_added);
        self.facts.max_deleted_id = max_deleted_id.unwrap_or(self.facts.max_deleted_id);
    }

    /// The groups by name, in order.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = (&[u8], &Group)> {
        self.groups.iter().map(|(name, group)| (&**name, group))
    }

    /// The group of that name.
    #[inline]
    pub fn group(&self, name: &[u8]) -> Option<&Group> {
        self.groups.get(name)
    }

    /// The same, to be changed.
    pub fn group_mut(&mut self, name: &[u8]) -> Option<&mut Group> {
        self.groups.get_mut(name)
    }

    /// Makes a group; false if there is one of that name.
    pub fn add_group(&mut self, name: &[u8], group: Group) -> bool {
        match self.groups.entry(name.into()) {
            Slot::Occupied(_) => false,
            Slot::Vacant(slot) => {
                slot.insert(group);
                true
            }
        }
    }

    /// Removes a group.
    pub fn remove_group(&mut self, name: &[u8]) -> Option<Group> {
        self.groups.remove(name)
    }

    /// Whether an entry has not been read and acknowledged by every group.
    pub fn is_referenced(&self, id: StreamId) -> bool {
        self.groups.values().any(|group| id > group.last_id || group.pending(id).is_some())
    }

    /// Takes an entry off what is pending in all groups.
    pub fn forget(&mut self, id: StreamId) -> bool {
        let mut was_pending = false;
        for group in self.groups.values_mut() {
            was_pending |= group.acknowledge(id);
        }
        was_pending
    }
}

impl Facts {
    /// Whether some entry from an id on has been deleted from among others, as far as is known.
    fn has_gaps_from(&self, id: StreamId) -> bool {
        self.len > 0
            && self.max_deleted_id != StreamId::MIN
            && self.first_id <= self.max_deleted_id
            && id <= self.max_deleted_id
    }

    /// How many entries had been added when the one with this id was, itself included, as far as
    /// that can be told.
    pub fn rank_of(&self, id: StreamId) -> Option<u64> {
        if self.entries_added == 0 {
            return Some(0);
        }
        if id == self.last_id || (self.len == 0 && id < self.last_id) {
            return Some(self.entries_added);
        }
        let has_no_gaps =
            self.max_deleted_id == StreamId::MIN || self.max_deleted_id < self.first_id;
        if id > self.last_id || !has_no_gaps || id > self.first_id {
            return None;
        }
        let before = self.entries_added.saturating_sub(self.len);
        Some(if id == self.first_id { before + 1 } else { before })
    }

    /// How many entries a group has not been given yet, as far as that can be told.
    pub fn lag_of(&self, group: &Group) -> Option<i64> {
        if self.entries_added == 0 {
            return Some(0);
        }
        let known = group.entries_read.filter(|_| !self.has_gaps_from(group.last_id));
        let read = known.or_else(|| self.rank_of(group.last_id))?;
        Some(self.entries_added.wrapping_sub(read).cast_signed())
    }
}

impl Default for Stream {
    fn default() -> Stream {
        Stream::EMPTY
    }
}

/// What is read where there is no stream.
static NOTHING: Stream = Stream::EMPTY;

impl Kind for Stream {
    type Ref<'a> = &'a Stream;
    const TYPE: Type = Type::Stream;

    // There is no small form.
    fn thaw(_form: Form, _bytes: Vec<u8>) -> Stream {
        Stream::EMPTY
    }

    fn small(&mut self) -> Option<(Form, &mut Vec<u8>)> {
        None
    }

    fn packed(&self) -> Option<(Form, &[u8])> {
        None
    }

    fn view_small(_form: Form, _bytes: &[u8]) -> &Stream {
        &NOTHING
    }

    fn view(&self) -> &Stream {
        self
    }

    fn len(&self) -> usize {
        num::index(self.facts.len)
    }

    /// A stream stays without entries: it remembers ids and groups.
    fn is_void(&self) -> bool {
        false
    }

    fn encoding(&self) -> &'static str {
        "stream"
    }

    fn memory_bytes(&self) -> usize {
        let sampled = self.blocks.len().min(SAMPLES);
        let blocks = self.blocks.values();
        let bytes: usize = blocks.take(sampled).map(Block::memory_bytes).sum();
        let all = bytes * self.blocks.len() / sampled.max(1);
        let places = self.blocks.len() * size_of::<(StreamId, Block)>() * MAP_TENTHS / 10;
        let groups = self.groups.iter();
        let groups = groups.map(|(name, group)| {
            let place = size_of::<(Box<[u8]>, Group)>() * MAP_TENTHS / 10;
            memory::size_class(name.len()) + place + group.memory_bytes()
        });
        all + places + groups.sum::<usize>()
    }

    fn piece_count(&self) -> usize {
        let pending = self.groups.values().map(Group::pending_len);
        self.blocks.len() + 2 * pending.sum::<usize>()
    }

    fn free_some(&mut self) -> bool {
        if let Some(mut group) = self.groups.last_entry() {
            if !group.get_mut().free_some(PENDING_AT_ONCE) {
                group.remove();
            }
            return true;
        }
        for _ in 0..BLOCKS_AT_ONCE {
            if self.blocks.pop_last().is_none() {
                return false;
            }
        }
        true
    }

    fn of(collection: &Collection) -> Option<&Stream> {
        match collection {
            Collection::Stream(value) => Some(value),
            Collection::List(_)
            | Collection::Set(_)
            | Collection::SortedSet(_)
            | Collection::Hash(_) => None,
        }
    }

    fn of_mut(collection: &mut Collection) -> Option<&mut Stream> {
        match collection {
            Collection::Stream(value) => Some(value),
            Collection::List(_)
            | Collection::Set(_)
            | Collection::SortedSet(_)
            | Collection::Hash(_) => None,
        }
    }

    fn wrap(self) -> Collection {
        Collection::Stream(Box::new(self))
    }
}

#[cfg(test)]
mod tests;
