//! The append-only file on a disk that fails, fills, tears and forgets: what was acknowledged is
//! there after a crash, and nothing is there in part.

use crate::requests;
use crate::support::disk::FakeDisk;
use crate::support::seeds;
use crate::world::{Record, Sim, same_dumps};
use spindle::config::Config;
use spindle::config::kinds::Fsync;
use spindle::sys::disk::Disk;
use std::time::Duration;

fn config(fsync: Fsync) -> Config {
    let mut config = Config { databases: 3, ..Config::default() };
    (config.aof.is_on, config.aof.fsync) = (true, fsync);
    config
}

/// A server on a disk.
fn open(seed: u64, config: &Config, disk: &FakeDisk) -> Result<Sim, String> {
    let mut sim = Sim::new(seed, config.clone());
    sim.world.disk = disk.clone();
    sim.engine.begin_loading(&mut sim.world)?;
    while sim.engine.state().persistence.is_loading() {
        sim.advance(Duration::ZERO);
    }
    sim.engine.state_mut().persistence.failure.take().map_or(Ok(sim), Err)
}

/// Everything, without what dies of age: time begins anew with every server here.
fn lasting(sim: &mut Sim) -> Vec<Record> {
    sim.dump()
}

#[test]
fn whenever_the_disk_fails_the_log_holds_what_was_acknowledged() {
    for seed in seeds(150) {
        println!("seed {seed}");
        fail_somewhere(seed);
    }
}

fn fail_somewhere(seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let (mut config, disk) = (config(Fsync::Always), FakeDisk::default());
    config.aof.use_rdb_preamble = rng.bool();
    config.aof.auto_rewrite_percentage = 0;
    let mut known: Vec<Vec<Record>> = vec![Vec::new()];
    for life in 0..3 {
        disk.fail_after(rng.bool().then(|| rng.u64(0..60)));
        disk.set_room(rng.bool().then(|| used(&disk) + rng.usize(0..2_000)));
        if let Ok(mut sim) = open(seed + life, &config, &disk) {
            let found = lasting(&mut sim);
            assert!(known.contains(&found), "what was found is none of what may be there");
            known = live(&mut sim, found, &mut rng);
        }
        disk.crash(&mut rng);
    }
    disk.fail_after(None);
    let mut sim = open(seed, &config, &disk).expect("a disk that works");
    assert!(known.contains(&lasting(&mut sim)), "what was found is none of what may be there");
}

fn used(disk: &FakeDisk) -> usize {
    let names = disk.clone().list("appendonlydir").unwrap_or_default();
    let len = |name: &String| disk.read(&format!("appendonlydir/{name}")).map_or(0, |it| it.len());
    names.iter().map(len).sum()
}

/// Serves until the disk fails: the data that may be found then.
fn live(sim: &mut Sim, found: Vec<Record>, rng: &mut fastrand::Rng) -> Vec<Vec<Record>> {
    let conn = sim.connect();
    let mut acknowledged = found;
    for _ in 0..rng.usize(1..40) {
        let request = requests::request(rng, sim.now_ms());
        sim.arrive(conn, &crate::support::client::encode(&request), 16, |_| {});
        sim.replies(conn);
        let written = sim.engine.write_log(&mut sim.world);
        let now = lasting(sim);
        if written.is_err() {
            return vec![acknowledged, now];
        }
        acknowledged = now;
        // The log is written anew now and then; its child may end at once or some writes later.
        match rng.u8(0..8) {
            0 => drop(sim.run(conn, "BGREWRITEAOF")),
            1 => sim.end_child(),
            _ => {}
        }
        sim.replies(conn);
    }
    vec![acknowledged]
}

#[test]
fn a_disk_that_is_full_for_a_while_costs_nothing() {
    let (config, disk) = (config(Fsync::EverySecond), FakeDisk::default());
    let mut sim = open(1, &config, &disk).unwrap();
    let conn = sim.connect();
    let write = |sim: &mut Sim, line: &str| {
        let reply = sim.run(conn, line).concat();
        sim.engine.write_log(&mut sim.world).unwrap();
        reply
    };
    assert_eq!(write(&mut sim, "SET a 1"), "+OK");
    disk.set_room(Some(used(&disk) + 10));
    assert_eq!(write(&mut sim, "SET b 2"), "+OK");
    assert!(write(&mut sim, "SET c 3").starts_with("-MISCONF Errors writing to the AOF file"));
    assert_eq!(write(&mut sim, "GET b"), "\"2\"");
    let text = disk.read("appendonlydir/appendonly.aof.1.incr.aof").unwrap();
    assert!(text.ends_with(b"$1\r\na\r\n$1\r\n1\r\n"), "what did not fit is cut off");
    disk.set_room(None);
    sim.advance(Duration::from_secs(1));
    sim.engine.write_log(&mut sim.world).unwrap();
    assert_eq!(write(&mut sim, "SET c 3"), "+OK");
    let dump = sim.dump();
    same_dumps(&open(2, &config, &disk).unwrap().dump(), &dump, "the log holds everything");
}

