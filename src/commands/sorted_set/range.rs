//! Members from somewhere to somewhere: ZRANGE, and the older commands that are parts of it.

use super::span::{By, Limit, Span};
use super::{ACCESSES, Form, READS, STORES, WRITES, reply_with, write_items};
use crate::data::collection::Type;
use crate::data::sorted_set::{SortedSet, SortedSetRef};
use crate::exec::{Call, Command, Flow, Outcome, int};
use crate::resp::argv::Argv;
use crate::resp::error::Error;
use crate::spec::keys::KeySpec;
use crate::spec::{Deprecated, Spec};
use std::ops::Range;

const RANGES: Spec = Spec { arity: -4, complexity: "O(log(N)+M) for M of N members", ..READS };

pub(super) const ZRANGE: Command = Command::new(
    Spec {
        name: "zrange",
        since: "1.2.0",
        summary: "Lists members from one rank, score or member to another.",
        syntax: "key start stop [sortby: BYSCORE | BYLEX] [REV] \
            [limit: LIMIT offset:integer count:integer] [WITHSCORES]",
        history: &[("6.2.0", "REV, BYSCORE, BYLEX and LIMIT")],
        ..RANGES
    },
    zrange,
);

/// What a request for a range says.
struct Request<'a> {
    span: Span<'a>,
    is_reversed: bool,
    limit: Limit,
    with_scores: bool,
}

/// What the name of a command says of its request already.
#[derive(Clone, Copy)]
struct Named {
    by: Option<By>,
    is_reversed: Option<bool>,
    is_stored: bool,
}

