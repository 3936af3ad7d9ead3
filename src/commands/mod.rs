//! The commands, one file for each documentation group: facts and a function, side by side.

mod config;
mod connection;
mod generic;
mod help;
mod info;
mod introspection;
mod pubsub;
mod server;
mod sessions;
mod string;
mod ttl;

use crate::exec::Command;

pub use connection::REDIS_VERSION;

/// All commands by group, for [`crate::exec::Engine::new`].
pub const GROUPS: &[&[&Command]] = &[
    connection::COMMANDS,
    generic::COMMANDS,
    pubsub::COMMANDS,
    server::COMMANDS,
    string::COMMANDS,
];
