//! Sorted sets: members in the order of their scores, and of their bytes where scores are equal.
//!
//! The small form is a listpack of members, each before its score; the large one is [`Scored`].

use super::collection::{Collection, Form, Kind, Limits, Type};
use super::packed::{self, Elements, Packed, Run};
use super::scored::{self, Scored};
use super::table::Pieces;
use super::text::Text;
use super::thin::Thin;
use crate::base::float::{self, FloatText};
use std::cmp::Ordering;
use std::ops::Range;

/// Bytes at which a small form is left in any case, as in Redis.
const SMALL_BYTES_MAX: usize = 1 << 30;

/// Members in the order of their scores.
pub struct SortedSet(Body);

enum Body {
    Small(Packed),
    Large(Scored),
    /// What is left of one that is being freed.
    Rest(Pieces<Thin>),
}

/// A sorted set that is being read.
#[derive(Clone, Copy)]
pub struct SortedSetRef<'a>(View<'a>);

#[derive(Clone, Copy)]
enum View<'a> {
    /// The bytes of a whole listpack.
    Small(&'a [u8]),
    Large(&'a Scored),
    Empty,
}

/// Scores from one to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoreRange {
    /// The lowest score.
    pub min: f64,
    /// The highest score.
    pub max: f64,
    /// Whether the lowest one is left out.
    pub excludes_min: bool,
    /// Whether the highest one is left out.
    pub excludes_max: bool,
}

/// An end of a range of members by their bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LexEnd<'a> {
    /// Before all members.
    Lowest,
    /// Behind all members.
    Highest,
    /// A member that belongs to the range.
    Including(&'a [u8]),
    /// A member that does not.
    Excluding(&'a [u8]),
}

/// Members from one to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LexRange<'a> {
    /// Where it begins.
    pub min: LexEnd<'a>,
    /// Where it ends.
    pub max: LexEnd<'a>,
}

impl ScoreRange {
    fn is_above(&self, score: f64) -> bool {
        if self.excludes_min { score <= self.min } else { score < self.min }
    }

    fn reaches(&self, score: f64) -> bool {
        if self.excludes_max { score < self.max } else { score <= self.max }
    }
}

impl LexEnd<'_> {
    /// Whether members before this end include one; `own` says so of the end's own member.
    fn is_behind(self, member: &[u8], own: bool) -> bool {
        match self {
            LexEnd::Lowest => false,
            LexEnd::Highest => true,
            LexEnd::Including(end) | LexEnd::Excluding(end) => match member.cmp(end) {
                Ordering::Less => true,
                Ordering::Equal => own,
                Ordering::Greater => false,
            },
        }
    }
}

impl LexRange<'_> {
    fn is_above(&self, member: &[u8]) -> bool {
        self.min.is_behind(member, matches!(self.min, LexEnd::Excluding(_)))
    }

    fn reaches(&self, member: &[u8]) -> bool {
        self.max.is_behind(member, matches!(self.max, LexEnd::Including(_)))
    }
}

impl<'a> SortedSetRef<'a> {
    /// One without members.
    pub const EMPTY: SortedSetRef<'static> = SortedSetRef(View::Empty);

    /// Number of members.
    pub fn len(self) -> usize {
        match self.0 {
            View::Small(bytes) => packed::count_of(bytes) / 2,
            View::Large(scored) => scored.len(),
            View::Empty => 0,
        }
    }

    /// True without members.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The score of a member.
    pub fn score(self, member: &[u8]) -> Option<f64> {
        match self.0 {
            View::Small(bytes) => {
                let run = Run::of_packed(bytes);
                let at = run.find(0, member, 2)?;
                Some(score_of(run.get(run.next(at))))
            }
            View::Large(scored) => scored.score(member),
            View::Empty => None,
        }
    }

