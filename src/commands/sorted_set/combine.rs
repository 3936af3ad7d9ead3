//! Unions, intersections and differences of sorted sets and sets.

use super::{ACCESSES, Form, READS, STORES, WRITES, write_items};
use crate::base::{float, num};
use crate::data::collection::{Kind, Type};
use crate::data::set::{Set, SetRef};
use crate::data::sorted_set::{SortedSet, SortedSetRef};
use crate::data::text::Text;
use crate::exec::{Call, Command, Flow, Outcome, int};
use crate::resp::argv::Argv;
use crate::resp::error::Error;
use crate::spec::Spec;
use crate::spec::flags::Flags;
use crate::spec::keys::KeySpec;
use crate::store::{Db, Spot};
use hashbrown::HashTable;
use std::borrow::Cow;

/// What becomes of the members of several sorted sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Union,
    Inter,
    Diff,
}

/// How the scores of a member in several sorted sets make one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Aggregate {
    Sum,
    Min,
    Max,
    /// The sum of the weights alone.
    Count,
}

impl Aggregate {
    fn parse(word: &[u8]) -> Result<Aggregate, Error> {
        match word.to_ascii_uppercase().as_slice() {
            b"SUM" => Ok(Aggregate::Sum),
            b"MIN" => Ok(Aggregate::Min),
            b"MAX" => Ok(Aggregate::Max),
            b"COUNT" => Ok(Aggregate::Count),
            _ => Err(Error::SYNTAX),
        }
    }

    /// The score that a member brings from a source.
    fn weigh(self, score: f64, weight: f64) -> f64 {
        if self == Aggregate::Count { weight } else { score * weight }
    }

    fn join(self, a: f64, b: f64) -> f64 {
        match self {
            // Of two infinities that cancel out nothing is left.
            Aggregate::Sum | Aggregate::Count => zero_if_nan(a + b),
            Aggregate::Min if b < a => b,
            Aggregate::Max if b > a => b,
            Aggregate::Min | Aggregate::Max => a,
        }
    }
}

fn zero_if_nan(value: f64) -> f64 {
    if value.is_nan() { 0.0 } else { value }
}

/// What a request asks for.
struct Request<'a> {
    keys: Vec<&'a [u8]>,
    /// The index of the first argument behind the keys.
    after: usize,
    weights: Vec<f64>,
    aggregate: Aggregate,
    with_scores: bool,
    limit: usize,
}

/// Which options a request may have.
#[derive(Clone, Copy)]
struct Allowed {
    weights: bool,
    scores: bool,
    limit: bool,
}

impl<'a> Request<'a> {
    /// Reads the number of keys at an index, and the keys.
    fn parse(call: &Call<'a>, first: usize) -> Result<Request<'a>, Error> {
        let (argv, count) = (call.argv, int(call.argv.at(first))?);
        if count < 1 {
            return Err(Error::text(format!(
                "ERR at least 1 input key is needed for '{}' command",
                call.name()
            )));
        }
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        if count > argv.len() - first - 1 {
            return Err(Error::SYNTAX);
        }
        Ok(Request {
            keys: argv.from(first + 1).take(count).collect(),
            after: first + 1 + count,
            weights: vec![1.0; count],
            aggregate: Aggregate::Sum,
            with_scores: false,
            limit: 0,
        })
    }

    /// Opens what is at the keys, then reads the options, in the order in which Redis refuses
    /// them.
    fn open<'s>(
        &mut self,
        db: &'s Db<'_>,
        spots: &[Spot<'_>],
        argv: Argv<'a>,
        allowed: Allowed,
    ) -> Result<Vec<Source<'s>>, Error> {
        let sources: Result<Vec<_>, Error> =
            spots.iter().map(|spot| Source::open(db, spot)).collect();
        let mut sources = sources?;
        let mut at = self.after;
        while at < argv.len() {
            at += 1 + self.take(argv, at, allowed)?;
        }
        for (source, weight) in sources.iter_mut().zip(&self.weights) {
            source.weight = *weight;
        }
        Ok(sources)
    }

