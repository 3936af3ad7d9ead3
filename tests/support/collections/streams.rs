//! Requests to streams, and to the groups that read them.

use super::{NONE, STREAMS, Scope, count, in_some_case, key_of, member, one_of, words};
use fastrand::Rng;

/// An id that is near those of entries.
pub fn id(rng: &mut Rng) -> String {
    match rng.u8(0..16) {
        0 => one_of(rng, &["abc", "", "5-", "-5", "1-1-1", "18446744073709551615"]).to_owned(),
        1 => rng.u8(0..5).to_string(),
        2..5 => format!("{}-{}", rng.u8(0..4), rng.u8(0..12)),
        5 => "0".to_owned(),
        _ => format!("3-{}", rng.u8(0..50)),
    }
}

/// One end of an interval.
fn end(rng: &mut Rng) -> String {
    match rng.u8(0..6) {
        0 => "-".to_owned(),
        1 => "+".to_owned(),
        2 => format!("({}", id(rng)),
        _ => id(rng),
    }
}

fn ids(rng: &mut Rng) -> Vec<String> {
    (0..rng.usize(1..5)).map(|_| id(rng)).collect()
}

fn group(rng: &mut Rng) -> &'static str {
    one_of(rng, &["g", "g", "g", "h", "nosuch"])
}

fn consumer(rng: &mut Rng) -> &'static str {
    one_of(rng, &["c", "c", "d", "e"])
}

/// The words of a request.
pub fn request(rng: &mut Rng, scope: Scope) -> Vec<String> {
    let a = key_of(rng, STREAMS);
    match rng.u8(0..44) {
        0..10 => add(rng, a, scope),
        10 => words(&format!("XLEN {a}"), NONE),
        11..14 => {
            let name = one_of(rng, &["XRANGE", "XREVRANGE"]);
            let mut request = words(&format!("{name} {a}"), [end(rng), end(rng)]);
            limit(rng, &mut request);
            request
        }
        14 => words(&format!("XDEL {a}"), ids(rng)),
        15 => words(&format!("XTRIM {a}"), trim(rng, scope)),
        16..18 => {
            let mut request = words("XREAD", NONE);
            limit(rng, &mut request);
            request.extend(streams(rng, "$"));
            request
        }
        18 => set_id(rng, &a),
        19..24 => manage(rng, &a),
        24..30 => read_for_group(rng, scope),
        30..33 => words(&format!("XACK {a} {}", group(rng)), ids(rng)),
        33..36 => pending(rng, &a),
        36..39 => claim(rng, &a),
        39 => {
            let idle = one_of(rng, &["0", "0", "100000000", "abc"]);
            let line = format!("XAUTOCLAIM {a} {} {} {idle}", group(rng), consumer(rng));
            let mut request = words(&line, [end(rng)]);
            limit(rng, &mut request);
            if rng.bool() {
                request.push(in_some_case(rng, "JUSTID"));
            }
            request
        }
        40..42 if scope.is_newest => {
            let name = one_of(rng, &["XDELEX", "XACKDEL"]);
            let mut request = words(name, [a]);
            if name == "XACKDEL" {
                request.push(group(rng).to_owned());
            }
            let condition = one_of(rng, &["", "KEEPREF", "DELREF", "ACKED"]);
            request.extend(Some(condition.to_owned()).filter(|word| !word.is_empty()));
            let ids = ids(rng);
            request.extend(["IDS".to_owned(), ids.len().to_string()]);
            request.extend(ids);
            request
        }
        40..42 => words(&format!("XINFO GROUPS {a}"), NONE),
        42 => words(&format!("XINFO STREAM {a}"), NONE),
        _ if scope.is_newest => words(&format!("XINFO STREAM {a} FULL"), NONE),
        _ => words(&format!("XPENDING {a} {}", group(rng)), NONE),
    }
}

