//! Identities that several layers pass around.

/// A client for as long as it is connected.
///
/// `serial` is what CLIENT ID shows and is never used twice; `slot` finds the client in the
/// engine's slab.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId {
    /// Counts up from 1 in order of connection.
    pub serial: u64,
    /// Place in the slab; used again once the client is gone.
    pub slot: usize,
}

/// Number of a database, from 0.
pub type DbIndex = usize;
