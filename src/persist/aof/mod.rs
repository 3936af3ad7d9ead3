//! The append-only file: changes as requests, in several files that a manifest names.
//!
//! A base holds the data of some moment; incremental files hold what has changed since, in order.
//! [`Log`] writes, [`reader::Reader`] reads; who runs what has been read, and when to write, is
//! told above.

pub mod check;
mod log;
pub mod manifest;
mod open;
pub mod reader;
pub mod rewrite;

pub use log::{Errand, Flushed, Log, LogState, temporary_incr};

use crate::config::append_only::AppendOnly;

/// The path of a file in the log's directory.
pub fn path(config: &AppendOnly, name: &str) -> String {
    format!("{}/{name}", config.dirname)
}

/// The path of the manifest.
pub fn manifest_path(config: &AppendOnly) -> String {
    path(config, &format!("{}.manifest", config.filename))
}
