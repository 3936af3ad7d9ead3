//! How a replica gets its data, beside the usual: the forms of former times, parts of the data,
//! with a log of its own, after a restart, and what is left when it does not come to its end.

use crate::support::client::{Client, encode};
use crate::support::hand::{Hand, line, snapshot, snapshot_with};
use crate::support::server::{Server, eventually, redis, spindle};
use std::net::TcpListener;
use std::time::Duration;

const NO_DELAY: [&str; 2] = ["--repl-diskless-sync-delay", "0"];
const ID: &str = "75cd7bc10c49047e0d163660f3b90625b1af31dc";

fn info(client: &mut Client, name: &str) -> String {
    let info = client.run("INFO everything").text();
    let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_default().to_owned()
}

fn contains(bytes: &[u8], part: &str) -> bool {
    bytes.windows(part.len()).any(|window| window == part.as_bytes())
}

/// A replica that has everything.
fn replica_of(primary: &Server, flags: &[&str]) -> (Server, Client) {
    let replica = Server::start_program(&spindle(), &[&NO_DELAY, flags].concat());
    let mut client = replica.client();
    client.run(&format!("REPLICAOF 127.0.0.1 {}", primary.port));
    eventually("it follows", || info(&mut client, "master_link_status") == "up");
    (replica, client)
}

fn same_offsets(primary: &mut Client, replica: &mut Client) {
    eventually("it has everything", || {
        info(primary, "master_repl_offset") == info(replica, "master_repl_offset")
    });
}

#[test]
fn keys_made_for_a_test_are_no_change() {
    let primary = Server::start(&[&NO_DELAY[..], &["--enable-debug-command", "yes"]].concat());
    let mut first = primary.client();
    let (_replica, mut client) = replica_of(&primary, &[]);
    first.run("DEBUG POPULATE 10");
    first.run("SET last 1");
    same_offsets(&mut first, &mut client);
    let sizes = (first.run("DBSIZE").int(), client.run("DBSIZE").int());
    assert_eq!(sizes, (11, 1));
    assert_eq!(info(&mut first, "rdb_changes_since_last_save"), "1");
}

#[test]
fn sync_as_of_old() {
    let server = Server::start(&NO_DELAY);
    let mut client = server.client();
    client.run("SET before 1");
    let mut old = server.client();
    old.request(&["SYNC"]);
    assert!(contains(&snapshot(&mut old), "before"));
    client.run("SET after 1");
    let expected = [encode(&["SELECT", "0"]), encode(&["SET", "after", "1"])].concat();
    assert_eq!(old.bytes(expected.len()), expected);
    // It never tells how far it is, and stays.
    client.run("CONFIG SET repl-timeout 1");
    std::thread::sleep(Duration::from_millis(1_300));
    client.run("SET later 1");
    let expected = encode(&["SET", "later", "1"]);
    assert_eq!(old.bytes(expected.len()), expected);
}

#[test]
fn a_replica_that_wants_the_snapshot_only_is_closed_behind_it() {
    let server = Server::start(&NO_DELAY);
    server.client().run("SET here 1");
    let mut taker = server.client();
    assert_eq!(taker.run("REPLCONF rdb-only 1").text(), "OK");
    taker.request(&["SYNC"]);
    assert!(contains(&snapshot(&mut taker), "here"));
    assert_eq!(taker.rest(), b"");
}

#[test]
fn a_snapshot_of_functions_only_has_no_keys() {
    let server = Server::start(&NO_DELAY);
    server.client().run("SET here 1");
    let mut taker = server.client();
    assert_eq!(taker.call(&["REPLCONF", "rdb-filter-only", "functions"]).text(), "OK");
    let refusal = "-ERR Filtered replica requires EOF capability";
    assert_eq!(taker.run("PSYNC ? -1").to_string(), refusal);
    assert_eq!(taker.run("REPLCONF capa eof").text(), "OK");
    taker.request(&["PSYNC", "?", "-1"]);
    assert!(line(&mut taker).starts_with("+FULLRESYNC "));
    let bytes = snapshot(&mut taker);
    assert!(bytes.starts_with(b"REDIS") && !contains(&bytes, "here"));
}

#[test]
fn the_log_of_a_replica_begins_anew_with_the_data_of_its_primary() {
    let primary = Server::start(&NO_DELAY);
    let mut first = primary.client();
    first.run("SET from primary");
    for load in ["disabled", "swapdb"] {
        let flags = ["--appendonly", "yes", "--repl-diskless-load", load];
        let replica = Server::start(&flags);
        let mut client = replica.client();
        client.run("SET own 1");
        client.run(&format!("REPLICAOF 127.0.0.1 {}", primary.port));
        eventually("it follows", || info(&mut client, "master_link_status") == "up");
        eventually("the log is new", || {
            info(&mut client, "aof_enabled") == "1"
                && info(&mut client, "aof_rewrite_in_progress") == "0"
                && info(&mut client, "aof_rewrite_scheduled") == "0"
        });
        first.run(&format!("SET later {load}"));
        same_offsets(&mut first, &mut client);
        let replica = replica.crash_and_restart(&flags);
        let mut client = replica.client();
        let got = client.run("MGET own from later").to_string();
        assert_eq!(got, format!("[nil, \"primary\", \"{load}\"]"), "{}", replica.log());
    }
}

