//! The doors to a database: the only way by which commands see and change keys.
//!
//! Behind them, once: keys that are due are gone, counters count, and every change is reported.

use super::Expected;
use super::changes::Changes;
use super::entry::Entry;
use super::fields;
use super::keyspace::Keyspace;
use super::remains::Remains;
use super::usage::Usage;
use crate::base::id::DbIndex;
use crate::config::notify::EventClasses;
use crate::data::collection::{Kind, Type};
use crate::data::table::{Pieces, Place};
use crate::data::text::Text;
use crate::resp::error::Error;
use crate::sys::probes;

/// Bytes of the table for one key: a pointer and a byte of its hash.
const PLACE_BYTES: usize = 9;
/// Bytes of the heap for one deadline: a moment and a hash.
const DEADLINE_BYTES: usize = 16;

/// Keys that are drawn in search of one that is not due, while due keys are kept.
const SAMPLES_MAX: usize = 100;

/// One database at one moment.
pub struct Db<'a> {
    pub(super) space: &'a mut Keyspace,
    pub(super) changes: &'a mut Changes,
    pub(super) usage: &'a mut Usage,
    pub(super) remains: &'a mut Remains,
    pub(super) room: &'a mut Vec<u8>,
    pub(super) expected: &'a Expected,
    pub(super) index: DbIndex,
    pub(super) now_ms: i64,
}

/// A key that has been looked up: there or not. Holds until a door changes keys.
#[derive(Clone, Copy)]
pub struct Spot<'k> {
    pub(super) key: &'k [u8],
    pub(super) hash: u64,
    pub(super) place: Option<Place>,
}

impl Spot<'_> {
    /// True if the key is there.
    pub fn exists(&self) -> bool {
        self.place.is_some()
    }
}

/// A key on its way from one place to another.
pub(super) struct Parcel {
    /// The key with its value.
    pub(super) entry: Entry,
    /// Its deadline, in milliseconds since 1970.
    pub(super) deadline_ms: Option<i64>,
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

/// What has become of a collection, and what to tell of it.
pub struct Edit<R> {
    result: R,
    events: [Option<&'static str>; 2],
    has_changed: bool,
    /// Whether those who wait for the key hear of it though it has not.
    wakes: bool,
    /// How many changes it counts as.
    changes: u64,
}

impl<R> Edit<R> {
    /// Nothing has changed.
    pub fn same(result: R) -> Edit<R> {
        Edit { result, events: [None; 2], has_changed: false, wakes: false, changes: 0 }
    }

    /// It has changed.
    pub fn changed(event: &'static str, result: R) -> Edit<R> {
        let events = [Some(event), None];
        Edit { result, events, has_changed: true, wakes: false, changes: 1 }
    }

    /// That counts as so many changes; none if it belongs to one that is counted elsewhere.
    #[must_use]
    pub fn times(self, changes: usize) -> Edit<R> {
        Edit { changes: changes as u64, ..self }
    }

    /// Something has changed beside the elements: it counts, and is told to those who replay
    /// changes; who watches the key or waits for it does not hear of it.
    pub fn aside(event: Option<&'static str>, result: R) -> Edit<R> {
        Edit { result, events: [event, None], has_changed: false, wakes: false, changes: 1 }
    }

    /// Those who wait for the key hear of it nevertheless.
    #[must_use]
    pub fn wakes(self) -> Edit<R> {
        Edit { wakes: true, ..self }
    }

