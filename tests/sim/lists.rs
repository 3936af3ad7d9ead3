//! Lists: what their commands should do.

use crate::held::List;
use crate::model::{Answer, Model, Outcome, SYNTAX, bulk, int, parse_int};
use spindle::base::num;

pub const NAMES: [&str; 18] = [
    "lpush", "rpush", "lpushx", "rpushx", "lpop", "rpop", "llen", "lrange", "lindex", "lset",
    "linsert", "lrem", "ltrim", "lpos", "lmove", "rpoplpush", "lmpop", "blmpop",
];
pub const WAITING: [&str; 4] = ["blpop", "brpop", "blmove", "brpoplpush"];

const NO_KEYS: &str = "ERR numkeys should be greater than 0";
const NO_COUNT: &str = "ERR count should be greater than 0";

/// A number of at least one.
pub fn at_least_one(arg: &[u8], error: &str) -> Result<usize, String> {
    let count = num::parse_i64(arg).and_then(|count| usize::try_from(count).ok());
    count.filter(|count| *count > 0).ok_or_else(|| error.to_owned())
}

fn is_left(arg: &[u8]) -> bool {
    arg.eq_ignore_ascii_case(b"LEFT")
}

fn array(items: &[Vec<u8>]) -> String {
    format!("[{}]", items.iter().map(|item| bulk(item)).collect::<Vec<_>>().join(", "))
}

/// The places that a range names, of so many.
pub fn span(start: i64, stop: i64, len: usize) -> std::ops::Range<usize> {
    let len = num::signed(len);
    let place = |place: i64| if place < 0 { place.saturating_add(len).max(0) } else { place };
    let stop = if stop < 0 { stop.saturating_add(len) } else { stop.min(len - 1) };
    let (start, end) = (place(start), stop.saturating_add(1).max(0));
    if start >= end { 0..0 } else { index(start)..index(end) }
}

/// Takes so many elements from an end, the outermost one first.
fn take(list: &mut List, left: bool, count: usize) -> List {
    let count = count.min(list.len());
    if left {
        return list.drain(..count).collect();
    }
    list.drain(list.len() - count..).rev().collect()
}

impl Model {
    pub fn list(&mut self, client: usize, name: &str, args: &[&[u8]]) -> Outcome {
        let (db, key) = (self.clients[client].db, args[1]);
        match name {
            "lpush" | "rpush" | "lpushx" | "rpushx" => {
                let old = self.held::<List>(db, key)?;
                if old.is_none() && name.ends_with('x') {
                    return int(0);
                }
                let mut list = old.unwrap_or_default();
                for element in &args[2..] {
                    let at = if name.starts_with('l') { 0 } else { list.len() };
                    list.insert(at, element.to_vec());
                }
                let len = list.len();
                self.keep(db, key, list);
                int(num::signed(len))
            }
            "lpop" | "rpop" => self.pop(client, name, args),
            "llen" => int(num::signed(self.read_held::<List>(db, key)?.map_or(0, |l| l.len()))),
            "lrange" => {
                let (start, stop) = (parse_int(args[2])?, parse_int(args[3])?);
                let list = self.read_held::<List>(db, key)?.unwrap_or_default();
                Ok(Answer::Is(array(&list[span(start, stop, list.len())])))
            }
            "lindex" => {
                let list = self.read_held::<List>(db, key)?;
                let Some(list) = list else { return Ok(self.null(client)) };
                let place = place(args[2], list.len())?;
                Ok(self.text(client, place.map(|place| list[place].clone())))
            }
            "ltrim" => {
                let (start, stop) = (parse_int(args[2])?, parse_int(args[3])?);
                if let Some(list) = self.held::<List>(db, key)? {
                    let kept = list[span(start, stop, list.len())].to_vec();
                    self.keep(db, key, kept);
                }
                Ok(Answer::Is("+OK".to_owned()))
            }
            "lpos" => self.lpos(client, db, args),
            "lmove" => self.transfer(client, args, is_left(args[3]), is_left(args[4])),
            "rpoplpush" => self.transfer(client, args, false, true),
            "lmpop" | "blmpop" => self.pop_first(client, name, args),
            _ => self.change(db, name, args),
        }
    }

