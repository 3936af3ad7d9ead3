//! Requests to hashes, and to the deadlines of their fields.

use super::{HASHES, NONE, Scope, index, key_of, member, members, one_of, words};
use fastrand::Rng;

/// The words of a request.
pub fn request(rng: &mut Rng, scope: Scope) -> Vec<String> {
    let a = key_of(rng, HASHES);
    match rng.u8(0..22) {
        0..5 => words(&format!("{} {a}", one_of(rng, &["HSET", "HSET", "HMSET"])), pairs(rng)),
        5 => words(&format!("HSETNX {a}"), [member(rng), member(rng)]),
        6 => words(&format!("HGET {a}"), [member(rng)]),
        7 => words(&format!("HMGET {a}"), members(rng)),
        8 => words(one_of(rng, &["HGETALL", "HKEYS", "HVALS", "HLEN"]), [a]),
        9 => words(one_of(rng, &["HSTRLEN", "HEXISTS"]), [a, member(rng)]),
        10..12 => words(&format!("HDEL {a}"), members(rng)),
        12..14 => words(&format!("HINCRBY {a}"), [member(rng), index(rng)]),
        14..16 => {
            let by = one_of(rng, &["0.5", "-1.25", "1e3", "abc", "nan", "inf", "3", "1e-7"]);
            words(&format!("HINCRBYFLOAT {a}"), [&member(rng), by])
        }
        16 => {
            let options = one_of(rng, &["", " MATCH m*", " MATCH 1*", " COUNT 2000 MATCH *"]);
            let count = if options.contains("COUNT") { "" } else { " COUNT 100000" };
            words(&format!("HSCAN {a} 0{options}{count}"), NONE)
        }
        17 if !scope.has_chance => {
            let all = one_of(rng, &["1000000", "0", "abc", "-9223372036854775808"]);
            words(&format!("HRANDFIELD {a} {all}"), NONE)
        }
        17 => match rng.u8(0..3) {
            0 => words(&format!("HRANDFIELD {a}"), NONE),
            1 => words(&format!("HRANDFIELD {a} {}", rng.i8(-5..6)), NONE),
            _ => words(&format!("HRANDFIELD {a} {} WITHVALUES", rng.i8(-5..6)), NONE),
        },
        _ if !scope.is_newest => words(&format!("HSET {a}"), pairs(rng)),
        _ => deadlines(rng, a),
    }
}

fn pairs(rng: &mut Rng) -> Vec<String> {
    let fields = members(rng);
    let pair = |field: String, rng: &mut Rng| [field, member(rng)];
    fields.into_iter().flat_map(|field| pair(field, rng)).collect()
}

/// `FIELDS`, how many, and the fields.
fn fields(rng: &mut Rng) -> Vec<String> {
    let fields = members(rng);
    words(&format!("FIELDS {}", fields.len()), fields)
}

/// An amount of time or a moment near the time of the simulation, in seconds or in milliseconds.
fn moment(rng: &mut Rng, name: &str) -> String {
    const EPOCH_S: i64 = 1_700_000_000;
    let unit = if name.starts_with('P') { 1 } else { 1_000 };
    let is_absolute = name.ends_with("AT");
    match rng.u8(0..24) {
        0 => one_of(rng, &["abc", "0", "-1", "9223372036854775807", "70368744177664"]).to_owned(),
        _ => {
            let by_ms = rng.i64(0..9_000);
            let base = if is_absolute { EPOCH_S * 1_000 / unit } else { 0 };
            (base + by_ms / unit).to_string()
        }
    }
}

fn deadlines(rng: &mut Rng, key: String) -> Vec<String> {
    let mut request = Vec::new();
    match rng.u8(0..12) {
        0..4 => {
            let name = one_of(rng, &["EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT"]);
            request.extend([format!("H{name}"), key, moment(rng, name)]);
            if rng.u8(0..3) == 0 {
                request.push(one_of(rng, &["NX", "XX", "GT", "LT", "nx"]).to_owned());
            }
        }
        4..6 => {
            let name = one_of(rng, &["HTTL", "HPTTL", "HEXPIRETIME", "HPEXPIRETIME"]);
            request.extend([name.to_owned(), key]);
        }
        6 => request.extend(["HPERSIST".to_owned(), key]),
        7 => request.extend(["HGETDEL".to_owned(), key]),
        8..10 => {
            request.extend(["HGETEX".to_owned(), key]);
            request.extend(expiry(rng, "PERSIST"));
        }
        _ => return set_with_deadline(rng, key),
    }
    request.extend(fields(rng));
    request
}

fn expiry(rng: &mut Rng, keep: &str) -> Vec<String> {
    match rng.u8(0..6) {
        0 => Vec::new(),
        1 => vec![keep.to_owned()],
        _ => {
            let name = one_of(rng, &["EX", "PX", "EXAT", "PXAT"]);
            vec![name.to_owned(), moment(rng, name)]
        }
    }
}

fn set_with_deadline(rng: &mut Rng, key: String) -> Vec<String> {
    let mut request = vec!["HSETEX".to_owned(), key];
    if rng.u8(0..3) == 0 {
        request.push(one_of(rng, &["FNX", "FXX", "fxx"]).to_owned());
    }
    request.extend(expiry(rng, "KEEPTTL"));
    let pairs = pairs(rng);
    request.extend(words(&format!("FIELDS {}", pairs.len() / 2), pairs));
    request
}
