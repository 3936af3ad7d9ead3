//! The same requests against spindle and a real redis-server, replies compared.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may fail loudly")]
#![allow(clippy::print_stdout, reason = "tests say what they skip")]

#[path = "../support/mod.rs"]
mod support;

mod bitmaps;
mod changes;
mod facts;
mod logs;
mod parameters;
mod proof;
mod replies;
mod requests;
mod snapshots;
mod streams;
mod strings;
mod users;
