//! Snapshots of the real program: files, children, signals, ends.

use crate::support::client::encode;
use crate::support::rdb::Rdb;
use crate::support::server::{Server, eventually, spindle};
use std::os::unix::process::ExitStatusExt;

/// The value of a field of INFO.
fn info(server: &Server, field: &str) -> String {
    let info = server.client().run("INFO").text();
    let line = info.lines().find_map(|line| line.strip_prefix(&format!("{field}:")));
    line.unwrap_or_default().trim().to_owned()
}

fn wait_for_save(server: &Server) {
    eventually("the end of the child", || info(server, "rdb_bgsave_in_progress") == "0");
}

fn names(server: &Server) -> Vec<String> {
    let entries = std::fs::read_dir(server.dir()).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name != "log");
    names.sort();
    names
}

/// The child of a server that is saving.
fn child_of(server: &Server) -> String {
    let path = format!("/proc/{0}/task/{0}/children", server.pid());
    std::fs::read_to_string(path).unwrap().trim().to_owned()
}

const SLOW: &[&str] = &["--rdb-key-save-delay", "100000", "--enable-debug-command", "yes"];

#[test]
fn what_is_saved_is_there_after_the_next_start() {
    let server = Server::start(&[]);
    let mut client = server.client();
    for request in
        ["SET a 1", "RPUSH l x y z", "SADD s m n", "ZADD z 1.5 m", "HSET h f v", "SET t v EX 1000"]
    {
        client.run(request);
    }
    assert_eq!(info(&server, "rdb_changes_since_last_save"), "9");
    assert_eq!(client.run("BGSAVE").to_string(), "+Background saving started");
    wait_for_save(&server);
    assert_eq!(info(&server, "rdb_last_bgsave_status"), "ok");
    assert_eq!(info(&server, "rdb_changes_since_last_save"), "0");
    assert_eq!(names(&server), ["dump.rdb"]);
    assert_eq!(child_of(&server), "", "no zombie is left");
    let server = Server::start_in(server.kill(), &spindle(), &[]);
    let mut client = server.client();
    assert_eq!(client.run("DBSIZE").int(), 6);
    assert_eq!(client.run("LRANGE l 0 -1").items().len(), 3);
    assert_eq!(client.run("ZSCORE z m").text(), "1.5");
    assert!(client.run("TTL t").int() > 900);
    assert_eq!(info(&server, "rdb_last_load_keys_loaded"), "6");
    assert!(server.log().contains("DB loaded from disk: "));
}

#[test]
fn a_child_that_is_killed_is_a_failure_and_leaves_nothing_behind() {
    let server = Server::start(&[SLOW, &["--save", "900 100"]].concat());
    let mut client = server.client();
    client.run("DEBUG POPULATE 1000");
    client.run("BGSAVE");
    eventually("a temporary file", || names(&server).iter().any(|name| name.starts_with("temp-")));
    let child = child_of(&server);
    assert!(std::process::Command::new("kill").args(["-9", &child]).status().unwrap().success());
    wait_for_save(&server);
    assert_eq!(info(&server, "rdb_last_bgsave_status"), "err");
    assert!(names(&server).is_empty(), "{:?}", names(&server));
    for refused in ["SET x y", "PING"] {
        assert!(client.run(refused).to_string().starts_with("-MISCONF Redis is configured"));
    }
    assert_eq!(client.run("GET key:1").text(), "value:1");
    client.run("CONFIG SET rdb-key-save-delay 0");
    client.run("BGSAVE");
    wait_for_save(&server);
    assert_eq!(client.run("SET x y").to_string(), "+OK");
}

#[test]
fn flushall_and_the_end_stop_a_child() {
    let server = Server::start(SLOW);
    let mut client = server.client();
    for request in ["DEBUG POPULATE 1000", "BGSAVE", "FLUSHALL"] {
        client.run(request);
    }
    assert_eq!(info(&server, "rdb_bgsave_in_progress"), "0");
    assert_eq!((child_of(&server).as_str(), names(&server).len()), ("", 0));
    client.run("DEBUG POPULATE 1000");
    client.run("BGSAVE");
    let child = child_of(&server);
    let dir = server.dir().to_owned();
    let mut server = server;
    client.request(&["SHUTDOWN", "NOSAVE"]);
    assert!(server.wait().success());
    assert!(!std::path::Path::new(&format!("/proc/{child}")).exists());
    let left = std::fs::read_dir(dir)
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_str().unwrap().ends_with("rdb"));
    assert_eq!(left.count(), 0);
}