#[test]
fn a_piece_that_cannot_be_cut_off_at_once_is_cut_off_later() {
    let (config, disk) = (config(Fsync::EverySecond), FakeDisk::default());
    let mut sim = open(1, &config, &disk).unwrap();
    let conn = sim.connect();
    assert_eq!(sim.run(conn, "SET a 1"), ["+OK"]);
    sim.engine.write_log(&mut sim.world).unwrap();
    let whole = disk.read("appendonlydir/appendonly.aof.1.incr.aof").unwrap();
    // One write goes in as far as there is room; then nothing does.
    disk.set_room(Some(used(&disk) + 10));
    disk.fail_after(Some(1));
    assert_eq!(sim.run(conn, "SET b 2"), ["+OK"]);
    sim.engine.write_log(&mut sim.world).unwrap();
    let torn = disk.read("appendonlydir/appendonly.aof.1.incr.aof").unwrap();
    assert_eq!(torn.len(), whole.len() + 10);
    disk.set_room(None);
    disk.fail_after(None);
    sim.advance(Duration::from_secs(1));
    sim.engine.write_log(&mut sim.world).unwrap();
    assert_eq!(sim.run(conn, "SET c 3"), ["+OK"]);
    sim.engine.write_log(&mut sim.world).unwrap();
    let dump = sim.dump();
    assert_eq!(dump.len(), 3);
    same_dumps(&open(2, &config, &disk).unwrap().dump(), &dump, "the log holds everything");
}

#[test]
fn what_is_written_is_synced_within_a_second() {
    let (config, disk) = (config(Fsync::EverySecond), FakeDisk::default());
    let mut sim = open(1, &config, &disk).unwrap();
    sim.world.errands = Some(Vec::new());
    let conn = sim.connect();
    sim.advance(Duration::from_secs(5));
    assert_eq!(sim.idle_us(), None);
    for _ in 0..3 {
        sim.run(conn, "INCR a");
        sim.engine.write_log(&mut sim.world).unwrap();
        sim.advance(Duration::from_millis(100));
        sim.engine.write_log(&mut sim.world).unwrap();
    }
    let errands = sim.world.errands.replace(Vec::new()).unwrap();
    assert_eq!(errands.len(), 1, "the first write is synced at once, beside the loop");
    errands.into_iter().for_each(|errand| errand(&mut sim.world.disk));
    let idle_us = sim.idle_us().expect("the others are to be synced");
    assert_eq!(idle_us, 700_000);
    sim.advance(Duration::from_micros(idle_us));
    sim.engine.write_log(&mut sim.world).unwrap();
    let errands = sim.world.errands.replace(Vec::new()).unwrap();
    assert_eq!(errands.len(), 1);
    assert_eq!(sim.idle_us(), None, "whoever syncs wakes the loop");
    let log = &sim.engine.state().log;
    assert!(!log.is_safe(log.appended()));
    errands.into_iter().for_each(|errand| errand(&mut sim.world.disk));
    let log = &sim.engine.state().log;
    assert!(log.is_safe(log.appended()));
    assert_eq!(sim.idle_us(), None);
}

