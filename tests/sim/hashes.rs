//! Hashes and the deadlines of their fields: what their commands should do.

use crate::held::Hash;
use crate::model::{Answer, Model, Outcome, SYNTAX, bulk, int, parse_int};
use spindle::base::extended::Extended;
use spindle::base::{glob, num};

const DEADLINE_MAX_MS: i64 = 1 << 46;

impl Model {
    pub fn hash_command(&mut self, client: usize, name: &str, args: &[&[u8]]) -> Outcome {
        let (db, key) = (self.clients[client].db, args[1]);
        match name {
            "hset" | "hmset" => {
                let mut hash = self.held::<Hash>(db, key)?.unwrap_or_default();
                let pairs = args[2..].chunks(2);
                let added = pairs
                    .filter(|pair| hash.insert(pair[0].to_vec(), (pair[1].to_vec(), None)).is_none())
                    .count();
                self.keep(db, key, hash);
                if name == "hset" { int(num::signed(added)) } else { Ok(Answer::Is("+OK".into())) }
            }
            "hsetnx" => {
                let mut hash = self.held::<Hash>(db, key)?.unwrap_or_default();
                let is_new = !hash.contains_key(args[2]);
                if is_new {
                    hash.insert(args[2].to_vec(), (args[3].to_vec(), None));
                    self.keep(db, key, hash);
                }
                int(i64::from(is_new))
            }
            "hdel" => {
                let Some(mut hash) = self.held::<Hash>(db, key)? else { return int(0) };
                let gone = args[2..].iter().filter(|field| hash.remove(**field).is_some()).count();
                if gone > 0 {
                    self.keep(db, key, hash);
                }
                int(num::signed(gone))
            }
            "hincrby" => {
                let by = parse_int(args[3])?;
                let mut hash = self.held::<Hash>(db, key)?.unwrap_or_default();
                let (value, at_ms) = hash.get(args[2]).cloned().unwrap_or((b"0".to_vec(), None));
                let old = num::parse_i64(&value).ok_or("ERR hash value is not an integer")?;
                let overflow = "ERR increment or decrement would overflow";
                let new = old.checked_add(by).ok_or(overflow)?.to_string();
                hash.insert(args[2].to_vec(), (new.clone().into_bytes(), at_ms));
                self.keep(db, key, hash);
                Ok(Answer::Is(new))
            }
            "hincrbyfloat" => {
                let by = Extended::parse(args[3]).ok_or("ERR value is not a valid float")?;
                if args[3].eq_ignore_ascii_case(b"inf") {
                    return Err("ERR value is NaN or Infinity".to_owned());
                }
                let mut hash = self.held::<Hash>(db, key)?.unwrap_or_default();
                let (value, at_ms) = hash.get(args[2]).cloned().unwrap_or((b"0".to_vec(), None));
                let old = Extended::parse(&value).ok_or("ERR hash value is not a float")?;
                let overflow = "ERR increment would produce NaN or Infinity";
                let new = old.checked_add(by).ok_or(overflow)?.to_string();
                hash.insert(args[2].to_vec(), (new.clone().into_bytes(), at_ms));
                self.keep(db, key, hash);
                Ok(Answer::Is(bulk(new.as_bytes())))
            }
            _ if name.contains("expire") || name.contains("ttl") || name == "hpersist" => {
                self.field_deadlines(db, name, args)
            }
            "hgetdel" | "hgetex" => self.get_and(client, name, args),
            "hsetex" => self.hsetex(db, args),
            _ => self.read_hash(client, name, args),
        }
    }

    /// The commands that only read.
    fn read_hash(&mut self, client: usize, name: &str, args: &[&[u8]]) -> Outcome {
        let db = self.clients[client].db;
        if name == "hrandfield" {
            return self.hrandfield(client, db, args);
        }
        let hash = self.read_held::<Hash>(db, args[1])?.unwrap_or_default();
        let value = |field: &[u8]| hash.get(field).map(|(value, _)| value.clone());
        let is_resp3 = self.clients[client].is_resp3;
        let pair = |(field, (value, _)): (&Vec<u8>, &(Vec<u8>, _))| vec![bulk(field), bulk(value)];
        match name {
            "hget" => Ok(self.text(client, value(args[2]))),
            "hmget" => {
                let found = args[2..].iter().map(|field| self.text(client, value(field)));
                Ok(Answer::list(found))
            }
            "hgetall" => {
                let open = if is_resp3 { "{" } else { "[" };
                Ok(Answer::groups(open, hash.iter().map(pair).collect()))
            }
            "hkeys" => Ok(Answer::groups("[", hash.keys().map(|f| vec![bulk(f)]).collect())),
            "hvals" => {
                Ok(Answer::groups("[", hash.values().map(|(v, _)| vec![bulk(v)]).collect()))
            }
            "hlen" => int(num::signed(hash.len())),
            "hstrlen" => int(num::signed(value(args[2]).map_or(0, |value| value.len()))),
            "hexists" => int(i64::from(hash.contains_key(args[2]))),
            _ => {
                let pattern = args.iter().position(|word| *word == b"MATCH");
                let pattern = pattern.map_or(&b"*"[..], |at| args[at + 1]);
                let found = hash.iter().filter(|(field, _)| glob::matches(pattern, field));
                Ok(Answer::scanned(found.map(pair).collect()))
            }
        }
    }

