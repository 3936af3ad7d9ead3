//! The server as a whole.

use super::{
    config, debug, hotkeys, info, introspection, latency, lolwut, memory, monitor, slowlog,
};
use crate::base::num;
use crate::exec::{Call, Command, Flow, Outcome, int};
use crate::resp::argv::Argv;
use crate::resp::error::Error;
use crate::spec::categories::Categories;
use crate::spec::flags::Flags;
use crate::spec::{Group, Spec};

/// All commands of the group.
pub(super) const COMMANDS: &[&Command] = &[
    &introspection::COMMAND,
    &config::CONFIG,
    &DBSIZE,
    &debug::DEBUG,
    &FLUSHALL,
    &FLUSHDB,
    &hotkeys::HOTKEYS,
    &info::INFO,
    &latency::LATENCY,
    &lolwut::LOLWUT,
    &memory::MEMORY,
    &monitor::MONITOR,
    &SHUTDOWN,
    &slowlog::SLOWLOG,
    &SWAPDB,
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
    flush(call, call.client.db, is_later);
    call.store.changes.dirty += 1;
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
    for index in 0..call.store.databases() {
        flush(call, index, is_later);
    }
    call.store.changes.dirty += 1;
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

fn flush(call: &mut Call<'_>, index: usize, is_later: bool) {
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

const SHUTDOWN: Command = Command::new(
    Spec {
        name: "shutdown",
        arity: -1,
        flags: Flags::ADMIN
            .union(Flags::NOSCRIPT)
            .union(Flags::LOADING)
            .union(Flags::STALE)
            .union(Flags::NO_MULTI)
            .union(Flags::ALLOW_BUSY),
        categories: Categories::empty(),
        complexity: "O(N) for N keys where data is saved, else O(1)",
        summary: "Stops the server.",
        syntax: "[save-selector: NOSAVE | SAVE] [NOW] [FORCE] [ABORT]",
        history: &[("7.0.0", "NOW, FORCE and ABORT")],
        ..BASE
    },
    shutdown,
);

/// The options of SHUTDOWN. NOW and FORCE change nothing while there are no replicas and no files.
#[derive(Default)]
struct ShutdownOptions {
    save: bool,
    nosave: bool,
    abort: bool,
    other: bool,
}

impl ShutdownOptions {
    fn parse(argv: Argv<'_>) -> Result<ShutdownOptions, Error> {
        let mut options = ShutdownOptions::default();
        for option in argv.from(1) {
            match option.to_ascii_uppercase().as_slice() {
                b"SAVE" => options.save = true,
                b"NOSAVE" => options.nosave = true,
                b"NOW" | b"FORCE" => options.other = true,
                b"ABORT" => options.abort = true,
                _ => return Err(Error::SYNTAX),
            }
        }
        let clash = options.save && options.nosave;
        if clash || options.abort && (options.save || options.nosave || options.other) {
            return Err(Error::SYNTAX);
        }
        Ok(options)
    }
}

fn shutdown(call: &mut Call<'_>) -> Outcome {
    let options = ShutdownOptions::parse(call.argv)?;
    if options.abort {
        return Err(Error::new("ERR No shutdown in progress."));
    }
    if options.save {
        log::error!("SHUTDOWN SAVE refused: snapshots are not built yet");
        return Err(Error::new("ERR Errors trying to SHUTDOWN. Check logs."));
    }
    log::warn!("User requested shutdown...");
    call.state.is_stopping = true;
    Ok(Flow::Done)
}
