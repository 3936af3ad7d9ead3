//! The doors to a database: the only way by which commands see and change keys.
//!
//! Behind them, once: keys that are due are gone, counters count, and every change is reported.

use super::changes::Changes;
use super::entry::Entry;
use super::keyspace::Keyspace;
use crate::base::id::DbIndex;
use crate::config::notify::EventClasses;
use crate::data::table::{Pieces, Place};
use crate::data::text::Text;

/// Bytes of the table for one key: a pointer and a byte of its hash.
const PLACE_BYTES: usize = 9;
/// Bytes of the heap for one deadline: a moment and a hash.
const DEADLINE_BYTES: usize = 16;

/// Keys that are drawn in search of one that is not due, while due keys are kept.
const SAMPLES_MAX: usize = 100;

/// One database at one moment.
pub struct Db<'a> {
    space: &'a mut Keyspace,
    changes: &'a mut Changes,
    index: DbIndex,
    now_ms: i64,
}

/// A key that has been looked up: there or not. Holds until a door changes keys.
#[derive(Clone, Copy)]
pub struct Spot<'k> {
    key: &'k [u8],
    hash: u64,
    place: Option<Place>,
}

impl Spot<'_> {
    /// True if the key is there.
    pub fn exists(&self) -> bool {
        self.place.is_some()
    }
}

/// What becomes of a key's deadline when its value is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ttl {
    /// It goes.
    Clear,
    /// It stays, if there is one.
    Keep,
    /// It is set to this moment, in milliseconds since 1970.
    At(i64),
}

