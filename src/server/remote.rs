//! A connection to another server that is waited for: for MIGRATE, while which everything waits.

use crate::exec::Remote;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

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
}

impl Connected {
    /// Connects to the first address of a host that answers in time.
    pub(super) fn to(host: &str, port: u16, timeout: Duration) -> io::Result<Connected> {
        let mut last = io::Error::from(ErrorKind::AddrNotAvailable);
        for address in (host, port).to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, timeout) {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    return Ok(Connected { stream, unread: Vec::new() });
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

impl Remote for Connected {
    fn send(&mut self, bytes: &[u8], timeout: Duration) -> io::Result<()> {
        for piece in bytes.chunks(WRITE_BYTES) {
            let (end, mut rest) = (Instant::now() + timeout, piece);
            while !rest.is_empty() {
                self.stream.set_write_timeout(Some(left(end)?))?;
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
        let end = Instant::now() + timeout;
        loop {
            if let Some(at) = memchr::memchr(b'\n', &self.unread) {
                let mut line: Vec<u8> = self.unread.drain(..=at).collect();
                line.truncate(line.trim_ascii_end().len());
                return Ok(line);
            }
            if self.unread.len() > LINE_MAX {
                return Err(ErrorKind::InvalidData.into());
            }
            self.stream.set_read_timeout(Some(left(end)?))?;
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

/// The time until then.
fn left(end: Instant) -> io::Result<Duration> {
    let left = end.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(left) }
}
