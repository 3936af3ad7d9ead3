//! The keyspace: databases behind their doors, when keys die, and what has changed.

mod arrive;
mod changes;
mod db;
pub mod entry;
mod evict;
mod fields;
mod keyspace;
mod moves;
mod remains;
mod usage;

pub use arrive::{Noted, limits};
pub use changes::{Changes, Event, Touched};
pub use db::{Db, Edit, Spot, Ttl};
pub use entry::Arrival;
pub use moves::{Address, Moved};
pub use usage::{Measure, Usage};

use crate::base::hash::KeyHasher;
use crate::base::id::DbIndex;
use crate::data::collection::Collection;
use crate::data::table::Pieces;
use entry::Entry;
use evict::Candidates;
use keyspace::Keyspace;
use remains::Remains;

/// All databases.
pub struct Store {
    /// Those that have been opened so far, by number; the others hold nothing.
    spaces: Vec<Keyspace>,
    databases: usize,
    hasher: KeyHasher,
    /// How many hashers there were before it: hashes of another one are good for nothing.
    hashers: u32,
    /// What has changed since anyone looked.
    pub changes: Changes,
    /// When and how often keys are used.
    pub usage: Usage,
    candidates: Candidates,
    /// Removed at once, freed a slice at a time.
    remains: Remains,
    /// Room in which small collections change.
    room: Vec<u8>,
    expected: Expected,
}

/// A key whose hash is known: where its bytes stand, and how many they are.
#[derive(Default)]
struct Expected {
    address: usize,
    len: usize,
    /// Zero if there is no such key.
    hash: u64,
}

impl Expected {
    /// The hash of a key, if it is this one.
    #[inline]
    fn hash_of(&self, key: &[u8]) -> Option<u64> {
        let is_it = self.hash != 0 && self.address == key.as_ptr().addr() && self.len == key.len();
        is_it.then_some(self.hash)
    }
}

impl Store {
    /// So many empty databases, whose keys are hashed by `hasher` and their use noted by `usage`.
    pub fn new(databases: usize, hasher: KeyHasher, usage: Usage) -> Store {
        Store {
            spaces: Vec::new(),
            databases,
            hasher,
            hashers: 0,
            changes: Changes::default(),
            usage,
            candidates: Candidates::default(),
            remains: Remains::default(),
            room: Vec::new(),
            expected: Expected::default(),
        }
    }

    /// Begins anew with another hasher, without keys. Keys that come back in the order in which
    /// they stood, as they do from a file, would otherwise crowd into one place of the table.
    pub fn renew(&mut self, hasher: KeyHasher) {
        debug_assert!(self.spaces.iter().all(Keyspace::is_empty), "there are no keys");
        self.spaces.clear();
        self.hasher = hasher;
        self.hashers += 1;
        self.expect_none();
    }

    /// Number of databases.
    pub fn databases(&self) -> usize {
        self.databases
    }

