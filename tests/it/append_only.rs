//! The append-only file: what is promised of it holds when the process is killed, when the disk is
//! full, and when files are broken.

use crate::support::client::{Client, encode};
use crate::support::seeds;
use crate::support::server::{Server, eventually, redis, spindle};
use crate::support::skip;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const ALWAYS: [&str; 4] = ["--appendonly", "yes", "--appendfsync", "always"];

fn incr_file(server: &Server) -> PathBuf {
    server.dir().join("appendonlydir/appendonly.aof.1.incr.aof")
}

/// A directory with a log of one file.
fn log_of(bytes: &[u8]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let logs = dir.path().join("appendonlydir");
    std::fs::create_dir(&logs).unwrap();
    let manifest = "file appendonly.aof.1.incr.aof seq 1 type i\n";
    std::fs::write(logs.join("appendonly.aof.manifest"), manifest).unwrap();
    std::fs::write(logs.join("appendonly.aof.1.incr.aof"), bytes).unwrap();
    dir
}

/// What a server says that does not start on data.
fn refusal(dir: &Path, flags: &[&str]) -> String {
    let output = Command::new(spindle())
        .args(["--port", "0", "--unixsocket", "s", "--appendonly", "yes"])
        .args(flags)
        .current_dir(dir)
        .output()
        .unwrap();
    assert!(!output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().last().unwrap().to_owned()
}

#[test]
fn a_request_of_the_log_that_fails_stops_the_start_if_that_is_wanted() {
    let bad = [encode(&["SET", "k", "word"]), encode(&["INCR", "k"])].concat();
    let why = "This server panicked sending an error to its AOF-loading-client after processing \
               the command 'incr'";
    for bytes in [bad.clone(), [encode(&["MULTI"]), bad, encode(&["EXEC"])].concat()] {
        let dir = log_of(&bytes);
        let flags = ["--propagation-error-behavior", "panic"];
        assert!(refusal(dir.path(), &flags).contains(why));
        let flags = ["--appendonly", "yes", "--propagation-error-behavior", "panic-on-replicas"];
        let server = Server::start_in(dir, &spindle(), &flags);
        assert_eq!(server.client().run("GET k").text(), "word");
        assert!(server.log().contains("is sending an error to its AOF-loading-client"));
    }
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    for seed in seeds(6) {
        println!("seed {seed}");
        kill_under_load(seed);
    }
}

/// Writers count; each number goes into three keys, two of them in a transaction.
fn kill_under_load(seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut server = Server::start(&ALWAYS);
    let mut acknowledged = [0; 3];
    for _ in 0..2 {
        let is_over = Arc::new(AtomicBool::new(false));
        let writers: Vec<_> = (0..3)
            .map(|writer| {
                let (client, is_over) = (server.client(), Arc::clone(&is_over));
                let from = acknowledged[writer] + 1;
                std::thread::spawn(move || write_until(client, writer, from, &is_over))
            })
            .collect();
        std::thread::sleep(Duration::from_millis(rng.u64(20..200)));
        let killed = server.pid().to_string();
        assert!(Command::new("kill").args(["-KILL", &killed]).status().unwrap().success());
        is_over.store(true, Ordering::Relaxed);
        for (writer, handle) in writers.into_iter().enumerate() {
            acknowledged[writer] = handle.join().unwrap();
        }
        server.wait();
        server = server.restart(&ALWAYS);
        let mut client = server.client();
        for (writer, acknowledged) in acknowledged.iter_mut().enumerate() {
            let keys = ["MGET", "c", "a", "b"].map(|word| match word {
                "MGET" => word.to_owned(),
                key => format!("{key}{writer}"),
            });
            let reply = client.call(&keys);
            let number = |index: usize| reply.items()[index].text().parse::<u64>().unwrap_or(0);
            let (count, a, b) = (number(0), number(1), number(2));
            assert_eq!(a, b, "a transaction is there as a whole or not at all");
            assert!(count >= *acknowledged, "{count} of {acknowledged} acknowledged");
            assert!(a >= *acknowledged, "{a} of {acknowledged} acknowledged");
            assert!(count <= *acknowledged + 1 && a <= *acknowledged + 1);
            *acknowledged = count;
            client.call(&["MSET", &keys[2], &count.to_string(), &keys[3], &count.to_string()]);
        }
    }
}

/// Writes numbers until the server is gone; the last one that was acknowledged.
fn write_until(mut client: Client, writer: usize, from: u64, is_over: &AtomicBool) -> u64 {
    let keys = ["c", "a", "b"].map(|key| format!("{key}{writer}"));
    for number in from.. {
        let text = number.to_string();
        let requests = [
            encode(&["INCR", &keys[0]]),
            encode(&["MULTI"]),
            encode(&["SET", &keys[1], &text]),
            encode(&["SET", &keys[2], &text]),
            encode(&["EXEC"]),
        ];
        if !client.try_send(&requests.concat()) || is_over.load(Ordering::Relaxed) {
            return number - 1;
        }
        for _ in 0..requests.len() {
            if client.try_reply_or_cut().is_none() {
                return number - 1;
            }
        }
    }
    unreachable!("numbers do not end");
}

#[test]
fn a_file_that_ends_early_is_loaded_up_to_there() {
    let whole = [encode(&["SET", "a", "1"]), encode(&["SET", "b", "2"])].concat();
    let multi = [encode(&["MULTI"]), encode(&["SET", "a", "3"])].concat();
    // Several in what is read together, and more than that.
    let transaction = [&encode(&["MULTI"])[..], &whole, &encode(&["EXEC"])].concat();
    let (few, many) = (transaction.repeat(3), transaction.repeat(40));
    for (bytes, len) in [
        ([&few[..], &multi].concat(), few.len()),
        ([&many[..], &multi].concat(), many.len()),
        ([&many[..], &whole, &transaction[..20]].concat(), many.len() + whole.len()),
        (whole[..whole.len() - 1].to_vec(), encode(&["SET", "a", "1"]).len()),
        ([&whole[..], &multi].concat(), whole.len()),
        ([&whole[..], b"#TS:17"].concat(), whole.len()),
    ] {
        let reason = refusal(log_of(&bytes).path(), &["--aof-load-truncated", "no"]);
        assert!(reason.contains("Unexpected end of file reading the append only file"), "{reason}");
        assert!(reason.contains(&format!("offset {len}")), "{reason}");
        let server = Server::start_in(log_of(&bytes), &spindle(), &ALWAYS);
        assert_eq!(server.client().run("GET a").to_string(), "\"1\"");
        assert_eq!(std::fs::read(incr_file(&server)).unwrap().len(), len);
        assert_eq!(server.client().run("SET c 3").to_string(), "+OK");
        let server = server.crash_and_restart(&ALWAYS);
        assert_eq!(server.client().run("GET c").to_string(), "\"3\"");
    }
}

#[test]
fn what_cannot_be_loaded_is_named_with_its_place() {
    let whole = encode(&["SET", "a", "1"]);
    let cases: [(&[u8], &str); 5] = [
        (b"!!!", "Bad file format reading the append only file appendonly.aof.1.incr.aof"),
        (b"*1\r\n$x\r\n", "invalid bulk length"),
        (&encode(&["bla", "x"]), "Unknown command 'bla' reading the append only file"),
        (&encode(&["SET", "x"]), "Wrong number of arguments for 'SET' reading the append only"),
        (b"\r\n", "Bad file format"),
    ];
    for (tail, expected) in cases {
        let bytes = [&whole, tail, &whole].concat();
        let reason = refusal(log_of(&bytes).path(), &[]);
        assert!(reason.contains(expected), "{reason}");
        assert!(reason.contains(&format!("offset {}", whole.len())), "{reason}");
    }
    let dir = log_of(&[&whole[..], b"!!!"].concat());
    let flags = [&ALWAYS[..], &["--aof-load-corrupt-tail-max-size", "3"]].concat();
    assert!(refusal(dir.path(), &["--aof-load-corrupt-tail-max-size", "2"]).contains("Bad file"));
    let server = Server::start_in(dir, &spindle(), &flags);
    assert_eq!(server.client().run("GET a").to_string(), "\"1\"");
    let dir = log_of(b"");
    std::fs::remove_file(dir.path().join("appendonlydir/appendonly.aof.1.incr.aof")).unwrap();
    let reason = refusal(dir.path(), &[]);
    assert!(reason.contains("appendonly.aof.1.incr.aof length. stat: No such file"), "{reason}");
}

#[test]
fn what_was_due_when_it_was_logged_ends_as_it_was_told() {
    let requests: [&[&str]; 6] = [
        &["RPUSH", "list", "foo"],
        &["PEXPIREAT", "list", "1000"],
        &["RPUSH", "list", "bar"],
        &["HSET", "h", "f", "1"],
        &["SET", "s", "1", "PXAT", "1000"],
        &["PERSIST", "s"],
    ];
    let bytes: Vec<u8> = requests.iter().flat_map(|request| encode(request)).collect();
    let server = Server::start_in(log_of(&bytes), &spindle(), &ALWAYS);
    let mut client = server.client();
    eventually("the list is gone", || client.run("EXISTS list").int() == 0);
    assert_eq!(client.run("GET s").to_string(), "\"1\"");
}

#[test]
fn a_single_file_of_an_older_redis_is_taken_over() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("appendonly.aof"), encode(&["SET", "a", "1"])).unwrap();
    let server = Server::start_in(dir, &spindle(), &ALWAYS);
    assert_eq!(server.client().run("GET a").to_string(), "\"1\"");
    assert!(!server.dir().join("appendonly.aof").exists());
    let logs = server.dir().join("appendonlydir");
    let manifest = std::fs::read_to_string(logs.join("appendonly.aof.manifest")).unwrap();
    let expected =
        "file appendonly.aof seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n";
    assert_eq!(manifest, expected);
}