    /// Takes an option; returns how many arguments belong to it.
    fn take(&mut self, argv: Argv<'a>, at: usize, allowed: Allowed) -> Result<usize, Error> {
        let values = argv.len() - at - 1;
        match argv.at(at).to_ascii_uppercase().as_slice() {
            b"WEIGHTS" if allowed.weights && values >= self.keys.len() => {
                for (weight, text) in self.weights.iter_mut().zip(argv.from(at + 1)) {
                    *weight =
                        float::parse(text).ok_or(Error::new("ERR weight value is not a float"))?;
                }
                Ok(self.keys.len())
            }
            b"AGGREGATE" if allowed.weights && values >= 1 => {
                self.aggregate = Aggregate::parse(argv.at(at + 1))?;
                Ok(1)
            }
            b"WITHSCORES" if allowed.scores => {
                self.with_scores = true;
                Ok(0)
            }
            b"LIMIT" if allowed.limit && values >= 1 => {
                let limit = num::parse_i64(argv.at(at + 1));
                let limit = limit.and_then(|limit| usize::try_from(limit).ok());
                self.limit = limit.ok_or(Error::new("ERR LIMIT can't be negative"))?;
                Ok(1)
            }
            _ => Err(Error::SYNTAX),
        }
    }
}

/// A sorted set or a set whose members are combined, with its weight.
#[derive(Clone, Copy)]
struct Source<'a> {
    members: Members<'a>,
    weight: f64,
}

#[derive(Clone, Copy)]
enum Members<'a> {
    Scored(SortedSetRef<'a>),
    /// Each counts as one with the score one.
    Plain(SetRef<'a>),
}

impl<'a> Source<'a> {
    fn open(db: &'a Db<'_>, spot: &Spot<'_>) -> Result<Source<'a>, Error> {
        let members = match db.type_of(spot) {
            Some(Type::Set) => db.view::<Set>(spot)?.map(Members::Plain),
            _ => db.view::<SortedSet>(spot)?.map(Members::Scored),
        };
        let members = members.unwrap_or(Members::Scored(SortedSetRef::EMPTY));
        Ok(Source { members, weight: 1.0 })
    }

    fn len(&self) -> usize {
        match self.members {
            Members::Scored(set) => set.len(),
            Members::Plain(set) => set.len(),
        }
    }

    fn score(&self, member: &[u8]) -> Option<f64> {
        match self.members {
            Members::Scored(set) => set.score(member),
            Members::Plain(set) => set.contains(member).then_some(1.0),
        }
    }

    /// Shows members with their scores to `visit` until it says false.
    fn each(&self, mut visit: impl FnMut(Text<'a>, f64) -> bool) {
        match self.members {
            Members::Scored(set) => {
                set.items(0..set.len()).all(|(member, score)| visit(member, score));
            }
            Members::Plain(set) => set.each_while(|member| visit(member, 1.0)),
        }
    }
}

/// A member of a result, with its score.
type Item<'a> = (Cow<'a, [u8]>, f64);

/// Those who are in any source.
fn union<'a>(
    sources: &[Source<'a>],
    aggregate: Aggregate,
    hash_of: impl Fn(&[u8]) -> u64,
) -> Vec<Item<'a>> {
    let mut items: Vec<Item<'a>> =
        Vec::with_capacity(sources.iter().map(Source::len).max().unwrap_or(0));
    let mut places: HashTable<u32> = HashTable::new();
    for (index, source) in sources.iter().enumerate() {
        source.each(|member, score| {
            let score = zero_if_nan(aggregate.weigh(score, source.weight));
            let member = member.to_bytes();
            let hash = hash_of(&member);
            // Members of the first source are all different.
            let place = (index > 0)
                .then(|| places.find(hash, |place| items[*place as usize].0 == member).copied());
            match place.flatten() {
                Some(place) => {
                    let old = &mut items[place as usize].1;
                    *old = aggregate.join(*old, score);
                }
                None => {
                    let place = u32::try_from(items.len()).unwrap_or(u32::MAX);
                    assert!(place < u32::MAX, "a union has less than 2^32 members");
                    if sources.len() > 1 {
                        let rehash = |place: &u32| hash_of(&items[*place as usize].0);
                        places.insert_unique(hash, place, rehash);
                    }
                    items.push((member, score));
                }
            }
            true
        });
    }
    items
}

/// Those who are in all sources, the smallest of which comes first; at most `limit` of them, or all
/// if it is zero.
fn inter<'a>(sources: &[Source<'a>], aggregate: Aggregate, limit: usize) -> Vec<Item<'a>> {
    let mut items = Vec::new();
    let Some((first, others)) = sources.split_first() else { return items };
    first.each(|member, score| {
        let start = zero_if_nan(aggregate.weigh(score, first.weight));
        let member = member.to_bytes();
        let score = others.iter().try_fold(start, |total, other| {
            let score = other.score(&member)?;
            Some(aggregate.join(total, aggregate.weigh(score, other.weight)))
        });
        items.extend(score.map(|score| (member, score)));
        limit == 0 || items.len() < limit
    });
    items
}

