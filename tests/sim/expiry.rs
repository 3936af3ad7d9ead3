//! Keys die on time: within their millisecond, storms in slices, and nothing wakes without a
//! reason.

use crate::support::client::encode;
use crate::world::Sim;
use spindle::config::Config;
use std::time::Duration;

fn sim() -> (Sim, usize) {
    let mut sim = Sim::new(1, Config::default());
    let conn = sim.connect();
    (sim, conn)
}

#[test]
fn a_key_lives_until_its_millisecond_and_not_longer() {
    let (mut sim, conn) = sim();
    sim.run(conn, "SET k v PX 50");
    sim.advance(Duration::from_micros(49_999));
    assert_eq!(sim.run(conn, "GET k"), ["\"v\""]);
    assert_eq!(sim.idle_us(), Some(1));
    sim.advance(Duration::from_micros(1));
    assert_eq!(sim.run(conn, "DBSIZE"), ["0"]);
    assert_eq!(sim.idle_us(), None);
}

#[test]
fn an_event_tells_of_every_death() {
    let (mut sim, conn) = sim();
    let listener = sim.connect();
    sim.run(conn, "CONFIG SET notify-keyspace-events Ex");
    sim.run(listener, "SUBSCRIBE __keyevent@0__:expired");
    sim.run(conn, "SET active v PX 10");
    sim.advance(Duration::from_millis(10));
    sim.run(conn, "SET lazy v PXAT 1");
    sim.run(conn, "GET lazy");
    let told: Vec<String> = sim.replies(listener).iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "[\"message\", \"__keyevent@0__:expired\", \"active\"]",
            "[\"message\", \"__keyevent@0__:expired\", \"lazy\"]",
        ]
    );
}

#[test]
fn a_storm_is_worked_off_in_slices_and_never_seen_alive() {
    let (mut sim, conn) = sim();
    let count = 50_000;
    for i in 0..count {
        sim.run(conn, &format!("SET k{i} v PX 100"));
    }
    sim.run(conn, "SET stays v");
    sim.advance(Duration::from_millis(100));
    let mut ticks = 1;
    while sim.idle_us() == Some(0) {
        assert_eq!(sim.run(conn, &format!("GET k{}", count - 1)), ["nil"]);
        assert_eq!(sim.run(conn, "KEYS *"), ["[\"stays\"]"]);
        let left: i64 = sim.run(conn, "DBSIZE")[0].parse().unwrap();
        assert!(left > 0);
        sim.advance(Duration::ZERO);
        ticks += 1;
    }
    assert!(ticks > 5, "{ticks} ticks");
    assert_eq!(sim.run(conn, "DBSIZE"), ["1"]);
    assert_eq!(sim.engine.store().changes.counters.expired, count);
}

#[test]
fn without_active_expiry_keys_die_when_they_are_looked_at() {
    let config =
        Config { enable_debug_command: spindle::config::kinds::Access::Yes, ..Config::default() };
    let mut sim = Sim::new(1, config);
    let conn = sim.connect();
    assert_eq!(sim.run(conn, "DEBUG SET-ACTIVE-EXPIRE 0"), ["+OK"]);
    sim.run(conn, "SET a v PX 10");
    sim.run(conn, "SET b v PX 10");
    sim.advance(Duration::from_secs(1));
    assert_eq!(sim.idle_us(), None);
    assert_eq!(sim.run(conn, "DBSIZE"), ["2"]);
    assert_eq!(sim.run(conn, "GET a"), ["nil"]);
    assert_eq!(sim.run(conn, "DBSIZE"), ["1"]);
    assert_eq!(sim.run(conn, "RANDOMKEY"), ["nil"]);
    assert_eq!(sim.run(conn, "DBSIZE"), ["0"]);
    sim.run(conn, "SET c v PX 10");
    assert_eq!(sim.run(conn, "DEBUG SET-ACTIVE-EXPIRE 1"), ["+OK"]);
    sim.advance(Duration::from_secs(1));
    assert_eq!(sim.run(conn, "DBSIZE"), ["0"]);
}

#[test]
fn renewals_leave_one_deadline() {
    let (mut sim, conn) = sim();
    sim.run(conn, "SET k v");
    for i in 0..10_000 {
        sim.run(conn, &format!("EXPIRE k {}", 100 + i % 50));
    }
    assert_eq!(sim.engine.store().lens(0), (1, 1));
    sim.run(conn, "PERSIST k");
    assert_eq!(sim.engine.store().lens(0), (1, 0));
    assert_eq!(sim.idle_us(), None);
}

#[test]
fn a_sleeping_command_does_not_hold_time_back() {
    let config =
        Config { enable_debug_command: spindle::config::kinds::Access::Local, ..Config::default() };
    let mut sim = Sim::new(1, config);
    let conn = sim.connect();
    sim.run(conn, "SET k v PX 100");
    sim.run(conn, "DEBUG SLEEP 0.2");
    assert_eq!(sim.run(conn, "GET k"), ["nil"]);
}

#[test]
fn time_goes_on_within_a_burst() {
    let (mut sim, conn) = sim();
    sim.run(conn, "SET k v PX 20");
    sim.world.pace_us = 1_000;
    let mut burst = Vec::new();
    for _ in 0..15 {
        burst.extend(encode(&["KEYS", "*"]));
        burst.extend(encode(&["GET", "k"]));
    }
    sim.arrive(conn, &burst, 16, |_| {});
    let replies: Vec<String> = sim.replies(conn).iter().map(ToString::to_string).collect();
    assert_eq!(replies[1], "\"v\"");
    assert_eq!(replies[29], "nil");
    // A client whose turn comes later in the tick sees it too, and so does the sleep.
    sim.world.pace_us = 0;
    let other = sim.connect();
    sim.run(conn, "SET k v PX 20");
    sim.world.now = sim.world.now.after(Duration::from_millis(15));
    assert_eq!(sim.run(other, "PTTL k"), ["5"]);
    assert_eq!(sim.idle_us(), Some(5_000));
}

#[test]
fn a_flushed_database_is_freed_in_slices() {
    let (mut sim, conn) = sim();
    for i in 0..20_000 {
        sim.run(conn, &format!("SET k{i} v"));
    }
    assert_eq!(sim.run(conn, "FLUSHALL ASYNC"), ["+OK"]);
    assert_eq!(sim.run(conn, "DBSIZE"), ["0"]);
    let mut slices = 0;
    while let Some(us) = sim.idle_us() {
        assert!(us < 1_000, "{us}: no more than a breath between two slices");
        sim.advance(Duration::from_micros(us));
        slices += 1;
    }
    assert!(slices > 2, "{slices}");
}

#[test]
fn time_stands_still_in_a_transaction() {
    let mut sim = Sim::new(1, Config::default());
    let conn = sim.connect();
    sim.world.pace_us = 3_000;
    let mut lines = vec!["MULTI", "SET a 1 PX 1000"];
    lines.extend(["EXISTS a", "GET a"].repeat(50));
    lines.extend(["SET b 1 PX 1000", "PEXPIRETIME a", "PEXPIRETIME b", "PTTL a"]);
    lines.iter().for_each(|line| assert_eq!(sim.run(conn, line).len(), 1));
    let reply = sim.run(conn, "EXEC").remove(0);
    let items: Vec<&str> = reply.trim_matches(['[', ']']).split(", ").collect();
    let [.., a, b, ttl] = items[..] else { panic!("{reply}") };
    assert_eq!((a, ttl), (b, "1000"));
}
