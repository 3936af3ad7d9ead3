//! SCAN keeps its promise while keys come and go.

use crate::support::client::encode;
use crate::support::reply::Reply;
use crate::support::seeds;
use crate::world::Sim;
use spindle::config::Config;
use std::collections::BTreeMap;
use std::time::Duration;

fn call(sim: &mut Sim, conn: usize, args: &[&str]) -> Reply {
    sim.arrive(conn, &encode(args), 16, |_| {});
    sim.replies(conn).remove(0)
}

#[test]
fn what_stays_is_returned_exactly_once_and_a_scan_ends() {
    for seed in seeds(20) {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut sim = Sim::new(seed, Config::default());
        let conn = sim.connect();
        let stays = rng.u32(1..3_000);
        for i in 0..stays {
            call(&mut sim, conn, &["SET", &format!("stays:{i}"), "v"]);
        }
        let mut passing: Vec<String> = (0..rng.u32(0..6_000)).map(|i| format!("old:{i}")).collect();
        for key in &passing {
            call(&mut sim, conn, &["SET", key, "v", "PX", &rng.u32(1..2_000).to_string()]);
        }
        let count = ["1", "10", "100", "1000"][rng.usize(0..4)];
        let (mut seen, mut cursor, mut new) = (BTreeMap::new(), "0".to_owned(), 0);
        for calls in 0.. {
            assert!(calls < 20_000, "seed {seed}: the scan ends");
            let reply = call(&mut sim, conn, &["SCAN", &cursor, "COUNT", count]);
            for key in reply.items()[1].items() {
                *seen.entry(key.text()).or_insert(0) += 1;
            }
            cursor = reply.items()[0].text();
            if cursor == "0" {
                break;
            }
            for _ in 0..rng.u32(0..20) {
                if new < 5_000 && rng.bool() {
                    call(&mut sim, conn, &["SET", &format!("new:{new}"), "v"]);
                    new += 1;
                } else if let Some(key) = passing.pop() {
                    call(&mut sim, conn, &["DEL", &key]);
                }
            }
            sim.advance(Duration::from_millis(rng.u64(0..5)));
        }
        for i in 0..stays {
            assert_eq!(seen.get(&format!("stays:{i}")), Some(&1), "seed {seed} key {i}");
        }
        assert!(seen.values().all(|times| *times == 1), "seed {seed}: nothing comes twice");
    }
}

#[test]
fn count_bounds_what_a_call_returns() {
    let mut sim = Sim::new(1, Config::default());
    let conn = sim.connect();
    for i in 0..100_000 {
        call(&mut sim, conn, &["SET", &format!("k:{i}"), "v"]);
    }
    let mut cursor = "0".to_owned();
    for _ in 0..1_000 {
        let reply = call(&mut sim, conn, &["SCAN", &cursor]);
        let keys = reply.items()[1].items().len();
        assert!((10..50).contains(&keys), "{keys}");
        cursor = reply.items()[0].text();
    }
    // A pattern that matches nothing does not make a call look at everything.
    let reply = call(&mut sim, conn, &["SCAN", "0", "MATCH", "nosuch"]);
    assert_eq!(reply.items()[1].items().len(), 0);
    assert_ne!(reply.items()[0].text(), "0");
}

#[test]
fn chance_reaches_every_key() {
    let mut sim = Sim::new(1, Config::default());
    let conn = sim.connect();
    for i in 0..500 {
        call(&mut sim, conn, &["SET", &format!("k:{i}"), "v"]);
    }
    let mut drawn = BTreeMap::new();
    for _ in 0..20_000 {
        let key = call(&mut sim, conn, &["RANDOMKEY"]).text();
        *drawn.entry(key).or_insert(0u32) += 1;
    }
    assert_eq!(drawn.len(), 500);
    assert!(drawn.values().all(|times| (10..100).contains(times)), "40 each, more or less");
}
