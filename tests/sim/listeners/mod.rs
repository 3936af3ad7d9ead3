//! Clients that listen: many of them subscribe, publish, wait, queue and change keys by chance; a
//! plain model decides every reply and every message, and their order.

mod model;
mod streams;
mod tracking;

use crate::support::client::encode;
use crate::support::seeds;
use crate::world::Sim;
use fastrand::Rng;
use model::Model;
use spindle::config::Config;
use spindle::config::notify::EventClasses;
use std::time::Duration;

const PARTIES: usize = 6;
const STEPS: usize = 600;

const CHANNELS: [&str; 5] = ["a", "ab", "b", "__keyspace@0__:k1", "__keyevent@0__:lpop"];
const PATTERNS: [&str; 5] = ["a*", "*b", "?", "__key*", "__keyevent@0__:[ds]*"];
const SHARDS: [&str; 3] = ["a", "s", "t"];
const KEYS: [&str; 6] = ["k1", "k2", "q1", "q2", "s1", "s2"];

#[test]
fn everybody_hears_what_the_model_says() {
    for seed in seeds(150) {
        println!("seed {seed}");
        run(seed);
    }
}

fn run(seed: u64) {
    let mut rng = Rng::with_seed(seed);
    let notify_keyspace_events = EventClasses::from_letters("KEA").unwrap();
    let mut sim = Sim::new(seed, Config { notify_keyspace_events, ..Config::default() });
    let mut model = Model::new(sim.now_ms());
    for party in 0..PARTIES {
        sim.connect();
        model.connect();
        if party % 2 == 1 {
            sim.run(party, "HELLO 3");
            model.parties[party].is_resp3 = true;
        }
    }
    let mut story = Vec::new();
    for _ in 0..STEPS {
        let party = rng.usize(0..PARTIES);
        // What a client sends while it waits would come later.
        if model.is_waiting(party) {
            continue;
        }
        if rng.u8(0..10) == 0 {
            sim.advance(Duration::from_millis(rng.u64(0..4)));
            model.advance(sim.now_ms());
        }
        // A burst of several now and then; nothing follows what may wait.
        let mut burst = Vec::new();
        for _ in 0..rng.usize(1..4) {
            let argv = request(&mut rng, &model, party);
            burst.extend(encode(&argv));
            story.push((party, argv.join(" ")));
            let is_last = argv[0] == "BLPOP" || argv.iter().any(|word| word == "BLOCK");
            model.run(party, argv);
            if is_last {
                break;
            }
        }
        model.end_round();
        sim.arrive(party, &burst, rng.usize(1..5), |_| {});
        for other in 0..PARTIES {
            let replies: Vec<String> = sim.replies(other).iter().map(ToString::to_string).collect();
            let expected = std::mem::take(&mut model.parties[other].inbox);
            let tail = &story[story.len().saturating_sub(40)..];
            assert_eq!(replies, expected, "seed {seed}, party {other}, after {tail:#?}");
        }
    }
    let info = sim.engine.describe(&mut sim.world);
    let [channels, patterns, shards] = model.topic_counts();
    for (name, count) in [
        ("pubsub_channels", channels),
        ("pubsub_patterns", patterns),
        ("pubsubshard_channels", shards),
    ] {
        assert!(info.contains(&format!("{name}:{count}\r\n")), "{name} {count}: {info}");
    }
}

/// CLIENT TRACKING in one of its forms.
fn tracking_request(rng: &mut Rng) -> Vec<String> {
    let form = match rng.u8(0..12) {
        0..=2 => "OFF",
        3 | 4 => "ON",
        5 => "ON NOLOOP",
        6 => "ON OPTIN",
        7 => "ON OPTOUT NOLOOP",
        8 => "ON BCAST PREFIX k",
        9 => "ON BCAST PREFIX q NOLOOP",
        10 => "ON BCAST PREFIX k1",
        _ => "ON BCAST",
    };
    let mut line = format!("CLIENT TRACKING {form}");
    if form != "OFF" && rng.bool() {
        line = format!("{line} REDIRECT {}", rng.usize(1..=PARTIES));
    }
    line.split(' ').map(str::to_owned).collect()
}

