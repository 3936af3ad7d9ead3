//! Who waits for what: names on one side, clients on the other. Knows no connections.

pub mod monitors;
pub mod pubsub;
mod readers;
pub mod tracking;
pub mod waiters;
pub mod watches;
