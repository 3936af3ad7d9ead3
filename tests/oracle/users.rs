//! Users by chance: both servers take the same rules, tell the same of them, and allow the same.

use crate::support::client::Client;
use crate::support::reply::Reply;
use crate::support::rules::RULES;
use crate::support::server::{Server, redis};
use crate::support::{seeds, skip};
use fastrand::Rng;

/// Requests that are tried out.
const REQUESTS: &[&str] = &[
    "GET a",
    "GET bb",
    "GET c",
    "SET c 1",
    "SET d 1",
    "SET a 1 GET",
    "MGET a c d",
    "MSET a 1 b 2",
    "HSET a f 1",
    "HGET b f",
    "DEL a c",
    "EXISTS c",
    "COPY a c",
    "RENAME c d",
    "CONFIG GET port",
    "CONFIG SET port 1",
    "CLIENT ID",
    "CLIENT LIST",
    "SELECT 0",
    "SELECT 1",
    "PUBLISH a x",
    "PUBLISH bc x",
    "SUBSCRIBE a bb",
    "SUBSCRIBE c",
    "UNSUBSCRIBE z",
    "PING",
    "AUTH x",
    "HELLO",
    "SORT a STORE c",
    "SORT c",
    "BITFIELD c GET u8 0",
    "BITFIELD c SET u8 0 1",
    "FLUSHALL",
    "SINTERCARD 2 a c",
    "ZUNIONSTORE d 2 a b",
    "LMOVE a d LEFT LEFT",
    "BLPOP a b 0",
    "OBJECT HELP",
    "GETEX c",
    "SINTERCARD 9 a",
    "ZINTERSTORE d x a b",
    "ZUNIONSTORE d 3 a b",
    "XREAD STREAMS a b 1",
    "XREAD x y STREAMS a 1",
    "XREADGROUP GROUP g c STREAMS c d 1 2",
    "GEORADIUS c 1 1 1 m STORE a",
    "MULTI",
    "ACL WHOAMI",
    "KEYS *",
    "WATCH a c",
    "STRLEN c",
    "TYPE c",
    "PFCOUNT a c",
    "PFMERGE d a",
    "SPOP c",
    "MEMORY USAGE c",
];

#[test]
fn both_servers_allow_the_same() {
    let Some(program) = redis() else { return skip("redis-server") };
    let (ours, real) = (Server::start(&[]), Server::start_program(&program, &[]));
    let (mut ours, mut real) = (ours.client(), real.client());
    for seed in seeds(60) {
        println!("seed {seed}");
        let mut rng = Rng::with_seed(seed);
        for client in [&mut ours, &mut real] {
            client.run("ACL DELUSER me");
        }
        for _ in 0..12 {
            let rules = (0..rng.usize(0..5)).map(|_| RULES[rng.usize(0..RULES.len())]);
            let set: Vec<&str> = ["ACL", "SETUSER", "me"].into_iter().chain(rules).collect();
            let (a, b) = (ours.call(&set).to_string(), real.call(&set).to_string());
            assert_eq!(a, b, "{set:?}");
            assert_eq!(rights(&mut ours), rights(&mut real), "{set:?}");
        }
        for request in REQUESTS {
            let dryrun = format!("ACL DRYRUN me {request}");
            let (a, b) = (ours.run(&dryrun).to_string(), real.run(&dryrun).to_string());
            // The older server names nobody.
            let b = b.replace("This user", "User me");
            assert_eq!(a, b, "{request} by {}", ours.run("ACL GETUSER me"));
        }
    }
}

/// What GETUSER tells but for the commands, which the older server tells in another way, and for a
/// flag that it does not tell.
fn rights(client: &mut Client) -> Vec<String> {
    let reply = client.run("ACL GETUSER me");
    if !matches!(reply, Reply::Array(_)) {
        return Vec::new();
    }
    let mut told: Vec<String> = Vec::new();
    let items = reply.items();
    for pair in items.chunks(2) {
        let [name, value] = pair else { continue };
        match name.bytes() {
            b"flags" => {
                let flags = value.items().iter().map(|flag| flag.text());
                told.extend(flags.filter(|flag| flag != "sanitize-payload"));
            }
            b"commands" => {}
            b"selectors" => {
                let rights = value.items().iter();
                let all = rights.flat_map(|own| own.items()[2..].iter().map(ToString::to_string));
                told.extend(all);
            }
            _ => told.push(value.to_string()),
        }
    }
    told
}
