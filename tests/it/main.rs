//! The real program over real sockets, one module for each subject.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may fail loudly")]
#![allow(clippy::print_stdout, reason = "tests say what they skip")]
#![allow(clippy::disallowed_methods, reason = "tests wait for real")]

#[path = "../support/mod.rs"]
mod support;

mod append_only;
mod changing_places;
mod client_library;
mod codecrafters;
mod codecrafters_auth;
mod codecrafters_lists;
mod codecrafters_log;
mod codecrafters_pubsub;
mod codecrafters_replication;
mod codecrafters_sorted_sets;
mod codecrafters_streams;
mod codecrafters_transactions;
mod config;
mod connections;
mod hostile;
mod introspection;
mod listeners;
mod migrate;
mod process;
mod protocol;
mod replication;
mod sentinel;
mod snapshots;
mod storms;
mod synchronization;
mod system_calls;
mod transcripts;
mod users;
