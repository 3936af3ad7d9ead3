//! Fields and values read.

use super::{BY_FIELDS, READS, READS_FAST};
use crate::commands::text::{put_text, write_text_or_null};
use crate::data::hash::HashRef;
use crate::exec::{Call, Command, Flow, Outcome};
use crate::spec::Spec;
use crate::spec::keys::{KeyFlags, KeySpec};

pub(super) const HGET: Command = Command::new(
    Spec {
        name: "hget",
        arity: 3,
        summary: "Reads a field of a hash.",
        syntax: "key field",
        ..READS_FAST
    },
    hget,
);

fn hget(call: &mut Call<'_>) -> Outcome {
    let (key, field, now_ms) = (call.argv.at(1), call.argv.at(2), call.now_ms());
    let mut db = call.store.db(call.client.db, now_ms);
    let spot = db.read(key);
    let found = db.hash(&spot)?.and_then(|hash| hash.get(field));
    write_text_or_null(call.out, found.map(|field| field.value));
    Ok(Flow::Done)
}

pub(super) const HMGET: Command = Command::new(
    Spec {
        name: "hmget",
        arity: -3,
        complexity: BY_FIELDS,
        summary: "Reads several fields of a hash.",
        syntax: "key field [field ...]",
        ..READS_FAST
    },
    hmget,
);

fn hmget(call: &mut Call<'_>) -> Outcome {
    let (argv, now_ms) = (call.argv, call.now_ms());
    let mut db = call.store.db(call.client.db, now_ms);
    let spot = db.read(argv.at(1));
    let hash = db.hash(&spot)?;
    call.out.array(argv.len() - 2);
    for field in argv.from(2) {
        let found = hash.and_then(|hash| hash.get(field));
        write_text_or_null(call.out, found.map(|field| field.value));
    }
    Ok(Flow::Done)
}

const READS_ALL: Spec = Spec {
    arity: 2,
    tips: &["nondeterministic_output_order"],
    complexity: "O(N) for N fields in the hash",
    syntax: "key",
    ..READS
};

pub(super) const HGETALL: Command = Command::new(
    Spec { name: "hgetall", summary: "Reads all fields of a hash with their values.", ..READS_ALL },
    hgetall,
);

fn hgetall(call: &mut Call<'_>) -> Outcome {
    let (key, now_ms) = (call.argv.at(1), call.now_ms());
    let mut db = call.store.db(call.client.db, now_ms);
    let spot = db.read(key);
    let hash = db.hash(&spot)?;
    call.out.map(hash.map_or(0, HashRef::len));
    if let Some(hash) = hash {
        call.out.strings(|strings| {
            hash.each(|field| {
                put_text(strings, field.name);
                put_text(strings, field.value);
            });
        });
    }
    Ok(Flow::Done)
}

pub(super) const HKEYS: Command = Command::new(
    Spec { name: "hkeys", summary: "Lists the fields of a hash.", ..READS_ALL },
    hkeys,
);

fn hkeys(call: &mut Call<'_>) -> Outcome {
    reply_halves(call, true)
}

pub(super) const HVALS: Command = Command::new(
    Spec { name: "hvals", summary: "Lists the values of a hash.", ..READS_ALL },
    hvals,
);

fn hvals(call: &mut Call<'_>) -> Outcome {
    reply_halves(call, false)
}

/// Replies with all fields, or with all values.
fn reply_halves(call: &mut Call<'_>, is_names: bool) -> Outcome {
    let (key, now_ms) = (call.argv.at(1), call.now_ms());
    let mut db = call.store.db(call.client.db, now_ms);
    let spot = db.read(key);
    let hash = db.hash(&spot)?;
    call.out.array(hash.map_or(0, HashRef::len));
    if let Some(hash) = hash {
        call.out.strings(|strings| {
            hash.each(|field| put_text(strings, if is_names { field.name } else { field.value }));
        });
    }
    Ok(Flow::Done)
}

/// Commands that tell a number of a hash, and do not read its data.
const MEASURES: Spec = Spec { keys: &[KeySpec::one(KeyFlags::RO)], ..READS_FAST };

pub(super) const HLEN: Command = Command::new(
    Spec {
        name: "hlen",
        arity: 2,
        summary: "Counts the fields of a hash.",
        syntax: "key",
        ..MEASURES
    },
    hlen,
);

fn hlen(call: &mut Call<'_>) -> Outcome {
    measure(call, |hash, _| hash.len())
}

pub(super) const HSTRLEN: Command = Command::new(
    Spec {
        name: "hstrlen",
        since: "3.2.0",
        arity: 3,
        summary: "Tells the length of a field's value.",
        syntax: "key field",
        ..MEASURES
    },
    hstrlen,
);

fn hstrlen(call: &mut Call<'_>) -> Outcome {
    measure(call, |hash, field| hash.get(field).map_or(0, |field| field.value.len()))
}

pub(super) const HEXISTS: Command = Command::new(
    Spec {
        name: "hexists",
        arity: 3,
        summary: "Tells whether a hash has a field.",
        syntax: "key field",
        ..MEASURES
    },
    hexists,
);

fn hexists(call: &mut Call<'_>) -> Outcome {
    measure(call, |hash, field| usize::from(hash.get(field).is_some()))
}

/// Replies with a number that is told of a hash and a field, if there is one; zero without a key.
fn measure(call: &mut Call<'_>, tell: impl FnOnce(HashRef<'_>, &[u8]) -> usize) -> Outcome {
    let (argv, now_ms) = (call.argv, call.now_ms());
    let mut db = call.store.db(call.client.db, now_ms);
    let spot = db.read(argv.at(1));
    let field = argv.get(2).unwrap_or_default();
    call.out.len_int(db.hash(&spot)?.map_or(0, |hash| tell(hash, field)));
    Ok(Flow::Done)
}
