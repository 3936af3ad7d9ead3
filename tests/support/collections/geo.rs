//! Requests to places in sorted sets.
//!
//! Two members that are equally far away come in either order, so a search with an order goes to
//! keys of its own, whose members are all at places by chance.

use super::{
    LISTS, NONE, SORTED_SETS, count, in_some_case, key_of, member, members, one_of, words,
};
use fastrand::Rng;

/// Keys whose members all have places: close to each other, all over the globe, and what searches
/// have left.
pub const PLACES: [&str; 3] = ["place:1", "place:2", "place:3"];

/// The words of a request.
pub fn request(rng: &mut Rng) -> Vec<String> {
    let key = places(rng);
    match rng.u8(0..30) {
        0..7 => add(rng, key),
        7 => words(&format!("ZREM {key}"), members(rng)),
        8 => words(&format!("DEL {key}"), NONE).into_iter().take(rng.usize(2..4)).collect(),
        9 => words(&format!("ZRANGE {key} 0 -1 WITHSCORES"), NONE),
        10..12 => {
            let mut request = words(&format!("GEODIST {key}"), [member(rng), member(rng)]);
            request.extend(rng.bool().then(|| unit(rng)));
            request
        }
        12 => words(&format!("GEOPOS {}", any(rng)), members(rng)),
        13 => words(&format!("GEOHASH {}", any(rng)), members(rng)),
        14..23 => search(rng, key),
        _ => old_search(rng, key),
    }
}

/// Whether two members that are equally far away may decide what comes of a search.
pub fn may_have_ties(request: &[String]) -> bool {
    let name = request[0].to_uppercase();
    let is_ordered = |word: &String| {
        ["ASC", "DESC", "COUNT"].iter().any(|option| word.eq_ignore_ascii_case(option))
    };
    let source = if name == "GEOSEARCHSTORE" { 2 } else { 1 };
    let is_by_chance = request.get(source).is_some_and(|key| PLACES.contains(&key.as_str()));
    name.starts_with("GEO") && !is_by_chance && request.iter().any(is_ordered)
}

fn places(rng: &mut Rng) -> &'static str {
    one_of(rng, &PLACES)
}

/// A key with places, a sorted set or a list.
fn any(rng: &mut Rng) -> String {
    match rng.u8(0..8) {
        0 => key_of(rng, LISTS),
        1 => key_of(rng, SORTED_SETS),
        _ => places(rng).to_owned(),
    }
}

/// Longitude and latitude; no two places are the same.
fn point(rng: &mut Rng, key: &str) -> [String; 2] {
    let spread = if key == PLACES[0] { 0.01 } else { 1.0 };
    let [east, north] = [rng.f64(), rng.f64()].map(|part| (part * 2.0 - 1.0) * spread);
    let [east, north] =
        [east * 180.0, north * 85.051_128_78].map(|degrees| format!("{degrees:.7}"));
    match rng.u8(0..40) {
        0 => [one_of(rng, &["180", "-180", "179.9999999", "0"]).to_owned(), north],
        1 => [east, one_of(rng, &["85.05112878", "-85.05112878", "0"]).to_owned()],
        2 => [one_of(rng, &["180.1", "-1e300", "abc", "nan", "inf", ""]).to_owned(), north],
        3 => [east, one_of(rng, &["85.06", "-90", "abc", "-inf"]).to_owned()],
        _ => [east, north],
    }
}

fn unit(rng: &mut Rng) -> String {
    let unit = match rng.u8(0..20) {
        0 => one_of(rng, &["x", "", "meters"]),
        1..4 => one_of(rng, &["ft", "mi"]),
        _ => one_of(rng, &["m", "km", "km"]),
    };
    if rng.u8(0..8) == 0 { unit.to_uppercase() } else { unit.to_owned() }
}

/// A radius, a width or a height.
fn length(rng: &mut Rng) -> String {
    match rng.u8(0..30) {
        0 => one_of(rng, &["-1", "abc", "", "nan", "-0"]).to_owned(),
        1 => one_of(rng, &["0", "inf", "1e30", "20000000", "25000000", "1e-9"]).to_owned(),
        _ => format!("{:.3}", 10.0_f64.powf(rng.f64() * 7.4)),
    }
}

