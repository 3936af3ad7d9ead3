//! Primaries and replicas of both kinds hold the same in the end, however the way between them
//! fares and whoever of them stops, dies and comes back.

use crate::support::client::{Client, PATIENCE};
use crate::support::collections::{self, Scope};
use crate::support::reply::Reply;
use crate::support::server::{Server, eventually, newer_redis, redis, spindle};
use crate::support::way::Way;
use crate::support::{say_skipped, seeds, skip};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Links are given up soon, so that the test sees it.
const FLAGS: [&str; 8] = [
    "--enable-debug-command",
    "yes",
    "--repl-diskless-sync-delay",
    "0",
    "--repl-timeout",
    "3",
    "--repl-ping-replica-period",
    "1",
];
/// How many rounds a storm has.
const ROUNDS: u32 = 10;
/// Kinds of weather.
const KINDS: u8 = 11;

/// What every Redis from 7.0 on knows.
const SCOPE: Scope = Scope { is_newest: false, has_chance: true };

/// One random request for a collection.
fn collection_request(rng: &mut fastrand::Rng) -> Vec<String> {
    loop {
        let words = collections::any_request(rng, SCOPE);
        // Redis 7.2 takes the lower half of such an index for all of it.
        let is_far =
            |index: &String| index.parse::<i64>().is_ok_and(|it| i32::try_from(it).is_err());
        if !words[0].eq_ignore_ascii_case("LSET") || !words.get(2).is_some_and(is_far) {
            return words;
        }
    }
}

