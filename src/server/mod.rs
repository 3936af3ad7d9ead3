//! Sockets and the poll loop: drives the engine with what arrives and sends what it writes.

mod conn;
mod event_loop;
pub mod journal;
mod listener;
mod outbound;
mod pipe;
pub mod process;
mod remote;
mod sleep;
mod stream;
pub mod title;
mod world;

pub use event_loop::Server;