fn request(rng: &mut Rng, model: &Model, party: usize) -> Vec<String> {
    let of = |rng: &mut Rng, names: &[&str]| names[rng.usize(0..names.len())].to_owned();
    let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<String>>();
    let is_queuing = model.parties[party].queue.is_some();
    let several = if is_queuing { 1 } else { rng.usize(1..3) };
    let names = |rng: &mut Rng, word: &str, names: &[&str]| {
        let mut argv = vec![word.to_owned()];
        argv.extend((0..several).map(|_| of(rng, names)));
        argv
    };
    match rng.u8(0..62) {
        60 => names(rng, "WATCH", &KEYS),
        61 if rng.u8(0..4) == 0 => words("UNWATCH"),
        61 => names(rng, "WATCH", &KEYS[..2]),
        40..60 => stream_request(rng, model),
        0 => names(rng, "SUBSCRIBE", &CHANNELS),
        1 => names(rng, "PSUBSCRIBE", &PATTERNS),
        2 => names(rng, "SSUBSCRIBE", &SHARDS),
        3 => names(rng, "UNSUBSCRIBE", &CHANNELS),
        4 => names(rng, "PUNSUBSCRIBE", &PATTERNS),
        5 => names(rng, "SUNSUBSCRIBE", &SHARDS),
        6 => vec!["PING".to_owned()],
        7..=11 => vec!["PUBLISH".to_owned(), of(rng, &CHANNELS), rng.u8(..).to_string()],
        12 => vec!["SPUBLISH".to_owned(), of(rng, &SHARDS), rng.u8(..).to_string()],
        13 if rng.u8(0..4) == 0 => vec!["RESET".to_owned()],
        13..=15 => vec!["SET".to_owned(), of(rng, &KEYS[..2]), rng.u8(..).to_string()],
        16 | 17 => vec!["GET".to_owned(), of(rng, &KEYS[..2])],
        // The model does not say which comes first: its end, or that a moment has come.
        27 if !model.has_moments() => {
            vec!["SET".to_owned(), "k1".to_owned(), "1".to_owned(), "PX".to_owned(), "5".to_owned()]
        }
        28 | 29 => vec!["EXISTS".to_owned(), of(rng, &KEYS), of(rng, &KEYS)],
        30 if rng.bool() => words("FLUSHDB"),
        31..=34 if !model.parties[party].is_quiet => tracking_request(rng),
        35 if !model.parties[party].is_quiet => {
            words(if rng.bool() { "CLIENT CACHING YES" } else { "CLIENT CACHING NO" })
        }
        36 | 37 => vec!["GET".to_owned(), of(rng, &KEYS[..2])],
        18 => vec!["DEL".to_owned(), of(rng, &KEYS)],
        19 | 20 => vec!["LPUSH".to_owned(), of(rng, &KEYS[2..4]), rng.u8(..).to_string()],
        21 => vec!["BLPOP".to_owned(), of(rng, &KEYS[2..4]), "0".to_owned()],
        22..=24 if is_queuing => words("EXEC"),
        22 | 23 if !model.parties[party].is_quiet => words("MULTI"),
        25 if is_queuing => words("DISCARD"),
        25 if !is_queuing && !model.is_limited(party) => {
            words(if rng.bool() { "CLIENT REPLY OFF" } else { "CLIENT REPLY ON" })
        }
        26 if model.parties[party].is_quiet && !model.is_limited(party) => words("CLIENT REPLY ON"),
        _ => vec!["PUBSUB".to_owned(), "NUMSUB".to_owned(), of(rng, &CHANNELS)],
    }
}

/// An id near the last one of a stream.
fn id(rng: &mut Rng, model: &Model, key: &str) -> String {
    let ms = (model.last_ms(key) + rng.u64(0..3)).saturating_sub(2);
    format!("{ms}-{}", rng.u8(0..6))
}

