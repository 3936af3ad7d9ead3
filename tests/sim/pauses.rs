//! Pauses, evictions of clients, and those who watch: what operators do to everybody at once.

use crate::support::client::encode;
use crate::world::Sim;
use spindle::config::Config;
use spindle::config::kinds::Share;
use spindle::exec::Pending;
use std::time::Duration;

const NOTHING: [&str; 0] = [];

#[test]
fn a_pause_holds_requests_until_it_ends() {
    let mut sim = Sim::new(1, Config::default());
    let (operator, client) = (sim.connect(), sim.connect());
    assert_eq!(sim.run(operator, "CLIENT PAUSE 1000"), ["+OK"]);
    assert_eq!(sim.run(client, "SET a 1"), NOTHING);
    assert_eq!(sim.run(client, "GET a"), NOTHING);
    assert_eq!(sim.idle_us(), Some(1_000_000));
    sim.advance(Duration::from_millis(999));
    assert!(sim.replies(client).is_empty());
    sim.advance(Duration::from_millis(1));
    let replies: Vec<String> = sim.replies(client).iter().map(ToString::to_string).collect();
    assert_eq!(replies, ["+OK", "\"1\""]);
    assert_eq!(sim.idle_us(), None);
}

#[test]
fn a_pause_of_writes_lets_others_through() {
    let mut sim = Sim::new(1, Config::default());
    let (operator, reader, writer) = (sim.connect(), sim.connect(), sim.connect());
    sim.run(operator, "CLIENT PAUSE 100000 WRITE");
    assert_eq!(sim.run(reader, "GET a"), ["nil"]);
    assert_eq!(sim.run(writer, "SET a"), ["-ERR wrong number of arguments for 'set' command"]);
    // What comes before the write is served, what comes behind it waits with it.
    let burst = ["GET a", "SET a 1", "GET a"];
    let bytes: Vec<u8> =
        burst.iter().flat_map(|line| encode(&line.split(' ').collect::<Vec<_>>())).collect();
    sim.arrive(writer, &bytes, 16, |_| {});
    assert_eq!(sim.replies(writer).len(), 1);
    let info = sim.run(operator, "INFO clients");
    assert!(info[0].contains("blocked_clients:1"), "{info:?}");
    let list = sim.run(operator, "CLIENT LIST");
    assert!(list[0].contains("flags=b"), "{list:?}");
    assert_eq!(sim.run(operator, "CLIENT UNPAUSE"), ["+OK"]);
    sim.advance(Duration::ZERO);
    assert_eq!(sim.replies(writer).len(), 2);
}

#[test]
fn of_two_pauses_the_later_end_and_the_stricter_kind_hold() {
    let mut sim = Sim::new(1, Config::default());
    let (operator, client) = (sim.connect(), sim.connect());
    // In one burst, or the second would wait for the end of the first.
    let burst: Vec<u8> = [["CLIENT", "PAUSE", "500", "WRITE"], ["CLIENT", "PAUSE", "100", "ALL"]]
        .iter()
        .flat_map(|words| encode(words))
        .collect();
    sim.arrive(operator, &burst, 16, |_| {});
    assert_eq!(sim.run(client, "GET a"), NOTHING);
    assert_eq!(sim.idle_us(), Some(500_000));
}

#[test]
fn keys_do_not_die_while_writes_are_paused() {
    let mut sim = Sim::new(1, Config::default());
    let client = sim.connect();
    sim.run(client, "SET a 1 PX 10");
    sim.run(client, "CLIENT PAUSE 50 WRITE");
    sim.advance(Duration::from_millis(20));
    assert_eq!(sim.engine.store().changes.counters.expired, 0);
    assert_eq!(sim.idle_us(), Some(30_000));
    // It is gone for everybody all the same, and nobody hears of it.
    assert_eq!(sim.run(client, "GET a"), ["nil"]);
    assert_eq!(sim.run(client, "RANDOMKEY"), ["\"a\""]);
    assert_eq!(sim.engine.store().changes.counters.expired, 0);
    sim.advance(Duration::from_millis(30));
    assert_eq!(sim.engine.store().changes.counters.expired, 1);
}

