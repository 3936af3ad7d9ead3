//! Bitmaps: what their commands should do, bit by bit, and requests for them.

use crate::model::{Answer, Form, Model, Outcome, int, parse_int};
use crate::requests::{in_some_case, key, number, words};
use fastrand::Rng;
use spindle::base::num;

pub const NAMES: [&str; 7] =
    ["bitcount", "bitfield", "bitfield_ro", "bitop", "bitpos", "getbit", "setbit"];

/// A request that the model knows the reply to.
pub fn request(rng: &mut Rng) -> Vec<Vec<u8>> {
    let a = key(rng);
    match rng.u8(0..10) {
        0..2 => words(&format!("SETBIT {a} {} {}", place(rng), rng.u8(0..2))),
        2 => words(&format!("GETBIT {a} {}", place(rng))),
        3 => {
            let units = ["", " BYTE", " BIT", " byte", " bit"];
            let unit = units[rng.usize(0..units.len())];
            match rng.bool() {
                true => words(&format!("BITCOUNT {a}")),
                false => words(&format!("BITCOUNT {a} {} {}{unit}", number(rng), number(rng))),
            }
        }
        4 => {
            let units = ["", " BYTE", " BIT"];
            let end = format!(" {}{}", number(rng), units[rng.usize(0..3)]);
            let end = if rng.bool() { &end } else { "" };
            let start = format!(" {}{end}", number(rng));
            let start = if rng.u8(0..3) > 0 { &start } else { "" };
            words(&format!("BITPOS {a} {}{start}", rng.u8(0..2)))
        }
        5..7 => {
            let names = ["AND", "OR", "XOR", "NOT", "DIFF", "DIFF1", "ANDOR", "ONE"];
            let mut argv = words(&format!("BITOP OPERATION {a}"));
            let name = names[rng.usize(0..names.len())];
            argv[1] = in_some_case(rng, name);
            argv.extend((0..rng.usize(1..4)).map(|_| key(rng).into_bytes()));
            argv
        }
        7 => {
            let mut line = format!("BITFIELD_RO {a}");
            (0..rng.u8(0..4)).for_each(|_| line += &format!(" GET {}", field(rng)));
            words(&line)
        }
        _ => {
            let mut line = format!("BITFIELD {a}");
            for _ in 0..rng.u8(1..5) {
                line += &match rng.u8(0..4) {
                    0 => format!(" GET {}", field(rng)),
                    1 => format!(" SET {} {}", field(rng), number(rng)),
                    2 => format!(" INCRBY {} {}", field(rng), number(rng)),
                    _ => format!(" OVERFLOW {}", ["WRAP", "SAT", "FAIL"][rng.usize(0..3)]),
                };
            }
            words(&line)
        }
    }
}

fn place(rng: &mut Rng) -> String {
    match rng.u8(0..20) {
        0 => number(rng),
        _ => rng.u32(0..600).to_string(),
    }
}

fn field(rng: &mut Rng) -> String {
    let (sign, hash) = (["i", "u"][rng.usize(0..2)], ["", "#"][rng.usize(0..2)]);
    format!("{sign}{} {hash}{}", rng.u8(1..66), rng.u8(0..20))
}

impl Model {
    pub fn bitmap(&mut self, client: usize, name: &str, args: &[&[u8]]) -> Outcome {
        let db = self.clients[client].db;
        match name {
            "setbit" => {
                let place = parse_place(args[2])?;
                let mut bits = self.look(db, args[1]).map_or(Vec::new(), |v| to_bits(&v.bytes));
                grow(&mut bits, place + 1);
                let old = std::mem::replace(&mut bits[place], args[3] == b"1");
                self.edit(db, args[1], &to_bytes(&bits));
                int(i64::from(old))
            }
            "getbit" => {
                let place = parse_place(args[2])?;
                let bits = self.read(db, args[1]).map_or(Vec::new(), |v| to_bits(&v.bytes));
                int(i64::from(bits.get(place) == Some(&true)))
            }
            "bitcount" => self.bitcount(db, args),
            "bitpos" => self.bitpos(db, args),
            "bitop" => self.bitop(db, args),
            _ => self.bitfield(client, db, args),
        }
    }