/// Those of the first source who are in no other.
fn diff<'a>(sources: &[Source<'a>]) -> Vec<Item<'a>> {
    let mut items = Vec::new();
    let Some((first, others)) = sources.split_first() else { return items };
    first.each(|member, score| {
        let member = member.to_bytes();
        if others.iter().all(|other| other.score(&member).is_none()) {
            items.push((member, score));
        }
        true
    });
    items
}

/// The members of a combination, in order.
fn combine<'a>(
    mut sources: Vec<Source<'a>>,
    operation: Operation,
    request: &Request<'_>,
    hash_of: impl Fn(&[u8]) -> u64,
) -> Vec<Item<'a>> {
    if operation != Operation::Diff {
        // From the smallest on, which decides how sums are rounded.
        sources.sort_by_key(Source::len);
    }
    let mut items = match operation {
        Operation::Union => union(&sources, request.aggregate, hash_of),
        Operation::Inter => inter(&sources, request.aggregate, 0),
        Operation::Diff => diff(&sources),
    };
    let order = |a: &Item<'_>, b: &Item<'_>| {
        let by_score = a.1.partial_cmp(&b.1).unwrap_or(std::cmp::Ordering::Equal);
        by_score.then_with(|| a.0.cmp(&b.0))
    };
    items.sort_unstable_by(order);
    items
}

fn texts<'a>(items: &'a [Item<'_>]) -> impl Iterator<Item = (Text<'a>, f64)> + Clone {
    items.iter().map(|(member, score)| (Text::Bytes(member), *score))
}

/// Whether a value can be combined.
fn is_source(value: Type) -> bool {
    matches!(value, Type::Set | Type::SortedSet)
}

/// Replies with a combination.
fn reply(call: &mut Call<'_>, operation: Operation) -> Outcome {
    let allowed = Allowed { weights: operation != Operation::Diff, scores: true, limit: false };
    let mut request = Request::parse(call, 1)?;
    let hasher = call.limits(Type::SortedSet).hasher;
    let (argv, now_ms) = (call.argv, call.now_ms());
    let mut db = call.store.db(call.client.db, now_ms);
    let spots = db.read_all(request.keys.iter().copied(), is_source)?;
    let sources = request.open(&db, &spots, argv, allowed)?;
    let items = combine(sources, operation, &request, |member| hasher.hash(member));
    let form = Form::of(request.with_scores, call.out);
    write_items(call.out, form, items.len(), texts(&items));
    Ok(Flow::Done)
}

/// Keeps a combination at a key.
fn store(call: &mut Call<'_>, operation: Operation, event: &'static str) -> Outcome {
    let allowed = Allowed { weights: operation != Operation::Diff, scores: false, limit: false };
    let mut request = Request::parse(call, 2)?;
    let (argv, limits) = (call.argv, call.limits(Type::SortedSet));
    let mut db = call.db();
    let spots = db.read_all(request.keys.iter().copied(), is_source)?;
    let sources = request.open(&db, &spots, argv, allowed)?;
    let items = combine(sources, operation, &request, |member| limits.hasher.hash(member));
    let stored = SortedSet::of(texts(&items), &limits);
    let spot = db.look(argv.at(1));
    let count = stored.len();
    db.replace(event, spot, stored, 1);
    call.out.len_int(count);
    Ok(Flow::Done)
}

const COMBINES: Spec = Spec {
    since: "6.2.0",
    arity: -3,
    flags: READS.flags.union(Flags::MOVABLEKEYS),
    keys: &[KeySpec::counted(ACCESSES)],
    syntax: "numkeys:integer key [key ...] [WEIGHTS weight:integer [weight:integer ...]] \
        [AGGREGATE <aggregate: SUM | MIN | MAX | COUNT>] [WITHSCORES]",
    history: &[("8.8.0", "COUNT")],
    ..READS
};
const STORES_COMBINED: Spec = Spec {
    since: "2.0.0",
    arity: -4,
    flags: WRITES.flags.union(Flags::MOVABLEKEYS),
    keys: &[KeySpec::one(STORES), KeySpec::counted(ACCESSES).from(2)],
    syntax: "destination:key numkeys:integer key [key ...] \
        [WEIGHTS weight:integer [weight:integer ...]] \
        [AGGREGATE <aggregate: SUM | MIN | MAX | COUNT>]",
    history: &[("8.8.0", "COUNT")],
    ..WRITES
};

