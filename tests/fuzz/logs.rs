//! Logs that are damaged: their manifests, snapshots and requests are refused, or can be used.

use crate::snapshots::{config, damage, use_keys};
use crate::support::seeds;
use crate::world::Sim;
use fastrand::Rng;
use spindle::persist::aof::check::{self, Cut};
use spindle::persist::aof::manifest::Manifest;
use spindle::sys::disk::Disk;
use std::time::Duration;

const LINES: [&str; 8] = [
    "file appendonly.aof.1.base.rdb seq 1 type b\n",
    "file appendonly.aof.2.base.aof seq 2 type b\n",
    "file appendonly.aof.1.incr.aof seq 1 type i\n",
    "file \"a b\\n\" seq 4611686018427387903 type i startoffset 12\n",
    "file appendonly.aof.2.incr.aof seq 2 type h\n",
    "# a note\n",
    "\n",
    "seq -1 type i file 'x'\n",
];

#[test]
fn any_bytes_are_a_manifest_or_are_refused() {
    for seed in seeds(3_000) {
        let mut rng = Rng::with_seed(seed);
        let lines = std::iter::repeat_with(|| LINES[rng.usize(0..LINES.len())]);
        let mut text: Vec<u8> = lines.take(4).collect::<String>().into_bytes();
        damage(&mut rng, &mut text, 0);
        let Ok(mut manifest) = Manifest::parse(&text) else { continue };
        let written = manifest.to_text();
        if !written.is_empty() {
            assert_eq!(Manifest::parse(written.as_bytes()), Ok(manifest.clone()), "seed {seed}");
        }
        manifest.add_incr("x");
        manifest.replace_base("x", true);
    }
}

/// A server that has used its log, which may have been written anew.
fn with_log(seed: u64, rng: &mut Rng) -> Sim {
    let mut config = config(rng);
    config.aof.is_on = true;
    config.aof.use_rdb_preamble = rng.bool();
    config.aof.timestamp_enabled = rng.bool();
    let mut sim = Sim::new(seed, config);
    sim.engine.begin_loading(&mut sim.world).expect("there is nothing yet");
    use_keys(&mut sim, rng, 100);
    sim.engine.write_log(&mut sim.world).expect("there is room");
    if rng.bool() {
        let conn = sim.connect();
        sim.run(conn, "BGREWRITEAOF");
        use_keys(&mut sim, rng, 20);
        sim.end_child();
        use_keys(&mut sim, rng, 20);
        sim.engine.write_log(&mut sim.world).expect("there is room");
    }
    sim
}

#[test]
fn damaged_logs_are_refused_or_can_be_used() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log").to_str().unwrap().to_owned();
    for seed in seeds(250) {
        let mut rng = Rng::with_seed(seed);
        let mut sim = with_log(seed, &mut rng);
        let names = sim.world.disk.list("appendonlydir").expect("it is there");
        let name = &names[rng.usize(0..names.len())];
        let place = format!("appendonlydir/{name}");
        let mut bytes = sim.world.disk.read(&place).expect("it is there");
        damage(&mut rng, &mut bytes, 0);
        sim.world.disk.put(&place, &bytes);
        std::fs::write(&path, &bytes).unwrap();
        check_file(&path, seed);

        let mut config = config(&mut rng);
        config.aof.is_on = true;
        config.aof.load_corrupt_tail_max_size = [0, 100][rng.usize(0..2)];
        let mut other = Sim::new(seed, config);
        other.world.now = sim.world.now;
        other.world.disk = sim.world.disk.clone();
        let begun = other.engine.begin_loading(&mut other.world);
        while other.engine.state().persistence.is_loading() {
            other.advance(Duration::ZERO);
        }
        let failure = other.engine.state_mut().persistence.failure.take();
        if let Some(reason) = begun.err().or(failure) {
            assert!(reason.len() > 10, "seed {seed}: {reason}");
            continue;
        }
        use_keys(&mut other, &mut rng, 100);
        other.engine.write_log(&mut other.world).expect("there is room");
        let conn = other.connect();
        let digest = other.run(conn, "DEBUG DIGEST");
        assert_eq!(other.run(conn, "DEBUG LOADAOF"), ["+OK"], "seed {seed}");
        assert_eq!(other.run(conn, "DEBUG DIGEST"), digest, "seed {seed}");
    }
}

/// A file that has been mended is whole.
fn check_file(path: &str, seed: u64) {
    let first = check::check(path, Cut::Never);
    if first.is_err() && check::check(path, Cut::Broken).is_ok() {
        let again = check::check(path, Cut::Never);
        assert!(again.is_ok(), "seed {seed}: {again:?}");
    }
}