/// A request to a stream or its groups.
fn stream_request(rng: &mut Rng, model: &Model) -> Vec<String> {
    let of = |rng: &mut Rng, words: &[&'static str]| words[rng.usize(0..words.len())];
    let (key, group) = (of(rng, &KEYS[4..]), of(rng, &["g", "g", "h"]));
    let (consumer, count) = (of(rng, &["c", "d"]), rng.u8(1..5));
    let some_id = id(rng, model, key);
    let line = match rng.u8(0..50) {
        0..=9 => {
            let ms = model.last_ms(key) + u64::from(rng.u8(0..4) == 0);
            let trim = match rng.u8(0..6) {
                0 | 1 => "MAXLEN 3 ".to_owned(),
                2 => format!("MINID {some_id} "),
                _ => String::new(),
            };
            let id = if rng.u8(0..20) == 0 { "*".to_owned() } else { format!("{ms}-*") };
            format!("XADD {key} {trim}{id} f {count}")
        }
        10 => format!("XADD {key} {some_id} f {count}"),
        11 => format!("XLEN {key}"),
        12 => format!("XRANGE {key} - + COUNT {count}"),
        13 => format!("XREVRANGE {key} + -"),
        14 | 15 => format!("XDEL {key} {some_id} {}", id(rng, model, key)),
        16 if rng.bool() => format!("XTRIM {key} MINID {some_id}"),
        16 => format!("XTRIM {key} MAXLEN {count}"),
        17..=19 => {
            let (start, make) = (of(rng, &["0", "$"]), of(rng, &[" MKSTREAM", ""]));
            format!("XGROUP CREATE {key} {group} {start}{make}")
        }
        20 => format!("XGROUP DESTROY {key} {group}"),
        21 => {
            let read = of(rng, &["", " ENTRIESREAD 2"]);
            format!("XGROUP SETID {key} {group} {}{read}", of(rng, &["0", "$"]))
        }
        22 => format!("XGROUP CREATECONSUMER {key} {group} {consumer}"),
        23 => format!("XGROUP DELCONSUMER {key} {group} {consumer}"),
        24..=26 => {
            let (block, from) = (of(rng, &["", "BLOCK 0 "]), of(rng, &["0", "$", "1-1"]));
            format!("XREAD COUNT {count} {block}STREAMS {key} {from}")
        }
        27 => "XREAD BLOCK 0 STREAMS s1 s2 $ $".to_owned(),
        28..=32 => {
            let (block, ack) = (of(rng, &["", "BLOCK 0 "]), of(rng, &["", "", "NOACK "]));
            let from = of(rng, &[">", ">", ">", "0"]);
            format!(
                "XREADGROUP GROUP {group} {consumer} COUNT {count} {block}{ack}STREAMS {key} {from}"
            )
        }
        33 => format!("XREADGROUP GROUP {group} {consumer} BLOCK 0 STREAMS s2 s1 > >"),
        34 => format!("XACK {key} {group} {some_id} {}", id(rng, model, key)),
        35 | 36 => format!("XPENDING {key} {group}"),
        37 | 38 => {
            let (force, just) = (of(rng, &["", " FORCE"]), of(rng, &["", " JUSTID"]));
            let other_id = id(rng, model, key);
            let least_ms = of(rng, &["0", "0", "3"]);
            format!("XCLAIM {key} {group} {consumer} {least_ms} {some_id} {other_id}{force}{just}")
        }
        39 => format!("XAUTOCLAIM {key} {group} {consumer} {} 0", of(rng, &["0", "3"])),
        _ => {
            let other_id = id(rng, model, key);
            let may_block = !model.has_moments();
            rarer_line(rng, (key, group, consumer), [&some_id, &other_id], may_block)
        }
    };
    line.split(' ').map(str::to_owned).collect()
}

/// A request to a stream that is not sent often.
fn rarer_line(
    rng: &mut Rng,
    (key, group, consumer): (&str, &str, &str),
    [some_id, other_id]: [&str; 2],
    may_block: bool,
) -> String {
    let of = |rng: &mut Rng, words: &[&'static str]| words[rng.usize(0..words.len())];
    match rng.u8(0..9) {
        0 => format!("XINFO STREAM {key}"),
        8 => format!("XINFO STREAM {key} FULL{}", of(rng, &["", " COUNT 2", " COUNT 0"])),
        1 => format!("XINFO GROUPS {key}"),
        2 => format!("XINFO CONSUMERS {key} {group}"),
        3 => {
            let added = of(rng, &["", "", " ENTRIESADDED 4", " ENTRIESADDED 40"]);
            format!("XSETID {key} {some_id}{added}")
        }
        4 | 5 => {
            let what = match rng.bool() {
                true => format!("XDELEX {key}"),
                false => format!("XACKDEL {key} {group}"),
            };
            let condition = of(rng, &["", " KEEPREF", " DELREF", " ACKED"]);
            format!("{what}{condition} IDS 2 {some_id} {other_id}")
        }
        _ => {
            let block = if may_block { of(rng, &["", "BLOCK 0 "]) } else { "" };
            let least_ms = of(rng, &["0", "1", "3"]);
            format!(
                "XREADGROUP GROUP {group} {consumer} COUNT 2 {block}CLAIM {least_ms} STREAMS \
                 {key} >"
            )
        }
    }
}
