//! The process itself.

use rustix::io::Errno;
use rustix::process::{Pid, Signal, getpid, kill_process, setsid, test_kill_process};
use std::io;

/// The operating system: its name, its release and the machine's kind, such as
/// `Linux 6.1.0 x86_64`.
pub fn os() -> String {
    let os = rustix::system::uname();
    let parts = [os.sysname(), os.release(), os.machine()];
    parts.map(|part| part.to_string_lossy().into_owned()).join(" ")
}

/// Sends the process the signal of a bad memory access, as a bug would.
pub fn crash() {
    if let Err(error) = kill_process(getpid(), Signal::SEGV) {
        log::error!("cannot send a signal: {error}");
    }
}

/// True if there is a process of that number.
pub fn is_alive(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| !matches!(test_kill_process(pid), Err(Errno::SRCH)))
}

/// Stops the process until someone lets it go on, which is how Upstart is told that it is ready.
///
/// # Errors
/// What the system says.
pub fn stop_self() -> io::Result<()> {
    Ok(kill_process(getpid(), Signal::STOP)?)
}

/// Leaves the terminal and the group of processes that the process was started in.
///
/// # Errors
/// What the system says.
pub fn leave_terminal() -> io::Result<()> {
    setsid()?;
    Ok(())
}
