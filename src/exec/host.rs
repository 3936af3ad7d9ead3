//! What the engine may ask of the one who drives it.

use crate::base::time::Now;
use crate::config::Config;
use std::time::Duration;

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
