//! Connections in numbers and in trouble.

use crate::support::client::{Client, encode};
use crate::support::server::{Server, eventually};
use crate::support::skip;
use crate::system_calls::assert_stays_asleep;
use spindle::sys::limits::raise_open_files;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

fn connected(server: &Server) -> u64 {
    let info = server.client().run("INFO clients").text();
    let line = info.lines().find_map(|line| line.strip_prefix("connected_clients:")).unwrap();
    line.parse().unwrap()
}

#[test]
fn ten_thousand_connections_are_served() {
    const CLIENTS: usize = 10_000;
    if raise_open_files(CLIENTS as u64 + 500) < CLIENTS as u64 + 500 {
        return skip("10,500 descriptors");
    }
    let server = Server::start(&["--maxclients", "10100", "--bind", "127.0.0.1"]);
    let mut clients: Vec<Client> = (0..CLIENTS).map(|_| server.client()).collect();
    clients.iter_mut().for_each(|client| client.request(&["PING"]));
    for client in &mut clients {
        assert_eq!(client.reply().to_string(), "+PONG");
    }
    // Half of a request each, and then they are gone.
    clients.iter_mut().for_each(|client| client.send(b"*2\r\n$3\r\nGET\r\n$5\r\nab"));
    drop(clients);
    eventually("all are gone", || connected(&server) == 1);
}

#[test]
fn who_waits_and_is_gone_is_given_nothing() {
    let server = Server::start(&[]);
    for _ in 0..200 {
        let mut client = server.client();
        // The end of the stream comes together with the request, as a rule.
        client.send(b"PING\r\nBLPOP list 0\r\n");
    }
    eventually("all are gone", || connected(&server) == 1);
    let mut client = server.client();
    assert_eq!(client.run("RPUSH list a").to_string(), "1");
    assert_eq!(client.run("LLEN list").to_string(), "1");
}

#[test]
fn one_client_too_many_is_told_so() {
    let server = Server::start(&["--maxclients", "3"]);
    let mut clients: Vec<Client> = (0..3).map(|_| server.client()).collect();
    clients.iter_mut().for_each(|client| assert_eq!(client.run("PING").to_string(), "+PONG"));
    let mut refused = server.client();
    assert_eq!(refused.reply().to_string(), "-ERR max number of clients reached");
    assert!(refused.rest().is_empty());
    clients.pop();
    eventually("there is room again", || {
        let mut client = server.client();
        client.try_send(b"PING\r\n") && client.try_reply().unwrap().to_string() == "+PONG"
    });
}

#[test]
fn without_descriptors_accepting_waits_and_does_not_spin() {
    let server = Server::start(&[]);
    let mut clients: Vec<Client> = (0..10).map(|_| server.client()).collect();
    clients.iter_mut().for_each(|client| assert_eq!(client.run("PING").to_string(), "+PONG"));
    let pid = rustix::process::Pid::from_raw(i32::try_from(server.pid()).unwrap());
    let open = std::fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap().count() as u64;
    let limit = rustix::process::Rlimit { current: Some(open), maximum: Some(open) };
    rustix::process::prlimit(pid, rustix::process::Resource::Nofile, limit).unwrap();
    let mut waiting = server.client();
    waiting.request(&["PING"]);
    eventually("the failure is logged", || server.log().contains("Error accepting"));
    assert_stays_asleep(server.pid(), Duration::from_millis(300));
    assert_eq!(clients[0].run("PING").to_string(), "+PONG");
    clients.pop();
    assert_eq!(waiting.reply().to_string(), "+PONG");
}

#[test]
fn clients_that_vanish_at_any_byte_leave_nothing_behind() {
    let server = Server::start(&[]);
    let burst: Vec<u8> =
        [encode(&["SET", "key", "value"]), encode(&["GET", "key"]), b"PING\r\n".to_vec()].concat();
    for cut in 0..=burst.len() {
        let mut client = server.client();
        client.send(&burst[..cut]);
    }
    eventually("all are gone", || connected(&server) == 1);
    assert_eq!(server.client().run("GET key").to_string(), "\"value\"");
}

#[test]
fn a_client_that_reads_late_misses_nothing() {
    let server = Server::start(&[]);
    let mut client = server.client();
    let value = "0123456789abcdef".repeat(1 << 16);
    assert_eq!(client.call(&["SET", "big", &value]).to_string(), "+OK");
    for i in 0..64 {
        client.request(&["GET", "big"]);
        client.request(&["ECHO", &i.to_string()]);
    }
    // Another one is served meanwhile.
    let mut other = server.client();
    assert_eq!(other.run("PING").to_string(), "+PONG");
    for i in 0..64 {
        assert_eq!(client.reply().bytes(), value.as_bytes());
        assert_eq!(client.reply().text(), i.to_string());
    }
}

