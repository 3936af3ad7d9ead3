//! Messages to the system's log: datagrams to its socket, in the form that RFC 3164 describes.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;

/// Where the system's log listens.
pub const SOCKET: &str = "/dev/log";

/// How bad it is, as the system's log counts it.
#[derive(Clone, Copy, Debug)]
pub enum Severity {
    /// Something is wrong.
    Warning = 4,
    /// Something that an operator wants to know.
    Notice = 5,
    /// Something else.
    Info = 6,
    /// What developers want to know.
    Debug = 7,
}

/// A way to the system's log.
#[derive(Debug)]
pub struct Syslog {
    socket: UnixDatagram,
    path: PathBuf,
    facility: u32,
    /// Name and process id, as each message begins with them.
    sender: String,
}

impl Syslog {
    /// A way to the log that listens at `path`; it need not be there yet. `facility` is a number of
    /// RFC 3164.
    ///
    /// # Errors
    /// What the system says when there is no socket to be had.
    pub fn open(path: &str, facility: u32, ident: &str, pid: u32) -> io::Result<Syslog> {
        let socket = UnixDatagram::unbound()?;
        // A log that does not listen must not hold the server up.
        socket.set_nonblocking(true)?;
        let sender = format!("{ident}[{pid}]");
        Ok(Syslog { socket, path: path.into(), facility, sender })
    }

    /// Sends a message.
    ///
    /// # Errors
    /// What the system says, for example while nobody listens.
    pub fn send(&self, severity: Severity, text: &str) -> io::Result<()> {
        let priority = self.facility * 8 + severity as u32;
        let message = format!("<{priority}>{}: {text}", self.sender);
        self.socket.send_to(message.as_bytes(), &self.path).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_arrive_with_priority_and_sender() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let syslog = Syslog::open(path.to_str().unwrap(), 16, "spindle", 7).unwrap();
        assert!(syslog.send(Severity::Notice, "nobody listens").is_err());
        let log = UnixDatagram::bind(&path).unwrap();
        syslog.send(Severity::Warning, "hello").unwrap();
        let mut buffer = [0; 64];
        let len = log.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..len], b"<132>spindle[7]: hello");
    }
}
