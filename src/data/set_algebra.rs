//! What several sets have in common, what they have together, and what sets them apart.

use super::collection::{Kind, Limits};
use super::set::{Set, SetRef};
use super::text::Text;
use crate::base::hash::KeyHasher;
use hashbrown::HashTable;

/// Sets up to which a union asks each of the former ones for a member; of more it makes a table.
const ASKED_MAX: usize = 4;

/// Strings that a listpack is asked for, from which on it is worth to have an index of it.
const ASKING_MIN: usize = 8;
/// Members of a listpack that is worth an index.
const INDEXED_MIN: usize = 16;

/// A set that is asked for many strings.
enum Sieve<'a> {
    Plain(SetRef<'a>),
    /// The members of a listpack; that alone is searched from end to end.
    Index(HashTable<Text<'a>>, &'a KeyHasher),
}

impl<'a> Sieve<'a> {
    /// A set that will be asked for so many strings.
    fn new(set: SetRef<'a>, asked: usize, hasher: &'a KeyHasher) -> Sieve<'a> {
        if !set.is_packed() || asked < ASKING_MIN || set.len() < INDEXED_MIN {
            return Sieve::Plain(set);
        }
        let mut index = HashTable::with_capacity(set.len());
        set.each(|member| {
            index.insert_unique(hash(hasher, member), member, |member| hash(hasher, *member));
        });
        Sieve::Index(index, hasher)
    }

    /// Of some strings, keeps those that are members or, if `wanted` is false, those that are not.
    fn sift(&self, batch: &mut Vec<Text<'_>>, wanted: bool) {
        match self {
            Sieve::Plain(set) => set.sift(batch, wanted),
            Sieve::Index(index, hasher) => batch.retain(|text| {
                let text = match text {
                    Text::Bytes(bytes) => Text::compact(bytes),
                    Text::Int(_) => *text,
                };
                index.find(hash(hasher, text), |member| member.is(text)).is_some() == wanted
            }),
        }
    }
}

/// The hash of a string in the form in which a listpack has it.
fn hash(hasher: &KeyHasher, text: Text<'_>) -> u64 {
    match text {
        Text::Bytes(bytes) => hasher.hash(bytes),
        Text::Int(value) => hasher.hash(&value.to_le_bytes()),
    }
}

/// Shows what is in all sets to `visit` until it says false. Costs look-ups for the members of the
/// smallest set.
pub fn common<'a>(
    sets: &[SetRef<'a>],
    hasher: &'a KeyHasher,
    mut visit: impl FnMut(Text<'a>) -> bool,
) {
    let mut sets = sets.to_vec();
    sets.sort_by_key(|set| set.len());
    let Some((smallest, others)) = sets.split_first() else { return };
    let others: Vec<_> =
        others.iter().map(|set| Sieve::new(*set, smallest.len(), hasher)).collect();
    smallest.each_batch(|batch| {
        others.iter().for_each(|other| other.sift(batch, true));
        batch.iter().all(|member| visit(*member))
    });
}

/// Shows what is in any of the sets to `visit`.
pub fn union<'a>(sets: &[SetRef<'a>], hasher: &'a KeyHasher, mut visit: impl FnMut(Text<'a>)) {
    if sets.len() > ASKED_MAX {
        let mut seen = Set::large(hasher);
        let limits = Limits { elements: 0, element_bytes: 0, integers: 0, hasher: hasher.clone() };
        for set in sets {
            set.each(|member| {
                if member.with_bytes(|bytes| seen.insert(bytes, &limits)) {
                    visit(member);
                }
            });
        }
        return;
    }
    let mut formers: Vec<Sieve<'_>> = Vec::new();
    for (index, set) in sets.iter().enumerate() {
        set.each_batch(|batch| {
            formers.iter().for_each(|former| former.sift(batch, false));
            batch.iter().for_each(|member| visit(*member));
            true
        });
        let asked = sets[index + 1..].iter().map(|set| set.len()).sum();
        formers.push(Sieve::new(*set, asked, hasher));
    }
}

