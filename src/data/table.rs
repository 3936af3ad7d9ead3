//! The hash table behind the keyspace: it grows and shrinks one small segment at a time.
//!
//! Extendible hashing (Fagin et al., 1979): a directory indexed by the leading bits of the hash
//! names segments, and a full segment splits in two without touching the others. Within a segment,
//! items stand in lines of one cache line each: seven items, one byte of the hash for each, and a
//! count of the items that found the line full and went to the next one, as in F14 (Bronson and
//! Shi, 2019). So a look-up that finds nothing reads one line, one that finds its item reads the
//! line and the item, and no operation ever moves more than one segment's items.
//!
//! Lines are in order of the hash's leading bits too. A cursor is therefore a place in the range of
//! all hashes, and a scan that goes up through it returns an item that stays in the table exactly
//! once, whatever splits or merges.
//!
//! The table never hashes by itself: callers pass the hash, and a function from item to hash where
//! items may move.

use crate::base::num;
use crate::base::paged::Paged;
use crate::sys::cache;

use super::line::{Line, WAYS, tag_of};
pub use super::place::Place;

/// Lines in a segment that has split: 4 KiB of them, for items of eight bytes.
const LINES: usize = 64;
/// Lines in a segment before it splits. The step between halves what doubling would leave empty.
const LINES_MAX: usize = 96;
/// Ranges of hashes into which a scan divides a segment, as a power of two; each is two or three
/// lines of a large one.
const RANGE_BITS_MAX: u32 = 5;
/// Items up to which a segment asks whether to merge with its neighbour.
const SEGMENT_SPARSE: usize = full_at(LINES) / 6;
/// Items up to which two neighbours merge; half of a full segment, so that it does not split again
/// at once.
const MERGED_MAX: usize = full_at(LINES) / 2;
/// Depth at which segments no longer split. A sound hash never gets there: it would take 2^40
/// segments.
const DEPTH_MAX: u32 = 40;

/// Items at which a segment of so many lines grows or splits: seven eighths of its ways, beyond
/// which look-ups would read many lines. A single line may fill up, since nothing can be passed on.
const fn full_at(lines: usize) -> usize {
    if lines == 1 { WAYS } else { lines * WAYS * 7 / 8 }
}

/// What a table needs of its items beside their hash.
pub trait Prefetch {
    /// Asks the processor's cache for the memory behind the item.
    fn prefetch(&self);
}

/// A hash table of items that know their own keys.
#[derive(Clone)]
pub struct Table<T> {
    /// The segment of each prefix of `depth` bits; empty without items.
    directory: Vec<u32>,
    depth: u32,
    /// Segments of the greatest depth; without any, the directory halves.
    deepest: usize,
    segments: Paged<Segment<T>>,
    len: usize,
}

#[derive(Clone)]
struct Segment<T> {
    lines: Box<[Line<T>]>,
    /// The leading bits that all hashes here share, on the left.
    prefix: u64,
    /// How many bits that is.
    depth: u32,
    len: u32,
}

impl<T: Prefetch> Table<T> {
    /// An empty table, without memory of its own.
    pub const fn new() -> Table<T> {
        Table { directory: Vec::new(), depth: 0, deepest: 0, segments: Paged::new(), len: 0 }
    }

    /// Number of items.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True without items.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Items that fit before every segment has to grow.
    pub fn capacity(&self) -> usize {
        self.segments.iter().map(|segment| segment.lines.len() * WAYS).sum()
    }

    /// Where the item with this hash stands for which `is_it` holds.
    #[inline(always)] // Into the look-up of each owner of a table.
    pub fn find(&self, hash: u64, is_it: impl FnMut(&T) -> bool) -> Option<Place> {
        let id = *self.directory.get(self.directory_index(hash))?;
        let (line, way) = self.segments[id as usize].find(hash, is_it)?;
        Some(Place::new(id, line, way))
    }

