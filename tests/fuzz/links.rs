//! What one server sends another, bent by chance: the link ends or goes on, the server does.

use crate::support::client::encode;
use crate::support::collections::{self, Scope};
use crate::support::seeds;
use crate::world::{Follower, Sim};
use fastrand::Rng;
use spindle::config::Config;
use spindle::config::kinds::DisklessLoad;
use spindle::exec::{Connection, LinkTurn};
use std::time::Duration;

const ID: &str = "75cd7bc10c49047e0d163660f3b90625b1af31dc";
const SCOPE: Scope = Scope { is_newest: true, has_chance: true };

/// What a primary sends: the replies of the handshake, a snapshot, and changes.
fn session(rng: &mut Rng) -> Vec<u8> {
    let mut primary = Sim::new(rng.u64(..), Config::default());
    let conn = primary.connect();
    for _ in 0..rng.usize(0..40) {
        primary.arrive(conn, &encode(&collections::any_request(rng, SCOPE)), 16, |_| {});
        primary.replies(conn);
    }
    let admin = primary.connect();
    primary.run(admin, "SAVE");
    let snapshot = primary.world.disk.read("dump.rdb").unwrap_or_default();
    let mut bytes = b"+PONG\r\n+OK\r\n+OK\r\n".to_vec();
    bytes.extend_from_slice(format!("+FULLRESYNC {ID} 7\r\n").as_bytes());
    let has_mark = rng.bool();
    let header =
        if has_mark { format!("$EOF:{ID}\r\n") } else { format!("${}\r\n", snapshot.len()) };
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(&snapshot);
    if has_mark {
        bytes.extend_from_slice(ID.as_bytes());
    }
    for _ in 0..rng.usize(0..30) {
        bytes.extend(encode(&collections::any_request(rng, SCOPE)));
    }
    bytes
}

/// Changes some bytes, drops some, or puts some in.
fn bend(rng: &mut Rng, bytes: &mut Vec<u8>) {
    for _ in 0..rng.usize(0..4) {
        let at = rng.usize(0..=bytes.len());
        match rng.u8(0..5) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, rng.u8(..)),
            2 => bytes.splice(at..at, *b"\r\n").for_each(drop),
            3 if at < bytes.len() => drop(bytes.remove(at)),
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << rng.u8(0..8);
                }
            }
        }
    }
}

#[test]
fn a_replica_survives_its_primary() {
    for seed in seeds(120) {
        println!("seed {seed}");
        let mut rng = Rng::with_seed(seed);
        let mut config = Config::default();
        config.repl.primary = "host 7000".to_owned();
        config.repl.diskless_load = match rng.u8(0..3) {
            0 => DisklessLoad::Disabled,
            1 => DisklessLoad::SwapDb,
            _ => DisklessLoad::FlushBeforeLoad,
        };
        let mut sim = Sim::new(seed, config);
        for _ in 0..4 {
            let mut bytes = session(&mut rng);
            bend(&mut rng, &mut bytes);
            // It tries again a second after a failure.
            sim.advance(Duration::from_secs(2));
            link(&mut sim, &bytes, &mut rng);
            let client = sim.connect();
            let replies = sim.run(client, "PING");
            assert!(replies == ["+PONG"] || replies[0].starts_with("-LOADING"), "{replies:?}");
        }
    }
}

/// Opens a link by which these bytes come, and cuts it.
fn link(sim: &mut Sim, bytes: &[u8], rng: &mut Rng) {
    if sim.engine.wanted_link().is_none() {
        return;
    }
    sim.engine.link_connected();
    let (mut rest, mut follower) = (bytes, None::<Follower>);
    while !rest.is_empty() {
        let (now, later) = rest.split_at(rng.usize(1..=rest.len().min(5_000)));
        rest = later;
        let turn = match &mut follower {
            Some(follower) => {
                follower.take(sim, now);
                LinkTurn::Goes
            }
            None => sim.engine.link_input(now, &mut sim.world),
        };
        for _ in 0..100 {
            sim.advance(Duration::from_millis(1));
            if !sim.engine.is_link_loading() || sim.engine.is_link_ready() {
                break;
            }
        }
        if turn == LinkTurn::Over {
            return;
        }
        if follower.is_none() && (turn == LinkTurn::Follows || sim.engine.is_link_ready()) {
            let Some((id, begun)) = sim.engine.adopt_link(Connection::default()) else { return };
            let mut new = Follower::new(id);
            new.take(sim, &begun);
            follower = Some(new);
        }
    }
    match follower {
        Some(follower) => sim.engine.disconnect(follower.id),
        None => sim.engine.cut_link("no more", &mut sim.world),
    }
}

#[test]
fn a_primary_survives_its_replicas() {
    for seed in seeds(200) {
        let mut rng = Rng::with_seed(seed);
        let mut sim = Sim::new(seed, Config::default());
        for _ in 0..4 {
            let conn = sim.connect();
            let mut bytes = b"*1\r\n$4\r\nPING\r\n".to_vec();
            bytes.extend(encode(&["REPLCONF", "listening-port", "7001"]));
            bytes.extend(encode(&["REPLCONF", "capa", "eof", "capa", "psync2"]));
            if rng.bool() {
                bytes.extend(encode(&["REPLCONF", "rdb-filter-only", "functions"]));
            }
            let id = sim.engine.state().replication.history.id.clone();
            match rng.u8(0..3) {
                0 => bytes.extend(encode(&["SYNC"])),
                1 => bytes.extend(encode(&["PSYNC", "?", "-1"])),
                _ => bytes.extend(encode(&["PSYNC", &id, &rng.i64(-2..60).to_string()])),
            }
            for _ in 0..rng.usize(0..4) {
                bytes.extend(encode(&["REPLCONF", "ACK", &rng.i64(-5..500).to_string()]));
                bytes.extend_from_slice(b"\n");
            }
            bend(&mut rng, &mut bytes);
            sim.arrive(conn, &bytes, 16, |_| {});
            sim.engine.feed_replicas();
            sim.advance(Duration::from_secs(rng.u64(0..8)));
            sim.end_child();
            let writer = sim.connect();
            assert_eq!(sim.run(writer, "SET k v"), ["+OK"], "seed {seed}");
            sim.engine.feed_replicas();
            sim.advance(Duration::ZERO);
        }
    }
}
