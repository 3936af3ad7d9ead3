//! The readers one by one: requests, words, parameters, patterns, numbers.

use crate::support::rules::RULES;
use crate::support::seeds;
use crate::world::Sim;
use fastrand::Rng;
use spindle::acl::{self, Users, merge_selectors};
use spindle::base::{glob, num, quoted};
use spindle::config::Config;
use spindle::config::{file, rewrite, table};
use spindle::resp::request::{Limits, Parser, ProtocolError};

/// Bytes that mean something to the reader, more often than others.
fn bytes(rng: &mut Rng, alphabet: &[u8], len: usize) -> Vec<u8> {
    let byte = |rng: &mut Rng| {
        if rng.u8(0..20) == 0 { rng.u8(..) } else { alphabet[rng.usize(0..alphabet.len())] }
    };
    (0..len).map(|_| byte(rng)).collect()
}

/// Frames that are right, or wrong in one place.
fn frames(rng: &mut Rng) -> Vec<u8> {
    let mut out = Vec::new();
    for _ in 0..rng.usize(0..6) {
        match rng.u8(0..5) {
            0 => out.extend(bytes(rng, b"GET a \"'\\x41\r\n\0", 20)),
            1 => out.extend(b"PING 'a b' \"\\x00\"\r\n"),
            _ => {
                let count = rng.usize(0..5);
                out.extend(format!("*{count}\r\n").bytes());
                for _ in 0..count {
                    let len = [0, 1, 3, 9, 10, 99, 100, 300][rng.usize(0..8)];
                    out.extend(format!("${len}\r\n").bytes());
                    out.extend(bytes(rng, b"abc\r\n*$", len));
                    out.extend(b"\r\n");
                }
            }
        }
    }
    if !out.is_empty() && rng.bool() {
        let at = rng.usize(0..out.len());
        match rng.u8(0..3) {
            0 => out[at] = rng.u8(..),
            1 => out.insert(at, b"*$-0123456789\r\n"[rng.usize(0..15)]),
            _ => drop(out.remove(at)),
        }
    }
    out
}

type Parsed = (Vec<Vec<Vec<u8>>>, Option<ProtocolError>);

fn parse(input: &[u8], rng: &mut Rng, max_piece: usize, ahead: usize) -> Parsed {
    let limits = Limits { bulk_max: 1_000, authenticated: true };
    let (mut parser, mut buffer, mut requests) = (Parser::default(), Vec::new(), Vec::new());
    let mut fed = 0;
    loop {
        if let Err(error) = parser.read(&mut buffer, limits, ahead) {
            return (requests, Some(error));
        }
        let count = parser.len().min(ahead.div_ceil(2));
        for index in 0..count {
            let argv = parser.argv(&buffer, index);
            requests.push(argv.from(0).map(<[u8]>::to_vec).collect());
        }
        buffer.drain(..parser.release(count));
        if count == 0 {
            if fed == input.len() {
                return (requests, None);
            }
            let next = (fed + rng.usize(1..=max_piece)).min(input.len());
            buffer.extend_from_slice(&input[fed..next]);
            fed = next;
        }
    }
}

#[test]
fn requests_are_read_the_same_in_any_pieces() {
    for seed in seeds(20_000) {
        let mut rng = Rng::with_seed(seed);
        let input = frames(&mut rng);
        let whole = parse(&input, &mut rng, input.len().max(1), 16);
        for max_piece in [1, 2, 7, 50] {
            let ahead = rng.usize(1..5);
            let pieces = parse(&input, &mut rng, max_piece, ahead);
            assert_eq!(pieces, whole, "seed {seed} input {}", quoted::quote(&input));
        }
    }
}

