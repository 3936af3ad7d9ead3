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