    fn bitcount(&mut self, db: usize, args: &[&[u8]]) -> Outcome {
        let Some(value) = self.read(db, args[1]) else { return int(0) };
        let bits = to_bits(&value.bytes);
        if args.len() == 2 {
            return int(num::signed(bits.iter().filter(|bit| **bit).count()));
        }
        let (start, end) = (parse_int(args[2])?, parse_int(args[3])?);
        if start < 0 && end < 0 && start > end {
            return int(0);
        }
        let range = range(bits.len(), start, end, args.get(4).copied());
        int(num::signed(range.filter(|place| bits[*place]).count()))
    }

    fn bitpos(&mut self, db: usize, args: &[&[u8]]) -> Outcome {
        let wanted = args[2] == b"1";
        let Some(value) = self.read(db, args[1]) else { return int(-i64::from(wanted)) };
        let bits = to_bits(&value.bytes);
        let start = args.get(3).map_or(Ok(0), |start| parse_int(start))?;
        let end = args.get(4).map_or(Ok(-1), |end| parse_int(end))?;
        let mut range = range(bits.len(), start, end, args.get(5).copied());
        if range.clone().next().is_none() {
            return int(-1);
        }
        let behind = if wanted || args.len() > 4 { -1 } else { num::signed(bits.len()) };
        int(range.find(|place| bits[*place] == wanted).map_or(behind, num::signed))
    }

    fn bitop(&mut self, db: usize, args: &[&[u8]]) -> Outcome {
        let name = String::from_utf8(args[1].to_ascii_uppercase()).unwrap();
        if name == "NOT" && args.len() > 4 {
            return Err("ERR BITOP NOT must be called with a single source key.".to_owned());
        }
        if ["DIFF", "DIFF1", "ANDOR"].contains(&name.as_str()) && args.len() < 5 {
            return Err(format!("ERR BITOP {name} must be called with at least two source keys."));
        }
        let sources: Vec<Vec<bool>> = args[3..]
            .iter()
            .map(|key| self.read(db, key).map_or(Vec::new(), |v| to_bits(&v.bytes)))
            .collect();
        let len = sources.iter().map(Vec::len).max().unwrap();
        let result = (0..len).map(|place| {
            let column: Vec<bool> =
                sources.iter().map(|bits| bits.get(place) == Some(&true)).collect();
            let count = column.iter().filter(|bit| **bit).count();
            let (first, others) = (column[0], column[1..].contains(&true));
            match name.as_str() {
                "AND" => count == column.len(),
                "OR" => count > 0,
                "XOR" => count % 2 == 1,
                "NOT" => !first,
                "DIFF" => first && !others,
                "DIFF1" => !first && others,
                "ANDOR" => first && others,
                _ => count == 1,
            }
        });
        let result = to_bytes(&result.collect::<Vec<bool>>());
        self.look(db, args[2]);
        self.dbs[db].remove(args[2]);
        if !result.is_empty() {
            self.put(db, args[2], &result, None);
            self.dbs[db].get_mut(args[2]).unwrap().form = Form::Edited;
        }
        int(num::signed(result.len()))
    }

    fn bitfield(&mut self, client: usize, db: usize, args: &[&[u8]]) -> Outcome {
        let steps = parse_steps(&args[2..])?;
        let needed = steps.iter().filter(|step| step.name != "GET").map(|s| s.place + s.width);
        let value = match needed.clone().max() {
            None => self.read(db, args[1]),
            Some(_) => self.look(db, args[1]),
        };
        let mut bits = value.map_or(Vec::new(), |value| to_bits(&value.bytes));
        grow(&mut bits, needed.max().unwrap_or(0));
        let mut replies = Vec::new();
        for step in &steps {
            let Answer::Is(null) = self.null(client) else { unreachable!() };
            replies.push(step.run(&mut bits).map_or(null, |value| value.to_string()));
        }
        if steps.iter().any(|step| step.name != "GET") {
            self.edit(db, args[1], &to_bytes(&bits));
        }
        Ok(Answer::Is(format!("[{}]", replies.join(", "))))
    }
}

