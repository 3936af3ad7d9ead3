//! What the server asks of the system: nothing while idle, one read and one write for a burst.

use crate::support::client::encode;
use crate::support::server::{Server, eventually};
use std::time::Duration;

fn stat(info: &str, name: &str) -> u64 {
    let line = info.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim_start_matches(':').parse().unwrap()
}

#[test]
fn an_idle_server_sleeps() {
    let server = Server::start(&[]);
    let mut client = server.client();
    for i in 0..1_000 {
        client.request(&["SET", &format!("k{i}"), "v", "EX", "3600"]);
    }
    (0..1_000).for_each(|_| assert_eq!(client.reply().to_string(), "+OK"));
    assert_stays_asleep(server.pid(), Duration::from_secs(1));
}

/// Waits until a process has gone to sleep, and asserts that it does not wake up for a while.
pub fn assert_stays_asleep(pid: u32, time: Duration) {
    let mut before = activity(pid);
    eventually("it goes to sleep", || {
        std::thread::sleep(Duration::from_millis(50));
        let now = activity(pid);
        std::mem::replace(&mut before, now) == now
    });
    std::thread::sleep(time);
    assert_eq!(activity(pid), before, "it has not woken up");
}

/// How often a process has gone to sleep, and the CPU time it has used, in hundredths of a second.
fn activity(pid: u32) -> (u64, u64) {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    let ticks = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    (line.unwrap().trim().parse().unwrap(), ticks)
}

#[test]
fn a_burst_costs_one_read_and_one_write() {
    let server = Server::start(&[]);
    let mut client = server.client();
    client.request(&["INFO", "stats"]);
    let before = client.reply().text();
    client.send(&encode(&["PING"]).repeat(100));
    (0..100).for_each(|_| assert_eq!(client.reply().to_string(), "+PONG"));
    let after = client.run("INFO stats").text();
    let grown = |name| stat(&after, name) - stat(&before, name);
    // One more of each is for the first INFO's reply and the second INFO's request.
    assert_eq!(grown("total_reads_processed"), 2);
    assert_eq!(grown("total_writes_processed"), 2);
}
