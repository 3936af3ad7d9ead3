//! Whether a request may run at all, asked in the order in which Redis asks.

use super::access;
use super::client::Client;
use super::replication::Side;
use super::state::State;
use super::table::{CommandId, Row, wrong_arity};
use crate::acl::{Denial, Standing};
use crate::config::kinds::Access;
use crate::resp::argv::Argv;
use crate::resp::error::Error;
use crate::resp::output::Protocol;
use crate::spec::flags::Flags;

/// What admission depends on beside the command.
pub(super) struct Applicant<'a> {
    pub(super) client: &'a Client,
    pub(super) protocol: Protocol,
    pub(super) state: &'a State,
    /// No more memory may be taken.
    pub(super) is_out_of_memory: bool,
}

/// Why a request is not admitted.
pub(super) enum Refusal {
    /// The client is told this.
    Error(Error),
    /// Its user lacks a right.
    Denied(Denial),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Refusal {
        Refusal::Error(error)
    }
}

/// Whether a client's requests are admitted whatever they do, if they have as many arguments as
/// they need, and memory: it may do all, runs each request at once, and no state of the server
/// forbids any.
pub(super) fn is_open(client: &Client, state: &State) -> bool {
    client.standing == Standing::Free
        && client.side == Side::Client
        && client.multi.is_none()
        && !client.is_subscribed()
        && !state.restricts_clients()
        && !state_refuses_changes(state)
        && state.persistence.loading.is_none()
}

/// Admits a request or says why not. What is asked here beside the command is asked by [`is_open`]
/// too.
#[inline]
pub(super) fn admit(
    (id, row): (CommandId, &Row),
    argv: Argv<'_>,
    applicant: &Applicant<'_>,
) -> Result<(), Refusal> {
    let spec = &row.command.spec;
    if !spec.takes(argv.len()) {
        return Err(wrong_arity(row).into());
    }
    if spec.flags.intersects(Flags::PROTECTED | Flags::LOADS_CODE) {
        admit_protected(spec.flags, applicant)?;
    }
    let client = applicant.client;
    if client.standing == Standing::Locked && !spec.runs_before_auth() {
        return Err(Error::NO_AUTH.into());
    }
    if applicant.state.restricts_clients() {
        admit_by_role(client, spec.flags, applicant.state)?;
    }
    if client.side == Side::Replica && touches_keys(client, spec.flags) {
        return Err(Error::new("ERR Replica can't interact with the keyspace").into());
    }
    if client.multi.is_some() && spec.flags.contains(Flags::NO_MULTI) {
        return Err(Error::new("ERR Command not allowed inside a transaction").into());
    }
    access::permit(client, (id, row, argv), &applicant.state.acl).map_err(Refusal::Denied)?;
    if applicant.is_out_of_memory && needs_memory(client, spec.flags) {
        return Err(Error::OUT_OF_MEMORY.into());
    }
    if state_refuses_changes(applicant.state)
        && client.side != Side::Primary
        && changes_or_tells(client, spec.flags)
    {
        return Err(refusal(applicant.state).into());
    }
    if client.is_subscribed()
        && applicant.protocol == Protocol::Resp2
        && !spec.flags.contains(Flags::SUBSCRIBED)
    {
        let text = format!(
            "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET \
             are allowed in this context",
            row.name
        );
        return Err(Error::text(text).into());
    }
    if applicant.state.persistence.loading.is_some()
        && waits_for_data(client, spec.flags, applicant.state)
    {
        return Err(Error::LOADING.into());
    }
    Ok(())
}

/// Whether a command of these flags, or what is queued before it, has to wait until data is loaded.
#[cold]
fn waits_for_data(client: &Client, flags: Flags, state: &State) -> bool {
    if state.persistence.is_loading() {
        return !common_flags(client, flags).contains(Flags::LOADING);
    }
    client.side != Side::Primary && all_flags(client, flags).contains(Flags::NO_ASYNC_LOADING)
}

/// What is said to those who would change data that cannot be saved.
const SNAPSHOT_FAILED: Error = Error::new(
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to \
     disk. Commands that may modify the data set are disabled, because this instance is configured \
     to report errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error \
     option). Please check the Redis logs for details about the RDB error.",
);