    /// The item at `place`.
    ///
    /// # Panics
    /// If the table has changed since `place` was found.
    #[inline]
    pub fn at(&self, place: Place) -> &T {
        let (segment, line, way) = place.parts();
        match &self.segments[segment].lines[line].items[way] {
            Some(item) => item,
            None => unreachable!("a place is used before the table changes"),
        }
    }

    /// The item at `place`, to be changed; its hash must stay what it is.
    ///
    /// # Panics
    /// If the table has changed since `place` was found.
    #[inline]
    pub fn at_mut(&mut self, place: Place) -> &mut T {
        let (segment, line, way) = place.parts();
        match &mut self.segments[segment].lines[line].items[way] {
            Some(item) => item,
            None => unreachable!("a place is used before the table changes"),
        }
    }

    /// Adds an item that is not there yet; `hash_of` gives the hash of items that move for it.
    ///
    /// At most one segment's items move, plus the directory when it doubles: four bytes for each
    /// segment.
    pub fn insert(&mut self, hash: u64, item: T, hash_of: impl Fn(&T) -> u64) -> Place {
        if self.directory.is_empty() {
            self.directory.push(0);
            self.segments.push(Segment::new(1, 0, 0));
            self.deepest = 1;
        }
        let id = loop {
            let id = self.directory[self.directory_index(hash)];
            if !self.segments[id as usize].is_full() {
                break id;
            }
            self.grow(id, &hash_of);
        };
        self.len += 1;
        let (line, way) = self.segments[id as usize].put(hash, item);
        Place::new(id, line, way)
    }

    /// Takes out the item at `place`, whose hash is `hash`.
    ///
    /// # Panics
    /// If the table has changed since `place` was found.
    pub fn remove(&mut self, place: Place, hash: u64, hash_of: impl Fn(&T) -> u64) -> T {
        let (segment, line, way) = place.parts();
        let item = self.segments[segment].take(line, way, hash);
        self.len -= 1;
        self.shrink(narrow(segment), hash_of);
        item
    }

    /// Asks the cache for the line in which an item with this hash would stand.
    #[inline]
    pub fn prefetch_line(&self, hash: u64) {
        if let Some(id) = self.directory.get(self.directory_index(hash)) {
            let segment = &self.segments[*id as usize];
            cache::prefetch(&segment.lines[segment.home(hash)]);
        }
    }

    /// Asks the cache for the item that most likely has this hash, by its tag.
    #[inline]
    pub fn prefetch_item(&self, hash: u64) {
        if let Some(id) = self.directory.get(self.directory_index(hash)) {
            let segment = &self.segments[*id as usize];
            let line = &segment.lines[segment.home(hash)];
            let hits = line.hits(tag_of(hash));
            if hits != 0
                && let Some(item) = &line.items[(hits.trailing_zeros() / 8) as usize]
            {
                item.prefetch();
            }
        }
    }

    /// One step of a scan: calls `visit` with some items and returns the cursor for the next step.
    ///
    /// A scan starts with cursor 0 and is over when 0 comes back. An item that is in the table from
    /// start to end is visited exactly once; any other at most once, unless it is removed and added
    /// again.
    pub fn scan<'s>(
        &'s self,
        cursor: u64,
        hash_of: impl Fn(&T) -> u64,
        mut visit: impl FnMut(&'s T),
    ) -> u64 {
        // The place among all hashes has its significant bits on the left; reversed, cursors are
        // short numbers.
        let from = cursor.reverse_bits();
        let Some(id) = self.directory.get(self.directory_index(from)) else { return 0 };
        let segment = &self.segments[*id as usize];
        let bits = segment.depth + segment.lines.len().ilog2().min(RANGE_BITS_MAX);
        // The last hash of the range; all bits set where the table is one range.
        let last = from | u64::MAX.checked_shr(bits).unwrap_or(0);
        let (home, last_home) = (segment.home(from), segment.home(last));
        for (step, line) in segment.lines_from(home).enumerate() {
            for item in line.items.iter().flatten() {
                if (from..=last).contains(&hash_of(item)) {
                    visit(item);
                }
            }
            if home + step >= last_home && line.passed() == 0 {
                break;
            }
        }
        last.wrapping_add(1).reverse_bits()
    }

