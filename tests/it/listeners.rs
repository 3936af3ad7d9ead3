//! Clients that listen, over real sockets.

use crate::support::client::Client;
use crate::support::server::{Server, eventually};

fn info(client: &mut Client, name: &str) -> String {
    let info = client.run("INFO").text();
    let line = info.lines().find_map(|line| line.strip_prefix(&format!("{name}:")));
    line.unwrap_or_default().to_owned()
}

#[test]
fn a_slow_subscriber_is_cut_and_others_are_not_harmed() {
    let limits = ["--client-output-buffer-limit", "pubsub 1mb 0 0"];
    let server = Server::start(&limits);
    let (mut publisher, mut quick, mut slow) = (server.client(), server.client(), server.client());
    for client in [&mut quick, &mut slow] {
        assert_eq!(client.run("SUBSCRIBE c").to_string(), "[\"subscribe\", \"c\", 1]");
    }
    let payload = "x".repeat(64 * 1024);
    let mut count = 0;
    // The system's own buffers take some megabytes first.
    while publisher.call(&["PUBLISH", "c", &format!("{count} {payload}")]).int() == 2 {
        let message = quick.reply();
        let got = message.items()[2].text();
        assert!(got.starts_with(&format!("{count} ")), "in order");
        count += 1;
        assert!(count < 1_000, "it is not cut");
    }
    assert!(quick.reply().items()[2].text().starts_with(&format!("{count} ")));
    assert_eq!(info(&mut publisher, "client_output_buffer_limit_disconnections"), "1");
    assert_eq!(info(&mut publisher, "pubsub_clients"), "1");
    eventually("the log tells", || server.log().contains("output limit"));
    // It has got the beginning, in order, and then the end.
    let rest = slow.rest();
    assert!(rest.starts_with(b"*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$65538\r\n0 "));
}

#[test]
fn subscribers_of_one_channel_all_hear_everything_in_order() {
    const SUBSCRIBERS: usize = 200;
    const MESSAGES: usize = 50;
    let server = Server::start(&[]);
    let mut subscribers: Vec<Client> = (0..SUBSCRIBERS).map(|_| server.client()).collect();
    for (number, client) in subscribers.iter_mut().enumerate() {
        if number % 2 == 0 {
            client.run("HELLO 3");
        }
        client.run("SUBSCRIBE c");
    }
    let mut publisher = server.client();
    for number in 0..MESSAGES {
        publisher.request(&["PUBLISH", "c", &number.to_string()]);
    }
    for _ in 0..MESSAGES {
        assert_eq!(publisher.reply().to_string(), SUBSCRIBERS.to_string());
    }
    for (subscriber, client) in subscribers.iter_mut().enumerate() {
        let arrow = if subscriber % 2 == 0 { ">" } else { "" };
        for number in 0..MESSAGES {
            let expected = format!("{arrow}[\"message\", \"c\", \"{number}\"]");
            assert_eq!(client.reply().to_string(), expected);
        }
    }
    drop(subscribers);
    eventually("nobody listens any more", || info(&mut publisher, "pubsub_channels") == "0");
}

/// Its number.
fn number(client: &mut Client) -> String {
    client.run("CLIENT ID").to_string()
}

#[test]
fn invalidations_go_where_they_are_redirected() {
    let server = Server::start(&[]);
    let (mut reader, mut writer, mut other) = (server.client(), server.client(), server.client());
    let id = number(&mut other);
    other.run("SUBSCRIBE __redis__:invalidate");
    assert_eq!(reader.run(&format!("CLIENT TRACKING ON REDIRECT {id}")).to_string(), "+OK");
    assert_eq!(reader.run("CLIENT GETREDIR").to_string(), id);
    reader.run("MGET a b");
    writer.run("MSET a 1 c 1");
    let told = other.reply().to_string();
    assert_eq!(told, "[\"message\", \"__redis__:invalidate\", [\"a\"]]");
    let list = reader.run("CLIENT LIST").text();
    assert!(list.contains(" flags=t ") && list.contains(&format!(" redir={id} ")), "{list}");
    writer.run("FLUSHALL");
    let told = other.reply().to_string();
    assert_eq!(told, "[\"message\", \"__redis__:invalidate\", nil]");
    assert_eq!(info(&mut writer, "tracking_clients"), "1");
    drop(other);
    eventually("the other is gone", || info(&mut writer, "pubsub_clients") == "0");
    reader.run("HELLO 3");
    reader.run("GET a");
    writer.run("SET a 1");
    let told = reader.reply().to_string();
    assert_eq!(told, format!(">[\"tracking-redir-broken\", {id}]"));
    let info = reader.run("CLIENT TRACKINGINFO").to_string();
    assert!(info.contains("~[\"on\", \"broken_redirect\"]"), "{info}");
    assert!(reader.run("CLIENT INFO").text().contains(" flags=tR "));
}

#[test]
fn the_table_of_tracked_keys_has_a_bound() {
    let server = Server::start(&["--tracking-table-max-keys", "500"]);
    let (mut reader, mut writer) = (server.client(), server.client());
    reader.run("HELLO 3");
    reader.run("CLIENT TRACKING ON");
    let mut told = 0;
    for number in 0..600 {
        reader.request(&["GET", &format!("key:{number}")]);
        while reader.reply().items().len() == 2 {
            told += 1;
        }
    }
    eventually("keys are forgotten", || info(&mut writer, "tracking_total_keys") == "500");
    writer.run("CONFIG SET tracking-table-max-keys 3");
    eventually("more are", || info(&mut writer, "tracking_total_keys") == "3");
    assert_eq!(info(&mut writer, "tracking_total_items"), "3");
    reader.request(&["PING"]);
    while reader.reply().items().len() == 2 {
        told += 1;
    }
    assert_eq!(told, 597);
    writer.run("FLUSHALL ASYNC");
    assert_eq!(info(&mut writer, "tracking_total_keys"), "0");
}

#[test]
fn evicted_keys_are_told_of_before_the_reply() {
    let server = Server::start(&["--maxmemory-policy", "volatile-random"]);
    let mut client = server.client();
    client.run("HELLO 3");
    client.run("CLIENT TRACKING ON");
    client.run("SETEX volatile 10000 x");
    client.run("GET volatile");
    client.run("CONFIG SET maxmemory 1");
    // Whether a tick or the next command evicts it.
    assert_eq!(client.run("GET other").to_string(), ">[\"invalidate\", [\"volatile\"]]");
    assert_eq!(client.reply().to_string(), "_");
}