#[test]
fn a_full_disk_refuses_writes_until_it_is_not() {
    // Writing to /dev/full fails as a full disk does.
    let dir = log_of(b"");
    let file = dir.path().join("appendonlydir/appendonly.aof.1.incr.aof");
    std::fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink("/dev/full", &file).unwrap();
    let server = Server::start_in(dir, &spindle(), &["--appendonly", "yes"]);
    let mut client = server.client();
    assert_eq!(client.run("SET a 1").to_string(), "+OK");
    let refusal = client.run("SET a 2").to_string();
    assert!(refusal.starts_with("-MISCONF Errors writing to the AOF file: No space"), "{refusal}");
    assert_eq!(client.run("GET a").to_string(), "\"1\"");
    let mut server = Server::start_in(
        {
            let dir = log_of(b"");
            let file = dir.path().join("appendonlydir/appendonly.aof.1.incr.aof");
            std::fs::remove_file(&file).unwrap();
            std::os::unix::fs::symlink("/dev/full", &file).unwrap();
            dir
        },
        &spindle(),
        &ALWAYS,
    );
    let mut client = server.client();
    client.request(&["SET", "a", "1"]);
    assert!(client.try_reply().is_none(), "what is not kept is not acknowledged");
    assert!(!server.wait().success());
}

