//! The form that a collection is kept in shows nowhere: with limits that make all of them small, or
//! all of them large, the same requests get the same replies and leave the same data. What is
//! propagated leaves it, too.

use crate::support::client::encode;
use crate::support::collections::{self, Scope, any_key, one_of};
use crate::support::order::in_order_of;
use crate::support::reply::Reply;
use crate::support::seeds;
use crate::world::{Sim, same_dumps, without_times};
use fastrand::Rng;
use spindle::config::Config;
use spindle::exec::Sink;
use std::collections::VecDeque;
use std::time::Duration;

const CLIENTS: usize = 4;
const STEPS: usize = 200;
const SCOPE: Scope = Scope { is_newest: true, has_chance: false };

#[test]
fn the_form_of_a_collection_shows_nowhere() {
    for seed in seeds(60) {
        println!("seed {seed}");
        run(seed);
    }
}

/// The usual limits, and both extremes.
fn configs() -> [Config; 4] {
    let usual = Config { databases: 3, ..Config::default() };
    let with = |limit: i64, list: i64| Config {
        databases: 3,
        hash_max_listpack_entries: limit,
        hash_max_listpack_value: limit,
        set_max_intset_entries: limit,
        set_max_listpack_entries: limit,
        set_max_listpack_value: limit,
        zset_max_listpack_entries: limit,
        zset_max_listpack_value: limit,
        list_max_listpack_size: list,
        ..Config::default()
    };
    [usual, with(0, 1), with(8, -1), with(1_000_000, 1_000_000)]
}

/// An engine, and what each of its clients has asked and not been answered yet.
struct Side {
    sim: Sim,
    asked: Vec<VecDeque<Vec<Vec<u8>>>>,
}

impl Side {
    fn new(seed: u64, config: Config) -> Side {
        let mut sim = Sim::new(seed, config);
        sim.log = Some(Vec::new());
        (0..CLIENTS).for_each(|client| assert_eq!(sim.connect(), client));
        Side { sim, asked: vec![VecDeque::new(); CLIENTS] }
    }

    fn free_all(&mut self) {
        while self.sim.engine.store().has_remains() {
            self.sim.advance(Duration::ZERO);
        }
    }

    /// What the clients have been answered since the last time, without an order that says nothing.
    fn answers(&mut self) -> Vec<String> {
        for (client, argv) in self.sim.log.iter_mut().flat_map(std::mem::take) {
            self.asked[client].push_back(argv);
        }
        let mut answers = Vec::new();
        for client in 0..CLIENTS {
            for reply in self.sim.replies(client) {
                let request = self.asked[client].pop_front().expect("a request for each reply");
                let name = String::from_utf8_lossy(&request[0]).to_uppercase();
                let reply = match name.as_str() {
                    "EXEC" => spread(&without_sign_of_zero(&reply)),
                    _ => without_sign_of_zero(&in_order_of(&request, &reply)),
                };
                let request: Vec<_> =
                    request.iter().map(|word| String::from_utf8_lossy(word)).collect();
                answers.push(format!("{client}: {} = {reply}", request.join(" ")));
            }
        }
        answers
    }
}

/// A reply in which zero has no sign: a large sorted set keeps it, a listpack does not.
fn without_sign_of_zero(reply: &Reply) -> Reply {
    match reply {
        Reply::Bulk(text) if text == b"-0" => Reply::Bulk(b"0".to_vec()),
        Reply::Double(text) if text == "-0" => Reply::Double("0".to_owned()),
        Reply::Array(items) => Reply::Array(items.iter().map(without_sign_of_zero).collect()),
        _ => reply.clone(),
    }
}

/// A reply with everything in order, down to its depths.
fn spread(reply: &Reply) -> Reply {
    let items: Vec<Reply> = match reply {
        Reply::Map(pairs) => pairs.iter().flat_map(|(k, v)| [k.clone(), v.clone()]).collect(),
        Reply::Array(items) | Reply::Set(items) => items.clone(),
        _ => return reply.clone(),
    };
    let mut items: Vec<Reply> = items.iter().map(spread).collect();
    items.sort_by_key(ToString::to_string);
    Reply::Array(items)
}