    /// All items, in no order that means anything.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.segments.iter().flat_map(Segment::items)
    }

    /// An item chosen by chance, each with the same probability.
    pub fn sample(&self, rng: &mut fastrand::Rng) -> Option<&T> {
        if self.is_empty() {
            return None;
        }
        loop {
            let item =
                self.random_line(rng).and_then(|line| line.items[rng.usize(0..WAYS)].as_ref());
            if item.is_some() {
                return item;
            }
        }
    }

    /// All items of a line chosen by chance, each with the same probability; none only if the table
    /// is empty. Neighbours have nothing in common but the beginning of their hash. The cache is
    /// asked for all of them at once.
    pub fn sample_line(&self, rng: &mut fastrand::Rng) -> impl Iterator<Item = &T> + Clone {
        let mut items = [].iter().flatten();
        while !self.is_empty() && items.clone().next().is_none() {
            let line = self.random_line(rng);
            items = line.map_or(&[][..], |line| &line.items[..]).iter().flatten();
        }
        items.clone().for_each(Prefetch::prefetch);
        items
    }

    /// A line, each with the same probability, or none: lines are drawn as if every segment were of
    /// the largest size, so that smaller ones are missed more often. Segments merge when sparse, so
    /// that a draw hits an item of a line about once in fifteen times at the very least.
    fn random_line(&self, rng: &mut fastrand::Rng) -> Option<&Line<T>> {
        let lines_max = if self.depth == 0 { self.segments[0].lines.len() } else { LINES_MAX };
        let segment = &self.segments[rng.usize(0..self.segments.len())];
        segment.lines.get(rng.usize(0..lines_max))
    }

    /// Takes the table apart into pieces of at most one segment, for freeing a large one a little
    /// at a time.
    pub fn into_pieces(self) -> Pieces<T> {
        Pieces(self.segments)
    }

    /// Frees one segment of a table that nobody looks into any more; false once nothing is left.
    pub fn free_some(&mut self) -> bool {
        (self.directory, self.len) = (Vec::new(), 0);
        self.segments.pop().is_some()
    }

    /// Bytes of memory of the table itself, without what its items point to.
    pub fn memory_bytes(&self) -> usize {
        let lines: usize = self.segments.iter().map(|segment| segment.lines.len()).sum();
        lines * size_of::<Line<T>>()
            + self.segments.len() * size_of::<Segment<T>>()
            + self.directory.capacity() * size_of::<u32>()
    }

    #[inline]
    fn directory_index(&self, hash: u64) -> usize {
        // Two shifts, since one by 64 bits (at depth zero) is not defined.
        num::index(hash >> 1 >> (63 - self.depth))
    }

    /// The part of the directory that names `segment`.
    fn directory_range(&self, segment: &Segment<T>) -> std::ops::Range<usize> {
        let start = self.directory_index(segment.prefix);
        start..start + (1 << (self.depth - segment.depth))
    }

    /// Makes room in a full segment: enlarges it, or splits one of full size.
    fn grow(&mut self, id: u32, hash_of: impl Fn(&T) -> u64) {
        let segment = &self.segments[id as usize];
        match segment.lines.len() {
            LINES_MAX => self.split(id, hash_of),
            LINES => self.resize(id, LINES_MAX, hash_of),
            lines => self.resize(id, lines * 2, hash_of),
        }
    }

    /// Gives a segment another number of lines.
    fn resize(&mut self, id: u32, lines: usize, hash_of: impl Fn(&T) -> u64) {
        self.segments[id as usize].resize(lines, hash_of);
    }

    /// Replaces a segment by two, each for half of its hashes. Where items come in the order of
    /// another table they may all be in one half, which then has as many lines as before.
    fn split(&mut self, id: u32, hash_of: impl Fn(&T) -> u64) {
        let segment = &mut self.segments[id as usize];
        let (depth, prefix) = (segment.depth, segment.prefix);
        assert!(depth < DEPTH_MAX, "hashes of so many items differ in their leading bits");
        let bit = 1u64 << (63 - depth);
        let mut right = Segment::new(LINES, prefix | bit, depth + 1);
        let left = Segment::new(LINES, prefix, depth + 1);
        std::mem::replace(segment, left).drain(&hash_of, |hash, item| {
            let side = if hash & bit == 0 { &mut *segment } else { &mut right };
            if side.is_full() && side.lines.len() < LINES_MAX {
                side.resize(LINES_MAX, &hash_of);
            }
            side.put(hash, item);
        });
        if depth == self.depth {
            self.directory = self.directory.iter().flat_map(|id| [*id, *id]).collect();
            self.depth += 1;
            self.deepest = 0;
        }
        self.deepest += if depth + 1 == self.depth { 2 } else { 0 };
        self.adopt(right);
    }

    /// Appends a segment and names it in the directory.
    fn adopt(&mut self, segment: Segment<T>) {
        let range = self.directory_range(&segment);
        let id = u32::try_from(self.segments.len()).unwrap_or(u32::MAX);
        assert!(id < u32::MAX, "a table has at most 2^32 segments");
        self.directory[range].fill(id);
        self.segments.push(segment);
    }

    /// Gives memory back after a removal from segment `id`, if enough has been removed.
    fn shrink(&mut self, id: u32, hash_of: impl Fn(&T) -> u64) {
        let segment = &self.segments[id as usize];
        let len = segment.len as usize;
        if segment.depth > 0 {
            if len <= SEGMENT_SPARSE {
                self.merge(id, hash_of);
            }
            return;
        }
        if len == 0 {
            *self = Table::new();
            return;
        }
        let lines = segment.lines.len();
        if lines > 1 && len * 8 <= lines * WAYS {
            // Sizes are powers of two, but for the largest one.
            self.resize(id, if lines == LINES_MAX { LINES } else { lines / 2 }, hash_of);
        }
    }

    /// Unites a segment with its neighbour, if that is no deeper and both together are small.
    fn merge(&mut self, id: u32, hash_of: impl Fn(&T) -> u64) {
        let segment = &self.segments[id as usize];
        let depth = segment.depth;
        let bit = 1u64 << (64 - depth);
        let other = self.directory[self.directory_index(segment.prefix ^ bit)];
        let buddy = &self.segments[other as usize];
        if buddy.depth != depth || (segment.len + buddy.len) as usize > MERGED_MAX {
            return;
        }
        let united = Segment::new(LINES, segment.prefix & !bit, depth - 1);
        let range = self.directory_range(&united);
        self.directory[range].fill(id);
        let old = std::mem::replace(&mut self.segments[id as usize], united);
        old.drain(&hash_of, |hash, item| {
            self.segments[id as usize].put(hash, item);
        });
        // The last segment takes the place of the one that goes; the united one may be that last
        // one.
        let last = self.segments.len() - 1;
        let range = self.directory_range(&self.segments[last]);
        if other as usize != last {
            self.directory[range].fill(other);
        }
        let gone = self.segments.swap_remove(other as usize);
        let id = if id as usize == last { other } else { id };
        gone.drain(&hash_of, |hash, item| {
            self.segments[id as usize].put(hash, item);
        });
        self.deepest -= if depth == self.depth { 2 } else { 0 };
        self.trim_directory();
    }

    /// Halves the directory while no segment needs its full depth.
    fn trim_directory(&mut self) {
        while self.deepest == 0 && self.depth > 0 {
            self.directory = self.directory.iter().step_by(2).copied().collect();
            self.depth -= 1;
            self.deepest = self.segments.iter().filter(|s| s.depth == self.depth).count();
        }
    }
}

