//! When keys die: a min-heap of deadlines that holds exactly one node for each key that has one.
//!
//! Four children a node, so that a node's children share a cache line or two and the heap is half
//! as deep. A node names its key by hash; the entry knows its place in the heap, and both sides are
//! kept in step, so that a deadline can be moved or dropped without a search and a dead node never
//! stays behind.

use super::entry::Entry;
use crate::base::paged::Paged;
use crate::data::table::{Place, Table};

/// Children of a node.
const ARITY: usize = 4;

/// A heap of deadlines over the entries of one table.
#[derive(Default)]
pub struct Deadlines {
    nodes: Paged<Node>,
}

#[derive(Clone, Copy)]
struct Node {
    at_ms: i64,
    hash: u64,
}

impl Deadlines {
    /// Number of keys with a deadline.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// The earliest deadline, in milliseconds since 1970.
    #[inline]
    pub fn earliest_ms(&self) -> Option<i64> {
        self.nodes.first().map(|node| node.at_ms)
    }

    /// The deadline of an entry, in milliseconds since 1970.
    #[inline]
    pub fn of(&self, entry: &Entry) -> Option<i64> {
        entry.heap_slot().map(|slot| self.nodes[slot as usize].at_ms)
    }

    /// Gives the entry at `place`, whose hash is `hash`, a deadline in place of any it has.
    pub fn set(&mut self, table: &mut Table<Entry>, place: Place, hash: u64, at_ms: i64) {
        let node = Node { at_ms, hash };
        let entry = table.at_mut(place);
        let hole = match entry.heap_slot() {
            Some(slot) => slot as usize,
            None => {
                self.nodes.push(node);
                self.nodes.len() - 1
            }
        };
        // Without a slot the entry cannot be mistaken for one that moves.
        entry.set_heap_slot(None);
        let hole = self.settle(table, hole, node);
        table.at_mut(place).set_heap_slot(Some(slot_of(hole)));
    }

    /// Takes the deadline from the entry at `place`; false if it has none.
    pub fn clear(&mut self, table: &mut Table<Entry>, place: Place) -> bool {
        let entry = table.at_mut(place);
        let Some(slot) = entry.heap_slot() else { return false };
        entry.set_heap_slot(None);
        let hole = slot as usize;
        let last = self.nodes.len() - 1;
        let Some(node) = self.nodes.pop() else { return false };
        if hole != last
            && let Some(place) = find(table, node.hash, last)
        {
            table.at_mut(place).set_heap_slot(None);
            let hole = self.settle(table, hole, node);
            table.at_mut(place).set_heap_slot(Some(slot_of(hole)));
        }
        true
    }

    /// The entry with the earliest deadline, and its hash.
    pub fn first(&self, table: &Table<Entry>) -> Option<(Place, u64)> {
        let node = self.nodes.first()?;
        find(table, node.hash, 0).map(|place| (place, node.hash))
    }

    /// An entry with a deadline, chosen by chance, each with the same probability; and its hash.
    pub fn sample(&self, table: &Table<Entry>, rng: &mut fastrand::Rng) -> Option<(Place, u64)> {
        if self.nodes.is_empty() {
            return None;
        }
        let slot = rng.usize(0..self.nodes.len());
        let hash = self.nodes[slot].hash;
        find(table, hash, slot).map(|place| (place, hash))
    }

    /// Bytes of memory that the heap takes.
    pub fn memory_bytes(&self) -> usize {
        self.nodes.len() * size_of::<Node>()
    }

    /// Puts `node` where it belongs on the path through `hole`, and returns that place.
    fn settle(&mut self, table: &mut Table<Entry>, mut hole: usize, node: Node) -> usize {
        while hole > 0 {
            let parent = (hole - 1) / ARITY;
            if self.nodes[parent].at_ms <= node.at_ms {
                break;
            }
            self.shift(table, parent, hole);
            hole = parent;
        }
        while let Some(child) = self.earliest_child(hole) {
            if self.nodes[child].at_ms >= node.at_ms {
                break;
            }
            self.shift(table, child, hole);
            hole = child;
        }
        self.nodes[hole] = node;
        hole
    }