#[test]
fn a_restarted_replica_goes_on_where_its_snapshot_ends() {
    let primary = Server::start(&NO_DELAY);
    let mut first = primary.client();
    first.run("SET a 1");
    let (mut replica, mut client) = replica_of(&primary, &[]);
    first.run("SELECT 3");
    first.run("SET b 2");
    same_offsets(&mut first, &mut client);
    client.request(&["SHUTDOWN", "SAVE"]);
    replica.wait();
    first.run("SET c 3");
    let follow = format!("127.0.0.1 {}", primary.port);
    let replica = replica.restart(&["--replicaof", &follow]);
    let mut client = replica.client();
    eventually("it follows", || info(&mut client, "master_link_status") == "up");
    same_offsets(&mut first, &mut client);
    client.run("SELECT 3");
    assert_eq!(client.run("MGET b c").to_string(), "[\"2\", \"3\"]");
    let counts = (info(&mut first, "sync_full"), info(&mut first, "sync_partial_ok"));
    assert_eq!(counts, ("1".to_owned(), "1".to_owned()), "{}", replica.log());
}

#[test]
fn a_restarted_primary_goes_on_from_its_snapshot() {
    let mut primary = Server::start(&NO_DELAY);
    let mut first = primary.client();
    let (_replica, mut client) = replica_of(&primary, &[]);
    first.run("SET kept 1");
    first.run("SET due 1 PX 500");
    same_offsets(&mut first, &mut client);
    let replid = info(&mut first, "master_replid");
    first.request(&["SHUTDOWN", "SAVE"]);
    primary.wait();
    std::thread::sleep(Duration::from_millis(600));
    let primary = primary.start_again(&spindle(), &NO_DELAY);
    let mut first = primary.client();
    assert_eq!(info(&mut first, "master_replid2"), replid);
    eventually("the replica goes on", || info(&mut client, "master_link_status") == "up");
    first.run("SET new 1");
    same_offsets(&mut first, &mut client);
    // What has died while nobody was there is a deletion for the replica.
    assert_eq!(client.run("DBSIZE").int(), 2);
    let counts = (info(&mut first, "sync_full"), info(&mut first, "sync_partial_ok"));
    assert_eq!(counts, ("0".to_owned(), "1".to_owned()), "{}", primary.log());
}

#[test]
fn keys_of_a_writable_replica_die_there() {
    let primary = Server::start(&NO_DELAY);
    let mut first = primary.client();
    let (_replica, mut client) = replica_of(&primary, &["--replica-read-only", "no"]);
    first.run("SET from primary");
    client.run("SET own 1 PX 100");
    client.run("SET other 1");
    client.run("PEXPIRE other 100");
    eventually("they die", || client.run("DBSIZE").int() == 1);
    assert_eq!(info(&mut client, "expired_keys"), "2");
}

#[test]
fn a_replica_that_takes_nothing_of_its_snapshot_is_closed() {
    for diskless in ["yes", "no"] {
        let flags = ["--enable-debug-command", "yes", "--rdbcompression", "no"];
        let server = Server::start(&[&flags[..], &NO_DELAY, &["--repl-timeout", "1"]].concat());
        let mut client = server.client();
        client.run(&format!("CONFIG SET repl-diskless-sync {diskless}"));
        client.run("DEBUG POPULATE 60 key 1000000");
        let mut lazy = server.client();
        lazy.run("REPLCONF capa eof capa psync2");
        lazy.request(&["PSYNC", "?", "-1"]);
        eventually("it is closed", || {
            server.log().contains("Disconnecting timedout replica (full sync)")
        });
        eventually("nobody follows", || info(&mut client, "connected_slaves") == "0");
    }
}

#[test]
fn files_of_a_synchronization_go_where_nothing_else_is_kept_if_that_is_wanted() {
    for program in [Some(spindle()), redis()].into_iter().flatten() {
        for (deletes, logs, stays) in
            [("no", "no", true), ("yes", "no", false), ("yes", "yes", true)]
        {
            let what = format!("{} {deletes} {logs}", program.display());
            let own = ["--rdb-del-sync-files", deletes, "--appendonly", logs];
            let flags = [&NO_DELAY[..], &own, &["--repl-diskless-sync", "no"]].concat();
            let servers = [&flags, &flags].map(|flags| Server::start_program(&program, flags));
            let [mut first, mut second] = servers.each_ref().map(Server::client);
            first.run("SET k 1");
            second.run(&format!("REPLICAOF 127.0.0.1 {}", servers[0].port));
            eventually("it follows", || info(&mut second, "master_link_status") == "up");
            eventually("it is online", || info(&mut first, "slave0").contains("state=online"));
            // The log of a replica of Redis is off while it synchronizes, and does not count then.
            let is_odd = program != spindle() && logs == "yes";
            for server in &servers[..if is_odd { 1 } else { 2 }] {
                let file = server.dir().join("dump.rdb");
                eventually(&what, || file.exists() == stays);
            }
        }
    }
}

