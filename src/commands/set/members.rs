//! Members added, removed, looked up and listed.

use super::{ACCESSES, READS, READS_FAST, REMOVES_FAST, WRITES_FAST};
use crate::commands::text::put_text;
use crate::data::collection::Type;
use crate::data::set::{Set, SetRef};
use crate::exec::{Call, Command, Flow, Outcome};
use crate::spec::Spec;
use crate::spec::keys::{KeyFlags, KeySpec};
use crate::store::Edit;

pub(super) const SADD: Command = Command::new(
    Spec {
        name: "sadd",
        arity: -3,
        keys: &[KeySpec::one(KeyFlags::RW.union(KeyFlags::INSERT))],
        complexity: "O(N) for N members",
        summary: "Adds members to a set; a missing key counts as an empty one.",
        syntax: "key member [member ...]",
        history: &[("2.4.0", "several members")],
        ..WRITES_FAST
    },
    sadd,
);

fn sadd(call: &mut Call<'_>) -> Outcome {
    let (argv, limits) = (call.argv, call.limits(Type::Set));
    let mut db = call.db();
    let spot = db.look(argv.at(1));
    let added = db.upsert(spot, |set: &mut Set| {
        set.prepare(argv.at(2), argv.len() - 2, &limits);
        let added = argv.from(2).filter(|member| set.insert(member, &limits)).count();
        changed("sadd", added)
    })?;
    call.out.len_int(added);
    Ok(Flow::Done)
}

pub(super) const SREM: Command = Command::new(
    Spec {
        name: "srem",
        arity: -3,
        keys: &[KeySpec::one(KeyFlags::RW.union(KeyFlags::DELETE))],
        complexity: "O(N) for N members",
        summary: "Removes members from a set.",
        syntax: "key member [member ...]",
        history: &[("2.4.0", "several members")],
        ..REMOVES_FAST
    },
    srem,
);

fn srem(call: &mut Call<'_>) -> Outcome {
    let argv = call.argv;
    let mut db = call.db();
    let spot = db.look(argv.at(1));
    let removed = db.update(spot, |set: &mut Set| {
        changed("srem", argv.from(2).filter(|member| set.remove(member)).count())
    })?;
    call.out.len_int(removed.unwrap_or(0));
    Ok(Flow::Done)
}

/// So many members have come or gone.
fn changed(event: &'static str, count: usize) -> Edit<usize> {
    match count {
        0 => Edit::same(0),
        _ => Edit::changed(event, count).times(count),
    }
}

pub(super) const SISMEMBER: Command = Command::new(
    Spec {
        name: "sismember",
        arity: 3,
        keys: &[KeySpec::one(KeyFlags::RO)],
        summary: "Tells whether something is a member of a set.",
        syntax: "key member",
        ..READS_FAST
    },
    sismember,
);

fn sismember(call: &mut Call<'_>) -> Outcome {
    let (argv, now_ms) = (call.argv, call.now_ms());
    let mut db = call.store.db(call.client.db, now_ms);
    let spot = db.read(argv.at(1));
    let set = db.view::<Set>(&spot)?;
    call.out.int(i64::from(set.is_some_and(|set| set.contains(argv.at(2)))));
    Ok(Flow::Done)
}

pub(super) const SMISMEMBER: Command = Command::new(
    Spec {
        name: "smismember",
        since: "6.2.0",
        arity: -3,
        keys: &[KeySpec::one(KeyFlags::RO)],
        complexity: "O(N) for N members",
        summary: "Tells of several things whether they are members of a set.",
        syntax: "key member [member ...]",
        ..READS_FAST
    },
    smismember,
);

fn smismember(call: &mut Call<'_>) -> Outcome {
    let (argv, now_ms) = (call.argv, call.now_ms());
    let mut db = call.store.db(call.client.db, now_ms);
    let spot = db.read(argv.at(1));
    let set = db.view::<Set>(&spot)?;
    call.out.array(argv.len() - 2);
    for member in argv.from(2) {
        call.out.int(i64::from(set.is_some_and(|set| set.contains(member))));
    }
    Ok(Flow::Done)
}

pub(super) const SCARD: Command = Command::new(
    Spec {
        name: "scard",
        arity: 2,
        keys: &[KeySpec::one(KeyFlags::RO)],
        summary: "Counts the members of a set.",
        syntax: "key",
        ..READS_FAST
    },
    scard,
);

fn scard(call: &mut Call<'_>) -> Outcome {
    let (key, now_ms) = (call.argv.at(1), call.now_ms());
    let mut db = call.store.db(call.client.db, now_ms);
    let spot = db.read(key);
    call.out.len_int(db.view::<Set>(&spot)?.map_or(0, SetRef::len));
    Ok(Flow::Done)
}

pub(super) const SMEMBERS: Command = Command::new(
    Spec {
        name: "smembers",
        arity: 2,
        keys: &[KeySpec::one(ACCESSES)],
        tips: &["nondeterministic_output_order"],
        complexity: "O(N) for N members",
        summary: "Lists the members of a set.",
        syntax: "key",
        ..READS
    },
    smembers,
);

fn smembers(call: &mut Call<'_>) -> Outcome {
    let (key, now_ms) = (call.argv.at(1), call.now_ms());
    let mut db = call.store.db(call.client.db, now_ms);
    let spot = db.read(key);
    let out = &mut *call.out;
    let Some(set) = db.view::<Set>(&spot)? else {
        out.set(0);
        return Ok(Flow::Done);
    };
    out.set(set.len());
    out.strings(|strings| set.each(|member| put_text(strings, member)));
    Ok(Flow::Done)
}