#[test]
fn a_server_with_a_log_sleeps_when_it_is_idle() {
    let server = Server::start(&["--appendonly", "yes"]);
    assert_eq!(server.client().run("SET a 1").to_string(), "+OK");
    // By then the write is synced.
    std::thread::sleep(Duration::from_millis(1_500));
    crate::system_calls::assert_stays_asleep(server.pid(), Duration::from_secs(2));
}

#[test]
fn a_real_redis_loads_the_log_and_its_log_is_loaded() {
    let Some(program) = redis() else {
        skip("needs redis-server");
        return;
    };
    let requests = "SET a 1|INCR a|RPUSH l 1 2 3|LPOP l|SADD s a b c|SPOP s|ZADD z 1 a 2 b|\
        ZINCRBY z 1.5 a|HSET h f v|HINCRBYFLOAT h n 1.5|SETEX t 1000 v|EXPIRE l 1000|\
        INCRBYFLOAT f 2.25|COPY a a2|RENAME a2 a3|SELECT 3|SET other 1|SWAPDB 3 4|PFADD p a b|\
        GEOADD g 1 2 m|SETBIT bits 7 1|MSET m1 1 m2 2|GETDEL m1|SET k v NX|SET k w GET";
    let both = [spindle(), program];
    for (writer, reader) in [(0, 1), (1, 0), (0, 0)] {
        let flags = [&ALWAYS[..], &["--aof-use-rdb-preamble", "no"]].concat();
        let mut server = Server::start_program(&both[writer], &flags);
        let mut client = server.client();
        for line in requests.split('|') {
            let reply = client.run(line.trim()).to_string();
            assert!(!reply.starts_with('-'), "{line}: {reply}");
        }
        let flags = [&flags[..], &["--enable-debug-command", "yes"]].concat();
        server.signal("-KILL");
        server.wait();
        let dir = server.kill();
        let (kept, copy) = (dir.path().to_owned(), tempfile::tempdir().unwrap());
        let mut copy_all = Command::new("cp");
        copy_all.arg("-r").arg(kept.join("appendonlydir")).arg(copy.path());
        assert!(copy_all.status().unwrap().success());
        let digest = |dir, program: &Path| {
            let server = Server::start_in(dir, program, &flags);
            server.client().run("DEBUG DIGEST").to_string()
        };
        assert_eq!(digest(dir, &both[writer]), digest(copy, &both[reader]));
    }
}

