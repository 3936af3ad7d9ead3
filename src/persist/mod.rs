//! Keeping data: snapshots, the append-only file, and what they are written to.

pub mod aof;
pub mod leftovers;
pub mod rdb;
pub mod snapshot;
