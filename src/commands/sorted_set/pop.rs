//! Members taken from either end, perhaps after a wait for one.

use super::{Form, REMOVES, REMOVES_FAST, TAKES, write_items};
use crate::base::num;
use crate::data::collection::Kind;
use crate::data::sorted_set::{SortedSet, SortedSetRef};
use crate::exec::{Call, Command, Flow, Outcome, Wait, timeout};
use crate::resp::argv::Argv;
use crate::resp::error::Error;
use crate::resp::output::Output;
use crate::spec::Spec;
use crate::spec::flags::Flags;
use crate::spec::keys::KeySpec;
use crate::store::Edit;
use std::ops::Range;

/// An end of a sorted set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Min,
    Max,
}

impl End {
    /// The command that takes members from it, which is the event as well.
    fn name(self) -> &'static str {
        match self {
            End::Min => "zpopmin",
            End::Max => "zpopmax",
        }
    }

    /// The ranks of so many members at this end.
    fn ranks(self, count: usize, len: usize) -> Range<usize> {
        let count = count.min(len);
        match self {
            End::Min => 0..count,
            End::Max => len - count..len,
        }
    }
}

const POPS: Spec = Spec {
    since: "5.0.0",
    arity: -2,
    keys: &[KeySpec::one(TAKES)],
    complexity: "O(M*log(N)) for M of N members",
    syntax: "key [count:integer]",
    ..REMOVES_FAST
};

pub(super) const ZPOPMIN: Command = Command::new(
    Spec { name: "zpopmin", summary: "Takes the members with the lowest scores.", ..POPS },
    zpopmin,
);

fn zpopmin(call: &mut Call<'_>) -> Outcome {
    pop(call, End::Min)
}

pub(super) const ZPOPMAX: Command = Command::new(
    Spec { name: "zpopmax", summary: "Takes the members with the highest scores.", ..POPS },
    zpopmax,
);

fn zpopmax(call: &mut Call<'_>) -> Outcome {
    pop(call, End::Max)
}

fn pop(call: &mut Call<'_>, end: End) -> Outcome {
    let argv = call.argv;
    if argv.len() > 3 {
        return Err(Error::SYNTAX);
    }
    let count = argv.get(2).map(positive).transpose()?;
    // A member without a count is no list of members.
    let form = if count.is_some() { Form::scored(call.out) } else { Form::Flat };
    let popped = take(call, argv.at(1), end, count.unwrap_or(1), |out, count, set| {
        write_end(out, form, end, count, set);
    })?;
    if popped.is_none() {
        call.out.array(0);
    }
    Ok(Flow::Done)
}

/// A count that may be zero.
fn positive(argument: &[u8]) -> Result<usize, Error> {
    let count = num::parse_i64(argument).and_then(|count| usize::try_from(count).ok());
    count.ok_or(Error::new("ERR value is out of range, must be positive"))
}

