//! The real program over real sockets, one module for each subject.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may fail loudly")]
#![allow(clippy::print_stdout, reason = "tests say what they skip")]

#[path = "../support/mod.rs"]
mod support;

mod transcripts;
