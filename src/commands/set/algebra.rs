//! What several sets have in common, what they have together, and what sets them apart: replied,
//! counted or stored.

use super::{ACCESSES, READS, WRITES};
use crate::base::num;
use crate::commands::text::write_text;
use crate::data::collection::{Kind, Limits, Type};
use crate::data::set::{Set, SetRef};
use crate::data::set_algebra;
use crate::data::text::Text;
use crate::exec::{Call, Command, Flow, Outcome, int};
use crate::resp::argv::Argv;
use crate::resp::error::Error;
use crate::resp::output::Output;
use crate::spec::Spec;
use crate::spec::flags::Flags;
use crate::spec::keys::{KeyFlags, KeySpec};
use crate::store::{Db, Spot};

const SOURCES: KeySpec = KeySpec::all(ACCESSES);
const STORES: &[KeySpec] = &[KeySpec::one(KeyFlags::OW.union(KeyFlags::UPDATE)), SOURCES.from(2)];

/// What is done with the sets.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    Inter,
    Union,
    Diff,
}

const COMBINES: Spec = Spec {
    arity: -2,
    keys: &[SOURCES],
    tips: &["nondeterministic_output_order"],
    syntax: "key [key ...]",
    ..READS
};
const COMBINES_AND_STORES: Spec =
    Spec { arity: -3, keys: STORES, syntax: "destination:key key [key ...]", ..WRITES };

const INTER_COST: &str = "O(N*M) for M sets of which the smallest has N members";
const COST: &str = "O(N) for N members of all sets together";

pub(super) const SINTER: Command = Command::new(
    Spec {
        name: "sinter",
        complexity: INTER_COST,
        summary: "Replies with the members that several sets have in common.",
        ..COMBINES
    },
    sinter,
);

fn sinter(call: &mut Call<'_>) -> Outcome {
    reply(call, Operation::Inter)
}

pub(super) const SUNION: Command = Command::new(
    Spec {
        name: "sunion",
        complexity: COST,
        summary: "Replies with the members that several sets have together.",
        ..COMBINES
    },
    sunion,
);

fn sunion(call: &mut Call<'_>) -> Outcome {
    reply(call, Operation::Union)
}

pub(super) const SDIFF: Command = Command::new(
    Spec {
        name: "sdiff",
        complexity: COST,
        summary: "Replies with the members of a set that are in none of the others.",
        ..COMBINES
    },
    sdiff,
);

fn sdiff(call: &mut Call<'_>) -> Outcome {
    reply(call, Operation::Diff)
}

pub(super) const SINTERSTORE: Command = Command::new(
    Spec {
        name: "sinterstore",
        complexity: INTER_COST,
        summary: "Stores the members that several sets have in common.",
        ..COMBINES_AND_STORES
    },
    sinterstore,
);

fn sinterstore(call: &mut Call<'_>) -> Outcome {
    store(call, "sinterstore", Operation::Inter)
}

pub(super) const SUNIONSTORE: Command = Command::new(
    Spec {
        name: "sunionstore",
        complexity: COST,
        summary: "Stores the members that several sets have together.",
        ..COMBINES_AND_STORES
    },
    sunionstore,
);

fn sunionstore(call: &mut Call<'_>) -> Outcome {
    store(call, "sunionstore", Operation::Union)
}

pub(super) const SDIFFSTORE: Command = Command::new(
    Spec {
        name: "sdiffstore",
        complexity: COST,
        summary: "Stores the members of a set that are in none of the others.",
        ..COMBINES_AND_STORES
    },
    sdiffstore,
);

fn sdiffstore(call: &mut Call<'_>) -> Outcome {
    store(call, "sdiffstore", Operation::Diff)
}

pub(super) const SINTERCARD: Command = Command::new(
    Spec {
        name: "sintercard",
        since: "7.0.0",
        arity: -3,
        flags: READS.flags.union(Flags::MOVABLEKEYS),
        keys: &[KeySpec::counted(ACCESSES)],
        complexity: INTER_COST,
        summary: "Counts the members that several sets have in common, perhaps up to a limit.",
        syntax: "numkeys:integer key [key ...] [LIMIT limit:integer]",
        ..READS
    },
    sintercard,
);

fn sintercard(call: &mut Call<'_>) -> Outcome {
    let (argv, now_ms) = (call.argv, call.now_ms());
    let count = key_count(argv)?;
    let (limit, limits) = (limit(argv, 2 + count)?, call.limits(Type::Set));
    let mut db = call.store.db(call.client.db, now_ms);
    let spots = db.read_all(argv.from(2).take(count), is_set)?;
    let sets = views(&db, &spots)?;
    let mut found = 0;
    if let Some(sets) = all(&sets) {
        set_algebra::common(&sets, &limits.hasher, |_| {
            found += 1;
            found != limit
        });
    }
    call.out.len_int(found);
    Ok(Flow::Done)
}

