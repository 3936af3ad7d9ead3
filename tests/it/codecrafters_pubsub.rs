//! The CodeCrafters stages about pub/sub.

use crate::codecrafters::{comes, words};
use crate::support::server::Server;

const FOO_1: &str = "*3\r\n$9\r\nsubscribe\r\n$3\r\nfoo\r\n:1\r\n";
const BAR_2: &str = "*3\r\n$9\r\nsubscribe\r\n$3\r\nbar\r\n:2\r\n";
const MESSAGE: &str = "*3\r\n$7\r\nmessage\r\n$3\r\nfoo\r\n$5\r\nhello\r\n";

#[test]
fn subscribe_to_a_channel() {
    words(&mut Server::start(&[]).client(), "SUBSCRIBE foo", FOO_1);
}

#[test]
fn subscribe_to_multiple_channels() {
    let server = Server::start(&[]);
    let (mut first, mut second) = (server.client(), server.client());
    words(&mut first, "SUBSCRIBE foo", FOO_1);
    words(&mut first, "SUBSCRIBE bar", BAR_2);
    words(&mut first, "SUBSCRIBE bar", BAR_2);
    words(&mut second, "SUBSCRIBE foo", FOO_1);
}

#[test]
fn enter_subscribed_mode() {
    let server = Server::start(&[]);
    let mut client = server.client();
    words(&mut client, "SUBSCRIBE foo", FOO_1);
    for line in ["ECHO hey", "SET key value", "GET key", "MULTI"] {
        let reply = client.run(line).to_string();
        let name = line.split(' ').next().unwrap().to_lowercase();
        let start = format!("-ERR Can't execute '{name}': only ");
        assert!(reply.starts_with(&start), "{reply}");
    }
    words(&mut client, "SUBSCRIBE foo", FOO_1);
}

#[test]
fn ping_in_subscribed_mode() {
    let server = Server::start(&[]);
    let mut client = server.client();
    words(&mut client, "SUBSCRIBE foo", FOO_1);
    words(&mut client, "PING", "*2\r\n$4\r\npong\r\n$0\r\n\r\n");
    words(&mut server.client(), "PING", "+PONG\r\n");
}

#[test]
fn publish_a_message() {
    let server = Server::start(&[]);
    let (mut first, mut second) = (server.client(), server.client());
    let mut publisher = server.client();
    words(&mut publisher, "PUBLISH foo hello", ":0\r\n");
    words(&mut first, "SUBSCRIBE foo", FOO_1);
    words(&mut publisher, "PUBLISH foo hello", ":1\r\n");
    words(&mut second, "SUBSCRIBE foo", FOO_1);
    words(&mut publisher, "PUBLISH foo hello", ":2\r\n");
    words(&mut publisher, "PUBLISH bar hello", ":0\r\n");
}

#[test]
fn deliver_messages() {
    let server = Server::start(&[]);
    let mut clients = [server.client(), server.client()];
    let (mut other, mut publisher) = (server.client(), server.client());
    clients.iter_mut().for_each(|client| words(client, "SUBSCRIBE foo", FOO_1));
    words(&mut other, "SUBSCRIBE bar", &FOO_1.replace("foo", "bar"));
    words(&mut publisher, "PUBLISH foo hello", ":2\r\n");
    clients.iter_mut().for_each(|client| comes(client, MESSAGE));
    words(&mut publisher, "PUBLISH bar hello", ":1\r\n");
    comes(&mut other, &MESSAGE.replace("foo", "bar"));
}

#[test]
fn unsubscribe() {
    let server = Server::start(&[]);
    let (mut client, mut publisher) = (server.client(), server.client());
    words(&mut client, "SUBSCRIBE foo", FOO_1);
    words(&mut client, "SUBSCRIBE bar", BAR_2);
    let other = "*3\r\n$11\r\nunsubscribe\r\n$3\r\nbaz\r\n:2\r\n";
    words(&mut client, "UNSUBSCRIBE baz", other);
    let foo = "*3\r\n$11\r\nunsubscribe\r\n$3\r\nfoo\r\n:1\r\n";
    words(&mut client, "UNSUBSCRIBE foo", foo);
    words(&mut publisher, "PUBLISH foo hello", ":0\r\n");
    words(&mut publisher, "PUBLISH bar hello", ":1\r\n");
    comes(&mut client, &MESSAGE.replace("foo", "bar"));
    let bar = "*3\r\n$11\r\nunsubscribe\r\n$3\r\nbar\r\n:0\r\n";
    words(&mut client, "UNSUBSCRIBE bar", bar);
    words(&mut client, "ECHO hey", "$3\r\nhey\r\n");
}
