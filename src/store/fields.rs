//! When the fields of hashes die: which hashes have fields with deadlines, in the order of the
//! earliest of them; and what becomes of fields that are due.
//!
//! A hash is named by the hash of its key, as in the heap of deadlines. Each has one place in the
//! order, which moves when its earliest deadline does.

use super::db::{Db, Spot};
use super::entry::Entry;
use crate::config::notify::EventClasses;
use crate::data::collection::Kind;
use crate::data::hash::{Hash, HashRef};
use crate::data::table::Place;
use crate::resp::error::Error;
use std::collections::BTreeMap;

/// Due fields of a hash that die when it is looked at; what is left is not shown, and dies in the
/// following ticks.
const DEATHS_PER_LOOK: usize = 500;
/// Bytes of memory of a place in the order: a moment, a hash, a count, and the room in its node.
const PLACE_BYTES: usize = 36;

/// The hashes whose fields have deadlines.
#[derive(Default)]
pub(super) struct Fields {
    /// By the earliest deadline and the hash of the key: how many hashes; one but by chance.
    order: BTreeMap<(i64, u64), u32>,
}

impl Fields {
    /// True if no field has a deadline.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The earliest deadline, in milliseconds since 1970, and the hash of the key.
    pub(super) fn first(&self) -> Option<(i64, u64)> {
        self.order.first_key_value().map(|(first, _)| *first)
    }

    /// Bytes of memory of the order.
    pub(super) fn memory_bytes(&self) -> usize {
        self.order.len() * PLACE_BYTES
    }

    /// The earliest deadline of a hash is another one, or there is none any more, or now there is.
    pub(super) fn shift(&mut self, hash: u64, from: Option<i64>, to: Option<i64>) {
        if from == to {
            return;
        }
        if let Some(at_ms) = from
            && let Some(count) = self.order.get_mut(&(at_ms, hash))
        {
            *count -= 1;
            if *count == 0 {
                self.order.remove(&(at_ms, hash));
            }
        }
        if let Some(at_ms) = to {
            *self.order.entry((at_ms, hash)).or_insert(0) += 1;
        }
    }
}

/// The earliest deadline of the fields of an entry, in milliseconds since 1970.
#[inline]
pub(super) fn earliest_ms(entry: &Entry) -> Option<i64> {
    entry.view::<Hash>().and_then(HashRef::earliest_ms)
}

impl Db<'_> {
    /// The hash at a spot, without fields that are due.
    ///
    /// # Errors
    /// That the value is of another type.
    #[inline]
    pub fn hash(&self, spot: &Spot<'_>) -> Result<Option<HashRef<'_>>, Error> {
        let now_ms = if self.changes.shows_due { i64::MIN } else { self.now_ms };
        Ok(self.view::<Hash>(spot)?.map(|hash| hash.hiding(now_ms)))
    }

    /// Removes due fields of the value at a place that is being looked at; true if the key has gone
    /// with them.
    #[cold]
    pub(super) fn bury_seen_fields(&mut self, place: Place, hash: u64) -> bool {
        !self.changes.keeps_due && self.bury_fields(place, hash, DEATHS_PER_LOOK).1
    }

    /// Removes all due fields of the value at a spot that is about to be changed.
    #[cold]
    pub(super) fn bury_hidden_fields<'k>(&mut self, spot: Spot<'k>) -> Spot<'k> {
        let place = spot.place.filter(|place| !self.bury_fields(*place, spot.hash, usize::MAX).1);
        Spot { place, ..spot }
    }

    /// Removes due fields of all hashes, those first whose earliest is, and at most `max` of them;
    /// how many.
    pub(super) fn bury_due_fields(&mut self, max: usize) -> usize {
        let mut count = 0;
        while count < max {
            let first = self.space.first_field().filter(|(at_ms, _)| *at_ms <= self.now_ms);
            let Some((at_ms, hash)) = first else { break };
            let Some(place) = self.space.find_by_field(at_ms, hash) else { break };
            count += self.bury_fields(place, hash, max - count).0;
        }
        count
    }

    /// Removes due fields of the value at a place, at most `max` of them; how many, and whether the
    /// key has gone with them.
    fn bury_fields(&mut self, place: Place, hash: u64, max: usize) -> (usize, bool) {
        let (now_ms, mut names) = (self.now_ms, Vec::new());
        let entry = self.space.entry_mut(place);
        let before = earliest_ms(entry);
        if before.is_none_or(|at_ms| at_ms > now_ms) {
            return (0, false);
        }
        let lists = self.changes.lists_fields();
        let buried = entry.edit(self.room, |fields: &mut Hash| {
            let visit = |name: &[u8]| {
                if lists {
                    names.push(name.into());
                }
            };
            (fields.take_due(now_ms, max, visit), fields.is_empty())
        });
        let (count, is_empty) = buried.unwrap_or_default();
        let key: Box<[u8]> = entry.key().into();
        self.space.shift_fields(place, hash, before);
        self.changes.counters.expired_fields += count as u64;
        self.changes.touch(self.index, &key);
        self.changes.note_fields(self.index, &key, names);
        if is_empty {
            self.discard(place, hash);
            self.note(EventClasses::GENERIC, "del", &key);
        }
        (count, is_empty)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_hash_has_one_place() {
        let mut fields = Fields::default();
        fields.shift(7, None, Some(50));
        fields.shift(8, None, Some(40));
        assert_eq!(fields.first(), Some((40, 8)));
        fields.shift(8, Some(40), Some(60));
        assert_eq!(fields.first(), Some((50, 7)));
        // Two keys with the same hash.
        fields.shift(7, None, Some(50));
        fields.shift(7, Some(50), None);
        assert_eq!(fields.first(), Some((50, 7)));
        fields.shift(7, Some(50), None);
        fields.shift(8, Some(60), None);
        assert!(fields.is_empty());
    }
}
