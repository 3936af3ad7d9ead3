//! CLIENT, as far as it makes clients wait or spares them, or tells what they wait for.

use super::help;
use crate::base::id::ClientId;
use crate::base::num;
use crate::exec::block::{self, GivenUp};
use crate::exec::{Call, Command, Flow, Outcome, int};
use crate::resp::error::Error;
use crate::spec::categories::Categories;
use crate::spec::flags::Flags;
use crate::spec::{Group, Spec};

pub(super) const ABOUT_SELF: Spec = Spec {
    group: Group::Connection,
    flags: Flags::NOSCRIPT.union(Flags::LOADING).union(Flags::STALE).union(Flags::KEEPS_CHOICE),
    categories: Categories::CONNECTION,
    ..Spec::NEW
};
const ABOUT_OTHERS: Spec = Spec { flags: ABOUT_SELF.flags.union(Flags::ADMIN), ..ABOUT_SELF };

pub(super) const HELP: Command = {
    let help = help::command(Group::Connection, "5.0.0", Categories::CONNECTION);
    let flags = help.spec.flags.union(Flags::KEEPS_CHOICE);
    Command { spec: Spec { flags, ..help.spec }, ..help }
};

pub(super) const PAUSE: Command = Command::new(
    Spec {
        name: "pause",
        since: "3.0.0",
        arity: -3,
        summary: "Lets the requests of all clients wait for so many milliseconds.",
        syntax: "timeout:integer [mode: WRITE | ALL]",
        history: &[("6.2.0", "WRITE, for requests that may change keys")],
        ..ABOUT_OTHERS
    },
    pause,
);

fn pause(call: &mut Call<'_>) -> Outcome {
    let argv = call.argv;
    if argv.len() > 4 {
        return Err(call.unknown_subcommand());
    }
    let holds_all = match argv.get(3).map(<[u8]>::to_ascii_uppercase).as_deref() {
        None | Some(b"ALL") => true,
        Some(b"WRITE") => false,
        Some(_) => return Err(Error::new("ERR CLIENT PAUSE mode must be WRITE or ALL")),
    };
    let ms = num::parse_i64(argv.at(2))
        .ok_or(Error::new("ERR timeout is not an integer or out of range"))?;
    let ms = u64::try_from(ms).map_err(|_| Error::new("ERR timeout is negative"))?;
    let until_us = call.state.now.mono_us.saturating_add(ms.saturating_mul(1_000));
    call.state.pause(until_us, holds_all);
    call.store.changes.keeps_due = true;
    call.out.ok();
    Ok(Flow::Done)
}

pub(super) const UNPAUSE: Command = Command::new(
    Spec {
        name: "unpause",
        since: "6.2.0",
        arity: 2,
        complexity: "O(N) for N clients that wait",
        summary: "Lets requests wait no more.",
        ..ABOUT_OTHERS
    },
    unpause,
);

fn unpause(call: &mut Call<'_>) -> Outcome {
    call.state.pause = None;
    call.store.changes.keeps_due = call.state.is_replica();
    call.peers.resume();
    call.out.ok();
    Ok(Flow::Done)
}

pub(super) const NO_EVICT: Command = Command::new(
    Spec {
        name: "no-evict",
        since: "7.0.0",
        arity: 3,
        summary: "Spares this connection, or not, when clients take too much memory.",
        syntax: "<enabled: ON | OFF>",
        ..ABOUT_OTHERS
    },
    no_evict,
);

fn no_evict(call: &mut Call<'_>) -> Outcome {
    call.client.is_spared = match call.argv.at(2).to_ascii_uppercase().as_slice() {
        b"ON" => true,
        b"OFF" => false,
        _ => return Err(Error::SYNTAX),
    };
    call.out.ok();
    Ok(Flow::Done)
}

pub(super) const UNBLOCK: Command = Command::new(
    Spec {
        name: "unblock",
        since: "5.0.0",
        arity: -3,
        complexity: "O(log N) for N clients",
        summary: "Ends the waiting of a client that a command has blocked.",
        syntax: "client-id [unblock-type: TIMEOUT | ERROR]",
        ..ABOUT_OTHERS
    },
    unblock,
);

fn unblock(call: &mut Call<'_>) -> Outcome {
    let argv = call.argv;
    if argv.len() > 4 {
        return Err(call.unknown_subcommand());
    }
    let why = match argv.get(3).unwrap_or(b"TIMEOUT").to_ascii_uppercase().as_slice() {
        b"TIMEOUT" => GivenUp::TimedOut,
        b"ERROR" => GivenUp::CalledOff(Error::new("UNBLOCKED client unblocked via CLIENT UNBLOCK")),
        _ => return Err(Error::new("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")),
    };
    // A pause is ended for all or for nobody.
    let serial = u64::try_from(int(argv.at(2))?).ok();
    let client = serial.and_then(|serial| call.peers.find(serial));
    // Who waits for the end of the server does so.
    let may_end = |id: &ClientId| {
        let parked = call.peers.get(*id).and_then(|peer| peer.client.parked.as_ref());
        parked.is_some_and(|parked| !parked.waits_for_end())
    };
    let client = client.filter(may_end);
    let parked =
        client.and_then(|id| block::give_up(call.waiters, call.peers, call.state, id, &why));
    call.out.int(i64::from(parked.is_some()));
    let peer = client.and_then(|id| call.peers.get(id));
    let (Some(parked), Some(peer)) = (parked, peer) else { return Ok(Flow::Done) };
    let failed = matches!(why, GivenUp::CalledOff(_));
    parked.note_end(failed, &peer.client, (call.state, call.table), call.host);
    if let GivenUp::CalledOff(error) = &why {
        call.state.stats.errored(error);
    }
    Ok(Flow::Done)
}
