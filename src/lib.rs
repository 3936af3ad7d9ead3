//! spindle: a Redis-compatible server that spins one thread.

pub mod base;
pub mod config;
pub mod data;
pub mod resp;
pub mod store;
pub mod sys;

/// The process's allocator: it counts what it hands out, and keeps small keys small.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;