    /// The rank of a member, counted from the lowest score, and its score.
    pub fn rank(self, member: &[u8]) -> Option<(usize, f64)> {
        match self.0 {
            View::Small(bytes) => {
                let (run, wanted) = (Run::of_packed(bytes), Text::compact(member));
                let mut elements = run.iter();
                for rank in 0.. {
                    let (text, score) = (elements.next()?, elements.next()?);
                    if text.is(wanted) {
                        return Some((rank, score_of(score)));
                    }
                }
                None
            }
            View::Large(scored) => scored.rank(member),
            View::Empty => None,
        }
    }

    /// The ranks of the members with scores in a range.
    pub fn ranks_by_score(self, range: &ScoreRange) -> Range<usize> {
        if let View::Small(_) = self.0 {
            let (mut start, mut end) = (0, 0);
            for (_, score) in self.items(0..self.len()) {
                let is_above = range.is_above(score);
                if !is_above && !range.reaches(score) {
                    break;
                }
                start += usize::from(is_above);
                end += 1;
            }
            return start..end;
        }
        let start = self.count(|score, _| range.is_above(score));
        start..self.count(|score, _| range.reaches(score)).max(start)
    }

    /// The ranks of the members in a range, if all have the same score. If they have not, a small
    /// form is searched as Redis does, from either end; of a large one it is some range.
    pub fn ranks_by_lex(self, range: &LexRange<'_>, from_end: bool) -> Range<usize> {
        if let View::Small(_) = self.0 {
            return self.search_by_lex(range, from_end);
        }
        let start = self.count(|_, member| range.is_above(member));
        start..self.count(|_, member| range.reaches(member)).max(start)
    }

