//! Requests by chance: every command of the model with every option, over few keys so that they
//! meet.

use crate::{bitmaps, strings};
use fastrand::Rng;
use xxhash_rust::xxh3::xxh3_64;

const KEYS: u32 = 24;
const CHANNELS: u32 = 4;

pub fn key(rng: &mut Rng) -> String {
    format!("key:{}", rng.u32(0..KEYS))
}

pub fn value(rng: &mut Rng) -> Vec<u8> {
    match rng.u8(0..8) {
        0..3 => rng.i64(-5..6).to_string().into_bytes(),
        3 => [i64::MAX, i64::MIN, i64::MAX - 1][rng.usize(0..3)].to_string().into_bytes(),
        4 => [&b"007"[..], b"-0", b" 1", b"1.0", b"", b"+1"][rng.usize(0..6)].to_vec(),
        _ => {
            let len = if rng.u8(0..10) == 0 { rng.usize(0..5_000) } else { rng.usize(0..80) };
            std::iter::repeat_with(|| rng.u8(..)).take(len).collect()
        }
    }
}

pub fn number(rng: &mut Rng) -> String {
    match rng.u8(0..12) {
        0 => "abc".to_owned(),
        1 => i64::MAX.to_string(),
        2 => i64::MIN.to_string(),
        _ => rng.i64(-3..60).to_string(),
    }
}

/// A point in time near `now_ms`, or far away, in `unit` milliseconds.
pub fn moment(rng: &mut Rng, now_ms: i64, unit: i64) -> String {
    match rng.u8(0..8) {
        0 => number(rng),
        _ => (now_ms / unit + rng.i64(-3..60)).to_string(),
    }
}

pub fn in_some_case(rng: &mut Rng, word: &str) -> Vec<u8> {
    if rng.bool() { word.to_lowercase().into_bytes() } else { word.to_owned().into_bytes() }
}

pub fn words(line: &str) -> Vec<Vec<u8>> {
    line.split(' ').map(|word| word.as_bytes().to_vec()).collect()
}

/// A request that the model knows the reply to.
pub fn request(rng: &mut Rng, now_ms: i64) -> Vec<Vec<u8>> {
    let a = key(rng);
    let mut argv = match rng.u8(0..68) {
        0..6 => words(&format!("GET {a}")),
        6..12 => set(rng, now_ms),
        12 => vec![b"SETNX".to_vec(), a.into_bytes(), value(rng)],
        13 => vec![b"SETEX".to_vec(), a.into_bytes(), number(rng).into_bytes(), value(rng)],
        14 => vec![b"PSETEX".to_vec(), a.into_bytes(), number(rng).into_bytes(), value(rng)],
        15 => vec![b"GETSET".to_vec(), a.into_bytes(), value(rng)],
        16 => words(&format!("MGET {a} {} {}", key(rng), key(rng))),
        17 => {
            let mut argv = vec![b"MSET".to_vec()];
            for _ in 0..rng.usize(1..20) {
                argv.push(key(rng).into_bytes());
                argv.push(value(rng));
            }
            argv
        }
        18 => words(&format!("INCR {a}")),
        19 => words(&format!("DECR {a}")),
        20 => words(&format!("INCRBY {a} {}", number(rng))),
        21 => words(&format!("DECRBY {a} {}", number(rng))),
        22 => words(&format!("DEL {a} {}", key(rng))),
        23 => words(&format!("UNLINK {a}")),
        24 => words(&format!("EXISTS {a} {} {a}", key(rng))),
        25 => words(&format!("TYPE {a}")),
        26..30 => expire(rng, now_ms),
        30..32 => {
            let name = ["TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME"][rng.usize(0..4)];
            words(&format!("{name} {a}"))
        }
        32 => words(&format!("PERSIST {a}")),
        33 => words(["KEYS *", "KEYS key:1*", "KEYS *[05]", "KEYS nosuch"][rng.usize(0..4)]),
        34 => words(
            ["SCAN 0 COUNT 1000000", "SCAN 0 COUNT 1000000 TYPE nosuch"][usize::from(rng.bool())],
        ),
        64..67 => moves(rng),
        67 => match rng.u8(0..3) {
            0 => words(&format!("TOUCH {a} {}", key(rng))),
            1 => words(&format!("OBJECT ENCODING {a}")),
            _ => words(&format!("OBJECT REFCOUNT {a}")),
        },
        35 => words("DBSIZE"),
        36 => words(&format!("SELECT {}", rng.u8(0..3))),
        37 => words(
            ["PING", "PING hello", "ECHO hello", "SLOWLOG LEN", "LATENCY RESET"][rng.usize(0..5)],
        ),
        38..40 => words(&format!("PUBLISH channel:{} {a}", rng.u32(0..CHANNELS))),
        40 => words(&format!("SUBSCRIBE channel:{}", rng.u32(0..CHANNELS))),
        41 => match rng.u8(0..3) {
            0 => words("UNSUBSCRIBE"),
            _ => words(&format!("UNSUBSCRIBE channel:{}", rng.u32(0..CHANNELS))),
        },
        42..52 => strings::request(rng, now_ms),
        52..62 => bitmaps::request(rng),
        62 => words(["RESET", "NOSUCH a b", "CLIENT REPLY OFF"][rng.usize(0..3)]),
        _ => match rng.u8(0..20) {
            0 => words("FLUSHALL"),
            1 => words("FLUSHDB ASYNC"),
            _ => words("CLIENT REPLY ON"),
        },
    };
    if rng.bool() {
        argv[0].make_ascii_lowercase();
    }
    argv
}

