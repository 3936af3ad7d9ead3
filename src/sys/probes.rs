//! Static probes (USDT) for bpftrace, perf and SystemTap: provider `spindle`, one probe for each
//! function here. A probe is one `nop` of the processor and a note in the binary until a tracer is
//! attached; docs/profiling.md shows two at work.
#![allow(unsafe_code, reason = "the crate's macro expands to one instruction of assembly")]
#![allow(clippy::as_conversions, reason = "so does its cast of every argument to a machine word")]

use probe::probe;

/// Where a name stands, for a tracer to read it; nothing is borrowed.
#[derive(Clone, Copy)]
pub struct Name {
    at: *const u8,
    len: usize,
}

impl Name {
    /// The place of a name that stays where it is.
    #[inline]
    pub fn of(name: &str) -> Name {
        Name { at: name.as_ptr(), len: name.len() }
    }
}

/// `command__start`: a command is admitted and begins. Arguments: the client's id, the address of
/// the command's full name, its length.
#[inline]
pub fn command_start(client: u64, name: Name) {
    probe!(spindle, command__start, client, name.at, name.len);
}

/// `command__end`: a command has ended. Arguments: those of `command__start`, then 1 if its reply
/// is an error.
#[inline]
pub fn command_end(client: u64, name: Name, failed: bool) {
    probe!(spindle, command__end, client, name.at, name.len, failed);
}

/// `tick`: the loop has come round. Argument: microseconds of the monotonic clock.
#[inline]
pub fn tick(mono_us: u64) {
    probe!(spindle, tick, mono_us);
}

/// `expiry`: a key has died of its deadline. Arguments: the database, the address of the key, its
/// length, and by how many milliseconds it is late.
#[inline]
pub fn expiry(db: usize, key: &[u8], late_ms: i64) {
    probe!(spindle, expiry, db, key.as_ptr(), key.len(), late_ms);
}

/// `eviction`: a key has gone to make room. Arguments: the database, the address of the key, its
/// length.
#[inline]
pub fn eviction(db: usize, key: &[u8]) {
    probe!(spindle, eviction, db, key.as_ptr(), key.len());
}