    /// Searches members one by one from an end: the first in the range, and those that follow it.
    fn search_by_lex(self, range: &LexRange<'_>, from_end: bool) -> Range<usize> {
        let is_from = |item: &(Text<'_>, f64)| item.0.with_bytes(|it| !range.is_above(it));
        let is_to = |item: &(Text<'_>, f64)| item.0.with_bytes(|it| range.reaches(it));
        let (len, items) = (self.len(), self.items(0..self.len()));
        let is_apart = items.clone().next_back().is_none_or(|last| !is_from(&last))
            || items.clone().next().is_none_or(|first| !is_to(&first));
        if is_apart {
            return 0..0;
        }
        if from_end {
            let after = items.clone().rev().take_while(|item| !is_to(item)).count();
            let count = items.rev().skip(after).take_while(is_from).count();
            return len - after - count..len - after;
        }
        let before = items.clone().take_while(|item| !is_from(item)).count();
        before..before + items.skip(before).take_while(is_to).count()
    }

    /// Number of members up to a place; `is_up_to` holds for scores and members up to it.
    fn count(self, is_up_to: impl Fn(f64, &[u8]) -> bool) -> usize {
        match self.0 {
            View::Small(_) => {
                let items = self.items(0..self.len());
                let is_up_to = |(member, score): &(Text<'_>, f64)| {
                    member.with_bytes(|member| is_up_to(*score, member))
                };
                items.take_while(is_up_to).count()
            }
            View::Large(scored) => scored.count(is_up_to),
            View::Empty => 0,
        }
    }

    /// The members of these ranks, of which there must be so many, from either end.
    pub fn items(self, ranks: Range<usize>) -> Items<'a> {
        match self.0 {
            View::Small(bytes) => {
                let run = Run::of_packed(bytes);
                let start = run.seek(2 * ranks.start).unwrap_or(run.bytes().len());
                let rest = Run::new(&run.bytes()[start..]);
                let is_rest = ranks.end == self.len();
                let end = if is_rest { None } else { rest.seek(2 * ranks.len()) };
                let end = end.unwrap_or(rest.bytes().len());
                Items::Small(Run::new(&rest.bytes()[..end]).iter())
            }
            View::Large(scored) => Items::Large(scored.items(ranks)),
            View::Empty => Items::Small(Run::new(&[]).iter()),
        }
    }

    /// One step of a scan, of which [`super::table::Table::scan`] has more: a small form is one
    /// step.
    pub fn scan(self, cursor: u64, mut visit: impl FnMut(Text<'a>, f64)) -> u64 {
        match self.0 {
            View::Large(scored) => {
                scored.scan(cursor, |member, score| visit(Text::Bytes(member), score))
            }
            View::Small(_) | View::Empty => {
                self.items(0..self.len()).for_each(|(member, score)| visit(member, score));
                0
            }
        }
    }
}

/// Members with their scores in order, from either end.
#[derive(Clone)]
pub enum Items<'a> {
    /// Of a small form.
    Small(Elements<'a>),
    /// Of a large one.
    Large(scored::Items<'a>),
}

impl<'a> Iterator for Items<'a> {
    type Item = (Text<'a>, f64);

    #[inline]
    fn next(&mut self) -> Option<(Text<'a>, f64)> {
        match self {
            Items::Small(elements) => Some((elements.next()?, score_of(elements.next()?))),
            Items::Large(items) => {
                let (member, score) = items.next()?;
                Some((Text::Bytes(member), score))
            }
        }
    }
}

impl DoubleEndedIterator for Items<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        match self {
            Items::Small(elements) => {
                let score = score_of(elements.next_back()?);
                Some((elements.next_back()?, score))
            }
            Items::Large(items) => {
                let (member, score) = items.next_back()?;
                Some((Text::Bytes(member), score))
            }
        }
    }
}

impl SortedSet {
    /// A sorted set of members, each once, in order.
    pub fn of<'m>(
        items: impl Iterator<Item = (Text<'m>, f64)> + Clone,
        limits: &Limits,
    ) -> SortedSet {
        let (mut count, mut len_max, mut bytes) = (0, 0, 0);
        for (member, _) in items.clone() {
            count += 1;
            len_max = len_max.max(member.len());
            bytes += member.len();
        }
        let is_small =
            count <= limits.elements && len_max <= limits.element_bytes && bytes <= SMALL_BYTES_MAX;
        if is_small {
            let mut packed = Packed::new();
            for (member, score) in items {
                let end = packed.run().bytes().len();
                member.with_bytes(|member| insert(&mut packed, end, member, score));
            }
            return SortedSet(Body::Small(packed));
        }
        SortedSet(Body::Large(grown(items, limits)))
    }

    /// Leaves the small form if so many members are more than it may have.
    pub fn expect(&mut self, members: usize, limits: &Limits) {
        if members > limits.elements {
            self.grow(limits);
        }
    }

    /// Gives a member the score that `decide` chooses, which is told the present one; `None` leaves
    /// all as it is.
    pub fn set(
        &mut self,
        member: &[u8],
        limits: &Limits,
        decide: impl FnOnce(Option<f64>) -> Option<f64>,
    ) {
        let packed = match &mut self.0 {
            Body::Small(packed) => packed,
            Body::Large(scored) => return scored.set(member, decide),
            Body::Rest(_) => return,
        };
        let run = packed.run();
        let at = run.find(0, member, 2);
        let old = at.map(|at| score_of(run.get(run.next(at))));
        let Some(score) = decide(old) else { return };
        if let Some(at) = at {
            packed.remove(at, 2);
        } else if packed.count() / 2 >= limits.elements
            || member.len() > limits.element_bytes
            || packed.as_bytes().len() + member.len() > SMALL_BYTES_MAX
        {
            let scored = self.grow(limits);
            return scored.into_iter().for_each(|scored| scored.set(member, |_| Some(score)));
        }
        let at = place_in(packed.run(), member, score);
        insert(packed, at, member, score);
    }

    /// Takes a member out; its score.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        match &mut self.0 {
            Body::Small(packed) => {
                let run = packed.run();
                let at = run.find(0, member, 2)?;
                let score = score_of(run.get(run.next(at)));
                packed.remove(at, 2);
                Some(score)
            }
            Body::Large(scored) => scored.remove(member),
            Body::Rest(_) => None,
        }
    }

