//! What arrives on a socket, whole or in pieces, right or wrong.

use crate::support::client::{Client, encode};
use crate::support::server::Server;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

/// Sends bytes and ends sending; all that comes back until the server closes.
fn exchange(server: &Server, bytes: &[u8]) -> Vec<u8> {
    let mut socket = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    socket.write_all(bytes).unwrap();
    socket.shutdown(Shutdown::Write).unwrap();
    let mut back = Vec::new();
    socket.read_to_end(&mut back).unwrap();
    back
}

#[test]
fn replies_arrive_though_the_client_sends_no_more() {
    let server = Server::start(&[]);
    assert_eq!(exchange(&server, b"PING\r\nECHO hi\r\n"), b"+PONG\r\n$2\r\nhi\r\n");
    let burst = encode(&["PING"]).repeat(10_000);
    assert_eq!(exchange(&server, &burst), b"+PONG\r\n".repeat(10_000));
    assert_eq!(exchange(&server, b""), b"");
    assert_eq!(exchange(&server, b"*1\r\n$4\r\nPI"), b"");
}

#[test]
fn long_replies_arrive_though_the_client_sends_no_more() {
    let server = Server::start(&[]);
    let mut burst = encode(&["SET", "big", &"x".repeat(1 << 20)]);
    burst.extend(encode(&["GET", "big"]).repeat(32));
    let expected = "+OK\r\n".len() + 32 * ((1 << 20) + "$1048576\r\n\r\n".len());
    assert_eq!(exchange(&server, &burst).len(), expected);
}

#[test]
fn http_is_not_spoken() {
    let server = Server::start(&[]);
    assert_eq!(exchange(&server, b"POST / HTTP/1.1\r\nSET a b\r\n"), b"");
    assert_eq!(exchange(&server, b"PING\r\nHost: example.org\r\nSET a b\r\n"), b"+PONG\r\n");
    assert!(server.log().contains("it speaks HTTP"));
    assert_eq!(server.client().run("DBSIZE").int(), 0);
}

#[test]
fn a_burst_is_answered_in_order_whatever_its_length() {
    let server = Server::start(&[]);
    let mut client = server.client();
    let mut burst = Vec::new();
    for i in 0..20_000 {
        burst.extend(encode(&["SET", &format!("k{}", i % 100), &i.to_string()]));
        burst.extend(encode(&["GET", &format!("k{}", i % 100)]));
    }
    client.send(&burst);
    for i in 0..20_000 {
        assert_eq!(client.reply().to_string(), "+OK");
        assert_eq!(client.reply().text(), i.to_string());
    }
    assert_eq!(client.run("DBSIZE").int(), 100);
}

#[test]
fn errors_of_the_protocol_come_after_what_was_right_and_end_the_connection() {
    let server = Server::start(&[]);
    let cases: &[(&[u8], &str)] = &[
        (
            b"*1\r\n$4\r\nPING\r\n*a\r\n",
            "+PONG\r\n-ERR Protocol error: invalid multibulk length\r\n",
        ),
        (b"*3000000000\r\n", "-ERR Protocol error: invalid multibulk length\r\n"),
        (b"*-9223372036854775809\r\n", "-ERR Protocol error: invalid multibulk length\r\n"),
        (b"*1\r\nPING\r\n", "-ERR Protocol error: expected '$', got 'P'\r\n"),
        (b"*1\r\n$-1\r\n", "-ERR Protocol error: invalid bulk length\r\n"),
        (b"*2\r\n$4\r\nECHO\r\n$999999999999\r\n", "-ERR Protocol error: invalid bulk length\r\n"),
        (b"set \"a\r\n", "-ERR Protocol error: unbalanced quotes in request\r\n"),
        (b"*0\r\n*-7\r\n\r\nPING\r\n", "+PONG\r\n"),
        (b"\x00\x00\r\nPING\r\n", "+PONG\r\n"),
    ];
    for (bytes, expected) in cases {
        let back = exchange(&server, bytes);
        assert_eq!(String::from_utf8_lossy(&back), *expected);
    }
}

#[test]
fn rubbish_ends_one_connection_and_no_more() {
    let server = Server::start(&[]);
    let mut rng = fastrand::Rng::with_seed(9);
    for _ in 0..20 {
        let rubbish: Vec<u8> = std::iter::repeat_with(|| rng.u8(..)).take(1 << 20).collect();
        let mut client = server.client();
        client.try_send(&rubbish);
    }
    let mut no_line = server.client();
    no_line.try_send(&vec![b'x'; 1 << 20]);
    assert_eq!(server.client().run("PING").to_string(), "+PONG");
}

#[test]
fn a_long_argument_arrives_in_pieces() {
    let server = Server::start(&[]);
    let mut client = server.client();
    let mut rng = fastrand::Rng::with_seed(4);
    let value: Vec<u8> = std::iter::repeat_with(|| rng.u8(..)).take(20_000_000).collect();
    for piece in encode(&[b"SET", &b"big"[..], &value]).chunks(777_777) {
        client.send(piece);
    }
    assert_eq!(client.reply().to_string(), "+OK");
    assert!(client.call(&["GET", "big"]).bytes() == value);
}

#[test]
fn any_byte_may_stand_in_any_argument() {
    let server = Server::start(&[]);
    let mut client = server.client();
    let all: Vec<u8> = (0..=255).collect();
    assert_eq!(client.call(&[b"SET", &all[..], &all]).to_string(), "+OK");
    assert_eq!(client.call(&[b"GET", &all[..]]).bytes(), all);
    assert_eq!(client.call(&[b"KEYS", &b"*"[..]]).items()[0].bytes(), all);
    client.request(&[&all[..]]);
    let error = client.reply().to_string();
    assert!(error.starts_with("-ERR unknown command ''"), "{error}");
    for command in ["CONFIG", "CLIENT", "COMMAND", "SET", "EXPIRE", "SCAN", "HELLO", "AUTH"] {
        client.request(&[command.as_bytes(), &all, &all, &all]);
        assert!(client.reply().to_string().starts_with('-'), "{command}");
    }
}

#[test]
fn promised_bytes_cost_no_memory() {
    let server = Server::start(&[]);
    let mut clients: Vec<Client> = (0..100).map(|_| server.client()).collect();
    for client in &mut clients {
        client.send(b"*2\r\n$3\r\nGET\r\n$536870912\r\nabc");
    }
    let mut other = server.client();
    let info = other.run("INFO memory").text();
    let used = info.lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap();
    assert!(used.parse::<u64>().unwrap() < 50_000_000, "{used}");
}
