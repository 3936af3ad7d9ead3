//! SLOWLOG: the latest commands that took long.

use super::help;
use crate::base::num;
use crate::exec::{Call, Command, Flow, Outcome};
use crate::resp::error::Error;
use crate::spec::categories::Categories;
use crate::spec::flags::Flags;
use crate::spec::{Group, Spec};

/// Entries that are told where the request does not say how many.
const COUNT_DEFAULT: usize = 10;

pub(super) const SLOWLOG: Command = Command {
    spec: Spec {
        name: "slowlog",
        group: Group::Server,
        since: "2.2.12",
        arity: -2,
        complexity: "Depends on the subcommand",
        summary: "Commands that took long.",
        ..Spec::NEW
    },
    run: |call| Err(call.wrong_arity()),
    subcommands: &[&GET, &HELP, &LEN, &RESET],
};

const BASE: Spec = Spec {
    group: Group::Server,
    since: "2.2.12",
    flags: Flags::ADMIN.union(Flags::LOADING).union(Flags::STALE),
    ..Spec::NEW
};

const HELP: Command = help::command(Group::Server, "6.2.0", Categories::empty());

const GET: Command = Command::new(
    Spec {
        name: "get",
        arity: -2,
        tips: &["request_policy:all_nodes", "nondeterministic_output"],
        complexity: "O(N) for N entries told",
        summary: "Tells the latest entries, 10 of them or so many; -1 for all.",
        syntax: "[count]",
        history: &[("4.0.0", "address and name of the client")],
        ..BASE
    },
    get,
);

fn get(call: &mut Call<'_>) -> Outcome {
    let count = match call.argv.len() {
        2 => COUNT_DEFAULT,
        3 => parse_count(call.argv.at(2))?,
        _ => return Err(call.unknown_subcommand()),
    };
    let log = &call.state.slowlog;
    call.out.array(count.min(log.len()));
    for entry in log.iter().take(count) {
        call.out.array(6);
        call.out.int(num::signed_u64(entry.id));
        call.out.int(entry.unix_s);
        call.out.int(num::signed_u64(entry.us));
        call.out.array(entry.argv.len());
        entry.argv.iter().for_each(|arg| call.out.bulk(arg));
        call.out.bulk(entry.addr.as_bytes());
        call.out.bulk(entry.name.as_bytes());
    }
    Ok(Flow::Done)
}

/// A number of entries; -1 stands for all.
fn parse_count(text: &[u8]) -> Result<usize, Error> {
    match num::parse_i64(text) {
        Some(-1) => Ok(usize::MAX),
        Some(count @ 0..) => Ok(usize::try_from(count).unwrap_or(usize::MAX)),
        _ => Err(Error::new("ERR count should be greater than or equal to -1")),
    }
}

const LEN: Command = Command::new(
    Spec {
        name: "len",
        arity: 2,
        tips: &["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"],
        summary: "Counts the entries.",
        ..BASE
    },
    len,
);

fn len(call: &mut Call<'_>) -> Outcome {
    call.out.len_int(call.state.slowlog.len());
    Ok(Flow::Done)
}

const RESET: Command = Command::new(
    Spec {
        name: "reset",
        arity: 2,
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
        complexity: "O(N) for N entries",
        summary: "Forgets all entries.",
        ..BASE
    },
    reset,
);

fn reset(call: &mut Call<'_>) -> Outcome {
    call.state.slowlog.clear();
    call.out.ok();
    Ok(Flow::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minus_one_is_all() {
        assert_eq!(parse_count(b"-1"), Ok(usize::MAX));
        assert_eq!(parse_count(b"0"), Ok(0));
        assert!(parse_count(b"-2").is_err() && parse_count(b"x").is_err());
    }
}