    /// Takes out the members of these ranks, of which there must be so many.
    pub fn remove_range(&mut self, ranks: Range<usize>) {
        match &mut self.0 {
            Body::Small(packed) => {
                if let Some(at) = packed.run().seek(2 * ranks.start) {
                    packed.remove(at, 2 * ranks.len());
                }
            }
            Body::Large(scored) => {
                for _ in ranks.clone() {
                    let first = scored.items(ranks.start..ranks.start + 1).next();
                    if let Some(member) = first.map(|(member, _)| member.to_vec()) {
                        scored.remove(&member);
                    }
                }
            }
            Body::Rest(_) => {}
        }
    }

    /// The large form, which a small one becomes.
    fn grow(&mut self, limits: &Limits) -> Option<&mut Scored> {
        if let Body::Small(_) = &self.0 {
            let view = self.view();
            self.0 = Body::Large(grown(view.items(0..view.len()), limits));
        }
        match &mut self.0 {
            Body::Large(scored) => Some(scored),
            Body::Small(_) | Body::Rest(_) => None,
        }
    }
}

/// The large form of members, each once.
fn grown<'m>(items: impl Iterator<Item = (Text<'m>, f64)>, limits: &Limits) -> Scored {
    let mut scored = Scored::new(limits.hasher.clone());
    for (member, score) in items {
        member.with_bytes(|member| scored.set(member, |_| Some(score)));
    }
    scored
}

/// The score that an element of a listpack spells.
fn score_of(text: Text<'_>) -> f64 {
    match text {
        Text::Int(value) => float::of_integer(value),
        Text::Bytes(bytes) => float::parse(bytes).unwrap_or(0.0),
    }
}

/// Where a member that is not there belongs among pairs of members and scores.
fn place_in(run: Run<'_>, member: &[u8], score: f64) -> usize {
    let mut at = 0;
    while at < run.bytes().len() {
        let score_at = run.next(at);
        let other = score_of(run.get(score_at));
        let is_behind =
            other > score || (other == score && run.get(at).with_bytes(|other| other > member));
        if is_behind {
            break;
        }
        at = run.next(score_at);
    }
    at
}

fn insert(packed: &mut Packed, at: usize, member: &[u8], score: f64) {
    // As in Redis a listpack knows no negative zero; the large form does.
    packed.insert_all(at, &[member, FloatText::new(score + 0.0).as_bytes()]);
}

impl Clone for SortedSet {
    fn clone(&self) -> SortedSet {
        match &self.0 {
            Body::Small(packed) => SortedSet(Body::Small(packed.clone())),
            Body::Large(scored) => SortedSet(Body::Large(scored.clone())),
            Body::Rest(_) => SortedSet::default(),
        }
    }
}

impl Default for SortedSet {
    fn default() -> SortedSet {
        SortedSet(Body::Small(Packed::new()))
    }
}

impl Kind for SortedSet {
    type Ref<'a> = SortedSetRef<'a>;
    const TYPE: Type = Type::SortedSet;

    fn thaw(_form: Form, bytes: Vec<u8>) -> SortedSet {
        SortedSet(Body::Small(Packed::from_bytes(bytes)))
    }

    fn small(&mut self) -> Option<(Form, &mut Vec<u8>)> {
        match &mut self.0 {
            Body::Small(packed) => Some((Form::SortedSet, packed.bytes_mut())),
            Body::Large(_) | Body::Rest(_) => None,
        }
    }

    fn packed(&self) -> Option<(Form, &[u8])> {
        match &self.0 {
            Body::Small(packed) => Some((Form::SortedSet, packed.as_bytes())),
            Body::Large(_) | Body::Rest(_) => None,
        }
    }