/// Whether nothing may be changed, as the last snapshot has failed or the log cannot be written.
#[inline]
pub(super) fn state_refuses_changes(state: &State) -> bool {
    snapshots_refuse(state) || state.log.refuses()
}

#[inline]
fn snapshots_refuse(state: &State) -> bool {
    let persistence = &state.persistence;
    !persistence.is_ok && persistence.has_points() && state.config.stop_writes_on_bgsave_error
}

/// Why nothing may be changed.
#[cold]
fn refusal(state: &State) -> Error {
    if snapshots_refuse(state) {
        return SNAPSHOT_FAILED;
    }
    Error::text(format!("MISCONF Errors writing to the AOF file: {}", state.log.refusal()))
}

/// Whether a command of these flags may change keys, or what is queued before it; or tells whether
/// the server is well.
fn changes_or_tells(client: &Client, flags: Flags) -> bool {
    all_flags(client, flags).intersects(Flags::WRITE | Flags::TELLS_HEALTH)
}

/// Whether a client may run a command of these flags on a replica, or on a primary that wants
/// replicas.
#[cold]
fn admit_by_role(client: &Client, flags: Flags, state: &State) -> Result<(), Error> {
    if client.side == Side::Primary {
        return Ok(());
    }
    let writes = all_flags(client, flags).contains(Flags::WRITE);
    if writes && state.lacks_replicas() {
        return Err(Error::new("NOREPLICAS Not enough good replicas to write."));
    }
    let Some(primary) = &state.replication.primary else { return Ok(()) };
    if writes && state.config.repl.is_read_only {
        return Err(Error::new("READONLY You can't write against a read only replica."));
    }
    let is_stale = !primary.is_up() && !state.config.repl.serves_stale;
    if is_stale && !common_flags(client, flags).contains(Flags::STALE) {
        return Err(Error::new(
            "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
        ));
    }
    Ok(())
}

/// The flags of a command, and of what is queued before it if it runs that.
fn all_flags(client: &Client, flags: Flags) -> Flags {
    let runs = client.multi.as_ref().filter(|_| flags.contains(Flags::RUNS_QUEUE));
    flags | runs.map_or(Flags::empty(), |multi| multi.flags)
}

/// The flags of a command that all have that are queued before it, if it runs them.
fn common_flags(client: &Client, flags: Flags) -> Flags {
    let runs = client.multi.as_ref().filter(|_| flags.contains(Flags::RUNS_QUEUE));
    flags & runs.map_or(Flags::all(), |multi| multi.common)
}

fn touches_keys(client: &Client, flags: Flags) -> bool {
    all_flags(client, flags).intersects(Flags::WRITE | Flags::READONLY | Flags::MAY_REPLICATE)
}

/// Whether a command of these flags may take memory, or what is queued before it; what is to be
/// queued itself does.
fn needs_memory(client: &Client, flags: Flags) -> bool {
    let Some(multi) = &client.multi else { return flags.contains(Flags::DENYOOM) };
    let runs = if flags.contains(Flags::RUNS_QUEUE) { multi.flags } else { Flags::empty() };
    (flags | runs).contains(Flags::DENYOOM) || !flags.contains(Flags::NOT_QUEUED)
}

fn admit_protected(flags: Flags, applicant: &Applicant<'_>) -> Result<(), Error> {
    let config = &applicant.state.config;
    let (access, command) = if flags.contains(Flags::LOADS_CODE) {
        (config.enable_module_command, "module")
    } else {
        (config.enable_debug_command, "debug")
    };
    let allowed = match access {
        Access::Yes => true,
        Access::Local => applicant.client.connection.is_local,
        Access::No => false,
    };
    if allowed {
        return Ok(());
    }
    Err(Error::text(format!(
        "ERR {} command not allowed. If the enable-{command}-command option is set to \"local\", \
         you can run it from a local connection, otherwise you need to set this option in the \
         configuration file, and then restart the server.",
        command.to_uppercase(),
    )))
}
