//! Memory stays within its limit: which keys go, who hears of it, what is refused, and what counts
//! as use.

use crate::world::{Record, Sim};
use spindle::config::Config;
use spindle::config::kinds::{Access, Choice, EvictionPolicy};
use spindle::exec::Sink;
use std::io::{Read, Seek, Write};
use std::time::Duration;

const POLICIES: [&str; 9] = [
    "allkeys-lru",
    "allkeys-lfu",
    "allkeys-lrm",
    "allkeys-random",
    "volatile-lru",
    "volatile-lfu",
    "volatile-lrm",
    "volatile-random",
    "volatile-ttl",
];

/// Bytes by which memory may be over its limit: what one burst and its replies take.
const SLACK: u64 = 64 * 1024;

fn sim(policy: &str) -> (Sim, usize) {
    let mut maxmemory_policy = EvictionPolicy::NoEviction;
    maxmemory_policy.choose(policy).unwrap();
    let enable_debug_command = Access::Yes;
    let config =
        Config { databases: 2, maxmemory_policy, enable_debug_command, ..Config::default() };
    let mut sim = Sim::new(1, config);
    let conn = sim.connect();
    (sim, conn)
}

/// Lets so many more bytes be used than are.
fn limit_to(sim: &mut Sim, conn: usize, more: u64) -> u64 {
    let limit = used(sim) + more;
    assert_eq!(sim.run(conn, &format!("CONFIG SET maxmemory {limit}")), ["+OK"]);
    limit
}

fn used(sim: &mut Sim) -> u64 {
    sim.engine.state_mut().memory_used()
}

fn evicted(sim: &mut Sim) -> u64 {
    sim.engine.store().changes.counters.evicted
}

fn info(sim: &mut Sim, conn: usize, field: &str) -> u64 {
    let text = sim.run(conn, "INFO stats").concat();
    let at = text.find(&format!("{field}:")).expect("a field") + field.len() + 1;
    let digits: String = text[at..].chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap()
}

#[test]
fn memory_stays_within_its_limit_under_every_policy() {
    for policy in POLICIES {
        let (mut sim, conn) = sim(policy);
        sim.engine.begin_feed(Sink::Log);
        // Memory of this thread is what is limited.
        let mut changes = tempfile::tempfile().unwrap();
        for i in 0..500 {
            sim.run(conn, &format!("SET stays:{i} value"));
        }
        let limit = limit_to(&mut sim, conn, 200_000);
        for i in 0..6_000 {
            sim.run(conn, &format!("SELECT {}", i % 2));
            let reply = sim.run(conn, &format!("SETEX key:{i} {} {}", 1_000 + i, "v".repeat(50)));
            assert_eq!(reply, ["+OK"], "{policy}");
            assert!(used(&mut sim) <= limit + SLACK, "{policy}");
            changes.write_all(&sim.engine.state_mut().feed.take(Sink::Log)).unwrap();
        }
        sim.run(conn, "CONFIG SET maxmemory 0");
        let mut twin = Sim::new(2, Config { databases: 2, ..Config::default() });
        let twin_conn = twin.connect();
        let mut bytes = Vec::new();
        changes.rewind().unwrap();
        changes.read_to_end(&mut bytes).unwrap();
        twin.replay(twin_conn, &bytes);
        assert!(evicted(&mut sim) > 1_000, "{policy}");
        assert_eq!(sim.dump(), twin.dump(), "{policy}: evictions are propagated");
        let stay = sim.dump().iter().filter(|record| record.1.starts_with(b"stays")).count();
        assert_eq!(stay == 500, policy.starts_with("volatile"), "{policy}: {stay} stay");
    }
}

#[test]
fn without_a_key_to_evict_what_needs_memory_is_refused() {
    for policy in ["noeviction", "volatile-lru", "volatile-ttl", "volatile-random"] {
        let (mut sim, conn) = sim(policy);
        let refusal = "-OOM command not allowed when used memory > 'maxmemory'.";
        sim.run(conn, "SET a 1");
        sim.run(conn, "CONFIG SET maxmemory 1");
        assert_eq!(sim.run(conn, "SET b 1"), [refusal], "{policy}");
        assert_eq!(sim.run(conn, "GET a"), ["\"1\""]);
        assert_eq!(sim.run(conn, "EXPIRE nosuch 100"), ["0"]);
        assert_eq!(sim.run(conn, "SET a"), ["-ERR wrong number of arguments for 'set' command"]);
        assert_eq!(sim.run(conn, "DEL a"), ["1"]);
        assert_eq!(sim.run(conn, "INCR a"), [refusal]);
        sim.advance(Duration::from_millis(30));
        assert_eq!(sim.idle_us(), None, "{policy}: nothing can be done about it");
        assert!(info(&mut sim, conn, "current_eviction_exceeded_time") >= 30);
        assert_eq!(sim.run(conn, "CONFIG SET maxmemory 0"), ["+OK"]);
        assert_eq!(sim.run(conn, "INCR a"), ["1"]);
        assert_eq!(info(&mut sim, conn, "current_eviction_exceeded_time"), 0);
        assert_eq!(info(&mut sim, conn, "total_eviction_exceeded_time"), 30);
    }
}