fn add(rng: &mut Rng, key: &str) -> Vec<String> {
    let mut request = words(&format!("GEOADD {key}"), NONE);
    if rng.u8(0..3) == 0 {
        let mut options = vec!["CH", one_of(rng, &["NX", "XX"]), "NX"];
        options.truncate(if rng.u8(0..10) == 0 { 3 } else { 2 });
        rng.shuffle(&mut options);
        options.truncate(rng.usize(1..=options.len()));
        request.extend(options.into_iter().map(|option| in_some_case(rng, option)));
    }
    let count = if rng.u8(0..4) == 0 { rng.usize(1..40) } else { rng.usize(1..4) };
    for _ in 0..count {
        request.extend(point(rng, key));
        request.push(member(rng));
    }
    request
}

/// Options of a search, in any order; those with an order only if there are no ties.
fn options(rng: &mut Rng, is_ordered: bool, has_details: bool) -> Vec<Vec<String>> {
    let mut options = Vec::new();
    if has_details {
        for option in ["WITHDIST", "WITHCOORD", "WITHHASH"] {
            options.extend((rng.u8(0..3) == 0).then(|| vec![in_some_case(rng, option)]));
        }
    }
    if is_ordered && rng.bool() {
        let order = one_of(rng, &["ASC", "DESC"]);
        options.push(vec![in_some_case(rng, order)]);
    }
    if is_ordered && rng.u8(0..3) == 0 {
        options.push(vec!["COUNT".to_owned(), count(rng)]);
        options.extend(rng.bool().then(|| vec![in_some_case(rng, "ANY")]));
    } else if rng.u8(0..20) == 0 {
        options.push(vec!["ANY".to_owned()]);
    }
    options
}

fn shuffled(rng: &mut Rng, mut parts: Vec<Vec<String>>) -> impl Iterator<Item = String> {
    rng.shuffle(&mut parts);
    parts.into_iter().flatten()
}

/// Where a result is kept, and whether with distances; those do not go where they would be taken
/// for places.
fn destination(rng: &mut Rng) -> (String, bool) {
    match rng.u8(0..3) {
        0 => (PLACES[2].to_owned(), false),
        _ => (key_of(rng, SORTED_SETS), rng.bool()),
    }
}

fn search(rng: &mut Rng, key: &str) -> Vec<String> {
    let (stores, is_any) = (rng.u8(0..4) == 0, rng.u8(0..8) == 0);
    let key = if is_any { any(rng) } else { key.to_owned() };
    let is_ordered = PLACES.contains(&key.as_str());
    let has_details = !stores || rng.u8(0..20) == 0;
    let mut parts = options(rng, is_ordered, has_details);
    parts.push(match rng.bool() {
        true => words("FROMLONLAT", point(rng, &key)),
        false => words("FROMMEMBER", [member(rng)]),
    });
    parts.push(match rng.bool() {
        true => words("byradius", [length(rng), unit(rng)]),
        false => words("BYBOX", [length(rng), length(rng), unit(rng)]),
    });
    let mut request = vec!["GEOSEARCH".to_owned(), key];
    if stores {
        let (target, keeps_distances) = destination(rng);
        request[0].push_str("STORE");
        request.insert(1, target);
        parts.extend(keeps_distances.then(|| vec!["STOREDIST".to_owned()]));
    }
    request.extend(shuffled(rng, parts));
    request
}

/// A search as commands before GEOSEARCH had it.
fn old_search(rng: &mut Rng, key: &str) -> Vec<String> {
    let (is_read_only, stores) = (rng.u8(0..4) == 0, rng.u8(0..4) == 0);
    let end = if is_read_only { "_RO" } else { "" };
    let mut request = match rng.bool() {
        true => words(&format!("GEORADIUS{end} {key}"), point(rng, key)),
        false => words(&format!("GEORADIUSBYMEMBER{end} {key}"), [member(rng)]),
    };
    request.extend([length(rng), unit(rng)]);
    let has_details = !stores || rng.u8(0..20) == 0;
    let mut parts = options(rng, true, has_details);
    if stores {
        let (target, keeps_distances) = destination(rng);
        let option = if keeps_distances { "STOREDIST" } else { "STORE" };
        parts.push(vec![in_some_case(rng, option), target]);
    }
    request.extend(shuffled(rng, parts));
    request
}
