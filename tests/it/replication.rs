//! What a primary and its replica say to each other, byte by byte.

use crate::support::client::{Client, encode};
use crate::support::server::{Server, eventually, free_port};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

const DEBUG: [&str; 2] = ["--enable-debug-command", "yes"];
const ID: &str = "8371b4fb1155b71f4a04d3e1bc3e18c4a990aeeb";
/// A snapshot without keys, as version 11 has it, without a sum.
const EMPTY: &[u8] = b"REDIS0011\xFF\0\0\0\0\0\0\0\0";

/// Reads a line without its end.
pub fn line(client: &mut Client) -> String {
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        line.extend(client.bytes(1));
    }
    line.truncate(line.len() - 2);
    String::from_utf8(line).unwrap()
}

/// Becomes a replica by hand, as one that takes snapshots with a length; where the stream begins.
pub fn follow(server: &Server) -> (Client, u64) {
    let mut replica = server.client();
    assert_eq!(replica.run("PING").to_string(), "+PONG");
    assert_eq!(replica.run("REPLCONF listening-port 6380").to_string(), "+OK");
    assert_eq!(replica.run("REPLCONF capa psync2").to_string(), "+OK");
    replica.request(&["PSYNC", "?", "-1"]);
    let answer = line(&mut replica);
    let words: Vec<&str> = answer.split(' ').collect();
    assert_eq!((words[0], words[1].len(), words.len()), ("+FULLRESYNC", 40, 3));
    let header = line(&mut replica);
    let len: usize = header.strip_prefix('$').unwrap().parse().unwrap();
    assert!(replica.bytes(len).starts_with(b"REDIS"));
    (replica, words[2].parse().unwrap())
}

pub fn expect(client: &mut Client, words: &[&str]) {
    let bytes = encode(words);
    let got = client.bytes(bytes.len());
    assert_eq!(String::from_utf8_lossy(&got), String::from_utf8_lossy(&bytes));
}

#[test]
fn a_primary_sends_a_snapshot_and_then_each_change() {
    let server = Server::start(&[]);
    let mut client = server.client();
    let info = client.run("INFO replication").text();
    assert!(info.contains("role:master\r\n") && info.contains("master_repl_offset:0\r\n"));
    let (mut replica, offset) = follow(&server);
    assert_eq!(offset, 0);
    client.run("SET foo 123");
    client.run("SET bar 456");
    client.run("DEL foo");
    expect(&mut replica, &["SELECT", "0"]);
    expect(&mut replica, &["SET", "foo", "123"]);
    expect(&mut replica, &["SET", "bar", "456"]);
    expect(&mut replica, &["DEL", "foo"]);
    let role = client.run("ROLE").to_string();
    assert!(role.contains("[[\"127.0.0.1\", \"6380\", \"0\"]]"), "{role}");
}

