//! Streams of requests by chance, in bursts: both servers give the same replies and end with the
//! same data.

use crate::requests::{KEYS, request};
use crate::support::client::{Client, encode};
use crate::support::reply::Reply;
use crate::support::server::{Server, redis};
use crate::support::{seeds, skip};

const BURSTS: usize = 60;

#[test]
fn both_servers_reply_the_same() {
    let Some(program) = redis() else { return skip("redis-server") };
    let (ours, real) = (Server::start(&[]), Server::start_program(&program, &[]));
    for seed in seeds(30) {
        println!("seed {seed}");
        let mut rng = fastrand::Rng::with_seed(seed);
        let (mut a, mut b) = (ours.client(), real.client());
        if rng.bool() {
            for client in [&mut a, &mut b] {
                assert!(matches!(client.run("HELLO 3"), Reply::Map(_)));
            }
        }
        for client in [&mut a, &mut b] {
            assert_eq!(client.run("FLUSHALL").to_string(), "+OK");
        }
        for _ in 0..BURSTS {
            let burst: Vec<Vec<String>> =
                (0..rng.usize(1..40)).map(|_| request(&mut rng)).collect();
            let bytes: Vec<u8> = burst.iter().flat_map(|request| encode(request)).collect();
            a.send(&bytes);
            b.send(&bytes);
            for request in &burst {
                let (ours, real) = (a.reply(), b.reply());
                assert!(same(request, &ours, &real), "{request:?}\n ours {ours}\n real {real}");
            }
        }
        compare_data(&mut a, &mut b);
    }
}

/// Seconds to live may differ by one, as the servers run one after the other.
fn same(request: &[String], ours: &Reply, real: &Reply) -> bool {
    match (request[0].as_str(), ours, real) {
        ("TTL" | "EXPIRETIME", Reply::Int(a), Reply::Int(b)) => (a - b).abs() <= 1,
        _ => ours == real,
    }
}

fn compare_data(a: &mut Client, b: &mut Client) {
    for db in 0..3 {
        let select = format!("SELECT {db}");
        assert_eq!(a.run(&select), b.run(&select));
        for key in 0..KEYS {
            let get = format!("GET key:{key}");
            assert_eq!(a.run(&get), b.run(&get), "{get} in {db}");
            let (ours, real) =
                (a.run(&format!("PTTL key:{key}")), b.run(&format!("PTTL key:{key}")));
            let off_ms = (ours.int() - real.int()).abs();
            assert!(off_ms < 10_000 && (ours.int() < 0) == (real.int() < 0), "{ours} {real}");
        }
    }
}