#[test]
fn a_lower_limit_is_worked_off_in_ticks_without_requests() {
    let (mut sim, conn) = sim("allkeys-random");
    let before = used(&mut sim);
    for i in 0..30_000 {
        sim.run(conn, &format!("SET key:{i} {}", "v".repeat(100)));
    }
    let limit = before.midpoint(used(&mut sim));
    // In simulated time no eviction takes any, so that only the tenacity bounds a command's share.
    sim.run(conn, &format!("CONFIG SET maxmemory-eviction-tenacity 0 maxmemory {limit}"));
    let mut ticks = 0;
    while sim.idle_us() == Some(0) {
        sim.advance(Duration::ZERO);
        ticks += 1;
    }
    assert!(ticks > 3, "{ticks} ticks");
    assert!(used(&mut sim) <= limit);
    assert_eq!(sim.run(conn, "DBSIZE").len(), 1);
}

#[test]
fn a_flushed_database_is_freed_before_keys_are_evicted() {
    let (mut sim, conn) = sim("allkeys-lru");
    for i in 0..20_000 {
        sim.run(conn, &format!("SET key:{i} {}", "v".repeat(100)));
    }
    limit_to(&mut sim, conn, 10_000);
    assert_eq!(sim.run(conn, "FLUSHALL ASYNC"), ["+OK"]);
    // Commands that run for the first time take some memory, too, so that some keys may be gone.
    let before = evicted(&mut sim);
    for i in 0..500 {
        assert_eq!(sim.run(conn, &format!("SET new:{i} {}", "v".repeat(100))), ["+OK"]);
    }
    assert_eq!(evicted(&mut sim), before);
}

#[test]
fn the_earliest_deadline_goes_first_in_whatever_database() {
    let (mut sim, conn) = sim("volatile-ttl");
    for i in 0..2_000 {
        sim.run(conn, &format!("SELECT {}", i % 2));
        sim.run(conn, &format!("SET key:{i} {} EX {}", "v".repeat(100), 10_000 - i));
    }
    let limit = used(&mut sim) - 100_000;
    sim.run(conn, &format!("CONFIG SET maxmemory {limit}"));
    sim.advance(Duration::ZERO);
    let left = 2_000 - evicted(&mut sim);
    assert!((500..1_900).contains(&left), "{left}");
    let kept = |record: &Record| {
        let number: u64 = String::from_utf8_lossy(&record.1[4..]).parse().unwrap();
        number < left
    };
    assert!(sim.dump().iter().all(kept));
}

#[test]
fn an_event_tells_of_every_eviction() {
    let (mut sim, conn) = sim("allkeys-random");
    let listener = sim.connect();
    sim.run(conn, "CONFIG SET notify-keyspace-events Ee");
    sim.run(listener, "SUBSCRIBE __keyevent@0__:evicted __keyevent@0__:expired");
    sim.run(conn, "SET only v");
    sim.run(conn, "CONFIG SET maxmemory 1");
    sim.run(conn, "PING");
    let told: Vec<String> = sim.replies(listener).iter().map(ToString::to_string).collect();
    assert_eq!(told, ["[\"message\", \"__keyevent@0__:evicted\", \"only\"]"]);
    assert_eq!(info(&mut sim, conn, "evicted_keys"), 1);
}

/// Uses some keys again and again while others come; the share of the used ones that is left.
fn left_of_used(policy: &str, request: &str) -> f64 {
    let (mut sim, conn) = sim(policy);
    let expiry = if policy.starts_with("volatile") { " EX 100000" } else { "" };
    let value = "v".repeat(100);
    for i in 0..200 {
        sim.run(conn, &format!("SET used:{i} {value}{expiry}"));
    }
    limit_to(&mut sim, conn, 100_000);
    for i in 0..3_000 {
        sim.advance(Duration::from_millis(20));
        for j in 0..4 {
            let line = request.replace("KEY", &format!("used:{}", (i * 4 + j) % 200));
            sim.run(conn, &line.replace("VALUE", &value));
        }
        sim.run(conn, &format!("SET other:{i} {value}{expiry}"));
    }
    let keys = sim.run(conn, "KEYS used:*").concat();
    f64::from(u32::try_from(keys.matches("used").count()).unwrap()) / 200.0
}

