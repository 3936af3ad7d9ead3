//! The server as a whole.

use super::{
    acl, config, debug, dump, hotkeys, info, introspection, latency, lolwut, memory, modules,
    monitor, replication, slowlog, snapshots,
};
use crate::base::num;
use crate::exec::{Call, Command, Flow, Outcome, int, snapshot};
use crate::resp::error::Error;
use crate::spec::categories::Categories;
use crate::spec::flags::Flags;
use crate::spec::{Group, Spec};
use std::ops::Range;

/// All commands of the group.
pub(super) const COMMANDS: &[&Command] = &[
    &acl::ACL,
    &snapshots::BGREWRITEAOF,
    &snapshots::BGSAVE,
    &introspection::COMMAND,
    &config::CONFIG,
    &DBSIZE,
    &debug::DEBUG,
    &replication::FAILOVER,
    &FLUSHALL,
    &FLUSHDB,
    &hotkeys::HOTKEYS,
    &info::INFO,
    &snapshots::LASTSAVE,
    &latency::LATENCY,
    &lolwut::LOLWUT,
    &memory::MEMORY,
    &modules::MODULE,
    &monitor::MONITOR,
    &replication::PSYNC,
    &replication::REPLCONF,
    &replication::REPLICAOF,
    &dump::RESTORE_ASKING,
    &replication::ROLE,
    &snapshots::SAVE,
    &snapshots::SHUTDOWN,
    &replication::SLAVEOF,
    &slowlog::SLOWLOG,
    &SWAPDB,
    &replication::SYNC,
    &TIME,
];

const BASE: Spec = Spec { group: Group::Server, categories: Categories::KEYSPACE, ..Spec::NEW };

const DBSIZE: Command = Command::new(
    Spec {
        name: "dbsize",
        flags: Flags::READONLY.union(Flags::FAST),
        tips: &["request_policy:all_shards", "response_policy:agg_sum"],
        summary: "Counts the keys of the database.",
        ..BASE
    },
    dbsize,
);

fn dbsize(call: &mut Call<'_>) -> Outcome {
    let len = call.db().len();
    call.out.len_int(len);
    Ok(Flow::Done)
}

const FLUSH_SPEC: Spec = Spec {
    arity: -1,
    flags: Flags::WRITE,
    categories: Categories::KEYSPACE.union(Categories::DANGEROUS),
    tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
    syntax: "[flush-type: ASYNC | SYNC]",
    history: &[("4.0.0", "ASYNC"), ("6.2.0", "SYNC")],
    ..BASE
};

const FLUSHDB: Command = Command::new(
    Spec {
        name: "flushdb",
        complexity: "O(N) for N keys of the database",
        summary: "Removes all keys of the database.",
        ..FLUSH_SPEC
    },
    flushdb,
);

fn flushdb(call: &mut Call<'_>) -> Outcome {
    let is_later = flushes_later(call)?;
    flush(call, call.client.db..call.client.db + 1, is_later);
    call.out.ok();
    Ok(Flow::Done)
}

const FLUSHALL: Command = Command::new(
    Spec {
        name: "flushall",
        complexity: "O(N) for N keys of all databases",
        summary: "Removes all keys of all databases.",
        ..FLUSH_SPEC
    },
    flushall,
);

fn flushall(call: &mut Call<'_>) -> Outcome {
    let is_later = flushes_later(call)?;
    flush(call, 0..call.store.databases(), is_later);
    // What is being saved is of no use any more; where snapshots are taken by themselves, that of
    // nothing takes its place, as in Redis.
    snapshot::stop_saving(call.state, call.host);
    call.give_up_replica_snapshot();
    if call.state.persistence.has_points() {
        // The log tells of a failure; it is not the client's.
        snapshot::save(call.store, call.state, call.host).unwrap_or_default();
    }
    call.out.ok();
    Ok(Flow::Done)
}

/// Whether memory is freed after the reply: ASYNC, SYNC, or as the parameter says.
fn flushes_later(call: &Call<'_>) -> Result<bool, Error> {
    match (call.argv.len(), call.argv.get(1)) {
        (1, _) => Ok(call.state.config.lazyfree_lazy_user_flush),
        (2, Some(mode)) if mode.eq_ignore_ascii_case(b"ASYNC") => Ok(true),
        (2, Some(mode)) if mode.eq_ignore_ascii_case(b"SYNC") => Ok(false),
        _ => Err(Error::SYNTAX),
    }
}

/// Removes the keys of some databases. Where there are none it counts as a change too, so that
/// those who replay changes do the same.
fn flush(call: &mut Call<'_>, databases: Range<usize>, is_later: bool) {
    let before = call.store.changes.dirty;
    databases.for_each(|index| clear(call, index, is_later));
    if call.store.changes.dirty == before {
        call.store.changes.dirty += 1;
    }
}

fn clear(call: &mut Call<'_>, index: usize, is_later: bool) {
    let (keys, _) = call.store.lens(index);
    if keys == 0 {
        // Who tracks keys may hold some that are gone.
        call.store.changes.touch_all(index);
        return;
    }
    let mut pieces = call.store.db(index, call.state.now.unix_ms()).clear();
    if is_later {
        call.store.changes.counters.freed_later += keys as u64;
        call.store.free_later(pieces);
    } else {
        while pieces.free_one(|_| ()) {}
    }
}

const SWAPDB: Command = Command::new(
    Spec {
        name: "swapdb",
        since: "4.0.0",
        arity: 3,
        flags: Flags::WRITE.union(Flags::FAST),
        categories: Categories::KEYSPACE.union(Categories::DANGEROUS),
        summary: "Lets two databases change places.",
        syntax: "index1:integer index2:integer",
        ..BASE
    },
    swapdb,
);

fn swapdb(call: &mut Call<'_>) -> Outcome {
    let number = |index: usize, what: &'static str| {
        let number = int(call.argv.at(index)).ok().and_then(|number| i32::try_from(number).ok());
        number.ok_or(Error::new(what))
    };
    let first = number(1, "ERR invalid first DB index")?;
    let second = number(2, "ERR invalid second DB index")?;
    let exists = |index: i32| {
        let index = usize::try_from(index).ok();
        index.filter(|index| *index < call.store.databases()).ok_or(Error::NO_SUCH_DB)
    };
    let (first, second) = (exists(first)?, exists(second)?);
    call.store.swap(first, second);
    call.out.ok();
    Ok(Flow::Done)
}

const TIME: Command = Command::new(
    Spec {
        name: "time",
        since: "2.6.0",
        flags: Flags::LOADING.union(Flags::STALE).union(Flags::FAST),
        categories: Categories::empty(),
        tips: &["nondeterministic_output"],
        summary: "Tells the time in seconds since 1970, and the microseconds after them.",
        ..BASE
    },
    time,
);

fn time(call: &mut Call<'_>) -> Outcome {
    let now_us = call.state.now.unix_us;
    call.out.array(2);
    for part in [now_us / 1_000_000, now_us % 1_000_000] {
        call.out.bulk_int(num::signed_u64(part));
    }
    Ok(Flow::Done)
}
