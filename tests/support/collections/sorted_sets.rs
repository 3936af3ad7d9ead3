//! Requests to sorted sets.

use super::{
    NONE, SETS, SORTED_SETS, Scope, count, in_some_case, index, key_of, member, members, one_of,
    words,
};
use fastrand::Rng;

/// Keys of sorted sets whose members all have the same score.
pub const LEXICAL: [&str; 2] = ["lexical:1", "lexical:2"];

/// A score, which may be no number.
pub fn score(rng: &mut Rng) -> String {
    match rng.u8(0..40) {
        0 => one_of(rng, &["nan", "abc", "", "1.0.0", " 1"]).to_owned(),
        1..3 => one_of(rng, &["inf", "-inf", "+inf", "Infinity"]).to_owned(),
        3 => one_of(rng, &["1e300", "-1e300", "4e-320", "0x10", "1e18"]).to_owned(),
        4 => one_of(rng, &["-0", "0", "0.1", "3.0000000000000004", "1e2", "+5"]).to_owned(),
        5..9 => format!("{}.{}", rng.i8(-4..5), rng.u8(0..100)),
        9 => rng.i64(..).to_string(),
        10 => format!("1e{}", rng.i16(-320..308)),
        _ => rng.i8(-3..7).to_string(),
    }
}

/// An end of a range of scores.
fn score_bound(rng: &mut Rng) -> String {
    let open = if rng.u8(0..4) == 0 { "(" } else { "" };
    let score = match rng.u8(0..5) {
        0 => one_of(rng, &["-inf", "+inf"]).to_owned(),
        _ => score(rng),
    };
    format!("{open}{score}")
}

/// An end of a range of members.
fn member_bound(rng: &mut Rng) -> String {
    match rng.u8(0..14) {
        0..2 => "-".to_owned(),
        2..4 => "+".to_owned(),
        4 if rng.u8(0..5) == 0 => member(rng),
        _ => format!("{}{}", one_of(rng, &["[", "("]), member(rng)),
    }
}

fn limit(rng: &mut Rng) -> Vec<String> {
    match rng.u8(0..3) {
        0 => words(&format!("LIMIT {} {}", rng.i8(-1..5), rng.i8(-1..6)), NONE),
        _ => Vec::new(),
    }
}

/// The words of a request.
pub fn request(rng: &mut Rng, scope: Scope) -> Vec<String> {
    let a = key_of(rng, SORTED_SETS);
    match rng.u8(0..38) {
        0..6 => add(rng, &a),
        6 => words("ZINCRBY", [a, score(rng), member(rng)]),
        7..9 => words(&format!("ZREM {a}"), members(rng)),
        9 => words(&format!("ZSCORE {a}"), [member(rng)]),
        10 => words(&format!("ZMSCORE {a}"), members(rng)),
        11 => words(&format!("ZCARD {a}"), NONE),
        12..14 => {
            let mut request = words(one_of(rng, &["ZRANK", "ZREVRANK"]), [a, member(rng)]);
            if scope.is_newest && rng.bool() {
                request.push(in_some_case(rng, "WITHSCORE"));
            }
            request
        }
        14 => words("ZCOUNT", [a, score_bound(rng), score_bound(rng)]),
        15 => lexical(rng),
        16..20 => range(rng, vec!["ZRANGE".to_owned(), a], true),
        20..22 => {
            let source = key_of(rng, SORTED_SETS);
            range(rng, vec!["ZRANGESTORE".to_owned(), a, source], false)
        }
        22..25 => old_range(rng, a),
        25 => match rng.bool() {
            true => words("ZREMRANGEBYRANK", [a, index(rng), index(rng)]),
            false => words("ZREMRANGEBYSCORE", [a, score_bound(rng), score_bound(rng)]),
        },
        26 => words(one_of(rng, &["ZPOPMIN", "ZPOPMAX"]), [a]),
        27 => words(one_of(rng, &["ZPOPMIN", "ZPOPMAX"]), [a, count(rng)]),
        28 => words("ZMPOP", pop_several(rng)),
        29..33 => combine(rng, a, scope),
        33 => lexical(rng),
        34 => {
            let options = one_of(rng, &["", " MATCH m*", " MATCH 1*", " COUNT 2000 MATCH *"]);
            let count = if options.contains("COUNT") { "" } else { " COUNT 100000" };
            words(&format!("ZSCAN {a} 0{options}{count}"), NONE)
        }
        _ if !scope.has_chance => {
            let all = one_of(rng, &["1000000", "0", "abc", "-9223372036854775808"]);
            words(&format!("ZRANDMEMBER {a} {all}"), NONE)
        }
        35 => words(&format!("ZRANDMEMBER {a}"), NONE),
        36 => words(&format!("ZRANDMEMBER {a} {}", rng.i8(-5..6)), NONE),
        _ => words(&format!("ZRANDMEMBER {a} {} WITHSCORES", rng.i8(-5..6)), NONE),
    }
}

/// Some sorted sets with how many before them, an end, and perhaps a number to take.
pub fn pop_several(rng: &mut Rng) -> Vec<String> {
    let keys = rng.usize(1..4);
    let mut request = vec![keys.to_string()];
    request.extend((0..keys).map(|_| key_of(rng, SORTED_SETS)));
    let end = one_of(rng, &["MIN", "MAX"]);
    request.push(in_some_case(rng, end));
    if rng.bool() {
        request.extend(["COUNT".to_owned(), count(rng)]);
    }
    request
}

