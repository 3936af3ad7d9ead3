//! The transcripts are true: a real redis-server gives the replies that they expect.

use crate::support::server::{Server, redis};
use crate::support::skip;
use crate::support::transcript::play;

fn prove(name: &str, text: &str) {
    match redis() {
        Some(program) => play(name, text, &Server::start_program(&program, &[]), true),
        None => skip("redis-server"),
    }
}

#[test]
fn bitmap() {
    prove("bitmap", include_str!("../transcripts/bitmap.txt"));
}

#[test]
fn connection() {
    prove("connection", include_str!("../transcripts/connection.txt"));
}

#[test]
fn generic() {
    prove("generic", include_str!("../transcripts/generic.txt"));
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
fn string() {
    prove("string", include_str!("../transcripts/string.txt"));
}
