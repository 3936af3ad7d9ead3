//! What several kinds of tests share: a client, replies as values, servers on free ports,
//! transcripts.
#![allow(dead_code, reason = "each kind of test uses a part of it")]

pub mod client;
pub mod collections;
pub mod disk;
pub mod hand;
pub mod order;
pub mod rdb;
pub mod reply;
pub mod rules;
pub mod server;
pub mod transcript;
pub mod way;

/// Says that a test cannot run here; where everything must run, that is a failure.
pub fn skip(needs: &str) {
    assert!(std::env::var("CI").as_deref() != Ok("true"), "CI lacks {needs}");
    println!("skipped: needs {needs}");
}

/// Says that a test is left out that need not run anywhere.
pub fn say_skipped(needs: &str) {
    println!("skipped: needs {needs}");
}

/// The seeds of a random test: `SEED=n` replays one, `SEEDS=n` runs so many from a random start.
pub fn seeds(count: u64) -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    if let Some(seed) = number("SEED") {
        return seed..seed + 1;
    }
    match number("SEEDS") {
        Some(count) => {
            let start = fastrand::u64(..u64::MAX / 2);
            start..start + count
        }
        None => 0..count,
    }
}