#[test]
fn a_child_dies_with_its_parent_and_the_next_start_cleans_up() {
    let server = Server::start(SLOW);
    for request in ["DEBUG POPULATE 1000", "BGSAVE"] {
        server.client().run(request);
    }
    eventually("a temporary file", || !names(&server).is_empty());
    let child = child_of(&server);
    let dir = server.kill();
    eventually("the child's end", || !std::path::Path::new(&format!("/proc/{child}")).exists());
    // No process has so high a number.
    let left =
        ["temp-9999999.rdb", "temp-1700000000.9999999.rdb", "temp-rewriteaof-bg-9999999.aof"];
    left.iter().for_each(|name| std::fs::write(dir.path().join(name), "x").unwrap());
    let alive = format!("temp-{}.rdb", std::process::id());
    std::fs::write(dir.path().join(&alive), "x").unwrap();
    let server = Server::start_in(dir, &spindle(), &[]);
    assert_eq!(names(&server), [alive]);
}

#[test]
fn a_signal_saves_where_snapshots_are_taken() {
    for (flags, is_saved) in [
        (&["--save", "900 100"][..], true),
        (&["--save", ""], false),
        (&["--save", "", "--shutdown-on-sigterm", "save"], true),
        (&["--save", "900 100", "--shutdown-on-sigterm", "nosave"], false),
    ] {
        let mut server = Server::start(flags);
        server.client().run("SET a b");
        server.signal("-TERM");
        assert!(server.wait().success());
        assert_eq!(server.dir().join("dump.rdb").exists(), is_saved, "{flags:?}");
    }
}

#[test]
fn who_insists_does_not_wait_for_the_last_snapshot() {
    let mut server = Server::start(&[SLOW, &["--save", "900 100000"]].concat());
    server.client().run("DEBUG POPULATE 1000");
    server.signal("-INT");
    eventually("a temporary file", || !names(&server).is_empty());
    server.signal("-INT");
    assert!(!server.wait().success());
    assert!(names(&server).is_empty(), "{:?}", names(&server));
}

#[test]
fn a_signal_that_waits_can_be_called_off() {
    let mut server = Server::start(SLOW);
    let mut client = server.client();
    assert_eq!(client.run("DEBUG PAUSE-CRON 1").to_string(), "+OK");
    server.signal("-TERM");
    eventually("the signal", || client.run("SHUTDOWN ABORT").to_string() == "+OK");
    client.run("DEBUG PAUSE-CRON 0");
    assert_eq!(client.run("PING").to_string(), "+PONG");
    client.run("DEBUG PAUSE-CRON 1");
    server.signal("-TERM");
    eventually("the signal", || server.log().matches("Received SIGTERM").count() == 2);
    client.send(b"DEBUG PAUSE-CRON 0\r\n");
    assert!(server.wait().success());
}

#[test]
fn a_server_that_cannot_save_stays_unless_it_is_forced() {
    let mut server = Server::start(&["--save", "900 100", "--dbfilename", "dump.rdb"]);
    let mut client = server.client();
    client.run("SET a b");
    std::fs::create_dir(server.dir().join("dump.rdb")).unwrap();
    assert_eq!(client.run("SAVE").to_string(), "-ERR");
    assert_eq!(client.run("SHUTDOWN").to_string(), "-ERR Errors trying to SHUTDOWN. Check logs.");
    server.signal("-TERM");
    eventually("a line", || server.log().contains("Errors trying to shut down the server"));
    assert_eq!(client.run("GET a").text(), "b");
    client.request(&["SHUTDOWN", "FORCE"]);
    assert!(server.wait().success());
}

