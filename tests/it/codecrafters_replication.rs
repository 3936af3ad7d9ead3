//! The CodeCrafters stages about replication.

use crate::codecrafters::exactly;
use crate::replication::{expect, follow, line};
use crate::support::client::{Client, encode};
use crate::support::rdb::Rdb;
use crate::support::server::{Server, free_port};
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

const ID: &str = "75cd7bc10c49047e0d163660f3b90625b1af31dc";

/// Nothing more comes.
fn is_quiet(client: &mut Client) -> bool {
    client.reply_within(Duration::from_millis(100)).is_none()
}

#[test]
fn configure_listening_port() {
    let port = free_port();
    let server = Server::start_on(port);
    assert_eq!(server.port, port);
    exactly(&mut server.client(), &["PING"], "+PONG\r\n");
}

#[test]
fn the_info_command_and_the_initial_replication_id_and_offset() {
    let info = Server::start(&[]).client().run("INFO replication").text();
    let value = |name: &str| {
        info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap()
    };
    assert_eq!((value("role"), value("master_repl_offset")), ("master", "0"));
    let id = value("master_replid");
    assert!(id.len() == 40 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
}

#[test]
fn the_info_command_on_a_replica() {
    let primary = Server::start(&[]);
    let replica = Server::start(&["--replicaof", &format!("localhost {}", primary.port)]);
    assert!(replica.client().run("INFO replication").text().contains("role:slave\r\n"));
}

/// The other side of a replica that has just been started.
struct Tester {
    stream: TcpStream,
    replica: Server,
}

impl Tester {
    fn start() -> Tester {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let primary = format!("localhost {}", listener.local_addr().unwrap().port());
        let replica = Server::start(&["--replicaof", &primary]);
        let (stream, _) = listener.accept().unwrap();
        Tester { stream, replica }
    }

    /// Just this request has come, and nothing behind it.
    fn receives(&mut self, words: &[&str]) {
        self.reads(words);
        self.stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let error = self.stream.read(&mut [0]).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
    }

    fn reads(&mut self, words: &[&str]) {
        let mut bytes = vec![0; encode(words).len()];
        self.stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        self.stream.read_exact(&mut bytes).unwrap();
        assert_eq!(String::from_utf8_lossy(&bytes), String::from_utf8_lossy(&encode(words)));
    }

    fn sends(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// The whole handshake, and an empty snapshot.
    fn shakes_hands(&mut self) {
        self.receives(&["PING"]);
        self.sends(b"+PONG\r\n");
        self.receives(&["REPLCONF", "listening-port", &self.replica.port.to_string()]);
        self.sends(b"+OK\r\n");
        self.receives(&["REPLCONF", "capa", "eof", "capa", "psync2"]);
        self.sends(b"+OK\r\n");
        self.receives(&["PSYNC", "?", "-1"]);
        let empty = Rdb::new(11).end();
        self.sends(format!("+FULLRESYNC {ID} 0\r\n${}\r\n", empty.len()).as_bytes());
        self.sends(&empty);
    }
}

#[test]
fn send_handshake() {
    Tester::start().shakes_hands();
}

#[test]
fn command_processing() {
    let mut tester = Tester::start();
    tester.shakes_hands();
    for (key, value) in [("foo", "123"), ("bar", "456"), ("baz", "789")] {
        tester.sends(&encode(&["SET", key, value]));
    }
    // Changes are taken in silence.
    tester.stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    assert!(tester.stream.read(&mut [0]).is_err());
    let mut client = tester.replica.client();
    exactly(&mut client, &["GET", "foo"], "$3\r\n123\r\n");
    exactly(&mut client, &["GET", "bar"], "$3\r\n456\r\n");
    exactly(&mut client, &["GET", "baz"], "$3\r\n789\r\n");
}

#[test]
fn acks_with_no_commands_and_with_commands() {
    let mut tester = Tester::start();
    tester.shakes_hands();
    let getack = encode(&["REPLCONF", "GETACK", "*"]);
    tester.sends(&getack);
    tester.reads(&["REPLCONF", "ACK", "0"]);
    tester.sends(&encode(&["PING"]));
    tester.sends(&getack);
    tester.reads(&["REPLCONF", "ACK", "51"]);
    tester.sends(&encode(&["SET", "foo", "1"]));
    tester.sends(&encode(&["SET", "bar", "2"]));
    tester.sends(&getack);
    tester.reads(&["REPLCONF", "ACK", "146"]);
}

#[test]
fn receive_handshake_and_empty_rdb_transfer() {
    let server = Server::start(&[]);
    let mut replica = server.client();
    exactly(&mut replica, &["PING"], "+PONG\r\n");
    exactly(&mut replica, &["REPLCONF", "listening-port", "6380"], "+OK\r\n");
    exactly(&mut replica, &["REPLCONF", "capa", "psync2"], "+OK\r\n");
    replica.request(&["PSYNC", "?", "-1"]);
    let answer = line(&mut replica);
    let [word, id, offset] = answer.split(' ').collect::<Vec<_>>()[..] else { panic!("{answer}") };
    assert_eq!((word, id.len(), offset), ("+FULLRESYNC", 40, "0"));
    // Nothing stands between the answer and the snapshot, and nothing behind it.
    let len = line(&mut replica).strip_prefix('$').unwrap().parse().unwrap();
    assert!(replica.bytes(len).starts_with(b"REDIS"));
    assert!(is_quiet(&mut replica));
}

#[test]
fn single_replica_and_multi_replica_propagation() {
    let server = Server::start(&[]);
    let mut client = server.client();
    for count in 1..=3 {
        let mut replicas: Vec<Client> = (0..count).map(|_| follow(&server).0).collect();
        for (key, value) in [("foo", "123"), ("bar", "456"), ("baz", "789")] {
            exactly(&mut client, &["SET", key, value], "+OK\r\n");
        }
        for replica in &mut replicas {
            expect(replica, &["SELECT", "0"]);
            expect(replica, &["SET", "foo", "123"]);
            expect(replica, &["SET", "bar", "456"]);
            expect(replica, &["SET", "baz", "789"]);
            assert!(is_quiet(replica));
        }
    }
}

#[test]
fn wait_with_no_replicas_and_with_no_commands() {
    let server = Server::start(&[]);
    let mut client = server.client();
    let begun = Instant::now();
    exactly(&mut client, &["WAIT", "0", "60000"], ":0\r\n");
    let _replicas = [follow(&server), follow(&server), follow(&server)];
    exactly(&mut client, &["WAIT", "2", "60000"], ":3\r\n");
    exactly(&mut client, &["WAIT", "3", "60000"], ":3\r\n");
    assert!(begun.elapsed() < Duration::from_secs(10));
    exactly(&mut client, &["WAIT", "7", "100"], ":3\r\n");
}

#[test]
fn wait_with_multiple_commands() {
    let server = Server::start(&[]);
    let mut client = server.client();
    let mut replicas = [follow(&server).0, follow(&server).0, follow(&server).0];
    exactly(&mut client, &["SET", "foo", "123"], "+OK\r\n");
    client.request(&["WAIT", "1", "60000"]);
    for replica in &mut replicas {
        expect(replica, &["SELECT", "0"]);
        expect(replica, &["SET", "foo", "123"]);
        expect(replica, &["REPLCONF", "GETACK", "*"]);
    }
    let written = encode(&["SELECT", "0"]).len() + encode(&["SET", "foo", "123"]).len();
    replicas[0].request(&["REPLCONF", "ACK", &written.to_string()]);
    assert_eq!(client.reply().int(), 1);
    exactly(&mut client, &["SET", "baz", "789"], "+OK\r\n");
    let begun = Instant::now();
    client.request(&["WAIT", "3", "500"]);
    for (index, replica) in replicas.iter_mut().enumerate() {
        expect(replica, &["SET", "baz", "789"]);
        expect(replica, &["REPLCONF", "GETACK", "*"]);
        if index < 2 {
            replica.request(&["REPLCONF", "ACK", &(10 * written).to_string()]);
        }
    }
    // As many as have told when the time is over.
    assert_eq!(client.reply().int(), 2);
    assert!(begun.elapsed() >= Duration::from_millis(500));
}