fn limit(rng: &mut Rng, request: &mut Vec<String>) {
    if rng.u8(0..3) == 0 {
        request.extend([in_some_case(rng, "COUNT"), count(rng)]);
    }
}

fn add(rng: &mut Rng, key: String, scope: Scope) -> Vec<String> {
    let mut request = words("XADD", [key]);
    if rng.u8(0..8) == 0 {
        request.push(in_some_case(rng, "NOMKSTREAM"));
    }
    if rng.u8(0..5) == 0 {
        request.extend(trim(rng, scope));
    }
    request.push(match rng.u8(0..10) {
        0 => id(rng),
        1 if scope.is_newest => "*".to_owned(),
        2 => format!("{}-*", rng.u8(0..4)),
        _ => "3-*".to_owned(),
    });
    for field in 0..rng.usize(1..3) {
        let name = if rng.u8(0..4) == 0 { member(rng) } else { format!("f{field}") };
        request.extend([name, member(rng)]);
    }
    request
}

/// How a stream is trimmed; nearly always in a way that makes sense.
fn trim(rng: &mut Rng, scope: Scope) -> Vec<String> {
    let mut options = Vec::new();
    if rng.bool() {
        options.push(in_some_case(rng, "MAXLEN"));
    } else {
        options.push(in_some_case(rng, "MINID"));
    }
    let is_length = options[0].eq_ignore_ascii_case("MAXLEN");
    // How much goes by whole blocks depends on their size.
    let operator = one_of(rng, &["", "=", "~"]);
    options.extend(Some(operator.to_owned()).filter(|operator| !operator.is_empty()));
    options.push(if is_length { rng.i8(-1..20).to_string() } else { id(rng) });
    if rng.u8(0..4) == 0 && (operator == "~" || rng.u8(0..6) == 0) {
        options.extend(["LIMIT".to_owned(), rng.i8(-1..20).to_string()]);
    }
    if scope.is_newest && rng.bool() {
        options.push(one_of(rng, &["KEEPREF", "DELREF", "ACKED"]).to_owned());
    }
    options
}

/// `STREAMS`, some keys, and for each an id or a symbol.
fn streams(rng: &mut Rng, symbol: &str) -> Vec<String> {
    let count = if rng.u8(0..3) == 0 { 2 } else { 1 };
    let keys: Vec<String> = (0..count).map(|_| key_of(rng, STREAMS)).collect();
    let ids: Vec<String> =
        (0..count).map(|_| if rng.u8(0..3) == 0 { id(rng) } else { symbol.to_owned() }).collect();
    words("STREAMS", keys.into_iter().chain(ids))
}

fn set_id(rng: &mut Rng, key: &str) -> Vec<String> {
    let mut request = words(&format!("XSETID {key}"), [format!("3-{}", rng.u8(0..60))]);
    if rng.u8(0..3) == 0 {
        request.extend(["ENTRIESADDED".to_owned(), rng.i8(-1..90).to_string()]);
    }
    if rng.u8(0..3) == 0 {
        request.extend(["MAXDELETEDID".to_owned(), id(rng)]);
    }
    request
}

/// Groups and consumers made and removed.
fn manage(rng: &mut Rng, key: &str) -> Vec<String> {
    let (group, consumer) = (group(rng), consumer(rng));
    let place = match rng.u8(0..4) {
        0 => "$".to_owned(),
        1 => "0".to_owned(),
        _ => id(rng),
    };
    let mut request = match rng.u8(0..16) {
        0..7 => {
            let mut request = words(&format!("XGROUP CREATE {key} {group}"), [place]);
            if rng.bool() {
                request.push(in_some_case(rng, "MKSTREAM"));
            }
            request
        }
        7..10 => words(&format!("XGROUP SETID {key} {group}"), [place]),
        10 => return words(&format!("XGROUP DESTROY {key} {group}"), NONE),
        11..14 => return words(&format!("XGROUP CREATECONSUMER {key} {group} {consumer}"), NONE),
        _ => return words(&format!("XGROUP DELCONSUMER {key} {group} {consumer}"), NONE),
    };
    if rng.u8(0..5) == 0 {
        request.extend(["ENTRIESREAD".to_owned(), rng.i8(-2..40).to_string()]);
    }
    request
}