#[test]
fn words_that_are_read_can_be_written_and_read_again() {
    for seed in seeds(50_000) {
        let mut rng = Rng::with_seed(seed);
        let len = rng.usize(0..40);
        let mut line = bytes(&mut rng, b"ab \t\"'\\xn0\r\n\0", len);
        let mut spans = Vec::new();
        if quoted::split(&mut line, |start, len| spans.push((start, len))).is_err() {
            continue;
        }
        let words: Vec<Vec<u8>> = spans.iter().map(|(s, l)| line[*s..s + l].to_vec()).collect();
        let quoted_words: Vec<String> = words.iter().map(|word| quoted::quote(word)).collect();
        let mut again = quoted_words.join(" ").into_bytes();
        let mut spans = Vec::new();
        quoted::split(&mut again, |start, len| spans.push((start, len))).unwrap();
        let read: Vec<Vec<u8>> = spans.iter().map(|(s, l)| again[*s..s + l].to_vec()).collect();
        assert_eq!(read, words, "seed {seed}");
    }
}

#[test]
fn any_file_of_parameters_is_read_or_refused() {
    for seed in seeds(5_000) {
        let mut rng = Rng::with_seed(seed);
        let mut text = Vec::new();
        for _ in 0..rng.usize(0..5) {
            let all: Vec<_> = table::all().collect();
            let name = all[rng.usize(0..all.len())].name;
            text.extend(name.bytes());
            text.push(b' ');
            let len = rng.usize(0..20);
            text.extend(bytes(&mut rng, b"0123456789 -kmgb\"'yesnoKEA*:./", len));
            text.push(b'\n');
        }
        let mut config = Config::default();
        if file::read(&mut config, "fuzz", &text).is_ok() {
            for parameter in table::all() {
                let shown = parameter.show(&mut config);
                let mut again = Config::default();
                parameter.set(&mut again, std::slice::from_ref(&shown)).unwrap();
                assert_eq!(parameter.show(&mut again), shown, "seed {seed} {}", parameter.name);
            }
            let rewritten = rewrite::rewrite(&text, &mut config, &[], rng.bool());
            let mut again = Config::default();
            file::read(&mut again, "rewritten", &rewritten).unwrap();
            for parameter in table::all() {
                let (shown, name) = (parameter.show(&mut config), parameter.name);
                assert_eq!(parameter.show(&mut again), shown, "seed {seed} {name}");
            }
        }
    }
}

/// Matching as the definition says it, however long it takes.
fn matches_plainly(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern, text) {
        ([], text) => text.is_empty(),
        ([b'*', rest @ ..], text) => {
            (0..=text.len()).any(|skip| matches_plainly(rest, &text[skip..]))
        }
        (_, []) => false,
        ([b'?', rest @ ..], [_, text @ ..]) => matches_plainly(rest, text),
        ([b'\\', escaped, rest @ ..], [byte, text @ ..]) => {
            escaped == byte && matches_plainly(rest, text)
        }
        ([literal, rest @ ..], [byte, text @ ..]) => literal == byte && matches_plainly(rest, text),
    }
}

#[test]
fn patterns_match_as_the_definition_says() {
    for seed in seeds(100_000) {
        let mut rng = Rng::with_seed(seed);
        let (pattern_len, text_len) = (rng.usize(0..9), rng.usize(0..9));
        // Without classes, whose definition is their implementation; those have cases of their own.
        let mut pattern = bytes(&mut rng, b"ab**??\\", pattern_len);
        pattern.retain(|byte| *byte != b'[');
        let text = bytes(&mut rng, b"ab*?\\", text_len);
        let expected = match text.as_slice() {
            [] => pattern.is_empty(),
            text => matches_plainly(&pattern, text),
        };
        assert_eq!(glob::matches(&pattern, &text), expected, "seed {seed} {pattern:?} {text:?}");
        let classes = bytes(&mut rng, b"ab[]^-*?\\", pattern_len);
        glob::matches(&classes, &text);
        glob::matches_any_case(&classes, &text);
    }
}

#[test]
fn numbers_are_read_as_the_standard_library_reads_them_where_they_are_canonical() {
    for seed in seeds(100_000) {
        let mut rng = Rng::with_seed(seed);
        let len = rng.usize(0..22);
        let text = bytes(&mut rng, b"0123456789-", len);
        let read = num::parse_i64(&text);
        let standard = std::str::from_utf8(&text).ok().and_then(|text| text.parse::<i64>().ok());
        let canonical = standard.filter(|value| value.to_string().as_bytes() == text);
        assert_eq!(read, canonical, "seed {seed} {text:?}");
    }
}

