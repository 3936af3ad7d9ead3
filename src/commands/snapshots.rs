//! Snapshots as operators ask for them: SAVE, BGSAVE, LASTSAVE, and SHUTDOWN, which may end with
//! one.

use crate::exec::log_rewrite;
use crate::exec::shutdown::{self, Ending, Stopping};
use crate::exec::snapshot;
use crate::exec::{Call, ChildKind, Command, Flow, Nothing, Outcome, Wait};
use crate::resp::argv::Argv;
use crate::resp::error::Error;
use crate::spec::categories::Categories;
use crate::spec::flags::Flags;
use crate::spec::{Group, Spec};

const BASE: Spec = Spec { group: Group::Server, ..Spec::NEW };

/// What Redis answers where only the log says more.
const FAILED: Error = Error::new("ERR");
/// That one is being taken.
const IN_PROGRESS: Error = Error::new("ERR Background save already in progress");

pub(super) const SAVE: Command = Command::new(
    Spec {
        name: "save",
        flags: Flags::ADMIN
            .union(Flags::NOSCRIPT)
            .union(Flags::NO_ASYNC_LOADING)
            .union(Flags::NO_MULTI),
        complexity: "O(N) for N keys of all databases",
        summary: "Saves all keys to a file, while all others wait.",
        ..BASE
    },
    save,
);

fn save(call: &mut Call<'_>) -> Outcome {
    if call.state.children.saving().is_some() {
        return Err(IN_PROGRESS);
    }
    snapshot::save(call.store, call.state, call.host).map_err(|_| FAILED)?;
    call.out.ok();
    Ok(Flow::Done)
}

pub(super) const BGSAVE: Command = Command::new(
    Spec {
        name: "bgsave",
        arity: -1,
        flags: Flags::ADMIN.union(Flags::NOSCRIPT).union(Flags::NO_ASYNC_LOADING),
        summary: "Saves all keys to a file in a process of its own.",
        syntax: "[SCHEDULE]",
        history: &[("3.2.2", "SCHEDULE")],
        ..BASE
    },
    bgsave,
);

fn bgsave(call: &mut Call<'_>) -> Outcome {
    let is_scheduled = match (call.argv.len(), call.argv.get(1)) {
        (1, _) => false,
        (2, Some(word)) if word.eq_ignore_ascii_case(b"SCHEDULE") => true,
        _ => return Err(Error::SYNTAX),
    };
    let is_free = !call.client.is_in_transaction();
    match call.state.children.current() {
        None if is_free => {}
        Some(child) if child.kind != ChildKind::LogRewrite => return Err(IN_PROGRESS),
        None | Some(_) if is_scheduled || !is_free => {
            call.state.persistence.is_scheduled = true;
            call.out.status("Background saving scheduled");
            return Ok(Flow::Done);
        }
        None | Some(_) => {
            return Err(Error::new(
                "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE \
                 SCHEDULE in order to schedule a BGSAVE whenever possible.",
            ));
        }
    }
    snapshot::save_in_background(call.store, call.state, call.host).map_err(|_| FAILED)?;
    call.out.status("Background saving started");
    Ok(Flow::Done)
}

pub(super) const BGREWRITEAOF: Command = Command::new(
    Spec {
        name: "bgrewriteaof",
        flags: Flags::ADMIN.union(Flags::NOSCRIPT).union(Flags::NO_ASYNC_LOADING),
        summary: "Writes the append-only file anew in a process of its own.",
        ..BASE
    },
    bgrewriteaof,
);

fn bgrewriteaof(call: &mut Call<'_>) -> Outcome {
    if call.state.children.of(ChildKind::LogRewrite).is_some() {
        return Err(Error::new("ERR Background append only file rewriting already in progress"));
    }
    if call.state.children.current().is_some() || call.client.is_in_transaction() {
        call.state.rewrites.schedule();
        call.out.status("Background append only file rewriting scheduled");
        return Ok(Flow::Done);
    }
    log_rewrite::rewrite_in_background(call.store, call.state, call.host).map_err(|_| {
        Error::new(
            "ERR Can't execute an AOF background rewriting. Please check the server logs for more \
             information.",
        )
    })?;
    call.out.status("Background append only file rewriting started");
    Ok(Flow::Done)
}

pub(super) const LASTSAVE: Command = Command::new(
    Spec {
        name: "lastsave",
        flags: Flags::LOADING.union(Flags::STALE).union(Flags::FAST),
        categories: Categories::ADMIN.union(Categories::DANGEROUS),
        tips: &["nondeterministic_output"],
        summary: "Tells when all keys were last saved, in seconds since 1970.",
        ..BASE
    },
    lastsave,
);

fn lastsave(call: &mut Call<'_>) -> Outcome {
    call.out.int(call.state.persistence.last_save.unix_s());
    Ok(Flow::Done)
}

pub(super) const SHUTDOWN: Command = Command::new(
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

/// What SHUTDOWN asks for.
#[derive(Default)]
struct Request {
    ending: Ending,
    aborts: bool,
}

impl Request {
    fn parse(argv: Argv<'_>) -> Result<Request, Error> {
        let mut request = Request::default();
        for option in argv.from(1) {
            match option.to_ascii_uppercase().as_slice() {
                b"SAVE" if request.ending.saves != Some(false) => request.ending.saves = Some(true),
                b"NOSAVE" if request.ending.saves != Some(true) => {
                    request.ending.saves = Some(false);
                }
                b"NOW" => request.ending.is_now = true,
                b"FORCE" => request.ending.is_forced = true,
                b"ABORT" => request.aborts = true,
                _ => return Err(Error::SYNTAX),
            }
        }
        if request.aborts && request.ending != Ending::default() {
            Err(Error::SYNTAX)
        } else {
            Ok(request)
        }
    }
}

fn shutdown(call: &mut Call<'_>) -> Outcome {
    let request = Request::parse(call.argv)?;
    if request.aborts {
        if !shutdown::cancel((call.store, call.state), call.peers, call.waiters) {
            return Err(Error::new("ERR No shutdown in progress."));
        }
        log::info!("Shutdown manually aborted.");
        call.out.ok();
        return Ok(Flow::Done);
    }
    let begun = shutdown::begin(call.store, call.state, request.ending, call.host);
    match begun.map_err(|_| shutdown::FAILED)? {
        Stopping::Stops => Ok(Flow::Done),
        Stopping::Waits => {
            let nothing = Nothing::Shutdown;
            Ok(call.wait_for(Wait { nothing, ..Wait::new(0, 0, None) }))
        }
    }
}
