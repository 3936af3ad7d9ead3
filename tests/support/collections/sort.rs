//! Requests to sort, and what they need: numbers, and keys with their weights.
//!
//! Weights that are the same texts come in either order, so none is drawn for ALPHA.

use super::{LISTS, NONE, SETS, SORTED_SETS, count, in_some_case, key_of, member, one_of, words};
use fastrand::Rng;

/// Keys whose elements mostly are numbers.
pub const NUMBERS: [&str; 4] = ["numbers:1", "numbers:2", "numbers:3", "numbers:4"];

/// The words of a request.
pub fn request(rng: &mut Rng) -> Vec<String> {
    let numbers = one_of(rng, &NUMBERS);
    match rng.u8(0..20) {
        0..2 => words(&format!("RPUSH {numbers}"), some(rng)),
        2..4 => words(&format!("SADD {numbers}"), some(rng)),
        4..6 => {
            let members = some(rng).into_iter();
            let scored = members.flat_map(|member| [rng.u8(0..5).to_string(), member]);
            words(&format!("ZADD {numbers}"), scored)
        }
        6 => words(&format!("DEL {numbers}"), NONE),
        7 => words(&format!("SET weight:{}", rng.i8(-9..10)), [number(rng)]),
        8 => words(&format!("HSET weights:{} w", rng.i8(-9..10)), [number(rng)]),
        9 => words("DEL", ["weight", "weights"].map(|name| format!("{name}:{}", rng.i8(-9..10)))),
        _ => sort(rng, numbers),
    }
}

/// Whether a request leaves elements as they come, which for a set is no order.
pub fn leaves_order<W: AsRef<[u8]>>(request: &[W]) -> bool {
    let is = |word: &W, text: &[u8]| word.as_ref().eq_ignore_ascii_case(text);
    let is_sort = is(&request[0], b"SORT") || is(&request[0], b"SORT_RO");
    is_sort
        && !request.iter().any(|word| is(word, b"STORE"))
        && request.windows(2).any(|pair| is(&pair[0], b"BY") && !pair[1].as_ref().contains(&b'*'))
}

/// Whether elements without an order decide what comes of a request, or weights that are the same.
pub fn may_have_ties(request: &[String]) -> bool {
    let has = |text: &str| request.iter().any(|word| word.eq_ignore_ascii_case(text));
    let is_sort = request[0].to_uppercase().starts_with("SORT");
    let is_cut = leaves_order(request) && (has("LIMIT") || has("GET"));
    is_sort && (is_cut || (has("ALPHA") && has("BY")))
}

fn number(rng: &mut Rng) -> String {
    match rng.u8(0..60) {
        0 => one_of(rng, &["abc", "nan", " 5", "0x10", "1e400", "5 "]).to_owned(),
        1 => one_of(rng, &["inf", "-inf", "", "-0", "1e-320"]).to_owned(),
        2..5 => format!("{}.{}", rng.i8(-9..10), rng.u8(0..100)),
        _ => rng.i8(-9..10).to_string(),
    }
}

/// Some elements, nearly all of them numbers.
fn some(rng: &mut Rng) -> Vec<String> {
    let element =
        |rng: &mut Rng| if rng.u8(0..200) == 0 { member(rng) } else { rng.i8(-9..10).to_string() };
    let count = if rng.u8(0..6) == 0 { rng.usize(4..30) } else { rng.usize(1..4) };
    (0..count).map(|_| element(rng)).collect()
}

fn sort(rng: &mut Rng, numbers: &str) -> Vec<String> {
    let (is_alpha, is_stored) = (rng.u8(0..3) == 0, rng.u8(0..4) == 0);
    let keys = [LISTS, SETS, SORTED_SETS][rng.usize(0..3)];
    let key = if is_alpha && rng.bool() { key_of(rng, keys) } else { numbers.to_owned() };
    let by = one_of(rng, &["weight:*", "weight:*", "weights:*->w", "weights:*->", "*", "nosort"]);
    let by = (!is_alpha && rng.bool()).then_some(by);
    let is_cut = by != Some("nosort") || is_stored;
    let mut options = Vec::new();
    options.extend(by.map(|by| words(&in_some_case(rng, "BY"), [by])));
    if is_cut {
        for _ in 0..rng.usize(0..3) {
            let what = ["#", "weight:*", "weights:*->w", "weight:*->w", "nosuch", "numbers:*"];
            let what = one_of(rng, &what);
            options.push(words(&in_some_case(rng, "GET"), [what]));
        }
    }
    if is_cut && rng.u8(0..3) == 0 {
        options.push(words(&format!("LIMIT {}", rng.i8(-2..6)), [count(rng)]));
    }
    options.extend(is_alpha.then(|| vec![in_some_case(rng, "ALPHA")]));
    options.extend(rng.bool().then(|| vec![one_of(rng, &["ASC", "desc"]).to_owned()]));
    let is_read_only = !is_stored && rng.u8(0..4) == 0;
    if is_stored {
        let target = if rng.bool() { NUMBERS[3].to_owned() } else { key_of(rng, LISTS) };
        options.push(words("STORE", [target]));
    }
    rng.shuffle(&mut options);
    let mut request = vec![if is_read_only { "SORT_RO" } else { "SORT" }.to_owned(), key];
    request.extend(options.into_iter().flatten());
    request
}
