//! The commands of strings beside SET and the counters: what they should do, and requests for them.

use crate::model::{Answer, Form, Model, Outcome, bulk, int, parse_int};
use crate::requests::{in_some_case, key, moment, number, value, words};
use fastrand::Rng;
use spindle::base::extended::Extended;
use spindle::base::num;
use xxhash_rust::xxh3::xxh3_64;

pub const NAMES: [&str; 13] = [
    "append",
    "delex",
    "digest",
    "getdel",
    "getex",
    "getrange",
    "incrbyfloat",
    "lcs",
    "msetex",
    "msetnx",
    "setrange",
    "strlen",
    "substr",
];

/// A request that the model knows the reply to.
pub fn request(rng: &mut Rng, now_ms: i64) -> Vec<Vec<u8>> {
    let a = key(rng);
    match rng.u8(0..14) {
        0 => vec![b"APPEND".to_vec(), a.into_bytes(), value(rng)],
        1 => words(&format!("STRLEN {a}")),
        2 => vec![b"SETRANGE".to_vec(), a.into_bytes(), number(rng).into_bytes(), value(rng)],
        3 => words(&format!("GETRANGE {a} {} {}", number(rng), number(rng))),
        4 => words(&format!("SUBSTR {a} {} {}", number(rng), number(rng))),
        5 => words(&format!("GETDEL {a}")),
        6..8 => {
            let mut argv = words(&format!("GETEX {a}"));
            argv.extend(expiry(rng, now_ms, "PERSIST"));
            argv
        }
        8 => words(&format!("INCRBYFLOAT {a} {}", fraction(rng))),
        9 => {
            let option = ["", " LEN", " IDX", " IDX WITHMATCHLEN", " IDX MINMATCHLEN 2"];
            words(&format!("LCS {a} {}{}", key(rng), option[rng.usize(0..option.len())]))
        }
        10 => {
            let mut argv = vec![b"MSETNX".to_vec()];
            (0..rng.usize(1..4)).for_each(|_| argv.extend([key(rng).into_bytes(), value(rng)]));
            argv
        }
        11 => {
            let count = rng.usize(1..4);
            let mut argv = words(&format!("MSETEX {count}"));
            (0..count).for_each(|_| argv.extend([key(rng).into_bytes(), value(rng)]));
            if rng.u8(0..3) == 0 {
                let option = ["NX", "XX"][rng.usize(0..2)];
                argv.push(in_some_case(rng, option));
            }
            argv.extend(expiry(rng, now_ms, "KEEPTTL"));
            argv
        }
        12 => words(&format!("DIGEST {a}")),
        _ => {
            let mut argv = words(&format!("DELEX {a}"));
            match rng.u8(0..5) {
                0 => {}
                1 => argv.extend([in_some_case(rng, "IFEQ"), value(rng)]),
                2 => argv.extend([in_some_case(rng, "IFNE"), value(rng)]),
                kind => {
                    let name = if kind == 3 { "IFDEQ" } else { "IFDNE" };
                    let digest = format!("{:016x}", xxh3_64(&value(rng)));
                    argv.extend([in_some_case(rng, name), digest.into_bytes()]);
                }
            }
            argv
        }
    }
}

/// An option that sets a deadline, the option `word`, or none.
fn expiry(rng: &mut Rng, now_ms: i64, word: &str) -> Vec<Vec<u8>> {
    match rng.u8(0..8) {
        0 => vec![in_some_case(rng, "EX"), number(rng).into_bytes()],
        1..3 => vec![in_some_case(rng, "PX"), number(rng).into_bytes()],
        3 => vec![in_some_case(rng, "EXAT"), moment(rng, now_ms, 1_000).into_bytes()],
        4 => vec![in_some_case(rng, "PXAT"), moment(rng, now_ms, 1).into_bytes()],
        5 => vec![in_some_case(rng, word)],
        _ => Vec::new(),
    }
}

fn fraction(rng: &mut Rng) -> String {
    match rng.u8(0..6) {
        0 => ["1e18", "-1e-3", "0x1p3", "nan", "inf", ".5"][rng.usize(0..6)].to_owned(),
        _ => format!("{}.{}", rng.i64(-50..50), rng.u32(0..1_000)),
    }
}

