//! Members removed, by name and by range.

use super::span::{By, Span};
use super::{REMOVES, REMOVES_FAST};
use crate::data::collection::Kind;
use crate::data::sorted_set::SortedSet;
use crate::exec::{Call, Command, Flow, Outcome};
use crate::spec::Spec;
use crate::store::Edit;

pub(super) const ZREM: Command = Command::new(
    Spec {
        name: "zrem",
        since: "1.2.0",
        arity: -3,
        complexity: "O(M*log(N)) for M members and a sorted set of N",
        summary: "Removes members.",
        syntax: "key member [member ...]",
        history: &[("2.4.0", "several members")],
        ..REMOVES_FAST
    },
    zrem,
);

fn zrem(call: &mut Call<'_>) -> Outcome {
    let argv = call.argv;
    let mut db = call.db();
    let spot = db.look(argv.at(1));
    let removed = db.update(spot, |set: &mut SortedSet| {
        let gone = argv.from(2).filter(|member| set.remove(member).is_some()).count();
        tell("zrem", gone)
    })?;
    call.out.len_int(removed.unwrap_or(0));
    Ok(Flow::Done)
}

/// What to tell of so many members that are gone.
fn tell(event: &'static str, gone: usize) -> Edit<usize> {
    match gone {
        0 => Edit::same(0),
        gone => Edit::changed(event, gone).times(gone),
    }
}

const RANGES: Spec =
    Spec { arity: 4, complexity: "O(log(N)+M*log(N)) for M of N members", ..REMOVES };

pub(super) const ZREMRANGEBYRANK: Command = Command::new(
    Spec {
        name: "zremrangebyrank",
        since: "2.0.0",
        summary: "Removes the members from one rank to another.",
        syntax: "key start:integer stop:integer",
        ..RANGES
    },
    zremrangebyrank,
);

fn zremrangebyrank(call: &mut Call<'_>) -> Outcome {
    remove_range(call, "zremrangebyrank", By::Rank)
}

pub(super) const ZREMRANGEBYSCORE: Command = Command::new(
    Spec {
        name: "zremrangebyscore",
        since: "1.2.0",
        summary: "Removes the members with scores in a range.",
        syntax: "key min:double max:double",
        ..RANGES
    },
    zremrangebyscore,
);

fn zremrangebyscore(call: &mut Call<'_>) -> Outcome {
    remove_range(call, "zremrangebyscore", By::Score)
}

pub(super) const ZREMRANGEBYLEX: Command = Command::new(
    Spec {
        name: "zremrangebylex",
        since: "2.8.9",
        summary: "Removes the members from one to another, where all have the same score.",
        syntax: "key min max",
        ..RANGES
    },
    zremrangebylex,
);

fn zremrangebylex(call: &mut Call<'_>) -> Outcome {
    remove_range(call, "zremrangebylex", By::Lex)
}

fn remove_range(call: &mut Call<'_>, event: &'static str, by: By) -> Outcome {
    let argv = call.argv;
    let span = Span::parse(by, argv.at(2), argv.at(3))?;
    let mut db = call.db();
    let spot = db.look(argv.at(1));
    let removed = db.update(spot, |set: &mut SortedSet| {
        let ranks = span.ranks(set.view(), false);
        let gone = ranks.len();
        set.remove_range(ranks);
        tell(event, gone)
    })?;
    call.out.len_int(removed.unwrap_or(0));
    Ok(Flow::Done)
}