const DEBUGGED: [&str; 8] = [
    "--appendonly",
    "yes",
    "--appendfsync",
    "always",
    "--enable-debug-command",
    "yes",
    "--auto-aof-rewrite-percentage",
    "0",
];

/// The names of the files of a log, as its manifest lists them.
fn parts(server: &Server) -> Vec<String> {
    let path = server.dir().join("appendonlydir/appendonly.aof.manifest");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(|line| line.split(' ').nth(1).unwrap().to_owned()).collect()
}

fn wait_for_rewrite(client: &mut Client) {
    eventually("the log is written anew", || {
        let info = client.run("INFO persistence").text();
        info.contains("aof_rewrite_in_progress:0") && info.contains("aof_rewrite_scheduled:0")
    });
    let info = client.run("INFO persistence").text();
    assert!(info.contains("aof_last_bgrewrite_status:ok"), "{info}");
}

const DATA: &str = "SET a 1|SET i 12345|RPUSH l 1 2 3 x|SADD s a b c|SADD n 1 2 3|ZADD z 1 a 2.5 b|\
    HSET h f v g w|EXPIRE l 1000|SELECT 3|SET other 1|SELECT 0";

#[test]
fn the_log_is_written_anew_while_writes_go_on() {
    for preamble in ["yes", "no"] {
        let flags = [&DEBUGGED[..], &["--aof-use-rdb-preamble", preamble]].concat();
        let mut server = Server::start(&flags);
        let mut client = server.client();
        for line in DATA.split('|') {
            client.run(line.trim());
        }
        for round in 1..=3 {
            assert!(client.run("BGREWRITEAOF").to_string().contains("rewriting started"));
            for number in 0..200 {
                client.run(&format!("APPEND text {round}:{number},"));
            }
            wait_for_rewrite(&mut client);
            let form = if preamble == "yes" { "rdb" } else { "aof" };
            let base = format!("appendonly.aof.{}.base.{form}", round + 1);
            let incr = format!("appendonly.aof.{}.incr.aof", round + 1);
            eventually("old files are gone", || parts(&server) == [base.clone(), incr.clone()]);
        }
        let digest = client.run("DEBUG DIGEST").to_string();
        assert_eq!(client.run("DEBUG LOADAOF").to_string(), "+OK");
        assert_eq!(client.run("DEBUG DIGEST").to_string(), digest);
        server = server.crash_and_restart(&flags);
        assert_eq!(server.client().run("DEBUG DIGEST").to_string(), digest);
    }
}