    fn earliest_child(&self, parent: usize) -> Option<usize> {
        let first = parent * ARITY + 1;
        let children = first..(first + ARITY).min(self.nodes.len());
        children.min_by_key(|child| self.nodes[*child].at_ms)
    }

    /// Moves a node, and tells its entry.
    fn shift(&mut self, table: &mut Table<Entry>, from: usize, to: usize) {
        let node = self.nodes[from];
        if let Some(place) = find(table, node.hash, from) {
            table.at_mut(place).set_heap_slot(Some(slot_of(to)));
        }
        self.nodes[to] = node;
    }
}

/// The entry with this hash that stands at `slot` of the heap: there always is one.
fn find(table: &Table<Entry>, hash: u64, slot: usize) -> Option<Place> {
    let slot = Some(slot_of(slot));
    let place = table.find(hash, |entry| entry.heap_slot() == slot);
    debug_assert!(place.is_some(), "every node has its entry");
    place
}

fn slot_of(index: usize) -> u32 {
    let slot = u32::try_from(index).unwrap_or(u32::MAX);
    assert!(slot < u32::MAX, "fewer than 2^32 keys have deadlines");
    slot
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::text::Text;
    use std::collections::BTreeMap;

    /// Few hashes, so that many entries share one.
    fn hash_of(entry: &Entry) -> u64 {
        let sum: u64 = entry.key().iter().map(|byte| u64::from(*byte)).sum();
        (sum % 64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }

    fn place_of(table: &Table<Entry>, key: &str) -> (Place, u64) {
        let hash = hash_of(&Entry::new(key.as_bytes(), Text::Int(0), false));
        let place = table.find(hash, |entry| entry.key() == key.as_bytes());
        (place.expect("present"), hash)
    }

    #[test]
    fn the_heap_and_the_entries_stay_in_step() {
        let mut rng = fastrand::Rng::with_seed(21);
        let mut table = Table::new();
        let mut deadlines = Deadlines::default();
        let keys: Vec<String> = (0..300).map(|i| format!("key:{i}")).collect();
        for key in &keys {
            let entry = Entry::new(key.as_bytes(), Text::Int(1), rng.bool());
            table.insert(hash_of(&entry), entry, hash_of);
        }
        let mut plain: BTreeMap<&str, i64> = BTreeMap::new();
        for step in 0..50_000 {
            let key = keys[rng.usize(0..keys.len())].as_str();
            let (place, hash) = place_of(&table, key);
            assert_eq!(deadlines.of(table.at(place)), plain.get(key).copied());
            match rng.u8(0..4) {
                0 => assert_eq!(deadlines.clear(&mut table, place), plain.remove(key).is_some()),
                1 if !plain.is_empty() => {
                    let (first, _) = deadlines.first(&table).expect("not empty");
                    let name = String::from_utf8(table.at(first).key().to_vec()).expect("ascii");
                    assert_eq!(plain.get(name.as_str()), plain.values().min());
                }
                _ => {
                    let at_ms = rng.i64(0..if step % 2 == 0 { 50 } else { 1_000_000 });
                    deadlines.set(&mut table, place, hash, at_ms);
                    plain.insert(key, at_ms);
                }
            }
            assert_eq!(deadlines.len(), plain.len());
            assert_eq!(deadlines.earliest_ms(), plain.values().min().copied());
        }
    }

    #[test]
    fn a_renewed_deadline_leaves_one_node() {
        let mut table = Table::new();
        let mut deadlines = Deadlines::default();
        let entry = Entry::new(b"key", Text::Int(1), false);
        let hash = hash_of(&entry);
        let place = table.insert(hash, entry, hash_of);
        for at_ms in 0..1_000_000 {
            deadlines.set(&mut table, place, hash, at_ms);
        }
        assert_eq!((deadlines.len(), deadlines.earliest_ms()), (1, Some(999_999)));
    }
}
