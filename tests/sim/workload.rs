//! Many clients at once, in bursts cut at any byte: every reply, every message, every count and the
//! whole data are what the model says; a second engine that replays the stream of changes ends up
//! with the same data.

use crate::model::{Answer, Model};
use crate::requests;
use crate::support::client::encode;
use crate::support::reply::Reply;
use crate::support::seeds;
use crate::world::{Sim, same_dumps};
use spindle::config::Config;
use spindle::exec::Sink;
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

const CLIENTS: usize = 4;
const STEPS: usize = 400;

#[test]
fn every_reply_is_what_the_model_says() {
    for seed in seeds(60) {
        println!("seed {seed}");
        run(seed);
    }
}

fn run(seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let config = Config { databases: 3, ..Config::default() };
    let mut sim = Sim::new(seed, config.clone());
    sim.engine.begin_feed(Sink::Log);
    let mut twin = Sim::new(seed + 1, config);
    let twin_conn = twin.connect();
    // The twin's time stands still at 1970: what dies there dies because it is told to.
    twin.advance(Duration::ZERO);
    let mut model = Model::new(3, sim.now_ms());
    let mut sent: Vec<VecDeque<Vec<Vec<u8>>>> = Vec::new();
    let mut wires: Vec<VecDeque<u8>> = Vec::new();
    for _ in 0..CLIENTS {
        sim.connect();
        model.connect();
        sent.push(VecDeque::new());
        wires.push(VecDeque::new());
    }
    for _ in 0..STEPS {
        let client = rng.usize(0..CLIENTS);
        for _ in 0..rng.usize(0..24) {
            let argv = requests::request(&mut rng, sim.now_ms());
            wires[client].extend(encode(&argv));
            sent[client].push_back(argv);
        }
        let count = rng.usize(0..=wires[client].len());
        let piece: Vec<u8> = wires[client].drain(..count).collect();
        let queue = &mut sent[client];
        let mut arrived = Vec::new();
        sim.arrive(client, &piece, rng.usize(1..20), |argv| {
            let argv: Vec<Vec<u8>> = argv.borrow().from(0).map(<[u8]>::to_vec).collect();
            assert_eq!(Some(&argv), queue.pop_front().as_ref(), "requests arrive as sent");
            arrived.push(argv);
        });
        arrived.iter().for_each(|argv| model.run(client, argv));
        check_replies(&mut sim, &mut model);
        if rng.u8(0..3) == 0 {
            let by = Duration::from_micros(rng.u64(0..20_000));
            sim.advance(by);
            model.advance(sim.now_ms());
            check_replies(&mut sim, &mut model);
            check_data(&mut sim, &model, &mut twin, twin_conn);
        }
    }
}

fn check_replies(sim: &mut Sim, model: &mut Model) {
    for client in 0..CLIENTS {
        let expected = std::mem::take(&mut model.inbox[client]);
        let replies = sim.replies(client);
        assert_eq!(replies.len(), expected.len(), "{replies:?}\n{expected:?}");
        for (reply, answer) in replies.iter().zip(&expected) {
            assert!(matches(reply, answer), "\nreplied  {reply}\nexpected {answer:?}");
        }
    }
}

fn matches(reply: &Reply, answer: &Answer) -> bool {
    let items = |reply: &Reply| -> BTreeSet<String> {
        reply.items().iter().map(ToString::to_string).collect()
    };
    match answer {
        Answer::Is(text) => reply.to_string() == *text,
        Answer::Items(expected) => {
            reply.items().len() == expected.len() && items(reply) == *expected
        }
        Answer::Scanned(expected) => {
            let keys = &reply.items()[1];
            reply.items()[0].text() == "0"
                && keys.items().len() == expected.len()
                && items(keys) == *expected
        }
        Answer::OneOf(allowed) => allowed.contains(&reply.to_string()),
    }
}

/// Right after a tick nothing due is left, so that data, counts and the twin can be compared.
fn check_data(sim: &mut Sim, model: &Model, twin: &mut Sim, twin_conn: usize) {
    let changes = sim.engine.state_mut().feed.take(Sink::Log);
    twin.replay(twin_conn, &changes);
    for reply in twin.replies(twin_conn) {
        assert!(!matches!(reply, Reply::Error(_)), "the twin refuses a change: {reply}");
    }
    let dump = sim.dump();
    same_dumps(&dump, &model.dump(), "the model has other data");
    same_dumps(&dump, &twin.dump(), "the stream of changes replays to the same data");
    let counters = &sim.engine.store().changes.counters;
    assert_eq!(
        (counters.hits, counters.misses, counters.expired),
        (model.hits, model.misses, model.expired)
    );
    let due_us = model
        .earliest_ms()
        .map(|at_ms| u64::try_from(at_ms).unwrap().saturating_mul(1_000) - sim.world.now.unix_us);
    if sim.engine.store().has_remains() {
        let is_soon = sim.idle_us().is_some_and(|us| us < 1_000);
        assert!(is_soon, "the engine sleeps while something waits to be freed");
    } else {
        assert_eq!(sim.idle_us(), due_us, "the engine sleeps until the next death");
    }
}
