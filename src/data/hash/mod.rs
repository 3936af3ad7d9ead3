//! Hashes: fields with values, each of which may have a deadline.

mod large;
mod pair;
mod small;

use super::collection::{Collection, Form, Kind, Limits, Type};
use super::packed::Packed;
use super::text::Text;
use crate::sys::memory;
use large::Large;
use small::{Small, SmallRef};

/// Bytes up to which a listpack may grow, whatever the limits are.
const PACKED_MAX: usize = 1 << 30;

/// Fields with values.
#[derive(Clone)]
pub struct Hash(Body);

#[derive(Clone)]
enum Body {
    Small(Small),
    Large(Large),
}

/// A field as a reader sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// The field itself.
    pub name: Text<'a>,
    /// Its value.
    pub value: Text<'a>,
    /// When it dies, in milliseconds since 1970.
    pub deadline_ms: Option<i64>,
}

/// A hash that is being read.
#[derive(Clone, Copy)]
pub struct HashRef<'a> {
    body: BodyRef<'a>,
    /// Fields with deadlines up to this moment are not shown, if there are any.
    hidden_ms: Option<i64>,
}

#[derive(Clone, Copy)]
enum BodyRef<'a> {
    Small(SmallRef<'a>),
    Large(&'a Large),
}

impl Hash {
    /// Writes a field; true if it is a new one. A deadline goes unless it is to stay.
    pub fn set(
        &mut self,
        limits: &Limits,
        field: &[u8],
        value: &[u8],
        keeps_deadline: bool,
    ) -> bool {
        if let Body::Small(small) = &self.0 {
            let longest = field.len().max(value.len());
            let bytes = small.packed.as_bytes().len() + field.len() + value.len();
            if longest > limits.element_bytes || bytes > PACKED_MAX {
                self.enlarge(limits);
            }
        }
        let is_new = match &mut self.0 {
            Body::Small(small) => small.set(field, value, keeps_deadline),
            Body::Large(large) => return large.set(field, value, keeps_deadline),
        };
        if self.len() > limits.elements {
            self.enlarge(limits);
        }
        is_new
    }

    /// Takes the large form at once if so many fields that are about to be written are too many for
    /// the small one.
    pub fn expect(&mut self, limits: &Limits, fields: usize) {
        if fields > limits.elements {
            self.enlarge(limits);
        }
    }

    /// A field, if it is there.
    pub fn get(&self, field: &[u8]) -> Option<Field<'_>> {
        self.view().get(field)
    }

    /// Removes a field; false if it is not there.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        match &mut self.0 {
            Body::Small(small) => small.remove(field),
            Body::Large(large) => large.remove(field),
        }
    }

    /// Takes the form in which fields may have deadlines.
    pub fn keep_deadlines(&mut self) {
        match &mut self.0 {
            Body::Small(small) => small.keep_deadlines(),
            Body::Large(_) => {}
        }
    }

    /// Gives a field a deadline in milliseconds since 1970, or takes it away; false if the field is
    /// not there.
    pub fn set_deadline(&mut self, field: &[u8], at_ms: Option<i64>) -> bool {
        match &mut self.0 {
            Body::Small(small) => {
                small.keep_deadlines();
                small.set_deadline(field, at_ms)
            }
            Body::Large(large) => large.set_deadline(field, at_ms),
        }
    }

    /// Removes fields that are due, earliest first and at most `max` of them, and shows each to
    /// `visit`; how many.
    pub fn take_due(&mut self, now_ms: i64, max: usize, mut visit: impl FnMut(&[u8])) -> usize {
        for count in 0..max {
            if self.view().earliest_ms().is_none_or(|at_ms| at_ms > now_ms) {
                return count;
            }
            match &mut self.0 {
                Body::Small(small) => small.take_first(&mut visit),
                Body::Large(large) => large.take_first(&mut visit),
            }
        }
        max
    }

    /// Changes the form to the large one, for good.
    fn enlarge(&mut self, limits: &Limits) {
        let Body::Small(small) = &self.0 else { return };
        let mut large = Large::new(limits.hasher.clone());
        for Field { name, value, deadline_ms } in small.view().iter() {
            name.with_bytes(|name| {
                value.with_bytes(|value| large.set(name, value, false));
                if deadline_ms.is_some() {
                    large.set_deadline(name, deadline_ms);
                }
            });
        }
        self.0 = Body::Large(large);
    }
}