#[test]
fn a_snapshot_is_taken_when_one_is_due() {
    let server = Server::start(&["--save", "1 2"]);
    let mut client = server.client();
    client.run("MSET a 1 b 2");
    eventually("a snapshot", || server.dir().join("dump.rdb").exists());
    assert!(server.log().contains("2 changes in 1 seconds. Saving..."), "{}", server.log());
}

#[test]
fn damaged_snapshots_keep_the_server_from_starting() {
    let good = Rdb::new(10).key(0, "k").string(b"v").end();
    let mut wrong_sum = good.clone();
    *wrong_sum.last_mut().unwrap() ^= 1;
    let cases: &[(&[u8], &str)] = &[
        (&good[..good.len() - 9], "Short read or OOM loading DB"),
        (&wrong_sum, "RDB CRC error"),
        (b"REDIX0010", "Wrong signature trying to load DB from file"),
        (b"REDIS00x0", "Can't handle RDB format version"),
        (b"REDIS0010\x63\x01k", "unknown type of value 99"),
        (b"REDIS0010\x07\x01k", "a value of a module"),
        (b"REDIS0010\xF6", "Pre-release function format not supported"),
        (b"REDIS0010\xFE\x20", "more than 16 databases"),
    ];
    for (bytes, line) in cases {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("dump.rdb"), bytes).unwrap();
        let mut server = Server::begin_in(dir, &[]);
        let status = server.wait();
        assert_eq!((status.code(), status.signal()), (Some(1), None));
        let log = server.log();
        assert!(log.contains(line), "{line}: {log}");
        assert!(log.lines().last().unwrap().contains("Fatal error loading the DB"), "{log}");
    }
}

/// What was known of keys before they came back from a file is not known any more.
#[test]
fn requests_behind_one_that_loads_find_the_keys_that_were_loaded() {
    let server = Server::start(&["--enable-debug-command", "yes", "--appendonly", "yes"]);
    let mut client = server.client();
    client.run("SET k v");
    for load in ["RELOAD", "LOADAOF"] {
        let burst: [&[&str]; 4] =
            [&["DEBUG", load], &["GET", "k"], &["SET", "k", "v"], &["DBSIZE"]];
        client.send(&burst.map(encode).concat());
        let replies: Vec<String> = burst.iter().map(|_| client.reply().to_string()).collect();
        assert_eq!(replies.join(" "), r#"+OK "v" +OK 1"#, "{load}");
    }
}

#[test]
fn clients_are_told_while_data_is_loaded() {
    let server = Server::start(&["--enable-debug-command", "yes", "--rdbcompression", "no"]);
    for request in ["DEBUG POPULATE 3000 key 1000", "SAVE"] {
        server.client().run(request);
    }
    let delay = ["--key-load-delay", "1000", "--loading-process-events-interval-bytes", "1024"];
    let server = Server::begin_in(server.kill(), &delay);
    eventually("a listener", || std::net::TcpStream::connect(("127.0.0.1", server.port)).is_ok());
    let mut client = server.client();
    let refused = "-LOADING Redis is loading the dataset in memory";
    assert_eq!(client.run("GET key:1").to_string(), refused);
    assert_eq!(client.run("PING").to_string(), refused);
    assert_eq!(client.run("CONFIG SET appendonly yes").to_string(), refused);
    assert_eq!(info(&server, "loading"), "1");
    assert!(info(&server, "loading_total_bytes").parse::<u64>().unwrap() > 3_000_000);
    assert!(!server.log().contains("Ready to accept connections"));
    eventually("everything is loaded", || client.run("PING").to_string() == "+PONG");
    assert_eq!(client.run("DBSIZE").int(), 3_000);
}

#[test]
fn a_file_is_checked_without_a_server() {
    let dir = tempfile::tempdir().unwrap();
    let good = Rdb::new(10).key(0, "k").string(b"v").end();
    let path = dir.path().join("file.rdb");
    let check = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let program = spindle();
        let output = std::process::Command::new(program).arg("--check-rdb").arg(&path).output();
        let output = output.unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (code, text) = check(&good);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("1 keys"), "{text}");
    let (code, text) = check(&good[..12]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("offset"), "{text}");
}