#[test]
fn what_is_used_stays() {
    for policy in ["allkeys-lru", "volatile-lru", "allkeys-lfu", "volatile-lfu"] {
        assert!(left_of_used(policy, "GET KEY") > 0.95, "{policy}");
        assert!(left_of_used(policy, "TTL KEY") < 0.5, "{policy}: TTL is no use");
    }
    for policy in ["allkeys-lrm", "volatile-lrm"] {
        assert!(left_of_used(policy, "GET KEY") < 0.5, "{policy}: GET changes nothing");
        assert!(left_of_used(policy, "SET KEY VALUE XX KEEPTTL") > 0.95, "{policy}");
    }
}

#[test]
fn idle_time_is_told_and_not_everything_ends_it() {
    let (mut sim, conn) = sim("noeviction");
    let quiet = sim.connect();
    sim.run(quiet, "CLIENT NO-TOUCH ON");
    sim.run(conn, "SET k v EX 1000");
    sim.advance(Duration::from_secs(100));
    for request in ["TTL k", "PTTL k", "TYPE k", "EXISTS k", "OBJECT ENCODING k", "EXPIRETIME k"] {
        sim.run(conn, request);
        assert_eq!(sim.run(conn, "OBJECT IDLETIME k"), ["100"], "{request}");
    }
    sim.run(quiet, "GET k");
    assert_eq!(sim.run(quiet, "OBJECT IDLETIME k"), ["100"]);
    let object = sim.run(quiet, "DEBUG OBJECT k");
    assert!(object[0].ends_with(" lru_seconds_idle:100"), "{object:?}");
    sim.run(quiet, "TOUCH k");
    assert_eq!(sim.run(quiet, "OBJECT IDLETIME k"), ["0"]);
    for request in ["GET k", "MGET k", "EXPIRE k 1000", "RENAME k k2", "RENAME k2 k", "SET k v"] {
        sim.advance(Duration::from_secs(10));
        sim.run(conn, request);
        let key = if request == "RENAME k k2" { "k2" } else { "k" };
        assert_eq!(sim.run(conn, &format!("OBJECT IDLETIME {key}")), ["0"], "{request}");
    }
    sim.advance(Duration::from_secs(10));
    sim.run(conn, "COPY nosuch k");
    sim.run(conn, "CLIENT NO-TOUCH ON");
    sim.run(conn, "RESET");
    sim.run(conn, "GET k");
    assert_eq!(sim.run(conn, "OBJECT IDLETIME k"), ["0"]);
}

#[test]
fn frequency_is_told_under_an_lfu_policy() {
    let (mut sim, conn) = sim("allkeys-lfu");
    sim.run(conn, "SET k v");
    assert_eq!(sim.run(conn, "OBJECT FREQ k"), ["5"]);
    for _ in 0..1_000 {
        sim.run(conn, "GET k");
    }
    let often: u64 = sim.run(conn, "OBJECT FREQ k")[0].parse().unwrap();
    assert!((10..30).contains(&often), "{often}");
    sim.run(conn, "SET k v");
    sim.advance(Duration::from_secs(180));
    let after: u64 = sim.run(conn, "OBJECT FREQ k")[0].parse().unwrap();
    assert!(often - after == 3 || often - after == 2, "{often} {after}");
    sim.run(conn, "CONFIG SET maxmemory-policy allkeys-lru");
    assert!(sim.run(conn, "OBJECT FREQ k")[0].starts_with("-ERR An LFU maxmemory policy is not"));
}

#[test]
fn events_of_evictions_do_not_cause_more_of_them() {
    let (mut sim, conn) = sim("allkeys-random");
    assert_eq!(sim.run(conn, "CONFIG SET notify-keyspace-events KEA"), ["+OK"]);
    for i in 0..5_000 {
        sim.run(conn, &format!("SET key:{i} x"));
    }
    limit_to(&mut sim, conn, 0);
    for i in 5_000..6_000 {
        sim.run(conn, &format!("SET key:{i} x"));
    }
    let left: usize = sim.run(conn, "DBSIZE")[0].parse().unwrap();
    assert!(left > 4_000, "{left} keys are left");
}