#[test]
fn who_waits_for_the_disk_is_told_once_it_has_everything() {
    let (config, disk) = (config(Fsync::EverySecond), FakeDisk::default());
    let mut sim = open(1, &config, &disk).unwrap();
    sim.world.errands = Some(Vec::new());
    let (one, other) = (sim.connect(), sim.connect());
    let said = |sim: &mut Sim, conn: usize| -> Vec<String> {
        sim.replies(conn).iter().map(ToString::to_string).collect()
    };
    let sync = |sim: &mut Sim| {
        let errands = sim.world.errands.replace(Vec::new()).unwrap();
        errands.into_iter().for_each(|errand| errand(&mut sim.world.disk));
        sim.advance(Duration::from_secs(1));
        sim.engine.write_log(&mut sim.world).unwrap();
    };
    sim.advance(Duration::from_secs(5));
    assert_eq!(sim.run(one, "WAITAOF 1 0 0"), ["[1, 0]"], "it has written nothing");
    for line in ["MULTI", "INCR a", "WAITAOF 1 0 0"] {
        sim.run(other, line);
    }
    assert_eq!(sim.run(other, "EXEC"), ["[1, [1, 0]]"], "before that it had written nothing");
    sim.engine.write_log(&mut sim.world).unwrap();
    assert!(sim.run(other, "WAITAOF 1 0 0").is_empty());
    sim.run(one, "INCR a");
    sim.engine.write_log(&mut sim.world).unwrap();
    assert!(sim.run(one, "WAITAOF 1 0 2500").is_empty());
    sync(&mut sim);
    assert_eq!(said(&mut sim, other), ["[1, 0]"]);
    assert!(said(&mut sim, one).is_empty(), "that was written after the sync began");
    sync(&mut sim);
    assert_eq!(said(&mut sim, one), ["[1, 0]"]);
    sim.run(one, "INCR a");
    assert!(sim.run(one, "WAITAOF 1 0 2000").is_empty());
    sim.advance(Duration::from_secs(2));
    assert_eq!(said(&mut sim, one), ["[0, 0]"]);
    assert!(sim.run(one, "WAITAOF 1 0 0").is_empty());
    sim.run(other, "CONFIG SET appendonly no");
    sim.advance(Duration::ZERO);
    let refusal = "-ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.";
    assert_eq!(said(&mut sim, one), [refusal]);
}

/// What DUMP gives for a string, `bar`.
const PAYLOAD: &[u8] = b"\x00\x03bar\n\x00\xE6\xBEI`\xEEf\xFD\x17";

fn restore(sim: &mut Sim, conn: usize, key: &[u8], ttl: &[u8], options: &[&[u8]]) {
    let request = [&[b"RESTORE", key, ttl, PAYLOAD], options].concat();
    sim.arrive(conn, &crate::support::client::encode(&request), 16, |_| {});
    assert_eq!(sim.replies(conn)[0].to_string(), "+OK");
    sim.engine.write_log(&mut sim.world).unwrap();
}

#[test]
fn what_was_restored_lives_on_when_that_is_replayed_later() {
    let (config, disk) = (config(Fsync::Always), FakeDisk::default());
    let mut sim = open(1, &config, &disk).unwrap();
    let conn = sim.connect();
    restore(&mut sim, conn, b"k", b"100", &[]);
    assert_eq!(sim.run(conn, "PERSIST k"), ["1"]);
    sim.engine.write_log(&mut sim.world).unwrap();
    sim.advance(Duration::from_secs(1));
    let dump = sim.dump();
    assert_eq!(dump.len(), 1);
    let mut again = Sim::new(2, config);
    (again.world.disk, again.world.now) = (disk, sim.world.now);
    again.engine.begin_loading(&mut again.world).unwrap();
    while again.engine.state().persistence.is_loading() {
        again.advance(Duration::ZERO);
    }
    same_dumps(&again.dump(), &dump, "the log holds everything");
}

#[test]
fn a_death_that_makes_no_difference_is_not_logged() {
    let (mut config, disk) = (config(Fsync::Always), FakeDisk::default());
    config.enable_debug_command = spindle::config::kinds::Access::Yes;
    config.lazyfree_lazy_server_del = true;
    let mut sim = open(1, &config, &disk).unwrap();
    let conn = sim.connect();
    sim.run(conn, "DEBUG SET-ACTIVE-EXPIRE 0");
    for key in ["a", "b"] {
        sim.run(conn, &format!("SET {key} v PX 10"));
    }
    sim.advance(Duration::from_secs(1));
    restore(&mut sim, conn, b"a", b"0", &[b"REPLACE"]);
    restore(&mut sim, conn, b"b", b"1", &[b"REPLACE", b"ABSTTL"]);
    assert_eq!(sim.run(conn, "EXISTS a b"), ["1"]);
    let text = disk.read("appendonlydir/appendonly.aof.1.incr.aof").unwrap();
    let text = String::from_utf8_lossy(&text);
    assert!(!text.contains("DEL"), "{text}");
    assert!(text.ends_with("*2\r\n$6\r\nUNLINK\r\n$1\r\nb\r\n"), "{text}");
}