/// A key that goes elsewhere, or databases that change places.
fn moves(rng: &mut Rng) -> Vec<Vec<u8>> {
    let (a, b, db) = (key(rng), key(rng), rng.u8(0..3));
    words(&match rng.u8(0..12) {
        0..3 => format!("RENAME {a} {b}"),
        3..5 => format!("RENAMENX {a} {b}"),
        5..8 => format!("MOVE {a} {db}"),
        8 => format!("COPY {a} {b}"),
        9 => format!("COPY {a} {b} DB {db}"),
        10 => format!("COPY {a} {b} DB {db} REPLACE"),
        _ => format!("SWAPDB {db} {}", rng.u8(0..3)),
    })
}

fn set(rng: &mut Rng, now_ms: i64) -> Vec<Vec<u8>> {
    let mut argv = vec![b"SET".to_vec(), key(rng).into_bytes(), value(rng)];
    let mut options: Vec<Vec<Vec<u8>>> = Vec::new();
    match rng.u8(0..12) {
        0 => options.push(vec![in_some_case(rng, "NX")]),
        1 => options.push(vec![in_some_case(rng, "XX")]),
        2 => {
            let name = ["IFEQ", "IFNE"][rng.usize(0..2)];
            options.push(vec![in_some_case(rng, name), value(rng)]);
        }
        3 => {
            let name = ["IFDEQ", "IFDNE"][rng.usize(0..2)];
            let digest = format!("{:016x}", xxh3_64(&value(rng)));
            options.push(vec![in_some_case(rng, name), digest.into_bytes()]);
        }
        _ => {}
    }
    if rng.u8(0..4) == 0 {
        options.push(vec![in_some_case(rng, "GET")]);
    }
    match rng.u8(0..10) {
        0 => options.push(vec![in_some_case(rng, "KEEPTTL")]),
        1 => options.push(vec![in_some_case(rng, "EX"), number(rng).into_bytes()]),
        2..4 => options.push(vec![in_some_case(rng, "PX"), number(rng).into_bytes()]),
        4 => options.push(vec![in_some_case(rng, "EXAT"), moment(rng, now_ms, 1_000).into_bytes()]),
        5 => options.push(vec![in_some_case(rng, "PXAT"), moment(rng, now_ms, 1).into_bytes()]),
        _ => {}
    }
    rng.shuffle(&mut options);
    argv.extend(options.into_iter().flatten());
    argv
}

fn expire(rng: &mut Rng, now_ms: i64) -> Vec<Vec<u8>> {
    let (name, value) = match rng.u8(0..4) {
        0 => ("EXPIRE", number(rng)),
        1 => ("PEXPIRE", number(rng)),
        2 => ("EXPIREAT", moment(rng, now_ms, 1_000)),
        _ => ("PEXPIREAT", moment(rng, now_ms, 1)),
    };
    let mut argv = words(&format!("{name} {} {value}", key(rng)));
    if rng.bool() {
        let option = ["NX", "XX", "GT", "LT"][rng.usize(0..4)];
        argv.push(in_some_case(rng, option));
    }
    argv
}