    /// There is another event to tell.
    #[must_use]
    pub fn and(self, event: &'static str) -> Edit<R> {
        Edit { events: [self.events[0], Some(event)], ..self }
    }
}

impl Db<'_> {
    /// Looks a key up, for changing it; counts as a use.
    #[inline(always)] // On the path of every command.
    pub fn look<'k>(&mut self, key: &'k [u8]) -> Spot<'k> {
        let spot = self.find(key);
        if let Some(place) = spot.place {
            self.usage.look(self.space.entry_mut(place));
        }
        spot
    }

    /// Looks a key up for its value; counts as a use, and a hit or a miss.
    #[inline]
    pub fn read<'k>(&mut self, key: &'k [u8]) -> Spot<'k> {
        let spot = self.look(key);
        self.count(&spot);
        spot
    }

    /// Looks a key up for what it is, not for its value: counts a hit or a miss, but no use.
    pub fn peek<'k>(&mut self, key: &'k [u8]) -> Spot<'k> {
        let spot = self.find(key);
        self.count(&spot);
        spot
    }

    /// Looks a key up for how it is kept: counts a hit or a miss, but no use, and a miss is no
    /// event.
    pub fn inspect<'k>(&mut self, key: &'k [u8]) -> Spot<'k> {
        let spot = self.find(key);
        self.count_silently(&spot);
        spot
    }

    /// Looks keys up for their values, so that all spots hold together; counts hits and misses.
    ///
    /// # Errors
    /// That a value is of a type that is not accepted; keys behind it are not looked up.
    pub fn read_all<'k>(
        &mut self,
        keys: impl Iterator<Item = &'k [u8]> + Clone,
        accepts: impl Fn(Type) -> bool,
    ) -> Result<Vec<Spot<'k>>, Error> {
        for key in keys.clone() {
            let spot = self.read(key);
            if self.type_of(&spot).is_some_and(|value| !accepts(value)) {
                return Err(Error::WRONG_TYPE);
            }
        }
        // Those that were due are gone by now, so that nothing moves any more.
        Ok(keys.map(|key| self.find(key)).collect())
    }

    /// The string at a spot.
    ///
    /// # Errors
    /// That the value is of another type.
    #[inline(always)] // On the path of every GET; behind it is a match.
    pub fn text(&self, spot: &Spot<'_>) -> Result<Option<Text<'_>>, Error> {
        let Some(place) = spot.place else { return Ok(None) };
        self.space.entry(place).text().map(Some).ok_or(Error::WRONG_TYPE)
    }

    /// The collection at a spot.
    ///
    /// # Errors
    /// That the value is of another type.
    #[inline]
    pub fn view<K: Kind>(&self, spot: &Spot<'_>) -> Result<Option<K::Ref<'_>>, Error> {
        let Some(place) = spot.place else { return Ok(None) };
        self.space.entry(place).view::<K>().map(Some).ok_or(Error::WRONG_TYPE)
    }

    /// The type of the value at a spot.
    pub fn type_of(&self, spot: &Spot<'_>) -> Option<Type> {
        spot.place.map(|place| self.space.entry(place).type_of())
    }

    /// The type of the value of a key, unless it is due; then it stays where it is.
    pub fn type_of_live(&self, key: &[u8]) -> Option<Type> {
        let entry = self.space.entry(self.space.find(self.space.hash(key), key)?);
        (!self.is_due(entry)).then(|| entry.type_of())
    }

    /// The entry at a spot.
    pub fn entry(&self, spot: &Spot<'_>) -> Option<&Entry> {
        spot.place.map(|place| self.space.entry(place))
    }

    /// What is noted of the use of keys.
    pub fn usage(&self) -> &Usage {
        self.usage
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
        self.note_overwritten(&spot, Type::String);
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
    pub fn modify(
        &mut self,
        event: &'static str,
        spot: Spot<'_>,
        change: impl FnOnce(&mut Vec<u8>),
    ) {
        self.modify_if(event, spot, |bytes| {
            change(bytes);
            1
        });
    }

    /// The same for a change that may come to nothing, or count as several: `change` tells how many
    /// there were, and they are reported if there was one.
    pub fn modify_if(
        &mut self,
        event: &'static str,
        spot: Spot<'_>,
        change: impl FnOnce(&mut Vec<u8>) -> usize,
    ) {
        let place = match spot.place {
            Some(place) => place,
            None => self.write(spot, Text::Bytes(b""), false),
        };
        let changes = self.space.modify(place, change);
        if changes > 0 {
            if self.usage.notes_changes() {
                self.usage.stamp(self.space.entry_mut(place));
            }
            self.report_times(EventClasses::STRING, event, spot.key, changes);
        }
    }

    /// Changes bytes of a string where they stand without another meaning: those who replay changes
    /// and who watch the key are told, but there is no event.
    pub fn amend(&mut self, spot: Spot<'_>, change: impl FnOnce(&mut Vec<u8>)) {
        if let Some(place) = spot.place {
            self.space.modify(place, change);
            self.changes.dirty += 1;
            self.changes.touch(self.index, spot.key);
        }
    }

    /// Puts bytes that were made to be a value; long ones are not copied. The deadline goes.
    pub fn put_bytes(&mut self, event: &'static str, spot: Spot<'_>, bytes: Vec<u8>) {
        self.note_overwritten(&spot, Type::String);
        let place = self.write(spot, Text::Bytes(b""), false);
        self.space.modify(place, |held| *held = bytes);
        self.space.set_deadline(place, spot.hash, None);
        self.report(EventClasses::STRING, event, spot.key);
    }

    /// Takes the memory of a string that is about to be replaced; until then its key holds an empty
    /// one.
    pub fn reuse(&mut self, spot: &Spot<'_>) -> Vec<u8> {
        let mut taken = Vec::new();
        if let Some(place) = spot.place
            && self.space.entry(place).type_of() == Type::String
        {
            self.space.modify(place, |bytes| taken = std::mem::take(bytes));
        }
        taken
    }

    /// Changes a collection that is there; `None` if there is none. It goes if it has no elements
    /// any more.
    ///
    /// # Errors
    /// That the value is of another type.
    pub fn update<K: Kind, R>(
        &mut self,
        spot: Spot<'_>,
        change: impl FnOnce(&mut K) -> Edit<R>,
    ) -> Result<Option<R>, Error> {
        let spot = self.fresh::<K>(spot);
        let Some(place) = spot.place else { return Ok(None) };
        let entry = self.space.entry_mut(place);
        let before = if K::TYPE == Type::Hash { fields::earliest_ms(entry) } else { None };
        let edited = entry.edit(self.room, |value: &mut K| (change(value), value.is_void()));
        let (edit, is_void) = edited.ok_or(Error::WRONG_TYPE)?;
        if K::TYPE == Type::Hash {
            self.space.shift_fields(place, spot.hash, before);
        }
        if edit.has_changed && self.usage.notes_changes() {
            self.usage.stamp(self.space.entry_mut(place));
        }
        let result = self.tell::<K, R>(spot.key, edit);
        if is_void {
            self.discard(place, spot.hash);
            self.note(EventClasses::GENERIC, "del", spot.key);
        }
        Ok(Some(result))
    }

    /// Changes a collection, or a new one that is kept if it gets an element.
    ///
    /// # Errors
    /// That the value is of another type.
    pub fn upsert<K: Kind, R>(
        &mut self,
        spot: Spot<'_>,
        change: impl FnOnce(&mut K) -> Edit<R>,
    ) -> Result<R, Error> {
        let spot = self.fresh::<K>(spot);
        if spot.exists() {
            let result = self.update(spot, change)?;
            return result.ok_or(Error::WRONG_TYPE);
        }
        let mut value = K::default();
        let edit = change(&mut value);
        if !value.is_void() {
            self.note(EventClasses::NEW, "new", spot.key);
            self.add(spot, value);
        }
        Ok(self.tell::<K, R>(spot.key, edit))
    }

    /// Puts a collection where there may be a value of any type; nothing is left if it has no
    /// elements. The deadline goes. A value that is put counts as so many changes.
    pub fn replace<K: Kind>(
        &mut self,
        event: &'static str,
        spot: Spot<'_>,
        value: K,
        changes: usize,
    ) {
        if value.is_void() {
            self.remove("del", spot);
            return;
        }
        self.note_overwritten(&spot, K::TYPE);
        match spot.place {
            Some(place) => drop(self.discard(place, spot.hash)),
            None => self.note(EventClasses::NEW, "new", spot.key),
        }
        self.add(spot, value);
        self.report_times(class_of(K::TYPE), event, spot.key, changes);
    }

    /// Adds a key with a collection where none is any more, and reports nothing.
    fn add<K: Kind>(&mut self, spot: Spot<'_>, value: K) {
        if self.changes.keeps_due {
            self.bury_kept(spot.key);
        }
        let mut entry = Entry::collect(spot.key, value.wrap(), false);
        self.usage.begin(&mut entry);
        let place = self.space.insert(spot.hash, entry);
        if K::TYPE == Type::Hash {
            self.space.shift_fields(place, spot.hash, None);
        }
    }

    /// A spot whose value is about to change: what is due of it goes before.
    #[inline]
    fn fresh<'k, K: Kind>(&mut self, spot: Spot<'k>) -> Spot<'k> {
        if K::TYPE == Type::Hash && self.has_due() && !self.changes.shows_due {
            self.bury_hidden_fields(spot)
        } else {
            spot
        }
    }

    /// Reports what has become of a collection.
    #[inline(always)] // An edit is put together and taken apart in registers.
    fn tell<K: Kind, R>(&mut self, key: &[u8], edit: Edit<R>) -> R {
        self.changes.dirty += edit.changes;
        if self.changes.is_heard() {
            if edit.has_changed {
                self.changes.touch(self.index, key);
            } else if edit.wakes {
                self.changes.wake(self.index, key);
            }
            for event in edit.events.into_iter().flatten() {
                self.note(class_of(K::TYPE), event, key);
            }
        }
        edit.result
    }

    /// Takes a key away without a word; what takes long to free is freed later.
    pub(super) fn discard(&mut self, place: Place, hash: u64) -> Entry {
        let mut entry = self.space.remove(place, hash);
        self.changes.counters.freed_later += u64::from(self.remains.add_value(&mut entry));
        entry
    }

    /// Removes a key; false if there is none.
    pub fn remove(&mut self, event: &'static str, spot: Spot<'_>) -> bool {
        let Some(place) = spot.place else { return false };
        self.discard(place, spot.hash);
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

    /// True while keys that are due are like any others.
    pub fn shows_due(&self) -> bool {
        self.changes.shows_due
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

    /// One step of a scan; see [`crate::data::table::Table::scan`]. `visit` is told of each entry
    /// whether it is live; those that are not are for [`Db::look`] to remove.
    pub fn scan<'s>(&'s self, cursor: u64, mut visit: impl FnMut(&'s Entry, bool)) -> u64 {
        self.space.scan(cursor, |entry| visit(entry, !self.is_due(entry)))
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
        self.changes.touch_all(self.index);
        self.changes.dirty += self.space.len() as u64;
        self.space.clear()
    }

    /// The same without a change, as what was there is about to come back.
    pub fn empty(&mut self) -> Pieces<Entry> {
        self.space.clear()
    }

    /// Takes a key out with its deadline: a change of which the event is left to who brings it in
    /// elsewhere.
    pub(super) fn take(&mut self, spot: Spot<'_>) -> Option<Parcel> {
        let deadline_ms = self.deadline_ms(&spot);
        let entry = self.space.remove(spot.place?, spot.hash);
        self.changes.dirty += 1;
        self.changes.touch(self.index, entry.key());
        Some(Parcel { entry, deadline_ms })
    }

    /// Copies a key with its deadline.
    pub(super) fn copy(&self, spot: &Spot<'_>, key: &[u8]) -> Option<Parcel> {
        let deadline_ms = self.deadline_ms(spot);
        let mut entry = self.entry(spot)?.copy(key, deadline_ms.is_some());
        self.usage.begin(&mut entry);
        Some(Parcel { entry, deadline_ms })
    }

    /// Puts in what was taken out or copied. If a value had to go for it, its type and that of the
    /// new one.
    pub(super) fn bring(&mut self, parcel: Parcel) -> Option<(Type, Type)> {
        let Parcel { entry, deadline_ms } = parcel;
        if self.changes.keeps_due {
            self.bury_kept(entry.key());
        }
        let Spot { hash, place: old, .. } = self.find(entry.key());
        let types = old.map(|place| {
            let old_type = self.space.entry(place).type_of();
            self.discard(place, hash);
            (old_type, entry.type_of())
        });
        self.note(EventClasses::NEW, "new", entry.key());
        self.changes.touch(self.index, entry.key());
        let place = self.space.insert(hash, entry);
        self.space.shift_fields(place, hash, None);
        self.space.set_deadline(place, hash, deadline_ms);
        types
    }

    /// Removes a key to have its memory.
    pub(super) fn evict(&mut self, place: Place, hash: u64) {
        let entry = self.discard(place, hash);
        probes::eviction(self.index, entry.key());
        self.changes.counters.evicted += 1;
        self.changes.touch(self.index, entry.key());
        self.usage.note_eviction();
        self.note(EventClasses::EVICTED, "evicted", entry.key());
    }

    /// Notes an event that follows from a change reported by another one.
    pub(super) fn note(&mut self, class: EventClasses, event: &'static str, key: &[u8]) {
        self.changes.note(class, event, self.index, key);
    }

    /// Notes that a value is about to be replaced by one of a type.
    #[inline]
    pub(super) fn note_overwritten(&mut self, spot: &Spot<'_>, by: Type) {
        let Some(place) = spot.place else { return };
        if self.changes.wanted().is_empty() {
            return;
        }
        let is_same = self.space.entry(place).type_of() == by;
        self.note(EventClasses::OVERWRITTEN, "overwritten", spot.key);
        if !is_same {
            self.note(EventClasses::TYPE_CHANGED, "type_changed", spot.key);
        }
    }

    fn write(&mut self, spot: Spot<'_>, text: Text<'_>, with_slot: bool) -> Place {
        if let Some(place) = spot.place {
            self.space.forget_fields(place, spot.hash);
            let entry = self.space.entry_mut(place);
            debug_assert_eq!(entry.key(), spot.key, "the spot is fresh");
            self.changes.counters.freed_later += u64::from(self.remains.add_value(entry));
            entry.set_text(text);
            if self.usage.notes_writes() {
                self.usage.stamp(self.space.entry_mut(place));
            }
            return place;
        }
        if self.changes.keeps_due {
            self.bury_kept(spot.key);
        }
        let mut entry = Entry::new(spot.key, text, with_slot);
        self.usage.begin(&mut entry);
        let place = self.space.insert(spot.hash, entry);
        self.changes.note(EventClasses::NEW, "new", self.index, spot.key);
        place
    }

    /// Looks a key up for how much memory it takes, or for a test: counts nothing.
    #[inline(always)] // On the path of every command; the look-up itself is a call.
    pub fn find<'k>(&mut self, key: &'k [u8]) -> Spot<'k> {
        let hash = self.expected.hash_of(key).unwrap_or_else(|| self.space.hash(key));
        debug_assert_eq!(hash, self.space.hash(key), "the key stands where it was expected");
        let mut place = self.space.find(hash, key);
        if self.has_due() {
            place = place.filter(|place| !self.bury_if_due(*place, hash));
        }
        Spot { key, hash, place }
    }

    #[inline]
    fn count(&mut self, spot: &Spot<'_>) {
        self.count_silently(spot);
        if !spot.exists() {
            self.changes.note(EventClasses::KEY_MISS, "keymiss", self.index, spot.key);
        }
    }

    #[inline]
    fn count_silently(&mut self, spot: &Spot<'_>) {
        let counters = &mut self.changes.counters;
        let counter = if spot.exists() { &mut counters.hits } else { &mut counters.misses };
        *counter += 1;
    }

    pub(super) fn report(&mut self, class: EventClasses, event: &'static str, key: &[u8]) {
        self.report_times(class, event, key, 1);
    }

    /// Reports a change that counts as so many.
    #[inline]
    fn report_times(
        &mut self,
        class: EventClasses,
        event: &'static str,
        key: &[u8],
        changes: usize,
    ) {
        self.changes.dirty += changes as u64;
        self.changes.touch(self.index, key);
        self.changes.note(class, event, self.index, key);
    }

    /// Whether the entry is due. Costs one comparison while no key of the database is.
    #[inline]
    fn is_due(&self, entry: &Entry) -> bool {
        self.has_due()
            && self.space.deadline_of(entry).is_some_and(|at_ms| at_ms <= self.now_ms)
            && !self.changes.shows_due
    }

    /// Whether any key or field of the database is due.
    #[inline]
    fn has_due(&self) -> bool {
        self.space.due_ms() <= self.now_ms
    }

    #[cold]
    fn bury_if_due(&mut self, place: Place, hash: u64) -> bool {
        if self.changes.shows_due {
            return false;
        }
        let due = self.is_due(self.space.entry(place));
        if due && !self.changes.keeps_due {
            self.bury(place, hash);
        }
        due || self.bury_seen_fields(place, hash)
    }

    /// Removes a key that is due and has been kept, if there is one.
    #[cold]
    pub fn bury_kept(&mut self, key: &[u8]) {
        let keeps_due = std::mem::replace(&mut self.changes.keeps_due, false);
        self.find(key);
        self.changes.keeps_due = keeps_due;
    }

    /// Removes a key that is due.
    #[cold]
    fn bury(&mut self, place: Place, hash: u64) {
        let late_ms = self.space.deadline_ms(place).map_or(0, |at_ms| self.now_ms - at_ms);
        let entry = self.discard(place, hash);
        probes::expiry(self.index, entry.key(), late_ms);
        self.changes.counters.expired += 1;
        self.changes.touch_death(self.index, entry.key());
        self.changes.note(EventClasses::EXPIRED, "expired", self.index, entry.key());
    }

    /// Removes due keys, earliest first, then due fields, and at most `max` of them; returns how
    /// many.
    pub(super) fn bury_due(&mut self, max: usize) -> usize {
        for count in 0..max {
            let is_due = self.space.earliest_ms().is_some_and(|at_ms| at_ms <= self.now_ms);
            let first = self.space.first_to_die().filter(|_| is_due);
            let Some((place, hash)) = first else {
                return count + self.bury_due_fields(max - count);
            };
            self.bury(place, hash);
        }
        max
    }
}

/// The class of events of a type's own commands.
fn class_of(value: Type) -> EventClasses {
    match value {
        Type::String => EventClasses::STRING,
        Type::List => EventClasses::LIST,
        Type::Set => EventClasses::SET,
        Type::SortedSet => EventClasses::ZSET,
        Type::Hash => EventClasses::HASH,
        Type::Stream => EventClasses::STREAM,
    }
}
