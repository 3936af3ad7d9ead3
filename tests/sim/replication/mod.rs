//! A primary, its replicas and theirs, whatever the network does: in the end all hold the same at
//! the same offset, and no write is lost that WAIT has acknowledged.

mod net;

use crate::requests::request;
use crate::support::collections::{self, Scope};
use crate::support::seeds;
use crate::world::{same_dumps, without_times};
use net::Net;
use spindle::config::Config;
use spindle::config::kinds::DisklessLoad;
use std::time::Duration;

const SCOPE: Scope = Scope { is_newest: true, has_chance: true };

/// A client of a node.
struct Client {
    node: usize,
    conn: usize,
}

impl Client {
    fn of(net: &mut Net, node: usize) -> Client {
        Client { node, conn: net.nodes[node].sim.connect() }
    }

    /// Sends a request; one that waits or is closed for it is replaced by another client.
    fn send(&mut self, net: &mut Net, words: &[Vec<u8>]) {
        net.run(self.node, self.conn, words);
        let sim = &mut net.nodes[self.node].sim;
        if sim.conns[self.conn].is_waiting || sim.conns[self.conn].is_closed {
            sim.engine.disconnect(sim.conns[self.conn].id);
            sim.conns[self.conn].is_closed = true;
            self.conn = sim.connect();
        }
    }

    /// Requests by chance that leave the keys of others alone.
    fn change(&mut self, net: &mut Net, count: usize) {
        for _ in 0..count {
            let words = collections::any_request(&mut net.rng, SCOPE);
            // On a replica it would note a count that the primary does not note.
            let is_replica = net.nodes[self.node].sim.engine.state().is_replica();
            if is_replica && words[0].eq_ignore_ascii_case("PFCOUNT") {
                continue;
            }
            self.send(net, &words.into_iter().map(String::into_bytes).collect::<Vec<_>>());
        }
    }

    /// Requests by chance of every kind.
    fn fill(&mut self, net: &mut Net, count: usize) {
        for _ in 0..count {
            if net.rng.bool() {
                self.change(net, 1);
                continue;
            }
            let now_ms = net.nodes[self.node].sim.now_ms();
            let words = request(&mut net.rng, now_ms);
            self.send(net, &words);
        }
    }
}

fn words(line: &str) -> Vec<&[u8]> {
    line.split(' ').map(str::as_bytes).collect()
}

/// Whether a node has everything that its primary has, all being at rest.
fn is_up(net: &Net, node: usize) -> bool {
    let primary = net.nodes[node].sim.engine.state().replication.primary.as_ref();
    primary.is_some_and(|primary| primary.is_up())
}

fn offset(net: &Net, node: usize) -> u64 {
    net.nodes[node].sim.engine.state().replication_offset()
}

/// Lets all wires heal and all bytes arrive: then all nodes hold the same.
fn settle(net: &mut Net, primary: usize, what: &str) {
    (net.is_dark, net.delay_us) = (false, 1_000);
    for _ in 0..4_000 {
        net.step(Duration::from_millis(20));
        let others = (0..net.nodes.len()).filter(|node| *node != primary);
        let mut others = others.collect::<Vec<_>>().into_iter();
        if others.all(|node| is_up(net, node) && offset(net, node) == offset(net, primary)) {
            break;
        }
    }
    let expected = without_times(&net.nodes[primary].sim.dump());
    for node in 0..net.nodes.len() {
        let what = format!("{what}, node {node}");
        let is_there = node == primary || is_up(net, node);
        assert!(is_there, "{what}: it does not follow");
        assert_eq!(offset(net, node), offset(net, primary), "{what}: offsets");
        same_dumps(&without_times(&net.nodes[node].sim.dump()), &expected, &what);
    }
}

fn follow(net: &mut Net, node: usize, primary: usize) {
    let mut client = Client::of(net, node);
    let words = Net::follow_words(primary).map(String::into_bytes);
    client.send(net, &words);
}

fn config(seed: u64) -> Config {
    let mut config = Config { databases: 3, ..Config::default() };
    config.repl.diskless_sync = !seed.is_multiple_of(3);
    config.repl.diskless_sync_delay_s = i64::from(seed.is_multiple_of(2));
    config.repl.diskless_load = match seed % 4 {
        0 => DisklessLoad::Disabled,
        1 => DisklessLoad::SwapDb,
        2 => DisklessLoad::OnEmptyDb,
        _ => DisklessLoad::FlushBeforeLoad,
    };
    config.repl.ping_period_s = 1;
    // Small enough that partial synchronization is not always possible.
    config.repl.backlog_size = if seed.is_multiple_of(5) { "16384" } else { "1048576" }.to_owned();
    config
}

