//! Scores, ranks and counts.

use super::span::{lex_range, score_range};
use super::{READS_FAST, reply_with};
use crate::exec::{Call, Command, Flow, Outcome};
use crate::resp::error::Error;
use crate::spec::Spec;
use crate::spec::keys::{KeyFlags, KeySpec};

pub(super) const ZCARD: Command = Command::new(
    Spec {
        name: "zcard",
        since: "1.2.0",
        arity: 2,
        keys: &[KeySpec::one(KeyFlags::RO)],
        summary: "Tells the number of members.",
        syntax: "key",
        ..READS_FAST
    },
    zcard,
);

fn zcard(call: &mut Call<'_>) -> Outcome {
    reply_with(call, call.argv.at(1), |out, set| out.len_int(set.len()))?;
    Ok(Flow::Done)
}

pub(super) const ZSCORE: Command = Command::new(
    Spec {
        name: "zscore",
        since: "1.2.0",
        arity: 3,
        summary: "Tells the score of a member.",
        syntax: "key member",
        ..READS_FAST
    },
    zscore,
);

fn zscore(call: &mut Call<'_>) -> Outcome {
    let member = call.argv.at(2);
    reply_with(call, call.argv.at(1), |out, set| match set.score(member) {
        Some(score) => out.double(score),
        None => out.null(),
    })?;
    Ok(Flow::Done)
}

pub(super) const ZMSCORE: Command = Command::new(
    Spec {
        name: "zmscore",
        since: "6.2.0",
        arity: -3,
        complexity: "O(N) for N members asked for",
        summary: "Tells the scores of several members.",
        syntax: "key member [member ...]",
        ..READS_FAST
    },
    zmscore,
);

fn zmscore(call: &mut Call<'_>) -> Outcome {
    let argv = call.argv;
    reply_with(call, argv.at(1), |out, set| {
        out.array(argv.len() - 2);
        for member in argv.from(2) {
            match set.score(member) {
                Some(score) => out.double(score),
                None => out.null(),
            }
        }
    })?;
    Ok(Flow::Done)
}

pub(super) const ZCOUNT: Command = Command::new(
    Spec {
        name: "zcount",
        since: "2.0.0",
        arity: 4,
        complexity: "O(log(N)) for a sorted set of N members",
        summary: "Counts the members with scores in a range.",
        syntax: "key min:double max:double",
        ..READS_FAST
    },
    zcount,
);

fn zcount(call: &mut Call<'_>) -> Outcome {
    let range = score_range(call.argv.at(2), call.argv.at(3))?;
    reply_with(call, call.argv.at(1), |out, set| out.len_int(set.ranks_by_score(&range).len()))?;
    Ok(Flow::Done)
}

pub(super) const ZLEXCOUNT: Command = Command::new(
    Spec {
        name: "zlexcount",
        since: "2.8.9",
        arity: 4,
        complexity: "O(log(N)) for a sorted set of N members",
        summary: "Counts the members from one to another, where all have the same score.",
        syntax: "key min max",
        ..READS_FAST
    },
    zlexcount,
);

fn zlexcount(call: &mut Call<'_>) -> Outcome {
    let range = lex_range(call.argv.at(2), call.argv.at(3))?;
    reply_with(call, call.argv.at(1), |out, set| {
        out.len_int(set.ranks_by_lex(&range, false).len())
    })?;
    Ok(Flow::Done)
}

const RANKS: Spec = Spec {
    since: "2.0.0",
    arity: -3,
    complexity: "O(log(N)) for a sorted set of N members",
    syntax: "key member [WITHSCORE]",
    history: &[("7.2.0", "WITHSCORE")],
    ..READS_FAST
};

pub(super) const ZRANK: Command = Command::new(
    Spec {
        name: "zrank",
        summary: "Tells how many members stand before one, from the lowest score on.",
        ..RANKS
    },
    zrank,
);

fn zrank(call: &mut Call<'_>) -> Outcome {
    rank(call, false)
}

pub(super) const ZREVRANK: Command = Command::new(
    Spec {
        name: "zrevrank",
        summary: "Tells how many members stand before one, from the highest score on.",
        ..RANKS
    },
    zrevrank,
);

fn zrevrank(call: &mut Call<'_>) -> Outcome {
    rank(call, true)
}

fn rank(call: &mut Call<'_>, is_reversed: bool) -> Outcome {
    let argv = call.argv;
    let with_score = match (argv.get(3), argv.get(4)) {
        (_, Some(_)) => return Err(call.wrong_arity()),
        (Some(option), None) if !option.eq_ignore_ascii_case(b"WITHSCORE") => {
            return Err(Error::SYNTAX);
        }
        (option, None) => option.is_some(),
    };
    reply_with(call, argv.at(1), |out, set| {
        let Some((rank, score)) = set.rank(argv.at(2)) else {
            return if with_score { out.null_array() } else { out.null() };
        };
        if with_score {
            out.array(2);
        }
        out.len_int(if is_reversed { set.len() - 1 - rank } else { rank });
        if with_score {
            out.double(score);
        }
    })?;
    Ok(Flow::Done)
}
