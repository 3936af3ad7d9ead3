//! Every command with arguments by chance: one reply each, and the engine goes on.

use crate::support::client::encode;
use crate::support::collections::{self, Scope};
use crate::support::rules::RULES;
use crate::support::seeds;
use crate::world::Sim;
use fastrand::Rng;
use spindle::acl::Standing;
use spindle::commands::GROUPS;
use spindle::config::Config;
use spindle::config::kinds::Access;
use std::time::Duration;

/// Words that commands look for, so that their depths are reached.
const WORDS: &[&str] = &[
    "NX",
    "XX",
    "GT",
    "LT",
    "EX",
    "PX",
    "EXAT",
    "PXAT",
    "KEEPTTL",
    "REPLACE",
    "DB",
    "VERSION",
    "maxmemory",
    "maxmemory-policy",
    "allkeys-lfu",
    "volatile-ttl",
    "maxmemory-samples",
    "GET",
    "IFEQ",
    "IFNE",
    "IFDEQ",
    "IFDNE",
    "PERSIST",
    "LEN",
    "IDX",
    "MINMATCHLEN",
    "WITHMATCHLEN",
    "AND",
    "NOT",
    "DIFF1",
    "ONE",
    "BYTE",
    "BIT",
    "SET",
    "INCRBY",
    "OVERFLOW",
    "SAT",
    "FAIL",
    "u8",
    "i64",
    "#3",
    "MATCH",
    "COUNT",
    "TYPE",
    "ASYNC",
    "SYNC",
    "AUTH",
    "SETNAME",
    "default",
    "ID",
    "ADDR",
    "LADDR",
    "USER",
    "SKIPME",
    "MAXAGE",
    "yes",
    "no",
    "normal",
    "pubsub",
    "LIB-NAME",
    "LIB-VER",
    "FILTERBY",
    "PATTERN",
    "REDIRECT",
    "PREFIX",
    "BCAST",
    "OPTIN",
    "OPTOUT",
    "NOLOOP",
    "ON",
    "OFF",
    "ACLCAT",
    "MODULE",
    "all",
    "everything",
    "SAVE",
    "NOSAVE",
    "ABORT",
    "*",
    "key:1",
    "key:2",
    "0",
    "1",
    "-1",
    "3",
    "100",
    "9223372036854775807",
    "-9223372036854775808",
    "0.001",
    "maxclients",
    "timeout",
    "notify-keyspace-events",
    "KEA",
    "client-output-buffer-limit",
    "requirepass",
    "b6acb9d84a38ff74",
    "WRITE",
    "ALL",
    "SAMPLES",
    "slowlog-log-slower-than",
    "latency-monitor-threshold",
    "latency-tracking-info-percentiles",
    "maxmemory-clients",
    "command",
    "PROTOCOL",
    "OBJECT",
    "DIGEST",
    "FROMLONLAT",
    "FROMMEMBER",
    "BYRADIUS",
    "BYBOX",
    "WITHCOORD",
    "WITHDIST",
    "STOREDIST",
    "ANY",
    "DESC",
    "m",
    "km",
    "BY",
    "ALPHA",
    "LIMIT",
    "STORE",
    "#",
    "STREAMS",
    "GROUP",
    "BLOCK",
    "NOACK",
    "CLAIM",
    "MAXLEN",
    "MINID",
    "~",
    "=",
    "NOMKSTREAM",
    "MKSTREAM",
    "KEEPREF",
    "DELREF",
    "ACKED",
    "IDS",
    "JUSTID",
    "FORCE",
    "RETRYCOUNT",
    "LASTID",
    "IDLE",
    "TIME",
    "ENTRIESREAD",
    "ENTRIESADDED",
    "MAXDELETEDID",
    "FULL",
    ">",
    "$",
    "+",
    "-",
    "(1-1",
    "1-1",
    "1-*",
    "5-",
    "0-0",
    "18446744073709551615-18446744073709551615",
    "18446744073709551616-0",
    "",
];

/// What requests to collections are drawn from.
const SCOPE: Scope = Scope { is_newest: true, has_chance: true };

fn argument(rng: &mut Rng) -> Vec<u8> {
    match rng.u8(0..8) {
        0 => {
            let len = rng.usize(0..200);
            std::iter::repeat_with(|| rng.u8(..)).take(len).collect()
        }
        1 => rng.i64(..).to_string().into_bytes(),
        2 if rng.bool() => RULES[rng.usize(0..RULES.len())].as_bytes().to_vec(),
        _ => WORDS[rng.usize(0..WORDS.len())].as_bytes().to_vec(),
    }
}

/// The names of all commands and subcommands, as the words of a request.
fn names() -> Vec<Vec<&'static str>> {
    let mut names = Vec::new();
    for command in GROUPS.iter().flat_map(|group| group.iter()) {
        names.push(vec![command.spec.name]);
        let children = command.subcommands.iter();
        names.extend(children.map(|child| vec![command.spec.name, child.spec.name]));
    }
    names
}

/// A name with arguments by chance, or a request that is nearly right.
fn request(rng: &mut Rng, names: &[Vec<&'static str>]) -> Vec<Vec<u8>> {
    if rng.u8(0..4) == 0 {
        let mut request = collections::any_request(rng, SCOPE);
        (0..rng.usize(0..4)).for_each(|_| collections::spoil(rng, &mut request));
        return request.into_iter().map(String::into_bytes).collect();
    }
    let name = &names[rng.usize(0..names.len())];
    let mut request: Vec<Vec<u8>> = name.iter().map(|word| word.as_bytes().to_vec()).collect();
    request.extend((0..rng.usize(0..10)).map(|_| argument(rng)));
    request
}

#[test]
fn any_request_gets_its_replies_and_harms_nobody() {
    let names = names();
    for seed in seeds(150) {
        let mut rng = Rng::with_seed(seed);
        let config = Config { enable_debug_command: Access::Yes, ..Config::default() };
        let mut sim = Sim::new(seed, config);
        let mut conn = sim.connect();
        for _ in 0..400 {
            let request = request(&mut rng, &names);
            sim.arrive(conn, &encode(&request), 16, |_| {});
            // Replies are whole, or reading them fails. How many there are depends on the command.
            sim.replies(conn);
            if rng.u8(0..10) == 0 {
                sim.advance(Duration::from_micros(rng.u64(0..10_000)));
            }
            // Some requests are meant to end the connection, to stop the server or to lock everyone
            // out.
            let is_stopping = std::mem::take(&mut sim.engine.state_mut().is_stopping);
            sim.engine.state_mut().acl.users.set_default_password(b"");
            sim.engine.state_mut().pause = None;
            sim.engine.peers().resume();
            sim.engine.state_mut().config.maxclients = 10_000;
            let client = sim.engine.client(sim.conns[conn].id);
            let is_free = client.is_some_and(|client| client.standing == Standing::Free);
            if sim.conns[conn].is_closed || is_stopping || !is_free {
                let id = sim.conns[conn].id;
                sim.engine.disconnect(id);
                conn = sim.connect();
            }
        }
        let last = sim.connect();
        assert_eq!(sim.run(last, "PING"), ["+PONG"], "seed {seed}");
    }
}
