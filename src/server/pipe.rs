//! The pipe by which a child that makes a snapshot for replicas tells it.

use mio::unix::pipe::{Receiver, Sender};
use mio::{Interest, Registry, Token};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;

/// The token of the pipe.
pub(super) const TOKEN: Token = Token(usize::MAX - 2);
/// Room for one read.
const READ_BYTES: usize = 64 * 1024;

/// Our end of the pipe.
pub(super) struct Pipe {
    receiver: Receiver,
    /// There may be bytes to read.
    pub(super) is_readable: bool,
}

impl Pipe {
    /// A pipe that is watched, and the end to write to, which waits until it can.
    pub(super) fn open(registry: &Registry) -> io::Result<(Pipe, Box<dyn Write>)> {
        let (sender, mut receiver): (Sender, Receiver) = mio::unix::pipe::new()?;
        registry.register(&mut receiver, TOKEN, Interest::READABLE)?;
        sender.set_nonblocking(false)?;
        let writer = std::fs::File::from(OwnedFd::from(sender));
        Ok((Pipe { receiver, is_readable: true }, Box::new(writer)))
    }

    /// One read, into `room`; false at the end.
    pub(super) fn read(&mut self, room: &mut Vec<u8>) -> io::Result<bool> {
        room.clear();
        room.resize(READ_BYTES, 0);
        let read = self.receiver.read(room);
        room.truncate(*read.as_ref().unwrap_or(&0));
        match read {
            Ok(count) => Ok(count > 0),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.is_readable = false;
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(true),
            Err(error) => Err(error),
        }
    }
}
