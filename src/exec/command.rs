//! A command: facts and a function, side by side.

use super::call::Call;
use crate::resp::error::Error;
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
}

impl Command {
    /// A command without subcommands.
    pub const fn new(spec: Spec, run: Handler) -> Command {
        Command { spec, run, subcommands: &[] }
    }
}