    fn view_small(_form: Form, bytes: &[u8]) -> SortedSetRef<'_> {
        SortedSetRef(View::Small(bytes))
    }

    fn view(&self) -> SortedSetRef<'_> {
        SortedSetRef(match &self.0 {
            Body::Small(packed) => View::Small(packed.as_bytes()),
            Body::Large(scored) => View::Large(scored),
            Body::Rest(_) => View::Empty,
        })
    }

    fn len(&self) -> usize {
        self.view().len()
    }

    fn encoding(&self) -> &'static str {
        match &self.0 {
            Body::Small(_) => Form::SortedSet.encoding(),
            Body::Large(_) | Body::Rest(_) => "skiplist",
        }
    }

    fn memory_bytes(&self) -> usize {
        match &self.0 {
            Body::Small(packed) => packed.as_bytes().len(),
            Body::Large(scored) => scored.memory_bytes(),
            Body::Rest(_) => 0,
        }
    }

    fn free_some(&mut self) -> bool {
        match &mut self.0 {
            Body::Small(_) => false,
            Body::Large(scored) => {
                if let Some(pieces) = scored.free_some() {
                    self.0 = Body::Rest(pieces);
                }
                true
            }
            Body::Rest(pieces) => pieces.free_one(|_| {}),
        }
    }

    fn of(collection: &Collection) -> Option<&SortedSet> {
        match collection {
            Collection::SortedSet(value) => Some(value),
            _ => None,
        }
    }

    fn of_mut(collection: &mut Collection) -> Option<&mut SortedSet> {
        match collection {
            Collection::SortedSet(value) => Some(value),
            _ => None,
        }
    }

    fn wrap(self) -> Collection {
        Collection::SortedSet(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::hash::KeyHasher;
    use std::collections::BTreeMap;

    fn limits(elements: usize, element_bytes: usize) -> Limits {
        let hasher = KeyHasher::new(&mut fastrand::Rng::with_seed(1));
        Limits { elements, element_bytes, integers: 0, hasher }
    }

    /// Members in order, as a plain vector has them.
    fn in_order(plain: &BTreeMap<Vec<u8>, f64>) -> Vec<(Vec<u8>, f64)> {
        let mut items: Vec<_> = plain.iter().map(|(m, score)| (m.clone(), *score)).collect();
        items.sort_by(|a, b| a.1.total_cmp(&b.1).then_with(|| a.0.cmp(&b.0)));
        items
    }

    fn owned((member, score): (Text<'_>, f64)) -> (Vec<u8>, f64) {
        (member.to_bytes().into_owned(), score)
    }

    fn check(set: &SortedSet, plain: &BTreeMap<Vec<u8>, f64>, rng: &mut fastrand::Rng) {
        let (items, view) = (in_order(plain), set.view());
        assert_eq!(view.len(), items.len());
        assert!(view.items(0..items.len()).map(owned).eq(items.iter().cloned()));
        assert!(view.items(0..items.len()).rev().map(owned).eq(items.iter().rev().cloned()));
        let start = rng.usize(0..=items.len());
        let end = rng.usize(start..=items.len());
        assert!(view.items(start..end).map(owned).eq(items[start..end].iter().cloned()));
        for (rank, (member, score)) in items.iter().enumerate() {
            assert_eq!(view.rank(member), Some((rank, *score)));
            assert_eq!(view.score(member), Some(*score));
        }
        let mut range = ScoreRange {
            min: rng.f64() * 40.0,
            max: rng.f64() * 40.0,
            excludes_min: rng.bool(),
            excludes_max: rng.bool(),
        };
        (range.min, range.max) = (range.min.floor(), range.max.floor());
        let found = items.iter().filter(|(_, score)| {
            let from = if range.excludes_min { *score > range.min } else { *score >= range.min };
            from && if range.excludes_max { *score < range.max } else { *score <= range.max }
        });
        assert!(view.items(view.ranks_by_score(&range)).map(owned).eq(found.cloned()));
        let (mut seen, mut cursor) = (Vec::new(), 0);
        loop {
            cursor = view.scan(cursor, |member, score| seen.push(owned((member, score))));
            if cursor == 0 {
                break;
            }
        }
        seen.sort_by(|a, b| a.1.total_cmp(&b.1).then_with(|| a.0.cmp(&b.0)));
        assert_eq!(seen, items);
    }

    #[test]
    fn both_forms_behave_like_a_plain_map() {
        for (seed, elements, element_bytes) in
            [(1, 0, 0), (2, 8, 64), (3, 128, 5), (4, 128, 64), (5, 1_000_000, 64)]
        {
            let mut rng = fastrand::Rng::with_seed(seed);
            let limits = limits(elements, element_bytes);
            let (mut set, mut plain) = (SortedSet::default(), BTreeMap::new());
            let mut was_small = true;
            for step in 0..3_000 {
                let member = match rng.u8(0..20) {
                    0 => vec![b'x'; rng.usize(60..70)],
                    1..8 => rng.u32(0..300).to_string().into_bytes(),
                    _ => format!("m{}", rng.u32(0..300)).into_bytes(),
                };
                let score = f64::from(rng.u16(0..200)) / 4.0;
                if rng.u8(0..3) > 0 {
                    let len = plain.len();
                    let mut old = None;
                    set.set(&member, &limits, |present| {
                        old = present;
                        Some(score)
                    });
                    assert_eq!(old, plain.insert(member.clone(), score));
                    let is_new = plain.len() > len;
                    if is_new && (len >= elements || member.len() > element_bytes) {
                        was_small = false;
                    }
                } else if rng.u8(0..50) == 0 && !plain.is_empty() {
                    let start = rng.usize(0..plain.len());
                    let end = rng.usize(start..=plain.len().min(start + 40));
                    for (member, _) in &in_order(&plain)[start..end] {
                        plain.remove(member);
                    }
                    set.remove_range(start..end);
                } else {
                    assert_eq!(set.remove(&member), plain.remove(&member));
                }
                assert_eq!(set.small().is_some(), was_small, "one way, at the limits");
                if step % 60 == 0 {
                    check(&set, &plain, &mut rng);
                    check(&set.clone(), &plain, &mut rng);
                }
            }
            let items = in_order(&plain);
            let texts = items.iter().map(|(member, score)| (Text::compact(member), *score));
            check(&SortedSet::of(texts, &limits), &plain, &mut rng);
            while set.free_some() {}
        }
    }

    #[test]
    fn a_large_one_is_freed_in_slices() {
        let mut set = SortedSet::default();
        let limits = limits(0, 0);
        for n in 0..100_000u32 {
            set.set(&n.to_le_bytes(), &limits, |_| Some(f64::from(n)));
        }
        // Less than the table and the tree take, and what 100,000 allocations do.
        assert!(set.memory_bytes() < 100_000 * 80);
        let slices = std::iter::from_fn(|| set.free_some().then_some(())).count();
        assert!(slices > 100);
        assert_eq!(set.len(), 0);
    }

    #[test]
    fn ranges_by_bytes_have_open_and_closed_ends() {
        let mut set = SortedSet::default();
        let limits = limits(128, 64);
        [b"a", b"b", b"c", b"d"].iter().for_each(|m| set.set(*m, &limits, |_| Some(0.0)));
        use LexEnd::{Excluding, Highest, Including, Lowest};
        let cases = [
            (Lowest, Highest, 0..4),
            (Including(b"b"), Including(b"c"), 1..3),
            (Excluding(b"b"), Including(b"c"), 2..3),
            (Excluding(b"b"), Excluding(b"c"), 2..2),
            (Including(b"bb"), Highest, 2..4),
            (Highest, Lowest, 4..4),
        ];
        for _ in 0..2 {
            for (min, max, ranks) in cases.clone() {
                let found = set.view().ranks_by_lex(&LexRange { min, max }, false);
                assert!(found == ranks || (found.is_empty() && ranks.is_empty()), "{ranks:?}");
            }
            set.grow(&limits);
        }
    }
}
