//! Transactions: requests that run together, unless a key that is watched has changed.

use crate::exec::transaction;
use crate::exec::{Call, Command, Flow, Outcome};
use crate::resp::error::Error;
use crate::spec::categories::Categories;
use crate::spec::flags::Flags;
use crate::spec::keys::{KeyFlags, KeySpec};
use crate::spec::{Group, Spec};

/// All commands of the group.
pub(super) const COMMANDS: &[&Command] = &[&DISCARD, &EXEC, &MULTI, &UNWATCH, &WATCH];

const BASE: Spec = Spec {
    group: Group::Transactions,
    since: "2.2.0",
    flags: Flags::NOSCRIPT
        .union(Flags::LOADING)
        .union(Flags::STALE)
        .union(Flags::FAST)
        .union(Flags::ALLOW_BUSY),
    categories: Categories::TRANSACTION,
    ..Spec::NEW
};
/// Those that are not queued.
const AT_ONCE: Spec = Spec { flags: BASE.flags.union(Flags::NOT_QUEUED), ..BASE };

const MULTI: Command = Command::new(
    Spec {
        name: "multi",
        since: "1.2.0",
        arity: 1,
        summary: "Begins a transaction: requests are queued from now on.",
        ..AT_ONCE
    },
    multi,
);

fn multi(call: &mut Call<'_>) -> Outcome {
    if call.client.multi.is_some() {
        return Err(Error::new("ERR MULTI calls can not be nested"));
    }
    call.client.multi = Some(call.state.spare_queue.take().unwrap_or_default());
    call.out.ok();
    Ok(Flow::Done)
}

const DISCARD: Command = Command::new(
    Spec {
        name: "discard",
        since: "2.0.0",
        arity: 1,
        complexity: "O(N) for N requests in the queue",
        summary: "Ends a transaction without running it.",
        ..AT_ONCE
    },
    discard,
);

fn discard(call: &mut Call<'_>) -> Outcome {
    if call.client.multi.is_none() {
        return Err(Error::new("ERR DISCARD without MULTI"));
    }
    transaction::discard(call.client, call.watches);
    call.out.ok();
    Ok(Flow::Done)
}

const EXEC: Command = Command::new(
    Spec {
        name: "exec",
        since: "1.2.0",
        arity: 1,
        flags: Flags::NOSCRIPT
            .union(Flags::LOADING)
            .union(Flags::STALE)
            .union(Flags::SKIP_SLOWLOG)
            .union(Flags::NOT_QUEUED)
            .union(Flags::RUNS_QUEUE),
        complexity: "that of all requests in the queue",
        summary: "Runs the queue of a transaction.",
        ..BASE
    },
    exec,
);

fn exec(call: &mut Call<'_>) -> Outcome {
    let Some(multi) = &call.client.multi else {
        return Err(Error::new("ERR EXEC without MULTI"));
    };
    if multi.has_failed {
        transaction::discard(call.client, call.watches);
        let message = "EXECABORT Transaction discarded because of previous errors.";
        return Err(Error::new(message));
    }
    let now_ms = call.now_ms();
    let store = &mut *call.store;
    // A key that is due is gone, although nobody may have noticed.
    let has_died = |(db, key, existed)| existed && !store.db(db, now_ms).find(key).exists();
    let watching = &call.client.watching;
    if watching.has_changed || watching.keys().any(has_died) {
        transaction::discard(call.client, call.watches);
        call.out.null_array();
        return Ok(Flow::Done);
    }
    Ok(Flow::Exec)
}

const WATCH: Command = Command::new(
    Spec {
        name: "watch",
        arity: -2,
        keys: &[KeySpec::all(KeyFlags::RO)],
        complexity: "O(1) a key",
        summary: "Watches keys: if one of them changes, the next transaction does not run.",
        syntax: "key [key ...]",
        ..AT_ONCE
    },
    watch,
);

fn watch(call: &mut Call<'_>) -> Outcome {
    if call.client.multi.is_some() {
        return Err(Error::new("ERR WATCH inside MULTI is not allowed"));
    }
    let now_ms = call.now_ms();
    for key in call.argv.from(1) {
        // What has changed already decides.
        if !call.client.watching.has_changed {
            let exists = call.store.db(call.client.db, now_ms).find(key).exists();
            transaction::watch(call.client, call.watches, key, exists);
        }
    }
    call.store.changes.list_touched(true);
    call.out.ok();
    Ok(Flow::Done)
}

const UNWATCH: Command = Command::new(
    Spec { name: "unwatch", arity: 1, summary: "Watches no keys any more.", ..BASE },
    unwatch,
);

fn unwatch(call: &mut Call<'_>) -> Outcome {
    transaction::unwatch(call.client, call.watches);
    call.out.ok();
    Ok(Flow::Done)
}