/// One operation of BITFIELD.
struct Step {
    name: String,
    is_signed: bool,
    width: usize,
    place: usize,
    value: i64,
    overflow: String,
}

fn parse_steps(args: &[&[u8]]) -> Result<Vec<Step>, String> {
    let (mut steps, mut overflow, mut rest) = (Vec::new(), "WRAP".to_owned(), args);
    while let [name, after @ ..] = rest {
        let name = String::from_utf8(name.to_vec()).unwrap();
        if name == "OVERFLOW" {
            overflow = String::from_utf8(after[0].to_vec()).unwrap();
            rest = &after[1..];
            continue;
        }
        let is_signed = after[0][0] == b'i';
        let width = usize::try_from(parse_int(&after[0][1..])?).unwrap();
        if width > 64 || (!is_signed && width > 63) {
            return Err("ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is \
                        not supported but i64 is."
                .to_owned());
        }
        let place = match after[1].strip_prefix(b"#") {
            Some(index) => parse_place(index)? * width,
            None => parse_place(after[1])?,
        };
        let used = if name == "GET" { 2 } else { 3 };
        let value = if name == "GET" { 0 } else { parse_int(after[2])? };
        rest = &after[used..];
        steps.push(Step { name, is_signed, width, place, value, overflow: overflow.clone() });
    }
    Ok(steps)
}

impl Step {
    fn run(&self, bits: &mut [bool]) -> Option<i128> {
        let unsigned = (self.place..self.place + self.width)
            .fold(0i128, |value, place| value * 2 + i128::from(bits.get(place) == Some(&true)));
        let modulus = 1i128 << self.width;
        let signed = |value: i128| if value >= modulus / 2 { value - modulus } else { value };
        let own = |value: i128| if self.is_signed { signed(value) } else { value };
        let old = own(unsigned);
        if self.name == "GET" {
            return Some(old);
        }
        let given = i128::from(self.value);
        let wanted = match (self.name.as_str(), self.is_signed) {
            ("INCRBY", _) => old + given,
            (_, true) => given,
            (_, false) => given.rem_euclid(1 << 64),
        };
        let (min, max) =
            if self.is_signed { (-modulus / 2, modulus / 2 - 1) } else { (0, modulus - 1) };
        let new = match self.overflow.as_str() {
            _ if wanted >= min && wanted <= max => wanted,
            "WRAP" => own(wanted.rem_euclid(modulus)),
            "SAT" => wanted.clamp(min, max),
            _ => return None,
        };
        for (shift, place) in (self.place..self.place + self.width).rev().enumerate() {
            bits[place] = new >> shift & 1 == 1;
        }
        Some(if self.name == "SET" { old } else { new })
    }
}

fn to_bits(bytes: &[u8]) -> Vec<bool> {
    bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1)).collect()
}

fn to_bytes(bits: &[bool]) -> Vec<u8> {
    let byte = |bits: &[bool]| bits.iter().fold(0, |byte, bit| byte * 2 + u8::from(*bit));
    bits.chunks(8).map(byte).collect()
}

fn grow(bits: &mut Vec<bool>, len: usize) {
    bits.resize(bits.len().max(len.next_multiple_of(8)), false);
}

fn parse_place(arg: &[u8]) -> Result<usize, String> {
    let place = parse_int(arg).ok().filter(|place| (0..1 << 32).contains(place));
    let error = "ERR bit offset is not an integer or out of range";
    place.and_then(|place| usize::try_from(place).ok()).ok_or_else(|| error.to_owned())
}

/// The places of bits that a range of bytes or bits names.
fn range(
    len: usize,
    start: i64,
    end: i64,
    unit: Option<&[u8]>,
) -> impl Iterator<Item = usize> + Clone + use<> {
    let step = if unit.is_some_and(|unit| unit.eq_ignore_ascii_case(b"BIT")) { 1 } else { 8 };
    let units = num::signed(len) / step;
    let place = |place: i64| if place < 0 { place.saturating_add(units).max(0) } else { place };
    let (first, last) = (place(start), place(end).min(units - 1));
    let bound = |place: i64| usize::try_from(place.max(0)).unwrap();
    bound(first.min(units) * step)..bound(last.max(first.min(units) - 1).saturating_add(1) * step)
}
