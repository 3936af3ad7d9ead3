//! The CodeCrafters stages about transactions and optimistic locking.

use crate::codecrafters::{bulk, words};
use crate::support::server::Server;

const OK: &str = "+OK\r\n";
const QUEUED: &str = "+QUEUED\r\n";
const NO_INTEGER: &str = "-ERR value is not an integer or out of range\r\n";

#[test]
fn the_incr_command() {
    let server = Server::start(&[]);
    let mut client = server.client();
    words(&mut client, "SET foo 41", OK);
    words(&mut client, "INCR foo", ":42\r\n");
    words(&mut client, "INCR new", ":1\r\n");
    words(&mut client, "GET new", &bulk("1"));
    words(&mut client, "SET foo xyz", OK);
    words(&mut client, "INCR foo", NO_INTEGER);
}

#[test]
fn the_multi_and_exec_commands_and_an_empty_transaction() {
    let server = Server::start(&[]);
    let mut client = server.client();
    words(&mut client, "EXEC", "-ERR EXEC without MULTI\r\n");
    words(&mut client, "MULTI", OK);
    words(&mut client, "EXEC", "*0\r\n");
    words(&mut client, "EXEC", "-ERR EXEC without MULTI\r\n");
}

#[test]
fn queueing_commands_and_executing_a_transaction() {
    let server = Server::start(&[]);
    let (mut client, mut other) = (server.client(), server.client());
    words(&mut client, "MULTI", OK);
    words(&mut client, "SET foo 41", QUEUED);
    words(&mut client, "INCR foo", QUEUED);
    words(&mut other, "GET foo", "$-1\r\n");
    words(&mut client, "EXEC", "*2\r\n+OK\r\n:42\r\n");
    words(&mut other, "GET foo", &bulk("42"));
}

#[test]
fn the_discard_command() {
    let server = Server::start(&[]);
    let mut client = server.client();
    words(&mut client, "SET foo 42", OK);
    words(&mut client, "MULTI", OK);
    words(&mut client, "SET foo 1", QUEUED);
    words(&mut client, "DISCARD", OK);
    words(&mut client, "GET foo", &bulk("42"));
    words(&mut client, "DISCARD", "-ERR DISCARD without MULTI\r\n");
}

#[test]
fn failures_within_transactions_and_multiple_transactions() {
    let server = Server::start(&[]);
    let (mut a, mut b) = (server.client(), server.client());
    words(&mut a, "SET foo abc", OK);
    words(&mut a, "SET bar 41", OK);
    for client in [&mut a, &mut b] {
        words(client, "MULTI", OK);
        words(client, "INCR foo", QUEUED);
        words(client, "INCR bar", QUEUED);
    }
    words(&mut a, "EXEC", &format!("*2\r\n{NO_INTEGER}:42\r\n"));
    words(&mut b, "EXEC", &format!("*2\r\n{NO_INTEGER}:43\r\n"));
    words(&mut a, "GET foo", &bulk("abc"));
}

#[test]
fn the_watch_command_and_watch_inside_transaction() {
    let server = Server::start(&[]);
    let mut client = server.client();
    words(&mut client, "WATCH foo", OK);
    words(&mut client, "MULTI", OK);
    words(&mut client, "WATCH foo", "-ERR WATCH inside MULTI is not allowed\r\n");
}

/// One client watches, another one writes a key, and the first one's transaction runs or not. What
/// the first one does in between comes with it.
fn watched(watch: &str, written: &str, between: &[&str], runs: bool) {
    let server = Server::start(&[]);
    let (mut client, mut other) = (server.client(), server.client());
    words(&mut client, "SET foo 1", OK);
    words(&mut client, watch, OK);
    between.iter().for_each(|line| words(&mut client, line, OK));
    words(&mut other, &format!("SET {written} 2"), OK);
    words(&mut client, "MULTI", OK);
    words(&mut client, "SET foo 3", QUEUED);
    words(&mut client, "EXEC", if runs { "*1\r\n+OK\r\n" } else { "*-1\r\n" });
    let left = if runs {
        "3"
    } else if written == "foo" {
        "2"
    } else {
        "1"
    };
    words(&mut client, "GET foo", &bulk(left));
}

#[test]
fn tracking_key_modifications() {
    watched("WATCH foo", "foo", &[], false);
    watched("WATCH foo", "another", &[], true);
}

#[test]
fn watching_multiple_keys_and_missing_keys() {
    watched("WATCH foo bar", "foo", &[], false);
    watched("WATCH foo bar", "bar", &[], false);
    watched("WATCH bar", "bar", &[], false);
    watched("WATCH foo bar", "another", &[], true);
}

#[test]
fn the_unwatch_command_and_unwatch_on_discard() {
    watched("WATCH foo bar", "foo", &["UNWATCH"], true);
    watched("WATCH foo bar", "bar", &["MULTI", "DISCARD"], true);
}

#[test]
fn unwatch_on_exec() {
    let server = Server::start(&[]);
    let (mut client, mut other) = (server.client(), server.client());
    words(&mut client, "WATCH foo", OK);
    words(&mut client, "MULTI", OK);
    words(&mut client, "EXEC", "*0\r\n");
    words(&mut other, "SET foo 1", OK);
    words(&mut client, "MULTI", OK);
    words(&mut client, "GET foo", QUEUED);
    words(&mut client, "EXEC", "*1\r\n$1\r\n1\r\n");
}
