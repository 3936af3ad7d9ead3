//! spindle: a Redis-compatible server that spins one thread.

pub mod acl;
pub mod base;
pub mod commands;
pub mod config;
pub mod data;
pub mod exec;
pub mod hub;
pub mod persist;
pub mod repl;
pub mod resp;
pub mod server;
pub mod spec;
pub mod store;
pub mod sys;

/// The process's allocator: it counts what it hands out, and keeps small keys small.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;