impl<T: Prefetch> Default for Table<T> {
    fn default() -> Table<T> {
        Table::new()
    }
}

impl<T: Prefetch> Segment<T> {
    fn new(lines: usize, prefix: u64, depth: u32) -> Segment<T> {
        let lines = (0..lines).map(|_| Line::empty()).collect();
        Segment { lines, prefix, depth, len: 0 }
    }

    fn is_full(&self) -> bool {
        self.len as usize >= full_at(self.lines.len())
    }

    /// The line in which items with this hash stand unless it is full. Lines are in order of
    /// hashes.
    #[inline]
    fn home(&self, hash: u64) -> usize {
        let behind_prefix = u128::from(hash << self.depth);
        num::high_word(behind_prefix * self.lines.len() as u128)
    }

    /// The line after `line`; after the last comes the first.
    #[inline]
    fn next(&self, line: usize) -> usize {
        if line + 1 == self.lines.len() { 0 } else { line + 1 }
    }

    #[inline(always)] // As above.
    fn find(&self, hash: u64, mut is_it: impl FnMut(&T) -> bool) -> Option<(usize, u32)> {
        let (mut at, tag) = (self.home(hash), tag_of(hash));
        for _ in 0..self.lines.len() {
            let line = &self.lines[at];
            let mut hits = line.hits(tag);
            while hits != 0 {
                let way = hits.trailing_zeros() / 8;
                if line.items[way as usize].as_ref().is_some_and(&mut is_it) {
                    return Some((at, way));
                }
                hits &= hits - 1;
            }
            if line.passed() == 0 {
                return None;
            }
            at = self.next(at);
        }
        None
    }

