//! The CodeCrafters stages about lists.

use crate::codecrafters::{await_waiting, bulk, bulks, comes, words};
use crate::support::client::Client;
use crate::support::server::Server;
use std::time::{Duration, Instant};

/// A client of a server with a list of these elements.
fn with_list(elements: &str) -> (Server, Client) {
    let server = Server::start(&[]);
    let mut client = server.client();
    let count = elements.split(' ').count();
    words(&mut client, &format!("RPUSH list {elements}"), &format!(":{count}\r\n"));
    (server, client)
}

#[test]
fn create_a_list_and_append_an_element() {
    let (_server, mut client) = with_list("foo");
    words(&mut client, "RPUSH list bar", ":2\r\n");
}

#[test]
fn append_multiple_elements() {
    let (_server, mut client) = with_list("a b c");
    words(&mut client, "RPUSH list d e", ":5\r\n");
    words(&mut client, "RPUSH other a b", ":2\r\n");
}

#[test]
fn list_elements_with_positive_indexes() {
    let (_server, mut client) = with_list("a b c d e");
    words(&mut client, "LRANGE list 0 1", &bulks(&["a", "b"]));
    words(&mut client, "LRANGE list 2 4", &bulks(&["c", "d", "e"]));
    words(&mut client, "LRANGE list 3 99", &bulks(&["d", "e"]));
    words(&mut client, "LRANGE list 1 0", "*0\r\n");
    words(&mut client, "LRANGE list 5 6", "*0\r\n");
    words(&mut client, "LRANGE missing 0 1", "*0\r\n");
}

#[test]
fn list_elements_with_negative_indexes() {
    let (_server, mut client) = with_list("a b c d e");
    words(&mut client, "LRANGE list -2 -1", &bulks(&["d", "e"]));
    words(&mut client, "LRANGE list 0 -3", &bulks(&["a", "b", "c"]));
    words(&mut client, "LRANGE list -99 1", &bulks(&["a", "b"]));
    words(&mut client, "LRANGE list -1 -2", "*0\r\n");
}

#[test]
fn prepend_elements() {
    let server = Server::start(&[]);
    let mut client = server.client();
    words(&mut client, "LPUSH list c", ":1\r\n");
    words(&mut client, "LPUSH list b a", ":3\r\n");
    words(&mut client, "LRANGE list 0 -1", &bulks(&["a", "b", "c"]));
}

#[test]
fn query_list_length() {
    let (_server, mut client) = with_list("a b c d");
    words(&mut client, "LLEN list", ":4\r\n");
    words(&mut client, "LLEN missing", ":0\r\n");
}

#[test]
fn remove_an_element_and_multiple_elements() {
    let (_server, mut client) = with_list("a b c d e");
    words(&mut client, "LPOP list", &bulk("a"));
    words(&mut client, "LPOP list 2", &bulks(&["b", "c"]));
    words(&mut client, "LRANGE list 0 -1", &bulks(&["d", "e"]));
    words(&mut client, "LPOP list 9", &bulks(&["d", "e"]));
    words(&mut client, "LPOP list", "$-1\r\n");
}

#[test]
fn blocking_retrieval() {
    let server = Server::start(&[]);
    let (mut first, mut second, mut client) = (server.client(), server.client(), server.client());
    first.request(&["BLPOP", "list", "0"]);
    await_waiting(&mut client, 1);
    second.request(&["BLPOP", "list", "0"]);
    await_waiting(&mut client, 2);
    words(&mut client, "RPUSH list foo", ":1\r\n");
    comes(&mut first, &bulks(&["list", "foo"]));
    await_waiting(&mut client, 1);
    words(&mut client, "RPUSH list bar", ":1\r\n");
    comes(&mut second, &bulks(&["list", "bar"]));
}

#[test]
fn blocking_retrieval_with_timeout() {
    let server = Server::start(&[]);
    let (mut first, mut client) = (server.client(), server.client());
    let begun = Instant::now();
    words(&mut first, "BLPOP list 0.2", "*-1\r\n");
    assert!(begun.elapsed() >= Duration::from_millis(200));
    first.request(&["BLPOP", "list", "20.5"]);
    await_waiting(&mut client, 1);
    words(&mut client, "RPUSH list foo", ":1\r\n");
    comes(&mut first, &bulks(&["list", "foo"]));
}