impl<'a> Db<'a> {
    pub(super) fn open(
        space: &'a mut Keyspace,
        changes: &'a mut Changes,
        index: DbIndex,
        now_ms: i64,
    ) -> Db<'a> {
        Db { space, changes, index, now_ms }
    }

    /// Looks a key up, for changing it or asking about it.
    #[inline]
    pub fn look<'k>(&mut self, key: &'k [u8]) -> Spot<'k> {
        let hash = self.space.hash(key);
        let place = self.space.find(hash, key).filter(|place| !self.bury_if_due(*place, hash));
        Spot { key, hash, place }
    }

    /// Looks a key up for its value; counts a hit or a miss.
    #[inline]
    pub fn read<'k>(&mut self, key: &'k [u8]) -> Spot<'k> {
        let spot = self.look(key);
        if spot.exists() {
            self.changes.counters.hits += 1;
        } else {
            self.changes.counters.misses += 1;
            self.changes.note(EventClasses::KEY_MISS, "keymiss", self.index, key);
        }
        spot
    }

    /// The value at a spot.
    #[inline]
    pub fn text(&self, spot: &Spot<'_>) -> Option<Text<'_>> {
        spot.place.map(|place| self.space.entry(place).text())
    }

    /// The entry at a spot.
    pub fn entry(&self, spot: &Spot<'_>) -> Option<&Entry> {
        spot.place.map(|place| self.space.entry(place))
    }

    /// Bytes of memory that a key takes with its value, its place in the table and its deadline.
    pub fn memory_bytes(&self, spot: &Spot<'_>) -> Option<usize> {
        let entry = self.entry(spot)?;
        let deadline = self.deadline_ms(spot).map_or(0, |_| DEADLINE_BYTES);
        Some(entry.memory_bytes() + PLACE_BYTES + deadline)
    }

    /// The deadline at a spot, in milliseconds since 1970.
    pub fn deadline_ms(&self, spot: &Spot<'_>) -> Option<i64> {
        self.space.deadline_ms(spot.place?)
    }

    /// Puts a value where there may be another one, of whatever type.
    pub fn put(&mut self, event: &'static str, spot: Spot<'_>, text: Text<'_>, ttl: Ttl) {
        if spot.exists() {
            self.changes.note(EventClasses::OVERWRITTEN, "overwritten", self.index, spot.key);
        }
        let timed = matches!(ttl, Ttl::At(_));
        let place = self.write(spot, text, timed);
        match ttl {
            Ttl::Keep => {}
            Ttl::Clear => {
                self.space.set_deadline(place, spot.hash, None);
            }
            Ttl::At(at_ms) => {
                self.space.set_deadline(place, spot.hash, Some(at_ms));
            }
        }
        self.report(EventClasses::STRING, event, spot.key);
        if timed {
            self.changes.note(EventClasses::GENERIC, "expire", self.index, spot.key);
        }
    }

    /// Changes a value in place; its deadline stays.
    pub fn edit(&mut self, event: &'static str, spot: Spot<'_>, text: Text<'_>) {
        self.write(spot, text, false);
        self.report(EventClasses::STRING, event, spot.key);
    }

    /// Changes the bytes of a string in place, or those of a new empty one; its deadline stays. A
    /// long string is not copied for it.
    pub fn modify<R>(
        &mut self,
        event: &'static str,
        spot: Spot<'_>,
        change: impl FnOnce(&mut Vec<u8>) -> R,
    ) -> R {
        let place = match spot.place {
            Some(place) => place,
            None => self.write(spot, Text::Bytes(b""), false),
        };
        let result = self.space.modify(place, change);
        self.report(EventClasses::STRING, event, spot.key);
        result
    }

    /// Removes a key; false if there is none.
    pub fn remove(&mut self, event: &'static str, spot: Spot<'_>) -> bool {
        let Some(place) = spot.place else { return false };
        drop(self.space.remove(place, spot.hash));
        self.report(EventClasses::GENERIC, event, spot.key);
        true
    }

    /// Gives a key a deadline in milliseconds since 1970; false if there is no key.
    pub fn set_deadline(&mut self, event: &'static str, spot: Spot<'_>, at_ms: i64) -> bool {
        let Some(place) = spot.place else { return false };
        self.space.set_deadline(place, spot.hash, Some(at_ms));
        self.report(EventClasses::GENERIC, event, spot.key);
        true
    }

    /// Takes a key's deadline away; false if it has none or there is no key.
    pub fn clear_deadline(&mut self, event: &'static str, spot: Spot<'_>) -> bool {
        let Some(place) = spot.place else { return false };
        let cleared = self.space.set_deadline(place, spot.hash, None);
        if cleared {
            self.report(EventClasses::GENERIC, event, spot.key);
        }
        cleared
    }

    /// Number of keys.
    pub fn len(&self) -> usize {
        self.space.len()
    }

    /// True without keys.
    pub fn is_empty(&self) -> bool {
        self.space.is_empty()
    }

    /// Calls `visit` with every key.
    pub fn each_key(&self, mut visit: impl FnMut(&[u8])) {
        let live = self.space.iter().filter(|entry| !self.is_due(entry));
        live.for_each(|entry| visit(entry.key()));
    }

    /// One step of a scan; see [`crate::data::table::Table::scan`].
    pub fn scan<'s>(&'s self, cursor: u64, mut visit: impl FnMut(&'s Entry)) -> u64 {
        self.space.scan(cursor, |entry| {
            if !self.is_due(entry) {
                visit(entry);
            }
        })
    }

    /// A key chosen by chance, each with the same probability.
    pub fn random_key(&mut self, rng: &mut fastrand::Rng) -> Option<Vec<u8>> {
        for tries in 0.. {
            let key = self.space.sample(rng)?.key().to_vec();
            // A due key found here is removed, so that the loop ends; where due keys are kept it
            // ends with one of them.
            let is_enough = self.changes.keeps_due && tries >= SAMPLES_MAX;
            if self.look(&key).exists() || is_enough {
                return Some(key);
            }
        }
        None
    }

    /// Removes all keys; what they were is returned, to be freed at leisure.
    pub fn clear(&mut self) -> Pieces<Entry> {
        self.changes.dirty += self.space.len() as u64;
        self.space.clear()
    }

    fn write(&mut self, spot: Spot<'_>, text: Text<'_>, with_slot: bool) -> Place {
        if let Some(place) = spot.place {
            debug_assert_eq!(self.space.entry(place).key(), spot.key, "the spot is fresh");
            self.space.set_text(place, text);
            return place;
        }
        if self.changes.keeps_due {
            self.bury_kept(spot.key);
        }
        let place = self.space.insert(spot.hash, spot.key, text, with_slot);
        self.changes.note(EventClasses::NEW, "new", self.index, spot.key);
        place
    }

    fn report(&mut self, class: EventClasses, event: &'static str, key: &[u8]) {
        self.changes.dirty += 1;
        self.changes.note(class, event, self.index, key);
    }

    /// Whether the entry is due. Costs one comparison while no key of the database is.
    #[inline]
    fn is_due(&self, entry: &Entry) -> bool {
        self.space.earliest_ms().is_some_and(|at_ms| at_ms <= self.now_ms)
            && self.space.deadline_of(entry).is_some_and(|at_ms| at_ms <= self.now_ms)
    }

    #[inline]
    fn bury_if_due(&mut self, place: Place, hash: u64) -> bool {
        let due = self.is_due(self.space.entry(place));
        if due && !self.changes.keeps_due {
            self.bury(place, hash);
        }
        due
    }

    /// Removes a key that is due and has been kept, if there is one.
    #[cold]
    fn bury_kept(&mut self, key: &[u8]) {
        self.changes.keeps_due = false;
        self.look(key);
        self.changes.keeps_due = true;
    }

    /// Removes a key that is due.
    #[cold]
    fn bury(&mut self, place: Place, hash: u64) {
        let entry = self.space.remove(place, hash);
        self.changes.counters.expired += 1;
        self.changes.note(EventClasses::EXPIRED, "expired", self.index, entry.key());
    }

    /// Removes due keys, earliest first and at most `max` of them; returns how many.
    pub(super) fn bury_due(&mut self, max: usize) -> usize {
        for count in 0..max {
            if self.space.earliest_ms().is_none_or(|at_ms| at_ms > self.now_ms) {
                return count;
            }
            let Some((place, hash)) = self.space.first_to_die() else { return count };
            self.bury(place, hash);
        }
        max
    }
}
