//! Servers that do not behave like servers: whatever the other side of a link does, the link ends
//! or goes on, and nothing else.

use crate::support::client::{Client, encode};
use crate::support::hand::{Hand, snapshot_with};
use crate::support::server::{Server, eventually};
use std::io::Write;
use std::net::TcpListener;

const ID: &str = "75cd7bc10c49047e0d163660f3b90625b1af31dc";
const NO_DELAY: [&str; 2] = ["--repl-diskless-sync-delay", "0"];

fn info(client: &mut Client, name: &str) -> String {
    let info = client.run("INFO everything").text();
    let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_default().to_owned()
}

/// A replica of whatever stands behind the listener.
fn replica(flags: &[&str]) -> (Server, TcpListener) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let primary = format!("127.0.0.1 {}", listener.local_addr().unwrap().port());
    let server = Server::start(&[flags, &["--replicaof", &primary]].concat());
    (server, listener)
}

fn full(offset: &str, snapshot: &[u8], stream: &[u8]) -> Vec<u8> {
    let head = format!("+FULLRESYNC {ID} {offset}\r\n${}\r\n", snapshot.len()).into_bytes();
    [&head, snapshot, stream].concat()
}

#[test]
fn a_snapshot_with_a_mark_that_never_comes() {
    let whole = snapshot_with("new");
    for load in ["flush-before-load", "swapdb"] {
        let (server, listener) = replica(&["--repl-diskless-load", load]);
        let (mut hand, _) = Hand::accept(&listener);
        hand.send(format!("+FULLRESYNC {ID} 5\r\n$EOF:{ID}\r\n").as_bytes());
        hand.send(&whole);
        let noise = vec![b'x'; 1 << 20];
        let sent = (0..200).take_while(|_| hand.stream.write_all(&noise).is_ok()).count();
        assert!(sent < 200, "it takes whatever comes");
        assert!(server.log().contains("more comes behind the end of the snapshot"));
        assert_eq!(Hand::accept(&listener).1, "PSYNC ? -1");
        assert_eq!(server.client().run("PING").text(), "PONG");
    }
}

#[test]
fn answers_to_psync_that_make_no_sense() {
    let whole = snapshot_with("new");
    let (server, listener) = replica(&[]);
    let answers = [
        full("18446744073709551615", &whole, b""),
        full("-1", &whole, b""),
        format!("+CONTINUE {ID}\r\n").into_bytes(),
        b"+CONTINUE\r\n".to_vec(),
        format!("+FULLRESYNC {} 5\r\n", &ID[1..]).into_bytes(),
        format!("+FULLRESYNC {ID} 5\r\n$-5\r\n").into_bytes(),
        format!("+FULLRESYNC {ID} 5\r\n$99999999999999999999\r\n").into_bytes(),
        format!("+FULLRESYNC {ID} 5\r\n$EOF:{}\r\n", &ID[1..]).into_bytes(),
        vec![b'+'; 5_000],
    ];
    for answer in answers {
        let (mut hand, asked) = Hand::accept(&listener);
        assert_eq!(asked, "PSYNC ? -1", "{}", server.log());
        hand.send(&answer);
        hand.ends();
    }
    // Lines may end in whatever way, and empty ones mean nothing.
    let (mut hand, _) = Hand::accept(&listener);
    hand.send(format!("\n\r\n\n+FULLRESYNC {ID} 5\n\n\r\n${}\n", whole.len()).as_bytes());
    hand.send(&whole);
    let mut client = server.client();
    eventually("it follows", || info(&mut client, "master_link_status") == "up");
    assert_eq!(info(&mut client, "master_repl_offset"), "5");
}

#[test]
fn a_primary_that_falls_silent_is_given_up() {
    let whole = snapshot_with("new");
    let half = &full("5", &whole, b"")[..whole.len() / 2];
    let huge = format!("+FULLRESYNC {ID} 5\r\n${}\r\nREDIS0011", 1u64 << 40).into_bytes();
    for load in ["disabled", "swapdb", "flush-before-load"] {
        let (server, listener) =
            replica(&["--repl-timeout", "1", "--repl-diskless-load", load, "--save", ""]);
        for sent in [half, &huge, b"", &full("5", &whole, b"*2\r\n")] {
            let (mut hand, _) = Hand::accept(&listener);
            hand.send(sent);
            hand.ends();
        }
        let names = std::fs::read_dir(server.dir()).unwrap();
        let left = names.filter(|name| {
            let name = name.as_ref().unwrap().file_name();
            name.to_str().unwrap().starts_with("temp-")
        });
        assert_eq!(left.count(), 0);
        assert_eq!(server.client().run("PING").text(), "PONG");
    }
}

