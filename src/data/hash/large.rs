//! The large form: a hash table of fields with their values, and a heap of the fields' deadlines.

use super::Field;
use super::pair::Pair;
use crate::base::hash::KeyHasher;
use crate::base::short;
use crate::data::deadlines::Deadlines;
use crate::data::table::{Place, Table};
use crate::data::text::Text;

/// Fields with values, found by hash.
#[derive(Clone)]
pub(super) struct Large {
    table: Table<Pair>,
    deadlines: Deadlines,
    hasher: KeyHasher,
    /// Bytes of memory of all pairs.
    pair_bytes: usize,
}

impl Large {
    /// No fields yet.
    pub(super) fn new(hasher: KeyHasher) -> Large {
        Large { table: Table::new(), deadlines: Deadlines::default(), hasher, pair_bytes: 0 }
    }

    /// Number of fields.
    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// A field, if it is there.
    #[inline]
    pub(super) fn get(&self, field: &[u8]) -> Option<Field<'_>> {
        let (place, _) = self.find(field);
        Some(self.show(self.table.at(place?)))
    }

    /// Writes a field, whose deadline goes unless it is to stay; true if it is a new one.
    pub(super) fn set(&mut self, field: &[u8], value: &[u8], keeps_deadline: bool) -> bool {
        let (place, hash) = self.find(field);
        let Some(place) = place else {
            let pair = Pair::new(field, value, false);
            self.pair_bytes += pair.memory_bytes();
            let hasher = &self.hasher;
            self.table.insert(hash, pair, |pair| hasher.hash(pair.field()));
            return true;
        };
        if !keeps_deadline {
            self.deadlines.clear(&mut self.table, place);
        }
        let pair = self.table.at_mut(place);
        self.pair_bytes -= pair.memory_bytes();
        pair.set_value(value);
        self.pair_bytes += pair.memory_bytes();
        false
    }

    /// Removes a field; false if it is not there.
    pub(super) fn remove(&mut self, field: &[u8]) -> bool {
        let (place, hash) = self.find(field);
        place.is_some_and(|place| {
            self.take(place, hash);
            true
        })
    }

    /// Gives a field a deadline in milliseconds since 1970, or takes it away; false if the field is
    /// not there.
    pub(super) fn set_deadline(&mut self, field: &[u8], at_ms: Option<i64>) -> bool {
        let (place, hash) = self.find(field);
        let Some(place) = place else { return false };
        self.pair_bytes -= self.table.at(place).memory_bytes();
        match at_ms {
            Some(at_ms) => self.deadlines.set(&mut self.table, place, hash, at_ms),
            None => {
                self.deadlines.clear(&mut self.table, place);
            }
        }
        self.pair_bytes += self.table.at(place).memory_bytes();
        true
    }

    /// The earliest deadline, in milliseconds since 1970.
    #[inline]
    pub(super) fn earliest_ms(&self) -> Option<i64> {
        self.deadlines.earliest_ms()
    }

    /// Number of fields that are due at a moment.
    pub(super) fn due_count(&self, now_ms: i64) -> usize {
        self.deadlines.due_count(now_ms)
    }

    /// Removes the field with the earliest deadline, and shows it to `visit`.
    pub(super) fn take_first(&mut self, visit: impl FnOnce(&[u8])) {
        if let Some((place, hash)) = self.deadlines.first(&self.table) {
            visit(self.take(place, hash).field());
        }
    }

    /// All fields, in no order that means anything.
    pub(super) fn iter(&self) -> impl Iterator<Item = Field<'_>> {
        self.table.iter().map(|pair| self.show(pair))
    }

    /// One step of a scan; see [`Table::scan`].
    pub(super) fn scan<'a>(&'a self, cursor: u64, mut visit: impl FnMut(Field<'a>)) -> u64 {
        let hash_of = |pair: &Pair| self.hasher.hash(pair.field());
        self.table.scan(cursor, hash_of, |pair| visit(self.show(pair)))
    }

    /// A field chosen by chance, each with the same probability.
    pub(super) fn sample(&self, rng: &mut fastrand::Rng) -> Option<Field<'_>> {
        self.table.sample(rng).map(|pair| self.show(pair))
    }

    /// Bytes of memory that it points to.
    pub(super) fn memory_bytes(&self) -> usize {
        self.table.memory_bytes() + self.deadlines.memory_bytes() + self.pair_bytes
    }

    /// Frees some of what nobody needs any more; false once nothing is left.
    pub(super) fn free_some(&mut self) -> bool {
        self.table.free_some()
    }

    #[inline]
    fn find(&self, field: &[u8]) -> (Option<Place>, u64) {
        let hash = self.hasher.hash(field);
        (self.table.find(hash, |pair| short::equal(pair.field(), field)), hash)
    }

    #[inline]
    fn show<'a>(&self, pair: &'a Pair) -> Field<'a> {
        let (name, value) = pair.parts();
        let deadline_ms = self.deadlines.of(pair);
        Field { name: Text::Bytes(name), value: Text::Bytes(value), deadline_ms }
    }

    fn take(&mut self, place: Place, hash: u64) -> Pair {
        self.deadlines.clear(&mut self.table, place);
        let hasher = &self.hasher;
        let pair = self.table.remove(place, hash, |pair| hasher.hash(pair.field()));
        self.pair_bytes -= pair.memory_bytes();
        pair
    }
}