impl Model {
    pub fn more_of_strings(&mut self, client: usize, name: &str, args: &[&[u8]]) -> Outcome {
        let db = self.clients[client].db;
        match name {
            "append" => {
                let old = self.look(db, args[1]).map(|v| v.bytes.clone());
                let bytes = [old.as_deref().unwrap_or_default(), args[2]].concat();
                match old {
                    Some(_) => self.edit(db, args[1], &bytes),
                    None => self.rewrite(db, args[1], &bytes),
                }
                int(num::signed(bytes.len()))
            }
            "strlen" => int(num::signed(self.read(db, args[1]).map_or(0, |v| v.bytes.len()))),
            "setrange" => self.setrange(db, args),
            "getrange" | "substr" => {
                let (start, end) = (parse_int(args[2])?, parse_int(args[3])?);
                let bytes = self.read(db, args[1]).map_or(Vec::new(), |v| v.bytes.clone());
                Ok(Answer::Is(bulk(part(&bytes, start.into(), end.into()))))
            }
            "getdel" => {
                let bytes = self.read(db, args[1]).map(|value| value.bytes.clone());
                self.dbs[db].remove(args[1]);
                Ok(self.text(client, bytes))
            }
            "getex" => self.getex(client, db, args),
            "incrbyfloat" => self.incrbyfloat(db, args),
            "lcs" => self.lcs(client, db, args),
            "msetnx" => self.write_pairs(db, &args[1..], &[b"NX"], None),
            "msetex" => {
                let end = 2 + 2 * usize::try_from(parse_int(args[1])?).unwrap();
                let at_ms = self.expiry("msetex", &args[end..])?;
                self.write_pairs(db, &args[2..end], &args[end..], at_ms)
            }
            "digest" => {
                let digest = self.read(db, args[1]).map(|v| digest(&v.bytes));
                Ok(self.text(client, digest))
            }
            _ => {
                let old = self.look(db, args[1]).map(|value| value.bytes.clone());
                let option = args.get(2).map(|option| option.to_ascii_uppercase());
                let holds = old.is_some_and(|old| match option.as_deref() {
                    None => true,
                    Some(b"IFEQ") => old == args[3],
                    Some(b"IFNE") => old != args[3],
                    Some(b"IFDEQ") => digest(&old) == args[3],
                    _ => digest(&old) != args[3],
                });
                if holds {
                    self.dbs[db].remove(args[1]);
                }
                int(i64::from(holds))
            }
        }
    }

    /// Puts a value; the deadline stays.
    pub fn rewrite(&mut self, db: usize, key: &[u8], bytes: &[u8]) {
        let deadline_ms = self.look(db, key).and_then(|value| value.deadline_ms);
        self.put(db, key, bytes, deadline_ms);
    }

    /// Changes a value in place.
    pub fn edit(&mut self, db: usize, key: &[u8], bytes: &[u8]) {
        self.rewrite(db, key, bytes);
        self.dbs[db].get_mut(key).unwrap().form = Form::Edited;
    }

    fn setrange(&mut self, db: usize, args: &[&[u8]]) -> Outcome {
        let offset = parse_int(args[2])?;
        if offset < 0 {
            return Err("ERR offset is out of range".to_owned());
        }
        let mut bytes = self.look(db, args[1]).map_or(Vec::new(), |v| v.bytes.clone());
        if args[3].is_empty() {
            return int(num::signed(bytes.len()));
        }
        if offset > 1 << 29 {
            let text = "ERR string exceeds maximum allowed size (proto-max-bulk-len)";
            return Err(text.to_owned());
        }
        let start = usize::try_from(offset).unwrap();
        let end = start + args[3].len();
        bytes.resize(bytes.len().max(end), 0);
        bytes.splice(start..end, args[3].iter().copied());
        self.edit(db, args[1], &bytes);
        int(num::signed(bytes.len()))
    }

    fn getex(&mut self, client: usize, db: usize, args: &[&[u8]]) -> Outcome {
        let now_ms = self.now_ms;
        let Some(bytes) = self.read(db, args[1]).map(|value| value.bytes.clone()) else {
            return Ok(self.null(client));
        };
        let at_ms = self.expiry("getex", &args[2..])?;
        if at_ms.is_some_and(|at_ms| at_ms <= now_ms) {
            self.dbs[db].remove(args[1]);
        } else if at_ms.is_some() || args.len() > 2 {
            self.dbs[db].get_mut(args[1]).unwrap().deadline_ms = at_ms;
        }
        Ok(self.text(client, Some(bytes)))
    }

    /// The deadline that options state, if they do.
    fn expiry(&self, name: &str, options: &[&[u8]]) -> Result<Option<i64>, String> {
        for pair in options.windows(2) {
            let (unit, is_relative) = match pair[0].to_ascii_uppercase().as_slice() {
                b"EX" => (1_000, true),
                b"PX" => (1, true),
                b"EXAT" => (1_000, false),
                b"PXAT" => (1, false),
                _ => continue,
            };
            return self.deadline(name, pair[1], unit, is_relative).map(Some);
        }
        Ok(None)
    }

