//! The commands, one file for each documentation group: facts and a function, side by side.

mod clients;
mod config;
mod connection;
mod debug;
mod generic;
mod graph;
mod help;
mod info;
mod introspection;
mod latency;
mod memory;
mod monitor;
mod pubsub;
mod server;
mod sessions;
mod slowlog;
mod string;
mod ttl;

use crate::exec::Command;

/// All commands by group, for [`crate::exec::Engine::new`].
pub const GROUPS: &[&[&Command]] = &[
    connection::COMMANDS,
    generic::COMMANDS,
    pubsub::COMMANDS,
    server::COMMANDS,
    string::COMMANDS,
];