fn run(seed: u64) {
    let mut rng = Rng::with_seed(seed);
    let mut sides = configs().map(|config| Side::new(seed, config));
    sides[0].sim.engine.begin_feed(Sink::Log);
    let mut config = configs()[rng.usize(0..3)].clone();
    config.stream_node_max_entries = rng.i64(0..6);
    let mut twin = Sim::new(seed + 1, config);
    let twin_conn = twin.connect();
    // The twin's time stands still at 1970: what dies there dies because it is told to.
    twin.advance(Duration::ZERO);
    let mut wires = vec![VecDeque::<u8>::new(); CLIENTS];
    if rng.bool() {
        wires[0].extend(encode(&["HELLO", "3"]));
    }
    for _ in 0..STEPS {
        let client = rng.usize(0..CLIENTS);
        for _ in 0..rng.usize(0..24) {
            wires[client].extend(encode(&request(&mut rng)));
        }
        let count = rng.usize(0..=wires[client].len());
        let piece: Vec<u8> = wires[client].drain(..count).collect();
        let (ahead, passes) = (rng.usize(1..20), rng.u8(0..3) == 0);
        let by = Duration::from_micros(if passes { rng.u64(0..400_000) } else { 0 });
        for side in &mut sides {
            side.sim.arrive(client, &piece, ahead, |_| {});
            if passes {
                side.sim.advance(by);
            }
        }
        let [usual, others @ ..] = &mut sides;
        let answers = usual.answers();
        for other in &mut *others {
            let others = other.answers();
            for (a, b) in answers.iter().zip(&others) {
                assert_eq!(a, b);
            }
            assert_eq!(answers.len(), others.len());
        }
        if passes {
            let changes = usual.sim.engine.state_mut().feed.take(Sink::Log);
            twin.replay(twin_conn, &changes);
            for reply in twin.replies(twin_conn) {
                assert!(!is_refusal(&reply), "the twin refuses a change: {reply}");
            }
            // Large forms leave something to be freed where small ones do not.
            usual.free_all();
            others.iter_mut().for_each(Side::free_all);
            let dump = usual.sim.dump();
            for other in others {
                same_dumps(&dump, &other.sim.dump(), "the form shows in the data");
                assert_eq!(usual.sim.idle_us(), other.sim.idle_us());
                let counters = [&mut usual.sim, &mut other.sim].map(|sim| {
                    let changes = &sim.engine.store().changes;
                    let counters = &changes.counters;
                    (changes.dirty, counters.hits, counters.expired, counters.expired_fields)
                });
                assert_eq!(counters[0], counters[1]);
            }
            let (dump, twin) = (without_times(&dump), without_times(&twin.dump()));
            same_dumps(&dump, &twin, "the stream of changes replays to the same data");
        }
    }
}

fn is_refusal(reply: &Reply) -> bool {
    matches!(reply, Reply::Error(_)) || reply.items().iter().any(is_refusal)
}

fn request(rng: &mut Rng) -> Vec<String> {
    let (a, b) = (any_key(rng), any_key(rng));
    let line = match rng.u8(0..60) {
        0 => "MULTI".to_owned(),
        1 | 2 => "EXEC".to_owned(),
        3 => "DISCARD".to_owned(),
        4 => format!("WATCH {a} {b}"),
        5 => "UNWATCH".to_owned(),
        6 => format!("DEL {a} {b}"),
        7 => format!("RENAME {a} {b}"),
        8 => format!("COPY {a} {b} REPLACE"),
        9 => format!("MOVE {a} {}", rng.u8(0..3)),
        10 => format!("SELECT {}", rng.u8(0..2)),
        11 => format!("SET {a} text"),
        12 => format!("PEXPIRE {a} {}", rng.u32(0..3_000)),
        13 => format!("TYPE {a}"),
        14 => one_of(rng, &["SWAPDB 0 1", "SWAPDB 1 2", "DBSIZE", "DBSIZE", "PING"]).to_owned(),
        15 => format!("PERSIST {a}"),
        16 => one_of(rng, &["FLUSHDB", "PING", "PING", "PING", "PING"]).to_owned(),
        17..20 => {
            let why = one_of(rng, &["", " ERROR", " TIMEOUT"]);
            format!("CLIENT UNBLOCK {}{why}", rng.u8(0..6))
        }
        20..26 => {
            let seconds = one_of(rng, &["0", "0.1", "0.5", "1"]);
            return collections::blocking::request_for(rng, seconds);
        }
        _ => {
            let mut request = collections::any_request(rng, SCOPE);
            if rng.u8(0..30) == 0 && !collections::is_chance(&request) {
                collections::spoil(rng, &mut request);
            }
            return request;
        }
    };
    line.split(' ').map(str::to_owned).collect()
}