    fn incrbyfloat(&mut self, db: usize, args: &[&[u8]]) -> Outcome {
        let parse = |text: &[u8]| {
            Extended::parse(text).ok_or_else(|| "ERR value is not a valid float".to_owned())
        };
        let old = self.look(db, args[1]).map_or(parse(b"0"), |value| parse(&value.bytes))?;
        let overflow = || "ERR increment would produce NaN or Infinity".to_owned();
        let sum = old.checked_add(parse(args[2])?).ok_or_else(overflow)?.to_string();
        self.rewrite(db, args[1], sum.as_bytes());
        self.dbs[db].get_mut(args[1]).unwrap().form = Form::Summed;
        Ok(Answer::Is(bulk(sum.as_bytes())))
    }

    fn write_pairs(
        &mut self,
        db: usize,
        pairs: &[&[u8]],
        options: &[&[u8]],
        at_ms: Option<i64>,
    ) -> Outcome {
        let has = |word: &[u8]| options.iter().any(|option| option.eq_ignore_ascii_case(word));
        let (nx, xx, keeps) = (has(b"NX"), has(b"XX"), has(b"KEEPTTL"));
        let holds = |exists: bool| (!nx || !exists) && (!xx || exists);
        if !pairs.iter().step_by(2).all(|key| holds(self.look(db, key).is_some())) {
            return int(0);
        }
        for pair in pairs.chunks(2) {
            if keeps {
                self.rewrite(db, pair[0], pair[1]);
            } else {
                self.put(db, pair[0], pair[1], at_ms);
            }
        }
        int(1)
    }

    fn lcs(&mut self, client: usize, db: usize, args: &[&[u8]]) -> Outcome {
        let [a, b] = [args[1], args[2]]
            .map(|key| self.read(db, key).map_or(Vec::new(), |value| value.bytes.clone()));
        let mut lens = vec![vec![0u32; b.len() + 1]; a.len() + 1];
        for (i, x) in a.iter().enumerate() {
            for (j, y) in b.iter().enumerate() {
                let longest = lens[i][j + 1].max(lens[i + 1][j]);
                lens[i + 1][j + 1] = if x == y { lens[i][j] + 1 } else { longest };
            }
        }
        let (mut i, mut j) = (a.len(), b.len());
        let (mut text, mut runs): (Vec<u8>, Vec<(usize, usize, usize)>) = Default::default();
        let mut goes_on = false;
        while i > 0 && j > 0 {
            if a[i - 1] == b[j - 1] {
                (i, j) = (i - 1, j - 1);
                text.insert(0, a[i]);
                match runs.last_mut().filter(|_| goes_on) {
                    Some(run) => *run = (i, j, run.2 + 1),
                    None => runs.push((i, j, 1)),
                }
                goes_on = true;
                continue;
            }
            goes_on = false;
            if lens[i - 1][j] > lens[i][j - 1] { i -= 1 } else { j -= 1 }
        }
        let has = |word: &[u8]| args.contains(&word);
        if has(b"LEN") {
            return int(num::signed(text.len()));
        }
        if !has(b"IDX") {
            return Ok(Answer::Is(bulk(&text)));
        }
        runs.retain(|run| !has(b"MINMATCHLEN") || run.2 >= 2);
        let runs = runs.iter().map(|(i, j, len)| {
            let with_len = if has(b"WITHMATCHLEN") { format!(", {len}") } else { String::new() };
            format!("[[{i}, {}], [{j}, {}]{with_len}]", i + len - 1, j + len - 1)
        });
        let (runs, len) = (runs.collect::<Vec<_>>().join(", "), text.len());
        Ok(Answer::Is(if self.clients[client].is_resp3 {
            format!("{{\"matches\": [{runs}], \"len\": {len}}}")
        } else {
            format!("[\"matches\", [{runs}], \"len\", {len}]")
        }))
    }
}

fn digest(bytes: &[u8]) -> Vec<u8> {
    format!("{:016x}", xxh3_64(bytes)).into_bytes()
}

fn part(bytes: &[u8], start: i128, end: i128) -> &[u8] {
    let len = i128::from(num::signed(bytes.len()));
    let place = |place: i128| if place < 0 { (place + len).max(0) } else { place };
    let (first, last) = (place(start), place(end).min(len - 1));
    if first > last || (start < 0 && end < 0 && start > end) {
        return b"";
    }
    &bytes[usize::try_from(first).unwrap()..=usize::try_from(last).unwrap()]
}
