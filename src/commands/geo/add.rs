//! Places added, and moved.

use super::{WRITES, point};
use crate::commands::sorted_set::add::{Rule, put};
use crate::exec::{Call, Command, Outcome};
use crate::resp::argv::{Argv, ArgvBuf};
use crate::resp::error::Error;
use crate::spec::Spec;
use crate::spec::keys::{KeyFlags, KeySpec};

pub(super) const GEOADD: Command = Command::new(
    Spec {
        name: "geoadd",
        arity: -5,
        keys: &[KeySpec::one(KeyFlags::RW.union(KeyFlags::UPDATE))],
        complexity: "O(log(N)) for each place, in a sorted set of N",
        summary: "Adds members with their places, or moves them.",
        syntax: "key [condition: NX | XX] [change: CH] longitude:double latitude:double member \
            [data: longitude:double latitude:double member ...]",
        history: &[("6.2.0", "CH, NX and XX")],
        ..WRITES
    },
    geoadd,
);

fn geoadd(call: &mut Call<'_>) -> Outcome {
    let argv = call.argv;
    let (rule, first) = parse_rule(argv);
    let words = argv.len() - first;
    if words == 0 || !words.is_multiple_of(3) || (rule.only_new && rule.only_present) {
        return Err(Error::SYNTAX);
    }
    let places = (first..argv.len()).step_by(3).map(|at| {
        let point = point(argv.at(at), argv.at(at + 1))?;
        Ok((point.score(), argv.at(at + 2)))
    });
    let places = places.collect::<Result<Vec<(f64, &[u8])>, Error>>()?;
    call.propagate_all(|| as_zadd(argv, first, &places));
    put(call, rule, places.into_iter())
}

/// Reads the options; also the index of the first longitude.
fn parse_rule(argv: Argv<'_>) -> (Rule, usize) {
    let mut rule = Rule::default();
    let mut at = 2;
    while let Some(option) = argv.get(at) {
        match option.to_ascii_uppercase().as_slice() {
            b"NX" => rule.only_new = true,
            b"XX" => rule.only_present = true,
            b"CH" => rule.counts_changed = true,
            _ => break,
        }
        at += 1;
    }
    (rule, at)
}

/// The request that adds the same members without knowing of places.
fn as_zadd(argv: Argv<'_>, first: usize, places: &[(f64, &[u8])]) -> ArgvBuf {
    let mut zadd: ArgvBuf = [&b"ZADD"[..], argv.at(1)].into_iter().collect();
    (2..first).for_each(|at| zadd.push(argv.at(at)));
    for (score, member) in places {
        zadd.push(format!("{score}").as_bytes());
        zadd.push(member);
    }
    zadd
}