#[test]
fn requests_that_no_primary_sends() {
    let (server, listener) = replica(&[]);
    let (mut hand, _) = Hand::accept(&listener);
    hand.send(&full("0", &snapshot_with("new"), b""));
    let lines = [
        "SELECT 3",
        "SYNC",
        "PSYNC ? -1",
        "RESET",
        "CLIENT REPLY ON",
        "BLPOP none 0",
        "GET none",
        "XREAD BLOCK 0 STREAMS none 0",
        "WAIT 1 0",
        "REPLCONF listening-port 7",
        "SET here 1",
    ];
    for line in lines {
        hand.send(&encode(&line.split(' ').collect::<Vec<_>>()));
    }
    let mut client = server.client();
    client.run("SELECT 3");
    eventually("the change is there", || client.run("EXISTS here").int() == 1);
    // It hears of nothing but how far the replica is.
    hand.send(&encode(&["REPLCONF", "GETACK", "*"]));
    assert_eq!(hand.request()[..2], ["REPLCONF", "ACK"]);
    drop(hand);
    // It goes on where it was.
    let asked = Hand::accept(&listener).1;
    let sent = lines.map(|line| encode(&line.split(' ').collect::<Vec<_>>()).len());
    let next = sent.iter().sum::<usize>() + encode(&["REPLCONF", "GETACK", "*"]).len() + 1;
    assert_eq!(asked, format!("PSYNC {ID} {next}"));
}

#[test]
fn a_transaction_without_an_end() {
    for flood in [&encode(&["SET", "k", &"x".repeat(1_000)])[..], &[b'\n'; 1_000]] {
        let (server, listener) = replica(&["--client-query-buffer-limit", "1mb"]);
        let (mut hand, _) = Hand::accept(&listener);
        hand.send(&full("0", &snapshot_with("new"), &encode(&["MULTI"])));
        let sent = (0..100_000).take_while(|_| hand.stream.write_all(flood).is_ok()).count();
        assert!(sent < 100_000);
        assert!(server.log().contains("the transaction has no end"), "{}", server.log());
        assert_eq!(Hand::accept(&listener).1, "PSYNC ? -1");
        assert_eq!(server.client().run("EXISTS k").int(), 0);
    }
}

/// Becomes a replica that understands marks.
fn follow(server: &Server, capabilities: &str) -> Client {
    let mut client = server.client();
    assert_eq!(client.run(&format!("REPLCONF {capabilities}")).text(), "OK");
    client.request(&["PSYNC", "?", "-1"]);
    client
}

#[test]
fn a_replica_that_never_tells_how_far_it_is() {
    let server = Server::start(&[&NO_DELAY[..], &["--repl-timeout", "1"]].concat());
    let mut client = server.client();
    for capabilities in ["capa eof", "capa psync2"] {
        let mut replica = follow(&server, capabilities);
        let rest = String::from_utf8_lossy(&replica.rest()).into_owned();
        assert!(rest.starts_with("+FULLRESYNC"), "{capabilities}: {rest}");
        assert!(server.log().contains("Disconnecting timedout replica (streaming sync)"));
        assert_eq!(info(&mut client, "connected_slaves"), "0");
    }
}

#[test]
fn places_in_a_history_that_are_not() {
    let server = Server::start(&NO_DELAY);
    let mut client = server.client();
    client.run("SET k 1");
    let history = info(&mut client, "master_replid");
    let long = "y".repeat(100_000);
    for id in [&history[..], "?", "", &long, "\r\n", ID] {
        for offset in ["-9223372036854775808", "-1", "0", "2", "1000", "9223372036854775807"] {
            let mut replica = server.client();
            replica.request(&["PSYNC", id, offset]);
            assert!(replica.reply().text().starts_with("FULLRESYNC "), "{id:?} {offset}");
        }
        for offset in ["", "x", "1.5", "9223372036854775808", "-9223372036854775809"] {
            let error = "-ERR value is not an integer or out of range";
            assert_eq!(server.client().call(&["PSYNC", id, offset]).to_string(), error);
        }
    }
    let mut replica = server.client();
    replica.request(&["PSYNC", "\r\n", "7", "FAILOVER"]);
    assert_eq!(replica.reply().text(), "ERR PSYNC FAILOVER can't be sent to a master.");
    assert!(server.log().contains("Failover request received for replid \\r\\n."));
    eventually("all are gone", || info(&mut client, "connected_slaves") == "0");
}

