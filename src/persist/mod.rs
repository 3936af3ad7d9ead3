//! Keeping data: snapshots, the append-only file, and what they are written to.

pub mod aof;
pub mod rdb;
pub mod snapshot;