/// One random request, which mostly changes keys of some type.
fn request(rng: &mut fastrand::Rng) -> Vec<String> {
    if rng.bool() {
        return collection_request(rng);
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
    let info = client.run("INFO everything").text();
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
                // Versions of Redis write the same number in several ways; a zero has no sign in
                // some of their forms.
                let score = |item: &Reply| item.text().parse().unwrap_or(f64::NAN) + 0.0;
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

/// A primary and a replica with a way between them, and a client of each.
struct Storm {
    programs: [PathBuf; 2],
    servers: [Server; 2],
    clients: [Client; 2],
    way: Way,
    rng: fastrand::Rng,
    what: String,
}

/// The ends of the way.
const PRIMARY: usize = 0;
const REPLICA: usize = 1;

impl Storm {
    fn new(programs: [PathBuf; 2], seed: u64) -> Storm {
        let servers = programs.each_ref().map(|program| Server::start_program(program, &FLAGS));
        let clients = servers.each_ref().map(Server::client);
        let way = Way::to(servers[PRIMARY].port);
        let (rng, what) = (fastrand::Rng::with_seed(seed), format!("SEED={seed}"));
        Storm { programs, servers, clients, way, rng, what }
    }

    /// Requests of clients of the primary, some of them in transactions.
    fn fill(&mut self, count: usize) {
        let client = &mut self.clients[PRIMARY];
        for _ in 0..count {
            let in_transaction = self.rng.u8(0..10) == 0;
            let requests = if in_transaction { self.rng.usize(1..5) } else { 1 };
            if in_transaction {
                client.run("MULTI");
            }
            (0..requests).for_each(|_| drop(client.call(&request(&mut self.rng))));
            if in_transaction {
                client.run("EXEC");
            }
        }
    }

    /// Nothing that the primary has done has failed, and the replica follows.
    fn is_up(&mut self) {
        let replica = &mut self.clients[REPLICA];
        eventually(&format!("{}: the link is up", self.what), || {
            field(replica, "master_link_status") == "up"
        });
        nothing_failed(&self.servers[REPLICA], &self.what);
    }

    fn settle(&mut self) {
        self.way.light();
        self.way.release();
        self.is_up();
        let [primary, replica] = &mut self.clients;
        settle(primary, replica, &self.what);
        nothing_failed(&self.servers[REPLICA], &self.what);
    }

    /// One of them is killed, and comes back with what it has saved, if anything.
    fn kill(&mut self, which: usize) {
        if self.rng.bool() {
            self.clients[which].run("SAVE");
            self.fill(20);
        }
        let follow = format!("127.0.0.1 {}", self.way.port);
        let follow = ["--replicaof", &follow];
        let flags = [&FLAGS[..], if which == REPLICA { &follow } else { &[] }].concat();
        nothing_failed(&self.servers[REPLICA], &self.what);
        self.servers[which].signal("-KILL");
        self.servers[which].wait();
        if which == REPLICA {
            self.fill(50);
        }
        self.servers[which].revive(&self.programs[which], &flags);
        self.clients[which] = self.servers[which].client();
    }

    /// One of them drops its connection, of whose end the other one does not hear before there is
    /// another one.
    fn overtake(&mut self, which: usize) {
        self.way.hold(0);
        let kind = if which == REPLICA { "master" } else { "replica" };
        self.clients[which].call(&["CLIENT", "KILL", "TYPE", kind]);
        self.fill(100);
        if which == REPLICA {
            self.is_up();
            self.fill(100);
        }
        self.way.release();
    }

    fn round(&mut self) {
        let delay_us = self.rng.u64(0..2_000);
        self.way.delay(delay_us);
        self.fill(200);
        match self.rng.u8(0..KINDS) {
            0 | 1 => self.way.cut(),
            2 => {
                self.servers[REPLICA].signal("-STOP");
                self.fill(100);
                self.servers[REPLICA].signal("-CONT");
            }
            3 => {
                // Long enough that the replica gives up now and then.
                let ms = if self.rng.u8(0..4) == 0 { 3_500 } else { self.rng.u64(0..300) };
                self.servers[PRIMARY].signal("-STOP");
                std::thread::sleep(Duration::from_millis(ms));
                self.servers[PRIMARY].signal("-CONT");
            }
            4 | 5 => {
                let ms = if self.rng.u8(0..4) == 0 { 4_500 } else { self.rng.u64(0..300) };
                self.way.darken();
                if self.rng.bool() {
                    self.way.cut();
                }
                self.fill(100);
                std::thread::sleep(Duration::from_millis(ms));
                self.way.light();
            }
            6 => self.kill(REPLICA),
            7 => self.kill(PRIMARY),
            8 => self.overtake(REPLICA),
            9 => self.overtake(PRIMARY),
            _ => {
                // The first words of a new connection come late, those of the next one do not.
                let count = self.way.count();
                self.way.hold(1);
                self.way.cut();
                self.fill(50);
                eventually("it tries again", || self.way.count() > count + 1);
                self.fill(50);
                self.way.release();
            }
        }
    }
}

/// Lets a replica follow a primary through bad weather, while clients change keys; then roles
/// change.
fn storm(programs: [PathBuf; 2], seed: u64) {
    println!("SEED={seed}");
    let mut storm = Storm::new(programs, seed);
    storm.fill(500);
    let follow = |way: u16| format!("REPLICAOF 127.0.0.1 {way}");
    assert_eq!(storm.clients[REPLICA].run(&follow(storm.way.port)).text(), "OK");
    for round in 1..=ROUNDS {
        storm.round();
        if round.is_multiple_of(3) {
            storm.settle();
        }
    }
    storm.settle();
    storm.way.delay(0);
    // A cut as such costs nothing but what was missed.
    let full = field(&mut storm.clients[PRIMARY], "sync_full");
    let partial = field(&mut storm.clients[PRIMARY], "sync_partial_ok");
    storm.way.cut();
    storm.fill(100);
    storm.settle();
    let (what, servers) = (storm.what, storm.servers);
    let [mut client, mut other] = storm.clients;
    assert_eq!(field(&mut client, "sync_full"), full, "{what}: {}", logs(&servers));
    assert_ne!(field(&mut client, "sync_partial_ok"), partial, "{what}: {}", logs(&servers));
    // Roles change: the history goes on.
    let replid = field(&mut client, "master_replid");
    assert_eq!(other.run("REPLICAOF NO ONE").text(), "OK");
    assert_eq!(field(&mut other, "master_replid2"), replid);
    assert_eq!(client.run(&follow(servers[REPLICA].port)).text(), "OK");
    eventually("the old primary follows", || field(&mut client, "master_link_status") == "up");
    other.run("SELECT 0");
    assert_eq!(other.run("SET after change").text(), "OK");
    settle(&mut other, &mut client, &what);
    assert_eq!(field(&mut other, "sync_full"), "0", "{what}: {}", logs(&servers));
}

/// A replica that cannot do what its primary has done says so.
fn nothing_failed(replica: &Server, what: &str) {
    let log = replica.log();
    let failed: Vec<&str> = log.lines().filter(|line| line.contains("CRITICAL")).collect();
    assert!(failed.is_empty(), "{what}: {failed:#?}");
}

fn logs(servers: &[Server; 2]) -> String {
    format!("{}\n---\n{}", servers[0].log(), servers[1].log())
}

/// A pair in both roles.
fn storms(primary: PathBuf, replica: PathBuf) {
    for seed in chosen_seeds() {
        storm([primary.clone(), replica.clone()], seed);
    }
}

/// One by chance, or those that SEED and SEEDS ask for.
fn chosen_seeds() -> std::ops::Range<u64> {
    let are_chosen = ["SEED", "SEEDS"].iter().any(|name| std::env::var_os(name).is_some());
    if are_chosen {
        return seeds(1);
    }
    let seed = fastrand::u64(..1_000_000);
    seed..seed + 1
}

#[test]
fn a_spindle_follows_a_spindle_through_storms() {
    storms(spindle(), spindle());
}

#[test]
fn a_redis_follows_a_spindle_through_storms() {
    let Some(real) = redis() else { return skip("redis-server") };
    storms(spindle(), real);
}

#[test]
fn a_spindle_follows_a_redis_through_storms() {
    let Some(real) = redis() else { return skip("redis-server") };
    storms(real, spindle());
}

#[test]
fn a_newer_redis_follows_a_spindle_through_storms() {
    let Some(newer) = newer_redis() else { return say_skipped("SPINDLE_REDIS_NEWER") };
    storms(spindle(), newer);
}

#[test]
fn a_spindle_follows_a_newer_redis_through_storms() {
    let Some(newer) = newer_redis() else { return say_skipped("SPINDLE_REDIS_NEWER") };
    storms(newer, spindle());
}

#[test]
fn a_chain_has_one_stream() {
    let servers = [Server::start(&FLAGS), Server::start(&FLAGS), Server::start(&FLAGS)];
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
    let (a, b) = (Server::start(&FLAGS), Server::start(&FLAGS));
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
    let seed = chosen_seeds().start;
    let mut rng = fastrand::Rng::with_seed(seed);
    for _ in 0..1_500 {
        let words = collection_request(&mut rng);
        let reply = client.call(&words);
        eventually("it has everything", || {
            field(&mut client, "master_repl_offset") == field(&mut other, "slave_repl_offset")
        });
        // A key may die between the two looks.
        let is_same = (0..5).any(|_| is_same_data(&mut client, &mut other));
        let found = if is_same { String::new() } else { differences(&mut client, &mut other) };
        assert!(is_same, "SEED={seed}: {words:?} -> {reply}\n{found}");
    }
}

#[test]
fn each_request_of_a_redis_changes_both_alike() {
    let Some(real) = redis() else { return skip("redis-server") };
    step_by_step(&Server::start_program(&real, &FLAGS), &Server::start(&FLAGS));
}

#[test]
fn each_request_of_a_spindle_changes_both_alike() {
    let Some(real) = redis() else { return skip("redis-server") };
    step_by_step(&Server::start(&FLAGS), &Server::start_program(&real, &FLAGS));
}

#[test]
fn each_request_of_a_newer_redis_changes_both_alike() {
    let Some(newer) = newer_redis() else { return say_skipped("SPINDLE_REDIS_NEWER") };
    step_by_step(&Server::start_program(&newer, &FLAGS), &Server::start(&FLAGS));
}

#[test]
fn each_request_of_a_spindle_changes_a_newer_redis_alike() {
    let Some(newer) = newer_redis() else { return say_skipped("SPINDLE_REDIS_NEWER") };
    step_by_step(&Server::start(&FLAGS), &Server::start_program(&newer, &FLAGS));
}
