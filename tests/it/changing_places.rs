//! Who leads and who follows, and what is kept of it: FAILOVER in all its forms, a stop that waits
//! for replicas, and CONFIG REWRITE.

use crate::support::client::Client;
use crate::support::server::{Server, eventually};
use std::time::{Duration, Instant};

fn info(client: &mut Client, name: &str) -> String {
    let info = client.run("INFO everything").text();
    let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_default().to_owned()
}

/// A primary and a replica that has everything.
fn pair() -> (Server, Server) {
    let flags = ["--repl-diskless-sync-delay", "0"];
    let (primary, replica) = (Server::start(&flags), Server::start(&flags));
    let mut client = replica.client();
    client.run(&format!("REPLICAOF 127.0.0.1 {}", primary.port));
    eventually("it follows", || info(&mut client, "master_link_status") == "up");
    let mut first = primary.client();
    eventually("it is online", || info(&mut first, "slave0").contains("state=online"));
    (primary, replica)
}

#[test]
fn a_failover_to_one_that_does_not_answer_is_given_up() {
    let (primary, replica) = pair();
    let mut client = primary.client();
    replica.signal("-STOP");
    client.run("SET k 1");
    assert_eq!(client.run("FAILOVER TIMEOUT 100").text(), "OK");
    eventually("it is given up", || info(&mut client, "master_failover_state") == "no-failover");
    assert_eq!(client.run("SET k 2").text(), "OK");
    assert!(primary.log().contains("Replica never caught up before timeout"));
    replica.signal("-CONT");
}

#[test]
fn a_failover_can_be_called_off() {
    let (primary, replica) = pair();
    let mut client = primary.client();
    let none = "-ERR No failover in progress.";
    assert_eq!(client.run("FAILOVER ABORT").to_string(), none);
    replica.signal("-STOP");
    client.run("SET k 1");
    assert_eq!(client.run("FAILOVER").text(), "OK");
    assert_eq!(info(&mut client, "master_failover_state"), "waiting-for-sync");
    let again = "-ERR FAILOVER already in progress.";
    assert_eq!(client.run("FAILOVER").to_string(), again);
    let mut writer = primary.client();
    writer.request(&["SET", "k", "2"]);
    assert_eq!(writer.reply_within(Duration::from_millis(100)), None);
    assert_eq!(client.run("FAILOVER ABORT").text(), "OK");
    assert_eq!(writer.reply().text(), "OK");
    replica.signal("-CONT");
}

#[test]
fn a_forced_failover_does_not_wait_for_the_rest() {
    let (primary, replica) = pair();
    let mut client = primary.client();
    replica.signal("-STOP");
    client.run("SET k 1");
    let to = format!("FAILOVER TO 127.0.0.1 {} FORCE TIMEOUT 100", replica.port);
    assert_eq!(client.run(&to).text(), "OK");
    eventually("it is handed over", || {
        info(&mut client, "master_failover_state") == "failover-in-progress"
    });
    replica.signal("-CONT");
    eventually("the replica leads", || info(&mut replica.client(), "role") == "master");
    eventually("the primary follows", || info(&mut client, "master_link_status") == "up");
}

#[test]
fn a_stop_waits_for_replicas_unless_it_is_to_be_now() {
    let (mut primary, replica) = pair();
    let mut client = primary.client();
    replica.signal("-STOP");
    client.run("SET k 1");
    let mut stopper = primary.client();
    stopper.request(&["SHUTDOWN"]);
    eventually("it waits", || !info(&mut client, "shutdown_in_milliseconds").is_empty());
    assert_eq!(info(&mut client, "blocked_clients"), "1");
    // Nobody changes anything meanwhile, and nobody but ABORT ends the wait.
    let mut writer = primary.client();
    writer.request(&["SET", "k", "2"]);
    assert_eq!(writer.reply_within(Duration::from_millis(100)), None);
    assert_eq!(client.run("SHUTDOWN ABORT").text(), "OK");
    let told = "-ERR Errors trying to SHUTDOWN. Check logs.";
    assert_eq!(stopper.reply().to_string(), told);
    assert_eq!(writer.reply().text(), "OK");
    assert_eq!(client.run("SHUTDOWN ABORT").to_string(), "-ERR No shutdown in progress.");

    primary.signal("-TERM");
    eventually("it waits", || !info(&mut client, "shutdown_in_milliseconds").is_empty());
    replica.signal("-CONT");
    assert!(primary.wait().success());
    assert!(primary.log().contains("1 of 1 replicas are in sync"));
    assert_eq!(replica.client().run("GET k").text(), "2");

    let (mut primary, replica) = pair();
    let mut client = primary.client();
    replica.signal("-STOP");
    client.run("SET k 1");
    let begun = Instant::now();
    client.request(&["SHUTDOWN", "NOW"]);
    assert!(primary.wait().success());
    assert!(begun.elapsed() < Duration::from_secs(8));
    replica.signal("-CONT");
}

#[test]
fn a_stop_waits_no_longer_than_it_may() {
    let (mut primary, replica) = pair();
    let mut client = primary.client();
    client.run("CONFIG SET shutdown-timeout 1");
    replica.signal("-STOP");
    client.run("SET k 1");
    primary.signal("-TERM");
    assert!(primary.wait().success());
    let log = primary.log();
    assert!(log.contains("Lagging replica") && log.contains("0 of 1 replicas are in sync"));
    replica.signal("-CONT");
}

#[test]
fn a_role_taken_at_run_time_is_written_to_the_file() {
    let primary = Server::start(&["--requirepass", "secret"]);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "repl-diskless-sync-delay 0\n").unwrap();
    let path = file.path().to_str().unwrap();
    let replica = Server::start_with_file(&[path]);
    let mut client = replica.client();
    client.run("CONFIG SET masterauth secret");
    client.run("CONFIG SET masteruser default");
    primary.client().run("AUTH secret");
    client.run(&format!("REPLICAOF 127.0.0.1 {}", primary.port));
    let text = |client: &mut Client| {
        assert_eq!(client.run("CONFIG REWRITE").text(), "OK");
        std::fs::read_to_string(path).unwrap()
    };
    let written = text(&mut client);
    for line in [&format!("replicaof 127.0.0.1 {}", primary.port), "masteruser", "masterauth"] {
        assert!(written.contains(line), "{line}: {written}");
    }
    client.run("REPLICAOF NO ONE");
    assert!(!text(&mut client).contains("replicaof 127"));
}
