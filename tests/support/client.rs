//! A client of few words: requests out, replies in, over TCP or a Unix socket.
#![allow(clippy::disallowed_methods, reason = "tests wait for real")]

use super::reply::Reply;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// How long a reply may take on a loaded machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

trait Socket: Read + Write + Send {
    fn set_timeout(&self, timeout: Duration);
}

impl Socket for TcpStream {
    fn set_timeout(&self, timeout: Duration) {
        self.set_read_timeout(Some(timeout)).unwrap();
    }
}

impl Socket for UnixStream {
    fn set_timeout(&self, timeout: Duration) {
        self.set_read_timeout(Some(timeout)).unwrap();
    }
}

/// A connection.
pub struct Client {
    socket: Box<dyn Socket>,
    input: Vec<u8>,
    local_port: u16,
}

impl Client {
    pub fn tcp(address: &str) -> std::io::Result<Client> {
        let socket = TcpStream::connect(address)?;
        socket.set_nodelay(true)?;
        let local_port = socket.local_addr()?.port();
        Ok(Client::over(Box::new(socket), local_port))
    }

    pub fn unix(path: &str) -> std::io::Result<Client> {
        Ok(Client::over(Box::new(UnixStream::connect(path)?), 0))
    }

    fn over(socket: Box<dyn Socket>, local_port: u16) -> Client {
        socket.set_timeout(PATIENCE);
        Client { socket, input: Vec::new(), local_port }
    }

    /// Our side's port.
    pub fn local_port(&self) -> u16 {
        self.local_port
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).expect("sent");
    }

    /// Sends bytes as they are, unless the other side is gone.
    pub fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.socket.write_all(bytes).is_ok()
    }

    /// Sends a request.
    pub fn request<A: AsRef<[u8]>>(&mut self, args: &[A]) {
        self.send(&encode(args));
    }

    /// Sends a request and waits for its reply.
    pub fn call<A: AsRef<[u8]>>(&mut self, args: &[A]) -> Reply {
        self.request(args);
        self.reply()
    }

    /// Sends a request whose words are separated by spaces and waits for its reply.
    pub fn run(&mut self, line: &str) -> Reply {
        self.call(&line.split(' ').collect::<Vec<_>>())
    }

    /// Waits for a reply.
    pub fn reply(&mut self) -> Reply {
        self.try_reply().expect("a reply before the end of the connection")
    }

    /// Waits for a reply or for the end of the connection, be it in the middle of a reply.
    pub fn try_reply_or_cut(&mut self) -> Option<Reply> {
        loop {
            if let Some((reply, len)) = Reply::read(&self.input) {
                self.input.drain(..len);
                return Some(reply);
            }
            if !self.fill() {
                return None;
            }
        }
    }

    /// Waits for a reply or for the end of the connection.
    pub fn try_reply(&mut self) -> Option<Reply> {
        loop {
            if let Some((reply, len)) = Reply::read(&self.input) {
                self.input.drain(..len);
                return Some(reply);
            }
            if !self.fill() {
                assert!(self.input.is_empty(), "a reply was cut: {:?}", self.input);
                return None;
            }
        }
    }

    /// A reply that comes within a time, if one does.
    pub fn reply_within(&mut self, time: Duration) -> Option<Reply> {
        let end = Instant::now() + time;
        loop {
            if let Some((reply, len)) = Reply::read(&self.input) {
                self.input.drain(..len);
                return Some(reply);
            }
            let left = end.checked_duration_since(Instant::now())?;
            self.socket.set_timeout(left.max(Duration::from_millis(1)));
            let mut chunk = [0; 65_536];
            let result = self.socket.read(&mut chunk);
            self.socket.set_timeout(PATIENCE);
            match result {
                Ok(0) => return None,
                Ok(count) => self.input.extend_from_slice(&chunk[..count]),
                Err(error) if is_timeout(&error) => {}
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// All bytes that come before the other side closes.
    pub fn rest(&mut self) -> Vec<u8> {
        while self.fill() {}
        std::mem::take(&mut self.input)
    }

    /// Exactly so many bytes.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        while self.input.len() < count {
            assert!(self.fill(), "the connection ended early");
        }
        self.input.drain(..count).collect()
    }

    /// Whether bytes have come behind those that have been asked for.
    pub fn has_more(&self) -> bool {
        !self.input.is_empty()
    }

    /// One read; false at the end.
    fn fill(&mut self) -> bool {
        let mut chunk = [0; 65_536];
        match self.socket.read(&mut chunk) {
            Ok(count) => {
                self.input.extend_from_slice(&chunk[..count]);
                count > 0
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => false,
            Err(error) if is_timeout(&error) => panic!("no reply in time: {:?}", self.input),
            Err(error) => panic!("{error}"),
        }
    }
}

fn is_timeout(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// A request in the form of the wire.
pub fn encode<A: AsRef<[u8]>>(args: &[A]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args {
        let arg = arg.as_ref();
        bytes.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        bytes.extend_from_slice(arg);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}