impl Default for Hash {
    fn default() -> Hash {
        Hash(Body::Small(Small { form: Form::Hash, packed: Packed::new() }))
    }
}

impl<'a> HashRef<'a> {
    /// The same without the fields that are due at a moment.
    #[inline]
    #[must_use]
    pub fn hiding(self, now_ms: i64) -> HashRef<'a> {
        let is_due = self.earliest_ms().is_some_and(|at_ms| at_ms <= now_ms);
        HashRef { hidden_ms: is_due.then_some(now_ms), ..self }
    }

    /// Number of fields. Counts those that are not shown one by one.
    pub fn len(self) -> usize {
        match (self.body, self.hidden_ms) {
            (BodyRef::Small(small), None) => small.len(),
            (BodyRef::Small(small), Some(_)) => {
                small.iter().filter(|field| self.shows(field)).count()
            }
            (BodyRef::Large(large), None) => large.len(),
            (BodyRef::Large(large), Some(now_ms)) => large.len() - large.due_count(now_ms),
        }
    }

    /// True without fields.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// A field, if it is there.
    #[inline]
    pub fn get(self, field: &[u8]) -> Option<Field<'a>> {
        let found = match self.body {
            BodyRef::Small(small) => small.get(field),
            BodyRef::Large(large) => large.get(field),
        };
        found.filter(|field| self.shows(field))
    }

    /// The earliest deadline of a field, in milliseconds since 1970.
    #[inline]
    pub fn earliest_ms(self) -> Option<i64> {
        match self.body {
            BodyRef::Small(small) => small.earliest_ms(),
            BodyRef::Large(large) => large.earliest_ms(),
        }
    }

    /// Calls `visit` with every field.
    pub fn each(self, mut visit: impl FnMut(Field<'a>)) {
        let shown = |field: &Field<'a>| self.shows(field);
        match self.body {
            BodyRef::Small(small) => small.iter().filter(shown).for_each(&mut visit),
            BodyRef::Large(large) => large.iter().filter(shown).for_each(&mut visit),
        }
    }

    /// One step of a scan; see [`super::table::Table::scan`]. A small form is a single step.
    pub fn scan(self, cursor: u64, mut visit: impl FnMut(Field<'a>)) -> u64 {
        match self.body {
            BodyRef::Small(_) => {
                self.each(visit);
                0
            }
            BodyRef::Large(large) => large.scan(cursor, |field| {
                if self.shows(&field) {
                    visit(field);
                }
            }),
        }
    }

    /// Whether a field can be chosen by chance without a look at all others.
    pub fn is_sampled_fast(self) -> bool {
        matches!(self.body, BodyRef::Large(_)) && self.hidden_ms.is_none()
    }

    /// A field chosen by chance, each with the same probability; it may be one that is not shown.
    pub fn sample(self, rng: &mut fastrand::Rng) -> Option<Field<'a>> {
        match self.body {
            BodyRef::Small(small) if small.len() == 0 => None,
            BodyRef::Small(small) => small.nth(rng.usize(0..small.len())),
            BodyRef::Large(large) => large.sample(rng),
        }
    }

    #[inline]
    fn shows(self, field: &Field<'_>) -> bool {
        match (self.hidden_ms, field.deadline_ms) {
            (Some(now_ms), Some(at_ms)) => at_ms > now_ms,
            (Some(_) | None, _) => true,
        }
    }
}

impl Kind for Hash {
    type Ref<'a> = HashRef<'a>;
    const TYPE: Type = Type::Hash;

    fn thaw(form: Form, bytes: Vec<u8>) -> Hash {
        Hash(Body::Small(Small { form, packed: Packed::from_bytes(bytes) }))
    }

    fn small(&mut self) -> Option<(Form, &mut Vec<u8>)> {
        match &mut self.0 {
            Body::Small(small) => Some((small.form, small.packed.bytes_mut())),
            Body::Large(_) => None,
        }
    }

    fn packed(&self) -> Option<(Form, &[u8])> {
        match &self.0 {
            Body::Small(small) => Some((small.form, small.packed.as_bytes())),
            Body::Large(_) => None,
        }
    }

