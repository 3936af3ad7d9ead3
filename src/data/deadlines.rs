//! When the items of a table die: a min-heap of deadlines that holds exactly one node for each item
//! that has one.
//!
//! Four children a node, so that a node's children share a cache line or two and the heap is half
//! as deep. A node names its item by hash; the item knows its place in the heap, and both sides are
//! kept in step, so that a deadline can be moved or dropped without a search and a dead node never
//! stays behind.

use super::table::{Place, Prefetch, Table};
use crate::base::paged::Paged;

/// Children of a node.
const ARITY: usize = 4;

/// An item that knows its place in the heap.
pub trait Timed: Prefetch {
    /// Its place, if it has a deadline.
    fn heap_slot(&self) -> Option<u32>;
    /// Notes the place, or that there is none.
    fn set_heap_slot(&mut self, slot: Option<u32>);
}

/// A heap of deadlines over the items of one table.
#[derive(Clone, Default)]
pub struct Deadlines {
    nodes: Paged<Node>,
}

#[derive(Clone, Copy)]
struct Node {
    at_ms: i64,
    hash: u64,
}

impl Deadlines {
    /// Number of items with a deadline.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// True if no item has a deadline.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The earliest deadline, in milliseconds since 1970.
    #[inline]
    pub fn earliest_ms(&self) -> Option<i64> {
        self.nodes.first().map(|node| node.at_ms)
    }

    /// The deadline of an item, in milliseconds since 1970.
    #[inline]
    pub fn of<T: Timed>(&self, item: &T) -> Option<i64> {
        item.heap_slot().map(|slot| self.nodes[slot as usize].at_ms)
    }

    /// Gives the item at `place`, whose hash is `hash`, a deadline in place of any it has.
    pub fn set<T: Timed>(&mut self, table: &mut Table<T>, place: Place, hash: u64, at_ms: i64) {
        let node = Node { at_ms, hash };
        let item = table.at_mut(place);
        let hole = match item.heap_slot() {
            Some(slot) => slot as usize,
            None => {
                self.nodes.push(node);
                self.nodes.len() - 1
            }
        };
        // Without a slot the item cannot be mistaken for one that moves.
        item.set_heap_slot(None);
        let hole = self.settle(table, hole, node);
        table.at_mut(place).set_heap_slot(Some(slot_of(hole)));
    }

