//! Data on the disk: the append-only file.

pub mod aof;