    /// Puts an item into the first line with room from its home on; there must be room.
    fn put(&mut self, hash: u64, item: T) -> (usize, u32) {
        let mut at = self.home(hash);
        debug_assert!((self.len as usize) < self.lines.len() * WAYS, "there is room");
        loop {
            let line = &mut self.lines[at];
            let free = line.hits(0);
            if free != 0 {
                let way = free.trailing_zeros() / 8;
                line.set_tag(way, tag_of(hash));
                line.items[way as usize] = Some(item);
                self.len += 1;
                return (at, way);
            }
            line.count_passed(true);
            at = self.next(at);
        }
    }

    fn take(&mut self, line: usize, way: usize, hash: u64) -> T {
        let mut at = self.home(hash);
        while at != line {
            self.lines[at].count_passed(false);
            at = self.next(at);
        }
        self.lines[line].set_tag(narrow(way), 0);
        self.len -= 1;
        match self.lines[line].items[way].take() {
            Some(item) => item,
            None => unreachable!("a place is used before the table changes"),
        }
    }

    /// Gives it another number of lines.
    fn resize(&mut self, lines: usize, hash_of: impl Fn(&T) -> u64) {
        let resized = Segment::new(lines, self.prefix, self.depth);
        std::mem::replace(self, resized).drain(hash_of, |hash, item| {
            self.put(hash, item);
        });
    }

    /// All lines, once around, beginning with `first`.
    fn lines_from(&self, first: usize) -> impl Iterator<Item = &Line<T>> {
        self.lines[first..].iter().chain(&self.lines[..first])
    }

    fn items(&self) -> impl Iterator<Item = &T> {
        self.lines.iter().flat_map(|line| line.items.iter().flatten())
    }

    /// Hands over every item with its hash, asking for each item's memory some lines ahead.
    fn drain(mut self, hash_of: impl Fn(&T) -> u64, mut to: impl FnMut(u64, T)) {
        const AHEAD: usize = 3;
        let prefetch = |lines: &[Line<T>], at: usize| {
            if let Some(line) = lines.get(at) {
                line.items.iter().flatten().for_each(Prefetch::prefetch);
            }
        };
        (0..AHEAD).for_each(|at| prefetch(&self.lines, at));
        for at in 0..self.lines.len() {
            prefetch(&self.lines, at + AHEAD);
            for item in self.lines[at].items.iter_mut().filter_map(Option::take) {
                to(hash_of(&item), item);
            }
        }
    }
}

/// The number of a segment or a way in its narrow form.
#[allow(
    clippy::cast_possible_truncation,
    reason = "segments are fewer than 2^32, and ways far fewer"
)]
#[inline]
fn narrow(value: usize) -> u32 {
    value as u32
}

