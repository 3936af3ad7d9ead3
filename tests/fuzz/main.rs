//! Every reader of outside bytes against bytes by chance: nothing panics, nothing is read two ways.
//!
//! A smoke run by default; `SEEDS=1000000 cargo test --release --test fuzz` goes on for long.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may fail loudly")]
#![allow(clippy::print_stdout, reason = "tests say what they skip")]

#[path = "../support/mod.rs"]
mod support;
#[path = "../sim/world.rs"]
mod world;

mod commands;
mod links;
mod logs;
mod readers;
mod snapshots;
