//! Requests to HyperLogLogs, and to the strings that they are.

use super::{NONE, SKETCHES, STRINGS, key_of, one_of, words};
use fastrand::Rng;

/// Bytes before the registers; what changes there may make another string of it, but no other
/// registers.
const HEADER: u8 = 16;

/// The words of a request.
pub fn request(rng: &mut Rng) -> Vec<String> {
    let a = key_of(rng, SKETCHES);
    match rng.u8(0..30) {
        0..11 => words(&format!("PFADD {a}"), elements(rng)),
        11..16 => words("PFCOUNT", several(rng)),
        16..20 => words(&format!("PFMERGE {a}"), several(rng).split_off(rng.usize(0..2))),
        20..23 => words(&format!("GET {a}"), NONE),
        23 => words(&format!("STRLEN {a}"), NONE),
        24..26 => words(&format!("DEL {a}"), NONE),
        26 => match rng.u8(0..4) {
            0 => words(&format!("SETRANGE {a} {} {}", rng.u8(0..HEADER), rng.alphabetic()), NONE),
            1 => words(&format!("SETBIT {a} {} {}", rng.u8(64..HEADER * 8), rng.u8(0..2)), NONE),
            _ => words(&format!("SET {a} {}", one_of(rng, &["HYLL", "x", "12"])), NONE),
        },
        27 => {
            let what = one_of(rng, &["ENCODING", "DECODE", "TODENSE", "ENCODING", "nosuch"]);
            words(&format!("PFDEBUG {what} {a}"), NONE)
        }
        28 if rng.u8(0..10) == 0 => words(&format!("PFDEBUG GETREG {a}"), NONE),
        _ => words(&format!("COPY {a} {} REPLACE", key_of(rng, SKETCHES)), NONE),
    }
}

fn elements(rng: &mut Rng) -> Vec<String> {
    let count = match rng.u8(0..12) {
        0 => rng.usize(50..400),
        1..3 => rng.usize(5..50),
        _ => rng.usize(0..4),
    };
    let kinds = 10_u32.pow(rng.u32(1..7));
    (0..count).map(|_| format!("e{}", rng.u32(0..kinds))).collect()
}

fn several(rng: &mut Rng) -> Vec<String> {
    let keys = |rng: &mut Rng| match rng.u8(0..20) {
        0 => key_of(rng, STRINGS),
        _ => key_of(rng, SKETCHES),
    };
    (0..rng.usize(1..4)).map(|_| keys(rng)).collect()
}
