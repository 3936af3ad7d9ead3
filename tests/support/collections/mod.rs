//! Requests by chance for collections: every command with every option, over few keys and members
//! so that they meet. Both the simulation and the oracle draw from here.

pub mod blocking;
pub mod geo;
pub mod hashes;
pub mod hyperloglog;
pub mod lists;
pub mod sets;
pub mod sort;
pub mod sorted_sets;
pub mod streams;

use fastrand::Rng;

/// All keys of random requests; the first twelve are mostly strings, and each type has some of the
/// rest.
pub const KEYS: u32 = 29;

/// Keys that mostly hold one type: the first of them, and how many.
pub type Keys = (u32, u32);
pub const STRINGS: Keys = (0, 12);
pub const LISTS: Keys = (12, 3);
pub const SETS: Keys = (15, 3);
pub const SORTED_SETS: Keys = (18, 3);
pub const HASHES: Keys = (21, 3);
pub const SKETCHES: Keys = (24, 2);
pub const STREAMS: Keys = (26, 3);

/// Which requests are drawn.
#[derive(Clone, Copy)]
pub struct Scope {
    /// Those that Redis 7.0 does not know, too.
    pub is_newest: bool,
    /// Those whose outcome is a matter of chance, too.
    pub has_chance: bool,
}

/// A key, most of the time one of `keys`.
pub fn key_of(rng: &mut Rng, (first, count): Keys) -> String {
    let number = if rng.u8(0..12) == 0 { rng.u32(0..KEYS) } else { first + rng.u32(0..count) };
    format!("key:{number}")
}

/// A key of any type.
pub fn any_key(rng: &mut Rng) -> String {
    format!("key:{}", rng.u32(0..KEYS))
}

/// One of some words.
pub fn one_of<'w>(rng: &mut Rng, words: &[&'w str]) -> &'w str {
    words[rng.usize(0..words.len())]
}

/// A word in capitals or not.
pub fn in_some_case(rng: &mut Rng, word: &str) -> String {
    if rng.u8(0..4) == 0 { word.to_lowercase() } else { word.to_owned() }
}

/// An element, a member or a field.
pub fn member(rng: &mut Rng) -> String {
    match rng.u8(0..40) {
        0..18 => format!("m{}", rng.u8(0..9)),
        18..28 => rng.i16(-4..12).to_string(),
        28..30 => one_of(
            rng,
            &[
                "",
                "-0",
                "007",
                "32768",
                "-32769",
                "2147483648",
                "9223372036854775807",
                "-9223372036854775808",
                "9223372036854775808",
                "1.0",
            ],
        )
        .to_owned(),
        30..32 => "x".repeat(rng.usize(58..70)),
        32 if rng.u8(0..10) == 0 => "y".repeat(rng.usize(4_000..9_000)),
        32..34 => rng.i64(..).to_string(),
        _ => format!("m{}", rng.u16(0..300)),
    }
}

/// Some members.
pub fn members(rng: &mut Rng) -> Vec<String> {
    let count = if rng.u8(0..12) == 0 { rng.usize(1..40) } else { rng.usize(1..4) };
    (0..count).map(|_| member(rng)).collect()
}

/// A place in a sequence, which may be outside or no number.
pub fn index(rng: &mut Rng) -> String {
    match rng.u8(0..30) {
        0 => one_of(rng, &["abc", "9223372036854775807", "-9223372036854775808", "-0"]).to_owned(),
        1 => rng.i64(-300..300).to_string(),
        _ => rng.i64(-7..9).to_string(),
    }
}

/// How many, most of the time a sensible number.
pub fn count(rng: &mut Rng) -> String {
    match rng.u8(0..16) {
        0 => one_of(rng, &["0", "-1", "abc", "9223372036854775807", "-9223372036854775808"])
            .to_owned(),
        1 => rng.u16(0..300).to_string(),
        _ => rng.u8(1..6).to_string(),
    }
}

/// The words of a line and some more.
pub fn words<S: Into<String>>(line: &str, more: impl IntoIterator<Item = S>) -> Vec<String> {
    let words = line.split(' ').map(str::to_owned);
    words.chain(more.into_iter().map(Into::into)).collect()
}

/// No more words.
pub const NONE: [String; 0] = [];

/// A request to a collection.
pub fn request(rng: &mut Rng, scope: Scope) -> Vec<String> {
    let mut request = match rng.u8(0..23) {
        0..5 => lists::request(rng),
        5..10 => sets::request(rng, scope),
        10..16 => sorted_sets::request(rng, scope),
        16..21 => hashes::request(rng, scope),
        _ => blocking::request(rng),
    };
    request[0] = in_some_case(rng, &request[0]);
    request
}

/// A request to a collection, a stream, to places, to a HyperLogLog, or to sort.
pub fn any_request(rng: &mut Rng, scope: Scope) -> Vec<String> {
    let mut request = match rng.u8(0..22) {
        16.. => streams::request(rng, scope),
        0..10 => return request(rng, scope),
        10..13 => geo::request(rng),
        13 => hyperloglog::request(rng),
        _ => sort::request(rng),
    };
    request[0] = in_some_case(rng, &request[0]);
    request
}

/// The names of all keys that random requests use and that hold data to compare.
pub fn all_keys() -> impl Iterator<Item = String> {
    let own = sorted_sets::LEXICAL.into_iter().chain(geo::PLACES).chain(sort::NUMBERS);
    (0..KEYS).map(|key| format!("key:{key}")).chain(own.map(str::to_owned))
}

/// Whether chance decides what comes of a request, unless its arguments leave none.
pub fn is_chance(request: &[String]) -> bool {
    let name = request[0].to_uppercase();
    name.contains("RAND") || name == "SPOP" || name.contains("SCAN")
}

/// A request with a fault in it: a word too few, too many, or a wrong one.
pub fn spoil(rng: &mut Rng, request: &mut Vec<String>) {
    let at = rng.usize(1..=request.len());
    let wrong = one_of(
        rng,
        &[
            "",
            "abc",
            "0",
            "-1",
            "1.5",
            "nan",
            "inf",
            "9223372036854775808",
            "LIMIT",
            "COUNT",
            "WITHSCORES",
            "BYSCORE",
            "BYLEX",
            "REV",
            "NX",
            "XX",
            "GT",
            "LT",
            "CH",
            "INCR",
            "LEFT",
            "MIN",
            "MATCH",
            "WEIGHTS",
            "AGGREGATE",
            "WITHVALUES",
            "key:13",
            "key:16",
            "key:19",
            "key:22",
            "key:1",
            "[a",
            "(1",
            "2",
            "RANK",
            "MAXLEN",
            "STORE",
            "MINID",
            "=",
            "~",
            "*",
            "$",
            ">",
            "3-1",
            "3-5",
            "g",
            "c",
            "key:27",
            "STREAMS",
            "GROUP",
            "NOACK",
            "IDLE",
            "FORCE",
            "FULL",
            "ENTRIESREAD",
        ],
    );
    match rng.u8(0..3) {
        0 => request.insert(at, wrong.to_owned()),
        1 if at < request.len() => wrong.clone_into(&mut request[at]),
        _ if at < request.len() => drop(request.remove(at)),
        _ => request.push(wrong.to_owned()),
    }
}
