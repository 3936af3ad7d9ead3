//! HOTKEYS: what a watch sees, for how long, and what is wrong with a wish.

use crate::world::Sim;
use spindle::config::Config;
use std::time::Duration;

fn sim() -> (Sim, usize) {
    let mut sim = Sim::new(1, Config::default());
    let conn = sim.connect();
    (sim, conn)
}

#[test]
fn hot_keys_are_told_by_time_and_by_bytes() {
    let (mut sim, conn) = sim();
    assert_eq!(sim.run(conn, "HOTKEYS GET"), ["nil-array"]);
    // What happened before it does not count, nor does the command that begins it.
    sim.advance(Duration::from_secs(10));
    sim.run(conn, "SET before v");
    assert_eq!(sim.run(conn, "HOTKEYS START METRICS 2 CPU NET COUNT 2"), ["+OK"]);
    // Every reading of the stopwatch takes a millisecond, so a command takes some.
    let idle = sim.run(conn, "HOTKEYS GET")[0].clone();
    assert!(idle.contains("\"all-commands-all-slots-us\", 0, "), "{idle}");
    sim.run(conn, "NOSUCH unknown");
    sim.world.pace_us = 1_000;
    for i in 0..200 {
        sim.run(conn, &format!("SET cold{i} v"));
        sim.run(conn, "INCR often");
        sim.run(conn, "INCR often");
    }
    let value = "x".repeat(100_000);
    sim.run(conn, &format!("SET wide {value}"));
    sim.world.pace_us = 0;
    let told = sim.run(conn, "HOTKEYS GET")[0].clone();
    assert!(told.contains("\"tracking-active\", 1, \"sample-ratio\", 1,"), "{told}");
    assert!(told.contains("\"selected-slots\", [[0, 16383]],"), "{told}");
    assert!(told.contains("\"by-cpu-time-us\", [\"often\", "), "{told}");
    assert!(told.contains("\"by-net-bytes\", [\"wide\", 100105, "), "{told}");
    assert!(!told.contains("before") && !told.contains("unknown"), "{told}");
}

#[test]
fn a_watch_ends_when_told_or_in_time() {
    let (mut sim, conn) = sim();
    assert_eq!(sim.run(conn, "HOTKEYS STOP"), ["-ERR hotkeys tracking is not active"]);
    assert_eq!(sim.run(conn, "HOTKEYS RESET"), ["+OK"]);
    assert_eq!(sim.run(conn, "HOTKEYS START METRICS 1 NET DURATION 5"), ["+OK"]);
    let again = sim.run(conn, "HOTKEYS START METRICS 1 NET");
    assert_eq!(again, ["-ERR hotkeys tracking is already in progress"]);
    let reset = sim.run(conn, "HOTKEYS RESET");
    assert_eq!(reset, ["-ERR hotkeys tracking is in progress, stop it first"]);
    sim.run(conn, "SET seen v");
    sim.advance(Duration::from_secs(7));
    sim.run(conn, "SET unseen v");
    let told = sim.run(conn, "HOTKEYS GET")[0].clone();
    assert!(told.contains("\"tracking-active\", 0,"), "{told}");
    assert!(told.contains("seen") && !told.contains("unseen"), "{told}");
    assert!(!told.contains("by-cpu-time-us"), "{told}");
    assert_eq!(sim.run(conn, "HOTKEYS RESET"), ["+OK"]);
    assert_eq!(sim.run(conn, "HOTKEYS GET"), ["nil-array"]);
    assert_eq!(sim.run(conn, "HOTKEYS START METRICS 1 CPU"), ["+OK"]);
    assert_eq!(sim.run(conn, "HOTKEYS STOP"), ["+OK"]);
}

#[test]
fn a_wish_that_makes_no_sense_is_refused() {
    let (mut sim, conn) = sim();
    let mismatch = "-ERR METRICS count does not match number of metric types provided";
    for (wish, error) in [
        ("", "-ERR METRICS parameter is required"),
        (" COUNT 3", "-ERR METRICS parameter is required"),
        (" METRICS", "-ERR syntax error"),
        (" METRICS 0", "-ERR METRICS count must be between 1 and 2"),
        (" METRICS 1", mismatch),
        (" METRICS 2 CPU", mismatch),
        (" METRICS 2 CPU CPU", mismatch),
        (" METRICS 1 CPU NET", "-ERR syntax error"),
        (" METRICS 1 CPU COUNT 0", "-ERR COUNT must be between 1 and 64"),
        (" METRICS 1 CPU SAMPLE 0", "-ERR SAMPLE ratio must be positive"),
        (" METRICS 1 CPU DURATION x", "-ERR DURATION must be between 1 and 1000000"),
        (" METRICS 1 CPU SLOTS 1 5", "-ERR SLOTS parameter cannot be used in non-cluster mode"),
    ] {
        assert_eq!(sim.run(conn, &format!("HOTKEYS START{wish}")), [error], "{wish}");
    }
}