#[test]
fn what_a_replica_says_of_itself_stays_in_its_line() {
    let server = Server::start(&NO_DELAY);
    let mut replica = server.client();
    let evil = "1.2.3.4\r\nrole:slave";
    let refused = replica.call(&["REPLCONF", "ip-address", evil]).text();
    assert_eq!(refused, "ERR REPLCONF ip-address is not an address");
    assert_eq!(replica.run("REPLCONF ip-address 1.2.3.4").text(), "OK");
    for port in ["-1", "65536", "x"] {
        assert!(replica.run(&format!("REPLCONF listening-port {port}")).text().contains("ERR"));
    }
    // Any number of them is taken, and answered once.
    let mut many = vec!["REPLCONF"];
    (0..20_000).for_each(|_| many.extend(["capa", "psync2"]));
    for _ in 0..50 {
        assert_eq!(replica.call(&many).text(), "OK");
    }
    replica.request(&["PSYNC", "?", "-1"]);
    let mut client = server.client();
    eventually("it is known", || info(&mut client, "slave0").starts_with("ip=1.2.3.4,"));
    assert_eq!(info(&mut client, "role"), "master");
}

#[test]
fn a_replica_that_wants_replies_is_closed() {
    let server = Server::start(&NO_DELAY);
    let mut client = server.client();
    let nonsense: [&[u8]; 6] = [
        b"*1\r\n$4\r\nPING\r\n",
        b"*1\r\n$5\r\nRESET\r\n",
        b"*3\r\n$6\r\nCLIENT\r\n$5\r\nREPLY\r\n$2\r\nON\r\n*1\r\n$4\r\nPING\r\n",
        b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n",
        b"*1\r\n$-9\r\n",
        b"*3\r\n$8\r\nREPLCONF\r\n$14\r\nlistening-port\r\n$1\r\n7\r\n",
    ];
    for bytes in nonsense {
        let mut replica = follow(&server, "capa psync2");
        eventually("it is online", || info(&mut client, "slave0").contains("state=online"));
        replica.send(bytes);
        replica.rest();
        eventually("it is gone", || info(&mut client, "connected_slaves") == "0");
    }
    assert_eq!(client.run("EXISTS k").int(), 0);
    // Whatever it claims to have, it goes on being sent what there is.
    let mut replica = follow(&server, "capa psync2");
    eventually("it is online", || info(&mut client, "slave0").contains("state=online"));
    for offset in ["9223372036854775807", "-5", "x", "0"] {
        replica.request(&["REPLCONF", "ACK", offset]);
        replica.send(b"\n");
    }
    client.run("SET k v");
    let change = encode(&["SET", "k", "v"]);
    let mut stream = Vec::new();
    while !stream.ends_with(&change) {
        stream.extend(replica.bytes(1));
    }
}

#[test]
fn a_primary_that_hangs_up_in_the_middle_of_anything() {
    let bytes = full("5", &snapshot_with("new"), &encode(&["SET", "k", "v"]));
    for load in ["disabled", "flush-before-load"] {
        let (server, listener) = replica(&["--repl-diskless-load", load]);
        // The others take a second each until it tries again.
        for cut in [0, 10, 58, bytes.len() / 2] {
            let (mut hand, _) = Hand::accept(&listener);
            hand.send(&bytes[..cut]);
        }
        let mut hand = Hand::accept(&listener).0;
        hand.send(&bytes[..bytes.len() - 3]);
        let mut client = server.client();
        eventually("it follows", || info(&mut client, "master_link_status") == "up");
        drop(hand);
        let (mut hand, asked) = Hand::accept(&listener);
        assert_eq!(asked, format!("PSYNC {ID} 6"));
        hand.send(b"+CONTINUE\r\n");
        hand.send(&encode(&["SET", "k", "v"]));
        eventually("it goes on", || client.run("EXISTS k").int() == 1);
    }
}
