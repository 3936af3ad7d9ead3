//! What operators see and do: pauses, evictions, crashes, over real sockets.

use crate::support::client::{Client, encode};
use crate::support::server::{Server, eventually};
use std::time::{Duration, Instant};

#[test]
fn a_paused_client_is_served_when_the_pause_ends() {
    let server = Server::start(&[]);
    let (mut operator, mut client) = (server.client(), server.client());
    let start = Instant::now();
    assert_eq!(operator.run("CLIENT PAUSE 300 WRITE").to_string(), "+OK");
    assert_eq!(client.run("SET a 1").to_string(), "+OK");
    assert!(start.elapsed() >= Duration::from_millis(300));
    assert_eq!(operator.run("CLIENT PAUSE 100000 WRITE").to_string(), "+OK");
    client.request(&["INCR", "a"]);
    let blocked = |operator: &mut Client| operator.run("INFO clients").text();
    eventually("it waits", || blocked(&mut operator).contains("blocked_clients:1\r\n"));
    let cpu = |operator: &mut Client| {
        let info = operator.run("INFO stats").text();
        let cycles = info.split("eventloop_cycles:").nth(1).and_then(|rest| rest.lines().next());
        cycles.unwrap().parse::<u64>().unwrap()
    };
    let before = cpu(&mut operator);
    std::thread::sleep(Duration::from_millis(200));
    assert!(cpu(&mut operator) - before < 20, "the loop sleeps meanwhile");
    assert_eq!(operator.run("CLIENT UNPAUSE").to_string(), "+OK");
    assert_eq!(client.reply().to_string(), "2");
}

#[test]
fn one_that_gives_up_during_a_pause_is_gone() {
    let server = Server::start(&[]);
    let (mut operator, mut client) = (server.client(), server.client());
    assert_eq!(operator.run("CLIENT PAUSE 100000 WRITE").to_string(), "+OK");
    client.request(&["SET", "a", "1"]);
    let has =
        |operator: &mut Client, line: &str| operator.run("INFO clients").text().contains(line);
    eventually("it waits", || has(&mut operator, "blocked_clients:1\r\n"));
    drop(client);
    eventually("it is gone", || has(&mut operator, "connected_clients:1\r\n"));
    assert_eq!(operator.run("CLIENT UNPAUSE").to_string(), "+OK");
    assert_eq!(operator.run("EXISTS a").int(), 0);
}

#[test]
fn a_client_that_takes_too_much_is_evicted() {
    let server = Server::start(&["--maxmemory-clients", "1mb"]);
    let (mut operator, mut greedy) = (server.client(), server.client());
    greedy.send(b"*2\r\n$3\r\nGET\r\n$10000000\r\n");
    greedy.try_send(&vec![b'x'; 4 << 20]);
    assert!(greedy.rest().is_empty());
    let info = operator.run("INFO stats").text();
    assert!(info.contains("evicted_clients:1\r\n"), "{info}");
}

#[test]
fn distributions_of_times_are_told() {
    let server = Server::start(&["--latency-tracking-info-percentiles", "50 99.9"]);
    let mut client = server.client();
    (0..10).for_each(|_| drop(client.run("SET a 1")));
    let info = client.run("INFO latencystats").text();
    assert!(info.contains("latency_percentiles_usec_set:p50="), "{info}");
    assert!(info.contains(",p99.9="), "{info}");
    let histogram = client.run("LATENCY HISTOGRAM set nosuch");
    assert_eq!(histogram.items()[0].text(), "set");
    assert_eq!(histogram.items()[1].items()[1].int(), 10);
    assert_eq!(client.run("CONFIG SET latency-tracking no").to_string(), "+OK");
    assert_eq!(client.run("CONFIG RESETSTAT").to_string(), "+OK");
    client.run("SET a 1");
    assert!(client.run("LATENCY HISTOGRAM").items().is_empty());
}

#[test]
fn a_crash_is_reported() {
    for (request, reason) in [
        ("DEBUG SEGFAULT", "crashed by signal: 11 (SIGSEGV)"),
        ("DEBUG PANIC", "crashed by panic: "),
    ] {
        let mut server = Server::start(&["--enable-debug-command", "yes"]);
        let mut client = server.client();
        assert_eq!(client.run("PING").to_string(), "+PONG");
        client.request(&request.split(' ').collect::<Vec<_>>());
        assert!(client.rest().is_empty());
        server.wait();
        let log = server.log();
        for part in [reason, "STACK TRACE", "submit_all", "debug of client id=", "redis_version:"] {
            assert!(log.contains(part), "{request}: no {part} in {log}");
        }
        assert_eq!(log.matches("BUG REPORT START").count(), 1, "{log}");
    }
}