#[test]
fn all_nodes_hold_the_same_in_the_end() {
    for seed in seeds(40) {
        println!("seed {seed}");
        let mut net = Net::new(seed, 4, config(seed));
        let mut client = Client::of(&mut net, 0);
        client.fill(&mut net, 100);
        // Two replicas, and one of the second of them.
        follow(&mut net, 1, 0);
        follow(&mut net, 2, 0);
        follow(&mut net, 3, 2);
        let mut own = [1, 2, 3].map(|node| Client::of(&mut net, node));
        for _ in 0..60 {
            net.delay_us = net.rng.u64(0..50_000);
            let count = net.rng.usize(0..25);
            client.fill(&mut net, count);
            // They may not change anything.
            let replica = net.rng.usize(0..own.len());
            own[replica].fill(&mut net, 2);
            let replica = own[replica].node;
            match net.rng.u8(0..14) {
                0 | 1 => net.cut(replica),
                2 => {
                    net.kill(replica);
                    net.start(replica);
                    follow(&mut net, replica, if replica == 3 { 2 } else { 0 });
                    own[replica - 1] = Client::of(&mut net, replica);
                }
                3 => net.is_dark = true,
                4..8 => net.is_dark = false,
                _ => {}
            }
            let ms = net.rng.u64(0..400);
            net.step(Duration::from_millis(ms));
        }
        settle(&mut net, 0, &format!("seed {seed}"));
    }
}

#[test]
fn what_wait_has_acknowledged_outlives_the_primary() {
    for seed in seeds(40) {
        println!("seed {seed}");
        let mut net = Net::new(seed, 3, config(seed));
        let mut primary = 0;
        follow(&mut net, 1, 0);
        follow(&mut net, 2, 0);
        let mut acknowledged: Vec<String> = Vec::new();
        let mut count = 0;
        for round in 0..4 {
            let mut client = Client::of(&mut net, primary);
            for _ in 0..net.rng.usize(5..30) {
                net.delay_us = net.rng.u64(0..30_000);
                client.change(&mut net, 5);
                if net.rng.u8(0..8) == 0 {
                    let node = net.rng.usize(0..3);
                    net.cut(node);
                }
                count += 1;
                let name = format!("kept:{count}");
                if write_and_wait(&mut net, primary, &name) {
                    acknowledged.push(name);
                }
            }
            let what = format!("seed {seed}, round {round}");
            primary = fail_over(&mut net, primary);
            let asker = net.nodes[primary].sim.connect();
            for name in &acknowledged {
                let found = net.run(primary, asker, &words(&format!("EXISTS {name}")));
                assert_eq!(found, ["1"], "{what}: {name} is lost");
            }
        }
        settle(&mut net, primary, &format!("seed {seed}"));
    }
}

/// Writes a key by a client of its own that waits for a replica; whether one has it.
fn write_and_wait(net: &mut Net, primary: usize, name: &str) -> bool {
    let conn = net.nodes[primary].sim.connect();
    let written = net.run(primary, conn, &words(&format!("SET {name} 1")));
    assert_eq!(written, ["+OK"], "{name}");
    let mut replies = net.run(primary, conn, &words("WAIT 1 500"));
    for _ in 0..40 {
        if !replies.is_empty() {
            break;
        }
        let ms = net.rng.u64(0..60);
        net.step(Duration::from_millis(ms));
        let sim = &mut net.nodes[primary].sim;
        replies = sim.replies(conn).iter().map(ToString::to_string).collect();
    }
    replies.first().is_some_and(|reply| reply != "0")
}

/// The primary dies, and the replica that has most takes its place, as Sentinel would have it; then
/// the old one comes back as a replica, with what it had on its disk.
fn fail_over(net: &mut Net, old: usize) -> usize {
    if net.rng.bool() {
        let conn = net.nodes[old].sim.connect();
        net.run(old, conn, &words("SAVE"));
    }
    net.kill(old);
    let ms = net.rng.u64(0..3_000);
    net.step(Duration::from_millis(ms));
    let others: Vec<usize> = (0..net.nodes.len()).filter(|node| *node != old).collect();
    let new = others.iter().copied().max_by_key(|node| offset(net, *node)).expect("some");
    let conn = net.nodes[new].sim.connect();
    assert_eq!(net.run(new, conn, &words("REPLICAOF NO ONE")), ["+OK"]);
    net.start(old);
    for node in (0..net.nodes.len()).filter(|node| *node != new) {
        follow(net, node, new);
    }
    // Whoever is to be asked later must have been whole once.
    for _ in 0..400 {
        net.step(Duration::from_millis(50));
        if (0..net.nodes.len()).all(|node| node == new || is_up(net, node)) {
            break;
        }
    }
    new
}
