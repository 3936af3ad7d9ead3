//! Requests by chance that the real server understands too, right and wrong ones.

use crate::support::collections::{self, STRINGS, Scope, any_key, key_of, one_of};
use crate::support::collections::{geo, sort, streams};
use crate::{bitmaps, strings};
use fastrand::Rng;

/// What both servers know, and do the same.
const ORACLE: Scope = Scope { is_newest: false, has_chance: false };

pub fn key(rng: &mut Rng) -> String {
    key_of(rng, STRINGS)
}

pub fn value(rng: &mut Rng) -> String {
    match rng.u8(0..10) {
        0..4 => rng.i64(-20..20).to_string(),
        4 => i64::MAX.to_string(),
        5 => i64::MIN.to_string(),
        6 => ["", "007", "-0", " 1", "1 ", "1e3", "0x1", "+1"][rng.usize(0..8)].to_owned(),
        _ => "v".repeat(rng.usize(0..60)),
    }
}

pub fn number(rng: &mut Rng) -> String {
    match rng.u8(0..12) {
        0 => "abc".to_owned(),
        1 => i64::MAX.to_string(),
        2 => i64::MIN.to_string(),
        3 => "9223372036854775808".to_owned(),
        4 => (i64::MAX / 1_000).to_string(),
        // Deadlines far enough away that the time between two servers does not show.
        _ => rng.i64(-3..4).saturating_mul(100_000).to_string(),
    }
}

/// A request, right or wrong.
pub fn request(rng: &mut Rng) -> Vec<String> {
    match rng.u8(0..20) {
        0..8 => single(rng),
        8 => transaction(rng),
        9 => generic(rng),
        _ => collection(rng),
    }
}

/// A request to a collection, sometimes with a fault in it.
fn collection(rng: &mut Rng) -> Vec<String> {
    let mut request = collections::any_request(rng, ORACLE);
    while !collections::is_chance(&request) && !has_one_outcome(&request) {
        request = collections::any_request(rng, ORACLE);
    }
    let mut spoiled = request.clone();
    if rng.u8(0..8) == 0 {
        collections::spoil(rng, &mut spoiled);
    }
    if has_one_outcome(&spoiled) { spoiled } else { request }
}

/// Whether neither chance nor an unknown order nor patience nor the version decides what comes of a
/// request.
pub fn has_one_outcome(request: &[String]) -> bool {
    let name = request[0].to_uppercase();
    let is_waiting = name.starts_with("BL") || name.starts_with("BR") || name.starts_with("BZ");
    let timeout = if name.ends_with("MPOP") { request.get(1) } else { request.last() };
    if name.starts_with('X') {
        return streams::has_one_outcome(request);
    }
    let seconds = timeout.and_then(|timeout| timeout.parse::<f64>().ok());
    // Later versions call what is too long by another name.
    let is_long = seconds.is_some_and(|seconds| seconds == 0.0 || seconds > 0.05);
    // Later versions know another argument of ranks, a bound of those of LPOS, and one more way to
    // bring scores together.
    let least = i64::MIN.to_string();
    let is = |word: &String, name: &str| word.eq_ignore_ascii_case(name);
    let mut pairs = request.windows(2);
    let is_newer = name.ends_with("RANK") && request.len() > 3
        || name == "LPOS" && request.contains(&least)
        || pairs.any(|pair| is(&pair[0], "AGGREGATE") && is(&pair[1], "COUNT"));
    let has_ties = geo::may_have_ties(request) || sort::may_have_ties(request);
    !(collections::is_chance(request) || has_ties || is_newer || (is_waiting && is_long))
}

/// What makes requests run together, and what keeps them from it.
fn transaction(rng: &mut Rng) -> Vec<String> {
    let line = match rng.u8(0..10) {
        0..3 => "MULTI".to_owned(),
        3..6 => "EXEC".to_owned(),
        6 => "DISCARD".to_owned(),
        7 => "UNWATCH".to_owned(),
        _ => format!("WATCH {} {}", any_key(rng), any_key(rng)),
    };
    line.split(' ').map(str::to_owned).collect()
}