/// Shows what is in the first set and in none of the others to `visit`. Costs look-ups for the
/// members of the first set in each of the others.
pub fn difference<'a>(
    first: SetRef<'a>,
    others: &[SetRef<'a>],
    hasher: &'a KeyHasher,
    mut visit: impl FnMut(Text<'a>),
) {
    let others: Vec<_> = others.iter().map(|set| Sieve::new(*set, first.len(), hasher)).collect();
    first.each_batch(|batch| {
        others.iter().for_each(|other| other.sift(batch, false));
        batch.iter().for_each(|member| visit(*member));
        true
    });
}

/// Whether it is cheaper to take the members of the others from a copy of the first, which
/// [`remainder`] does, than to ask the others for each member of the first; as Redis weighs it.
pub fn is_removal_cheaper(first: SetRef<'_>, others: &[SetRef<'_>]) -> bool {
    let asking = first.len().saturating_mul(others.len() + 1) / 2;
    let removing = first.len() + others.iter().map(|other| other.len()).sum::<usize>();
    asking > removing
}

/// A copy of the first set without the members of the others.
pub fn remainder(first: SetRef<'_>, others: &[SetRef<'_>], limits: &Limits) -> Set {
    let mut rest = Set::default();
    first.each(|member| {
        member.with_bytes(|bytes| rest.append(bytes, limits));
    });
    for other in others {
        other.each_while(|member| {
            member.with_bytes(|bytes| rest.remove(bytes));
            !rest.is_empty()
        });
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use fastrand::Rng;
    use std::collections::BTreeSet;

    type Members = BTreeSet<Vec<u8>>;

    fn bytes(member: Text<'_>) -> Vec<u8> {
        member.to_bytes().into_owned()
    }

    #[test]
    fn results_are_those_of_plain_sets() {
        let mut rng = Rng::with_seed(3);
        let hasher = KeyHasher::new(&mut rng);
        for _ in 0..300 {
            let elements = [0, 16, 128][rng.usize(0..3)];
            let hasher = hasher.clone();
            let limits = Limits { elements, element_bytes: 64, integers: elements, hasher };
            let range = [8, 60, 400][rng.usize(0..3)];
            let (mut sets, mut plain) = (Vec::new(), Vec::new());
            for _ in 0..rng.usize(1..8) {
                let (mut set, mut model, is_text) = (Set::default(), BTreeSet::new(), rng.bool());
                for _ in 0..rng.usize(0..range) {
                    let number = rng.usize(0..range);
                    let is_text = is_text && number.is_multiple_of(3);
                    let member = if is_text { format!("m{number}") } else { number.to_string() };
                    set.insert(member.as_bytes(), &limits);
                    model.insert(member.into_bytes());
                }
                sets.push(set);
                plain.push(model);
            }
            let views: Vec<SetRef<'_>> = sets.iter().map(Set::view).collect();
            let (mut inter, mut all, mut rest) = (Vec::new(), Vec::new(), Vec::new());
            common(&views, &limits.hasher, |member| {
                inter.push(bytes(member));
                true
            });
            union(&views, &limits.hasher, |member| all.push(bytes(member)));
            difference(views[0], &views[1..], &limits.hasher, |member| rest.push(bytes(member)));
            let fold =
                |f: fn(Members, &Members) -> Members| plain[1..].iter().fold(plain[0].clone(), f);
            let sorted = |members: Vec<Vec<u8>>| {
                let set: BTreeSet<Vec<u8>> = members.iter().cloned().collect();
                assert_eq!(set.len(), members.len(), "each once");
                set
            };
            assert_eq!(sorted(inter), fold(|a, b| a.intersection(b).cloned().collect()));
            assert_eq!(sorted(all), fold(|a, b| a.union(b).cloned().collect()));
            let expected = fold(|a, b| a.difference(b).cloned().collect());
            assert_eq!(sorted(rest), expected);
            let (mut removed, by_removal) = (Vec::new(), remainder(views[0], &views[1..], &limits));
            by_removal.view().each(|member| removed.push(bytes(member)));
            assert_eq!(sorted(removed), expected);
        }
    }

    #[test]
    fn a_walk_through_what_is_common_may_end_early() {
        let mut rng = Rng::with_seed(4);
        let hasher = KeyHasher::new(&mut rng);
        let limits = Limits { elements: 0, element_bytes: 0, integers: 0, hasher };
        let mut set = Set::default();
        (0..100).for_each(|number: u32| {
            set.insert(number.to_string().as_bytes(), &limits);
        });
        let mut count = 0;
        common(&[set.view(), set.view()], &limits.hasher, |_| {
            count += 1;
            count < 7
        });
        assert_eq!(count, 7);
    }
}
