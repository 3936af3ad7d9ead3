//! Every way in which a value may be written, in files made byte by byte.

use crate::support::rdb::Rdb;
use crate::world::{Data, Record, Sim, all_large};
use spindle::config::Config;
use std::time::Duration;

/// A moment that is far away, in seconds and milliseconds since 1970.
const FAR_S: u32 = 2_000_000_000;
const FAR_MS: u64 = 2_000_000_000_000;

/// Loads a file; why that fails, if it does.
fn load(bytes: &[u8], config: Config) -> Result<Sim, String> {
    let mut sim = Sim::new(1, config);
    sim.world.disk.put("dump.rdb", bytes);
    sim.engine.begin_loading(&mut sim.world).expect("it can be opened");
    while sim.engine.state().persistence.is_loading() {
        sim.advance(Duration::ZERO);
    }
    match sim.engine.state_mut().persistence.failure.take() {
        Some(failure) => Err(failure),
        None => Ok(sim),
    }
}

fn text(text: &str) -> Data {
    Data::Text(text.as_bytes().to_vec())
}

fn list(items: &[&str]) -> Data {
    Data::List(items.iter().map(|item| item.as_bytes().to_vec()).collect())
}

fn set(items: &[&str]) -> Data {
    Data::Set(items.iter().map(|item| item.as_bytes().to_vec()).collect())
}

fn sorted_set(items: &[(&str, f64)]) -> Data {
    let item = |(member, score): &(&str, f64)| (member.as_bytes().to_vec(), format!("{score:?}"));
    Data::SortedSet(items.iter().map(item).collect())
}

fn hash(fields: &[(&str, &str, Option<i64>)]) -> Data {
    let field = |(name, value, at_ms): &(&str, &str, Option<i64>)| {
        (name.as_bytes().to_vec(), (value.as_bytes().to_vec(), *at_ms))
    };
    Data::Hash(fields.iter().map(field).collect())
}

/// A listpack of short strings.
fn listpack(items: &[&str]) -> Vec<u8> {
    let mut run = Vec::new();
    for item in items {
        let len = u8::try_from(item.len()).expect("short");
        run.push(0x80 | len);
        run.extend(item.bytes());
        run.push(len + 1);
    }
    let all = u32::try_from(run.len() + 7).expect("short").to_le_bytes();
    let count = u16::try_from(items.len()).expect("few").to_le_bytes();
    [&all[..], &count, &run, &[0xFF]].concat()
}

/// A ziplist of short strings.
fn ziplist(items: &[&str]) -> Vec<u8> {
    let (mut body, mut before, mut last) = (Vec::new(), 0u8, 0);
    for item in items {
        last = body.len();
        let len = u8::try_from(item.len()).expect("short");
        body.extend([before, len]);
        body.extend(item.bytes());
        before = len + 2;
    }
    let number = |number: usize| u32::try_from(number).expect("short").to_le_bytes();
    let count = u16::try_from(items.len()).expect("few").to_le_bytes();
    let header = [number(11 + body.len()), number(10 + last)].concat();
    [&header[..], &count, &body, &[0xFF]].concat()
}

type Case = (u8, Vec<u8>, Data);

fn strings() -> Vec<Case> {
    let body = |bytes: &[u8]| bytes.to_vec();
    let long = "x".repeat(300);
    vec![
        (0, body(b"\x03abc"), text("abc")),
        (0, body(b"\x00"), text("")),
        (0, body(b"\xC0\xFB"), text("-5")),
        (0, body(b"\xC1\x00\x80"), text("-32768")),
        (0, body(b"\xC2\xFF\xFF\xFF\x7F"), text("2147483647")),
        (0, [b"\x41\x2C", long.as_bytes()].concat(), text(&long)),
        (0, [b"\x80\x00\x00\x01\x2C", long.as_bytes()].concat(), text(&long)),
        (0, body(b"\x81\0\0\0\0\0\0\0\x02ab"), text("ab")),
        // Two letters, and nine from one place before.
        (0, body(b"\xC3\x06\x0B\x01ba\xE0\x00\x00"), text("baaaaaaaaaa")),
    ]
}

