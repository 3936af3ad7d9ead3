//! Our own version of the CodeCrafters stages, named after them: here the first ones, and those
//! about snapshots. Replies are compared byte by byte, since the stages are strict about their
//! form.

use crate::support::client::{Client, encode};
use crate::support::rdb::Rdb;
use crate::support::server::{Server, spindle};
use std::time::{Duration, Instant};

/// A request is answered by these bytes.
pub fn exactly<A: AsRef<[u8]>>(client: &mut Client, args: &[A], reply: &str) {
    client.request(args);
    comes(client, reply);
}

/// The same; the words of the request are separated by spaces.
pub fn words(client: &mut Client, line: &str, reply: &str) {
    exactly(client, &line.split(' ').collect::<Vec<_>>(), reply);
}

/// These bytes come, and no more.
pub fn comes(client: &mut Client, reply: &str) {
    let bytes = client.bytes(reply.len());
    assert_eq!(String::from_utf8_lossy(&bytes), reply);
    assert!(!client.has_more(), "more has come than {reply:?}");
}

/// The form of a bulk string.
pub fn bulk(text: &str) -> String {
    format!("${}\r\n{text}\r\n", text.len())
}

/// The form of an array of bulk strings.
pub fn bulks(texts: &[&str]) -> String {
    String::from_utf8(encode(texts)).unwrap()
}

/// Waits until so many clients wait.
pub fn await_waiting(client: &mut Client, count: usize) {
    let field = format!("blocked_clients:{count}\r\n");
    while !client.run("INFO clients").text().contains(&field) {}
}

#[test]
fn bind_to_a_port() {
    Server::start(&[]).client();
}

#[test]
fn respond_to_ping() {
    exactly(&mut Server::start(&[]).client(), &["PING"], "+PONG\r\n");
}

#[test]
fn respond_to_multiple_pings() {
    let server = Server::start(&[]);
    let mut client = server.client();
    for _ in 0..3 {
        exactly(&mut client, &["PING"], "+PONG\r\n");
    }
}

#[test]
fn handle_concurrent_clients() {
    let server = Server::start(&[]);
    let (mut first, mut second) = (server.client(), server.client());
    exactly(&mut first, &["PING"], "+PONG\r\n");
    exactly(&mut second, &["PING"], "+PONG\r\n");
    exactly(&mut first, &["PING"], "+PONG\r\n");
    drop(first);
    exactly(&mut second, &["PING"], "+PONG\r\n");
}

#[test]
fn implement_the_echo_command() {
    exactly(&mut Server::start(&[]).client(), &["ECHO", "hey"], "$3\r\nhey\r\n");
}

#[test]
fn implement_the_set_and_get_commands() {
    let server = Server::start(&[]);
    let mut client = server.client();
    exactly(&mut client, &["SET", "foo", "bar"], "+OK\r\n");
    exactly(&mut client, &["GET", "foo"], "$3\r\nbar\r\n");
    exactly(&mut client, &["GET", "nosuch"], "$-1\r\n");
}

#[test]
fn expiry() {
    let server = Server::start(&[]);
    let mut client = server.client();
    let start = Instant::now();
    exactly(&mut client, &["SET", "foo", "bar", "px", "100"], "+OK\r\n");
    client.send(&encode(&["GET", "foo"]));
    let reply = client.reply().to_string();
    assert!(reply == "\"bar\"" || start.elapsed() > Duration::from_millis(99), "{reply}");
    std::thread::sleep(Duration::from_millis(101));
    exactly(&mut client, &["GET", "foo"], "$-1\r\n");
}

#[test]
fn restart_at_once_on_the_same_port() {
    let mut first = Server::start(&[]);
    let mut client = first.client();
    exactly(&mut client, &["PING"], "+PONG\r\n");
    let start = Instant::now();
    first.signal("-TERM");
    assert!(first.wait().success());
    assert!(start.elapsed() < Duration::from_secs(2));
    let second = Server::start_on(first.port);
    exactly(&mut second.client(), &["PING"], "+PONG\r\n");
}

/// A snapshot as the stages make them: fields about the file, one of them an integer, sizes, plain
/// strings, and deadlines in milliseconds.
fn snapshot(version: u32) -> Vec<u8> {
    let at_ms = |ms: u64| ms.to_le_bytes();
    let far_ms = 4_000_000_000_000;
    Rdb::new(version)
        .bytes(b"\xFA\x09redis-ver\x057.2.0\xFA\x0Aredis-bits\xC0\x40")
        .bytes(b"\xFE\x00\xFB\x04\x02")
        .key(0, "foo")
        .string(b"bar")
        .bytes(&[&[0xFC][..], &at_ms(far_ms)].concat())
        .key(0, "later")
        .string(b"there")
        .bytes(&[&[0xFC][..], &at_ms(1_640_995_200_000)].concat())
        .key(0, "past")
        .string(b"gone")
        .key(0, "baz")
        .string(b"qux")
        .end()
}

fn with_snapshot(bytes: &[u8]) -> Server {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("file.rdb"), bytes).unwrap();
    let path = dir.path().to_str().unwrap().to_owned();
    Server::start_in(dir, &spindle(), &["--dir", &path, "--dbfilename", "file.rdb"])
}

#[test]
fn rdb_file_config() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap().to_owned();
    let server = Server::start_in(dir, &spindle(), &["--dir", &path, "--dbfilename", "x.rdb"]);
    let mut client = server.client();
    let reply = format!("*2\r\n$3\r\ndir\r\n${}\r\n{path}\r\n", path.len());
    exactly(&mut client, &["CONFIG", "GET", "dir"], &reply);
    let reply = "*2\r\n$10\r\ndbfilename\r\n$5\r\nx.rdb\r\n";
    exactly(&mut client, &["CONFIG", "GET", "dbfilename"], reply);
}

#[test]
fn read_keys_and_values_of_an_rdb_file() {
    for version in [3, 9, 10, 11, 12, 13, 99] {
        let server = with_snapshot(&snapshot(version));
        let mut client = server.client();
        let mut keys = client.call(&["KEYS", "*"]).items().to_vec();
        keys.sort_by_key(|key| key.text());
        let keys: Vec<String> = keys.iter().map(|key| key.text()).collect();
        assert_eq!(keys, ["baz", "foo", "later"]);
        exactly(&mut client, &["GET", "foo"], "$3\r\nbar\r\n");
        exactly(&mut client, &["GET", "later"], "$5\r\nthere\r\n");
        exactly(&mut client, &["GET", "past"], "$-1\r\n");
    }
}

#[test]
fn an_rdb_file_that_is_missing_is_an_empty_one() {
    let server = Server::start(&["--dbfilename", "missing.rdb"]);
    exactly(&mut server.client(), &["KEYS", "*"], "*0\r\n");
}