#[test]
fn one_that_waits_for_the_end_of_a_pause_is_not_idle() {
    let mut sim = Sim::new(1, Config { timeout: 1, ..Config::default() });
    let (operator, client) = (sim.connect(), sim.connect());
    sim.run(operator, "CLIENT PAUSE 5000");
    sim.run(client, "PING");
    sim.advance(Duration::from_millis(4_999));
    assert!(sim.conns[operator].is_closed && !sim.conns[client].is_closed);
    sim.advance(Duration::from_millis(1));
    assert_eq!(sim.replies(client).len(), 1);
}

#[test]
fn the_largest_clients_go_when_all_take_too_much() {
    let config = Config { maxmemory_clients: Share::Bytes(1 << 20), ..Config::default() };
    let mut sim = Sim::new(1, config);
    let conns: Vec<usize> = (0..4).map(|_| sim.connect()).collect();
    let spared = conns[3];
    assert_eq!(sim.run(spared, "CLIENT NO-EVICT ON"), ["+OK"]);
    for (size, conn) in [(100, conns[0]), (400, conns[1]), (300, conns[2]), (450, spared)] {
        let id = sim.conns[conn].id;
        let bytes = size << 10;
        let pending = Pending { argv_bytes: 0, query_bytes: bytes, capacity: bytes };
        sim.engine.end_turn(id, pending);
    }
    sim.run(conns[0], "PING");
    let closed: Vec<bool> = conns.iter().map(|conn| sim.conns[*conn].is_closed).collect();
    assert_eq!(closed, [false, true, false, false]);
    assert_eq!(sim.engine.state().stats.clients_evicted, 1);
    // With a lower limit more of them go.
    assert_eq!(sim.run(conns[0], "CONFIG SET maxmemory-clients 600kb"), ["+OK"]);
    sim.advance(Duration::ZERO);
    assert!(sim.conns[conns[2]].is_closed && !sim.conns[conns[0]].is_closed);
    // A part of the server's memory is a bound once that has one.
    assert_eq!(sim.run(conns[0], "CONFIG SET maxmemory-clients 10%"), ["+OK"]);
    assert_eq!(sim.engine.state().config.client_memory_max(), 0);
    assert_eq!(sim.run(conns[0], "CONFIG SET maxmemory 100mb"), ["+OK"]);
    assert_eq!(sim.engine.state().config.client_memory_max(), 10 << 20);
    assert!(!sim.conns[spared].is_closed);
}

