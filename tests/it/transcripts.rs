//! Every transcript holds for spindle.

use crate::support::server::Server;
use crate::support::transcript::play;

#[test]
fn acl() {
    play("acl", include_str!("../transcripts/acl.txt"), &Server::start(&[]), false);
}

#[test]
fn bitmap() {
    play("bitmap", include_str!("../transcripts/bitmap.txt"), &Server::start(&[]), false);
}

#[test]
fn cluster() {
    play("cluster", include_str!("../transcripts/cluster.txt"), &Server::start(&[]), false);
}

#[test]
fn modules() {
    let server = Server::start(&["--enable-module-command", "local"]);
    play("modules", include_str!("../transcripts/modules.txt"), &server, false);
}

#[test]
fn connection() {
    play("connection", include_str!("../transcripts/connection.txt"), &Server::start(&[]), false);
}

#[test]
fn debug() {
    let server = Server::start(&["--enable-debug-command", "yes"]);
    play("debug", include_str!("../transcripts/debug.txt"), &server, false);
}

#[test]
fn generic() {
    play("generic", include_str!("../transcripts/generic.txt"), &Server::start(&[]), false);
}

#[test]
fn geo() {
    play("geo", include_str!("../transcripts/geo.txt"), &Server::start(&[]), false);
}

#[test]
fn hyperloglog() {
    play("hyperloglog", include_str!("../transcripts/hyperloglog.txt"), &Server::start(&[]), false);
}

#[test]
fn pubsub() {
    play("pubsub", include_str!("../transcripts/pubsub.txt"), &Server::start(&[]), false);
}

#[test]
fn server() {
    play("server", include_str!("../transcripts/server.txt"), &Server::start(&[]), false);
}

#[test]
fn sorted_set() {
    play("sorted_set", include_str!("../transcripts/sorted_set.txt"), &Server::start(&[]), false);
}

#[test]
fn set() {
    play("set", include_str!("../transcripts/set.txt"), &Server::start(&[]), false);
}

#[test]
fn sort() {
    play("sort", include_str!("../transcripts/sort.txt"), &Server::start(&[]), false);
}

#[test]
fn stream() {
    play("stream", include_str!("../transcripts/stream.txt"), &Server::start(&[]), false);
}

#[test]
fn string() {
    play("string", include_str!("../transcripts/string.txt"), &Server::start(&[]), false);
}

#[test]
fn transactions() {
    let text = include_str!("../transcripts/transactions.txt");
    play("transactions", text, &Server::start(&[]), false);
}

#[test]
fn hash() {
    play("hash", include_str!("../transcripts/hash.txt"), &Server::start(&[]), false);
}

#[test]
fn blocking() {
    play("blocking", include_str!("../transcripts/blocking.txt"), &Server::start(&[]), false);
}

#[test]
fn replication() {
    play("replication", include_str!("../transcripts/replication.txt"), &Server::start(&[]), false);
}

#[test]
fn tracking() {
    play("tracking", include_str!("../transcripts/tracking.txt"), &Server::start(&[]), false);
}
