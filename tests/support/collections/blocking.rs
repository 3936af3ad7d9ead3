//! Requests that may wait.

use super::{LISTS, NONE, SORTED_SETS, key_of, one_of, words};
use super::{lists, sorted_sets, streams};
use fastrand::Rng;

/// The words of a request that waits for a hundredth of a second at the most.
pub fn request(rng: &mut Rng) -> Vec<String> {
    let seconds = match rng.u8(0..20) {
        0 => one_of(rng, &["-1", "abc", "inf", "1e300"]),
        1..4 => "0.01",
        _ => "0.001",
    };
    request_for(rng, seconds)
}

/// The words of a request that waits for so many seconds.
pub fn request_for(rng: &mut Rng, seconds: &str) -> Vec<String> {
    let (a, b) = (key_of(rng, LISTS), key_of(rng, LISTS));
    match rng.u8(0..10) {
        7 => words(&format!("BZMPOP {seconds}"), sorted_sets::pop_several(rng)),
        0..2 => {
            let mut request = words(one_of(rng, &["BLPOP", "BRPOP"]), [a]);
            request.extend((0..rng.usize(0..3)).map(|_| key_of(rng, LISTS)));
            request.push(seconds.to_owned());
            request
        }
        2 => {
            let sides = format!("{} {}", lists::side(rng), lists::side(rng));
            words(&format!("BLMOVE {a} {b} {sides} {seconds}"), NONE)
        }
        3 => words(&format!("BRPOPLPUSH {a} {b} {seconds}"), NONE),
        4 => {
            let mut request = words(&format!("BLMPOP {seconds}"), lists::several(rng));
            request.push(lists::side(rng));
            if rng.bool() {
                request.extend(["COUNT".to_owned(), rng.u8(1..4).to_string()]);
            }
            request
        }
        5..7 => {
            let name = one_of(rng, &["BZPOPMIN", "BZPOPMAX"]);
            let mut request = words(name, [key_of(rng, SORTED_SETS)]);
            request.extend((0..rng.usize(0..3)).map(|_| key_of(rng, SORTED_SETS)));
            request.push(seconds.to_owned());
            request
        }
        _ => streams::waiting(rng, &in_milliseconds(seconds)),
    }
}

/// So many seconds in milliseconds, or what is no number as it is.
fn in_milliseconds(seconds: &str) -> String {
    let ms = seconds.parse::<f64>().map(|seconds| seconds * 1_000.0);
    ms.map_or_else(|_| seconds.to_owned(), |ms| format!("{ms:.0}"))
}
