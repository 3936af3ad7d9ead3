//! Sets: members, each once. Small ones are a sorted array of integers or a listpack, large ones a
//! hash table.

use super::collection::{Collection, Form, Kind, Limits, Type};
use super::intset::{IntSet, Ints};
use super::packed::{self, Packed, Run};
use super::table::{Pieces, Place, Prefetch, Table};
use super::text::Text;
use super::thin::Thin;
use crate::base::hash::KeyHasher;
use crate::base::{num, short};
use crate::sys::memory::size_class;
use std::collections::BTreeSet;

/// Most integers in a sorted array, whatever the limits say, as in Redis.
const INTEGERS_MAX: usize = 1 << 30;
/// Most bytes of a listpack, whatever the limits say, as in Redis.
const PACKED_MAX: usize = 1 << 30;
/// Members looked up at a time, so that the cache brings them while others are looked at.
const BATCH: usize = 16;
/// Members whose memory stands for that of all.
const WEIGHED: usize = 64;
/// Where a large set loses all but one in so many of its members, those that stay make a new one.
const KEPT_RATIO: usize = 5;

/// A set.
#[derive(Clone)]
pub struct Set(Body);

/// One that is being read.
#[derive(Clone, Copy)]
pub struct SetRef<'a>(View<'a>);

#[derive(Clone)]
enum Body {
    Ints(IntSet),
    Packed(Packed),
    Large(Large),
}

