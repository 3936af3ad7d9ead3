//! CodeCrafters stages of streams, transactions, optimistic locking and users, byte by byte.

use crate::codecrafters::exactly;
use crate::support::client::Client;
use crate::support::server::Server;

const OK: &str = "+OK\r\n";
const QUEUED: &str = "+QUEUED\r\n";

fn words(client: &mut Client, line: &str, reply: &str) {
    exactly(client, &line.split(' ').collect::<Vec<_>>(), reply);
}

#[test]
fn type_and_ids_that_the_server_makes() {
    let server = Server::start(&[]);
    let mut client = server.client();
    words(&mut client, "XADD s 0-* a b", "$3\r\n0-1\r\n");
    words(&mut client, "TYPE s", "+stream\r\n");
    words(&mut client, "TYPE nosuch", "+none\r\n");
    let id = client.run("XADD s * a b").text();
    let (ms, seq) = id.split_once('-').unwrap();
    assert!(ms.len() == 13 && seq == "0", "{id}");
}

#[test]
fn reads_of_several_streams_and_of_what_comes() {
    let server = Server::start(&[]);
    let (mut client, mut other) = (server.client(), server.client());
    let of = |key: &str, id: &str| {
        format!("*2\r\n$1\r\n{key}\r\n*1\r\n*2\r\n$3\r\n{id}\r\n*2\r\n$1\r\nf\r\n$1\r\nv\r\n")
    };
    words(&mut client, "XADD s 0-1 f v", "$3\r\n0-1\r\n");
    words(&mut client, "XADD t 0-2 f v", "$3\r\n0-2\r\n");
    let both = format!("*2\r\n{}{}", of("s", "0-1"), of("t", "0-2"));
    words(&mut client, "XREAD streams s t 0-0 0-1", &both);
    other.request(&["XREAD", "BLOCK", "0", "STREAMS", "s", "$"]);
    while !client.run("INFO clients").text().contains("blocked_clients:1") {}
    words(&mut client, "XADD s 0-2 f v", "$3\r\n0-2\r\n");
    assert_eq!(other.reply().to_string(), "[[\"s\", [[\"0-2\", [\"f\", \"v\"]]]]]");
    words(&mut client, "XREAD BLOCK 10 STREAMS s 0-2", "*-1\r\n");
}

#[test]
fn transactions() {
    let server = Server::start(&[]);
    let (mut client, mut other) = (server.client(), server.client());
    words(&mut client, "SET foo 41", OK);
    words(&mut client, "INCR foo", ":42\r\n");
    words(&mut client, "INCR new", ":1\r\n");
    words(&mut client, "SET foo xyz", OK);
    words(&mut client, "INCR foo", "-ERR value is not an integer or out of range\r\n");
    words(&mut client, "EXEC", "-ERR EXEC without MULTI\r\n");
    words(&mut client, "DISCARD", "-ERR DISCARD without MULTI\r\n");
    words(&mut client, "MULTI", OK);
    words(&mut client, "EXEC", "*0\r\n");
    words(&mut client, "EXEC", "-ERR EXEC without MULTI\r\n");
    words(&mut client, "MULTI", OK);
    words(&mut client, "SET foo 41", QUEUED);
    words(&mut client, "INCR foo", QUEUED);
    words(&mut other, "GET foo", "$3\r\nxyz\r\n");
    words(&mut client, "EXEC", "*2\r\n+OK\r\n:42\r\n");
    words(&mut client, "MULTI", OK);
    words(&mut client, "SET foo 1", QUEUED);
    words(&mut client, "DISCARD", OK);
    words(&mut client, "GET foo", "$2\r\n42\r\n");
}

#[test]
fn failures_within_and_several_transactions() {
    let server = Server::start(&[]);
    let (mut a, mut b) = (server.client(), server.client());
    words(&mut a, "SET foo abc", OK);
    words(&mut a, "SET bar 41", OK);
    for client in [&mut a, &mut b] {
        words(client, "MULTI", OK);
        words(client, "INCR foo", QUEUED);
        words(client, "INCR bar", QUEUED);
    }
    let error = "-ERR value is not an integer or out of range\r\n";
    words(&mut a, "EXEC", &format!("*2\r\n{error}:42\r\n"));
    words(&mut b, "EXEC", &format!("*2\r\n{error}:43\r\n"));
}

#[test]
fn optimistic_locking() {
    let server = Server::start(&[]);
    let (mut client, mut other) = (server.client(), server.client());
    words(&mut client, "WATCH foo bar", OK);
    words(&mut client, "MULTI", OK);
    words(&mut client, "WATCH foo", "-ERR WATCH inside MULTI is not allowed\r\n");
    words(&mut client, "SET foo 1", QUEUED);
    // `bar` comes to be meanwhile.
    words(&mut other, "SET bar 2", OK);
    words(&mut client, "EXEC", "*-1\r\n");
    words(&mut client, "GET foo", "$-1\r\n");
    // EXEC has ended the watch, and so do DISCARD and UNWATCH.
    for end in ["", "UNWATCH", "MULTI DISCARD"] {
        if !end.is_empty() {
            words(&mut client, "WATCH foo", OK);
            end.split(' ').for_each(|line| words(&mut client, line, OK));
        }
        words(&mut other, "SET foo other", OK);
        words(&mut client, "MULTI", OK);
        words(&mut client, "GET foo", QUEUED);
        words(&mut client, "EXEC", "*1\r\n$5\r\nother\r\n");
    }
    words(&mut client, "WATCH foo", OK);
    words(&mut other, "SET another 1", OK);
    words(&mut client, "MULTI", OK);
    words(&mut client, "PING", QUEUED);
    words(&mut client, "EXEC", "*1\r\n+PONG\r\n");
}

#[test]
fn users_and_passwords() {
    let server = Server::start(&[]);
    let mut client = server.client();
    words(&mut client, "ACL WHOAMI", "$7\r\ndefault\r\n");
    let told = client.run("ACL GETUSER default").to_string();
    let flags = told.strip_prefix("[\"flags\", [").unwrap();
    assert!(flags.split(']').next().unwrap().contains("\"nopass\""), "{told}");
    assert!(told.contains("\"passwords\", []"), "{told}");
    words(&mut client, "ACL SETUSER default >mypassword", OK);
    let told = client.run("ACL GETUSER default").to_string();
    let hash = "89e01536ac207279409d4de1e5253e01f4a1769e696db0d6062ca9b8f56767c8";
    assert!(told.contains(&format!("\"passwords\", [\"{hash}\"]")), "{told}");
    assert!(!told.contains("nopass"), "{told}");
    // Who is there stays logged in.
    words(&mut client, "ACL WHOAMI", "$7\r\ndefault\r\n");
    let mut other = server.client();
    words(&mut other, "ACL WHOAMI", "-NOAUTH Authentication required.\r\n");
    let wrong = "-WRONGPASS invalid username-password pair or user is disabled.\r\n";
    words(&mut other, "AUTH default wrong", wrong);
    words(&mut other, "AUTH default mypassword", OK);
    words(&mut other, "ACL WHOAMI", "$7\r\ndefault\r\n");
}
