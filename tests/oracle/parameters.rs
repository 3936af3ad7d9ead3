//! Parameters: both servers know the same ones with the same defaults, and take and refuse the same
//! values in the same words.

use crate::support::client::Client;
use crate::support::server::{Server, redis};
use crate::support::skip;
use std::collections::BTreeMap;

/// Values that some kind of parameter takes and others refuse.
const VALUES: &[&str] = &[
    "",
    "0",
    "1",
    "-1",
    "99",
    "100001",
    "99999999999",
    "k",
    "1x",
    "007",
    "YES",
    "no",
    "abc",
    "a/b",
    "a b",
    "10%",
    "101%",
    "1gb",
    "2KB",
    "everysec",
    "allkeys-lru",
    "10 20 30",
    "normal 1 2 3",
    "nosave now",
    "no one",
];

/// Parameters that differ from those of 7.0, or whose values would be in the way of the test.
const OTHER: &[(&str, &str)] = &[
    ("appendonly", "there is no log here"),
    ("bind", "the servers are given addresses"),
    ("client-output-buffer-limit", "it closes the test's clients"),
    ("dir", "the servers have their own"),
    ("loglevel", "7.2 added a value"),
    ("maxclients", "what the system grants differs"),
    ("maxmemory-clients", "it closes the test's clients"),
    ("maxmemory-policy", "8.6 added values"),
    ("notify-keyspace-events", "later versions added classes"),
    ("port", "the servers have their own"),
    ("repl-diskless-load", "8.0 added a value"),
    ("requirepass", "it shuts the test out"),
    ("save", "there are no snapshots here"),
    ("tls-cluster", "there is no TLS here"),
    ("tls-port", "there is no TLS here"),
    ("tls-replication", "there is no TLS here"),
];

/// All parameters that CONFIG GET shows, with their values.
fn shown(client: &mut Client) -> BTreeMap<String, String> {
    let reply = client.run("CONFIG GET *");
    let pairs = reply.items().chunks_exact(2);
    pairs.map(|pair| (pair[0].text(), pair[1].text())).collect()
}

#[test]
fn both_servers_know_and_take_the_same() {
    let Some(program) = redis() else { return skip("redis-server") };
    let flags = ["--bind", "127.0.0.1"];
    let (ours, real) = (Server::start(&flags), Server::start_program(&program, &flags));
    let (mut a, mut b) = (ours.client(), real.client());
    let (own, other) = (shown(&mut a), shown(&mut b));
    let mut differing = Vec::new();
    for (name, value) in &other {
        if OTHER.iter().any(|(other, _)| other == name) {
            continue;
        }
        if own.get(name) != Some(value) {
            differing.push(format!("{name}: ours {:?}, real {value:?}", own.get(name)));
        }
        for given in VALUES.iter().chain([&value.as_str()]) {
            let run = |client: &mut Client| {
                let set = client.call(&["CONFIG", "SET", name, given]);
                format!("{set} {}", client.call(&["CONFIG", "GET", name]))
            };
            let (ours, real) = (run(&mut a), run(&mut b));
            if ours != real {
                differing.push(format!("{name} {given:?}\n  ours {ours}\n  real {real}"));
            }
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}
