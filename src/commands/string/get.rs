//! One string read, and what becomes of its key then.

use super::{
    ACCESSES, READS_AND_UPDATES, READS_FAST, REMOVES_FAST, reply_value, write_text,
    write_text_or_null,
};
use crate::commands::ttl::Expiry;
use crate::exec::{Call, Command, Flow, Outcome, deletion};
use crate::spec::Spec;
use crate::spec::keys::{KeyFlags, KeySpec};

pub(super) const GET: Command = Command::new(
    Spec {
        name: "get",
        arity: 2,
        keys: &[KeySpec::one(ACCESSES)],
        summary: "Reads a string.",
        syntax: "key",
        ..READS_FAST
    },
    get,
);

fn get(call: &mut Call<'_>) -> Outcome {
    reply_value(call, call.argv.at(1))?;
    Ok(Flow::Done)
}

pub(super) const GETDEL: Command = Command::new(
    Spec {
        name: "getdel",
        since: "6.2.0",
        arity: 2,
        keys: &[KeySpec::one(KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE))],
        summary: "Reads a string and removes its key.",
        syntax: "key",
        ..REMOVES_FAST
    },
    getdel,
);

fn getdel(call: &mut Call<'_>) -> Outcome {
    let (key, now_ms) = (call.argv.at(1), call.now_ms());
    let mut db = call.store.db(call.client.db, now_ms);
    let spot = db.read(key);
    write_text_or_null(call.out, db.text(&spot)?);
    if db.remove("del", spot) {
        call.propagate_as(|| [b"DEL", key]);
    }
    Ok(Flow::Done)
}

pub(super) const GETEX: Command = Command::new(
    Spec {
        name: "getex",
        since: "6.2.0",
        arity: -2,
        keys: &[KeySpec::one(READS_AND_UPDATES).noting("RW and UPDATE because it changes the TTL")],
        summary: "Reads a string and sets or removes the deadline of its key.",
        syntax: "key [expiration: EX seconds | PX milliseconds | EXAT unix-time-seconds | \
            PXAT unix-time-milliseconds | PERSIST]",
        ..REMOVES_FAST
    },
    getex,
);

fn getex(call: &mut Call<'_>) -> Outcome {
    let (argv, now_ms) = (call.argv, call.now_ms());
    let key = argv.at(1);
    let mut expiry = Expiry::or_word("PERSIST");
    expiry.take_all(argv, 2)?;
    let mut db = call.store.db(call.client.db, now_ms);
    let spot = db.read(key);
    let Some(text) = db.text(&spot)? else {
        call.out.null();
        return Ok(Flow::Done);
    };
    write_text(call.out, text);
    match expiry.at_ms("getex", now_ms)? {
        Some(at_ms) if at_ms <= now_ms && !db.shows_due() => {
            db.remove("del", spot);
            let name = deletion(call.state.config.lazyfree_lazy_expire);
            call.propagate_as(|| [name, key]);
        }
        Some(at_ms) => {
            db.set_deadline("expire", spot, at_ms);
            let at = at_ms.to_string();
            call.propagate_as(|| [b"PEXPIREAT", key, at.as_bytes()]);
        }
        None if expiry.has_word() && db.clear_deadline("persist", spot) => {
            call.propagate_as(|| [b"PERSIST", key]);
        }
        None => {}
    }
    Ok(Flow::Done)
}
