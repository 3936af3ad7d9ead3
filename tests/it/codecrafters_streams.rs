//! The CodeCrafters stages about streams.

use crate::codecrafters::{await_waiting, bulk, bulks, comes, words};
use crate::support::client::Client;
use crate::support::server::Server;

/// The id of an entry, its field and its value.
type Entry<'a> = (&'a str, &'a str, &'a str);

/// Entries as XRANGE shows them: of each its id and its one field with the value.
fn entries(entries: &[Entry<'_>]) -> String {
    let one =
        |(id, field, value): &Entry<'_>| format!("*2\r\n{}{}", bulk(id), bulks(&[field, value]));
    format!("*{}\r\n{}", entries.len(), entries.iter().map(one).collect::<String>())
}

/// What XREAD shows of streams.
fn streams(streams: &[(&str, &[Entry<'_>])]) -> String {
    let one = |(key, all): &(&str, &[Entry<'_>])| format!("*2\r\n{}{}", bulk(key), entries(all));
    format!("*{}\r\n{}", streams.len(), streams.iter().map(one).collect::<String>())
}

const FIRST: Entry<'static> = ("0-1", "foo", "bar");
const SECOND: Entry<'static> = ("0-2", "bar", "baz");
const THIRD: Entry<'static> = ("5-3", "baz", "foo");

fn add(client: &mut Client, key: &str, (id, field, value): Entry<'_>) {
    words(client, &format!("XADD {key} {id} {field} {value}"), &bulk(id));
}

/// A client of a server with a stream of the three.
fn with_stream() -> (Server, Client) {
    let server = Server::start(&[]);
    let mut client = server.client();
    [FIRST, SECOND, THIRD].into_iter().for_each(|entry| add(&mut client, "s", entry));
    (server, client)
}

#[test]
fn the_type_command_and_create_a_stream() {
    let (_server, mut client) = with_stream();
    words(&mut client, "SET key value", "+OK\r\n");
    words(&mut client, "TYPE key", "+string\r\n");
    words(&mut client, "TYPE missing", "+none\r\n");
    words(&mut client, "TYPE s", "+stream\r\n");
}

#[test]
fn validating_entry_ids() {
    let (_server, mut client) = with_stream();
    let zero = "-ERR The ID specified in XADD must be greater than 0-0\r\n";
    let small = "-ERR The ID specified in XADD is equal or smaller than the target stream top \
                 item\r\n";
    words(&mut client, "XADD s 0-0 a b", zero);
    words(&mut client, "XADD new 0-0 a b", zero);
    for id in ["5-3", "5-2", "0-3", "4-9"] {
        words(&mut client, &format!("XADD s {id} a b"), small);
    }
    words(&mut client, "XADD s 5-4 a b", &bulk("5-4"));
}

#[test]
fn partially_auto_generated_ids() {
    let server = Server::start(&[]);
    let mut client = server.client();
    for (pattern, id) in [("0-*", "0-1"), ("0-*", "0-2"), ("5-*", "5-0"), ("5-*", "5-1")] {
        words(&mut client, &format!("XADD s {pattern} a b"), &bulk(id));
    }
}

#[test]
fn fully_auto_generated_ids() {
    let id = Server::start(&[]).client().run("XADD s * a b").text();
    let (ms, seq) = id.split_once('-').unwrap();
    assert!(ms.len() == 13 && ms.bytes().all(|byte| byte.is_ascii_digit()) && seq == "0", "{id}");
}

#[test]
fn query_entries_from_stream_with_ids_minus_and_plus() {
    let (_server, mut client) = with_stream();
    words(&mut client, "XRANGE s 0-2 5-3", &entries(&[SECOND, THIRD]));
    words(&mut client, "XRANGE s 0 1", &entries(&[FIRST, SECOND]));
    words(&mut client, "XRANGE s - 0-2", &entries(&[FIRST, SECOND]));
    words(&mut client, "XRANGE s 0-2 +", &entries(&[SECOND, THIRD]));
}

#[test]
fn query_single_and_multiple_streams_using_xread() {
    let (_server, mut client) = with_stream();
    words(&mut client, "XREAD STREAMS s 0-2", &streams(&[("s", &[THIRD])]));
    add(&mut client, "t", SECOND);
    let both = streams(&[("s", &[THIRD]), ("t", &[SECOND])]);
    words(&mut client, "XREAD streams s t 0-2 0-1", &both);
}

#[test]
fn blocking_reads_with_and_without_timeout() {
    let (server, mut client) = with_stream();
    let mut reader = server.client();
    for (block, last, new) in [("20000", "5-3", "6-0"), ("0", "6-0", "7-0")] {
        reader.request(&["XREAD", "block", block, "streams", "s", last]);
        await_waiting(&mut client, 1);
        add(&mut client, "s", (new, "a", "b"));
        comes(&mut reader, &streams(&[("s", &[(new, "a", "b")])]));
    }
    words(&mut reader, "XREAD block 50 streams s 7-0", "*-1\r\n");
}

#[test]
fn blocking_reads_using_the_dollar() {
    let (server, mut client) = with_stream();
    let mut reader = server.client();
    reader.request(&["XREAD", "block", "0", "streams", "s", "$"]);
    await_waiting(&mut client, 1);
    add(&mut client, "s", ("6-0", "a", "b"));
    comes(&mut reader, &streams(&[("s", &[("6-0", "a", "b")])]));
    words(&mut reader, "XREAD block 50 streams s $", "*-1\r\n");
}
