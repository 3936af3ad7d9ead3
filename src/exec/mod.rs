//! The engine: requests, clients and effects. It has no sockets and no clock; it is driven.
//!
//! [`Engine`] is what a driver holds: it connects clients, submits their requests, ticks the time
//! on, and takes the bytes that appear in their output. The server drives it with sockets, tests
//! drive it with a clock set by hand.

mod access;
mod agenda;
mod args;
pub mod block;
mod call;
mod children;
mod client;
mod client_line;
mod command;
mod describe;
mod effects;
mod engine;
mod evict;
mod gate;
mod host;
mod hotkeys;
mod invalidate;
mod latency;
mod loading;
mod log;
mod log_load;
pub mod log_rewrite;
mod peers;
mod persistence;
mod propagate;
mod publish;
mod remotes;
mod replay;
mod replication;
mod run;
pub mod shutdown;
mod slowlog;
pub mod snapshot;
mod state;
mod stats;
mod table;
mod timed;
pub mod transaction;

pub use args::{db_index, extended, float, int, places, positive_count, span, timeout, timeout_ms};
pub use call::Call;
pub use children::{Child, ChildKind, Children};
pub use client::{Client, ClientKind, Closing, Connection, ReplyMode, ReplyPeak};
pub use client_line::client_line;
pub use command::{Command, Flow, Handler, Nothing, Outcome, Wait};
pub use engine::{Engine, Pending, Served, Turn};
pub use evict::Excess;
pub use host::{Host, HostError, Job, ReadError, Remote};
pub use hotkeys::{Hotkeys, Wish as HotkeysWish};
pub use latency::{LatencyMonitor, LatencySample, LatencySeries};
pub use loading::{Load, reload};
pub use peers::{Peer, Peers};
pub use persistence::Persistence;
pub use propagate::{Feed, Sink, deletion, write_request};
pub use remotes::{Kept, Remotes};
pub use replay::Unreplayable;
pub use replication::{
    Bond, Failover, Goal as FailoverGoal, LinkTurn, Primary, Replication, Side, Start,
};
pub use slowlog::{SlowEntry, SlowLog};
pub use state::{Facts, Pause, REPLY_PEAK_RESET_US, State};
pub use stats::{CommandStats, Rate, Stats};
pub use table::{CommandId, Table};