    fn hrandfield(&mut self, client: usize, db: usize, args: &[&[u8]]) -> Outcome {
        let count = args.get(2).map(|count| parse_int(count)).transpose()?;
        let hash = self.read_held::<Hash>(db, args[1])?.unwrap_or_default();
        if args.len() == 3 || args.len() == 2 {
            let all: Vec<String> = hash.keys().map(|field| bulk(field)).collect();
            return self.drawn(client, &all, count);
        }
        let pairs = hash.iter().map(|(field, (value, _))| [bulk(field), bulk(value)]);
        self.drawn_pairs(client, &pairs.collect::<Vec<_>>(), count)
    }

    /// Checks pairs that the engine has drawn.
    pub fn drawn_pairs(&self, client: usize, all: &[[String; 2]], count: Option<i64>) -> Outcome {
        let Some(told) = self.told() else { return Ok(self.null(client)) };
        let items = told.items();
        let pairs: Vec<[String; 2]> = if self.clients[client].is_resp3 {
            let pair = |item: &crate::support::reply::Reply| {
                [item.items()[0].to_string(), item.items()[1].to_string()]
            };
            items.iter().map(pair).collect()
        } else {
            items.chunks(2).map(|pair| [pair[0].to_string(), pair[1].to_string()]).collect()
        };
        let wanted = usize::try_from(count.unwrap_or(1).unsigned_abs()).unwrap();
        let wanted = match count {
            _ if all.is_empty() => 0,
            Some(..0) => wanted,
            _ => wanted.min(all.len()),
        };
        assert_eq!(pairs.len(), wanted, "{told}");
        assert!(pairs.iter().all(|pair| all.contains(pair)), "{told}");
        Ok(Answer::Is(told.to_string()))
    }

    /// HEXPIRE and its family: deadlines set, told, taken away.
    fn field_deadlines(&mut self, db: usize, name: &str, args: &[&[u8]]) -> Outcome {
        let now_ms = self.now_ms;
        let at = args.iter().position(|word| *word == b"FIELDS").unwrap();
        let fields = &args[at + 2..];
        let sets = ["hexpire", "hpexpire", "hexpireat", "hpexpireat"].contains(&name);
        let held = if name.contains("ttl") || name.ends_with("time") {
            self.read_held::<Hash>(db, args[1])?
        } else {
            self.held::<Hash>(db, args[1])?
        };
        let at_ms = if sets { Some(self.field_moment(name, args[2])?) } else { None };
        let Some(mut hash) = held else {
            return Ok(Answer::list(fields.iter().map(|_| Answer::Is("-2".to_owned()))));
        };
        let (mut told, mut is_changed) = (Vec::new(), false);
        for field in fields {
            let outcome = match (hash.get_mut(*field), at_ms) {
                (None, _) => -2,
                (Some((_, old)), Some(at_ms)) => {
                    let holds = match args[3].to_ascii_uppercase().as_slice() {
                        b"NX" => old.is_none(),
                        b"XX" => old.is_some(),
                        b"GT" => old.is_some_and(|old| at_ms > old),
                        b"LT" => old.is_none_or(|old| at_ms < old),
                        _ => true,
                    };
                    is_changed |= holds;
                    match holds {
                        true if at_ms <= now_ms => {
                            hash.remove(*field);
                            2
                        }
                        true => {
                            *old = Some(at_ms);
                            1
                        }
                        false => 0,
                    }
                }
                (Some((_, None)), None) => -1,
                (Some((_, old @ Some(_))), None) if name == "hpersist" => {
                    (*old, is_changed) = (None, true);
                    1
                }
                (Some((_, Some(at_ms))), None) => match name {
                    "httl" => (*at_ms - now_ms + 999) / 1_000,
                    "hpttl" => *at_ms - now_ms,
                    "hexpiretime" => (*at_ms + 999) / 1_000,
                    _ => *at_ms,
                },
            };
            told.push(Answer::Is(outcome.to_string()));
        }
        if is_changed {
            self.keep(db, args[1], hash);
        }
        Ok(Answer::list(told))
    }

