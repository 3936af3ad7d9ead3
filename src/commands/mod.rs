//! The commands, one file for each documentation group: facts and a function, side by side.

mod acl;
mod bitmap;
mod clients;
mod cluster;
mod config;
mod connection;
mod debug;
mod dump;
mod generic;
mod geo;
mod graph;
mod hash;
mod help;
mod hotkeys;
mod hyperloglog;
mod info;
mod introspection;
mod latency;
mod list;
mod lolwut;
mod memory;
mod migrate;
mod modules;
mod monitor;
mod moves;
mod object;
mod pubsub;
mod replication;
mod scan;
mod server;
mod sessions;
mod set;
mod slowlog;
mod snapshots;
mod sort;
mod sorted_set;
mod stream;
mod string;
mod text;
mod tracking;
mod transactions;
mod ttl;

use crate::exec::Command;

pub use crate::spec::REDIS_VERSION;

/// All commands by group, for [`crate::exec::Engine::new`].
pub const GROUPS: &[&[&Command]] = &[
    bitmap::COMMANDS,
    cluster::COMMANDS,
    connection::COMMANDS,
    generic::COMMANDS,
    geo::COMMANDS,
    hash::COMMANDS,
    hyperloglog::COMMANDS,
    list::COMMANDS,
    pubsub::COMMANDS,
    server::COMMANDS,
    set::COMMANDS,
    sorted_set::COMMANDS,
    stream::COMMANDS,
    string::COMMANDS,
    transactions::COMMANDS,
];
