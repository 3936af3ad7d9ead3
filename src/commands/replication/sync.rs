//! SYNC and PSYNC: a client becomes a replica.

use crate::base::num;
use crate::exec::{Call, Command, Flow, Outcome, Side, Start};
use crate::resp::error::Error;
use crate::spec::flags::Flags;
use crate::spec::{Group, Spec};

const BASE: Spec = Spec {
    group: Group::Server,
    flags: Flags::ADMIN
        .union(Flags::NOSCRIPT)
        .union(Flags::NO_ASYNC_LOADING)
        .union(Flags::NO_MULTI),
    ..Spec::NEW
};

pub(in crate::commands) const SYNC: Command = Command::new(
    Spec {
        name: "sync",
        complexity: "O(N) for N keys",
        summary: "Becomes a replica in the manner of old: all data, then all changes.",
        ..BASE
    },
    sync,
);

fn sync(call: &mut Call<'_>) -> Outcome {
    if !may_sync(call)? {
        return Ok(Flow::Pushed);
    }
    no_failover(call)?;
    let about = call.client.about.get_or_insert_default();
    about.is_old = true;
    // Where the stream goes on is of no use to it.
    call.welcome_replica(None);
    Ok(Flow::Pushed)
}

pub(in crate::commands) const PSYNC: Command = Command::new(
    Spec {
        name: "psync",
        since: "2.8.0",
        arity: -3,
        complexity: "O(N) for N bytes of changes that are lacking, or for N keys",
        summary: "Becomes a replica: gets what it lacks, or all data, then all changes.",
        syntax: "replicationid:string offset:integer",
        ..BASE
    },
    psync,
);

fn psync(call: &mut Call<'_>) -> Outcome {
    if !may_sync(call)? {
        return Ok(Flow::Pushed);
    }
    let argv = call.argv;
    let next = num::parse_i64(argv.at(2)).ok_or_else(|| {
        let addr = &call.client.connection.addr;
        log::warn!("Replica {addr} asks for synchronization but with a wrong offset");
        Error::NOT_AN_INTEGER
    })?;
    if argv.get(3).is_some_and(|word| word.eq_ignore_ascii_case(b"failover")) {
        call.make_place(argv.at(1))?;
    }
    // The first byte that it lacks, counted from one.
    let offset = next.checked_sub(1).and_then(|offset| u64::try_from(offset).ok());
    no_failover(call)?;
    let start = call.welcome_replica(Some((argv.at(1), offset.unwrap_or(u64::MAX))));
    if let Start::Shared(offset) = start {
        let line = format!("FULLRESYNC {} {offset}", call.state.replication.history.id);
        call.out.status(&line);
    }
    if matches!(start, Start::Partial) {
        let takes_id = call.client.about.as_ref().is_some_and(|about| about.takes_psync2);
        let id = if takes_id {
            format!(" {}", call.state.replication.history.id)
        } else {
            String::new()
        };
        call.out.status(&format!("CONTINUE{id}"));
    }
    Ok(Flow::Pushed)
}

/// Nobody begins to follow us while we change places with a replica.
fn no_failover(call: &Call<'_>) -> Result<(), Error> {
    match call.state.replication.failover {
        Some(_) => Err(Error::new("NOMASTERLINK Can't SYNC while failing over")),
        None => Ok(()),
    }
}

/// Whether a client may become a replica now; false if it is one, or no client at all.
fn may_sync(call: &Call<'_>) -> Result<bool, Error> {
    if call.client.side != Side::Client {
        return Ok(false);
    }
    if call.state.replication.primary.as_ref().is_some_and(|primary| !primary.is_up()) {
        return Err(Error::new("NOMASTERLINK Can't SYNC while not connected with my master"));
    }
    if !call.out.is_empty() {
        return Err(Error::new("ERR SYNC and PSYNC are invalid with pending output"));
    }
    let about = call.client.about.as_ref();
    if about.is_some_and(|about| !about.filter.is_empty() && !about.takes_eof) {
        return Err(Error::new("ERR Filtered replica requires EOF capability"));
    }
    Ok(true)
}