/// What is left of a table that is being freed; see [`Table::into_pieces`].
pub struct Pieces<T>(Paged<Segment<T>>);

impl<T: Prefetch> Pieces<T> {
    /// Frees one piece, some hundred items at most; false when nothing is left. `visit` sees every
    /// item before it goes.
    pub fn free_one(&mut self, mut visit: impl FnMut(&mut T)) -> bool {
        let Some(segment) = self.0.pop() else { return false };
        segment.drain(|_| 0, |_, mut item| visit(&mut item));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    impl Prefetch for u64 {
        fn prefetch(&self) {}
    }

    /// A hash good enough for tests (splitmix64).
    fn mix(key: &u64) -> u64 {
        let mut x = key.wrapping_add(0x9E37_79B9_7F4A_7C15);
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^ (x >> 31)
    }

    fn add(table: &mut Table<u64>, key: u64) {
        table.insert(mix(&key), key, mix);
    }

    fn find(table: &Table<u64>, key: u64) -> Option<Place> {
        table.find(mix(&key), |item| *item == key)
    }

    fn remove(table: &mut Table<u64>, key: u64) {
        let place = find(table, key).expect("present");
        assert_eq!(table.remove(place, mix(&key), mix), key);
    }

    fn check(table: &Table<u64>) {
        assert_eq!(table.directory.len(), if table.is_empty() { 0 } else { 1 << table.depth });
        let mut named = 0;
        for (id, segment) in table.segments.iter().enumerate() {
            let range = table.directory_range(segment);
            named += range.len();
            assert!(table.directory[range].iter().all(|named| *named as usize == id));
            assert_eq!(segment.items().count(), segment.len as usize);
        }
        assert_eq!(named, table.directory.len());
        let deepest = table.segments.iter().filter(|s| s.depth == table.depth).count();
        assert_eq!(deepest, table.deepest);
    }

    #[test]
    fn it_behaves_like_a_set_through_growth_and_shrinking() {
        for seed in 0..4 {
            let mut rng = fastrand::Rng::with_seed(seed);
            let (mut table, mut plain) = (Table::new(), BTreeSet::new());
            for phase in 0..8u32 {
                for step in 0..20_000u32 {
                    let key = rng.u64(0..30_000);
                    let grows = rng.u32(0..10) < if phase % 2 == 0 { 8 } else { 2 };
                    assert_eq!(find(&table, key).is_some(), plain.contains(&key));
                    if grows && plain.insert(key) {
                        add(&mut table, key);
                    } else if !grows && plain.remove(&key) {
                        remove(&mut table, key);
                    }
                    assert_eq!(table.len(), plain.len());
                    if step % 5_000 == 0 {
                        check(&table);
                    }
                }
            }
            let items: BTreeSet<u64> = table.iter().copied().collect();
            assert_eq!(items, plain);
            for key in plain {
                remove(&mut table, key);
            }
            check(&table);
            assert!(table.directory.is_empty() && table.segments.is_empty());
        }
    }

    #[test]
    fn items_may_come_in_the_order_of_their_hashes() {
        for len in [500, 589, 3_000, 40_000] {
            let mut keys: Vec<u64> = (0..len).collect();
            for round in 0..3 {
                match round {
                    0 => keys.sort_unstable_by_key(mix),
                    1 => keys.reverse(),
                    _ => {
                        let mut copied = Table::new();
                        keys.iter().for_each(|key| add(&mut copied, *key));
                        keys = copied.iter().copied().collect();
                    }
                }
                let mut table = Table::new();
                keys.iter().for_each(|key| add(&mut table, *key));
                check(&table);
                assert!(keys.iter().all(|key| find(&table, *key).is_some()));
                keys.iter().rev().for_each(|key| remove(&mut table, *key));
                check(&table);
            }
        }
    }

    #[test]
    fn a_scan_visits_what_stays_exactly_once() {
        for seed in 0..30 {
            let mut rng = fastrand::Rng::with_seed(seed);
            let mut table = Table::new();
            let stays = rng.u64(0..3_000);
            (0..stays).for_each(|key| add(&mut table, key));
            let mut others: Vec<u64> = (10_000..10_000 + rng.u64(0..20_000)).collect();
            others.iter().for_each(|key| add(&mut table, *key));
            let (growing, mut room) = (rng.bool(), rng.u64(0..40_000));
            let (mut seen, mut cursor) = (BTreeMap::new(), 0);
            loop {
                cursor = table.scan(cursor, mix, |key| *seen.entry(*key).or_insert(0) += 1);
                if cursor == 0 {
                    break;
                }
                for _ in 0..rng.u32(0..200) {
                    if growing && room > 0 {
                        add(&mut table, 100_000 + room);
                        room -= 1;
                    } else if growing {
                        break;
                    } else if let Some(key) = others.pop() {
                        remove(&mut table, key);
                    }
                }
            }
            check(&table);
            for key in 0..stays {
                assert_eq!(seen.get(&key), Some(&1), "seed {seed} key {key}");
            }
            assert!(seen.values().all(|times| *times == 1), "seed {seed}");
        }
    }

    #[test]
    fn any_cursor_is_safe() {
        let mut table = Table::new();
        let mut rng = fastrand::Rng::with_seed(1);
        for cursor in [0, 1, u64::MAX] {
            assert_eq!(table.scan(cursor, mix, |_| {}), 0);
        }
        (0..5_000).for_each(|key| add(&mut table, key));
        for _ in 0..10_000 {
            table.scan(rng.u64(..), mix, |_| {});
        }
    }

    #[test]
    fn cursors_are_short_numbers() {
        let mut table = Table::new();
        (0..100_000).for_each(|key| add(&mut table, key));
        let (mut cursor, mut steps) = (0, 0);
        loop {
            cursor = table.scan(cursor, mix, |_| {});
            assert!(cursor < 1 << 16);
            steps += 1;
            if cursor == 0 {
                break;
            }
        }
        assert!(steps > 100_000 / 16);
    }

    #[test]
    fn sampling_is_even() {
        let mut table = Table::new();
        let mut rng = fastrand::Rng::with_seed(5);
        assert_eq!(table.sample(&mut rng), None);
        (0..1_000).for_each(|key| add(&mut table, key));
        let mut drawn = vec![0u32; 1_000];
        for _ in 0..200_000 {
            drawn[num::index(*table.sample(&mut rng).expect("not empty"))] += 1;
        }
        // 200 expected each, with a deviation of 14.
        assert!(drawn.iter().all(|times| (120..280).contains(times)), "{drawn:?}");
    }

    #[test]
    fn sampling_lines_is_even() {
        let mut table = Table::new();
        let mut rng = fastrand::Rng::with_seed(6);
        assert_eq!(table.sample_line(&mut rng).count(), 0);
        (0..1_000).for_each(|key| add(&mut table, key));
        let (mut drawn, mut count) = (vec![0u32; 1_000], 0);
        while count < 200_000 {
            for key in table.sample_line(&mut rng) {
                drawn[num::index(*key)] += 1;
                count += 1;
            }
        }
        assert!(drawn.iter().all(|times| (120..280).contains(times)), "{drawn:?}");
    }

    #[test]
    fn memory_follows_the_number_of_items() {
        let mut table = Table::new();
        let ways = |table: &Table<u64>| table.memory_bytes() / size_of::<Line<u64>>() * WAYS;
        for key in 0..200_000u64 {
            add(&mut table, key);
            assert!(key < 1_000 || ways(&table) < num::index(key) * 5 / 2, "{key}");
        }
        (0..199_000).for_each(|key| remove(&mut table, key));
        assert!(ways(&table) < 1_000 * 10, "{}", ways(&table));
    }

    #[test]
    fn pieces_free_everything() {
        let mut table = Table::new();
        (0..10_000).for_each(|key| add(&mut table, key));
        let mut pieces = table.into_pieces();
        let mut count = 0;
        while pieces.free_one(|_| ()) {
            count += 1;
        }
        assert!(count > 10_000 / 448);
    }
}