/// How many keys follow.
fn key_count(argv: Argv<'_>) -> Result<usize, Error> {
    let count = int(argv.at(1)).ok().filter(|count| *count > 0);
    let count = count.ok_or(Error::new("ERR numkeys should be greater than 0"))?;
    let count = usize::try_from(count).ok().filter(|count| *count <= argv.len() - 2);
    count.ok_or(Error::new("ERR Number of keys can't be greater than number of args"))
}

/// The limit that the arguments from `start` on say; zero for none.
fn limit(argv: Argv<'_>, start: usize) -> Result<usize, Error> {
    const NEGATIVE: Error = Error::new("ERR LIMIT can't be negative");
    let mut limit = 0;
    for at in (start..argv.len()).step_by(2) {
        let value = argv.get(at + 1).filter(|_| argv.at(at).eq_ignore_ascii_case(b"LIMIT"));
        let value = num::parse_i64(value.ok_or(Error::SYNTAX)?);
        limit = value.and_then(|value| usize::try_from(value).ok()).ok_or(NEGATIVE)?;
    }
    Ok(limit)
}

/// Replies with what comes of the sets.
fn reply(call: &mut Call<'_>, operation: Operation) -> Outcome {
    let (argv, now_ms, limits) = (call.argv, call.now_ms(), call.limits(Type::Set));
    let mut db = call.store.db(call.client.db, now_ms);
    let spots = db.read_all(argv.from(1), is_set)?;
    let sets = views(&db, &spots)?;
    let rest = rest_by_removal(operation, &sets, &limits);
    call.out.set_of(|out| {
        let mut count = 0;
        match &rest {
            Some(rest) => rest.view().each(|member| write_counted(out, &mut count, member)),
            None => {
                combine(operation, &sets, &limits, |member| write_counted(out, &mut count, member));
            }
        }
        count
    });
    Ok(Flow::Done)
}

fn write_counted(out: &mut Output, count: &mut usize, member: Text<'_>) {
    write_text(out, member);
    *count += 1;
}

/// Stores what comes of the sets.
fn store(call: &mut Call<'_>, event: &'static str, operation: Operation) -> Outcome {
    let (argv, limits) = (call.argv, call.limits(Type::Set));
    let mut db = call.db();
    let spots = db.read_all(argv.from(2), is_set)?;
    let result = combined(operation, &views(&db, &spots)?, &limits);
    let count = result.len();
    let spot = db.look(argv.at(1));
    db.replace(event, spot, result, 1);
    call.out.len_int(count);
    Ok(Flow::Done)
}

fn is_set(value: Type) -> bool {
    value == Type::Set
}

/// The sets at some spots, nothing where there is no key.
fn views<'a>(db: &'a Db<'_>, spots: &[Spot<'_>]) -> Result<Vec<Option<SetRef<'a>>>, Error> {
    spots.iter().map(|spot| db.view::<Set>(spot)).collect()
}

/// The sets, if none is missing.
fn all<'a>(sets: &[Option<SetRef<'a>>]) -> Option<Vec<SetRef<'a>>> {
    sets.iter().copied().collect()
}

/// Those sets that are there.
fn present<'a>(sets: &[Option<SetRef<'a>>]) -> Vec<SetRef<'a>> {
    sets.iter().copied().flatten().collect()
}

/// Shows what comes of the sets to `visit`.
fn combine<'a>(
    operation: Operation,
    sets: &[Option<SetRef<'a>>],
    limits: &'a Limits,
    mut visit: impl FnMut(Text<'a>),
) {
    match operation {
        Operation::Inter => {
            let sets = all(sets).unwrap_or_default();
            set_algebra::common(&sets, &limits.hasher, |member| {
                visit(member);
                true
            });
        }
        Operation::Union => set_algebra::union(&present(sets), &limits.hasher, visit),
        Operation::Diff => {
            let (Some(first), others) = (sets[0], present(&sets[1..])) else { return };
            set_algebra::difference(first, &others, &limits.hasher, visit);
        }
    }
}

/// A set of what comes of the sets.
fn combined(operation: Operation, sets: &[Option<SetRef<'_>>], limits: &Limits) -> Set {
    if let Some(rest) = rest_by_removal(operation, sets, limits) {
        return rest;
    }
    let mut result = match operation {
        Operation::Inter => Set::packed(),
        Operation::Union | Operation::Diff => Set::default(),
    };
    combine(operation, sets, limits, |member| {
        member.with_bytes(|bytes| result.append(bytes, limits));
    });
    if operation == Operation::Inter {
        result.settle(limits);
    }
    result
}

/// What is left of the first set, if that is wanted and cheaper to find by removal.
fn rest_by_removal(
    operation: Operation,
    sets: &[Option<SetRef<'_>>],
    limits: &Limits,
) -> Option<Set> {
    let (first, others) = (sets[0]?, present(&sets[1..]));
    let is_cheaper =
        operation == Operation::Diff && set_algebra::is_removal_cheaper(first, &others);
    is_cheaper.then(|| set_algebra::remainder(first, &others, limits))
}
