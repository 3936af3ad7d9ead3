//! The CodeCrafters stages about the append-only file.

use crate::codecrafters::exactly;
use crate::support::client::encode;
use crate::support::server::{Server, spindle};

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