    /// Takes the deadline from the item at `place`; false if it has none.
    pub fn clear<T: Timed>(&mut self, table: &mut Table<T>, place: Place) -> bool {
        let item = table.at_mut(place);
        let Some(slot) = item.heap_slot() else { return false };
        item.set_heap_slot(None);
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

    /// The item with the earliest deadline, and its hash.
    pub fn first<T: Timed>(&self, table: &Table<T>) -> Option<(Place, u64)> {
        let node = self.nodes.first()?;
        find(table, node.hash, 0).map(|place| (place, node.hash))
    }

    /// An item with a deadline, chosen by chance, each with the same probability; and its hash.
    pub fn sample<T: Timed>(
        &self,
        table: &Table<T>,
        rng: &mut fastrand::Rng,
    ) -> Option<(Place, u64)> {
        if self.nodes.is_empty() {
            return None;
        }
        let slot = rng.usize(0..self.nodes.len());
        let hash = self.nodes[slot].hash;
        find(table, hash, slot).map(|place| (place, hash))
    }

    /// Number of items that are due at a moment. Costs as much as there are.
    pub fn due_count(&self, now_ms: i64) -> usize {
        let (mut count, mut open) = (0, vec![0]);
        while let Some(slot) = open.pop() {
            if self.nodes.get(slot).is_some_and(|node| node.at_ms <= now_ms) {
                count += 1;
                open.extend((1..=ARITY).map(|child| slot * ARITY + child));
            }
        }
        count
    }

    /// Bytes of memory that the heap takes.
    pub fn memory_bytes(&self) -> usize {
        self.nodes.len() * size_of::<Node>()
    }

    /// Puts `node` where it belongs on the path through `hole`, and returns that place.
    fn settle<T: Timed>(&mut self, table: &mut Table<T>, mut hole: usize, node: Node) -> usize {
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

    /// Moves a node, and tells its item.
    fn shift<T: Timed>(&mut self, table: &mut Table<T>, from: usize, to: usize) {
        let node = self.nodes[from];
        if let Some(place) = find(table, node.hash, from) {
            table.at_mut(place).set_heap_slot(Some(slot_of(to)));
        }
        self.nodes[to] = node;
    }
}

/// The item with this hash that stands at `slot` of the heap: there always is one.
fn find<T: Timed>(table: &Table<T>, hash: u64, slot: usize) -> Option<Place> {
    let slot = Some(slot_of(slot));
    let place = table.find(hash, |item| item.heap_slot() == slot);
    debug_assert!(place.is_some(), "every node has its item");
    place
}

fn slot_of(index: usize) -> u32 {
    let slot = u32::try_from(index).unwrap_or(u32::MAX);
    assert!(slot < u32::MAX, "fewer than 2^32 items have deadlines");
    slot
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    struct Item {
        key: u64,
        slot: Option<u32>,
    }

    impl Prefetch for Item {
        fn prefetch(&self) {}
    }

    impl Timed for Item {
        fn heap_slot(&self) -> Option<u32> {
            self.slot
        }

        fn set_heap_slot(&mut self, slot: Option<u32>) {
            self.slot = slot;
        }
    }

    /// Few hashes, so that many items share one.
    fn hash_of(item: &Item) -> u64 {
        (item.key % 64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }

    fn place_of(table: &Table<Item>, key: u64) -> (Place, u64) {
        let hash = hash_of(&Item { key, slot: None });
        (table.find(hash, |item| item.key == key).expect("present"), hash)
    }

    #[test]
    fn the_heap_and_the_items_stay_in_step() {
        let mut rng = fastrand::Rng::with_seed(21);
        let mut table = Table::new();
        let mut deadlines = Deadlines::default();
        for key in 0..300 {
            let item = Item { key, slot: None };
            table.insert(hash_of(&item), item, hash_of);
        }
        let mut plain: BTreeMap<u64, i64> = BTreeMap::new();
        for step in 0..50_000 {
            let key = rng.u64(0..300);
            let (place, hash) = place_of(&table, key);
            assert_eq!(deadlines.of(table.at(place)), plain.get(&key).copied());
            match rng.u8(0..4) {
                0 => assert_eq!(deadlines.clear(&mut table, place), plain.remove(&key).is_some()),
                1 if !plain.is_empty() => {
                    let (first, _) = deadlines.first(&table).expect("not empty");
                    assert_eq!(plain.get(&table.at(first).key), plain.values().min());
                }
                _ => {
                    let at_ms = rng.i64(0..if step % 2 == 0 { 50 } else { 1_000_000 });
                    deadlines.set(&mut table, place, hash, at_ms);
                    plain.insert(key, at_ms);
                }
            }
            assert_eq!(deadlines.len(), plain.len());
            assert_eq!(deadlines.earliest_ms(), plain.values().min().copied());
            let due = plain.values().filter(|at_ms| **at_ms <= 30).count();
            assert_eq!(deadlines.due_count(30), due);
        }
    }

    #[test]
    fn a_renewed_deadline_leaves_one_node() {
        let mut table = Table::new();
        let mut deadlines = Deadlines::default();
        let item = Item { key: 1, slot: None };
        let hash = hash_of(&item);
        let place = table.insert(hash, item, hash_of);
        for at_ms in 0..1_000_000 {
            deadlines.set(&mut table, place, hash, at_ms);
        }
        assert_eq!((deadlines.len(), deadlines.earliest_ms()), (1, Some(999_999)));
    }
}