impl<'a> Request<'a> {
    /// Reads the two ends from `first` on, and what follows them.
    fn parse(argv: Argv<'a>, first: usize, named: Named) -> Result<Request<'a>, Error> {
        let (mut by, mut is_reversed, mut with_scores) = (named.by, named.is_reversed, false);
        let mut limit = Limit::NONE;
        let mut at = first + 2;
        while let Some(option) = argv.get(at) {
            match (option.to_ascii_uppercase().as_slice(), argv.get(at + 1), argv.get(at + 2)) {
                (b"WITHSCORES", _, _) if !named.is_stored => with_scores = true,
                (b"LIMIT", Some(offset), Some(count)) => {
                    limit = Limit { offset: int(offset)?, count: int(count)? };
                    at += 2;
                }
                (b"REV", _, _) if is_reversed.is_none() => is_reversed = Some(true),
                (b"BYLEX", _, _) if by.is_none() => by = Some(By::Lex),
                (b"BYSCORE", _, _) if by.is_none() => by = Some(By::Score),
                _ => return Err(Error::SYNTAX),
            }
            at += 1;
        }
        let (by, is_reversed) = (by.unwrap_or(By::Rank), is_reversed.unwrap_or(false));
        if limit.count != -1 && by == By::Rank {
            return Err(Error::new(
                "ERR syntax error, LIMIT is only supported in combination with either BYSCORE \
                 or BYLEX",
            ));
        }
        if with_scores && by == By::Lex {
            return Err(Error::new(
                "ERR syntax error, WITHSCORES not supported in combination with BYLEX",
            ));
        }
        let (mut min, mut max) = (argv.at(first), argv.at(first + 1));
        if is_reversed && by != By::Rank {
            std::mem::swap(&mut min, &mut max);
        }
        if by == By::Rank {
            limit = Limit::NONE;
        }
        Ok(Request { span: Span::parse(by, min, max)?, is_reversed, limit, with_scores })
    }

    /// The ranks that are asked for.
    fn ranks(&self, set: SortedSetRef<'_>) -> Range<usize> {
        let ranks = self.span.ranks(set, self.is_reversed);
        self.limit.cut(&ranks, self.is_reversed)
    }
}

fn zrange(call: &mut Call<'_>) -> Outcome {
    range(call, None, None)
}

fn range(call: &mut Call<'_>, by: Option<By>, is_reversed: Option<bool>) -> Outcome {
    let named = Named { by, is_reversed, is_stored: false };
    let request = Request::parse(call.argv, 2, named)?;
    reply_with(call, call.argv.at(1), |out, set| {
        let ranks = request.ranks(set);
        let (form, count, items) =
            (Form::of(request.with_scores, out), ranks.len(), set.items(ranks));
        if request.is_reversed {
            write_items(out, form, count, items.rev());
        } else {
            write_items(out, form, count, items);
        }
    })?;
    Ok(Flow::Done)
}

pub(super) const ZREVRANGE: Command = Command::new(
    Spec {
        name: "zrevrange",
        since: "1.2.0",
        summary: "Lists members from one rank to another, from the highest score on.",
        syntax: "key start:integer stop:integer [WITHSCORES]",
        deprecated: Some(Deprecated { since: "6.2.0", replaced_by: "`ZRANGE` with `REV`" }),
        ..RANGES
    },
    zrevrange,
);

fn zrevrange(call: &mut Call<'_>) -> Outcome {
    range(call, Some(By::Rank), Some(true))
}

pub(super) const ZRANGEBYSCORE: Command = Command::new(
    Spec {
        name: "zrangebyscore",
        since: "1.0.5",
        summary: "Lists members with scores in a range.",
        syntax: "key min:double max:double [WITHSCORES] \
            [limit: LIMIT offset:integer count:integer]",
        deprecated: Some(Deprecated { since: "6.2.0", replaced_by: "`ZRANGE` with `BYSCORE`" }),
        history: &[("2.0.0", "WITHSCORES")],
        ..RANGES
    },
    zrangebyscore,
);

fn zrangebyscore(call: &mut Call<'_>) -> Outcome {
    range(call, Some(By::Score), Some(false))
}

pub(super) const ZREVRANGEBYSCORE: Command = Command::new(
    Spec {
        name: "zrevrangebyscore",
        since: "2.2.0",
        summary: "Lists members with scores in a range, from the highest on.",
        syntax: "key max:double min:double [WITHSCORES] \
            [limit: LIMIT offset:integer count:integer]",
        deprecated: Some(Deprecated {
            since: "6.2.0",
            replaced_by: "`ZRANGE` with `REV` and `BYSCORE`",
        }),
        history: &[("2.1.6", "open ranges")],
        ..RANGES
    },
    zrevrangebyscore,
);

fn zrevrangebyscore(call: &mut Call<'_>) -> Outcome {
    range(call, Some(By::Score), Some(true))
}

pub(super) const ZRANGEBYLEX: Command = Command::new(
    Spec {
        name: "zrangebylex",
        since: "2.8.9",
        summary: "Lists members from one to another, where all have the same score.",
        syntax: "key min max [limit: LIMIT offset:integer count:integer]",
        deprecated: Some(Deprecated { since: "6.2.0", replaced_by: "`ZRANGE` with `BYLEX`" }),
        ..RANGES
    },
    zrangebylex,
);

fn zrangebylex(call: &mut Call<'_>) -> Outcome {
    range(call, Some(By::Lex), Some(false))
}

pub(super) const ZREVRANGEBYLEX: Command = Command::new(
    Spec {
        name: "zrevrangebylex",
        since: "2.8.9",
        summary: "Lists members from one back to another, where all have the same score.",
        syntax: "key max min [limit: LIMIT offset:integer count:integer]",
        deprecated: Some(Deprecated {
            since: "6.2.0",
            replaced_by: "`ZRANGE` with `REV` and `BYLEX`",
        }),
        ..RANGES
    },
    zrevrangebylex,
);

fn zrevrangebylex(call: &mut Call<'_>) -> Outcome {
    range(call, Some(By::Lex), Some(true))
}

pub(super) const ZRANGESTORE: Command = Command::new(
    Spec {
        name: "zrangestore",
        since: "6.2.0",
        arity: -5,
        keys: &[KeySpec::one(STORES), KeySpec::one(ACCESSES).from(2)],
        complexity: "O(log(N)+M) for M of N members",
        summary: "Keeps members from one rank, score or member to another as a sorted set.",
        syntax: "dst:key src:key min max [sortby: BYSCORE | BYLEX] [REV] \
            [limit: LIMIT offset:integer count:integer]",
        ..WRITES
    },
    zrangestore,
);

fn zrangestore(call: &mut Call<'_>) -> Outcome {
    let argv = call.argv;
    let named = Named { by: None, is_reversed: None, is_stored: true };
    let request = Request::parse(argv, 3, named)?;
    let limits = call.limits(Type::SortedSet);
    let now_ms = call.now_ms();
    let mut db = call.store.db(call.client.db, now_ms);
    let spot = db.read(argv.at(2));
    let set = db.view::<SortedSet>(&spot)?.unwrap_or(SortedSetRef::EMPTY);
    let stored = SortedSet::of(set.items(request.ranks(set)), &limits);
    let count = request.ranks(set).len();
    let spot = db.look(argv.at(1));
    db.replace("zrangestore", spot, stored, 1);
    call.out.len_int(count);
    Ok(Flow::Done)
}