#[test]
fn a_client_may_be_kept_waiting_until_it_reads() {
    let server = Server::start(&["--client-output-pause", "1mb"]);
    let mut client = server.client();
    let value = "x".repeat(1 << 20);
    assert_eq!(client.call(&["SET", "big", &value]).to_string(), "+OK");
    let mut burst = Vec::new();
    (0..200).for_each(|_| burst.extend(encode(&["GET", "big"])));
    burst.extend(encode(&["SET", "last", "1"]));
    client.send(&burst);
    let mut other = server.client();
    assert_eq!(other.run("GET last").to_string(), "nil");
    for _ in 0..200 {
        assert_eq!(client.reply().bytes().len(), value.len());
    }
    assert_eq!(client.reply().to_string(), "+OK");
    assert_eq!(other.run("GET last").to_string(), "\"1\"");
}

#[test]
fn a_subscriber_that_never_reads_is_closed_and_others_are_not() {
    let flags = ["--client-output-buffer-limit", "pubsub 2mb 0 0"];
    let server = Server::start(&flags);
    let (mut slow, mut quick, mut publisher) = (server.client(), server.client(), server.client());
    slow.run("SUBSCRIBE c");
    quick.run("SUBSCRIBE c");
    let message = "x".repeat(100_000);
    let mut closed = false;
    for _ in 0..1_000 {
        let heard = publisher.call(&["PUBLISH", "c", &message]).int();
        assert_eq!(quick.reply().items()[2].bytes().len(), message.len());
        if heard == 1 {
            closed = true;
            break;
        }
    }
    assert!(closed, "the slow one is closed in the end");
}

#[test]
fn a_soft_limit_closes_after_its_time() {
    let flags = ["--client-output-buffer-limit", "pubsub 0 100kb 1"];
    let server = Server::start(&flags);
    let (mut slow, mut publisher) = (server.client(), server.client());
    slow.run("SUBSCRIBE c");
    let message = "x".repeat(1 << 20);
    // More than the sockets' buffers take, so that some of it waits in the server.
    for _ in 0..40 {
        assert_eq!(publisher.call(&["PUBLISH", "c", &message]).int(), 1);
    }
    eventually("the slow one is closed", || publisher.run("PUBLISH c x").int() == 0);
}

#[test]
fn an_idle_client_is_closed_in_time() {
    let server = Server::start(&["--timeout", "1"]);
    let mut client = server.client();
    assert_eq!(client.run("PING").to_string(), "+PONG");
    assert!(client.rest().is_empty());
}

#[test]
fn too_much_of_a_request_closes_the_connection() {
    let server = Server::start(&["--client-query-buffer-limit", "1mb"]);
    let mut client = server.client();
    client.send(b"*2\r\n$3\r\nSET\r\n$100000000\r\n");
    let chunk = vec![b'x'; 1 << 20];
    for _ in 0..90 {
        if !client.try_send(&chunk) {
            break;
        }
    }
    assert!(client.rest().is_empty());
    let info = server.client().run("INFO stats").text();
    assert!(info.contains("client_query_buffer_limit_disconnections:1\r\n"), "{info}");
}

#[test]
fn a_client_that_is_being_closed_is_read_no_more() {
    let server = Server::start(&[]);
    let value = "x".repeat(1 << 20);
    server.client().call(&["SET", "big", &value]);
    let mut socket = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    socket.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    // Replies that fill the sockets' buffers keep the connection from being closed.
    let burst = encode(&["GET", "big"]).repeat(64);
    socket.write_all(&burst).unwrap();
    socket.write_all(&encode(&["QUIT"])).unwrap();
    let error = socket.write_all(&vec![b'x'; 64 << 20]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
    let mut back = Vec::new();
    // What was sent in vain may end the connection with a reset instead of an end.
    socket.read_to_end(&mut back).ok();
    assert!(back.len() > 1 << 20, "{} bytes", back.len());
    drop(socket);
    eventually("it is gone", || connected(&server) == 1);
}

#[test]
fn a_client_without_replies_may_quit() {
    let server = Server::start(&[]);
    let mut client = server.client();
    client.send(b"CLIENT REPLY OFF\r\nPING\r\nQUIT\r\n");
    assert!(client.rest().is_empty());
}

#[test]
fn one_that_reads_slowly_is_not_idle() {
    let server = Server::start(&["--timeout", "1"]);
    let mut client = server.client();
    client.call(&["SET", "big", &"x".repeat(1 << 20)]);
    client.send(&encode(&["GET", "big"]).repeat(60));
    for _ in 0..60 {
        assert_eq!(client.reply().bytes().len(), 1 << 20);
        std::thread::sleep(Duration::from_millis(40));
    }
    assert_eq!(client.run("PING").to_string(), "+PONG");
}
