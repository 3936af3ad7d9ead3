//! The engine in process: a clock set by hand, seeded clients, and a plain model that knows every
//! reply.
//!
//! `SEED=n cargo test --test sim` replays one run, `SEEDS=n` tries so many new ones.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may fail loudly")]
#![allow(clippy::print_stdout, reason = "tests say what they skip")]

#[path = "../support/mod.rs"]
mod support;

mod bitmaps;
mod config;
mod encodings;
mod evict;
mod expiry;
mod forms;
mod golden;
mod hotkeys;
mod limits;
mod listeners;
mod log;
mod model;
mod pauses;
mod replication;
mod requests;
mod scan;
mod snapshots;
mod strings;
mod users;
mod workload;
mod world;