fn add(rng: &mut Rng, key: &str) -> Vec<String> {
    let mut request = words(&format!("ZADD {key}"), NONE);
    if rng.u8(0..3) == 0 {
        let mut options = vec!["CH", "INCR"];
        options.push(one_of(rng, &["NX", "XX"]));
        options.push(one_of(rng, &["GT", "LT"]));
        rng.shuffle(&mut options);
        let options = options.into_iter().take(rng.usize(1..4)).collect::<Vec<_>>();
        request.extend(options.into_iter().map(|option| in_some_case(rng, option)));
    }
    let count = if rng.u8(0..12) == 0 { rng.usize(1..40) } else { rng.usize(1..4) };
    for _ in 0..count {
        request.extend([score(rng), member(rng)]);
    }
    request
}

/// A range with the options that ZRANGE has.
fn range(rng: &mut Rng, mut request: Vec<String>, may_show_scores: bool) -> Vec<String> {
    let mut options = Vec::new();
    if rng.bool() {
        request.extend([index(rng), index(rng)]);
    } else {
        request.extend([score_bound(rng), score_bound(rng)]);
        options.extend([vec!["BYSCORE".to_owned()], limit(rng)]);
    }
    if rng.bool() {
        options.push(vec![in_some_case(rng, "REV")]);
    }
    if may_show_scores && rng.bool() {
        options.push(vec![in_some_case(rng, "WITHSCORES")]);
    }
    rng.shuffle(&mut options);
    request.extend(options.into_iter().flatten());
    request
}

/// A range as commands before ZRANGE had it.
fn old_range(rng: &mut Rng, key: String) -> Vec<String> {
    let name = one_of(rng, &["ZREVRANGE", "ZRANGEBYSCORE", "ZREVRANGEBYSCORE"]);
    let mut request = vec![name.to_owned(), key];
    if name == "ZREVRANGE" {
        request.extend([index(rng), index(rng)]);
    } else {
        request.extend([score_bound(rng), score_bound(rng)]);
        request.extend(limit(rng));
    }
    if rng.bool() {
        request.push(in_some_case(rng, "WITHSCORES"));
    }
    request
}

/// A request to a sorted set whose members all have the same score, so that their order is theirs
/// alone.
fn lexical(rng: &mut Rng) -> Vec<String> {
    let key = one_of(rng, &LEXICAL);
    let [from, to] = [member_bound(rng), member_bound(rng)];
    match rng.u8(0..12) {
        0..3 => {
            let members = members(rng);
            words(&format!("ZADD {key}"), members.into_iter().flat_map(|m| ["0".to_owned(), m]))
        }
        3 => words(&format!("ZREM {key}"), members(rng)),
        4 => words(&format!("ZLEXCOUNT {key}"), [from, to]),
        5 => words(&format!("ZREMRANGEBYLEX {key}"), [from, to]),
        6..9 => {
            let name = one_of(rng, &["ZRANGEBYLEX", "ZREVRANGEBYLEX"]);
            [words(&format!("{name} {key}"), [from, to]), limit(rng)].concat()
        }
        _ => {
            let mut request = words(&format!("ZRANGE {key}"), [&from, &to, "BYLEX"]);
            if rng.bool() {
                request.push(in_some_case(rng, "REV"));
            }
            [request, limit(rng)].concat()
        }
    }
}

fn combine(rng: &mut Rng, target: String, scope: Scope) -> Vec<String> {
    let keys: Vec<String> = (0..rng.usize(1..4))
        .map(|_| if rng.u8(0..4) == 0 { key_of(rng, SETS) } else { key_of(rng, SORTED_SETS) })
        .collect();
    let count = keys.len();
    let name = one_of(rng, &["ZUNION", "ZINTER", "ZDIFF", "ZINTERCARD"]);
    let stores = name != "ZINTERCARD" && rng.bool();
    let mut request = match stores {
        true => vec![format!("{name}STORE"), target],
        false => vec![name.to_owned()],
    };
    request.push(count.to_string());
    request.extend(keys);
    if name == "ZINTERCARD" {
        if rng.bool() {
            request.extend(["LIMIT".to_owned(), rng.i8(-1..5).to_string()]);
        }
        return request;
    }
    let mut options = Vec::new();
    if name != "ZDIFF" && rng.u8(0..3) == 0 {
        let weights = (0..count).map(|_| one_of(rng, &["1", "2", "-1", "0", "0.5", "inf", "x"]));
        options.push(words("WEIGHTS", weights.collect::<Vec<_>>()));
    }
    if name != "ZDIFF" && rng.u8(0..3) == 0 {
        let is_new = scope.is_newest;
        let ways =
            if is_new { &["SUM", "MIN", "max", "COUNT"][..] } else { &["SUM", "MIN", "max"] };
        options.push(words("AGGREGATE", [one_of(rng, ways)]));
    }
    if !stores && rng.bool() {
        options.push(vec![in_some_case(rng, "WITHSCORES")]);
    }
    rng.shuffle(&mut options);
    request.extend(options.into_iter().flatten());
    request
}