#[test]
fn a_key_that_dies_before_it_is_handed_over_is_removed_when_it_is_looked_up() {
    let server = Server::start(&DEBUG);
    let (mut client, mut waiting) = (server.client(), server.client());
    let mut replica = follow(&server).0;
    client.run("DEBUG SET-ACTIVE-EXPIRE 0");
    waiting.request(&["BLPOP", "k", "0"]);
    eventually("it waits", || client.run("INFO clients").text().contains("blocked_clients:1"));
    ["MULTI", "RPUSH k a", "PEXPIRE k 20", "DEBUG SLEEP 0.1", "EXEC"].iter().for_each(|line| {
        client.run(line);
    });
    client.run("SET last 1");
    assert_eq!(client.run("EXISTS k").int(), 0);
    let mut words = || replica.reply().to_string();
    let stream: Vec<String> = std::iter::repeat_with(&mut words).take(7).collect();
    assert!(stream[3].starts_with(r#"["PEXPIREAT", "k", "#), "{stream:?}");
    assert_eq!(stream[4..].join(" "), r#"["EXEC"] ["SET", "last", "1"] ["DEL", "k"]"#);
}

#[test]
fn waiting_for_replicas() {
    let server = Server::start(&[]);
    let mut client = server.client();
    assert_eq!(client.run("WAIT 0 60000").int(), 0);
    let mut replicas = [follow(&server).0, follow(&server).0, follow(&server).0];
    assert_eq!(client.run("WAIT 3 500").int(), 3);
    client.run("SET k 1");
    client.request(&["WAIT", "2", "500"]);
    let (select, set) = (encode(&["SELECT", "0"]), encode(&["SET", "k", "1"]));
    let acked = select.len() + set.len();
    for (index, replica) in replicas.iter_mut().enumerate() {
        expect(replica, &["SELECT", "0"]);
        expect(replica, &["SET", "k", "1"]);
        expect(replica, &["REPLCONF", "GETACK", "*"]);
        if index < 2 {
            replica.request(&["REPLCONF", "ACK", &acked.to_string()]);
        }
    }
    assert_eq!(client.reply().int(), 2);
    // The third one is silent.
    client.run("SET k 2");
    assert_eq!(client.run("WAIT 3 200").int(), 0);
}

#[test]
fn waiting_for_disks() {
    let server = Server::start(&["--appendonly", "yes", "--appendfsync", "always"]);
    let mut client = server.client();
    let mut by_hand = follow(&server).0;
    client.run("SET k 1");
    assert_eq!(client.run("WAITAOF 1 0 0").to_string(), "[1, 0]");
    client.request(&["WAITAOF", "1", "1", "0"]);
    expect(&mut by_hand, &["SELECT", "0"]);
    expect(&mut by_hand, &["SET", "k", "1"]);
    expect(&mut by_hand, &["REPLCONF", "GETACK", "*"]);
    let written = encode(&["SELECT", "0"]).len() + encode(&["SET", "k", "1"]).len();
    by_hand.request(&["REPLCONF", "ACK", "1000", "FACK", &(written - 1).to_string()]);
    by_hand.request(&["REPLCONF", "ACK", "1000", "FACK", &written.to_string()]);
    assert_eq!(client.reply().to_string(), "[1, 1]");
}

#[test]
fn a_replica_tells_how_far_its_disk_is() {
    let port = free_port();
    let primary = Server::start_on(port);
    let (mut client, port) = (primary.client(), port.to_string());
    for fsync in ["always", "everysec"] {
        let flags =
            ["--appendonly", "yes", "--appendfsync", fsync, "--replicaof", "127.0.0.1", &port];
        let replica = Server::start(&flags);
        let mut other = replica.client();
        eventually("the link is up", || {
            other.run("INFO replication").text().contains("master_link_status:up")
        });
        client.run("INCR k");
        assert_eq!(client.run("WAITAOF 0 1 20000").to_string(), "[0, 1]", "{fsync}");
    }
    // Without a log there is nothing to tell of.
    let replica = Server::start(&["--replicaof", "127.0.0.1", &port]);
    let mut other = replica.client();
    eventually("the link is up", || {
        other.run("INFO replication").text().contains("master_link_status:up")
    });
    client.run("INCR k");
    assert_eq!(client.run("WAIT 1 20000").int(), 1);
    assert_eq!(client.run("WAITAOF 0 1 50").to_string(), "[0, 0]");
}

#[test]
fn a_replica_follows_word_by_word() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let primary = format!("127.0.0.1 {}", listener.local_addr().unwrap().port());
    let server = Server::start(&["--replicaof", &primary]);
    let (mut stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let read = |stream: &mut TcpStream, words: &[&str]| {
        let expected = encode(words);
        let mut got = vec![0; expected.len()];
        stream.read_exact(&mut got).unwrap();
        assert_eq!(String::from_utf8_lossy(&got), String::from_utf8_lossy(&expected));
    };
    let port = server.port.to_string();
    read(&mut stream, &["PING"]);
    stream.write_all(b"+PONG\r\n").unwrap();
    read(&mut stream, &["REPLCONF", "listening-port", &port]);
    stream.write_all(b"+OK\r\n").unwrap();
    read(&mut stream, &["REPLCONF", "capa", "eof", "capa", "psync2"]);
    stream.write_all(b"+OK\r\n").unwrap();
    read(&mut stream, &["PSYNC", "?", "-1"]);
    let mut answer = format!("+FULLRESYNC {ID} 0\r\n${}\r\n", EMPTY.len()).into_bytes();
    answer.extend_from_slice(EMPTY);
    // The stream may come in the same packet.
    let getack = encode(&["REPLCONF", "GETACK", "*"]);
    answer.extend_from_slice(&getack);
    stream.write_all(&answer).unwrap();
    read(&mut stream, &["REPLCONF", "ACK", "0"]);
    let ping = encode(&["PING"]);
    stream.write_all(&[&ping[..], &encode(&["SET", "foo", "1"]), &getack].concat()).unwrap();
    let mut client = server.client();
    eventually("the change arrives", || client.run("GET foo").text() == "1");
    let offset = getack.len() + ping.len() + encode(&["SET", "foo", "1"]).len();
    read(&mut stream, &["REPLCONF", "ACK", &offset.to_string()]);
    let info = client.run("INFO replication").text();
    assert!(info.contains("role:slave\r\n") && info.contains("master_link_status:up\r\n"));
    let refusal = "-READONLY You can't write against a read only replica.";
    assert_eq!(client.run("SET foo 2").to_string(), refusal);
}