/// What is asked of keys of any type.
fn generic(rng: &mut Rng) -> Vec<String> {
    let (a, b) = (any_key(rng), any_key(rng));
    let line = match rng.u8(0..14) {
        0..2 => format!("DEL {a} {b}"),
        2 => format!("UNLINK {a}"),
        3 => format!("TYPE {a}"),
        4 => format!("OBJECT ENCODING {a}"),
        5 => format!("EXPIRE {a} 50000"),
        6 => format!("PERSIST {a}"),
        7 => format!("RENAME {a} {b}"),
        8 => format!("COPY {a} {b} REPLACE"),
        9 => format!("MOVE {a} {}", rng.u8(0..3)),
        10 => format!("EXISTS {a} {b}"),
        11 => format!("MGET {a} {b}"),
        12 => format!("SET {a} {}", one_of(rng, &["1", "text"])),
        _ => "INFO persistence".to_owned(),
    };
    line.split(' ').map(str::to_owned).collect()
}

/// Words for a request line; no word holds a space.
fn single(rng: &mut Rng) -> Vec<String> {
    let line = match rng.u8(0..63) {
        0..5 => format!("GET {}", key(rng)),
        5..10 => return set(rng),
        10 => return vec!["SETNX".into(), key(rng), value(rng)],
        11 => return vec!["SETEX".into(), key(rng), number(rng), value(rng)],
        12 => return vec!["PSETEX".into(), key(rng), number(rng), value(rng)],
        13 => return vec!["GETSET".into(), key(rng), value(rng)],
        14 => format!("MGET {} {} {}", key(rng), key(rng), key(rng)),
        15 => return vec!["MSET".into(), key(rng), value(rng), key(rng), value(rng)],
        16 => format!("INCR {}", key(rng)),
        17 => format!("DECR {}", key(rng)),
        18 => return vec!["INCRBY".into(), key(rng), number(rng)],
        19 => return vec!["DECRBY".into(), key(rng), number(rng)],
        20 => format!("DEL {} {}", key(rng), key(rng)),
        21 => format!("UNLINK {}", key(rng)),
        22 => format!("EXISTS {} {}", key(rng), key(rng)),
        23 => format!("TYPE {}", key(rng)),
        24..28 => return expire(rng),
        28 => format!("TTL {}", key(rng)),
        29 => format!("EXPIRETIME {}", key(rng)),
        30 => format!("PERSIST {}", key(rng)),
        31 => "DBSIZE".to_owned(),
        32 => format!("SELECT {}", rng.i64(-1..3)),
        33 => ["PING", "PING a", "PING a b", "ECHO", "ECHO a", "NOSUCH a b"][rng.usize(0..6)]
            .to_owned(),
        34..44 => return strings::request(rng),
        44..54 => bitmaps::request(rng),
        54 => ["FLUSHDB", "FLUSHALL ASYNC", "FLUSHDB X", "RANDOMKEY X"][rng.usize(0..4)].to_owned(),
        56..59 => return moves(rng),
        59 => format!("TOUCH {} {}", key(rng), key(rng)),
        60 => {
            let what = ["ENCODING", "REFCOUNT", "FREQ", "IDLETIME", "NOSUCH"][rng.usize(0..5)];
            // When a key was used is a matter of time, and of a small integer Redis shares all but
            // copies.
            let is_told = matches!(what, "IDLETIME" | "REFCOUNT");
            let name = if is_told { "nosuch".to_owned() } else { key(rng) };
            format!("OBJECT {what} {name}")
        }
        61 => ["SCAN 0 TYPE nosuch COUNT 1000", "SCAN 0 TYPE", "SCAN 0 COUNT 0"][rng.usize(0..3)]
            .to_owned(),
        62 => [
            "CLIENT NO-EVICT ON",
            "CLIENT NO-EVICT X",
            "CLIENT UNBLOCK 1",
            "CLIENT UNBLOCK 1 X",
            "CLIENT GETREDIR",
            "CLIENT TRACKINGINFO",
            "CLIENT PAUSE 0",
            "CLIENT PAUSE 1 X",
            "CLIENT UNPAUSE",
            "SLOWLOG GET -2",
            "SLOWLOG GET 0",
            "LATENCY HISTORY nosuch",
            "LATENCY RESET nosuch",
            "LATENCY GRAPH nosuch",
            "LATENCY HISTOGRAM nosuch",
            "MEMORY USAGE nosuch SAMPLES 3",
            "MEMORY USAGE nosuch SAMPLES -3",
            "MEMORY PURGE X",
            "DEBUG SLEEP",
            "INFO nosuch",
        ][rng.usize(0..20)]
        .to_owned(),
        _ => ["COMMAND COUNT X", "CONFIG GET", "CLIENT ID X", "TYPE", "HELLO 9"][rng.usize(0..5)]
            .to_owned(),
    };
    line.split(' ').map(str::to_owned).collect()
}

