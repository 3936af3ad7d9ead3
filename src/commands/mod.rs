//! The commands, one file for each documentation group: facts and a function, side by side.

mod bitmap;
mod config;
mod connection;
mod generic;
mod help;
mod hotkeys;
mod info;
mod introspection;
mod lolwut;
mod moves;
mod object;
mod pubsub;
mod server;
mod sessions;
mod string;
mod ttl;

use crate::exec::Command;

pub use connection::REDIS_VERSION;

/// All commands by group, for [`crate::exec::Engine::new`].
pub const GROUPS: &[&[&Command]] = &[
    bitmap::COMMANDS,
    connection::COMMANDS,
    generic::COMMANDS,
    pubsub::COMMANDS,
    server::COMMANDS,
    string::COMMANDS,
];
