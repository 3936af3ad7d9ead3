//! A real redis-sentinel watches a spindle primary and its replicas. When the primary dies, hangs
//! or is cut off, a replica takes its place, clients that ask Sentinel go on, the old primary comes
//! back as a replica, and no write is lost that WAIT has acknowledged.

use crate::support::client::{Client, encode};
use crate::support::server::{Server, free_port, on_path, redis, spindle};
use crate::support::skip;
use crate::support::way::Way;
use std::path::{Path, PathBuf};
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
        let request = encode(&line.split(' ').collect::<Vec<_>>());
        client.try_send(&request).then_some(())?;
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
    fn new(sentinel: &Sentinel) -> Writer<'_> {
        Writer { sentinel, client: None, port: 0, count: 0, acknowledged: Vec::new() }
    }

    /// Writes until so many keys are with a replica.
    fn begin(&mut self, count: usize) {
        let end = Instant::now() + PATIENCE;
        while self.acknowledged.len() < count {
            let late = Instant::now() >= end;
            assert!(!late, "writes do not begin: {}", self.sentinel.log());
            self.write();
        }
    }

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
        let bytes = encode(&requests);
        client.try_send(&bytes).then_some(())?;
        let reply = client.reply_within(REPLY_TIME)?;
        (reply.to_string() == "+OK").then_some(())?;
        let bytes = encode(&["WAIT", "1", "500"]);
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
        self.check_at(self.sentinel.primary().unwrap());
    }

    fn check_at(&self, port: u16) {
        let mut client = Client::tcp(&format!("127.0.0.1:{port}")).unwrap();
        for key in &self.acknowledged {
            assert_eq!(client.call(&["EXISTS", key]).int(), 1, "{key} is lost");
        }
    }
}

/// What a server says of itself, if it answers.
fn info(port: u16) -> String {
    let Ok(mut client) = Client::tcp(&format!("127.0.0.1:{port}")) else { return String::new() };
    client.try_send(&encode(&["INFO", "replication"]));
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
    let mut writer = Writer::new(&sentinel);
    writer.begin(100);
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

/// A server on a machine of its own: everybody else reaches it by one way, and knows it by that.
struct Machine {
    server: Server,
    way: Way,
}

impl Machine {
    fn start(program: &Path) -> Machine {
        let way = Way::new();
        let port = way.port.to_string();
        let announced = ["--replica-announce-ip", "127.0.0.1", "--replica-announce-port", &port];
        // A primary that has heard of no replica for so long takes no writes.
        let lonely = ["--min-replicas-to-write", "1", "--min-replicas-max-lag", "2"];
        let flags = [&FLAGS[..], &announced, &lonely].concat();
        let server = Server::start_program(program, &flags);
        way.lead_to(server.port);
        Machine { server, way }
    }
}

/// The primary is cut off from everybody but one client: bytes vanish; then the next one, whose
/// connections break, too.
fn cut_off(sentinel: &PathBuf, programs: [&PathBuf; 3]) {
    let machines = programs.map(|program| Machine::start(program));
    let first = machines[0].way.port;
    for replica in &machines[1..] {
        replica.server.client().run(&format!("REPLICAOF 127.0.0.1 {first}"));
        eventually("replicas follow", || follows(replica.server.port, first));
    }
    let sentinel = Sentinel::start(sentinel, first);
    eventually("sentinel knows all", || sentinel.knows_replicas(2));
    let mut writer = Writer::new(&sentinel);
    writer.begin(100);
    for breaks in [false, true] {
        let old = writer.port;
        let lonely = machines.iter().find(|machine| machine.way.port == old).unwrap();
        let mut client = lonely.server.client();
        lonely.way.darken();
        if breaks {
            lonely.way.cut();
        }
        // The one who is left with it writes until it is refused, and hears of no replica.
        let name = format!("lonely:{breaks}");
        eventually("it refuses writes", || {
            let written = client.call(&["SET", &name, "1"]).to_string();
            match written.as_str() {
                "+OK" => assert_eq!(client.run("WAIT 1 50").int(), 0),
                _ => assert!(written.starts_with("-NOREPLICAS"), "{written}"),
            }
            written != "+OK"
        });
        assert_eq!(client.call(&["EXISTS", &writer.acknowledged[0]]).int(), 1);
        writer.go_on_elsewhere(old, 100);
        assert!(info(lonely.server.port).contains("role:master\r\n"));
        lonely.way.light();
        comes_back(&sentinel, &lonely.server);
        let mut client = lonely.server.client();
        assert_eq!(client.call(&["EXISTS", &name]).int(), 0, "{}", lonely.server.log());
        writer.check();
        // Two of three have whatever was acknowledged, and all will.
        let all = |port| follows(port, sentinel.primary().unwrap_or(0));
        let ports = machines.each_ref().map(|machine| machine.server.port);
        eventually("two follow", || ports.iter().filter(|port| all(**port)).count() == 2);
        writer.begin(writer.acknowledged.len() + 1);
        let offset = || ports.map(offset);
        eventually("all are equal", || offset().iter().all(|found| *found == offset()[0]));
        ports.iter().for_each(|port| writer.check_at(*port));
    }
}

/// Where the stream of a server ends.
fn offset(port: u16) -> Option<u64> {
    let info = info(port);
    info.lines().find_map(|line| line.strip_prefix("master_repl_offset:")?.parse().ok())
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

#[test]
fn a_primary_is_cut_off_where_all_are_spindles() {
    let Some(sentinel) = on_path("redis-sentinel") else { return skip("redis-sentinel") };
    let ours = spindle();
    cut_off(&sentinel, [&ours, &ours, &ours]);
}

#[test]
fn a_primary_is_cut_off_where_some_are_redis() {
    let Some(sentinel) = on_path("redis-sentinel") else { return skip("redis-sentinel") };
    let Some(real) = redis() else { return skip("redis-server") };
    let ours = spindle();
    cut_off(&sentinel, [&ours, &real, &ours]);
}
