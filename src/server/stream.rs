//! A connected socket of either kind: TCP or Unix.

use crate::resp::output::Output;
use mio::event::Source;
use mio::net::{TcpStream, UnixStream};
use mio::{Interest, Registry, Token};
use rustix::buffer::spare_capacity;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

/// Pieces of output that go out in one system call.
const PIECES_MAX: usize = 64;

/// A connected socket.
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    /// Watches the socket for both directions, once and for good: readiness is told on change.
    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        let source: &mut dyn Source = match self {
            Stream::Tcp(stream) => stream,
            Stream::Unix(stream) => stream,
        };
        registry.register(source, token, Interest::READABLE | Interest::WRITABLE)
    }

    /// The same for one that has been watched under another token.
    pub(super) fn reregister(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        let source: &mut dyn Source = match self {
            Stream::Tcp(stream) => stream,
            Stream::Unix(stream) => stream,
        };
        registry.reregister(source, token, Interest::READABLE | Interest::WRITABLE)
    }

    /// Has the system send full packets rather than each piece at once.
    pub(super) fn delay_packets(&self) -> io::Result<()> {
        match self {
            Stream::Tcp(stream) => stream.set_nodelay(false),
            Stream::Unix(_) => Ok(()),
        }
    }

    /// The descriptor's number.
    pub(super) fn number(&self) -> i32 {
        self.as_fd().as_raw_fd()
    }

    /// One read into the spare capacity of `into`; how many bytes came, zero at the end.
    pub(super) fn read(&self, into: &mut Vec<u8>) -> io::Result<usize> {
        Ok(rustix::io::read(self.as_fd(), spare_capacity(into))?)
    }

    /// One write of bytes.
    pub(super) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::write(self.as_fd(), bytes)?)
    }

    /// One write of what waits, in as many pieces as it has; how much was offered, and how much was
    /// taken.
    pub(super) fn write_output(&self, output: &Output) -> io::Result<(usize, usize)> {
        if let Some(bytes) = output.single() {
            return Ok((bytes.len(), self.write(bytes)?));
        }
        let mut slices = [IoSlice::new(&[]); PIECES_MAX];
        let count = output.fill_slices(&mut slices);
        let offered = slices[..count].iter().map(|slice| slice.len()).sum();
        Ok((offered, rustix::io::writev(self.as_fd(), &slices[..count])?))
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Stream::Tcp(stream) => stream.as_fd(),
            Stream::Unix(stream) => stream.as_fd(),
        }
    }
}
