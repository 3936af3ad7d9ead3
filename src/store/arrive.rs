//! Keys that come in whole: from a snapshot, or as RESTORE brings them.

use super::db::{Db, Parcel, Spot};
use super::entry::{Arrival, Entry};
use super::usage::Usage;
use crate::base::hash::KeyHasher;
use crate::config::Config;
use crate::config::notify::EventClasses;
use crate::data::collection::{Limits, Type};
use crate::data::table::Place;

/// What a snapshot tells of the use of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Noted {
    /// Nothing.
    #[default]
    Nothing,
    /// Seconds since it was used.
    Idle(u64),
    /// How often it is used.
    Frequency(u8),
}

/// How far a collection of this type may go in its small form.
pub fn limits(config: &Config, hasher: &KeyHasher, value: Type) -> Limits {
    let (elements, element_bytes) = match value {
        Type::String | Type::List | Type::Stream => (0, 0),
        Type::Hash => (config.hash_max_listpack_entries, config.hash_max_listpack_value),
        Type::Set => (config.set_max_listpack_entries, config.set_max_listpack_value),
        Type::SortedSet => (config.zset_max_listpack_entries, config.zset_max_listpack_value),
    };
    let bound = |value: i64| usize::try_from(value).unwrap_or(0);
    Limits {
        elements: bound(elements),
        element_bytes: bound(element_bytes),
        integers: bound(config.set_max_intset_entries),
        hasher: hasher.clone(),
    }
}

impl Db<'_> {
    /// Takes in a key from a snapshot, and reports nothing; false if it is there already and is not
    /// to be replaced.
    pub fn load(
        &mut self,
        key: &[u8],
        value: Arrival<'_>,
        deadline_ms: Option<i64>,
        noted: Noted,
        replaces: bool,
    ) -> bool {
        let hash = self.space.hash(key);
        if let Some(place) = self.space.find(hash, key) {
            if !replaces {
                return false;
            }
            self.discard(place, hash);
        }
        let entry = self.make_entry(key, value, deadline_ms, noted);
        self.settle(hash, entry, deadline_ms);
        true
    }

    /// Puts a key in where there may be another one; RESTORE reports it.
    pub fn restore(
        &mut self,
        spot: Spot<'_>,
        value: Arrival<'_>,
        deadline_ms: Option<i64>,
        noted: Noted,
    ) {
        let entry = self.make_entry(spot.key, value, deadline_ms, noted);
        self.bring(Parcel { entry, deadline_ms });
        self.report(EventClasses::GENERIC, "restore", spot.key);
    }

    fn make_entry(
        &self,
        key: &[u8],
        value: Arrival<'_>,
        deadline_ms: Option<i64>,
        noted: Noted,
    ) -> Entry {
        let mut entry = Entry::arrive(key, value, deadline_ms.is_some());
        note(self.usage, &mut entry, noted);
        entry
    }

    fn settle(&mut self, hash: u64, entry: Entry, deadline_ms: Option<i64>) -> Place {
        let place = self.space.insert(hash, entry);
        self.space.shift_fields(place, hash, None);
        if deadline_ms.is_some() {
            self.space.set_deadline(place, hash, deadline_ms);
        }
        place
    }
}

/// Notes what is known of the use of a key, if it is of the kind that is kept at present.
fn note(usage: &Usage, entry: &mut Entry, noted: Noted) {
    usage.begin(entry);
    match noted {
        Noted::Nothing => {}
        Noted::Idle(idle_s) => usage.note_idle(entry, idle_s),
        Noted::Frequency(count) => usage.note_frequency(entry, count),
    }
}
