//! Members with scores, many of them: a hash table that owns them, and a tree that has them in
//! order.
//!
//! A member stands in memory once, behind its score; the tree keeps the score again, beside a
//! second pointer. What the two agree on is this file's: a pointer of the tree is always one of a
//! member that the table holds.
#![allow(unsafe_code, reason = "the tree points to members that the table owns")]

use super::ranked::{self, Ranked};
use super::table::{Pieces, Place, Table};
use super::thin::{Shared, Thin};
use crate::base::hash::KeyHasher;
use crate::base::short;
use std::ops::Range;

/// Bytes of the score in front of a member.
const SCORE_BYTES: usize = 8;

/// Members with scores, each once, in the order of scores and then of bytes.
pub struct Scored {
    members: Table<Thin>,
    order: Ranked<Shared>,
    hasher: KeyHasher,
}

/// Where a member stands among the others.
struct Spot<'a> {
    score: f64,
    member: &'a [u8],
}

impl Scored {
    /// No members; they will be hashed by `hasher`.
    pub fn new(hasher: KeyHasher) -> Scored {
        Scored { members: Table::new(), order: Ranked::new(), hasher }
    }

    /// Number of members.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// True without members.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The score of a member.
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        let place = self.find(self.hasher.hash(member), member)?;
        Some(score_of(self.members.at(place)))
    }

    /// The rank of a member, and its score.
    pub fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        let score = self.score(member)?;
        let spot = Spot { score, member };
        Some((self.order.rank(|item| spot.is_behind(&self.members, item)), score))
    }

    /// Gives a member the score that `decide` chooses, which is told the present one; `None` leaves
    /// all as it is.
    pub fn set(&mut self, member: &[u8], decide: impl FnOnce(Option<f64>) -> Option<f64>) {
        let hash = self.hasher.hash(member);
        let place = self.find(hash, member);
        let old = place.map(|place| score_of(self.members.at(place)));
        match (place, old, decide(old)) {
            (_, _, None) => {}
            (Some(place), Some(old), Some(score)) => self.rescore(place, old, member, score),
            (_, _, Some(score)) => self.add(hash, member, score),
        }
    }

    /// Takes a member out; its score.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let hash = self.hasher.hash(member);
        let place = self.find(hash, member)?;
        let score = score_of(self.members.at(place));
        self.unrank(&Spot { score, member });
        let hasher = &self.hasher;
        self.members.remove(place, hash, |thin| hasher.hash(member_of(thin)));
        Some(score)
    }

    /// Number of members up to a place; `is_up_to` holds for scores and members up to it.
    pub fn count(&self, is_up_to: impl Fn(f64, &[u8]) -> bool) -> usize {
        self.order.rank(|item| is_up_to(item.score, shared(&self.members, item.handle)))
    }

    /// The members of these ranks with their scores, from either end.
    pub fn items(&self, ranks: Range<usize>) -> Items<'_> {
        Items { scored: self, items: self.order.items(ranks) }
    }

    /// One step of a scan; see [`Table::scan`].
    pub fn scan<'s>(&'s self, cursor: u64, mut visit: impl FnMut(&'s [u8], f64)) -> u64 {
        let hash_of = |thin: &Thin| self.hasher.hash(member_of(thin));
        self.members.scan(cursor, hash_of, |thin| visit(member_of(thin), score_of(thin)))
    }

    /// Bytes of memory.
    pub fn memory_bytes(&self) -> usize {
        let members: usize = self.members.iter().map(Thin::memory_bytes).sum();
        members + self.members.memory_bytes() + self.order.memory_bytes()
    }

    /// Frees some of the order, when nobody looks at it any more; the members, once it is gone.
    pub fn free_some(&mut self) -> Option<Pieces<Thin>> {
        let is_gone = !self.order.free_some();
        is_gone.then(|| std::mem::take(&mut self.members).into_pieces())
    }

    fn find(&self, hash: u64, member: &[u8]) -> Option<Place> {
        self.members.find(hash, |thin| short::equal(member_of(thin), member))
    }

    fn add(&mut self, hash: u64, member: &[u8], score: f64) {
        let thin = Thin::new(&[&score.to_le_bytes(), member]);
        let item = ranked::Item { score, handle: thin.share() };
        let (spot, members, hasher) = (Spot { score, member }, &self.members, &self.hasher);
        self.order.insert(item, |other| spot.is_behind(members, other));
        self.members.insert(hash, thin, |thin| hasher.hash(member_of(thin)));
    }

    fn rescore(&mut self, place: Place, old: f64, member: &[u8], score: f64) {
        let (from, to) = (Spot { score: old, member }, Spot { score, member });
        let members = &self.members;
        let stays = self.order.rescore(
            score,
            |item| from.is_from(members, item),
            |before, behind| to.is_behind(members, before) && !to.is_from(members, behind),
        );
        if !stays {
            self.unrank(&from);
            let item = ranked::Item { score, handle: self.members.at(place).share() };
            let members = &self.members;
            self.order.insert(item, |other| to.is_behind(members, other));
        }
        let bytes = self.members.at_mut(place).as_bytes_mut();
        bytes[..SCORE_BYTES].copy_from_slice(&score.to_le_bytes());
    }

    fn unrank(&mut self, spot: &Spot<'_>) {
        let members = &self.members;
        let item = self.order.remove(|item| spot.is_from(members, item));
        debug_assert!(item.is_some_and(|item| item.score == spot.score), "it has been there");
    }
}

