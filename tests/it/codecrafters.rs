//! Our own version of the CodeCrafters stages that are built so far, named after them. Replies are
//! compared byte by byte, since the stages are strict about their form.

use crate::support::client::{Client, encode};
use crate::support::server::{Server, spindle};
use std::time::{Duration, Instant};

fn exactly<A: AsRef<[u8]>>(client: &mut Client, args: &[A], reply: &str) {
    client.request(args);
    let bytes = client.bytes(reply.len());
    assert_eq!(String::from_utf8_lossy(&bytes), reply);
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
fn rdb_file_config() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().canonicalize().unwrap();
    let path = path.to_str().unwrap();
    let server = Server::start(&["--dir", path, "--dbfilename", "rdbfile"]);
    let mut client = server.client();
    let expected = format!("*2\r\n$3\r\ndir\r\n${}\r\n{path}\r\n", path.len());
    exactly(&mut client, &["CONFIG", "GET", "dir"], &expected);
    let expected = "*2\r\n$10\r\ndbfilename\r\n$7\r\nrdbfile\r\n";
    exactly(&mut client, &["CONFIG", "GET", "dbfilename"], expected);
}

#[test]
fn requirepass() {
    let server = Server::start(&["--requirepass", "secret"]);
    let mut client = server.client();
    let no_auth = "-NOAUTH Authentication required.\r\n";
    exactly(&mut client, &["GET", "a"], no_auth);
    let wrong = "-WRONGPASS invalid username-password pair or user is disabled.\r\n";
    exactly(&mut client, &["AUTH", "default", "wrong"], wrong);
    exactly(&mut client, &["AUTH", "default", "secret"], "+OK\r\n");
    exactly(&mut client, &["GET", "a"], "$-1\r\n");
    exactly(&mut server.client(), &["GET", "a"], no_auth);
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

/// The flags of the stages about the append-only file.
fn log_flags(filename: &str) -> [&str; 8] {
    [
        "--appendonly",
        "yes",
        "--appenddirname",
        "logs",
        "--appendfilename",
        filename,
        "--appendfsync",
        "always",
    ]
}

#[test]
fn append_only_parameters_have_defaults_and_flags() {
    let server = Server::start(&[]);
    let dir = std::fs::canonicalize(server.dir()).unwrap();
    let mut client = server.client();
    let values = [
        ("dir", dir.to_str().unwrap()),
        ("appendonly", "no"),
        ("appenddirname", "appendonlydir"),
        ("appendfilename", "appendonly.aof"),
        ("appendfsync", "everysec"),
    ];
    for (name, value) in values {
        let reply = String::from_utf8(encode(&[name, value])).unwrap();
        exactly(&mut client, &["CONFIG", "GET", name], &reply);
    }
    assert!(!server.dir().join("appendonlydir").exists());
    let server = Server::start(&log_flags("my.aof"));
    let mut client = server.client();
    for (name, value) in [("appendonly", "yes"), ("appenddirname", "logs")] {
        let reply = String::from_utf8(encode(&[name, value])).unwrap();
        exactly(&mut client, &["CONFIG", "GET", name], &reply);
    }
}

#[test]
fn append_only_files_are_made_written_and_replayed() {
    let server = Server::start(&log_flags("my.aof"));
    let logs = server.dir().join("logs");
    assert_eq!(std::fs::read(logs.join("my.aof.1.incr.aof")).unwrap(), b"");
    let manifest = std::fs::read_to_string(logs.join("my.aof.manifest")).unwrap();
    assert!(manifest.lines().any(|line| line == "file my.aof.1.incr.aof seq 1 type i"));
    let mut client = server.client();
    exactly(&mut client, &["SET", "foo", "100"], "+OK\r\n");
    let mut expected = [encode(&["SELECT", "0"]), encode(&["SET", "foo", "100"])].concat();
    // It is there before the reply is.
    assert_eq!(std::fs::read(logs.join("my.aof.1.incr.aof")).unwrap(), expected);
    exactly(&mut client, &["GET", "foo"], "$3\r\n100\r\n");
    exactly(&mut client, &["RPUSH", "l", "a b"], ":1\r\n");
    expected.extend(encode(&["RPUSH", "l", "a b"]));
    assert_eq!(std::fs::read(logs.join("my.aof.1.incr.aof")).unwrap(), expected);
    let server = server.crash_and_restart(&log_flags("my.aof"));
    exactly(&mut server.client(), &["GET", "foo"], "$3\r\n100\r\n");
}

#[test]
fn append_only_manifest_decides_what_is_replayed() {
    let dir = tempfile::tempdir().unwrap();
    let logs = dir.path().join("logs");
    std::fs::create_dir(&logs).unwrap();
    std::fs::write(logs.join("f.manifest"), "file other.7.incr.aof seq 7 type i\n").unwrap();
    std::fs::write(logs.join("other.7.incr.aof"), encode(&["SET", "k", "v"])).unwrap();
    let server = Server::start_in(dir, &spindle(), &log_flags("f"));
    let mut client = server.client();
    exactly(&mut client, &["GET", "k"], "$1\r\nv\r\n");
    exactly(&mut client, &["SET", "k", "w"], "+OK\r\n");
    let bytes = std::fs::read(server.dir().join("logs/other.7.incr.aof")).unwrap();
    assert!(bytes.ends_with(&encode(&["SET", "k", "w"])));
}
