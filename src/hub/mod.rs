//! Who waits for what: names on one side, clients on the other. Knows no connections.

pub mod monitors;
pub mod pubsub;
pub mod tracking;
pub mod waiters;
pub mod watches;
