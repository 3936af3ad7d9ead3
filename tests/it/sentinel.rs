//! A real redis-sentinel watches a spindle primary and its replicas. When the primary dies or
//! hangs, a replica takes its place, clients that ask Sentinel go on, the old primary comes back as
//! a replica, and no write is lost that WAIT has acknowledged.

use crate::support::client::Client;
use crate::support::server::{Server, free_port, on_path, redis, spindle};
use crate::support::skip;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long Sentinel may take for anything: it looks at some things every ten seconds only.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a writer waits for a reply before it asks Sentinel again.
const REPLY_TIME: Duration = Duration::from_millis(700);
/// Milliseconds of silence after which a server counts as down.
const DOWN_MS: u32 = 1_000;
const FLAGS: [&str; 2] = ["--repl-diskless-sync-delay", "0"];
const NAME: &str = "ours";

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A running redis-sentinel; killed when dropped.
struct Sentinel {
    child: Child,
    port: u16,
    dir: tempfile::TempDir,
}

impl Sentinel {
    fn start(program: &PathBuf, primary: u16) -> Sentinel {
        let dir = tempfile::tempdir().unwrap();
        let port = free_port();
        let text = format!(
            "port {port}\ndir {}\nsentinel monitor {NAME} 127.0.0.1 {primary} 1\n\
             sentinel down-after-milliseconds {NAME} {DOWN_MS}\n\
             sentinel failover-timeout {NAME} 4000\n",
            dir.path().display()
        );
        let file = dir.path().join("sentinel.conf");
        std::fs::write(&file, text).unwrap();
        let log = std::fs::File::create(dir.path().join("log")).unwrap();
        let mut command = Command::new(program);
        command.arg(&file).arg("--sentinel").stdin(Stdio::null()).stdout(log);
        let child = command.stderr(Stdio::null()).spawn().unwrap();
        let sentinel = Sentinel { child, port, dir };
        eventually("sentinel answers", || sentinel.ask("PING").is_some());
        sentinel
    }

    fn ask(&self, line: &str) -> Option<String> {
        let mut client = Client::tcp(&format!("127.0.0.1:{}", self.port)).ok()?;
        client.request(&line.split(' ').collect::<Vec<_>>());
        Some(client.reply_within(REPLY_TIME)?.to_string())
    }

    /// The port of the present primary.
    fn primary(&self) -> Option<u16> {
        let answer = self.ask(&format!("SENTINEL get-master-addr-by-name {NAME}"))?;
        let (_, port) = answer.trim_matches(['[', ']']).split_once(", ")?;
        port.trim_matches('"').parse().ok()
    }

    fn knows_replicas(&self, count: usize) -> bool {
        let answer = self.ask(&format!("SENTINEL MASTER {NAME}")).unwrap_or_default();
        answer.contains(&format!("\"num-slaves\", \"{count}\""))
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        self.child.kill().unwrap_or_default();
        self.child.wait().map(drop).unwrap_or_default();
    }
}

/// A client that asks Sentinel where to write, and again when it gets no answer.
struct Writer<'a> {
    sentinel: &'a Sentinel,
    client: Option<Client>,
    port: u16,
    /// Keys so far, and those that a replica has.
    count: u32,
    acknowledged: Vec<String>,
}

