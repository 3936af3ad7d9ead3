//! Several strings read or written at one moment.

use super::compare::Condition;
use super::{ACCESSES, READS_FAST, WRITES, reply_value};
use crate::base::num;
use crate::commands::ttl::Expiry;
use crate::data::text::Text;
use crate::exec::{Call, Command, Flow, Outcome};
use crate::resp::argv::{Argv, ArgvBuf};
use crate::resp::error::Error;
use crate::spec::Spec;
use crate::spec::flags::Flags;
use crate::spec::keys::{KeyFlags, KeySpec};
use crate::store::Ttl;
use std::ops::Range;

pub(super) const MGET: Command = Command::new(
    Spec {
        name: "mget",
        arity: -2,
        keys: &[KeySpec::all(ACCESSES)],
        tips: &["request_policy:multi_shard"],
        complexity: "O(N) for N keys",
        summary: "Reads several strings at one moment.",
        syntax: "key [key ...]",
        ..READS_FAST
    },
    mget,
);

fn mget(call: &mut Call<'_>) -> Outcome {
    call.out.array(call.argv.len() - 1);
    for key in call.argv.from(1) {
        if reply_value(call, key).is_err() {
            // What is no string counts as missing.
            call.out.null();
        }
    }
    Ok(Flow::Done)
}

pub(super) const MSET: Command = Command::new(
    Spec {
        name: "mset",
        since: "1.0.1",
        arity: -3,
        keys: &[KeySpec::pairs(KeyFlags::OW.union(KeyFlags::UPDATE))],
        tips: &["request_policy:multi_shard", "response_policy:all_succeeded"],
        complexity: "O(N) for N keys",
        summary: "Writes several strings at one moment.",
        syntax: "key value [data: key value ...]",
        ..WRITES
    },
    mset,
);

fn mset(call: &mut Call<'_>) -> Outcome {
    let argv = call.argv;
    if argv.len().is_multiple_of(2) {
        return Err(call.wrong_arity());
    }
    let mut db = call.db();
    for at in (1..argv.len()).step_by(2) {
        let spot = db.look(argv.at(at));
        db.put("set", spot, Text::compact(argv.at(at + 1)), Ttl::Clear);
    }
    call.out.ok();
    Ok(Flow::Done)
}

pub(super) const MSETNX: Command = Command::new(
    Spec {
        name: "msetnx",
        since: "1.0.1",
        arity: -3,
        keys: &[KeySpec::pairs(KeyFlags::OW.union(KeyFlags::INSERT))],
        complexity: "O(N) for N keys",
        summary: "Writes several strings at one moment, if none of the keys is there.",
        syntax: "key value [data: key value ...]",
        ..WRITES
    },
    msetnx,
);

fn msetnx(call: &mut Call<'_>) -> Outcome {
    let argv = call.argv;
    if argv.len().is_multiple_of(2) {
        return Err(call.wrong_arity());
    }
    let holds = write_pairs(call, argv, 1..argv.len(), Condition::Missing, Ttl::Clear)?;
    call.out.int(i64::from(holds));
    Ok(Flow::Done)
}

pub(super) const MSETEX: Command = Command::new(
    Spec {
        name: "msetex",
        since: "8.4.0",
        arity: -4,
        flags: WRITES.flags.union(Flags::MOVABLEKEYS),
        keys: &[KeySpec::counted_pairs(KeyFlags::OW.union(KeyFlags::UPDATE))],
        tips: &["request_policy:multi_shard", "response_policy:all_succeeded"],
        complexity: "O(N) for N keys",
        summary: "Writes several strings at one moment, on a condition and with one deadline.",
        syntax: "numkeys:integer key value [data: key value ...] [condition: NX | XX] \
            [expiration: EX seconds | PX milliseconds | EXAT unix-time-seconds | \
            PXAT unix-time-milliseconds | KEEPTTL]",
        ..WRITES
    },
    msetex,
);

fn msetex(call: &mut Call<'_>) -> Outcome {
    let (argv, now_ms) = (call.argv, call.now_ms());
    let pairs = counted_pairs(argv)?;
    let (condition, expiry) = options(argv, pairs.end)?;
    let ttl = expiry.ttl("msetex", now_ms)?;
    let holds = write_pairs(call, argv, pairs.clone(), condition, ttl)?;
    call.out.int(i64::from(holds));
    if let (true, Ttl::At(at_ms)) = (holds, ttl) {
        call.propagate_all(|| {
            let mut request: ArgvBuf = [&b"MSETEX"[..], argv.at(1)].into_iter().collect();
            pairs.for_each(|at| request.push(argv.at(at)));
            request.push(b"PXAT");
            request.push(at_ms.to_string().as_bytes());
            request
        });
    }
    Ok(Flow::Done)
}

/// The indexes of as many pairs as the first argument says.
fn counted_pairs(argv: Argv<'_>) -> Result<Range<usize>, Error> {
    let count = num::parse_i64(argv.at(1)).and_then(|count| i32::try_from(count).ok());
    let count = count.and_then(|count| usize::try_from(count).ok()).filter(|count| *count > 0);
    let end = 2 + 2 * count.ok_or(Error::new("ERR invalid numkeys value"))?;
    if end > argv.len() {
        return Err(Error::new("ERR wrong number of key-value pairs"));
    }
    Ok(2..end)
}

/// What the arguments from `start` on say.
fn options(argv: Argv<'_>, start: usize) -> Result<(Condition<'_>, Expiry<'_>), Error> {
    let (mut condition, mut expiry) = (None, Expiry::or_word("KEEPTTL"));
    let mut at = start;
    while let Some(option) = argv.get(at) {
        at += 1;
        if let Some(used) = expiry.take(option, argv.get(at))? {
            at += used;
            continue;
        }
        let presence = Condition::presence(option).ok_or(Error::SYNTAX)?;
        if condition.is_some_and(|other| other != presence) {
            return Err(Error::SYNTAX);
        }
        condition = Some(presence);
    }
    Ok((condition.unwrap_or(Condition::Always), expiry))
}

/// Writes keys and values that follow each other at `pairs`, if the condition holds for every key;
/// whether it did.
fn write_pairs(
    call: &mut Call<'_>,
    argv: Argv<'_>,
    pairs: Range<usize>,
    condition: Condition<'_>,
    ttl: Ttl,
) -> Result<bool, Error> {
    let mut db = call.db();
    for at in pairs.clone().step_by(2) {
        let spot = db.look(argv.at(at));
        if !condition.holds(&db, &spot)? {
            return Ok(false);
        }
    }
    for at in pairs.step_by(2) {
        let spot = db.look(argv.at(at));
        db.put("set", spot, Text::compact(argv.at(at + 1)), ttl);
    }
    Ok(true)
}
