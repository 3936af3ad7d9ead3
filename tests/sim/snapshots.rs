//! Snapshots on a disk that fails, fills up, and loses what was not synced: at any time the file is
//! that of one whole snapshot.

use crate::requests::request;
use crate::support::client::encode;
use crate::support::collections::{self, Scope};
use crate::support::seeds;
use crate::world::{Record, Sim, same_dumps};
use fastrand::Rng;
use spindle::config::Config;
use spindle::data::list::PLAIN_BYTES;
use spindle::persist::rdb::load::Loading;
use spindle::persist::rdb::{Forms, Loader};
use std::time::Duration;

const SCOPE: Scope = Scope { is_newest: true, has_chance: true };

fn config() -> Config {
    Config { databases: 3, ..Config::default() }
}

/// A server on a disk that there has been before, with all that is there loaded.
fn start_on(old: &Sim, seed: u64) -> Sim {
    let mut sim = Sim::new(seed, config());
    sim.world.disk = old.world.disk.clone();
    sim.world.now = old.world.now;
    sim.engine.begin_loading(&mut sim.world).expect("the file can be opened");
    while sim.engine.state().persistence.is_loading() {
        sim.advance(Duration::ZERO);
    }
    assert_eq!(sim.engine.state().persistence.failure, None);
    sim
}

/// Requests by chance on a connection of their own, which may end up in any state.
fn fill(sim: &mut Sim, rng: &mut Rng) {
    let conn = sim.connect();
    for _ in 0..200 {
        let bytes = match rng.bool() {
            true => encode(&request(rng, sim.now_ms())),
            false => encode(&collections::any_request(rng, SCOPE)),
        };
        sim.arrive(conn, &bytes, 16, |_| {});
        sim.replies(conn);
        if sim.conns[conn].is_waiting || sim.conns[conn].is_closed {
            return;
        }
    }
    sim.run(conn, "DISCARD");
}

/// What is there and will be for a while: what dies meanwhile is of no interest here.
fn dump(sim: &mut Sim) -> Vec<Record> {
    let soon_ms = sim.now_ms() + 1_000;
    let mut all = sim.dump();
    all.retain(|(.., deadline_ms)| deadline_ms.is_none_or(|at_ms| at_ms > soon_ms));
    all
}

#[test]
fn what_is_saved_is_what_is_loaded() {
    for seed in seeds(60) {
        let mut rng = Rng::with_seed(seed);
        let mut sim = Sim::new(seed, config());
        let admin = sim.connect();
        fill(&mut sim, &mut rng);
        let kept = dump(&mut sim);
        if rng.bool() {
            assert_eq!(sim.run(admin, "SAVE"), ["+OK"], "seed {seed}");
        } else {
            assert_eq!(sim.run(admin, "BGSAVE"), ["+Background saving started"], "seed {seed}");
            fill(&mut sim, &mut rng);
            sim.end_child();
        }
        same_dumps(&dump(&mut start_on(&sim, seed + 1)), &kept, &format!("seed {seed}"));
    }
}

#[test]
fn a_snapshot_that_comes_in_pieces_is_the_same() {
    for seed in seeds(60) {
        let mut rng = Rng::with_seed(seed);
        let mut sim = Sim::new(seed, config());
        let admin = sim.connect();
        fill(&mut sim, &mut rng);
        assert_eq!(sim.run(admin, "SAVE"), ["+OK"], "seed {seed}");
        let bytes = sim.world.disk.read("dump.rdb").expect("it was saved");
        let mut other = Sim::new(seed + 1, config());
        other.world.now = sim.world.now;
        let hasher = other.engine.store().hasher().clone();
        let forms = Forms::of_file(&config(), &hasher, PLAIN_BYTES);
        let loading = Loading { forms, due_ms: None, replaces: false, checks_sum: true };
        let mut loader = Loader::fed(loading);
        let (mut rest, most) = (&bytes[..], rng.usize(1..3_000));
        while !rest.is_empty() {
            let (piece, later) = rest.split_at(rng.usize(1..=rest.len().min(most)));
            rest = later;
            loader.feed(piece);
            let stepped = loader.step(other.engine.store(), u64::MAX, u64::MAX);
            let is_whole = stepped.unwrap_or_else(|fault| panic!("seed {seed}: {fault}"));
            assert!(!is_whole || rest.is_empty(), "seed {seed}: it ends early");
        }
        loader.end_feed();
        let stepped = loader.step(other.engine.store(), u64::MAX, u64::MAX);
        assert!(stepped.is_ok_and(|is_whole| is_whole), "seed {seed}");
        same_dumps(&dump(&mut other), &dump(&mut sim), &format!("seed {seed}"));
    }
}