/// A key that goes elsewhere, or databases that change places; sometimes wrong.
fn moves(rng: &mut Rng) -> Vec<String> {
    let db = ["0", "1", "2", "-1", "16", "x", "99999999999"][rng.usize(0..7)];
    let (a, b) = (key(rng), key(rng));
    let line = match rng.u8(0..8) {
        0..2 => format!("RENAME {a} {b}"),
        2 => format!("RENAMENX {a} {b}"),
        3..5 => format!("MOVE {a} {db}"),
        5 => format!("SWAPDB {db} {}", rng.u8(0..3)),
        _ => {
            let options = ["", " REPLACE", " DB", " NOSUCH", " replace db"][rng.usize(0..5)];
            let db = if options.ends_with(['B', 'b']) { format!(" {db}") } else { String::new() };
            format!("COPY {a} {b}{options}{db}")
        }
    };
    line.split(' ').map(str::to_owned).collect()
}

fn set(rng: &mut Rng) -> Vec<String> {
    let mut argv = vec!["SET".to_owned(), key(rng), value(rng)];
    for _ in 0..rng.usize(0..4) {
        let option =
            ["NX", "XX", "GET", "KEEPTTL", "EX", "PX", "EXAT", "PXAT", "NOSUCH"][rng.usize(0..9)];
        argv.push(if rng.bool() { option.to_lowercase() } else { option.to_owned() });
        if matches!(option, "EX" | "PX" | "EXAT" | "PXAT") && rng.u8(0..8) > 0 {
            argv.push(far(rng, option.ends_with("AT")));
        }
    }
    argv
}

/// A deadline that is not near, or no deadline at all. None is past but positive: when a key that
/// is set to have died already leaves DBSIZE depends on the server's leisure.
pub fn far(rng: &mut Rng, is_absolute: bool) -> String {
    let max = i64::MAX.to_string();
    match rng.u8(0..6) {
        0 => ["abc", "", "0", "-100000", "9223372036854775808", &max][rng.usize(0..6)].to_owned(),
        _ if is_absolute => "33177117420000".to_owned(),
        // Hardly ever two alike, between which the order of servers would decide.
        _ => rng.i64(1_000_000..50_000_000).to_string(),
    }
}

fn expire(rng: &mut Rng) -> Vec<String> {
    let name = ["EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT"][rng.usize(0..4)];
    let mut argv = vec![name.to_owned(), key(rng), far(rng, name.ends_with("AT"))];
    for _ in 0..rng.usize(0..3) {
        argv.push(["NX", "XX", "GT", "LT", "nosuch"][rng.usize(0..5)].to_owned());
    }
    argv
}
