//! Strings that count: integers, and numbers with a fraction.

use super::{READS_AND_UPDATES, WRITES_FAST};
use crate::base::extended::Extended;
use crate::data::text::Text;
use crate::exec::{Call, Command, Flow, Outcome, extended, int};
use crate::resp::error::Error;
use crate::spec::Spec;
use crate::spec::keys::KeySpec;

pub(super) const INCR: Command = Command::new(
    Spec {
        name: "incr",
        arity: 2,
        keys: &[KeySpec::one(READS_AND_UPDATES)],
        summary: "Adds one to an integer; a missing key counts as 0.",
        syntax: "key",
        ..WRITES_FAST
    },
    incr,
);

fn incr(call: &mut Call<'_>) -> Outcome {
    add(call, 1)
}

pub(super) const DECR: Command = Command::new(
    Spec {
        name: "decr",
        arity: 2,
        keys: &[KeySpec::one(READS_AND_UPDATES)],
        summary: "Takes one from an integer; a missing key counts as 0.",
        syntax: "key",
        ..WRITES_FAST
    },
    decr,
);

fn decr(call: &mut Call<'_>) -> Outcome {
    add(call, -1)
}

pub(super) const INCRBY: Command = Command::new(
    Spec {
        name: "incrby",
        arity: 3,
        keys: &[KeySpec::one(READS_AND_UPDATES)],
        summary: "Adds to an integer; a missing key counts as 0.",
        syntax: "key increment",
        ..WRITES_FAST
    },
    incrby,
);

fn incrby(call: &mut Call<'_>) -> Outcome {
    let increment = int(call.argv.at(2))?;
    add(call, increment)
}

pub(super) const DECRBY: Command = Command::new(
    Spec {
        name: "decrby",
        arity: 3,
        keys: &[KeySpec::one(READS_AND_UPDATES)],
        summary: "Takes from an integer; a missing key counts as 0.",
        syntax: "key decrement",
        ..WRITES_FAST
    },
    decrby,
);

fn decrby(call: &mut Call<'_>) -> Outcome {
    let decrement = int(call.argv.at(2))?;
    let increment = decrement.checked_neg();
    add(call, increment.ok_or(Error::new("ERR decrement would overflow"))?)
}

fn add(call: &mut Call<'_>, increment: i64) -> Outcome {
    let key = call.argv.at(1);
    let mut db = call.db();
    let spot = db.look(key);
    let old = match db.text(&spot)? {
        Some(text) => text.to_int().ok_or(Error::NOT_AN_INTEGER)?,
        None => 0,
    };
    let new = old
        .checked_add(increment)
        .ok_or(Error::new("ERR increment or decrement would overflow"))?;
    db.edit("incrby", spot, Text::Int(new));
    call.out.int(new);
    Ok(Flow::Done)
}

pub(super) const INCRBYFLOAT: Command = Command::new(
    Spec {
        name: "incrbyfloat",
        since: "2.6.0",
        arity: 3,
        keys: &[KeySpec::one(READS_AND_UPDATES)],
        summary: "Adds to a number that may have a fraction; a missing key counts as 0.",
        syntax: "key increment:double",
        ..WRITES_FAST
    },
    incrbyfloat,
);

fn incrbyfloat(call: &mut Call<'_>) -> Outcome {
    let (key, increment) = (call.argv.at(1), call.argv.at(2));
    let mut db = call.db();
    let spot = db.look(key);
    let old = match db.text(&spot)? {
        Some(text) => text.with_bytes(extended)?,
        None => Extended::ZERO,
    };
    let sum = old.checked_add(extended(increment)?);
    let new = sum.ok_or(Error::new("ERR increment would produce NaN or Infinity"))?.to_string();
    db.edit("incrbyfloat", spot, Text::Bytes(new.as_bytes()));
    call.out.bulk(new.as_bytes());
    // The result and not the sum, so that replay needs no arithmetic.
    call.propagate_as(|| [b"SET", key, new.as_bytes(), b"KEEPTTL"]);
    Ok(Flow::Done)
}