    /// The commands that change single elements.
    fn change(&mut self, db: usize, name: &str, args: &[&[u8]]) -> Outcome {
        let key = args[1];
        match name {
            "lset" => {
                let list = self.held::<List>(db, key)?;
                let mut list = list.ok_or("ERR no such key")?;
                let place = place(args[2], list.len())?.ok_or("ERR index out of range")?;
                list[place] = args[3].to_vec();
                self.keep(db, key, list);
                Ok(Answer::Is("+OK".to_owned()))
            }
            "linsert" => {
                let Some(mut list) = self.held::<List>(db, key)? else { return int(0) };
                let Some(at) = list.iter().position(|element| element == args[3]) else {
                    return int(-1);
                };
                let is_after = args[2].eq_ignore_ascii_case(b"AFTER");
                list.insert(at + usize::from(is_after), args[4].to_vec());
                let len = list.len();
                self.keep(db, key, list);
                int(num::signed(len))
            }
            _ => {
                let count = parse_int(args[2])?;
                let Some(mut list) = self.held::<List>(db, key)? else { return int(0) };
                let max = if count == 0 { u64::MAX } else { count.unsigned_abs() };
                let mut removed = 0;
                let mut drop = |element: &Vec<u8>| {
                    let is_dropped = element == args[3] && removed < max;
                    removed += u64::from(is_dropped);
                    !is_dropped
                };
                if count < 0 {
                    list.reverse();
                    list.retain(&mut drop);
                    list.reverse();
                } else {
                    list.retain(&mut drop);
                }
                if removed > 0 {
                    self.keep(db, key, list);
                }
                int(num::signed_u64(removed))
            }
        }
    }

    fn pop(&mut self, client: usize, name: &str, args: &[&[u8]]) -> Outcome {
        let db = self.clients[client].db;
        let range = "ERR value is out of range, must be positive";
        let count = args.get(2).map(|count| {
            let count = num::parse_i64(count).and_then(|count| usize::try_from(count).ok());
            count.ok_or_else(|| range.to_owned())
        });
        let count = count.transpose()?;
        let Some(mut list) = self.held::<List>(db, args[1])? else {
            return Ok(if count.is_some() { self.null_array(client) } else { self.null(client) });
        };
        let taken = take(&mut list, name == "lpop", count.unwrap_or(1));
        if !taken.is_empty() {
            self.keep(db, args[1], list);
        }
        Ok(match count {
            None => Answer::Is(bulk(&taken[0])),
            Some(_) => Answer::Is(array(&taken)),
        })
    }

    fn lpos(&mut self, client: usize, db: usize, args: &[&[u8]]) -> Outcome {
        let (mut rank, mut count, mut max) = (1, None, 0);
        for option in args[3..].chunks(2) {
            let value = parse_int(option[1]);
            let positive = |value: Result<i64, String>, name: &str| {
                let error = format!("ERR {name} can't be negative");
                value.ok().filter(|value| *value >= 0).ok_or(error)
            };
            match option[0].to_ascii_uppercase().as_slice() {
                b"RANK" => rank = value?,
                b"COUNT" => count = Some(positive(value, "COUNT")?),
                _ => max = positive(value, "MAXLEN")?,
            }
            if rank == 0 {
                return Err("ERR RANK can't be zero: use 1 to start from the first match, 2 from \
                            the second ... or use negative to start from the end of the list"
                    .to_owned());
            }
            if rank == i64::MIN {
                let bounds = format!("{} and {}", -i64::MAX, i64::MAX);
                return Err(format!("ERR value is out of range, value must between {bounds}"));
            }
        }
        let list = self.read_held::<List>(db, args[1])?.unwrap_or_default();
        let mut places: Vec<usize> = (0..list.len()).collect();
        if rank < 0 {
            places.reverse();
        }
        places.truncate(if max == 0 { usize::MAX } else { index(max) });
        places.retain(|place| list[*place] == args[2]);
        let skipped = usize::try_from(rank.unsigned_abs() - 1).unwrap();
        let mut found = places.into_iter().skip(skipped);
        let Some(count) = count else {
            return found.next().map_or(Ok(self.null(client)), |place| int(num::signed(place)));
        };
        let count = if count == 0 { usize::MAX } else { index(count) };
        let found: Vec<String> = found.take(count).map(|place| place.to_string()).collect();
        Ok(Answer::Is(format!("[{}]", found.join(", "))))
    }