/// Takes at most so many members from a sorted set, after `write` has written them; how many they
/// are. `None` if there is no sorted set.
fn take(
    call: &mut Call<'_>,
    key: &[u8],
    end: End,
    count: usize,
    write: impl FnOnce(&mut Output, usize, SortedSetRef<'_>),
) -> Result<Option<usize>, Error> {
    let now_ms = call.now_ms();
    let mut db = call.store.db(call.client.db, now_ms);
    let spot = db.look(key);
    let out = &mut *call.out;
    db.update(spot, |set: &mut SortedSet| {
        let ranks = end.ranks(count, set.len());
        let taken = ranks.len();
        write(out, taken, set.view());
        set.remove_range(ranks);
        match taken {
            0 => Edit::same(0),
            taken => Edit::changed(end.name(), taken).times(taken),
        }
    })
}

/// Writes the members at an end, the outermost one first.
fn write_end(out: &mut Output, form: Form, end: End, count: usize, set: SortedSetRef<'_>) {
    let items = set.items(end.ranks(count, set.len()));
    match end {
        End::Min => write_items(out, form, count, items),
        End::Max => write_items(out, form, count, items.rev()),
    }
}

pub(super) const ZMPOP: Command = Command::new(
    Spec {
        name: "zmpop",
        since: "7.0.0",
        arity: -4,
        flags: REMOVES.flags.union(Flags::MOVABLEKEYS),
        keys: &[KeySpec::counted(TAKES)],
        complexity: "O(K)+O(M*log(N)) for K keys and M of N members",
        summary: "Takes members from an end of the first sorted set that is there.",
        syntax: "numkeys:integer key [key ...] <where: MIN | MAX> [COUNT count:integer]",
        ..REMOVES
    },
    zmpop,
);

fn zmpop(call: &mut Call<'_>) -> Outcome {
    let request = Request::parse(call.argv, 1)?;
    if !pop_first(call, &request)? {
        call.out.null_array();
    }
    Ok(Flow::Done)
}

/// What ZMPOP is asked for: the keys' indexes, the end and how many members.
struct Request {
    keys: Range<usize>,
    end: End,
    count: usize,
}

impl Request {
    /// Reads the arguments from the number of keys on.
    fn parse(argv: Argv<'_>, first: usize) -> Result<Request, Error> {
        let keys = at_least_one(argv.at(first), "ERR numkeys should be greater than 0")?;
        let after = keys.saturating_add(first + 1);
        let end = match argv.get(after).map(<[u8]>::to_ascii_uppercase).as_deref() {
            Some(b"MIN") => End::Min,
            Some(b"MAX") => End::Max,
            _ => return Err(Error::SYNTAX),
        };
        let count = match (argv.get(after + 1), argv.get(after + 2), argv.get(after + 3)) {
            (None, _, _) => 1,
            (Some(option), Some(count), None) if option.eq_ignore_ascii_case(b"COUNT") => {
                at_least_one(count, "ERR count should be greater than 0")?
            }
            (Some(option), Some(count), Some(_)) if option.eq_ignore_ascii_case(b"COUNT") => {
                at_least_one(count, "ERR count should be greater than 0")?;
                return Err(Error::SYNTAX);
            }
            _ => return Err(Error::SYNTAX),
        };
        Ok(Request { keys: first + 1..after, end, count })
    }
}

fn at_least_one(argument: &[u8], error: &'static str) -> Result<usize, Error> {
    let count = num::parse_i64(argument).and_then(|count| usize::try_from(count).ok());
    count.filter(|count| *count > 0).ok_or(Error::new(error))
}

/// Replies with members of the first sorted set that is there; false if none is.
fn pop_first(call: &mut Call<'_>, request: &Request) -> Result<bool, Error> {
    let argv = call.argv;
    for key in request.keys.clone().map(|at| argv.at(at)) {
        let end = request.end;
        let popped = take(call, key, end, request.count, |out, count, set| {
            out.array(2);
            out.bulk(key);
            write_end(out, Form::Pairs, end, count, set);
        })?;
        if let Some(count) = popped {
            let count = count.to_string();
            call.propagate_as(|| [end.name().as_bytes(), key, count.as_bytes()]);
            return Ok(true);
        }
    }
    Ok(false)
}

pub(super) const BZMPOP: Command = Command::new(
    Spec {
        name: "bzmpop",
        since: "7.0.0",
        arity: -5,
        flags: REMOVES.flags.union(Flags::MOVABLEKEYS).union(Flags::BLOCKING),
        keys: &[KeySpec::counted(TAKES).from(2)],
        complexity: "O(K)+O(M*log(N)) for K keys and M of N members",
        summary: "Takes members from an end of the first sorted set that is there, or waits for \
            one.",
        syntax: "timeout:double numkeys:integer key [key ...] <where: MIN | MAX> \
            [COUNT count:integer]",
        ..REMOVES
    },
    bzmpop,
);

fn bzmpop(call: &mut Call<'_>) -> Outcome {
    let request = Request::parse(call.argv, 2)?;
    let until_us = timeout(call.argv.at(1), call.state.now)?;
    if pop_first(call, &request)? {
        return Ok(Flow::Done);
    }
    Ok(wait(call, &request.keys, until_us))
}

fn wait(call: &mut Call<'_>, keys: &Range<usize>, until_us: Option<u64>) -> Flow {
    call.wait_for(Wait::new(keys.start, keys.len(), until_us))
}

const WAITS: Spec = Spec {
    since: "5.0.0",
    arity: -3,
    flags: REMOVES_FAST.flags.union(Flags::BLOCKING),
    keys: &[KeySpec::all_but_last(TAKES)],
    complexity: "O(log(N)) for a sorted set of N members",
    syntax: "key [key ...] timeout:double",
    history: &[("6.0.0", "a time-out with a fraction")],
    ..REMOVES
};

pub(super) const BZPOPMIN: Command = Command::new(
    Spec {
        name: "bzpopmin",
        summary: "Takes the member with the lowest score from the first sorted set that is \
            there, or waits for one.",
        ..WAITS
    },
    bzpopmin,
);

fn bzpopmin(call: &mut Call<'_>) -> Outcome {
    pop_or_wait(call, End::Min)
}

pub(super) const BZPOPMAX: Command = Command::new(
    Spec {
        name: "bzpopmax",
        summary: "Takes the member with the highest score from the first sorted set that is \
            there, or waits for one.",
        ..WAITS
    },
    bzpopmax,
);

fn bzpopmax(call: &mut Call<'_>) -> Outcome {
    pop_or_wait(call, End::Max)
}

fn pop_or_wait(call: &mut Call<'_>, end: End) -> Outcome {
    let argv = call.argv;
    let last = argv.len() - 1;
    let until_us = timeout(argv.at(last), call.state.now)?;
    for key in (1..last).map(|at| argv.at(at)) {
        let popped = take(call, key, end, 1, |out, count, set| {
            let item = set.items(end.ranks(count, set.len())).next();
            if let Some((member, score)) = item {
                out.array(3);
                out.bulk(key);
                member.with_bytes(|member| out.bulk(member));
                out.double(score);
            }
        })?;
        if popped.is_some() {
            call.propagate_as(|| [end.name().as_bytes(), key]);
            return Ok(Flow::Done);
        }
    }
    Ok(wait(call, &(1..last), until_us))
}
