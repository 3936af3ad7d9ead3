//! One database's keys: the hash index over the entries, and the heap of their deadlines, kept in
//! step.
//!
//! What happens here is not reported to anyone; commands go through the doors in `db`.

use super::deadlines::Deadlines;
use super::entry::Entry;
use crate::base::hash::KeyHasher;
use crate::data::table::{Pieces, Place, Table};

/// The keys of one database.
pub struct Keyspace {
    table: Table<Entry>,
    deadlines: Deadlines,
    hasher: KeyHasher,
}

impl Keyspace {
    /// A database without keys.
    pub fn new(hasher: KeyHasher) -> Keyspace {
        Keyspace { table: Table::new(), deadlines: Deadlines::default(), hasher }
    }

    /// The hash of a key.
    #[inline]
    pub fn hash(&self, key: &[u8]) -> u64 {
        self.hasher.hash(key)
    }

    /// Where the key stands; it may be due.
    #[inline]
    pub fn find(&self, hash: u64, key: &[u8]) -> Option<Place> {
        self.table.find(hash, |entry| entry.key() == key)
    }

    /// The entry at a place.
    #[inline]
    pub fn entry(&self, place: Place) -> &Entry {
        self.table.at(place)
    }

    /// The entry at a place, to be changed but for its key.
    #[inline]
    pub fn entry_mut(&mut self, place: Place) -> &mut Entry {
        self.table.at_mut(place)
    }

    /// Adds an entry without a deadline whose key is not there.
    pub fn insert(&mut self, hash: u64, entry: Entry) -> Place {
        let hasher = &self.hasher;
        self.table.insert(hash, entry, |entry| hasher.hash(entry.key()))
    }

    /// Changes the bytes of the string at a place; see [`Entry::modify`].
    pub fn modify<R>(&mut self, place: Place, change: impl FnOnce(&mut Vec<u8>) -> R) -> R {
        self.table.at_mut(place).modify(change)
    }

    /// Takes a key out, with its deadline.
    pub fn remove(&mut self, place: Place, hash: u64) -> Entry {
        self.deadlines.clear(&mut self.table, place);
        let hasher = &self.hasher;
        self.table.remove(place, hash, |entry| hasher.hash(entry.key()))
    }

    /// The deadline of the key at a place, in milliseconds since 1970.
    #[inline]
    pub fn deadline_ms(&self, place: Place) -> Option<i64> {
        self.deadlines.of(self.table.at(place))
    }

    /// Gives the key at a place a deadline, or takes it away; true if that changed anything.
    pub fn set_deadline(&mut self, place: Place, hash: u64, at_ms: Option<i64>) -> bool {
        match at_ms {
            Some(at_ms) => {
                self.deadlines.set(&mut self.table, place, hash, at_ms);
                true
            }
            None => self.deadlines.clear(&mut self.table, place),
        }
    }

    /// The earliest deadline of all keys, in milliseconds since 1970.
    #[inline]
    pub fn earliest_ms(&self) -> Option<i64> {
        self.deadlines.earliest_ms()
    }

    /// The key with the earliest deadline, and its hash.
    pub fn first_to_die(&self) -> Option<(Place, u64)> {
        self.deadlines.first(&self.table)
    }

    /// Number of keys, due ones included.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// True without keys.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Number of keys that have a deadline.
    pub fn timed_len(&self) -> usize {
        self.deadlines.len()
    }

    /// All entries, in no order that means anything; some may be due.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.table.iter()
    }

    /// One step of a scan; see [`Table::scan`].
    pub fn scan<'s>(&'s self, cursor: u64, visit: impl FnMut(&'s Entry)) -> u64 {
        self.table.scan(cursor, |entry| self.hasher.hash(entry.key()), visit)
    }

    /// The deadline of an entry of this database, in milliseconds since 1970.
    pub fn deadline_of(&self, entry: &Entry) -> Option<i64> {
        self.deadlines.of(entry)
    }

    /// An entry chosen by chance, each with the same probability.
    pub fn sample(&self, rng: &mut fastrand::Rng) -> Option<&Entry> {
        self.table.sample(rng)
    }

    /// A key chosen by chance, each with the same probability; where it stands, and its hash.
    pub fn sample_place(&self, rng: &mut fastrand::Rng) -> Option<(Place, u64)> {
        let entry = self.sample(rng)?;
        let hash = self.hash(entry.key());
        let place = self.table.find(hash, |other| std::ptr::eq(entry, other));
        place.map(|place| (place, hash))
    }

    /// All entries of a line of the table chosen by chance, with their hashes.
    pub fn sample_line(&self, rng: &mut fastrand::Rng) -> impl Iterator<Item = (&Entry, u64)> {
        self.table.sample_line(rng).map(|entry| (entry, self.hasher.hash(entry.key())))
    }

    /// An entry with a deadline, chosen by chance, each with the same probability; and its hash.
    pub fn sample_timed(&self, rng: &mut fastrand::Rng) -> Option<(Place, u64)> {
        self.deadlines.sample(&self.table, rng)
    }

    /// Where an entry of that hash stands whose access bytes are these.
    pub fn find_unused(&self, hash: u64, access: u32) -> Option<Place> {
        self.table.find(hash, |entry| entry.access() == access && self.hash(entry.key()) == hash)
    }

    /// Removes all keys; what they were is returned, to be freed at leisure.
    pub fn clear(&mut self) -> Pieces<Entry> {
        self.deadlines = Deadlines::default();
        std::mem::take(&mut self.table).into_pieces()
    }

    /// Asks the cache for where a key would stand.
    #[inline]
    pub fn prefetch_line(&self, hash: u64) {
        self.table.prefetch_line(hash);
    }

    /// Asks the cache for the key's entry; of use some time after [`Keyspace::prefetch_line`].
    #[inline]
    pub fn prefetch_entry(&self, hash: u64) {
        self.table.prefetch_item(hash);
    }

    /// Bytes of memory of the index, without the entries, and of the heap.
    pub fn overheads(&self) -> (usize, usize) {
        (self.table.memory_bytes(), self.deadlines.memory_bytes())
    }

    /// Bytes of memory of both.
    pub fn overhead_bytes(&self) -> usize {
        let (index, heap) = self.overheads();
        index + heap
    }
}