fn lists_and_sets() -> Vec<Case> {
    let abc = ["a", "b", "c"];
    let blob = |bytes: Vec<u8>| Rdb(Vec::new()).string(&bytes).0;
    let nodes = |nodes: &[Vec<u8>]| {
        let count = u8::try_from(nodes.len()).expect("few");
        nodes.iter().fold(Rdb(vec![count]), |rdb, node| rdb.string(node)).0
    };
    let containers = Rdb(vec![3, 2]).string(&listpack(&["a", "b"])).bytes(&[1]).string(b"plain");
    let containers = containers.bytes(&[2]).string(&listpack(&["c"])).0;
    let wide = |width: u8, ints: &[u8]| [&[width, 0, 0, 0, 2, 0, 0, 0], ints].concat();
    let wide_64 = [&(-5i64).to_le_bytes()[..], &(1i64 << 40).to_le_bytes()].concat();
    vec![
        (1, b"\x03\x01a\x01b\xC0\x07".to_vec(), list(&["a", "b", "7"])),
        (10, blob(ziplist(&abc)), list(&abc)),
        (14, nodes(&[ziplist(&abc), ziplist(&abc)]), list(&["a", "b", "c", "a", "b", "c"])),
        (18, Rdb(vec![1, 2]).string(&listpack(&abc)).0, list(&abc)),
        (18, containers, list(&["a", "b", "plain", "c"])),
        (2, b"\x03\x01a\x01b\xC0\x07".to_vec(), set(&["a", "b", "7"])),
        (2, b"\x02\xC0\x01\xC0\x07".to_vec(), set(&["1", "7"])),
        (11, blob(wide(2, b"\xFF\xFF\x05\x00")), set(&["-1", "5"])),
        (11, blob(wide(4, b"\xFF\xFF\xFF\xFF\x00\x00\x01\x00")), set(&["-1", "65536"])),
        (11, blob(wide(8, &wide_64)), set(&["-5", "1099511627776"])),
        (20, blob(listpack(&abc)), set(&abc)),
        // An integer that is written as text.
        (20, blob(listpack(&["a", "12"])), set(&["a", "12"])),
    ]
}

fn sorted_sets_and_hashes() -> Vec<Case> {
    let blob = |bytes: Vec<u8>| Rdb(Vec::new()).string(&bytes).0;
    let ab = sorted_set(&[("a", 1.0), ("b", 2.5)]);
    let words = ["a", "1", "b", "2.5"];
    let binary = [&b"\x02\x01b"[..], &2.5f64.to_le_bytes(), b"\x01a", &1f64.to_le_bytes()];
    let extremes = sorted_set(&[("b", f64::NEG_INFINITY), ("a", f64::INFINITY)]);
    let pairs = hash(&[("f", "v", None), ("g", "w", None)]);
    let fields = ["f", "v", "g", "w"];
    let far = i64::try_from(FAR_MS).expect("in range");
    let timed = hash(&[("f", "v", Some(far)), ("g", "w", None), ("h", "x", Some(far + 6))]);
    let behind = [&b"\x03"[..], b"\x01\x01f\x01v", b"\x00\x01g\x01w", b"\x07\x01h\x01x"].concat();
    let absolute = |at_ms: u64| [&[0x81][..], &at_ms.to_be_bytes()].concat();
    let early = [
        &b"\x03"[..],
        &absolute(FAR_MS),
        b"\x01f\x01v\x00\x01g\x01w",
        &absolute(FAR_MS + 6),
        b"\x01h\x01x",
    ];
    let (first, second) = (FAR_MS.to_string(), (FAR_MS + 6).to_string());
    let triples = listpack(&["f", "v", &first, "h", "x", &second, "g", "w", "0"]);
    let with_earliest = [&FAR_MS.to_le_bytes()[..], &blob(triples.clone())].concat();
    vec![
        (3, b"\x02\x01b\x032.5\x01a\x011".to_vec(), ab.clone()),
        (3, b"\x02\x01a\xFE\x01b\xFF".to_vec(), extremes),
        (5, binary.concat(), ab.clone()),
        (12, blob(ziplist(&words)), ab.clone()),
        (17, blob(listpack(&words)), ab),
        (4, b"\x02\x01f\x01v\x01g\x01w".to_vec(), pairs.clone()),
        (9, blob(b"\x02\x01f\x01\x00v\x01g\x01\x02wxx\xFF".to_vec()), pairs.clone()),
        (13, blob(ziplist(&fields)), pairs.clone()),
        (16, blob(listpack(&fields)), pairs),
        (22, early.concat(), timed.clone()),
        (23, blob(triples), timed.clone()),
        (24, [&FAR_MS.to_le_bytes()[..], &behind].concat(), timed.clone()),
        (25, with_earliest, timed),
    ]
}