fn read_for_group(rng: &mut Rng, scope: Scope) -> Vec<String> {
    let mut request = words(&format!("XREADGROUP GROUP {} {}", group(rng), consumer(rng)), NONE);
    limit(rng, &mut request);
    if rng.u8(0..4) == 0 {
        request.push(in_some_case(rng, "NOACK"));
    }
    if scope.is_newest && rng.u8(0..4) == 0 {
        request.extend(["CLAIM".to_owned(), rng.u16(0..3_000).to_string()]);
    }
    request.extend(streams(rng, ">"));
    request
}

fn pending(rng: &mut Rng, key: &str) -> Vec<String> {
    let mut request = words(&format!("XPENDING {key} {}", group(rng)), NONE);
    if rng.u8(0..3) > 0 {
        if rng.u8(0..3) == 0 {
            request.extend(["IDLE".to_owned(), one_of(rng, &["0", "90000000"]).to_owned()]);
        }
        request.extend([end(rng), end(rng), count(rng)]);
        if rng.u8(0..3) == 0 {
            request.push(consumer(rng).to_owned());
        }
    }
    request
}

fn claim(rng: &mut Rng, key: &str) -> Vec<String> {
    let idle = one_of(rng, &["0", "0", "90000000", "abc"]);
    let line = format!("XCLAIM {key} {} {} {idle}", group(rng), consumer(rng));
    let mut request = words(&line, ids(rng));
    for (word, value) in [
        ("IDLE", one_of(rng, &["0", "1000", "-5", "abc"]).to_owned()),
        ("TIME", one_of(rng, &["0", "1700000000500", "1"]).to_owned()),
        ("RETRYCOUNT", rng.i8(-1..9).to_string()),
        ("FORCE", String::new()),
        ("JUSTID", String::new()),
        ("LASTID", id(rng)),
    ] {
        if rng.u8(0..5) == 0 {
            request.push(in_some_case(rng, word));
            request.extend(Some(value).filter(|value| !value.is_empty()));
        }
    }
    request
}

/// The words of a request that waits for so many milliseconds.
pub fn waiting(rng: &mut Rng, ms: &str) -> Vec<String> {
    let (mut request, symbol) = match rng.bool() {
        true => (words("XREAD", NONE), "$"),
        false => {
            let line = format!("XREADGROUP GROUP {} {}", group(rng), consumer(rng));
            (words(&line, NONE), ">")
        }
    };
    limit(rng, &mut request);
    request.extend(["BLOCK".to_owned(), ms.to_owned()]);
    request.extend(streams(rng, symbol));
    request
}

/// Whether Redis 7.0 replies the same, and at once.
pub fn has_one_outcome(request: &[String]) -> bool {
    // What is a matter of time, or newer.
    const OTHER: [&str; 8] =
        ["*", "CLAIM", "DELREF", "ACKED", "KEEPREF", "CONSUMERS", "CONSUMER", "XSETID"];
    let place = |word: &str| request.iter().position(|other| other.eq_ignore_ascii_case(word));
    let ms = place("BLOCK").and_then(|at| request.get(at + 1)).map(|ms| ms.parse::<i64>());
    let is_long = ms.is_some_and(|ms| ms.is_ok_and(|ms| ms == 0 || ms > 50));
    // Errors of unbalanced lists have another text.
    let rest = place("STREAMS").map_or(0, |at| request.len() - at - 1);
    let is_last = rest > 0 && request.iter().any(|word| word == "+");
    !is_long && !is_last && rest.is_multiple_of(2) && OTHER.iter().all(|word| place(word).is_none())
}
