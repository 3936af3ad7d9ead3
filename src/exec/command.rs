//! A command: facts and a function, side by side.

use super::call::Call;
use crate::resp::argv::ArgvBuf;
use crate::resp::error::Error;
use crate::resp::output::Output;
use crate::spec::Spec;

/// One command, or one subcommand in its parent's list.
pub struct Command {
    /// What it is.
    pub spec: Spec,
    /// What it does.
    pub run: Handler,
    /// Commands whose name is the second argument.
    pub subcommands: &'static [&'static Command],
}

/// What a command does: reads its arguments, opens one door of the store, writes one reply.
pub type Handler = fn(&mut Call<'_>) -> Outcome;

/// How a handler ends: with a reply written, or with the client's mistake, whose line replaces what
/// was written.
pub type Outcome = Result<Flow, Error>;

/// What a handler has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Written its reply.
    Done,
    /// Written messages, which the client gets even if it wants no replies.
    Pushed,
    /// Written nothing: the client's queue is to be run.
    Exec,
    /// Written nothing: the log is to be loaded in the place of all keys.
    LoadLog,
    /// Written nothing: the command is to be run again when one of some keys has changed, as
    /// [`Call::wait_for`] has said.
    Block,
}

/// What a command waits for that has found nothing. When a key changes, those who wait for it run
/// again, who came first first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// The index of the first key in the request.
    pub first_key: usize,
    /// How many keys follow each other from there on.
    pub keys: usize,
    /// When it ends, on the monotonic clock in microseconds; `None` for never. That of the first
    /// run counts.
    pub until_us: Option<u64>,
    /// When it may find something though no key has changed, on the same clock: it is run again
    /// then. That of the latest run counts.
    pub retry_us: Option<u64>,
    /// What the client gets when it ends.
    pub nothing: Nothing,
    /// Whether it runs again whatever becomes of a key, even if it is gone or of another type.
    pub wants_any: bool,
    /// The request as it is to be run again, if not as it came: with what was relative to the first
    /// run decided.
    pub again: Option<Box<ArgvBuf>>,
}

/// The reply to a command that has found nothing in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nothing {
    /// No array.
    NullArray,
    /// No array when its time is over, no bulk string where nobody waits: BLMOVE in Redis.
    Element,
    /// How many replicas have come as far as was to be.
    Replicas,
    /// Nothing: the server is to stop.
    Shutdown,
    /// Whether the local disk has come as far as was to be, and how many replicas' disks have.
    Disks,
}

impl Nothing {
    /// Tells how many have come far enough.
    pub fn tell(self, (is_local_safe, replicas): (bool, usize), out: &mut Output) {
        match self {
            Nothing::NullArray | Nothing::Element | Nothing::Shutdown => {}
            Nothing::Replicas => out.len_int(replicas),
            Nothing::Disks => {
                out.array(2);
                out.int(i64::from(is_local_safe));
                out.len_int(replicas);
            }
        }
    }
}

impl Wait {
    /// A wait for one of some keys, the first of which is the argument at an index, to get an
    /// array.
    pub fn new(first_key: usize, keys: usize, until_us: Option<u64>) -> Wait {
        let nothing = Nothing::NullArray;
        let retry_us = None;
        Wait { first_key, keys, until_us, retry_us, nothing, wants_any: false, again: None }
    }

    /// When it is to be looked at though no key has changed.
    pub fn due_us(&self) -> Option<u64> {
        self.until_us.into_iter().chain(self.retry_us).min()
    }
}

impl Command {
    /// A command without subcommands.
    pub const fn new(spec: Spec, run: Handler) -> Command {
        Command { spec, run, subcommands: &[] }
    }
}