#[test]
fn those_who_watch_see_what_ran_but_not_what_is_secret() {
    let mut sim = Sim::new(1, Config::default());
    let (watcher, client) = (sim.connect(), sim.connect());
    assert_eq!(sim.run(watcher, "MONITOR"), ["+OK"]);
    for line in ["SET a x\"y", "AUTH me secret", "CONFIG GET port", "GET", "NOSUCH", "INCR a"] {
        sim.run(client, line);
    }
    let lines: Vec<String> = sim.replies(watcher).iter().map(ToString::to_string).collect();
    let shown: Vec<&str> =
        lines.iter().filter_map(|line| line.split_once("] ")).map(|(_, what)| what).collect();
    let auth = r#""AUTH" "(redacted)" "(redacted)""#;
    assert_eq!(shown, [r#""SET" "a" "x\"y""#, auth, r#""INCR" "a""#]);
    sim.run(watcher, "RESET");
    sim.run(client, "PING");
    assert!(sim.replies(watcher).is_empty());
}

#[test]
fn one_that_watches_more_than_it_reads_is_closed() {
    let mut sim = Sim::new(1, Config::default());
    let (watcher, client) = (sim.connect(), sim.connect());
    let limits = ["CONFIG", "SET", "client-output-buffer-limit", "normal 20000 0 0"];
    sim.arrive(client, &encode(&limits), 16, |_| {});
    sim.run(watcher, "MONITOR");
    sim.arrive(client, &encode(&["SET", "a", &"x".repeat(1_000)]).repeat(20), 16, |_| {});
    assert!(sim.conns[watcher].is_closed && !sim.conns[client].is_closed);
}

#[test]
fn the_engine_describes_itself() {
    let mut sim = Sim::new(1, Config::default());
    let client = sim.connect();
    sim.run(client, "SET a 1");
    let text = sim.engine.describe(&mut sim.world);
    assert!(text.starts_with("# Server\r\n") && text.contains("db0:keys=1,"), "{text}");
}

#[test]
fn deaths_that_come_late_are_measured() {
    let mut sim = Sim::new(1, Config::default());
    let client = sim.connect();
    sim.run(client, "SET a 1 PX 10");
    sim.run(client, "SET b 1 PX 30");
    sim.advance(Duration::from_millis(14));
    sim.advance(Duration::from_millis(17));
    let info = sim.run(client, "INFO stats")[0].clone();
    assert!(info.contains("expiry_lag_usec:1000\\r"), "{info}");
    assert!(info.contains("expiry_lag_max_usec:4000\\r"), "{info}");
}

#[test]
fn brief_commands_of_a_burst_share_its_time() {
    let config = Config { latency_monitor_threshold: 5, ..Config::default() };
    let mut sim = Sim::new(1, config);
    let client = sim.connect();
    // Every reading of the stopwatch takes twenty milliseconds.
    sim.world.pace_us = 20_000;
    sim.arrive(client, &encode(&["GET", "a"]).repeat(3), 16, |_| {});
    assert!(sim.engine.state().slowlog.is_empty(), "six milliseconds each");
    sim.arrive(client, &encode(&["GET", "alone"]), 16, |_| {});
    sim.arrive(client, &encode(&["KEYS", "*"]), 16, |_| {});
    sim.world.pace_us = 0;
    let slow: Vec<u64> = sim.engine.state().slowlog.iter().map(|entry| entry.us).collect();
    assert_eq!(slow, [20_000, 20_000]);
    let events: Vec<(&str, u64)> =
        sim.engine.state().latency.iter().map(|(event, series)| (event, series.max_ms)).collect();
    assert_eq!(events, [("command", 20), ("fast-command", 20)]);
}

#[test]
fn slow_commands_are_logged_one_by_one() {
    let mut sim = Sim::new(1, Config { slowlog_log_slower_than: 5, ..Config::default() });
    let client = sim.connect();
    // Every reading of the stopwatch takes ten microseconds.
    sim.world.pace_us = 10;
    let burst: Vec<u8> = ["1", "2", "3"].iter().flat_map(|key| encode(&["GET", key])).collect();
    sim.arrive(client, &burst, 16, |_| {});
    sim.world.pace_us = 0;
    let log: Vec<String> = sim
        .engine
        .state()
        .slowlog
        .iter()
        .map(|entry| String::from_utf8_lossy(&entry.argv[1]).into_owned())
        .collect();
    assert_eq!(log, ["3", "2", "1"]);
}

#[test]
fn no_key_is_evicted_during_a_pause() {
    let config = Config {
        maxmemory_policy: spindle::config::kinds::EvictionPolicy::AllkeysRandom,
        ..Config::default()
    };
    let mut sim = Sim::new(1, config);
    let conn = sim.connect();
    for i in 0..1_000 {
        sim.run(conn, &format!("SET key:{i} {}", "v".repeat(100)));
    }
    sim.run(conn, "CLIENT PAUSE 1000 WRITE");
    assert_eq!(sim.run(conn, "CONFIG SET maxmemory 1"), ["+OK"]);
    sim.advance(Duration::from_millis(1));
    assert_eq!(sim.run(conn, "DBSIZE"), ["1000"]);
    sim.advance(Duration::from_secs(2));
    assert_eq!(sim.run(conn, "DBSIZE"), ["0"]);
}
