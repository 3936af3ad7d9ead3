//! Requests to sets.

use super::{NONE, SETS, SORTED_SETS, Scope, count, key_of, member, members, one_of, words};
use fastrand::Rng;

/// The words of a request.
pub fn request(rng: &mut Rng, scope: Scope) -> Vec<String> {
    let a = key_of(rng, SETS);
    match rng.u8(0..24) {
        0..5 => words(&format!("SADD {a}"), members(rng)),
        5 => {
            let numbers = (0..rng.usize(1..30)).map(|_| rng.i32(-40_000..40_000).to_string());
            words(&format!("SADD {a}"), numbers.collect::<Vec<_>>())
        }
        6..8 => words(&format!("SREM {a}"), members(rng)),
        8 => words(&format!("SISMEMBER {a}"), [member(rng)]),
        9 => words(&format!("SMISMEMBER {a}"), members(rng)),
        10 => words(&format!("SCARD {a}"), NONE),
        11 => words(&format!("SMEMBERS {a}"), NONE),
        12 => words(&format!("SMOVE {a} {}", key_of(rng, SETS)), [member(rng)]),
        13..16 => {
            let name = one_of(rng, &["SINTER", "SUNION", "SDIFF"]);
            words(name, several(rng))
        }
        16..19 => {
            let name = one_of(rng, &["SINTERSTORE", "SUNIONSTORE", "SDIFFSTORE"]);
            words(&format!("{name} {a}"), several(rng))
        }
        19 => {
            let keys = several(rng);
            let mut request = words(&format!("SINTERCARD {}", keys.len()), keys);
            if rng.bool() {
                request.extend(["LIMIT".to_owned(), rng.i8(-1..5).to_string()]);
            }
            request
        }
        20 => {
            let options = one_of(rng, &["", " MATCH m*", " MATCH 1*", " COUNT 2000 MATCH *"]);
            let count = if options.contains("COUNT") { "" } else { " COUNT 100000" };
            words(&format!("SSCAN {a} 0{options}{count}"), NONE)
        }
        21 if !scope.has_chance => {
            let all = one_of(rng, &["1000000", "0", "-1", "abc"]);
            words(&format!("SPOP {a} {all}"), NONE)
        }
        21 if rng.u8(0..3) == 0 => words(&format!("SPOP {a} {}", count(rng)), NONE),
        21 => words(&format!("SPOP {a}"), NONE),
        _ if !scope.has_chance => {
            let all = one_of(rng, &["1000000", "0", "abc", "-9223372036854775808"]);
            words(&format!("SRANDMEMBER {a} {all}"), NONE)
        }
        22 => words(&format!("SRANDMEMBER {a}"), NONE),
        _ => words(&format!("SRANDMEMBER {a} {}", rng.i8(-5..6)), NONE),
    }
}

/// Some sets, sometimes a sorted set among them.
pub fn several(rng: &mut Rng) -> Vec<String> {
    let keys = (0..rng.usize(1..5))
        .map(|_| if rng.u8(0..30) == 0 { key_of(rng, SORTED_SETS) } else { key_of(rng, SETS) });
    keys.collect()
}
