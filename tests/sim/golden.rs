//! Files that real servers of many versions have written, and what Redis itself reads in them.

use crate::support::client::encode;
use crate::world::{Record, Sim, all_large, same_dumps};
use spindle::config::Config;
use spindle::sys::disk::Disk;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The files and folders in `tests/data` whose names end like this.
fn made(end: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let mut paths: Vec<PathBuf> =
        folder.read_dir().expect("there").map(|entry| entry.expect("there").path()).collect();
    paths.retain(|path| path.to_string_lossy().ends_with(end));
    paths.sort();
    paths
}

/// What a listing says, as a server has it that has run all of it.
fn listed(snapshot: &Path) -> Vec<Record> {
    let listing = std::fs::read(snapshot.with_extension("txt"))
        .or_else(|_| std::fs::read(format!("{}.txt", snapshot.display())))
        .expect("each file has a listing");
    let mut sim = Sim::new(1, Config::default());
    let conn = sim.connect();
    let lines = listing.split_inclusive(|byte| *byte == b'\n');
    // Functions are no keys, and are looked at apart.
    for line in lines.filter(|line| !line.starts_with(b"FUNCTION")) {
        sim.arrive(conn, line, 16, |_| {});
        for reply in sim.replies(conn) {
            let reply = reply.to_string();
            assert!(!reply.starts_with('-'), "{}: {reply}", line.escape_ascii());
        }
    }
    sim.dump()
}

/// A server that has loaded what is on its disk; why it cannot, if so.
fn start(config: &Config, put: impl FnOnce(&Sim)) -> Result<Sim, String> {
    let mut sim = Sim::new(1, config.clone());
    put(&sim);
    sim.engine.begin_loading(&mut sim.world)?;
    while sim.engine.state().persistence.is_loading() {
        sim.advance(Duration::ZERO);
    }
    sim.engine.state_mut().persistence.failure.take().map_or(Ok(sim), Err)
}

#[test]
fn snapshots_of_every_version_hold_what_redis_reads_in_them() {
    let mut formats = std::collections::BTreeSet::new();
    for path in made(".rdb") {
        let (what, bytes) = (path.display().to_string(), std::fs::read(&path).expect("there"));
        formats.insert(bytes[5..9].to_vec());
        let expected = listed(&path);
        for config in [Config::default(), all_large()] {
            let mut sim =
                start(&config, |sim| sim.world.disk.put("dump.rdb", &bytes)).expect(&what);
            same_dumps(&sim.dump(), &expected, &what);
            // And back, in the form of our own.
            let functions = sim.engine.state().persistence.functions.clone();
            let conn = sim.connect();
            assert_eq!(sim.run(conn, "SAVE"), ["+OK"]);
            let own = sim.world.disk.read("dump.rdb").expect("there");
            let mut again =
                start(&config, |sim| sim.world.disk.put("dump.rdb", &own)).expect(&what);
            same_dumps(&again.dump(), &expected, &what);
            assert_eq!(again.engine.state().persistence.functions, functions);
            let has_one = bytes.windows(15).any(|part| part == b"#!lua name=mine");
            assert_eq!(functions.len(), usize::from(has_one), "{what}");
        }
    }
    let formats: Vec<_> = formats.iter().map(|it| String::from_utf8_lossy(it)).collect();
    let all: Vec<_> = (1..=12).map(|format| format!("{format:04}")).collect();
    assert_eq!(formats, all, "there is a file of every format");
}

/// Files of a log, by path, the last one that is written last.
type Log = Vec<(String, Vec<u8>)>;

/// The files of the log in a folder.
fn log_in(folder: &Path) -> Log {
    let names = folder.read_dir().expect("there").map(|entry| entry.expect("there").file_name());
    let mut names: Vec<String> = names.map(|name| name.into_string().expect("plain")).collect();
    names.sort_by_key(|name| (name.ends_with(".incr.aof"), name.clone()));
    let is_single = names.len() == 1;
    let place = |name: String| {
        let bytes = std::fs::read(folder.join(&name)).expect("there");
        (if is_single { name } else { format!("appendonlydir/{name}") }, bytes)
    };
    names.into_iter().map(place).collect()
}