#[test]
fn the_log_is_turned_on_and_off_while_the_server_runs() {
    let flags = ["--enable-debug-command", "yes"];
    let mut server = Server::start(&flags);
    let mut client = server.client();
    for line in DATA.split('|') {
        client.run(line.trim());
    }
    assert!(parts(&server).is_empty());
    assert_eq!(client.run("CONFIG SET appendonly yes").to_string(), "+OK");
    client.run("SET b 2");
    wait_for_rewrite(&mut client);
    client.run("SET c 3");
    assert_eq!(parts(&server), ["appendonly.aof.1.base.rdb", "appendonly.aof.1.incr.aof"]);
    let digest = client.run("DEBUG DIGEST").to_string();
    assert_eq!(client.run("CONFIG SET appendonly no").to_string(), "+OK");
    client.run("SET d 4");
    server = server.crash_and_restart(&DEBUGGED);
    assert_eq!(server.client().run("DEBUG DIGEST").to_string(), digest);
}

#[test]
fn a_log_that_has_grown_is_written_anew_by_itself() {
    let flags =
        ["--appendonly", "yes", "--auto-aof-rewrite-min-size", "1kb", "--appendfsync", "no"];
    let server = Server::start(&flags);
    let mut client = server.client();
    for _ in 0..200 {
        client.run("SET a 1");
    }
    // It may well be twice.
    eventually("it is", || !client.run("INFO persistence").text().contains("aof_rewrites:0\r"));
    wait_for_rewrite(&mut client);
}

#[test]
fn files_are_checked_and_mended() {
    let check = |path: &Path, flags: &[&str]| {
        let output =
            Command::new(spindle()).arg("--check-aof").args(flags).arg(path).output().unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (text, output.status.success())
    };
    let whole = encode(&["SET", "a", "1"]);
    let dir = log_of(&[&whole[..], b"!!!"].concat());
    let manifest = dir.path().join("appendonlydir/appendonly.aof.manifest");
    let (text, is_good) = check(&manifest, &[]);
    assert!(!is_good && text.contains("is not valid"), "{text}");
    assert!(text.contains(&format!("ok_up_to={}", whole.len())), "{text}");
    let (text, is_good) = check(&manifest, &["--fix"]);
    assert!(is_good && text.contains("Successfully truncated AOF"), "{text}");
    let (text, is_good) = check(&manifest, &[]);
    assert!(is_good && text.contains("All AOF files and manifest are valid"), "{text}");
    let timed = [&b"#TS:10\r\n"[..], &whole, b"#TS:20\r\n", &whole, b"#TS:30\r\n", &whole].concat();
    let dir = log_of(&timed);
    let manifest = dir.path().join("appendonlydir/appendonly.aof.manifest");
    let (text, is_good) = check(&manifest, &["--truncate-to-timestamp", "20"]);
    assert!(is_good && text.contains("Successfully truncated AOF"), "{text}");
    let left = std::fs::read(dir.path().join("appendonlydir/appendonly.aof.1.incr.aof")).unwrap();
    assert_eq!(left.len(), 2 * (whole.len() + b"#TS:10\r\n".len()));
    std::fs::write(&manifest, "file x seq 1 type z\n").unwrap();
    let (text, is_good) = check(&manifest, &[]);
    assert!(!is_good && text.contains("Unknown AOF file type"), "{text}");
}

