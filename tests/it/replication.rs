//! Primaries and replicas of both kinds: what one says to the other byte by byte, and that they
//! hold the same in the end, however the way between them fares.

use crate::support::client::{Client, PATIENCE, encode};
use crate::support::collections::{self, Scope};
use crate::support::reply::Reply;
use crate::support::server::{Server, eventually, free_port, redis};
use crate::support::skip;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const DEBUG: [&str; 2] = ["--enable-debug-command", "yes"];
const ID: &str = "8371b4fb1155b71f4a04d3e1bc3e18c4a990aeeb";
/// A snapshot without keys, as version 11 has it, without a sum.
const EMPTY: &[u8] = b"REDIS0011\xFF\0\0\0\0\0\0\0\0";

/// Reads a line without its end.
fn line(client: &mut Client) -> String {
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        line.extend(client.bytes(1));
    }
    line.truncate(line.len() - 2);
    String::from_utf8(line).unwrap()
}

/// Becomes a replica by hand, as one that takes snapshots with a length; where the stream begins.
fn follow(server: &Server) -> (Client, u64) {
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

fn expect(client: &mut Client, words: &[&str]) {
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

/// A way between two servers that is cut at will, and slow now and then.
struct Way {
    port: u16,
    open: Arc<Mutex<Vec<TcpStream>>>,
    delay_us: Arc<AtomicU64>,
}

impl Way {
    fn to(port: u16) -> Way {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let open: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
        let delay_us: Arc<AtomicU64> = Arc::default();
        let way = Way {
            port: listener.local_addr().unwrap().port(),
            open: Arc::clone(&open),
            delay_us: Arc::clone(&delay_us),
        };
        std::thread::spawn(move || {
            for from in listener.incoming() {
                let Ok(from) = from else { return };
                let Ok(to) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                let ends = [from.try_clone().unwrap(), to.try_clone().unwrap()];
                open.lock().unwrap().extend(ends);
                let pairs = [(from.try_clone().unwrap(), to.try_clone().unwrap()), (to, from)];
                for (from, to) in pairs {
                    let delay_us = Arc::clone(&delay_us);
                    std::thread::spawn(move || pass_on(from, to, &delay_us));
                }
            }
        });
        way
    }

    fn cut(&self) {
        for stream in self.open.lock().unwrap().drain(..) {
            // It may be gone.
            stream.shutdown(Shutdown::Both).unwrap_or_default();
        }
    }
}

fn pass_on(mut from: TcpStream, mut to: TcpStream, delay_us: &AtomicU64) {
    let mut bytes = vec![0; 4096];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        std::thread::sleep(Duration::from_micros(delay_us.load(Ordering::Relaxed)));
        if to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    for stream in [from, to] {
        stream.shutdown(Shutdown::Both).unwrap_or_default();
    }
}

/// What every Redis from 7.0 on knows.
const SCOPE: Scope = Scope { is_newest: false, has_chance: true };

/// One random request, which mostly changes keys of some type.
fn request(rng: &mut fastrand::Rng) -> Vec<String> {
    if rng.bool() {
        return collections::any_request(rng, SCOPE);
    }
    let key = |rng: &mut fastrand::Rng, kind: &str| format!("{kind}{}", rng.u8(0..30));
    let word = |rng: &mut fastrand::Rng| format!("w{}", rng.u16(0..500));
    let number = rng.u16(1..100).to_string();
    let words: Vec<String> = match rng.u8(0..20) {
        0 => vec!["SET".into(), key(rng, "s"), "x".repeat(rng.usize(0..300))],
        1 => vec!["APPEND".into(), key(rng, "s"), word(rng)],
        2 => vec!["INCRBY".into(), key(rng, "n"), number],
        3 => vec!["SET".into(), key(rng, "s"), word(rng), "PX".into(), number],
        4 => vec!["RPUSH".into(), key(rng, "l"), word(rng), word(rng)],
        5 => vec!["LPOP".into(), key(rng, "l"), "2".into()],
        6 => vec!["LTRIM".into(), key(rng, "l"), "0".into(), "40".into()],
        7 => vec!["SADD".into(), key(rng, "e"), word(rng), number],
        8 => vec!["SPOP".into(), key(rng, "e")],
        9 => vec!["ZADD".into(), key(rng, "z"), number, word(rng)],
        10 => vec!["ZINCRBY".into(), key(rng, "z"), "1.5".into(), word(rng)],
        11 => vec!["ZPOPMIN".into(), key(rng, "z")],
        12 => vec!["HSET".into(), key(rng, "h"), word(rng), word(rng)],
        13 => vec!["HINCRBYFLOAT".into(), key(rng, "h"), "f".into(), "0.1".into()],
        14 => vec!["DEL".into(), key(rng, "s"), key(rng, "l")],
        15 => vec!["PEXPIRE".into(), key(rng, "z"), number],
        16 => vec!["RENAME".into(), key(rng, "s"), key(rng, "s")],
        17 => vec!["SETBIT".into(), key(rng, "b"), number, "1".into()],
        18 => vec!["PFADD".into(), key(rng, "p"), word(rng)],
        _ => vec!["SELECT".into(), rng.u8(0..3).to_string()],
    };
    words
}

fn field(client: &mut Client, name: &str) -> String {
    let info = client.run("INFO replication").text();
    let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_default().to_owned()
}

/// Waits until a replica has everything, and checks that it is the same.
fn settle(primary: &mut Client, replica: &mut Client, what: &str) {
    eventually(&format!("{what}: the link is up"), || field(replica, "master_link_status") == "up");
    // A Redis takes its time with what is due.
    eventually(&format!("{what}: nothing is due"), || {
        let keyspace = primary.run("INFO keyspace").text();
        keyspace.lines().all(|line| !line.starts_with("db") || line.contains("expires=0"))
    });
    let is_same = |primary: &mut Client, replica: &mut Client| {
        field(primary, "master_repl_offset") == field(replica, "slave_repl_offset")
            && is_same_data(primary, replica)
    };
    let end = Instant::now() + PATIENCE;
    while !is_same(primary, replica) {
        let is_over = Instant::now() >= end;
        assert!(!is_over, "{what}: {}", differences(primary, replica));
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether both hold the same: by digest or, as versions of Redis digest numbers differently, key
/// by key.
fn is_same_data(primary: &mut Client, replica: &mut Client) -> bool {
    let digests = [&mut *primary, &mut *replica].map(|it| it.run("DEBUG DIGEST"));
    digests[0] == digests[1] || contents(primary) == contents(replica)
}

/// All keys with their values, as text.
fn contents(client: &mut Client) -> BTreeMap<(u8, String), String> {
    let mut all = BTreeMap::new();
    for db in 0..3 {
        client.run(&format!("SELECT {db}"));
        let keys = client.run("KEYS *").items().to_vec();
        for key in keys {
            let kind = client.call(&[b"TYPE", key.bytes()]).text();
            let key = key.text();
            let words: &[&str] = match kind.as_str() {
                "string" => &["GET", &key],
                "list" => &["LRANGE", &key, "0", "-1"],
                "set" => &["SMEMBERS", &key],
                "zset" => &["ZRANGE", &key, "0", "-1", "WITHSCORES"],
                "hash" => &["HGETALL", &key],
                _ => &["XINFO", "STREAM", &key],
            };
            let mut value = client.call(words);
            if let (Reply::Array(items), "set" | "hash") = (&mut value, kind.as_str()) {
                let size = if kind == "set" { 1 } else { 2 };
                let mut pairs: Vec<_> = items.chunks(size).map(<[Reply]>::to_vec).collect();
                pairs.sort_by_key(|pair| format!("{pair:?}"));
                *items = pairs.concat();
            }
            if let (Reply::Array(items), "zset") = (&value, kind.as_str()) {
                // Versions of Redis write the same number in several ways.
                let score = |item: &Reply| item.text().parse::<f64>().unwrap_or(f64::NAN);
                let pairs = items.chunks(2).map(|pair| (pair[0].to_string(), score(&pair[1])));
                value = Reply::Status(format!("{:?}", pairs.collect::<Vec<_>>()));
            }
            let mut text = value.to_string();
            if kind == "stream" {
                // How the tree of it is made is its own affair.
                let entries = client.call(&["XRANGE", &key, "-", "+"]);
                let last = text.split("last-generated-id").nth(1).unwrap_or_default();
                text = format!("{entries}{}", last.split(',').nth(1).unwrap_or_default());
            }
            all.insert((db, key), text);
        }
    }
    all
}

/// What is not the same on both sides.
fn differences(primary: &mut Client, replica: &mut Client) -> String {
    let names = ["master_repl_offset", "slave_repl_offset"];
    let offsets = [field(primary, names[0]), field(replica, names[1])];
    let (ours, theirs) = (contents(primary), contents(replica));
    let keys: BTreeSet<_> = ours.keys().chain(theirs.keys()).collect();
    let differs = keys.into_iter().filter(|key| ours.get(key) != theirs.get(key));
    let found = differs.map(|key| (key, ours.get(key), theirs.get(key)));
    format!("{offsets:?} {:#?}", found.collect::<Vec<_>>())
}

/// Lets a replica follow a primary on a way that is cut and slow, while clients change keys.
fn storm(primary: &Server, replica: &Server, seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let what = format!("SEED={seed}");
    let way = Way::to(primary.port);
    let (mut client, mut other) = (primary.client(), replica.client());
    client.run("CONFIG SET repl-diskless-sync-delay 0");
    let fill = |client: &mut Client, rng: &mut fastrand::Rng, count: usize| {
        for _ in 0..count {
            let in_transaction = rng.u8(0..10) == 0;
            let requests = if in_transaction { rng.usize(1..5) } else { 1 };
            if in_transaction {
                client.run("MULTI");
            }
            (0..requests).for_each(|_| drop(client.call(&request(rng))));
            if in_transaction {
                client.run("EXEC");
            }
        }
    };
    fill(&mut client, &mut rng, 500);
    assert_eq!(other.run(&format!("REPLICAOF 127.0.0.1 {}", way.port)).text(), "OK");
    for round in 0..6 {
        way.delay_us.store(rng.u64(0..2_000), Ordering::Relaxed);
        fill(&mut client, &mut rng, 300);
        match round % 3 {
            0 => way.cut(),
            1 => {
                replica.signal("-STOP");
                fill(&mut client, &mut rng, 100);
                replica.signal("-CONT");
            }
            _ => {
                eventually("the link is up", || field(&mut other, "master_link_status") == "up");
                nothing_failed(replica, &what);
                settle(&mut client, &mut other, &what);
            }
        }
    }
    fill(&mut client, &mut rng, 200);
    eventually("the link is up", || field(&mut other, "master_link_status") == "up");
    nothing_failed(replica, &what);
    settle(&mut client, &mut other, &what);
    let stats = client.run("INFO stats").text();
    let partial = stats.lines().find_map(|line| line.strip_prefix("sync_partial_ok:"));
    assert_ne!(partial, Some("0"), "{what}: {}", replica.log());
    // Roles change: the history goes on.
    let replid = field(&mut client, "master_replid");
    assert_eq!(other.run("REPLICAOF NO ONE").text(), "OK");
    assert_eq!(field(&mut other, "master_replid2"), replid);
    assert_eq!(client.run(&format!("REPLICAOF 127.0.0.1 {}", replica.port)).text(), "OK");
    eventually("the old primary follows", || field(&mut client, "master_link_status") == "up");
    other.run("SELECT 0");
    assert_eq!(other.run("SET after change").text(), "OK");
    settle(&mut other, &mut client, &what);
    let stats = other.run("INFO stats").text();
    assert!(stats.contains("sync_full:0\r\n"), "{what}: {}", client_log(primary, replica));
}

/// A replica that cannot do what its primary has done says so.
fn nothing_failed(replica: &Server, what: &str) {
    let log = replica.log();
    let failed: Vec<&str> = log.lines().filter(|line| line.contains("CRITICAL")).collect();
    assert!(failed.is_empty(), "{what}: {failed:#?}");
}

fn client_log(a: &Server, b: &Server) -> String {
    format!("{}\n---\n{}", a.log(), b.log())
}

fn programs() -> Option<[PathBuf; 2]> {
    Some([crate::support::server::spindle(), redis()?])
}

#[test]
fn a_spindle_follows_a_spindle_through_storms() {
    let (primary, replica) = (Server::start(&DEBUG), Server::start(&DEBUG));
    storm(&primary, &replica, seed());
}

/// The seed of one run; `SEED=n` replays it.
fn seed() -> u64 {
    let given = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    given.unwrap_or_else(|| fastrand::u64(..1_000_000))
}

#[test]
fn a_redis_follows_a_spindle_through_storms() {
    let Some([ours, real]) = programs() else { return skip("redis-server") };
    let (primary, replica) =
        (Server::start_program(&ours, &DEBUG), Server::start_program(&real, &DEBUG));
    storm(&primary, &replica, seed());
}

#[test]
fn a_spindle_follows_a_redis_through_storms() {
    let Some([ours, real]) = programs() else { return skip("redis-server") };
    let (primary, replica) =
        (Server::start_program(&real, &DEBUG), Server::start_program(&ours, &DEBUG));
    storm(&primary, &replica, seed());
}

#[test]
fn a_chain_has_one_stream() {
    let servers = [Server::start(&DEBUG), Server::start(&DEBUG), Server::start(&DEBUG)];
    let mut clients: Vec<Client> = servers.iter().map(Server::client).collect();
    for client in &mut clients {
        client.run("CONFIG SET repl-diskless-sync-delay 0");
    }
    clients[1].run(&format!("REPLICAOF 127.0.0.1 {}", servers[0].port));
    clients[2].run(&format!("REPLICAOF 127.0.0.1 {}", servers[1].port));
    let mut rng = fastrand::Rng::with_seed(7);
    eventually("the last one follows", || field(&mut clients[2], "master_link_status") == "up");
    for _ in 0..500 {
        clients[0].call(&request(&mut rng));
    }
    let [a, b, c] = &mut clients[..] else { panic!("three") };
    settle(a, b, "the middle");
    settle(a, c, "the end");
    assert_eq!(field(a, "master_replid"), field(c, "master_replid"));
}

#[test]
fn a_failover_changes_places() {
    let (a, b) = (Server::start(&DEBUG), Server::start(&DEBUG));
    let (mut first, mut second) = (a.client(), b.client());
    first.run("CONFIG SET repl-diskless-sync-delay 0");
    second.run(&format!("REPLICAOF 127.0.0.1 {}", a.port));
    eventually("it follows", || field(&mut second, "master_link_status") == "up");
    first.run("SET k v");
    assert_eq!(first.run("FAILOVER").text(), "OK");
    eventually("the replica leads", || field(&mut second, "role") == "master");
    eventually("the primary follows", || {
        field(&mut first, "master_link_status") == "up"
            && field(&mut first, "master_failover_state") == "no-failover"
    });
    assert_eq!(second.run("SET k w").text(), "OK");
    settle(&mut second, &mut first, "after the failover");
    assert!(second.run("INFO stats").text().contains("sync_full:0\r\n"));
}

/// Compares both after each request, so that the one shows that changes them differently.
fn step_by_step(primary: &Server, replica: &Server) {
    let (mut client, mut other) = (primary.client(), replica.client());
    client.run("CONFIG SET repl-diskless-sync-delay 0");
    other.run(&format!("REPLICAOF 127.0.0.1 {}", primary.port));
    eventually("the link is up", || field(&mut other, "master_link_status") == "up");
    let seed = seed();
    let mut rng = fastrand::Rng::with_seed(seed);
    for _ in 0..1_500 {
        let words = collections::any_request(&mut rng, SCOPE);
        let reply = client.call(&words);
        eventually("it has everything", || {
            field(&mut client, "master_repl_offset") == field(&mut other, "slave_repl_offset")
        });
        let is_same = is_same_data(&mut client, &mut other);
        let found = if is_same { String::new() } else { differences(&mut client, &mut other) };
        assert!(is_same, "SEED={seed}: {words:?} -> {reply}\n{found}");
    }
}

#[test]
fn each_request_of_a_redis_changes_both_alike() {
    let Some([ours, real]) = programs() else { return skip("redis-server") };
    step_by_step(&Server::start_program(&real, &DEBUG), &Server::start_program(&ours, &DEBUG));
}

#[test]
fn each_request_of_a_spindle_changes_both_alike() {
    let Some([ours, real]) = programs() else { return skip("redis-server") };
    step_by_step(&Server::start_program(&ours, &DEBUG), &Server::start_program(&real, &DEBUG));
}