    /// Moves an element to another list, or to another end.
    fn transfer(&mut self, client: usize, args: &[&[u8]], from: bool, to: bool) -> Outcome {
        let db = self.clients[client].db;
        let Some(mut list) = self.held::<List>(db, args[1])? else { return Ok(self.null(client)) };
        let other = self.held::<List>(db, args[2])?;
        let element = take(&mut list, from, 1).remove(0);
        let mut target =
            if args[1] == args[2] { list.clone() } else { other.unwrap_or_default() };
        let at = if to { 0 } else { target.len() };
        target.insert(at, element.clone());
        if args[1] != args[2] {
            self.keep(db, args[2], target);
            self.keep(db, args[1], list);
        } else {
            self.keep(db, args[1], target);
        }
        Ok(Answer::Is(bulk(&element)))
    }

    /// LMPOP, and BLMPOP which has one argument more in front.
    fn pop_first(&mut self, client: usize, name: &str, args: &[&[u8]]) -> Outcome {
        let waits = name == "blmpop";
        let first = if waits { 2 } else { 1 };
        let keys = at_least_one(args[first], NO_KEYS)?;
        let side = args.get(first + 1 + keys).ok_or(SYNTAX)?;
        let count = args.get(first + 3 + keys).map_or(Ok(1), |c| at_least_one(c, NO_COUNT))?;
        let keys = &args[first + 1..first + 1 + keys];
        let until_us = if waits { self.timeout(args[1])? } else { None };
        let db = self.clients[client].db;
        for key in keys {
            let Some(mut list) = self.held::<List>(db, key)? else { continue };
            let taken = take(&mut list, is_left(side), count);
            self.keep(db, key, list);
            return Ok(Answer::Is(format!("[{}, {}]", bulk(key), array(&taken))));
        }
        Ok(if waits { Answer::waits(keys, until_us) } else { self.null_array(client) })
    }

    pub fn waiting_list(&mut self, client: usize, name: &str, args: &[&[u8]]) -> Outcome {
        let (db, last) = (self.clients[client].db, args.len() - 1);
        let until_us = self.timeout(args[last])?;
        if name == "blmove" || name == "brpoplpush" {
            let sides = if last == 3 { (false, true) } else { (is_left(args[3]), is_left(args[4])) };
            return match self.held::<List>(db, args[1])? {
                None => Ok(Answer::waits(&args[1..2], until_us)),
                Some(_) => self.transfer(client, args, sides.0, sides.1),
            };
        }
        for key in &args[1..last] {
            let Some(mut list) = self.held::<List>(db, key)? else { continue };
            let taken = take(&mut list, name == "blpop", 1);
            self.keep(db, key, list);
            return Ok(Answer::Is(format!("[{}, {}]", bulk(key), bulk(&taken[0]))));
        }
        Ok(Answer::waits(&args[1..last], until_us))
    }
}

/// A place counted from either end, if there is one.
fn place(arg: &[u8], len: usize) -> Result<Option<usize>, String> {
    let place = parse_int(arg)?;
    let place = if place < 0 { place.saturating_add(num::signed(len)) } else { place };
    Ok(usize::try_from(place).ok().filter(|place| *place < len))
}

/// A number that is not negative, as a place.
fn index(value: i64) -> usize {
    usize::try_from(value).unwrap()
}