pub(super) const ZUNION: Command = Command::new(
    Spec {
        name: "zunion",
        complexity: "O(N)+O(M*log(M)) for N members and a result of M",
        summary: "Lists the members of any of several sorted sets.",
        ..COMBINES
    },
    zunion,
);

fn zunion(call: &mut Call<'_>) -> Outcome {
    reply(call, Operation::Union)
}

pub(super) const ZUNIONSTORE: Command = Command::new(
    Spec {
        name: "zunionstore",
        complexity: "O(N)+O(M*log(M)) for N members and a result of M",
        summary: "Keeps the members of any of several sorted sets as a sorted set.",
        ..STORES_COMBINED
    },
    zunionstore,
);

fn zunionstore(call: &mut Call<'_>) -> Outcome {
    store(call, Operation::Union, "zunionstore")
}

pub(super) const ZINTER: Command = Command::new(
    Spec {
        name: "zinter",
        complexity: "O(N*K)+O(M*log(M)) for K sorted sets, the smallest of N, and a result of M",
        summary: "Lists the members of all of several sorted sets.",
        ..COMBINES
    },
    zinter,
);

fn zinter(call: &mut Call<'_>) -> Outcome {
    reply(call, Operation::Inter)
}

pub(super) const ZINTERSTORE: Command = Command::new(
    Spec {
        name: "zinterstore",
        complexity: "O(N*K)+O(M*log(M)) for K sorted sets, the smallest of N, and a result of M",
        summary: "Keeps the members of all of several sorted sets as a sorted set.",
        ..STORES_COMBINED
    },
    zinterstore,
);

fn zinterstore(call: &mut Call<'_>) -> Outcome {
    store(call, Operation::Inter, "zinterstore")
}

pub(super) const ZDIFF: Command = Command::new(
    Spec {
        name: "zdiff",
        complexity: "O(N*K)+O(M*log(M)) for K sorted sets, the first of N, and a result of M",
        summary: "Lists the members of the first of several sorted sets that are in no other.",
        syntax: "numkeys:integer key [key ...] [WITHSCORES]",
        history: &[],
        ..COMBINES
    },
    zdiff,
);

fn zdiff(call: &mut Call<'_>) -> Outcome {
    reply(call, Operation::Diff)
}

pub(super) const ZDIFFSTORE: Command = Command::new(
    Spec {
        name: "zdiffstore",
        since: "6.2.0",
        complexity: "O(N*K)+O(M*log(M)) for K sorted sets, the first of N, and a result of M",
        summary: "Keeps the members of the first of several sorted sets that are in no other.",
        syntax: "destination:key numkeys:integer key [key ...]",
        history: &[],
        ..STORES_COMBINED
    },
    zdiffstore,
);

fn zdiffstore(call: &mut Call<'_>) -> Outcome {
    store(call, Operation::Diff, "zdiffstore")
}

pub(super) const ZINTERCARD: Command = Command::new(
    Spec {
        name: "zintercard",
        since: "7.0.0",
        complexity: "O(N*K) for K sorted sets, the smallest of N",
        summary: "Counts the members of all of several sorted sets, up to a limit.",
        syntax: "numkeys:integer key [key ...] [LIMIT limit:integer]",
        history: &[],
        ..COMBINES
    },
    zintercard,
);

fn zintercard(call: &mut Call<'_>) -> Outcome {
    let allowed = Allowed { weights: false, scores: false, limit: true };
    let mut request = Request::parse(call, 1)?;
    let (argv, now_ms) = (call.argv, call.now_ms());
    let mut db = call.store.db(call.client.db, now_ms);
    let spots = db.read_all(request.keys.iter().copied(), is_source)?;
    let mut sources = request.open(&db, &spots, argv, allowed)?;
    sources.sort_by_key(Source::len);
    call.out.len_int(inter(&sources, Aggregate::Sum, request.limit).len());
    Ok(Flow::Done)
}