/// Lets no file of a server grow beyond this; `None` lifts that.
fn limit_files(server: &Server, bytes: Option<u64>) {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};
    let pid = Pid::from_raw(i32::try_from(server.pid()).unwrap());
    prlimit(pid, Resource::Fsize, Rlimit { current: bytes, maximum: None }).unwrap();
}

/// Sets keys to values of a kilobyte until that is refused; how many it were, and the refusal.
fn write_until_refused(client: &mut Client, from: usize) -> (usize, Option<String>) {
    let value = "v".repeat(1_000);
    for number in from..from + 1_000 {
        client.request(&["SET", &format!("key:{number}"), &value]);
        match client.try_reply().map(|reply| reply.to_string()) {
            Some(reply) if reply == "+OK" => {}
            other => return (number, other),
        }
    }
    panic!("there was room for all of them");
}

#[test]
fn files_that_may_not_grow_cost_nothing_that_was_acknowledged() {
    for fsync in ["everysec", "no"] {
        let flags = ["--appendonly", "yes", "--appendfsync", fsync];
        let server = Server::start(&flags);
        let mut client = server.client();
        limit_files(&server, Some(100_000));
        let (count, refusal) = write_until_refused(&mut client, 0);
        let refusal = refusal.expect("it is told");
        let reason = "-MISCONF Errors writing to the AOF file: File too large";
        assert!(refusal.starts_with(reason), "{refusal}");
        assert!((80..110).contains(&count), "{count} keys");
        assert_eq!(client.run("DBSIZE").int(), i64::try_from(count).unwrap());
        assert_eq!(client.run("GET key:0").text().len(), 1_000, "reads go on");
        assert_eq!(told(&mut client, "aof_last_write_status"), "err");
        limit_files(&server, None);
        eventually("writes go on", || client.run("SET more 1").to_string() == "+OK");
        assert_eq!(told(&mut client, "aof_last_write_status"), "ok");
        let server = server.crash_and_restart(&flags);
        let kept = server.client().run("DBSIZE").int();
        assert_eq!(kept, i64::try_from(count).unwrap() + 1, "{fsync}");
    }
}

#[test]
fn a_server_that_may_not_acknowledge_without_a_sync_ends_when_its_files_may_not_grow() {
    let mut server = Server::start(&ALWAYS);
    let mut client = server.client();
    limit_files(&server, Some(100_000));
    let (count, refusal) = write_until_refused(&mut client, 0);
    assert_eq!(refusal, None, "the connection ends without a word");
    assert!(!server.wait().success());
    let server = server.restart(&ALWAYS);
    let mut client = server.client();
    assert_eq!(client.run("DBSIZE").int(), i64::try_from(count).unwrap());
    assert_eq!(client.run("SET more 1").to_string(), "+OK");
}

#[test]
fn a_snapshot_or_a_base_that_may_not_grow_is_told_and_leaves_nothing() {
    let server =
        Server::start(&["--appendonly", "yes", "--save", "3600 1", "--rdbcompression", "no"]);
    let mut client = server.client();
    for number in 0..50 {
        client.call(&["SET", &format!("key:{number}"), &"v".repeat(1_000)]);
    }
    limit_files(&server, Some(30_000));
    client.run("BGSAVE");
    eventually("it is told", || told(&mut client, "rdb_last_bgsave_status") == "err");
    let refusal = client.run("SET a 1").to_string();
    assert!(refusal.starts_with("-MISCONF "), "{refusal}");
    assert_eq!(client.run("SAVE").to_string(), "-ERR");
    client.run("BGREWRITEAOF");
    eventually("it is told", || told(&mut client, "aof_last_bgrewrite_status") == "err");
    let mut left: Vec<String> = std::fs::read_dir(server.dir())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    left.sort();
    assert_eq!(left, ["appendonlydir", "log"]);
    limit_files(&server, None);
    client.run("BGSAVE");
    eventually("it is told", || told(&mut client, "rdb_last_bgsave_status") == "ok");
    assert_eq!(client.run("SET a 1").to_string(), "+OK");
}