#[test]
fn without_a_crash_log_only_the_reason_is_told() {
    for (is_live, request) in [(false, "DEBUG SEGFAULT"), (true, "DEBUG PANIC")] {
        let enabled = if is_live { "yes" } else { "no" };
        let flags = ["--enable-debug-command", "yes", "--crash-log-enabled", enabled];
        let mut server = Server::start(&flags);
        let mut client = server.client();
        assert_eq!(client.run("CONFIG SET crash-log-enabled no").to_string(), "+OK");
        client.request(&request.split(' ').collect::<Vec<_>>());
        assert!(client.rest().is_empty());
        assert!(!server.wait().success());
        let log = server.log();
        assert_eq!(log.matches(" crashed by ").count(), 1, "{log}");
        assert!(!log.contains("STACK TRACE") && !log.contains("redis_version:"), "{log}");
    }
}

#[test]
fn slow_events_are_noted() {
    let flags = ["--enable-debug-command", "yes", "--latency-monitor-threshold", "20"];
    let server = Server::start(&flags);
    let mut client = server.client();
    assert_eq!(client.run("DEBUG SLEEP 0.05").to_string(), "+OK");
    let latest = client.run("LATENCY LATEST");
    assert_eq!(latest.items()[0].items()[0].text(), "command");
    assert!(latest.items()[0].items()[3].int() >= 50);
    assert_eq!(client.run("LATENCY HISTORY command").items().len(), 1);
    assert!(client.run("LATENCY GRAPH command").text().starts_with("command - high "));
    assert!(client.run("LATENCY DOCTOR").text().contains("command: 1 times"));
    let slow = client.run("SLOWLOG GET");
    assert_eq!(slow.items()[0].items()[3].items()[2].text(), "0.05");
    assert_eq!(client.run("LATENCY RESET").int(), 1);
}

#[test]
fn who_waits_is_shown_at_once_and_counted_when_it_is_over() {
    let server = Server::start(&["--slowlog-log-slower-than", "0"]);
    let (mut operator, mut watcher, mut client) =
        (server.client(), server.client(), server.client());
    assert_eq!(watcher.run("MONITOR").to_string(), "+OK");
    let id = client.run("CLIENT ID").int();
    assert!(watcher.reply().text().contains("\"CLIENT\" \"ID\""));
    let told = |operator: &mut Client, line: &str| operator.run("INFO all").text().contains(line);
    for (request, over) in [("BLPOP list 0", "RPUSH list x"), ("BLPOP other 0", "")] {
        let words: Vec<&str> = request.split(' ').collect();
        client.request(&words);
        eventually("it is shown", || watcher.reply().text().contains("\"BLPOP\""));
        assert!(!operator.run("SLOWLOG GET").to_string().contains(words[1]));
        match over {
            "" => operator.run(&format!("CLIENT UNBLOCK {id} ERROR")),
            over => operator.run(over),
        };
        client.reply();
        assert!(operator.run("SLOWLOG GET").to_string().contains(words[1]));
    }
    assert!(told(&mut operator, "cmdstat_blpop:calls=2,"));
    assert!(told(&mut operator, "errorstat_UNBLOCKED:count=1\r\n"));
    assert!(told(&mut operator, "total_error_replies:1\r\n"));
    operator.run("PING");
    let shown = std::iter::from_fn(|| Some(watcher.reply().text()));
    let mut rest = shown.take_while(|line| !line.contains("\"PING\""));
    assert!(rest.all(|line| !line.contains("\"BLPOP\"")), "it is shown once");
}

#[test]
fn a_pattern_is_matched_against_letters() {
    let server = Server::start(&["--enable-debug-command", "yes"]);
    let mut client = server.client();
    assert_eq!(client.run("DEBUG STRINGMATCH-LEN 100000 a*a*a").int(), 1);
    assert_eq!(client.run("DEBUG STRINGMATCH-LEN 100000 a*b").int(), 0);
    let refusal = client.run("DEBUG STRINGMATCH-LEN x a*").to_string();
    assert_eq!(refusal, "-ERR value is not an integer or out of range");
}

#[test]
fn a_client_that_watches_too_many_keys_is_evicted() {
    let server = Server::start(&["--maxmemory-clients", "200000"]);
    let (mut operator, mut greedy) = (server.client(), server.client());
    let is_gone =
        |operator: &mut Client| operator.run("INFO stats").text().contains("evicted_clients:1\r\n");
    let batch = |from: usize| (from..from + 1_000).map(|key| encode(&["WATCH", &key.to_string()]));
    let mut from = 0;
    eventually("it is evicted", || {
        from += 1_000;
        greedy.try_send(&batch(from).flatten().collect::<Vec<u8>>());
        is_gone(&mut operator)
    });
    assert!(from > 1_000 && from < 10_000, "{from}");
}