#[derive(Clone, Copy)]
enum View<'a> {
    Ints(Ints<'a>),
    Packed(&'a [u8]),
    Large(&'a Large),
}

/// Members in a table.
struct Large {
    members: Table<Thin>,
    hasher: KeyHasher,
    /// What is left of the members once they are being freed.
    rest: Option<Pieces<Thin>>,
}

impl Default for Set {
    fn default() -> Set {
        Set(Body::Ints(IntSet::new()))
    }
}

impl Set {
    /// An empty set that begins as a listpack.
    pub fn packed() -> Set {
        Set(Body::Packed(Packed::new()))
    }

    /// An empty set that is a table from the beginning.
    pub fn large(hasher: &KeyHasher) -> Set {
        Set(Body::Large(Large::new(hasher)))
    }

    /// Chooses the form for members that are about to be added, of which one is `first`: so many of
    /// them that they would not fit make it large at once.
    pub fn prepare(&mut self, first: &[u8], count: usize, limits: &Limits) {
        let is_new = self.view().is_empty();
        let fits = match &self.0 {
            Body::Ints(_) if is_new && num::parse_i64(first).is_none() => {
                *self = Set::packed();
                count <= limits.elements
            }
            Body::Ints(_) if is_new && count > limits.integers => {
                *self = Set::packed();
                count <= limits.elements
            }
            Body::Ints(_) => count <= limits.integers,
            Body::Packed(_) => count <= limits.elements,
            Body::Large(_) => true,
        };
        if !fits {
            self.enlarge(&limits.hasher);
        }
    }

    /// Adds a member; false if it is there already.
    pub fn insert(&mut self, member: &[u8], limits: &Limits) -> bool {
        match &mut self.0 {
            Body::Large(large) => large.insert(member),
            Body::Packed(packed) if packed.run().find(0, member, 1).is_some() => false,
            Body::Packed(_) | Body::Ints(_) => self.append(member, limits),
        }
    }

    /// Adds a member of which it is known that it is not there; false if it is an integer among
    /// integers that is.
    pub fn append(&mut self, member: &[u8], limits: &Limits) -> bool {
        match &mut self.0 {
            Body::Large(large) => {
                large.add(member);
                true
            }
            Body::Packed(packed) => {
                let bytes = packed.as_bytes().len() + member.len();
                if can_pack(packed.count(), member.len(), bytes, limits) {
                    packed.push_back(member);
                } else {
                    self.enlarge(&limits.hasher).add(member);
                }
                true
            }
            Body::Ints(ints) => {
                let Some(value) = num::parse_i64(member) else {
                    return self.mix(member, limits);
                };
                let is_new = ints.insert(value);
                if is_new && ints.ints().len() > limits.integers.min(INTEGERS_MAX) {
                    self.enlarge(&limits.hasher);
                }
                is_new
            }
        }
    }

    /// Adds the first member that is no integer.
    fn mix(&mut self, member: &[u8], limits: &Limits) -> bool {
        let SetRef(View::Ints(ints)) = self.view() else { return false };
        let len = ints.len();
        // The smallest and the largest: nothing between them is longer.
        let ends = (0..len).step_by(len.max(2) - 1).map(|index| Text::Int(ints.get(index)));
        let digits_max = ends.clone().map(Text::len).max().unwrap_or(0);
        let encoded_max = ends.map(|end| end.with_bytes(packed::encoded_len)).max().unwrap_or(0);
        let bytes = encoded_max * len + member.len();
        if !can_pack(len, digits_max.max(member.len()), bytes, limits) {
            return self.enlarge(&limits.hasher).insert(member);
        }
        let mut packed = Packed::new();
        ints.iter().for_each(|value| Text::Int(value).with_bytes(|bytes| packed.push_back(bytes)));
        packed.push_back(member);
        self.0 = Body::Packed(packed);
        true
    }

    /// Removes a member; false if it is not there.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        match &mut self.0 {
            Body::Ints(ints) => num::parse_i64(member).is_some_and(|value| ints.remove(value)),
            Body::Packed(packed) => {
                let found = packed.run().find(0, member, 1);
                found.inspect(|at| packed.remove(*at, 1)).is_some()
            }
            Body::Large(large) => large.remove(member),
        }
    }

    /// Removes a member chosen by chance, each with the same probability, and shows it to `visit`.
    pub fn pop(&mut self, rng: &mut fastrand::Rng, visit: impl FnOnce(Text<'_>)) {
        let len = self.len();
        match &mut self.0 {
            Body::Ints(ints) => {
                let value = ints.ints().get(rng.usize(0..len));
                ints.remove(value);
                visit(Text::Int(value));
            }
            Body::Packed(packed) => {
                if let Some(at) = packed.run().seek(rng.usize(0..len)) {
                    visit(packed.run().get(at));
                    packed.remove(at, 1);
                }
            }
            Body::Large(large) => {
                if let Some(member) = large.pop(rng) {
                    visit(Text::Bytes(member.as_bytes()));
                }
            }
        }
    }

    /// Removes so many members chosen by chance, fewer than there are, and shows them to `visit`.
    pub fn pop_many(
        &mut self,
        count: usize,
        rng: &mut fastrand::Rng,
        limits: &Limits,
        mut visit: impl FnMut(Text<'_>),
    ) {
        let kept_len = self.len() - count;
        if matches!(self.0, Body::Large(_)) && kept_len.saturating_mul(KEPT_RATIO) > count {
            return (0..count).for_each(|_| self.pop(rng, &mut visit));
        }
        let mut kept = if self.view().is_ints() { Set::default() } else { Set::packed() };
        let mut chosen = Choice::new(count, self.len());
        self.view().each(|member| {
            if chosen.takes(rng) {
                visit(member);
            } else {
                member.with_bytes(|bytes| kept.append(bytes, limits));
            }
        });
        *self = kept;
    }

    /// Keeps a set of integers, and of no more than limits allow, as such.
    pub fn settle(&mut self, limits: &Limits) {
        let view = self.view();
        if view.is_ints() || view.len() > limits.integers.min(INTEGERS_MAX) {
            return;
        }
        let (mut ints, mut others) = (IntSet::new(), 0);
        view.each(|member| match member.to_int() {
            Some(value) => {
                ints.insert(value);
            }
            None => others += 1,
        });
        if others == 0 {
            self.0 = Body::Ints(ints);
        }
    }

    /// Makes it a table.
    fn enlarge(&mut self, hasher: &KeyHasher) -> &mut Large {
        if !matches!(self.0, Body::Large(_)) {
            let mut large = Large::new(hasher);
            self.view().each(|member| member.with_bytes(|bytes| large.add(bytes)));
            self.0 = Body::Large(large);
        }
        match &mut self.0 {
            Body::Large(large) => large,
            Body::Ints(_) | Body::Packed(_) => unreachable!("it is a table by now"),
        }
    }
}

/// Whether a member may be put into a listpack of so many.
fn can_pack(len: usize, element_bytes: usize, bytes: usize, limits: &Limits) -> bool {
    len < limits.elements && element_bytes <= limits.element_bytes && bytes <= PACKED_MAX
}

impl<'a> SetRef<'a> {
    /// Number of members.
    #[inline]
    pub fn len(self) -> usize {
        match self.0 {
            View::Ints(ints) => ints.len(),
            View::Packed(bytes) => packed::count_of(bytes),
            View::Large(large) => large.members.len(),
        }
    }

    /// True without members.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// True if it is kept as a sorted array of integers.
    pub fn is_ints(self) -> bool {
        matches!(self.0, View::Ints(_))
    }

    /// True if it is kept as a listpack.
    pub fn is_packed(self) -> bool {
        matches!(self.0, View::Packed(_))
    }

    /// True if it is a member.
    #[inline]
    pub fn contains(self, member: &[u8]) -> bool {
        match self.0 {
            View::Ints(ints) => num::parse_i64(member).is_some_and(|value| ints.contains(value)),
            View::Packed(bytes) => Run::of_packed(bytes).find(0, member, 1).is_some(),
            View::Large(large) => large.find(member, large.hasher.hash(member)).is_some(),
        }
    }

    fn has(self, member: Text<'_>) -> bool {
        match (self.0, member) {
            (View::Ints(ints), Text::Int(value)) => ints.contains(value),
            (_, member) => member.with_bytes(|bytes| self.contains(bytes)),
        }
    }

    /// Shows all members to `visit`.
    pub fn each(self, mut visit: impl FnMut(Text<'a>)) {
        self.each_while(|member| {
            visit(member);
            true
        });
    }

    /// Shows members to `visit` until it says false.
    pub fn each_while(self, mut visit: impl FnMut(Text<'a>) -> bool) {
        match self.0 {
            View::Ints(ints) => ints.iter().all(|value| visit(Text::Int(value))),
            View::Packed(bytes) => Run::of_packed(bytes).iter().all(visit),
            View::Large(large) => large.iter().all(|member| visit(Text::Bytes(member.as_bytes()))),
        };
    }

    /// Shows all members to `visit`, some at a time, until it says false.
    pub fn each_batch(self, mut visit: impl FnMut(&mut Vec<Text<'a>>) -> bool) {
        let mut batch = Vec::with_capacity(BATCH);
        let mut goes_on = true;
        self.each_while(|member| {
            batch.push(member);
            if batch.len() == BATCH {
                goes_on = visit(&mut batch);
                batch.clear();
            }
            goes_on
        });
        if goes_on {
            visit(&mut batch);
        }
    }

    /// Of some strings, keeps those that are members or, if `wanted` is false, those that are not.
    pub fn sift(self, batch: &mut Vec<Text<'_>>, wanted: bool) {
        match self.0 {
            View::Large(large) if batch.len() > 1 => large.sift(batch, wanted),
            View::Ints(_) | View::Packed(_) | View::Large(_) => {
                batch.retain(|member| self.has(*member) == wanted);
            }
        }
    }

    /// A member chosen by chance, each with the same probability; `None` if there are none.
    pub fn sample(self, rng: &mut fastrand::Rng) -> Option<Text<'a>> {
        let len = self.len();
        match self.0 {
            _ if len == 0 => None,
            View::Ints(ints) => Some(Text::Int(ints.get(rng.usize(0..len)))),
            View::Packed(bytes) => {
                let run = Run::of_packed(bytes);
                run.seek(rng.usize(0..len)).map(|at| run.get(at))
            }
            View::Large(large) => {
                large.members.sample(rng).map(|member| Text::Bytes(member.as_bytes()))
            }
        }
    }

    /// Shows so many different members chosen by chance to `visit`, fewer than there are.
    pub fn sample_many(
        self,
        count: usize,
        rng: &mut fastrand::Rng,
        mut visit: impl FnMut(Text<'a>),
    ) {
        if let View::Large(large) = self.0
            && count.saturating_mul(3) < self.len()
        {
            let mut seen = BTreeSet::new();
            while seen.len() < count
                && let Some(member) = large.members.sample(rng)
            {
                let bytes = member.as_bytes();
                if seen.insert(bytes.as_ptr()) {
                    visit(Text::Bytes(bytes));
                }
            }
            return;
        }
        let mut chosen = Choice::new(count, self.len());
        self.each(|member| {
            if chosen.takes(rng) {
                visit(member);
            }
        });
    }

    /// One step of a scan, as [`Table::scan`] has it; a small set is shown as a whole.
    pub fn scan(self, cursor: u64, mut visit: impl FnMut(Text<'a>)) -> u64 {
        let View::Large(large) = self.0 else {
            self.each(visit);
            return 0;
        };
        let hash_of = |member: &Thin| large.hasher.hash(member.as_bytes());
        large.members.scan(cursor, hash_of, |member| visit(Text::Bytes(member.as_bytes())))
    }
}

/// Chooses some of a row one by one, each with the same probability (Knuth, The Art of Computer
/// Programming 2, algorithm S).
struct Choice {
    wanted: usize,
    left: usize,
}

impl Choice {
    fn new(wanted: usize, len: usize) -> Choice {
        Choice { wanted, left: len }
    }

    /// Whether the next one is chosen.
    fn takes(&mut self, rng: &mut fastrand::Rng) -> bool {
        let takes = rng.usize(0..self.left) < self.wanted;
        self.left -= 1;
        self.wanted -= usize::from(takes);
        takes
    }
}

impl Large {
    fn new(hasher: &KeyHasher) -> Large {
        Large { members: Table::new(), hasher: hasher.clone(), rest: None }
    }

    #[inline]
    fn find(&self, member: &[u8], hash: u64) -> Option<Place> {
        self.members.find(hash, |other| short::equal(other.as_bytes(), member))
    }

    fn insert(&mut self, member: &[u8]) -> bool {
        let hash = self.hasher.hash(member);
        let is_new = self.find(member, hash).is_none();
        if is_new {
            self.put(member, hash);
        }
        is_new
    }

    /// Adds a member that is not there yet.
    fn add(&mut self, member: &[u8]) {
        self.put(member, self.hasher.hash(member));
    }

    fn put(&mut self, member: &[u8], hash: u64) {
        let Large { members, hasher, .. } = self;
        members.insert(hash, Thin::new(&[member]), |other| hasher.hash(other.as_bytes()));
    }

    fn remove(&mut self, member: &[u8]) -> bool {
        let hash = self.hasher.hash(member);
        let found = self.find(member, hash);
        found.map(|place| self.take(place, hash)).is_some()
    }

    fn take(&mut self, place: Place, hash: u64) -> Thin {
        let Large { members, hasher, .. } = self;
        members.remove(place, hash, |other| hasher.hash(other.as_bytes()))
    }

    fn pop(&mut self, rng: &mut fastrand::Rng) -> Option<Thin> {
        let member = self.members.sample(rng)?;
        let hash = self.hasher.hash(member.as_bytes());
        let place = self.members.find(hash, |other| std::ptr::eq(other, member))?;
        Some(self.take(place, hash))
    }

    /// All members, whose memory is asked for some members ahead.
    fn iter(&self) -> impl Iterator<Item = &Thin> {
        let mut ahead = self.members.iter();
        ahead.by_ref().take(BATCH).for_each(Prefetch::prefetch);
        self.members.iter().inspect(move |_| {
            if let Some(member) = ahead.next() {
                member.prefetch();
            }
        })
    }

    fn sift(&self, batch: &mut Vec<Text<'_>>, wanted: bool) {
        let hash = |member: &Text<'_>| member.with_bytes(|bytes| self.hasher.hash(bytes));
        let mut hashes = [0; BATCH];
        debug_assert!(batch.len() <= BATCH, "a batch is no longer");
        for (member, slot) in batch.iter().zip(&mut hashes) {
            *slot = hash(member);
            self.members.prefetch_line(*slot);
        }
        hashes[..batch.len()].iter().for_each(|hash| self.members.prefetch_item(*hash));
        let mut hashes = hashes.into_iter();
        batch.retain(|member| {
            let hash = hashes.next().unwrap_or_default();
            member.with_bytes(|bytes| self.find(bytes, hash).is_some()) == wanted
        });
    }

    /// Bytes of memory, where some members stand for all.
    fn memory_bytes(&self) -> usize {
        let weighed = self.members.len().clamp(1, WEIGHED);
        let sum: usize = self.members.iter().take(WEIGHED).map(Thin::memory_bytes).sum();
        self.members.memory_bytes() + sum * self.members.len() / weighed
    }
}

impl Clone for Large {
    fn clone(&self) -> Large {
        Large { members: self.members.clone(), hasher: self.hasher.clone(), rest: None }
    }
}

impl Kind for Set {
    type Ref<'a> = SetRef<'a>;
    const TYPE: Type = Type::Set;

    fn thaw(form: Form, bytes: Vec<u8>) -> Set {
        Set(match form {
            Form::IntSet => Body::Ints(IntSet::from_bytes(bytes)),
            Form::Set | Form::List | Form::Hash | Form::HashEx | Form::SortedSet => {
                Body::Packed(Packed::from_bytes(bytes))
            }
        })
    }

    fn small(&mut self) -> Option<(Form, &mut Vec<u8>)> {
        match &mut self.0 {
            Body::Ints(ints) => Some((Form::IntSet, ints.bytes_mut())),
            Body::Packed(packed) => Some((Form::Set, packed.bytes_mut())),
            Body::Large(_) => None,
        }
    }

    fn packed(&self) -> Option<(Form, &[u8])> {
        match &self.0 {
            Body::Ints(ints) => Some((Form::IntSet, ints.as_bytes())),
            Body::Packed(packed) => Some((Form::Set, packed.as_bytes())),
            Body::Large(_) => None,
        }
    }

    #[inline]
    fn view_small(form: Form, bytes: &[u8]) -> SetRef<'_> {
        SetRef(match form {
            Form::IntSet => View::Ints(Ints::new(bytes)),
            Form::Set | Form::List | Form::Hash | Form::HashEx | Form::SortedSet => {
                View::Packed(bytes)
            }
        })
    }

    #[inline]
    fn view(&self) -> SetRef<'_> {
        SetRef(match &self.0 {
            Body::Ints(ints) => View::Ints(ints.ints()),
            Body::Packed(packed) => View::Packed(packed.as_bytes()),
            Body::Large(large) => View::Large(large),
        })
    }

    fn len(&self) -> usize {
        self.view().len()
    }

    fn encoding(&self) -> &'static str {
        match &self.0 {
            Body::Ints(_) => Form::IntSet.encoding(),
            Body::Packed(_) => Form::Set.encoding(),
            Body::Large(_) => "hashtable",
        }
    }

    fn memory_bytes(&self) -> usize {
        match &self.0 {
            Body::Ints(ints) => size_class(ints.memory_bytes()),
            Body::Packed(packed) => size_class(packed.as_bytes().len()),
            Body::Large(large) => large.memory_bytes(),
        }
    }

    fn free_some(&mut self) -> bool {
        let Body::Large(large) = &mut self.0 else { return false };
        let members = &mut large.members;
        let rest = large.rest.get_or_insert_with(|| std::mem::take(members).into_pieces());
        rest.free_one(|_| ())
    }

    fn of(collection: &Collection) -> Option<&Set> {
        match collection {
            Collection::Set(value) => Some(value),
            Collection::List(_)
            | Collection::SortedSet(_)
            | Collection::Hash(_)
            | Collection::Stream(_) => None,
        }
    }

    fn of_mut(collection: &mut Collection) -> Option<&mut Set> {
        match collection {
            Collection::Set(value) => Some(value),
            Collection::List(_)
            | Collection::SortedSet(_)
            | Collection::Hash(_)
            | Collection::Stream(_) => None,
        }
    }

    fn wrap(self) -> Collection {
        Collection::Set(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fastrand::Rng;

    fn limits(elements: usize, integers: usize) -> Limits {
        let hasher = KeyHasher::new(&mut Rng::with_seed(4));
        Limits { elements, element_bytes: 64, integers, hasher }
    }

    fn set_of(members: impl IntoIterator<Item = impl AsRef<[u8]>>, limits: &Limits) -> Set {
        let mut set = Set::default();
        for member in members {
            set.insert(member.as_ref(), limits);
        }
        set
    }

    fn members(set: &Set) -> BTreeSet<Vec<u8>> {
        let (mut all, mut count) = (BTreeSet::new(), 0);
        set.view().each(|member| {
            all.insert(member.to_bytes().into_owned());
            count += 1;
        });
        assert_eq!((all.len(), set.len()), (count, count), "each once");
        all
    }

    fn numbers(range: std::ops::Range<u32>) -> impl Iterator<Item = String> {
        range.map(|number| number.to_string())
    }

    #[test]
    fn forms_follow_the_first_members_and_the_limits() {
        let limits = limits(4, 6);
        let prepared = |first: &str, count| {
            let mut set = Set::default();
            set.prepare(first.as_bytes(), count, &limits);
            set.encoding()
        };
        let cases = [("1", 6, "intset"), ("1", 7, "hashtable"), ("01", 4, "listpack")];
        for (first, count, encoding) in cases {
            assert_eq!(prepared(first, count), encoding);
        }
        assert_eq!(prepared("a", 5), "hashtable");
        let mut ints = set_of(numbers(0..6), &limits);
        assert_eq!(ints.encoding(), "intset");
        ints.insert(b"6", &limits);
        assert_eq!((ints.encoding(), ints.len()), ("hashtable", 7));
        ints.remove(b"6");
        assert_eq!(ints.encoding(), "hashtable");
        for (count, encoding) in [(0, "listpack"), (3, "listpack"), (4, "hashtable")] {
            let mut mixed = set_of(numbers(0..count), &limits);
            assert!(mixed.insert(b"x", &limits) && !mixed.insert(b"x", &limits));
            assert_eq!(mixed.encoding(), encoding, "{count}");
        }
        let mut long = set_of(["a"], &limits);
        assert!(long.insert(&[b'x'; 64], &limits));
        assert_eq!(long.encoding(), "listpack");
        assert!(long.insert(&[b'x'; 65], &limits));
        assert_eq!(long.encoding(), "hashtable");
        let mut large = set_of(numbers(0..7), &limits);
        large.remove(b"0");
        large.settle(&limits);
        assert_eq!(large.encoding(), "intset");
    }

    #[test]
    fn a_set_behaves_like_a_set_in_every_form() {
        for (seed, (elements, integers)) in (0..).zip([(0, 0), (8, 8), (128, 512), (1 << 20, 0)]) {
            let (mut rng, limits) = (Rng::with_seed(seed), limits(elements, integers));
            for range in [10, 100, 2_000] {
                let (mut set, mut plain) = (Set::default(), BTreeSet::new());
                for step in 0..3_000 {
                    let number = rng.u32(0..range);
                    let is_text = range > 10 && step > 40 && rng.u8(0..20) == 0;
                    let member = if is_text { format!("m{number}") } else { number.to_string() };
                    let member = member.into_bytes();
                    match rng.u8(0..5) {
                        0..3 => assert_eq!(set.insert(&member, &limits), plain.insert(member)),
                        3 => assert_eq!(set.remove(&member), plain.remove(&member)),
                        _ if plain.is_empty() => assert_eq!(set.view().sample(&mut rng), None),
                        _ => set.pop(&mut rng, |member| {
                            assert!(plain.remove(&*member.to_bytes()));
                        }),
                    }
                    let other = rng.u32(0..range).to_string().into_bytes();
                    assert_eq!(set.view().contains(&other), plain.contains(&other));
                    if let Some(sample) = set.view().sample(&mut rng) {
                        assert!(plain.contains(&*sample.to_bytes()));
                    }
                }
                assert_eq!(members(&set), plain);
                assert_eq!(members(&set.clone()), plain);
                assert!(set.small().is_none_or(|(form, bytes)| match form {
                    Form::IntSet => IntSet::check(bytes),
                    _ => Packed::check(bytes),
                }));
            }
        }
    }

    #[test]
    fn many_are_taken_or_drawn_without_repeating() {
        let mut rng = Rng::with_seed(1);
        for (len, text) in [(20, ""), (20, "m"), (300, ""), (300, "m"), (3_000, "")] {
            for count in [1, len / 10, len / 2, len - 2] {
                let limits = limits(128, 512);
                let all = numbers(0..len).map(|number| format!("{text}{number}"));
                let mut set = set_of(all, &limits);
                let (before, mut drawn) = (members(&set), Vec::new());
                let count = usize::try_from(count).unwrap();
                set.view().sample_many(count, &mut rng, |member| drawn.push(member.to_bytes()));
                let distinct: BTreeSet<_> = drawn.iter().map(|member| member.to_vec()).collect();
                assert_eq!((drawn.len(), distinct.len()), (count, count));
                assert!(distinct.is_subset(&before));
                let mut taken = BTreeSet::new();
                set.pop_many(count, &mut rng, &limits, |member| {
                    assert!(taken.insert(member.to_bytes().into_owned()));
                });
                assert_eq!(taken.len(), count);
                let kept: BTreeSet<_> = before.difference(&taken).cloned().collect();
                assert_eq!(members(&set), kept);
            }
        }
    }

    #[test]
    fn chance_is_even_in_every_form() {
        let mut rng = Rng::with_seed(2);
        for (elements, integers) in [(128, 512), (128, 0), (0, 0)] {
            let limits = limits(elements, integers);
            let set = set_of(numbers(0..100), &limits);
            let mut counts = [[0u32; 100]; 4];
            let index = |member: Text<'_>| usize::try_from(member.to_int().unwrap()).unwrap();
            for _ in 0..2_000 {
                for _ in 0..10 {
                    counts[0][index(set.view().sample(&mut rng).unwrap())] += 1;
                }
                set.view().sample_many(10, &mut rng, |member| counts[1][index(member)] += 1);
                let (mut few, mut many) = (set.clone(), set.clone());
                few.pop_many(10, &mut rng, &limits, |member| counts[2][index(member)] += 1);
                many.pop_many(90, &mut rng, &limits, |_| {});
                many.view().each(|member| counts[3][index(member)] += 1);
            }
            // 200 expected each, with a deviation of 14.
            for drawn in counts {
                assert!(drawn.iter().all(|times| (130..270).contains(times)), "{drawn:?}");
            }
        }
    }

    #[test]
    fn a_scan_of_a_large_set_shows_each_member_once() {
        let limits = limits(0, 0);
        let set = set_of(numbers(0..5_000), &limits);
        let (mut seen, mut cursor) = (BTreeSet::new(), 0);
        loop {
            cursor = set.view().scan(cursor, |member| assert!(seen.insert(member.to_int())));
            if cursor == 0 {
                break;
            }
        }
        assert_eq!(seen.len(), 5_000);
    }

    #[test]
    fn a_large_set_is_freed_in_pieces() {
        let mut set = set_of(numbers(0..10_000), &limits(0, 0));
        let bytes = set.memory_bytes();
        assert!(bytes > 10_000 * 16 && bytes < 10_000 * 48, "{bytes}");
        let mut pieces = 0;
        while set.free_some() {
            pieces += 1;
        }
        assert!(pieces > 10_000 / 588);
        assert!(!set_of(["1"], &limits(1, 1)).free_some());
    }

    #[test]
    fn a_copy_of_any_size_is_whole() {
        for seed in 0..20 {
            let hasher = KeyHasher::new(&mut fastrand::Rng::with_seed(seed));
            let limits = Limits { elements: 0, element_bytes: 0, integers: 0, hasher };
            let mut set = Set::large(&limits.hasher);
            for number in 0..12_000u32 {
                set.append(format!("m{number}").as_bytes(), &limits);
                if number % 101 == 0 {
                    let copy = set.clone();
                    assert_eq!(copy.len(), set.len());
                }
            }
            let copy = set.clone();
            set.view().each(|member| assert!(copy.view().has(member)));
        }
    }
}
