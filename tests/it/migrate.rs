//! Keys that go from one server to another.

use crate::support::client::Client;
use crate::support::server::{Server, eventually, redis};
use crate::support::skip;

/// What a request with its words between spaces is told; `""` is nothing.
fn ask(client: &mut Client, line: &str) -> String {
    let words: Vec<&str> =
        line.split(' ').map(|word| if word == "\"\"" { "" } else { word }).collect();
    client.call(&words).to_string()
}

fn info(server: &Server, field: &str) -> String {
    let text = server.client().run("INFO").text();
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.expect("a field of that name").to_owned()
}

#[test]
fn keys_go_with_all_that_belongs_to_them() {
    let (from, to) = (Server::start(&[]), Server::start(&[]));
    let (mut a, mut b) = (from.client(), to.client());
    let port = to.port;
    for request in ["SET key value", "RPUSH list a b c", "SET dying soon PX 100000"] {
        ask(&mut a, request);
    }
    assert_eq!(ask(&mut a, &format!("MIGRATE 127.0.0.1 {port} key 9 1000")), "+OK");
    assert_eq!(info(&from, "migrate_cached_sockets"), "1");
    assert_eq!(ask(&mut a, &format!("MIGRATE 127.0.0.1 {port} list 9 1000 COPY")), "+OK");
    assert_eq!(ask(&mut a, &format!("MIGRATE 127.0.0.1 {port} dying 3 1000")), "+OK");
    assert_eq!(ask(&mut a, "KEYS *"), "[\"list\"]");
    ask(&mut b, "SELECT 9");
    assert_eq!(ask(&mut b, "GET key"), "\"value\"");
    assert_eq!(ask(&mut b, "LRANGE list 0 -1"), "[\"a\", \"b\", \"c\"]");
    ask(&mut b, "SELECT 3");
    let left_ms: i64 = ask(&mut b, "PTTL dying").parse().unwrap();
    assert!((50_000..=100_000).contains(&left_ms));
    assert_eq!(ask(&mut a, &format!("MIGRATE 127.0.0.1 {port} gone 9 1000")), "+NOKEY");
}

#[test]
fn several_keys_go_at_once_and_those_that_are_refused_stay() {
    let flags = ["--appendonly", "yes", "--appendfsync", "always", "--aof-use-rdb-preamble", "no"];
    let (from, to) = (Server::start(&flags), Server::start(&[]));
    let (mut a, mut b) = (from.client(), to.client());
    let port = to.port;
    ask(&mut a, "MSET a 1 b 2 c 3 d 4");
    ask(&mut b, "SET c busy");
    let refused =
        "-ERR Target instance replied with error: BUSYKEY Target key name already exists.";
    let line = format!("MIGRATE 127.0.0.1 {port} \"\" 0 1000 KEYS none a b c none d");
    assert_eq!(ask(&mut a, &line), refused);
    assert_eq!(ask(&mut a, "KEYS *"), "[\"c\"]");
    assert_eq!(ask(&mut b, "MGET a b c d"), "[\"1\", \"2\", \"busy\", \"4\"]");
    let log = std::fs::read(from.dir().join("appendonlydir/appendonly.aof.1.incr.aof")).unwrap();
    let log = String::from_utf8(log).unwrap();
    assert!(log.ends_with("*4\r\n$3\r\nDEL\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nd\r\n"), "{log}");
    let line = format!("MIGRATE 127.0.0.1 {port} c 0 1000 REPLACE");
    assert_eq!(ask(&mut a, &line), "+OK");
    assert_eq!(ask(&mut b, "GET c"), "\"3\"");
    assert_eq!(ask(&mut a, "DBSIZE"), "0");
}

#[test]
fn a_server_with_passwords_lets_in_who_knows_them() {
    let (from, to) = (Server::start(&[]), Server::start(&["--requirepass", "secret"]));
    let (mut a, port) = (from.client(), to.port);
    ask(&mut a, "MSET a 1 b 2 c 3");
    let mut migrate = |rest: &str| ask(&mut a, &format!("MIGRATE 127.0.0.1 {port} {rest}"));
    let told = "-ERR Target instance replied with error: ";
    assert_eq!(migrate("a 0 1000"), format!("{told}NOAUTH Authentication required."));
    assert!(migrate("a 0 1000 AUTH wrong").starts_with(&format!("{told}WRONGPASS")));
    assert_eq!(migrate("a 0 1000 AUTH secret"), "+OK");
    assert_eq!(migrate("b 0 1000 AUTH2 default secret COPY"), "+OK");
    assert_eq!(migrate("b 99 1000"), format!("{told}ERR DB index is out of range"));
    assert_eq!(migrate("b 0 1000 REPLACE"), "+OK");
    assert_eq!(ask(&mut a, "KEYS *"), "[\"c\"]");
}

#[test]
fn a_server_that_does_not_answer_is_given_up_and_the_key_stays() {
    let (from, to) = (Server::start(&[]), Server::start(&[]));
    let (mut a, port) = (from.client(), to.port);
    ask(&mut a, "SET key value");
    to.signal("-STOP");
    let reply = ask(&mut a, &format!("MIGRATE 127.0.0.1 {port} key 0 100"));
    assert_eq!(reply, "-IOERR error or timeout reading to target instance");
    assert_eq!(ask(&mut a, "GET key"), "\"value\"");
    assert_eq!(info(&from, "migrate_cached_sockets"), "0");
    to.signal("-CONT");
    eventually("the first try there", || to.client().run("DBSIZE").to_string() == "1");
    // The connection is kept, but the other server starts anew.
    let reply = ask(&mut a, &format!("MIGRATE 127.0.0.1 {port} key 0 5000 REPLACE COPY"));
    assert_eq!(reply, "+OK");
    let to = to.crash_and_restart(&[]);
    assert_eq!(ask(&mut a, &format!("MIGRATE 127.0.0.1 {} key 0 5000", to.port)), "+OK");
    assert_eq!(ask(&mut a, "EXISTS key"), "0");
}

#[test]
fn keys_go_to_a_real_redis_and_come_back() {
    let Some(redis) = redis() else {
        skip("needs redis-server");
        return;
    };
    let ours = Server::start(&["--enable-debug-command", "yes"]);
    let real = Server::start_in(tempfile::tempdir().unwrap(), &redis, &["--save", ""]);
    let (mut a, mut b) = (ours.client(), real.client());
    let values = ["SET text value", "RPUSH list a b c", "SADD set a 1", "ZADD zset 1.5 a"];
    for request in values.iter().chain(&["HSET hash f v", "XADD stream 1-1 f v"]) {
        ask(&mut a, request);
    }
    let digest =
        |client: &mut Client| ask(client, "DEBUG DIGEST-VALUE text list set zset hash stream");
    let before = digest(&mut a);
    let rest = "\"\" 0 5000 KEYS text list set zset hash stream";
    assert_eq!(ask(&mut a, &format!("MIGRATE 127.0.0.1 {} {rest}", real.port)), "+OK");
    assert_eq!((ask(&mut a, "DBSIZE"), ask(&mut b, "DBSIZE")), ("0".into(), "6".into()));
    assert_eq!(ask(&mut b, &format!("MIGRATE 127.0.0.1 {} {rest}", ours.port)), "+OK");
    assert_eq!((ask(&mut a, "DBSIZE"), ask(&mut b, "DBSIZE")), ("6".into(), "0".into()));
    assert_eq!(digest(&mut a), before);
}
