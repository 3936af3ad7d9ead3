//! Replication as state machines: bytes in, bytes out, time as a value. No sockets, no keys, no
//! clients but by their id.
//!
//! [`History`] names the changes made so far, [`Stream`] holds the latest of them, [`Replicas`] is
//! what a primary knows of those who follow it, and [`Link`] is how a replica follows its primary.

mod history;
mod link;
mod replicas;
mod stream;

pub use history::{History, Resume};
pub use link::{Identity, Link, Progress, Stage as LinkStage};
pub use replicas::{
    About, Filter, Payload, Plan, Replica, Replicas, Rules, Snapshot, Stage as ReplicaStage, Target,
};
pub use stream::Stream;

/// Hexadecimal digits of the name of a history.
pub const ID_LEN: usize = 40;
/// The highest offset that is believed, so that there is room for all that may follow.
const OFFSET_MAX: u64 = 1 << 62;

/// An offset as another server writes it.
pub fn parse_offset(text: &str) -> Option<u64> {
    text.parse().ok().filter(|offset| *offset <= OFFSET_MAX)
}

/// The request by which a primary asks how far its replicas have come.
pub const GETACK: &[u8] = b"*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n";
/// The request by which a primary shows that it is there.
pub const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";