    #[inline]
    fn view_small(form: Form, bytes: &[u8]) -> HashRef<'_> {
        HashRef { body: BodyRef::Small(SmallRef::new(form, bytes)), hidden_ms: None }
    }

    #[inline]
    fn view(&self) -> HashRef<'_> {
        let body = match &self.0 {
            Body::Small(small) => BodyRef::Small(small.view()),
            Body::Large(large) => BodyRef::Large(large),
        };
        HashRef { body, hidden_ms: None }
    }

    fn len(&self) -> usize {
        self.view().len()
    }

    fn encoding(&self) -> &'static str {
        match &self.0 {
            Body::Small(small) => small.form.encoding(),
            Body::Large(_) => "hashtable",
        }
    }

    fn memory_bytes(&self) -> usize {
        match &self.0 {
            Body::Small(small) => memory::size_class(small.packed.as_bytes().len()),
            Body::Large(large) => large.memory_bytes(),
        }
    }

    fn free_some(&mut self) -> bool {
        match &mut self.0 {
            Body::Small(_) => false,
            Body::Large(large) => large.free_some(),
        }
    }

    fn of(collection: &Collection) -> Option<&Hash> {
        match collection {
            Collection::Hash(value) => Some(value),
            _ => None,
        }
    }

    fn of_mut(collection: &mut Collection) -> Option<&mut Hash> {
        match collection {
            Collection::Hash(value) => Some(value),
            _ => None,
        }
    }

    fn wrap(self) -> Collection {
        Collection::Hash(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::hash::KeyHasher;
    use fastrand::Rng;
    use std::collections::BTreeMap;

    type Plain = BTreeMap<Vec<u8>, (Vec<u8>, Option<i64>)>;

    fn limits(elements: usize, element_bytes: usize) -> Limits {
        let hasher = KeyHasher::new(&mut Rng::with_seed(1));
        Limits { elements, element_bytes, integers: 0, hasher }
    }

    fn text(rng: &mut Rng, max: usize) -> Vec<u8> {
        match rng.u8(0..4) {
            0 => rng.i64(-200..200).to_string().into_bytes(),
            _ => vec![rng.u8(b'a'..b'e'); rng.usize(0..max)],
        }
    }

    fn contents(hash: HashRef<'_>) -> Plain {
        let mut all = Plain::new();
        hash.each(|Field { name, value, deadline_ms }| {
            let known = all
                .insert(name.to_bytes().into_owned(), (value.to_bytes().into_owned(), deadline_ms));
            assert!(known.is_none(), "a field is there once");
        });
        all
    }

    /// What must hold of any hash.
    fn check(hash: &Hash, plain: &Plain) {
        assert_eq!(contents(hash.view()), *plain);
        assert_eq!((hash.len(), hash.is_empty()), (plain.len(), plain.is_empty()));
        let earliest = plain.values().filter_map(|(_, deadline_ms)| *deadline_ms).min();
        assert_eq!(hash.view().earliest_ms(), earliest);
        let shown = plain.iter().filter(|(_, (_, at_ms))| at_ms.is_none_or(|at_ms| at_ms > 50));
        let shown: Plain = shown.map(|(field, held)| (field.clone(), held.clone())).collect();
        let hiding = hash.view().hiding(50);
        assert_eq!((contents(hiding), hiding.len()), (shown.clone(), shown.len()));
        match &hash.0 {
            Body::Small(small) => {
                assert!(Packed::check(small.packed.as_bytes()));
                let deadlines: Vec<i64> =
                    small.view().iter().map(|f| f.deadline_ms.unwrap_or(i64::MAX)).collect();
                assert!(small.form == Form::Hash || deadlines.is_sorted(), "{deadlines:?}");
            }
            Body::Large(large) => assert!(large.memory_bytes() >= 16 * plain.len()),
        }
    }

    fn step(rng: &mut Rng, hash: &mut Hash, plain: &mut Plain, limits: &Limits) {
        let field = text(rng, 8);
        let held = plain.get(&field).cloned();
        match rng.u8(0..8) {
            0..3 => {
                let (value, keeps) = (text(rng, 40), rng.bool());
                assert_eq!(hash.set(limits, &field, &value, keeps), held.is_none());
                plain.insert(field, (value, held.and_then(|(_, at_ms)| at_ms.filter(|_| keeps))));
            }
            3 => assert_eq!(hash.remove(&field), plain.remove(&field).is_some()),
            4..6 => {
                let at_ms = (rng.u8(0..3) > 0).then(|| rng.i64(1..100));
                assert_eq!(hash.set_deadline(&field, at_ms), held.is_some());
                if let Some(held) = plain.get_mut(&field) {
                    held.1 = at_ms;
                }
            }
            6 => {
                let found = hash.get(&field);
                let found = found.map(|f| (f.value.to_bytes().into_owned(), f.deadline_ms));
                assert_eq!(found, held);
            }
            _ => {
                let (now_ms, max) = (rng.i64(0..20), rng.usize(0..4));
                let due = plain.values().filter(|(_, at_ms)| at_ms.is_some_and(|at| at <= now_ms));
                let due = due.count().min(max);
                let taken = hash.take_due(now_ms, max, |field| {
                    let (_, at_ms) = plain.remove(field).expect("known");
                    assert!(at_ms.is_some_and(|at_ms| at_ms <= now_ms));
                });
                assert_eq!(taken, due);
            }
        }
    }

    #[test]
    fn every_form_behaves_like_a_map() {
        for seed in 0..120 {
            let mut rng = Rng::with_seed(seed);
            let limits =
                limits([0, 3, 20, 100_000][rng.usize(0..4)], [4, 20, 100][rng.usize(0..3)]);
            let (mut hash, mut plain) = (Hash::default(), Plain::new());
            for _ in 0..400 {
                let was_large = hash.small().is_none();
                step(&mut rng, &mut hash, &mut plain, &limits);
                check(&hash, &plain);
                assert!(!was_large || hash.small().is_none(), "the large form is for good");
                if let Some((form, bytes)) = hash.small().filter(|_| rng.u8(0..8) == 0) {
                    hash = Hash::thaw(form, bytes.clone());
                }
                if rng.u8(0..40) == 0 {
                    hash = hash.clone();
                }
            }
        }
    }

    #[test]
    fn the_form_changes_at_the_limits() {
        let limits = limits(3, 5);
        let encoding = |fields: &[(&[u8], &[u8])]| {
            let mut hash = Hash::default();
            fields.iter().for_each(|(field, value)| {
                hash.set(&limits, field, value, false);
            });
            hash.encoding()
        };
        assert_eq!(encoding(&[(b"a", b"1"), (b"b", b"2"), (b"c", b"3")]), "listpack");
        assert_eq!(encoding(&[(b"a", b"1"), (b"b", b"2"), (b"c", b"3"), (b"d", b"")]), "hashtable");
        assert_eq!(encoding(&[(b"12345", b"12345")]), "listpack");
        assert_eq!(encoding(&[(b"123456", b"")]), "hashtable");
        assert_eq!(encoding(&[(b"", b"123456")]), "hashtable");
        let mut hash = Hash::default();
        hash.set(&limits, b"a", b"1", false);
        hash.expect(&limits, 3);
        assert_eq!(hash.encoding(), "listpack");
        hash.set_deadline(b"a", Some(7));
        hash.set_deadline(b"a", None);
        assert_eq!(hash.encoding(), "listpackex");
        hash.expect(&limits, 4);
        assert_eq!(hash.encoding(), "hashtable");
    }

    #[test]
    fn a_scan_shows_every_field_that_stays() {
        let mut rng = Rng::with_seed(4);
        for elements in [0, 10_000] {
            let (limits, mut hash) = (limits(elements, 64), Hash::default());
            for n in 0..3_000 {
                hash.set(&limits, format!("field:{n}").as_bytes(), b"v", false);
            }
            let (mut cursor, mut seen) = (0, BTreeMap::new());
            loop {
                cursor = hash.view().scan(cursor, |field| {
                    *seen.entry(field.name.to_bytes().into_owned()).or_insert(0) += 1;
                });
                if cursor == 0 {
                    break;
                }
                hash.set(&limits, format!("other:{}", rng.u32(..)).as_bytes(), b"v", false);
                hash.remove(format!("field:{}", rng.u32(2_000..3_000)).as_bytes());
            }
            for n in 0..2_000 {
                assert_eq!(seen.get(format!("field:{n}").as_bytes()), Some(&1));
            }
            while hash.free_some() {}
            assert!(elements > 0 || hash.is_empty());
        }
    }

    #[test]
    fn choice_is_even() {
        let mut rng = Rng::with_seed(5);
        for elements in [0, 1_000] {
            let (limits, mut hash) = (limits(elements, 64), Hash::default());
            for n in 0..100 {
                hash.set(&limits, n.to_string().as_bytes(), b"v", false);
            }
            let mut drawn = BTreeMap::new();
            for _ in 0..20_000 {
                let field = hash.view().sample(&mut rng).expect("not empty");
                *drawn.entry(field.name.to_int()).or_insert(0) += 1;
            }
            // 200 expected each, with a deviation of 14.
            assert!(drawn.len() == 100 && drawn.values().all(|n| (120..280).contains(n)));
        }
    }
}
