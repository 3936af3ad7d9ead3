//! A second process that sees the data as it is now, while this one goes on: fork and wait.
//!
//! The kernel shares the memory of both until one of them writes to it. The child runs one job and
//! ends without cleaning up. It has a single thread, whatever the parent had: the job must not need
//! what another thread may have held. The allocator is prepared for that (it takes its locks around
//! the fork); the log is written by the loop's thread alone.
#![allow(unsafe_code, reason = "fork, a page that both processes see, and descriptors by number")]

use super::memory;
use crate::base::time::SystemClock;
use rustix::process::{Pid, Signal, kill_process, set_parent_process_death_signal};
use std::ffi::c_int;
use std::io;
use std::os::fd::{BorrowedFd, RawFd};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// The status with which a child ends whose job has failed.
const FAILURE: c_int = 1;
/// The status with which a child ends that has panicked.
const PANIC: c_int = 101;
/// Microseconds between looks at how much memory has been copied.
const LOOK_EVERY_US: u64 = 1_000_000;
/// Steps of work between looks at the clock.
const LOOK_EVERY: u64 = 1_024;
/// The signal by which an operator ends a child whose work is not wanted.
pub const CANCELLED: i32 = libc::SIGUSR1;
/// Signals that mean nothing to a child but what they mean to any process.
const SIGNALS: [c_int; 5] =
    [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGCHLD, libc::SIGUSR1];

/// How far a child has come, for its parent to see. Reading and writing it costs no system call.
#[derive(Debug, Default)]
pub struct Progress {
    done: AtomicU64,
    copied_bytes: AtomicU64,
}

impl Progress {
    /// Notes how much of the work is done, in whatever unit.
    #[inline]
    pub fn note(&self, done: u64) {
        self.done.store(done, Ordering::Relaxed);
    }

    /// Notes how much memory has stopped being shared, by a look that takes some time.
    pub fn note_copied(&self) {
        self.copied_bytes.store(memory::private_bytes(), Ordering::Relaxed);
    }

    /// How much of the work is done.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Bytes of memory that had stopped being shared when the child last looked.
    pub fn copied_bytes(&self) -> u64 {
        self.copied_bytes.load(Ordering::Relaxed)
    }
}

/// Notes progress as work goes on, with pauses if a test wants them.
pub struct Pace {
    clock: SystemClock,
    /// When memory is looked at again.
    look_us: u64,
    /// Becomes true when the work is not wanted any more.
    stop: Option<Arc<AtomicBool>>,
}

impl Pace {
    /// Work begins.
    pub fn start() -> Pace {
        Pace { clock: SystemClock::start(), look_us: LOOK_EVERY_US, stop: None }
    }

    /// Work begins that ends in the middle once this is true.
    pub fn until(stop: Arc<AtomicBool>) -> Pace {
        Pace { stop: Some(stop), ..Pace::start() }
    }

    /// So much is done; a pause follows. Once in a while it is noted how much memory has been
    /// copied.
    ///
    /// # Errors
    /// That the work is not wanted any more.
    #[inline]
    pub fn note(&mut self, progress: &Progress, done: u64, pause_us: u64) -> io::Result<()> {
        progress.note(done);
        if pause_us > 0 || done.is_multiple_of(LOOK_EVERY) {
            self.look(progress, pause_us);
        }
        match &self.stop {
            Some(stop) if stop.load(Ordering::Relaxed) => Err(io::Error::other("it was stopped")),
            Some(_) | None => Ok(()),
        }
    }

    #[cold]
    fn look(&mut self, progress: &Progress, pause_us: u64) {
        if pause_us > 0 {
            std::thread::sleep(Duration::from_micros(pause_us));
        }
        let now_us = self.clock.sample().mono_us;
        if now_us >= self.look_us {
            self.look_us = now_us + LOOK_EVERY_US;
            progress.note_copied();
        }
    }
}

/// A page with a [`Progress`] in it that a child shares with its parent.
struct Page(NonNull<Progress>);

impl Page {
    fn new() -> io::Result<Page> {
        // SAFETY: a new mapping at an address of the kernel's choice touches nothing that is there.
        let place = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                size_of::<Progress>(),
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        let place = NonNull::new(place).filter(|place| place.as_ptr() != libc::MAP_FAILED);
        // All zeros, as the kernel hands it out, are two counters at zero.
        place.map(|place| Page(place.cast())).ok_or_else(io::Error::last_os_error)
    }

    fn progress(&self) -> &Progress {
        // SAFETY: the mapping holds it for as long as `self` is there; both processes use atomic
        // operations only.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // SAFETY: the mapping is this one's own, and nobody borrows from it any more.
        unsafe { libc::munmap(self.0.as_ptr().cast(), size_of::<Progress>()) };
    }
}

/// How a child has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Its job is done.
    Done,
    /// Its job has failed, with this status.
    Failed(i32),
    /// A signal has ended it.
    Killed(i32),
}

/// A process that has been forked and not been waited for. It is killed when this is dropped.
pub struct Child {
    pid: Pid,
    page: Page,
    is_over: bool,
}

/// Forks. In the child `job` runs, which says whether it has done what it was to do, and the
/// process ends; of its sockets it has only those in `keeps`. It dies with its parent, or by
/// SIGTERM. The caller hears of its end by SIGCHLD.
///
/// # Errors
/// The system's; then there is no child.
pub fn fork(keeps: &[RawFd], job: &mut dyn FnMut(&Progress) -> bool) -> io::Result<Child> {
    let page = Page::new()?;
    let parent = rustix::process::getpid();
    // SAFETY: the child has one thread, and runs nothing but `become_child`, which does not return.
    match unsafe { libc::fork() } {
        0 => become_child(parent, keeps, page.progress(), job),
        -1 => Err(io::Error::last_os_error()),
        pid => {
            let pid = Pid::from_raw(pid).ok_or(io::ErrorKind::InvalidData)?;
            Ok(Child { pid, page, is_over: false })
        }
    }
}

