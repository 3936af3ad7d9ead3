//! CONFIG by chance: a plain model knows which values are taken, and that a request sets all that
//! it names or nothing.

use crate::support::seeds;
use crate::world::Sim;
use spindle::config::Config;
use std::collections::BTreeMap;

/// What a parameter may be.
#[derive(Clone, Copy)]
enum May {
    Be(i64, i64),
    BeBytes(i64),
    BeTruth,
    BeOneOf(&'static [&'static str]),
}

/// Some parameters of each kind, by names under which they are shown.
const PARAMETERS: &[(&str, May)] = &[
    ("client-query-buffer-limit", May::BeBytes(1 << 20)),
    ("hash-max-listpack-entries", May::Be(0, i64::MAX)),
    ("latency-monitor-threshold", May::Be(0, i64::MAX)),
    ("latency-tracking", May::BeTruth),
    ("lazyfree-lazy-user-flush", May::BeTruth),
    ("lfu-log-factor", May::Be(0, i32::MAX as i64)),
    ("list-max-listpack-size", May::Be(i32::MIN as i64, i32::MAX as i64)),
    ("loglevel", May::BeOneOf(&["debug", "verbose", "notice", "warning", "nothing"])),
    ("maxmemory-policy", May::BeOneOf(&["noeviction", "allkeys-lru", "volatile-ttl"])),
    ("maxmemory-samples", May::Be(1, i32::MAX as i64)),
    ("proto-max-bulk-len", May::BeBytes(1 << 20)),
    ("slowlog-log-slower-than", May::Be(-1, i64::MAX)),
    ("zset-max-listpack-value", May::BeBytes(0)),
];

/// Values of all kinds, right and wrong, with the bytes that they are as memory.
const VALUES: &[(&str, Option<i64>)] = &[
    ("0", Some(0)),
    ("-1", None),
    ("7", Some(7)),
    ("1048576", Some(1 << 20)),
    ("2mb", Some(2 << 20)),
    ("3M", Some(3_000_000)),
    ("1Gb", Some(1 << 30)),
    ("5kb", Some(5 << 10)),
    ("9223372036854775807", Some(i64::MAX)),
    ("9223372036854775808", None),
    ("", Some(0)),
    ("07", Some(7)),
    ("1.5", None),
    ("yes", None),
    ("NO", None),
    ("maybe", None),
    ("Notice", None),
    ("allkeys-LRU", None),
    ("volatile-ttl", None),
];

/// The value as it is shown once it is taken; `None` if it is refused.
fn taken(may: May, (text, bytes): (&str, Option<i64>)) -> Option<String> {
    let lower = text.to_lowercase();
    match may {
        May::Be(least, most) => {
            let number = text.parse::<i64>().ok().filter(|_| text == "0" || !text.starts_with('0'));
            number.filter(|number| (least..=most).contains(number)).map(|number| number.to_string())
        }
        May::BeBytes(least) => bytes.filter(|bytes| *bytes >= least).map(|it| it.to_string()),
        May::BeTruth => ["yes", "no"].contains(&lower.as_str()).then_some(lower),
        May::BeOneOf(words) => words.contains(&lower.as_str()).then_some(lower),
    }
}

fn all(sim: &mut Sim, conn: usize) -> BTreeMap<String, String> {
    let shown = |(name, _): &(&str, May)| {
        let reply = sim.run(conn, &format!("CONFIG GET {name}")).concat();
        let value = reply.split('"').nth(3).unwrap_or_else(|| panic!("{name}: {reply}"));
        ((*name).to_owned(), value.to_owned())
    };
    PARAMETERS.iter().map(shown).collect()
}

#[test]
fn a_request_sets_all_that_it_names_or_nothing() {
    for seed in seeds(30) {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut sim = Sim::new(seed, Config::default());
        let conn = sim.connect();
        let mut model = all(&mut sim, conn);
        for step in 0..100 {
            let (mut request, mut after) = ("CONFIG SET".to_owned(), model.clone());
            let (mut named, mut is_right) = (Vec::new(), true);
            for _ in 0..rng.usize(1..4) {
                let (name, may) = PARAMETERS[rng.usize(..PARAMETERS.len())];
                let value = VALUES[rng.usize(..VALUES.len())];
                request += &format!(" {name} {}", value.0);
                // Nothing may be named twice.
                is_right &= !named.contains(&name);
                named.push(name);
                match taken(may, value) {
                    Some(shown) => drop(after.insert(name.to_owned(), shown)),
                    None => is_right = false,
                }
            }
            if rng.u8(..10) == 0 {
                request += " no-such-parameter 1";
                is_right = false;
            }
            let reply = sim.run(conn, &request).concat();
            if is_right {
                assert_eq!(reply, "+OK", "seed {seed}, step {step}: {request}");
                model = after;
            } else {
                assert!(reply.starts_with("-ERR "), "seed {seed}, step {step}: {request}: {reply}");
            }
            assert_eq!(all(&mut sim, conn), model, "seed {seed}, step {step}: {request}");
        }
    }
}