    /// The moment that an argument of a command or of an option states.
    fn field_moment(&self, name: &str, arg: &[u8]) -> Result<i64, String> {
        let is_ms = ["hpexpire", "hpexpireat", "px", "pxat"].contains(&name);
        let command = if name.starts_with('h') { name } else { "" };
        let invalid = |command: &str| format!("ERR invalid expire time in '{command}' command");
        let value = parse_int(arg)?;
        if value < 0 {
            return Err("ERR invalid expire time, must be >= 0".to_owned());
        }
        let base = if name.ends_with("at") { 0 } else { self.now_ms };
        let ms = if is_ms { Some(value) } else { value.checked_mul(1_000) };
        let ms = ms.and_then(|ms| ms.checked_add(base));
        ms.filter(|ms| *ms < DEADLINE_MAX_MS).ok_or_else(|| invalid(command))
    }

    fn get_and(&mut self, client: usize, name: &str, args: &[&[u8]]) -> Outcome {
        let (db, now_ms) = (self.clients[client].db, self.now_ms);
        let at = args.iter().position(|word| *word == b"FIELDS").unwrap();
        let held = self.held::<Hash>(db, args[1])?;
        let option = args[2].to_ascii_lowercase();
        let option = String::from_utf8(option).unwrap();
        let at_ms = match option.as_str() {
            "ex" | "px" | "exat" | "pxat" => Some(self.option_moment(name, &option, args[3])?),
            _ => None,
        };
        let fields = &args[at + 2..];
        let Some(mut hash) = held else {
            return Ok(Answer::list(fields.iter().map(|_| self.null(client))));
        };
        let (mut told, mut is_changed) = (Vec::new(), false);
        for field in fields {
            let value = hash.get(*field).map(|(value, _)| value.clone());
            let is_gone = name == "hgetdel" || at_ms.is_some_and(|at_ms| at_ms <= now_ms);
            if is_gone {
                is_changed |= hash.remove(*field).is_some();
            } else if let Some((_, old)) = hash.get_mut(*field)
                && (at_ms.is_some() || (option == "persist" && old.is_some()))
            {
                (*old, is_changed) = (at_ms, true);
            }
            told.push(self.text(client, value));
        }
        if is_changed {
            self.keep(db, args[1], hash);
        }
        Ok(Answer::list(told))
    }

    fn option_moment(&self, command: &str, option: &str, arg: &[u8]) -> Result<i64, String> {
        let moment = self.field_moment(option, arg);
        moment.map_err(|error| error.replace("''", &format!("'{command}'")))
    }

    fn hsetex(&mut self, db: usize, args: &[&[u8]]) -> Outcome {
        let now_ms = self.now_ms;
        let at = args.iter().position(|word| *word == b"FIELDS").unwrap();
        let (mut condition, mut keeps, mut at_ms) = (None, false, None);
        let mut options = args[2..at].iter();
        while let Some(option) = options.next() {
            let option = String::from_utf8(option.to_ascii_lowercase()).unwrap();
            match option.as_str() {
                "fnx" | "fxx" => condition = Some(option),
                "keepttl" => keeps = true,
                _ => {
                    let arg = options.next().ok_or(SYNTAX)?;
                    at_ms = Some(self.option_moment("hsetex", &option, arg)?);
                }
            }
        }
        let mut hash = self.held::<Hash>(db, args[1])?.unwrap_or_default();
        let pairs = args[at + 2..].chunks(2);
        let wanted = condition.as_deref() == Some("fxx");
        let mut fields = pairs.clone().map(|pair| hash.contains_key(pair[0]));
        if condition.is_some() && !fields.all(|is_there| is_there == wanted) {
            return int(0);
        }
        for pair in pairs {
            let old = hash.get(pair[0]).and_then(|(_, at_ms)| *at_ms).filter(|_| keeps);
            hash.insert(pair[0].to_vec(), (pair[1].to_vec(), at_ms.or(old)));
            if at_ms.is_some_and(|at_ms| at_ms <= now_ms) {
                hash.remove(pair[0]);
            }
        }
        self.keep(db, args[1], hash);
        int(1)
    }
}