fn logging() -> Config {
    let mut config = Config::default();
    config.aof.is_on = true;
    config
}

fn load(log: &Log) -> Result<Sim, String> {
    let put = |sim: &Sim| log.iter().for_each(|(path, bytes)| sim.world.disk.put(path, bytes));
    start(&logging(), put)
}

/// The lengths at which a file of requests is whole: behind each request that is in no
/// transaction, and behind each transaction. What is in front of the first request is as long as
/// `start`.
fn whole_lengths(bytes: &[u8], start: usize) -> Vec<usize> {
    let (mut at, mut lengths, mut is_in_group) = (start, vec![start], false);
    let line = |at: &mut usize| {
        let len = bytes[*at..].windows(2).position(|two| two == b"\r\n").expect("a whole file");
        let text = &bytes[*at..*at + len];
        *at += len + 2;
        String::from_utf8_lossy(text).into_owned()
    };
    while at < bytes.len() {
        let head = line(&mut at);
        if let Some(count) = head.strip_prefix('*') {
            let mut words = Vec::new();
            for _ in 0..count.parse::<usize>().expect("a number") {
                let len: usize = line(&mut at)[1..].parse().expect("a number");
                words.push(&bytes[at..at + len]);
                at += len + 2;
            }
            is_in_group = (is_in_group || words[0] == b"MULTI") && words[0] != b"EXEC";
        }
        if !is_in_group {
            lengths.push(at);
        }
    }
    lengths
}

#[test]
fn logs_of_every_layout_hold_what_redis_reads_in_them() {
    let folders = made("-log");
    assert_eq!(folders.len(), 4, "alone, behind a snapshot, and in parts of either kind");
    for folder in folders {
        let (what, log) = (folder.display().to_string(), log_in(&folder));
        let expected = listed(&folder);
        let mut sim = load(&log).expect(&what);
        same_dumps(&sim.dump(), &expected, &what);
        // It goes on in parts, without what is not needed any more.
        let conn = sim.connect();
        assert_eq!(sim.run(conn, "SET more 1"), ["+OK"]);
        sim.engine.write_log(&mut sim.world).expect("written");
        let manifest = sim.world.disk.read("appendonlydir/appendonly.aof.manifest").expect("there");
        let manifest = String::from_utf8(manifest).expect("plain");
        assert!(!manifest.contains("type h"), "{what}: {manifest}");
        let mut names = sim.world.disk.clone().list("appendonlydir").expect("there");
        names.retain(|name| !name.ends_with(".manifest"));
        assert_eq!(names.len(), manifest.lines().count(), "{what}: {names:?}, {manifest}");
        let disk = sim.world.disk.clone();
        let mut again = Sim::new(2, logging());
        again.world.disk = disk;
        again.engine.begin_loading(&mut again.world).expect(&what);
        while again.engine.state().persistence.is_loading() {
            again.advance(Duration::ZERO);
        }
        same_dumps(&again.dump(), &sim.dump(), &what);
    }
}

#[test]
fn logs_that_are_cut_off_anywhere_hold_whole_requests() {
    for folder in made("-log") {
        let mut log = log_in(&folder);
        let whole = log.last().expect("files").1.clone();
        // A snapshot that is cut off is no log.
        let start = if whole.starts_with(b"REDIS") { first_request(&whole) } else { 0 };
        let lengths = whole_lengths(&whole, start);
        let mut cut_at = |len: usize| {
            log.last_mut().expect("files").1 = whole[..len].to_vec();
            load(&log)
        };
        for pair in lengths.windows(2) {
            let expected = cut_at(pair[0]).expect("whole").dump();
            for len in pair[0] + 1..pair[1] {
                let what = format!("{}, {len} bytes", folder.display());
                let mut sim = cut_at(len).expect(&what);
                same_dumps(&sim.dump(), &expected, &what);
            }
        }
        for len in 1..start {
            assert!(cut_at(len).is_err(), "{}, {len} bytes", folder.display());
        }
    }
}

/// Where the requests behind a snapshot begin: a select of the first database.
fn first_request(bytes: &[u8]) -> usize {
    let select = encode(&["SELECT", "0"]);
    bytes.windows(select.len()).position(|part| part == select).expect("there")
}
