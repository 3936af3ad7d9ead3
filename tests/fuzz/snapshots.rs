//! Snapshots and payloads that are damaged: whatever they hold, they are refused or can be used.

use crate::support::client::encode;
use crate::support::collections::{self, KEYS, Scope};
use crate::support::seeds;
use crate::world::Sim;
use fastrand::Rng;
use spindle::config::Config;
use spindle::config::kinds::{Access, Sanitize};
use std::time::Duration;

const SCOPE: Scope = Scope { is_newest: true, has_chance: true };

pub fn config(rng: &mut Rng) -> Config {
    let sanitize_dump_payload = [Sanitize::No, Sanitize::Yes][rng.usize(0..2)];
    let (small, rdbcompression) = (rng.bool(), rng.bool());
    Config {
        rdbchecksum: false,
        enable_debug_command: Access::Yes,
        hash_max_listpack_entries: if small { 4 } else { 512 },
        zset_max_listpack_entries: if small { 4 } else { 128 },
        set_max_listpack_entries: if small { 4 } else { 128 },
        list_max_listpack_size: if small { 3 } else { -2 },
        rdb_version: rng.i64(10..=12),
        rdbcompression,
        sanitize_dump_payload,
        ..Config::default()
    }
}

/// Requests of all kinds to collections.
pub fn use_keys(sim: &mut Sim, rng: &mut Rng, count: usize) {
    let conn = sim.connect();
    for _ in 0..count {
        sim.arrive(conn, &encode(&collections::any_request(rng, SCOPE)), 16, |_| {});
        sim.replies(conn);
    }
    let id = sim.conns[conn].id;
    sim.engine.disconnect(id);
}

/// Bytes by chance, more or less of them.
pub fn damage(rng: &mut Rng, bytes: &mut Vec<u8>, from: usize) {
    for _ in 0..rng.usize(0..4) {
        if bytes.len() <= from {
            return;
        }
        let at = rng.usize(from..bytes.len());
        match rng.u8(0..6) {
            0 => bytes[at] = [0, 1, 0x7F, 0x80, 0x81, 0xC3, 0xFF][rng.usize(0..7)],
            1 => bytes[at] = bytes[at].wrapping_add(1),
            2 => bytes.insert(at, rng.u8(..)),
            3 => drop(bytes.remove(at)),
            4 => bytes.truncate(at),
            _ => bytes[at] = rng.u8(..),
        }
    }
}

#[test]
fn damaged_snapshots_are_refused_or_can_be_used() {
    for seed in seeds(300) {
        let mut rng = Rng::with_seed(seed);
        let mut sim = Sim::new(seed, config(&mut rng));
        let conn = sim.connect();
        use_keys(&mut sim, &mut rng, 150);
        assert_eq!(sim.run(conn, "SAVE"), ["+OK"]);
        let mut bytes = sim.world.disk.read("dump.rdb").expect("it is there");
        damage(&mut rng, &mut bytes, 9);
        let mut other = Sim::new(seed, config(&mut rng));
        other.world.now = sim.world.now;
        other.world.disk.put("dump.rdb", &bytes);
        other.engine.begin_loading(&mut other.world).expect("it can be opened");
        while other.engine.state().persistence.is_loading() {
            other.advance(Duration::ZERO);
        }
        let conn = other.connect();
        other.engine.state_mut().is_stopping = false;
        // What was loaded before the fault is there, and must be sound as well.
        use_keys(&mut other, &mut rng, 150);
        other.run(conn, "DEBUG DIGEST");
        assert_eq!(other.run(conn, "DEBUG RELOAD"), ["+OK"], "seed {seed}");
    }
}

#[test]
fn damaged_payloads_are_refused_or_can_be_used() {
    for seed in seeds(200) {
        let mut rng = Rng::with_seed(seed);
        let mut sim = Sim::new(seed, config(&mut rng));
        let conn = sim.connect();
        use_keys(&mut sim, &mut rng, 150);
        assert_eq!(sim.run(conn, "DEBUG SET-SKIP-CHECKSUM-VALIDATION 1"), ["+OK"]);
        for _ in 0..150 {
            let key = format!("key:{}", rng.u32(0..KEYS));
            sim.arrive(conn, &encode(&["DUMP", &key]), 16, |_| {});
            let replies = sim.replies(conn);
            if replies[0].to_string() == "nil" {
                continue;
            }
            let mut bytes = replies[0].bytes().to_vec();
            damage(&mut rng, &mut bytes, 0);
            let target = format!("key:{}", rng.u32(0..KEYS));
            let request: [&[u8]; 5] = [b"RESTORE", target.as_bytes(), b"0", &bytes, b"REPLACE"];
            sim.arrive(conn, &encode(&request), 16, |_| {});
            sim.replies(conn);
            use_keys(&mut sim, &mut rng, 3);
        }
        sim.run(conn, "DEBUG DIGEST");
        assert_eq!(sim.run(conn, "DEBUG RELOAD"), ["+OK"], "seed {seed}");
    }
}