#[test]
fn a_save_that_fails_anywhere_leaves_a_whole_snapshot() {
    for seed in seeds(15) {
        for steps in 0..12 {
            let mut rng = Rng::with_seed(seed);
            let mut sim = Sim::new(seed, config());
            let admin = sim.connect();
            fill(&mut sim, &mut rng);
            assert_eq!(sim.run(admin, "SAVE"), ["+OK"]);
            let before = dump(&mut sim);
            fill(&mut sim, &mut rng);
            let after = dump(&mut sim);
            sim.world.disk.fail_after(Some(steps));
            let (replies, is_child) = match rng.bool() {
                true => (sim.run(admin, "SAVE"), false),
                false => (sim.run(admin, "BGSAVE"), true),
            };
            sim.end_child();
            let is_ok = match is_child {
                true => sim.engine.state().persistence.is_ok,
                false => replies == ["+OK"],
            };
            sim.world.disk.crash(&mut rng);
            let kept = dump(&mut start_on(&sim, seed + 1));
            let what = format!("seed {seed}, {steps} steps");
            if is_ok {
                same_dumps(&kept, &after, &what);
            } else if kept != before {
                // It may be there without a promise that it is.
                same_dumps(&kept, &after, &what);
            }
        }
    }
}

#[test]
fn a_full_disk_leaves_the_old_snapshot_and_refuses_changes() {
    let mut config = config();
    config.save = "900 1000".to_owned();
    let mut sim = Sim::new(1, config);
    let conn = sim.connect();
    sim.run(conn, "SET a old");
    assert_eq!(sim.run(conn, "SAVE"), ["+OK"]);
    sim.run(conn, "SET a new");
    sim.world.disk.set_room(Some(120));
    assert_eq!(sim.run(conn, "BGSAVE"), ["+Background saving started"]);
    sim.end_child();
    assert!(sim.run(conn, "SET b c")[0].starts_with("-MISCONF"));
    assert_eq!(sim.run(conn, "GET a"), ["\"new\""]);
    assert_eq!(sim.world.disk.read("temp-1.rdb"), None);
    let mut later = start_on(&sim, 2);
    let other = later.connect();
    assert_eq!(later.run(other, "GET a"), ["\"old\""]);
    sim.world.disk.set_room(None);
    sim.run(conn, "BGSAVE");
    sim.end_child();
    assert_eq!(sim.run(conn, "SET b c"), ["+OK"]);
}

#[test]
fn snapshots_are_due_without_a_look_at_the_clock() {
    let mut config = config();
    config.save = "60 2".to_owned();
    let mut sim = Sim::new(1, config);
    let conn = sim.connect();
    sim.run(conn, "SET a 1");
    assert_eq!(sim.idle_us(), None, "one change is not enough");
    sim.run(conn, "SET a 2");
    let idle_us = sim.idle_us().expect("a snapshot is due");
    assert!((59_000_000..=60_000_000).contains(&idle_us), "{idle_us}");
    sim.advance(Duration::from_secs(60));
    assert!(sim.engine.state().children.current().is_some());
    assert_eq!(sim.idle_us(), None, "nothing is due while it is taken");
    sim.end_child();
    assert_eq!(sim.idle_us(), None);
    // A failure is tried again after a while.
    sim.run(conn, "MSET a 3 b 4");
    sim.run(conn, "INCR a");
    sim.world.disk.fail_after(Some(0));
    sim.advance(Duration::from_secs(60));
    sim.end_child();
    assert_eq!(sim.idle_us(), Some(5_000_000));
}