impl Clone for Scored {
    fn clone(&self) -> Scored {
        let mut copy = Scored::new(self.hasher.clone());
        for (member, score) in self.items(0..self.len()) {
            copy.add(copy.hasher.hash(member), member, score);
        }
        copy
    }
}

impl Spot<'_> {
    /// Whether it is behind an item that a member of a table has in the order.
    #[inline]
    fn is_behind(&self, members: &Table<Thin>, item: &ranked::Item<Shared>) -> bool {
        item.score < self.score
            || (item.score == self.score && shared(members, item.handle) < self.member)
    }

    /// The same, or whether it is that item's own.
    #[inline]
    fn is_from(&self, members: &Table<Thin>, item: &ranked::Item<Shared>) -> bool {
        item.score < self.score
            || (item.score == self.score && shared(members, item.handle) <= self.member)
    }
}

/// Members with scores in order, from either end.
#[derive(Clone)]
pub struct Items<'a> {
    scored: &'a Scored,
    items: ranked::Items<'a, Shared>,
}

impl<'a> Iterator for Items<'a> {
    type Item = (&'a [u8], f64);

    #[inline]
    fn next(&mut self) -> Option<(&'a [u8], f64)> {
        let item = self.items.next()?;
        Some((shared(&self.scored.members, item.handle), item.score))
    }
}

impl DoubleEndedIterator for Items<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        let item = self.items.next_back()?;
        Some((shared(&self.scored.members, item.handle), item.score))
    }
}

/// The member behind a pointer of the order that belongs to a table.
#[inline]
fn shared(_: &Table<Thin>, handle: Shared) -> &[u8] {
    // SAFETY: `add` and `rescore` share what the table holds, and `remove` and `free_some` take a
    // pointer out of the order before the table lets its bytes go. They live as long as the table
    // is borrowed, and only `as_bytes_mut` of a table that is not could change them.
    let bytes = unsafe { handle.as_bytes() };
    &bytes[SCORE_BYTES..]
}

#[inline]
fn member_of(thin: &Thin) -> &[u8] {
    &thin.as_bytes()[SCORE_BYTES..]
}

#[inline]
fn score_of(thin: &Thin) -> f64 {
    let mut bytes = [0; SCORE_BYTES];
    bytes.copy_from_slice(&thin.as_bytes()[..SCORE_BYTES]);
    f64::from_le_bytes(bytes)
}
