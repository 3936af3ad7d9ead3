//! Requests to lists.

use super::{LISTS, NONE, count, in_some_case, index, key_of, member, members, one_of, words};
use fastrand::Rng;

/// A side of a list.
pub fn side(rng: &mut Rng) -> String {
    let side = one_of(rng, &["LEFT", "RIGHT"]);
    in_some_case(rng, side)
}

/// The words of a request.
pub fn request(rng: &mut Rng) -> Vec<String> {
    let a = key_of(rng, LISTS);
    match rng.u8(0..26) {
        0..3 => words(&format!("LPUSH {a}"), members(rng)),
        3..6 => words(&format!("RPUSH {a}"), members(rng)),
        6 => words(&format!("{} {a}", one_of(rng, &["LPUSHX", "RPUSHX"])), members(rng)),
        7..9 => words(&format!("{} {a}", one_of(rng, &["LPOP", "RPOP"])), NONE),
        9 => words(&format!("{} {a} {}", one_of(rng, &["LPOP", "RPOP"]), count(rng)), NONE),
        10 => words(&format!("LLEN {a}"), NONE),
        11..13 => words(&format!("LRANGE {a} {} {}", index(rng), index(rng)), NONE),
        13..15 => words(&format!("LINDEX {a} {}", index(rng)), NONE),
        15 => words(&format!("LSET {a} {}", index(rng)), [member(rng)]),
        16 => {
            let place = one_of(rng, &["BEFORE", "AFTER", "before"]);
            words(&format!("LINSERT {a} {place}"), [member(rng), member(rng)])
        }
        17 => words(&format!("LREM {a} {}", index(rng)), [member(rng)]),
        18 if rng.bool() => words(&format!("LTRIM {a} {} {}", index(rng), index(rng)), NONE),
        18 => words(&format!("LTRIM {a} {} -{}", rng.u8(0..3), rng.u8(1..4)), NONE),
        19..21 => position(rng, &a),
        21 | 22 => {
            let sides = format!("{} {}", side(rng), side(rng));
            words(&format!("LMOVE {a} {} {sides}", key_of(rng, LISTS)), NONE)
        }
        23 => words(&format!("RPOPLPUSH {a} {}", key_of(rng, LISTS)), NONE),
        _ => {
            let mut request = words("LMPOP", several(rng));
            request.push(side(rng));
            if rng.bool() {
                request.extend(["COUNT".to_owned(), count(rng)]);
            }
            request
        }
    }
}

/// Some lists, and how many before them.
pub fn several(rng: &mut Rng) -> Vec<String> {
    let count = rng.usize(1..4);
    let keys = (0..count).map(|_| key_of(rng, LISTS));
    std::iter::once(count.to_string()).chain(keys.collect::<Vec<_>>()).collect()
}

fn position(rng: &mut Rng, key: &str) -> Vec<String> {
    let mut request = words(&format!("LPOS {key}"), [member(rng)]);
    let mut options = vec![["RANK", "1"], ["COUNT", "0"], ["MAXLEN", "0"]];
    rng.shuffle(&mut options);
    for [name, _] in options.into_iter().take(rng.usize(0..4)) {
        request.push(in_some_case(rng, name));
        request.push(if name == "RANK" { index(rng) } else { rng.i8(-1..6).to_string() });
    }
    request
}