#[test]
fn a_replica_that_dies_goes_on_behind_the_snapshot_of_its_primary() {
    let primary = Server::start(&NO_DELAY);
    let mut first = primary.client();
    first.run("SET a 1");
    let (replica, mut client) = replica_of(&primary, &[]);
    first.run("SET b 2");
    same_offsets(&mut first, &mut client);
    let follow = format!("127.0.0.1 {}", primary.port);
    let replica = replica.crash_and_restart(&["--replicaof", &follow]);
    let mut client = replica.client();
    eventually("it follows", || info(&mut client, "master_link_status") == "up");
    same_offsets(&mut first, &mut client);
    assert_eq!(client.run("MGET a b").to_string(), "[\"1\", \"2\"]");
    let counts = (info(&mut first, "sync_full"), info(&mut first, "sync_partial_ok"));
    assert_eq!(counts, ("1".to_owned(), "1".to_owned()), "{}", replica.log());
}

#[test]
fn what_fails_on_a_replica_only_stops_it_if_that_is_wanted() {
    let flags = [&NO_DELAY[..], &["--enable-debug-command", "yes"]].concat();
    let primary = Server::start(&flags);
    let mut first = primary.client();
    for (behavior, read_only, ends) in [
        ("ignore", "yes", false),
        ("panic", "no", false),
        ("panic", "yes", true),
        ("panic-on-replicas", "yes", true),
    ] {
        for in_transaction in [false, true] {
            let own = ["--propagation-error-behavior", behavior, "--replica-read-only", read_only];
            let (mut replica, mut client) = replica_of(&primary, &own);
            let mut requests = vec!["SET k word", "DEBUG REPLICATE INCR k"];
            if in_transaction {
                requests.insert(1, "DEBUG REPLICATE MULTI");
                requests.push("DEBUG REPLICATE EXEC");
            }
            requests.iter().for_each(|request| drop(first.run(request)));
            if ends {
                assert!(!replica.wait().success());
                let why = "This replica panicked sending an error to its master after processing \
                           the command 'incr'";
                assert!(replica.log().contains(why), "{}", replica.log());
                continue;
            }
            same_offsets(&mut first, &mut client);
            let text = "== CRITICAL == This replica is sending an error to its master: '-ERR \
                        value is not an integer or out of range' after processing the command \
                        'incr'";
            assert!(replica.log().contains(text), "{}", replica.log());
            assert_eq!(info(&mut client, "unexpected_error_replies"), "1");
        }
    }
}

#[test]
fn a_replica_that_cannot_keep_a_change_stops_or_goes_on_as_the_parameter_says() {
    let primary = Server::start(&NO_DELAY);
    let mut first = primary.client();
    for ignores in ["yes", "no"] {
        let slow = ["--rdb-key-save-delay", "1000000", "--save", "900 100000"];
        let own = ["--replica-ignore-disk-write-errors", ignores];
        let (mut replica, mut client) = replica_of(&primary, &[&slow[..], &own].concat());
        first.run("SET before 1");
        same_offsets(&mut first, &mut client);
        assert_eq!(client.run("BGSAVE").to_string(), "+Background saving started");
        let path = format!("/proc/{0}/task/{0}/children", replica.pid());
        let child = || std::fs::read_to_string(&path).unwrap().trim().to_owned();
        eventually("there is a child", || !child().is_empty());
        let killed = std::process::Command::new("kill").args(["-9", &child()]).status();
        assert!(killed.unwrap().success());
        eventually("it has failed", || info(&mut client, "rdb_last_bgsave_status") == "err");
        assert!(client.run("PING").text().starts_with("MISCONF"));
        first.run("SET after 1");
        if ignores == "yes" {
            same_offsets(&mut first, &mut client);
            assert_eq!(client.run("EXISTS after").int(), 1);
            assert!(replica.log().contains("Replica is applying a command even though"));
        } else {
            assert!(!replica.wait().success());
            assert!(replica.log().contains("Replica was unable to write command to disk."));
        }
    }
}