/// Pieces of rules that need quotes, or are odd.
const ODD_RULES: &[&str] = &[
    "-get",
    "+select|a\"",
    "+select|x)",
    "%RW~*",
    "%R",
    "~\"",
    "~')",
    "~(",
    "&b\\",
    "(~\"a\\\"b\" &c\\))",
    "()",
    "( )",
    "~\u{e9}",
    "+",
    "-",
];

fn rule(rng: &mut Rng) -> Vec<u8> {
    match rng.u8(0..8) {
        0 => {
            let len = rng.usize(0..12);
            bytes(rng, b"+-@~%&()RWrw|*\"'\\ <>#!getconfig\0\n", len)
        }
        1 => {
            let inner: Vec<String> = (0..rng.usize(0..4)).map(|_| piece(rng)).collect();
            format!("({})", inner.join(" ")).into_bytes()
        }
        _ => piece(rng).into_bytes(),
    }
}

fn piece(rng: &mut Rng) -> String {
    let rules = if rng.u8(0..4) == 0 { ODD_RULES } else { RULES };
    rules[rng.usize(0..rules.len())].to_owned()
}

#[test]
fn a_user_described_is_the_same_user() {
    let engine = Sim::new(1, Config::default()).engine;
    let acl = &engine.state().acl;
    for seed in seeds(3_000) {
        let mut rng = Rng::with_seed(seed);
        let rules: Vec<Vec<u8>> = (0..rng.usize(0..12)).map(|_| rule(&mut rng)).collect();
        let mut users = Users::new(&acl.catalog);
        let mut user = acl.draft(b"me", std::iter::empty()).unwrap();
        for rule in merge_selectors(rules.iter().map(Vec::as_slice)).unwrap_or_default() {
            let before = user.clone();
            if user.apply(&rule, acl.book()).is_err() {
                assert_eq!(user, before, "seed {seed}: {rule:?} is refused and changes something");
            }
        }
        users.put(user.clone());
        let text = acl::file::write(&users);
        let read = acl::file::read(&text, "f", acl.book());
        let read = read.unwrap_or_else(|fault| panic!("seed {seed}: {fault}"));
        let again = read.get(read.find(b"me").unwrap());
        assert_eq!(*again, user, "seed {seed}: {}", String::from_utf8_lossy(&text));
        // The words of a configuration make it, too.
        let line = user.line();
        let words: Vec<Vec<u8>> = line.split(|byte| *byte == b' ').map(<[u8]>::to_vec).collect();
        let mut users = Users::new(&acl.catalog);
        acl::file::read_words(&mut users, b"me", &words[2..], acl.book()).unwrap();
        assert_eq!(*users.get(users.find(b"me").unwrap()), user, "seed {seed}");
    }
}

#[test]
fn any_bytes_are_a_file_of_users_or_are_refused() {
    let engine = Sim::new(1, Config::default()).engine;
    let acl = &engine.state().acl;
    for seed in seeds(2_000) {
        let mut rng = Rng::with_seed(seed);
        let mut text = Vec::new();
        for _ in 0..rng.usize(0..6) {
            if rng.u8(0..4) > 0 {
                text.extend_from_slice(b"user ");
            }
            let len = rng.usize(0..4);
            text.extend(bytes(&mut rng, b"ab", len));
            for _ in 0..rng.usize(0..5) {
                text.push(b' ');
                text.extend(rule(&mut rng));
            }
            text.push(b'\n');
        }
        if let Ok(users) = acl::file::read(&text, "f", acl.book()) {
            let written = acl::file::write(&users);
            let again = acl::file::read(&written, "f", acl.book()).unwrap();
            assert!(again.iter().eq(users.iter()), "seed {seed}");
        }
    }
}