fn become_child(
    parent: Pid,
    keeps: &[RawFd],
    progress: &Progress,
    job: &mut dyn FnMut(&Progress) -> bool,
) -> ! {
    for signal in SIGNALS {
        // SAFETY: the default action has no handler that could be unsound.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    let bound = set_parent_process_death_signal(Some(Signal::KILL));
    // It may have died before it was known to this one.
    if bound.is_err() || rustix::process::getppid() != Some(parent) {
        exit(FAILURE);
    }
    close_sockets(keeps);
    // The stack of the parent is not to be unwound here.
    let run = std::panic::AssertUnwindSafe(|| job(progress));
    let status = match std::panic::catch_unwind(run) {
        Ok(true) => 0,
        Ok(false) => FAILURE,
        Err(_) => PANIC,
    };
    progress.note_copied();
    exit(status)
}

fn exit(status: c_int) -> ! {
    // SAFETY: ends the process at once, without anything that was registered for its end.
    unsafe { libc::_exit(status) }
}

/// Closes all sockets but some, so that what the parent closes is closed for the other side, too.
fn close_sockets(keeps: &[RawFd]) {
    let Ok(names) = std::fs::read_dir("/proc/self/fd") else { return };
    let numbers = names.filter_map(|name| name.ok()?.file_name().to_str()?.parse().ok());
    let numbers: Vec<RawFd> = numbers.collect();
    for number in numbers.into_iter().filter(|number| *number > 2 && !keeps.contains(number)) {
        // SAFETY: it was open a moment ago; if it is no more, the call says so.
        let stat = rustix::fs::fstat(unsafe { BorrowedFd::borrow_raw(number) });
        let is_socket =
            |stat: rustix::fs::Stat| rustix::fs::FileType::from_raw_mode(stat.st_mode).is_socket();
        if stat.is_ok_and(is_socket) {
            // SAFETY: what owns it in this process is never used nor dropped any more.
            unsafe { libc::close(number) };
        }
    }
}

impl Child {
    /// Its number.
    pub fn pid(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// How far it has come.
    pub fn progress(&self) -> &Progress {
        self.page.progress()
    }

    /// How it has ended, if it has; then it is gone for good.
    ///
    /// # Errors
    /// The system's.
    pub fn try_wait(&mut self) -> io::Result<Option<End>> {
        self.wait_with(rustix::process::WaitOptions::NOHANG)
    }

    /// Ends it at once, and waits until it has ended.
    pub fn kill(&mut self) {
        if self.is_over {
            return;
        }
        if let Err(error) = kill_process(self.pid, Signal::KILL) {
            log::debug!("killing child {}: {error}", self.pid());
        }
        while !self.is_over {
            if let Err(error) = self.wait_with(rustix::process::WaitOptions::empty()) {
                log::debug!("waiting for child {}: {error}", self.pid());
                self.is_over = error.kind() != io::ErrorKind::Interrupted;
            }
        }
    }

    fn wait_with(&mut self, options: rustix::process::WaitOptions) -> io::Result<Option<End>> {
        if self.is_over {
            return Ok(None);
        }
        let Some((_, status)) = rustix::process::waitpid(Some(self.pid), options)? else {
            return Ok(None);
        };
        self.is_over = true;
        Ok(Some(match (status.exit_status(), status.terminating_signal()) {
            (Some(0), _) => End::Done,
            (Some(status), _) => End::Failed(status),
            (None, signal) => End::Killed(signal.unwrap_or_default()),
        }))
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn wait(child: &mut Child) -> End {
        loop {
            if let Some(end) = child.try_wait().unwrap() {
                return end;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn a_child_tells_how_far_it_has_come_and_how_it_ends() {
        let mut child = fork(&[], &mut |progress| {
            progress.note(42);
            true
        })
        .unwrap();
        assert_eq!(wait(&mut child), End::Done);
        assert_eq!(child.progress().done(), 42);
        assert!(child.progress().copied_bytes() > 0);
        let mut child = fork(&[], &mut |_| false).unwrap();
        assert_eq!(wait(&mut child), End::Failed(FAILURE));
    }

    #[test]
    fn a_child_that_is_not_wanted_any_more_is_killed() {
        let forever = &mut |_: &Progress| loop {
            std::thread::sleep(Duration::from_secs(1));
        };
        let mut child = fork(&[], forever).unwrap();
        assert_eq!(child.try_wait().unwrap(), None);
        child.kill();
        let child = fork(&[], forever).unwrap();
        let pid = child.pid;
        drop(child);
        assert!(rustix::process::test_kill_process(pid).is_err());
    }

    #[test]
    fn a_child_keeps_no_socket_open() {
        let (mut here, there) = std::os::unix::net::UnixStream::pair().unwrap();
        let mut child = fork(&[], &mut |progress| {
            progress.note(1);
            std::thread::sleep(Duration::from_secs(5));
            true
        })
        .unwrap();
        while child.progress().done() == 0 {
            std::thread::yield_now();
        }
        drop(there);
        assert_eq!(std::io::Read::read(&mut here, &mut [0]).unwrap(), 0);
        child.kill();
    }
}
