//! One side of a link made by hand: a primary for a real replica, what a replica takes from a real
//! primary.
#![allow(clippy::disallowed_methods, reason = "tests wait for real")]

use super::client::Client;
use super::server::Server;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

/// A primary made by hand: it accepts a replica and answers it until it asks for changes.
pub struct Hand {
    pub stream: TcpStream,
}

impl Hand {
    pub fn accept(listener: &TcpListener) -> (Hand, String) {
        let (stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut hand = Hand { stream };
        loop {
            let words = hand.request();
            match words.first().map(String::as_str) {
                Some("PSYNC") => return (hand, words.join(" ")),
                Some("PING") => hand.send(b"+PONG\r\n"),
                _ => hand.send(b"+OK\r\n"),
            }
        }
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// Waits until the other side hangs up by itself.
    pub fn ends(&mut self) {
        match self.stream.read_to_end(&mut Vec::new()) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
        }
    }

    fn line(&mut self) -> String {
        let (mut line, mut byte) = (Vec::new(), [0]);
        while !line.ends_with(b"\r\n") {
            self.stream.read_exact(&mut byte).unwrap();
            line.push(byte[0]);
        }
        String::from_utf8(line).unwrap().trim().to_owned()
    }

    pub fn request(&mut self) -> Vec<String> {
        let count = self.line().strip_prefix('*').unwrap().parse().unwrap();
        let word = |hand: &mut Hand| {
            hand.line();
            hand.line()
        };
        (0..count).map(|_| word(self)).collect()
    }
}

/// The snapshot of a server with one key.
pub fn snapshot_with(key: &str) -> Vec<u8> {
    let server = Server::start(&["--repl-diskless-sync-delay", "0"]);
    server.client().call(&["SET", key, &"x".repeat(100)]);
    let mut taker = server.client();
    taker.request(&["SYNC"]);
    snapshot(&mut taker)
}

/// A line without its end.
pub fn line(client: &mut Client) -> String {
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        line.extend(client.bytes(1));
    }
    String::from_utf8(line).unwrap().trim().to_owned()
}

/// Takes a snapshot that is sent with its length or with a mark behind it.
pub fn snapshot(client: &mut Client) -> Vec<u8> {
    // Empty lines show that the primary is there.
    let header = loop {
        let header = line(client);
        if !header.is_empty() {
            break header;
        }
    };
    let Some(mark) = header.strip_prefix("$EOF:") else {
        return client.bytes(header.strip_prefix('$').unwrap().parse().unwrap());
    };
    let mut bytes = Vec::new();
    while !bytes.ends_with(mark.as_bytes()) {
        bytes.extend(client.bytes(1));
    }
    bytes.truncate(bytes.len() - mark.len());
    bytes
}
