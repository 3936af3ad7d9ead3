//! The process itself.

use rustix::process::{Signal, getpid, kill_process};

/// Sends the process the signal of a bad memory access, as a bug would.
pub fn crash() {
    if let Err(error) = kill_process(getpid(), Signal::SEGV) {
        log::error!("cannot send a signal: {error}");
    }
}