#[test]
fn what_was_left_behind_is_swept_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    // No process has this number.
    let left = dir.path().join("temp-999999999.1700000000000000.rdb");
    let other = dir.path().join("temp-of-mine.rdb");
    for path in [&left, &other] {
        std::fs::write(path, b"x").unwrap();
    }
    let server = Server::begin_in(dir, &[]);
    eventually("it is ready", || server.log().contains("Ready to accept connections"));
    assert_eq!((left.exists(), other.exists()), (false, true));
}

#[test]
fn the_old_data_is_there_again_when_a_snapshot_breaks_off() {
    let whole = snapshot_with("new");
    for load in ["swapdb", "disabled", "flush-before-load"] {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let server = Server::start(&["--repl-diskless-load", load]);
        let mut client = server.client();
        client.run("SET old 1");
        client.run(&format!("REPLICAOF 127.0.0.1 {}", listener.local_addr().unwrap().port()));
        let (mut hand, _) = Hand::accept(&listener);
        hand.send(format!("+FULLRESYNC {ID} 5\r\n${}\r\n", whole.len()).as_bytes());
        hand.send(&whole[..whole.len() - 20]);
        let is_there = load != "flush-before-load";
        if load != "disabled" {
            // Its own data is of another history, so that nobody is served meanwhile.
            eventually("it is loading", || client.run("GET old").text().contains("LOADING"));
        }
        drop(hand);
        let count = i64::from(is_there);
        eventually("it is not loading", || client.run("DBSIZE").to_string() == count.to_string());
        // The next one comes to its end, which has a mark.
        let (mut hand, _) = Hand::accept(&listener);
        hand.send(format!("+FULLRESYNC {ID} 5\r\n$EOF:{ID}\r\n").as_bytes());
        hand.send(&whole);
        hand.send(ID.as_bytes());
        eventually("the new data is there", || client.run("EXISTS new").to_string() == "1");
        assert_eq!(client.run("EXISTS old").int(), 0);
        eventually("it says so", || info(&mut client, "master_repl_offset") == "5");
    }
}

#[test]
fn a_snapshot_of_the_same_history_is_loaded_beside_the_old_data() {
    let (old, new) = (snapshot_with("old"), snapshot_with("new"));
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let primary = format!("127.0.0.1 {}", listener.local_addr().unwrap().port());
    let server = Server::start(&["--repl-diskless-load", "swapdb", "--replicaof", &primary]);
    let mut client = server.client();
    let full = |bytes: &[u8]| {
        let head = format!("+FULLRESYNC {ID} 5\r\n${}\r\n", bytes.len()).into_bytes();
        [head, bytes.to_vec()].concat()
    };
    let (mut hand, _) = Hand::accept(&listener);
    hand.send(&full(&old));
    eventually("the old data is there", || client.run("EXISTS old").to_string() == "1");
    drop(hand);
    let (mut hand, asked) = Hand::accept(&listener);
    assert_eq!(asked, format!("PSYNC {ID} 6"));
    let bytes = full(&new);
    hand.send(&bytes[..bytes.len() - 10]);
    eventually("it is loading", || info(&mut client, "async_loading") == "1");
    assert_eq!(client.run("EXISTS old").int(), 1);
    for refused in ["REPLICAOF NO ONE", "SAVE", "CONFIG SET appendonly yes"] {
        assert!(client.run(refused).text().contains("LOADING"), "{refused}");
    }
    hand.send(&bytes[bytes.len() - 10..]);
    eventually("the new data is there", || client.run("EXISTS new").to_string() == "1");
    assert_eq!(client.run("EXISTS old").int(), 0);
}

#[test]
fn nonsense_from_a_primary_ends_the_link_and_nothing_else() {
    let whole = snapshot_with("new");
    let mut bent = whole.clone();
    bent[whole.len() / 2] ^= 0x40;
    let streams: [&[u8]; 4] =
        [b"*1\r\n$-7\r\n", b"*99999999999\r\n", b"$5\r\nhello\r\n\0\0\xFF", b"*2\r\n:1\r\n"];
    for load in ["disabled", "swapdb"] {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let primary = format!("127.0.0.1 {}", listener.local_addr().unwrap().port());
        let server = Server::start(&["--repl-diskless-load", load, "--replicaof", &primary]);
        for (snapshot, stream) in [(&bent, &b""[..]), (&vec![0; 50], b"")]
            .into_iter()
            .chain(streams.map(|stream| (&whole, stream)))
        {
            let (mut hand, asked) = Hand::accept(&listener);
            assert_eq!(asked, "PSYNC ? -1", "{}", server.log());
            let head = format!("+FULLRESYNC {ID} 5\r\n${}\r\n", snapshot.len());
            hand.send(&[head.as_bytes(), snapshot, stream].concat());
            hand.ends();
        }
        let lost = server.log().matches("Connection with master lost").count();
        assert_eq!(lost, streams.len(), "{}", server.log());
        assert_eq!(server.client().run("PING").text(), "PONG");
    }
}
