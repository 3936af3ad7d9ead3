//! Streams of requests by chance, in bursts: both servers give the same replies, tell of the same
//! events, count the same changes, and end with the same data.

use crate::replies::{Judge, same_data};
use crate::requests::request;
use crate::support::client::{Client, encode};
use crate::support::collections::all_keys;
use crate::support::reply::Reply;
use crate::support::server::{Server, redis};
use crate::support::{seeds, skip};
use fastrand::Rng;

const BURSTS: usize = 60;
const DATABASES: usize = 3;

/// How far collections go in their small forms, and what else is set: a usual value, and one that
/// is soon reached.
const PARAMETERS: [[&str; 3]; 11] = [
    ["hash-max-listpack-entries", "512", "6"],
    ["hash-max-listpack-value", "64", "20"],
    ["set-max-intset-entries", "512", "8"],
    ["zset-max-listpack-entries", "128", "6"],
    ["zset-max-listpack-value", "64", "20"],
    ["list-max-listpack-size", "-2", "4"],
    ["list-compress-depth", "0", "1"],
    ["hll-sparse-max-bytes", "3000", "100"],
    ["stream-node-max-bytes", "4096", "100"],
    ["stream-node-max-entries", "100", "3"],
    ["notify-keyspace-events", "KEA", "KEA"],
];

#[test]
fn both_servers_reply_the_same() {
    let Some(program) = redis() else { return skip("redis-server") };
    let (ours, real) = (Server::start(&[]), Server::start_program(&program, &[]));
    for seed in seeds(30) {
        println!("seed {seed}");
        let mut rng = Rng::with_seed(seed);
        let (is_resp3, column, counts) = (rng.bool(), rng.usize(1..3), rng.bool());
        let mut a = Side::begin(&ours, is_resp3, column);
        let mut b = Side::begin(&real, is_resp3, column);
        let mut judge = Judge::default();
        for _ in 0..BURSTS {
            let burst = burst(&mut rng, counts);
            let bytes: Vec<u8> = burst.iter().flat_map(|request| encode(request)).collect();
            a.client.send(&bytes);
            b.client.send(&bytes);
            for (at, request) in burst.iter().enumerate() {
                let (ours, real) = (a.client.reply(), b.client.reply());
                let is_same = judge.is_same(request, &ours, &real);
                let before = &burst[at.saturating_sub(2)..at];
                assert!(is_same, "{request:?}\n ours {ours}\n real {real}\nafter {before:?}");
            }
            let (mut ours, mut real) = (a.events(), b.events());
            // Ours tells of a string that BITFIELD has only made longer.
            if burst.iter().any(|request| request[0] == "BITFIELD") {
                for events in [&mut ours, &mut real] {
                    events.retain(|event| !event.ends_with("setbit"));
                }
            }
            // 7.0 makes a consumer only once it is given something.
            for events in [&mut ours, &mut real] {
                events.retain(|event| !event.ends_with("consumer"));
            }
            assert_eq!(ours, real, "events of {burst:?}");
        }
        compare_data(&mut a.client, &mut b.client);
    }
}

/// Some requests; where it `counts`, each is followed by a question for the number of changes.
fn burst(rng: &mut Rng, counts: bool) -> Vec<Vec<String>> {
    let info = vec!["INFO".to_owned(), "persistence".to_owned()];
    let requests = (0..rng.usize(1..40)).flat_map(|_| {
        let request = request(rng);
        if counts { vec![request, info.clone()] } else { vec![request] }
    });
    requests.collect()
}

/// A server, with a client that asks and another one that listens to events.
struct Side {
    client: Client,
    listener: Client,
}

impl Side {
    /// Both connect to an empty server; `column` tells which values its parameters have.
    fn begin(server: &Server, is_resp3: bool, column: usize) -> Side {
        let (mut client, mut listener) = (server.client(), server.client());
        if is_resp3 {
            assert!(matches!(client.run("HELLO 3"), Reply::Map(_)));
        }
        assert_eq!(client.run("FLUSHALL").to_string(), "+OK");
        for row in PARAMETERS {
            let set = format!("CONFIG SET {} {}", row[0], row[column]);
            assert_eq!(client.run(&set).to_string(), "+OK");
        }
        for db in 0..DATABASES {
            for key in all_keys() {
                listener.run(&format!("SUBSCRIBE __keyspace@{db}__:{key}"));
            }
        }
        Side { client, listener }
    }

    /// The events that have been told of since the last time: their key and name.
    fn events(&mut self) -> Vec<String> {
        self.listener.request(&["PING"]);
        let mut events = Vec::new();
        loop {
            let message = self.listener.reply();
            let items = message.items();
            if items.first().is_some_and(|kind| kind.bytes() == b"pong") {
                return events;
            }
            events.push(format!("{} {}", items[1].text(), items[2].text()));
        }
    }
}

/// Both hold the same.
pub fn compare_data(a: &mut Client, b: &mut Client) {
    // What has been queued is not run, so that the following is.
    assert_eq!(a.run("DISCARD"), b.run("DISCARD"));
    for db in 0..DATABASES {
        let select = format!("SELECT {db}");
        assert_eq!(a.run(&select), b.run(&select));
        for key in all_keys() {
            same_data(a, b, &key);
            let (ours, real) = (a.run(&format!("PTTL {key}")), b.run(&format!("PTTL {key}")));
            let off_ms = (ours.int() - real.int()).abs();
            assert!(off_ms < 10_000 && (ours.int() < 0) == (real.int() < 0), "{ours} {real}");
        }
    }
}