    /// The doors of a database, at a moment in milliseconds since 1970.
    ///
    /// # Panics
    /// If there is no such database.
    #[inline]
    pub fn db(&mut self, index: DbIndex, now_ms: i64) -> Db<'_> {
        if index >= self.spaces.len() {
            self.create(index);
        }
        Db {
            space: &mut self.spaces[index],
            changes: &mut self.changes,
            usage: &mut self.usage,
            remains: &mut self.remains,
            room: &mut self.room,
            expected: &self.expected,
            index,
            now_ms,
        }
    }

    #[cold]
    fn create(&mut self, index: DbIndex) {
        assert!(index < self.databases, "database {index} of {}", self.databases);
        self.spaces.resize_with(index + 1, || Keyspace::new(self.hasher.clone()));
    }

    /// Keys, and how many of them have a deadline, of a database.
    pub fn lens(&self, index: DbIndex) -> (usize, usize) {
        self.spaces.get(index).map_or((0, 0), |space| (space.len(), space.timed_len()))
    }

    /// The entries of a database with their deadlines, in no order that means anything. Their
    /// memory is asked for some entries ahead.
    pub fn entries(&self, index: DbIndex) -> impl Iterator<Item = (&Entry, Option<i64>)> {
        self.spaces.get(index).into_iter().flat_map(Keyspace::entries)
    }

    /// True if a field of a hash of a database has a deadline.
    pub fn has_field_deadlines(&self, index: DbIndex) -> bool {
        self.spaces.get(index).is_some_and(|space| space.first_field().is_some())
    }

    /// The earliest deadline of a key or a field, in milliseconds since 1970.
    pub fn next_deadline_ms(&self) -> Option<i64> {
        self.spaces.iter().filter_map(Keyspace::next_ms).min()
    }

    /// Removes due keys and fields of all databases, at most `max` of them; returns how many.
    pub fn bury_due(&mut self, now_ms: i64, max: usize) -> usize {
        let mut count = 0;
        for index in 0..self.spaces.len() {
            if self.spaces[index].due_ms() <= now_ms {
                count += self.db(index, now_ms).bury_due(max - count);
            }
        }
        count
    }

    /// Takes what is left of a table, to be freed a slice at a time.
    pub fn free_later(&mut self, pieces: Pieces<Entry>) {
        self.remains.add_keys(pieces);
    }

    /// Takes the keys of another store in place of its own; what these were is returned, to be
    /// freed at leisure.
    pub fn adopt(&mut self, mut other: Store) -> Vec<Pieces<Entry>> {
        let now_ms = i64::MIN;
        let mut old = Vec::new();
        // Their hasher comes with them.
        self.hasher = other.hasher.clone();
        self.hashers += 1;
        self.expect_none();
        for index in 0..self.databases {
            let (own, new) = (self.lens(index).0, other.lens(index).0);
            if own + new > 0 {
                old.push(self.db(index, now_ms).clear());
                other.db(index, now_ms);
                std::mem::swap(&mut self.spaces[index], &mut other.spaces[index]);
            } else if let Some(space) = self.spaces.get_mut(index) {
                *space = Keyspace::new(self.hasher.clone());
            }
        }
        old
    }

    /// Takes a value that nobody needs any more, to be freed a slice at a time.
    pub fn free_value_later(&mut self, value: Collection) {
        self.remains.add_collection(Box::new(value));
    }

    /// True while something waits to be freed.
    pub fn has_remains(&self) -> bool {
        !self.remains.is_empty()
    }

    /// Frees one slice of what waits.
    pub fn free_slice(&mut self) {
        self.remains.free_slice();
    }

    /// Hashes keys and what stands in large collections, with the secret of the process.
    pub fn hasher(&self) -> &KeyHasher {
        &self.hasher
    }

    /// Tells the hash of a key that is about to be looked up, so that it is not made again, and
    /// [`Store::hashers`] at the time when it was made. The key is known by where it stands: its
    /// bytes must stay there until another one is expected or none.
    #[inline]
    pub fn expect(&mut self, key: &[u8], hash: u64, hashers: u32) {
        // Keys that came from a file meanwhile are hashed anew.
        let hash = if hashers == self.hashers { hash } else { 0 };
        self.expected = Expected { address: key.as_ptr().addr(), len: key.len(), hash };
    }

    /// Which hasher hashes keys at present; see [`Store::renew`].
    #[inline]
    pub fn hashers(&self) -> u32 {
        self.hashers
    }

    /// Nothing is known of keys any more.
    #[inline]
    pub fn expect_none(&mut self) {
        self.expected.hash = 0;
    }

    /// The hash of a key, for the two prefetches and [`Store::expect`].
    #[inline]
    pub fn key_hash(&self, key: &[u8]) -> u64 {
        self.hasher.hash(key)
    }

    /// Asks the cache for where a key with this hash would stand.
    #[inline]
    pub fn prefetch_line(&self, index: DbIndex, hash: u64) {
        if let Some(space) = self.spaces.get(index) {
            space.prefetch_line(hash);
        }
    }

    /// Asks the cache for the key's entry; of use some time after [`Store::prefetch_line`].
    #[inline]
    pub fn prefetch_entry(&self, index: DbIndex, hash: u64) {
        if let Some(space) = self.spaces.get(index) {
            space.prefetch_entry(hash);
        }
    }

    /// Bytes of memory of the index and of the heap of a database.
    pub fn overheads(&self, index: DbIndex) -> (usize, usize) {
        self.spaces.get(index).map_or((0, 0), Keyspace::overheads)
    }

    /// Bytes of memory of indexes and heaps, without the entries.
    pub fn overhead_bytes(&self) -> usize {
        self.spaces.iter().map(Keyspace::overhead_bytes).sum()
    }
}