/// What INFO says of a name.
fn told(client: &mut Client, name: &str) -> String {
    let info = client.run("INFO persistence").text();
    let line = info.lines().find_map(|line| line.strip_prefix(&format!("{name}:")));
    line.unwrap_or_default().to_owned()
}

#[test]
fn clients_are_told_while_the_log_is_loaded() {
    for preamble in ["yes", "no"] {
        let flags = ["--appendonly", "yes", "--aof-use-rdb-preamble", preamble];
        let server = Server::start(&flags);
        let mut client = server.client();
        let write = |client: &mut Client, from: usize| {
            for number in from..from + 1_500 {
                client.send(&encode(&["SET", &format!("key:{number}"), "value"]));
            }
            (0..1_500).for_each(|_| assert_eq!(client.reply().to_string(), "+OK"));
        };
        write(&mut client, 0);
        client.run("BGREWRITEAOF");
        eventually("it is written anew", || told(&mut client, "aof_rewrite_in_progress") == "0");
        write(&mut client, 1_500);
        let slow = ["--key-load-delay", "1000", "--loading-process-events-interval-bytes", "1024"];
        let server = Server::begin_in(server.kill(), &[&flags[..], &slow[..]].concat());
        eventually("a listener", || {
            std::net::TcpStream::connect(("127.0.0.1", server.port)).is_ok()
        });
        let mut client = server.client();
        let refused = "-LOADING Redis is loading the dataset in memory";
        assert_eq!(client.run("GET key:1").to_string(), refused);
        assert_eq!(client.run("CONFIG SET appendonly no").to_string(), refused);
        assert_eq!(told(&mut client, "loading"), "1");
        assert_eq!(told(&mut client, "aof_enabled"), "1");
        let number = |text: String| text.parse::<u64>().unwrap();
        let total = number(told(&mut client, "loading_total_bytes"));
        let first = number(told(&mut client, "loading_loaded_bytes"));
        assert!(total > 50_000 && first < total, "{first} of {total}");
        eventually("it gets on", || {
            let now = told(&mut client, "loading_loaded_bytes");
            now.is_empty() || number(now) > first
        });
        let list = client.run("CLIENT LIST").text();
        assert_eq!(list.lines().count(), 1, "nobody sees who replays: {list}");
        eventually("everything is loaded", || client.run("PING").to_string() == "+PONG");
        assert_eq!(client.run("DBSIZE").int(), 3_000);
        assert_eq!(told(&mut client, "rdb_changes_since_last_save"), "0");
        client.run("SET more 1");
        let server = server.crash_and_restart(&flags);
        assert_eq!(server.client().run("DBSIZE").int(), 3_001);
    }
}

#[test]
fn a_log_that_was_off_goes_on_where_it_was() {
    let server = Server::start(&ALWAYS);
    assert_eq!(server.client().run("SET a 1").to_string(), "+OK");
    let server = Server::start_in(server.kill(), &spindle(), &[]);
    let mut client = server.client();
    assert_eq!(client.run("DBSIZE").int(), 0, "without the log it is not read");
    assert_eq!(client.run("SET b 2").to_string(), "+OK");
    assert_eq!(client.run("CONFIG SET appendonly yes").to_string(), "+OK");
    let manifest = || {
        let path = server.dir().join("appendonlydir/appendonly.aof.manifest");
        std::fs::read_to_string(path).unwrap()
    };
    let expected = "file appendonly.aof.2.base.rdb seq 2 type b\n\
                    file appendonly.aof.2.incr.aof seq 2 type i\n";
    eventually("the first base is there", || manifest() == expected);
}
