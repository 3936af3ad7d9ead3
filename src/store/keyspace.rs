//! One database's keys: the hash index over the entries, the heap of their deadlines, and the order
//! of hashes whose fields have deadlines, kept in step.
//!
//! What happens here is not reported to anyone; commands go through the doors in `db`.

use super::entry::Entry;
use super::fields::{self, Fields};
use crate::base::hash::KeyHasher;
use crate::base::short;
use crate::data::deadlines::Deadlines;
use crate::data::table::{Pieces, Place, Prefetch, Table};

/// Entries whose memory is asked for before they are looked at.
const AHEAD: usize = 16;

/// The keys of one database.
pub struct Keyspace {
    table: Table<Entry>,
    deadlines: Deadlines,
    fields: Fields,
    /// The earliest deadline of a key or a field; the end of time without one.
    due_ms: i64,
    hasher: KeyHasher,
}

impl Keyspace {
    /// A database without keys.
    pub fn new(hasher: KeyHasher) -> Keyspace {
        Keyspace {
            table: Table::new(),
            deadlines: Deadlines::default(),
            fields: Fields::default(),
            due_ms: i64::MAX,
            hasher,
        }
    }

    /// The hash of a key.
    #[inline]
    pub fn hash(&self, key: &[u8]) -> u64 {
        self.hasher.hash(key)
    }

    /// Where the key stands; it may be due.
    #[inline(never)] // The whole of a look-up, and the one place for it.
    pub fn find(&self, hash: u64, key: &[u8]) -> Option<Place> {
        self.table.find(hash, |entry| short::equal(entry.key(), key))
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
        self.forget_fields(place, hash);
        if self.deadlines.clear(&mut self.table, place) {
            self.note_due();
        }
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
        let is_changed = match at_ms {
            Some(at_ms) => {
                self.deadlines.set(&mut self.table, place, hash, at_ms);
                true
            }
            None => self.deadlines.clear(&mut self.table, place),
        };
        if is_changed {
            self.note_due();
        }
        is_changed
    }

    /// Notes that the value at a place has changed, the earliest deadline of whose fields was
    /// `before`.
    pub(super) fn shift_fields(&mut self, place: Place, hash: u64, before: Option<i64>) {
        let after = fields::earliest_ms(self.table.at(place));
        if before != after {
            self.fields.shift(hash, before, after);
            self.note_due();
        }
    }

    /// Notes that the value at a place is about to go.
    #[inline]
    pub(super) fn forget_fields(&mut self, place: Place, hash: u64) {
        if !self.fields.is_empty() {
            let before = fields::earliest_ms(self.table.at(place));
            self.fields.shift(hash, before, None);
            self.note_due();
        }
    }

    /// The earliest deadline of a field, in milliseconds since 1970, and the hash of its key.
    pub(super) fn first_field(&self) -> Option<(i64, u64)> {
        self.fields.first()
    }

    /// Where a hash stands the earliest deadline of whose fields this is.
    pub(super) fn find_by_field(&self, at_ms: i64, hash: u64) -> Option<Place> {
        let place = self.table.find(hash, |entry| {
            fields::earliest_ms(entry) == Some(at_ms) && self.hash(entry.key()) == hash
        });
        debug_assert!(place.is_some(), "every place in the order has its hash");
        place
    }

    /// The earliest deadline of a key or a field, in milliseconds since 1970; the end of time
    /// without one.
    #[inline]
    pub fn due_ms(&self) -> i64 {
        self.due_ms
    }

    /// The same, but none without one.
    pub fn next_ms(&self) -> Option<i64> {
        let field = self.fields.first().map(|(at_ms, _)| at_ms);
        self.deadlines.earliest_ms().into_iter().chain(field).min()
    }

    fn note_due(&mut self) {
        self.due_ms = self.next_ms().unwrap_or(i64::MAX);
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

    /// All entries with their deadlines.
    pub fn entries(&self) -> impl Iterator<Item = (&Entry, Option<i64>)> {
        let mut ahead = self.table.iter();
        ahead.by_ref().take(AHEAD).for_each(Prefetch::prefetch);
        self.table.iter().map(move |entry| {
            if let Some(entry) = ahead.next() {
                entry.prefetch();
            }
            (entry, self.deadlines.of(entry))
        })
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
        (self.deadlines, self.fields) = (Deadlines::default(), Fields::default());
        self.due_ms = i64::MAX;
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

    /// Bytes of memory of the index, without the entries, and of what tells when keys and fields
    /// die.
    pub fn overheads(&self) -> (usize, usize) {
        (self.table.memory_bytes(), self.deadlines.memory_bytes() + self.fields.memory_bytes())
    }

    /// Bytes of memory of both.
    pub fn overhead_bytes(&self) -> usize {
        let (index, heap) = self.overheads();
        index + heap
    }
}