impl Writer<'_> {
    /// Writes one key; true if a replica has it.
    fn write(&mut self) -> bool {
        self.count += 1;
        let key = format!("key:{}", self.count);
        let is_kept = self.try_write(&key).unwrap_or(false);
        if is_kept {
            self.acknowledged.push(key);
        } else {
            self.client = None;
            std::thread::sleep(Duration::from_millis(20));
        }
        is_kept
    }

    fn try_write(&mut self, key: &str) -> Option<bool> {
        if self.client.is_none() {
            self.port = self.sentinel.primary()?;
            self.client = Client::tcp(&format!("127.0.0.1:{}", self.port)).ok();
        }
        let client = self.client.as_mut()?;
        let requests = ["SET", key, "1"].map(str::as_bytes);
        let bytes = crate::support::client::encode(&requests);
        client.try_send(&bytes).then_some(())?;
        let reply = client.reply_within(REPLY_TIME)?;
        (reply.to_string() == "+OK").then_some(())?;
        let bytes = crate::support::client::encode(&["WAIT", "1", "500"]);
        client.try_send(&bytes).then_some(())?;
        Some(client.reply_within(REPLY_TIME)?.to_string() != "0")
    }

    /// Writes until so many keys more are with a replica of another primary than `old`.
    fn go_on_elsewhere(&mut self, old: u16, count: usize) {
        let end = Instant::now() + PATIENCE;
        let mut left = count;
        while left > 0 {
            let late = Instant::now() >= end;
            assert!(!late, "writes do not go on: {}", self.sentinel.log());
            if self.write() && self.port != old {
                left -= 1;
            }
        }
    }

    fn check(&self) {
        let port = self.sentinel.primary().unwrap();
        let mut client = Client::tcp(&format!("127.0.0.1:{port}")).unwrap();
        for key in &self.acknowledged {
            assert_eq!(client.call(&["EXISTS", key]).int(), 1, "{key} is lost");
        }
    }
}

/// What a server says of itself, if it answers.
fn info(port: u16) -> String {
    let Ok(mut client) = Client::tcp(&format!("127.0.0.1:{port}")) else { return String::new() };
    client.request(&["INFO", "replication"]);
    client.reply_within(REPLY_TIME).map(|reply| reply.text()).unwrap_or_default()
}

fn follows(port: u16, primary: u16) -> bool {
    let info = info(port);
    info.contains(&format!("master_port:{primary}\r\n"))
        && info.contains("master_link_status:up\r\n")
}

/// Waits until a former primary follows the present one, which on a loaded machine may have changed
/// once more.
fn comes_back(sentinel: &Sentinel, server: &Server) {
    let end = Instant::now() + PATIENCE;
    while !sentinel.primary().is_some_and(|primary| follows(server.port, primary)) {
        let is_late = Instant::now() >= end;
        assert!(!is_late, "it does not come back: {}\n{}", sentinel.log(), server.log());
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The primary is killed and started again; the next one hangs and goes on.
fn watch(sentinel: &PathBuf, programs: [&PathBuf; 3]) {
    let mut servers = programs.map(|program| Server::start_program(program, &FLAGS));
    let first = servers[0].port;
    for replica in &servers[1..] {
        replica.client().run(&format!("REPLICAOF 127.0.0.1 {first}"));
    }
    let [_, b, c] = servers.each_ref().map(|server| server.port);
    eventually("replicas follow", || follows(b, first) && follows(c, first));
    let sentinel = Sentinel::start(sentinel, first);
    eventually("sentinel knows all", || sentinel.knows_replicas(2));
    let (client, acknowledged) = (None, Vec::new());
    let mut writer = Writer { sentinel: &sentinel, client, port: 0, count: 0, acknowledged };
    while writer.acknowledged.len() < 100 {
        writer.write();
    }
    assert_eq!(writer.port, first);

    servers[0].signal("-KILL");
    servers[0].wait();
    writer.go_on_elsewhere(first, 100);
    let mut servers = Vec::from(servers);
    let killed = servers.remove(0).start_again(programs[0], &FLAGS);
    comes_back(&sentinel, &killed);
    writer.check();
    servers.push(killed);

    let second = writer.port;
    let hanging = servers.iter().find(|server| server.port == second).unwrap();
    hanging.signal("-STOP");
    writer.go_on_elsewhere(second, 100);
    hanging.signal("-CONT");
    comes_back(&sentinel, hanging);
    writer.check();
}

#[test]
fn all_servers_are_spindles() {
    let Some(sentinel) = on_path("redis-sentinel") else { return skip("redis-sentinel") };
    let ours = spindle();
    watch(&sentinel, [&ours, &ours, &ours]);
}

#[test]
fn some_servers_are_redis() {
    let Some(sentinel) = on_path("redis-sentinel") else { return skip("redis-sentinel") };
    let Some(real) = redis() else { return skip("redis-server") };
    let ours = spindle();
    watch(&sentinel, [&ours, &real, &ours]);
}
