//! What the engine may ask of the one who drives it.

use crate::base::time::Now;
use crate::config::Config;
use crate::persist::aof::Errand;
use crate::sys::disk::Disk;
use crate::sys::fork::Progress;
use std::io::{self, Write};
use std::os::fd::RawFd;
use std::time::Duration;

/// What a child process does: with the disk, telling how far it has come; an error is a line for
/// the log.
pub type Job<'a> = &'a mut dyn FnMut(&mut dyn Disk, &Progress) -> Result<(), String>;

/// The world outside the engine: real in the server, made up in tests.
pub trait Host {
    /// The present moment, for commands that took long.
    fn now(&mut self) -> Now;

    /// Reads a stopwatch whose ticks are a nanosecond at most; only differences mean anything.
    fn ticks(&mut self) -> u64;

    /// Ticks of that stopwatch in a microsecond.
    fn ticks_per_us(&mut self) -> f64;

    /// Lets time pass with everything standing still.
    fn sleep(&mut self, duration: Duration);

    /// Makes the world follow parameters that have changed from `old` to `new`: listen elsewhere,
    /// change directory, tell the kernel. What it finds out thereby, such as the full path of a
    /// directory, it writes to `new`.
    ///
    /// # Errors
    /// The parameter that cannot be followed; then nothing has changed.
    fn reconfigure(&mut self, old: &Config, new: &mut Config) -> Result<(), HostError>;

    /// This has become a replica, or a primary again.
    fn note_role(&mut self, config: &Config, is_replica: bool);

    /// Fills a buffer with bytes that nobody can guess.
    ///
    /// # Errors
    /// The system's reason for having none.
    fn fill_random(&mut self, buffer: &mut [u8]) -> Result<(), String>;

    /// The text of a file.
    ///
    /// # Errors
    /// The system's reason, and whether it is that there is no such file.
    fn read_file(&mut self, path: &str) -> Result<Vec<u8>, ReadError>;

    /// Replaces a file as a whole, or makes it; it is on the disk afterwards.
    ///
    /// # Errors
    /// The system's reason; then nothing has changed.
    fn replace_file(&mut self, path: &str, text: &[u8]) -> Result<(), String>;

    /// Where data is kept.
    fn disk(&mut self) -> &mut dyn Disk;

    /// Runs a job in a process of its own, which sees everything as it is now and has only the
    /// sockets in `keeps`; the number of the process. There is no other such process. The driver
    /// tells of its end with [`super::Engine::child_ended`].
    ///
    /// # Errors
    /// The system's.
    fn spawn(&mut self, keeps: &[RawFd], job: Job<'_>) -> io::Result<i32>;

    /// A pipe for that process to write to, if it is the next one. What comes by it the driver
    /// hands on with [`super::Engine::take_snapshot_bytes`].
    ///
    /// # Errors
    /// The system's.
    fn pipe(&mut self) -> io::Result<Box<dyn Write>>;

    /// Ends that process; nobody is told of its end.
    fn kill_child(&mut self);

    /// Has work on the disk done beside the loop, after what was given before; the driver ticks
    /// once it is done.
    fn aside(&mut self, errand: Errand);

    /// Connects to another server, which may take so long.
    ///
    /// # Errors
    /// The system's; [`io::ErrorKind::TimedOut`] if it takes longer.
    fn connect(&mut self, host: &str, port: u16, timeout: Duration) -> io::Result<Box<dyn Remote>>;

    /// How far that process has come: what it has noted itself, and the bytes of memory that it
    /// shares no more. Of the latest one, if none runs.
    fn child_progress(&self) -> (u64, u64);
}

/// Another server that is asked something while everything waits.
pub trait Remote {
    /// Sends bytes; each piece of some 64 KiB may take so long.
    ///
    /// # Errors
    /// The system's.
    fn send(&mut self, bytes: &[u8], timeout: Duration) -> io::Result<()>;

    /// The next line that comes, without its end; that may take so long.
    ///
    /// # Errors
    /// The system's.
    fn line(&mut self, timeout: Duration) -> io::Result<Vec<u8>>;
}

/// A file that cannot be read.
#[derive(Debug)]
pub struct ReadError {
    /// There is none.
    pub is_missing: bool,
    /// Why, in the system's words.
    pub reason: String,
}

/// A parameter that the world could not follow.
#[derive(Debug)]
pub struct HostError {
    /// Its name.
    pub parameter: &'static str,
    /// Why, in Redis's words.
    pub reason: String,
}
