//! Keeping data: snapshots and what they are written to.

pub mod rdb;
pub mod snapshot;
