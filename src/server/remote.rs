//! A connection to another server that is waited for: for MIGRATE, while which everything waits.

use crate::base::time::SystemClock;
use crate::exec::Remote;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// Longest line that is read.
const LINE_MAX: usize = 64 * 1024;
/// Bytes read at a time.
const READ_BYTES: usize = 4 * 1024;
/// Bytes written at a time; each piece may take the time that was given.
const WRITE_BYTES: usize = 64 * 1024;

/// A connection, and what has come by it and was not read.
pub(super) struct Connected {
    stream: TcpStream,
    unread: Vec<u8>,
    clock: SystemClock,
}

impl Connected {
    /// Connects to the first address of a host that answers in time.
    pub(super) fn to(host: &str, port: u16, timeout: Duration) -> io::Result<Connected> {
        let mut last = io::Error::from(ErrorKind::AddrNotAvailable);
        for address in (host, port).to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, timeout) {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    let clock = SystemClock::start();
                    return Ok(Connected { stream, unread: Vec::new(), clock });
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// The time until a moment on the clock, in microseconds.
    fn left(&self, end_us: u64) -> io::Result<Duration> {
        let left_us = end_us.saturating_sub(self.clock.sample().mono_us);
        if left_us == 0 {
            return Err(ErrorKind::TimedOut.into());
        }
        Ok(Duration::from_micros(left_us))
    }

    /// The moment on the clock at which this time will be over.
    fn end_us(&self, timeout: Duration) -> u64 {
        let timeout_us = u64::try_from(timeout.as_micros()).unwrap_or(u64::MAX);
        self.clock.sample().mono_us.saturating_add(timeout_us)
    }
}

impl Remote for Connected {
    fn send(&mut self, bytes: &[u8], timeout: Duration) -> io::Result<()> {
        for piece in bytes.chunks(WRITE_BYTES) {
            let (end_us, mut rest) = (self.end_us(timeout), piece);
            while !rest.is_empty() {
                let left = self.left(end_us)?;
                self.stream.set_write_timeout(Some(left))?;
                match self.stream.write(rest) {
                    Ok(0) => return Err(ErrorKind::WriteZero.into()),
                    Ok(count) => rest = &rest[count..],
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    fn line(&mut self, timeout: Duration) -> io::Result<Vec<u8>> {
        let end_us = self.end_us(timeout);
        loop {
            if let Some(at) = memchr::memchr(b'\n', &self.unread) {
                let mut line: Vec<u8> = self.unread.drain(..=at).collect();
                line.truncate(line.trim_ascii_end().len());
                return Ok(line);
            }
            if self.unread.len() > LINE_MAX {
                return Err(ErrorKind::InvalidData.into());
            }
            let left = self.left(end_us)?;
            self.stream.set_read_timeout(Some(left))?;
            let mut room = [0; READ_BYTES];
            match self.stream.read(&mut room) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => self.unread.extend_from_slice(&room[..count]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}
