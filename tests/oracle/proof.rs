//! The transcripts are true: a real redis-server gives the replies that they expect.

use crate::support::server::{Server, redis};
use crate::support::skip;
use crate::support::transcript::play;

fn prove(name: &str, text: &str) {
    prove_with(&[], name, text);
}

fn prove_with(flags: &[&str], name: &str, text: &str) {
    match redis() {
        Some(program) => play(name, text, &Server::start_program(&program, flags), true),
        None => skip("redis-server"),
    }
}

#[test]
fn acl() {
    prove("acl", include_str!("../transcripts/acl.txt"));
}

#[test]
fn bitmap() {
    prove("bitmap", include_str!("../transcripts/bitmap.txt"));
}

#[test]
fn cluster() {
    prove("cluster", include_str!("../transcripts/cluster.txt"));
}

#[test]
fn modules() {
    let flags = ["--enable-module-command", "local"];
    prove_with(&flags, "modules", include_str!("../transcripts/modules.txt"));
}

#[test]
fn connection() {
    prove("connection", include_str!("../transcripts/connection.txt"));
}

#[test]
fn debug() {
    let flags = ["--enable-debug-command", "yes"];
    prove_with(&flags, "debug", include_str!("../transcripts/debug.txt"));
}

#[test]
fn generic() {
    prove("generic", include_str!("../transcripts/generic.txt"));
}

#[test]
fn geo() {
    prove("geo", include_str!("../transcripts/geo.txt"));
}

#[test]
fn hyperloglog() {
    prove("hyperloglog", include_str!("../transcripts/hyperloglog.txt"));
}

#[test]
fn pubsub() {
    prove("pubsub", include_str!("../transcripts/pubsub.txt"));
}

#[test]
fn server() {
    prove("server", include_str!("../transcripts/server.txt"));
}

#[test]
fn sorted_set() {
    prove("sorted_set", include_str!("../transcripts/sorted_set.txt"));
}

#[test]
fn set() {
    prove("set", include_str!("../transcripts/set.txt"));
}

#[test]
fn stream() {
    prove("stream", include_str!("../transcripts/stream.txt"));
}

#[test]
fn sort() {
    prove("sort", include_str!("../transcripts/sort.txt"));
}

#[test]
fn string() {
    prove("string", include_str!("../transcripts/string.txt"));
}

#[test]
fn transactions() {
    prove("transactions", include_str!("../transcripts/transactions.txt"));
}

#[test]
fn hash() {
    prove("hash", include_str!("../transcripts/hash.txt"));
}

#[test]
fn blocking() {
    prove("blocking", include_str!("../transcripts/blocking.txt"));
}

#[test]
fn replication() {
    prove("replication", include_str!("../transcripts/replication.txt"));
}

#[test]
fn tracking() {
    prove("tracking", include_str!("../transcripts/tracking.txt"));
}
