//! What one server saves the other one loads: files of all types of values by chance, and each
//! value by DUMP and RESTORE.

use crate::requests::request;
use crate::support::client::Client;
use crate::support::collections::all_keys;
use crate::support::server::{Server, redis};
use crate::support::{seeds, skip};
use fastrand::Rng;

const FLAGS: &[&str] = &["--enable-debug-command", "yes"];
/// The databases that are used.
pub const DATABASES: usize = 3;

/// Parameters that decide how values are kept and written, and the values that they may have.
const PARAMETERS: [(&str, &[&str]); 6] = [
    ("hash-max-listpack-entries", &["512", "6"]),
    ("set-max-intset-entries", &["512", "8"]),
    ("zset-max-listpack-entries", &["128", "6"]),
    ("list-max-listpack-size", &["-2", "4", "1"]),
    ("list-compress-depth", &["0", "1"]),
    ("rdbcompression", &["yes", "no"]),
];

#[test]
fn each_server_loads_what_the_other_one_saves() {
    let Some(program) = redis() else { return skip("redis-server") };
    let (ours, real) = (Server::start(FLAGS), Server::start_program(&program, FLAGS));
    for seed in seeds(12) {
        println!("seed {seed}");
        let mut rng = Rng::with_seed(seed);
        let (mut a, mut b) = (ours.client(), real.client());
        for client in [&mut a, &mut b] {
            assert_eq!(client.run("FLUSHALL").to_string(), "+OK");
        }
        for (name, values) in PARAMETERS {
            let set = format!("CONFIG SET {name} {}", values[rng.usize(0..values.len())]);
            for client in [&mut a, &mut b] {
                assert_eq!(client.run(&set).to_string(), "+OK");
            }
        }
        fill(&mut b, &mut rng);
        // So that the forms of its values are those of values that have been loaded.
        assert_eq!(b.run("DEBUG RELOAD").to_string(), "+OK");
        hand_over(&real, &ours);
        let digest = b.run("DEBUG DIGEST").to_string();
        assert_eq!(a.run("DEBUG DIGEST").to_string(), digest, "loaded by ours");
        for key in all_keys() {
            // Of the other types the older server has other forms.
            if ["+hash", "+zset"].contains(&b.run(&format!("TYPE {key}")).to_string().as_str()) {
                let ask = format!("OBJECT ENCODING {key}");
                assert_eq!(a.run(&ask).to_string(), b.run(&ask).to_string(), "{key}");
            }
        }
        assert_eq!(b.run("FLUSHALL").to_string(), "+OK");
        hand_over(&ours, &real);
        assert_eq!(b.run("DEBUG DIGEST").to_string(), digest, "loaded by the other one");
        restore_all(&mut a, &mut b);
        restore_all(&mut b, &mut a);
    }
}

/// Values of all types by chance, with deadlines that are far away.
pub fn fill(client: &mut Client, rng: &mut Rng) {
    for _ in 0..600 {
        let request = request(rng);
        client.call(&request);
    }
    client.run("DISCARD");
    for db in 0..DATABASES {
        client.run(&format!("SELECT {db}"));
        for key in all_keys() {
            // What is due soon would be gone by the time of the comparison.
            let ttl = ["", "100000"][rng.usize(0..2)];
            let request = if ttl.is_empty() {
                format!("PERSIST {key}")
            } else {
                format!("EXPIRE {key} {ttl}")
            };
            client.run(&request);
        }
        for size in [10, 1_000, 70_000] {
            let text = "compressible ".repeat(size / 13);
            client.run(&format!("SET long:{size} {}", text.trim().replace(' ', "_")));
            let noise: String = (0..size).map(|_| rng.alphanumeric()).collect();
            client.run(&format!("RPUSH noise:{size} {noise} {size} -{size} {noise}"));
        }
    }
    client.run("SELECT 0");
}

/// One server saves its data, the other one loads it.
fn hand_over(from: &Server, to: &Server) {
    assert_eq!(from.client().run("SAVE").to_string(), "+OK");
    std::fs::copy(from.dir().join("dump.rdb"), to.dir().join("dump.rdb")).unwrap();
    assert_eq!(to.client().run("DEBUG RELOAD NOSAVE").to_string(), "+OK", "{}", to.log());
}

/// Each value goes from one server to the other by DUMP and RESTORE.
fn restore_all(from: &mut Client, to: &mut Client) {
    for key in all_keys() {
        // A digest tells whether there is a deadline.
        from.run(&format!("PERSIST {key}"));
        let payload = from.call(&["DUMP", &key]);
        if payload.to_string() == "nil" {
            continue;
        }
        let request: [&[u8]; 5] = [b"RESTORE", key.as_bytes(), b"0", payload.bytes(), b"REPLACE"];
        assert_eq!(to.call(&request).to_string(), "+OK", "{key}");
        let ask = format!("DEBUG DIGEST-VALUE {key}");
        assert_eq!(to.run(&ask).to_string(), from.run(&ask).to_string(), "{key}");
    }
}