#[test]
fn every_way_of_writing_a_value_is_read() {
    let cases = [strings(), lists_and_sets(), sorted_sets_and_hashes()].concat();
    for (code, body, expected) in cases {
        let file = Rdb::new(12).key(code, "key").bytes(&body).end();
        for config in [Config::default(), all_large()] {
            let mut sim = load(&file, config).expect("loaded");
            let expected: Vec<Record> = vec![(0, b"key".to_vec(), expected.clone(), None)];
            assert_eq!(sim.dump(), expected, "type {code}");
            // And back: written by ours, and read again.
            let conn = sim.connect();
            assert_eq!(sim.run(conn, "SAVE"), ["+OK"]);
            let again = sim.world.disk.read("dump.rdb").expect("there");
            assert_eq!(load(&again, Config::default()).expect("loaded").dump(), expected);
        }
        // Cut off anywhere it is refused, and no harm is done.
        for len in 0..file.len() - 8 {
            assert!(load(&file[..len], Config::default()).is_err(), "type {code}, {len} bytes");
        }
    }
}

#[test]
fn what_stands_beside_keys_is_read() {
    let file = Rdb::new(12)
        .bytes(b"\xFA\x09redis-ver\x057.4.0\xFA\x0Aredis-bits\xC0\x40")
        .bytes(b"\xF5\x0Cfirst function")
        .bytes(
            b"\xF7\x81\x11\x22\x33\x44\x55\x66\x77\x88\x02\x02\x05\x03abc\x04aaaaaaaa\x02\x07\x00",
        )
        .bytes(b"\xFE\x02\xFB\x01\x01\xF4\x01\x02\x03")
        .bytes(&[&[0xFD][..], &FAR_S.to_le_bytes()].concat())
        .bytes(b"\xF8\x64")
        .key(0, "k")
        .string(b"v")
        .end();
    // A function's length is one less than what stands there, to be found out.
    assert!(load(&file, Config::default()).is_err());
    let fixed: Vec<u8> = Rdb::new(12)
        .bytes(b"\xF5\x0Efirst function")
        .bytes(
            b"\xF7\x81\x11\x22\x33\x44\x55\x66\x77\x88\x02\x02\x05\x03abc\x04aaaaaaaa\x02\x07\x00",
        )
        .bytes(b"\xFE\x02\xFB\x01\x01\xF4\x01\x02\x03")
        .bytes(&[&[0xFD][..], &FAR_S.to_le_bytes()].concat())
        .bytes(b"\xF8\x40\x64\xF9\x07")
        .key(0, "k")
        .string(b"v")
        .end();
    let mut sim = load(&fixed, Config::default()).expect("loaded");
    let deadline_ms = i64::try_from(FAR_MS).ok();
    assert_eq!(sim.dump(), [(2, b"k".to_vec(), text("v"), deadline_ms)]);
    assert_eq!(sim.engine.state().persistence.functions, [b"first function"]);
    let conn = sim.connect();
    assert_eq!(sim.run(conn, "SAVE"), ["+OK"]);
    let again = sim.world.disk.read("dump.rdb").expect("there");
    let again = load(&again, Config::default()).expect("loaded");
    assert_eq!(again.engine.state().persistence.functions, [b"first function"]);
}

#[test]
fn a_file_of_valkey_is_read() {
    let file = Rdb(b"VALKEY080".to_vec()).bytes(b"\xFE\x00").key(0, "k").string(b"v").end();
    let mut sim = load(&file, Config::default()).expect("loaded");
    assert_eq!(sim.dump(), [(0, b"k".to_vec(), text("v"), None)]);
}

#[test]
fn the_version_is_the_oldest_that_holds_the_data() {
    let mut sim = Sim::new(1, Config::default());
    let conn = sim.connect();
    let mut version = |request: &str| {
        sim.run(conn, request);
        assert_eq!(sim.run(conn, "SAVE"), ["+OK"]);
        sim.world.disk.read("dump.rdb").expect("there")[..9].to_vec()
    };
    assert_eq!(version("SADD s a b c"), b"REDIS0010");
    assert_eq!(version("HSET h f v"), b"REDIS0010");
    assert_eq!(version("HEXPIRE h 1000 FIELDS 1 f"), b"REDIS0012");
    assert_eq!(version("HPERSIST h FIELDS 1 f"), b"REDIS0010");
    assert_eq!(version("CONFIG SET rdb-version 11"), b"REDIS0011");
}
