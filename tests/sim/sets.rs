//! Sets: what their commands should do.

use crate::held::{Held, Set, WRONG_TYPE};
use crate::lists::at_least_one;
use crate::model::{Answer, Model, Outcome, SYNTAX, bulk, int, parse_int};
use spindle::base::{glob, num};

pub const NAMES: [&str; 17] = [
    "sadd",
    "srem",
    "sismember",
    "smismember",
    "scard",
    "smembers",
    "smove",
    "sinter",
    "sunion",
    "sdiff",
    "sinterstore",
    "sunionstore",
    "sdiffstore",
    "sintercard",
    "sscan",
    "spop",
    "srandmember",
];

impl Model {
    pub fn set_command(&mut self, client: usize, name: &str, args: &[&[u8]]) -> Outcome {
        let (db, key) = (self.clients[client].db, args[1]);
        match name {
            "sadd" | "srem" => {
                let mut set = self.held::<Set>(db, key)?.unwrap_or_default();
                let members = args[2..].iter().map(|member| member.to_vec());
                let changed = if name == "sadd" {
                    members.filter(|member| set.insert(member.clone())).count()
                } else {
                    members.filter(|member| set.remove(member)).count()
                };
                if changed > 0 {
                    self.keep(db, key, set);
                }
                int(num::signed(changed))
            }
            "sismember" => {
                let set = self.read_held::<Set>(db, key)?.unwrap_or_default();
                int(i64::from(set.contains(args[2])))
            }
            "smismember" => {
                let set = self.read_held::<Set>(db, key)?.unwrap_or_default();
                let found = args[2..].iter().map(|m| i64::from(set.contains(*m)).to_string());
                Ok(Answer::Is(format!("[{}]", found.collect::<Vec<_>>().join(", "))))
            }
            "scard" => int(num::signed(self.read_held::<Set>(db, key)?.map_or(0, |set| set.len()))),
            "smembers" => {
                let set = self.read_held::<Set>(db, key)?.unwrap_or_default();
                Ok(self.members(client, &set))
            }
            "smove" => self.smove(db, args),
            "sinter" | "sunion" | "sdiff" => {
                let set = self.combined(db, name, &args[1..])?;
                Ok(self.members(client, &set))
            }
            "sinterstore" | "sunionstore" | "sdiffstore" => {
                let set = self.combined(db, name.trim_end_matches("store"), &args[2..])?;
                let len = set.len();
                self.replace(db, key, set);
                int(num::signed(len))
            }
            "sintercard" => {
                let keys = at_least_one(args[1], "ERR numkeys should be greater than 0")?;
                let limit = match args.get(3 + keys) {
                    None => 0,
                    Some(limit) => usize::try_from(parse_int(limit)?)
                        .map_err(|_| "ERR LIMIT can't be negative".to_owned())?,
                };
                let len = self.combined(db, "sinter", &args[2..2 + keys])?.len();
                int(num::signed(if limit == 0 { len } else { len.min(limit) }))
            }
            "sscan" => {
                let set = self.read_held::<Set>(db, key)?.unwrap_or_default();
                let pattern = args.iter().position(|word| *word == b"MATCH");
                let pattern = pattern.map_or(&b"*"[..], |at| args[at + 1]);
                let found = set.iter().filter(|member| glob::matches(pattern, member));
                Ok(Answer::scanned(found.map(|member| vec![bulk(member)]).collect()))
            }
            "spop" => self.spop(client, db, args),
            _ => self.srandmember(client, db, args),
        }
    }

    fn members(&self, client: usize, set: &Set) -> Answer {
        let open = if self.clients[client].is_resp3 { "~" } else { "[" };
        Answer::groups(open, set.iter().map(|member| vec![bulk(member)]).collect())
    }

    fn smove(&mut self, db: usize, args: &[&[u8]]) -> Outcome {
        let source = self.look(db, args[1]).map(|value| value.held.clone());
        let target = self.look(db, args[2]).map(|value| value.held.clone());
        let Some(source) = source else { return int(0) };
        let Held::Set(mut source) = source else { return Err(WRONG_TYPE.to_owned()) };
        let mut target = match target {
            None => Set::new(),
            Some(Held::Set(target)) => target,
            Some(_) => return Err(WRONG_TYPE.to_owned()),
        };
        if args[1] == args[2] {
            return int(i64::from(source.contains(args[3])));
        }
        if !source.remove(args[3]) {
            return int(0);
        }
        self.keep(db, args[1], source);
        if target.insert(args[3].to_vec()) {
            self.keep(db, args[2], target);
        }
        int(1)
    }

    /// What sets have in common, together or apart. All are looked at, whatever they hold.
    fn combined(&mut self, db: usize, how: &str, keys: &[&[u8]]) -> Result<Set, String> {
        let mut sets = Vec::new();
        for key in keys {
            sets.push(self.read_held::<Set>(db, key)?.unwrap_or_default());
        }
        let mut sets = sets.into_iter();
        let first = sets.next().unwrap_or_default();
        Ok(sets.fold(first, |result, set| match how {
            "sinter" => &result & &set,
            "sunion" => &result | &set,
            _ => &result - &set,
        }))
    }

    /// The members that went are those that the engine told of.
    fn spop(&mut self, client: usize, db: usize, args: &[&[u8]]) -> Outcome {
        let count = match args.get(2) {
            None => None,
            Some(count) => {
                let count = num::parse_i64(count).and_then(|count| usize::try_from(count).ok());
                Some(count.ok_or("ERR value is out of range, must be positive")?)
            }
        };
        let Some(mut set) = self.held::<Set>(db, args[1])? else {
            let none = Answer::groups(self.set_open(client), Vec::new());
            return Ok(if count.is_some() { none } else { self.null(client) });
        };
        let wanted = count.unwrap_or(1).min(set.len());
        if wanted == set.len() && count.is_some() {
            self.remove(db, args[1]);
            return Ok(Answer::groups(
                self.set_open(client),
                set.iter().map(|member| vec![bulk(member)]).collect(),
            ));
        }
        if wanted == 0 {
            return Ok(Answer::groups(self.set_open(client), Vec::new()));
        }
        let told = self.told().expect("the reply to SPOP");
        let taken = if count.is_some() { told.items().to_vec() } else { vec![told.clone()] };
        assert_eq!(taken.len(), wanted);
        taken.iter().for_each(|member| assert!(set.remove(member.bytes()), "{member}"));
        self.keep(db, args[1], set);
        Ok(Answer::Is(told.to_string()))
    }

    fn set_open(&self, client: usize) -> &'static str {
        if self.clients[client].is_resp3 { "~" } else { "[" }
    }

    fn srandmember(&mut self, client: usize, db: usize, args: &[&[u8]]) -> Outcome {
        if args.len() > 3 {
            return Err(SYNTAX.to_owned());
        }
        let count = args.get(2).map(|count| parse_int(count)).transpose()?;
        let set = self.read_held::<Set>(db, args[1])?.unwrap_or_default();
        let all: Vec<String> = set.iter().map(|member| bulk(member)).collect();
        self.drawn(client, &all, count)
    }

    /// Checks what the engine has drawn from some items.
    pub fn drawn(&self, client: usize, all: &[String], count: Option<i64>) -> Outcome {
        let Some(told) = self.told() else { return Ok(self.null(client)) };
        let items: Vec<String> = match count {
            None if all.is_empty() => return Ok(self.null(client)),
            None => vec![told.to_string()],
            Some(_) => told.items().iter().map(ToString::to_string).collect(),
        };
        let wanted = match count {
            None => 1,
            Some(0..) if all.is_empty() => 0,
            Some(count @ 0..) => usize::try_from(count).unwrap().min(all.len()),
            Some(_) if all.is_empty() => 0,
            Some(count) => usize::try_from(count.unsigned_abs()).unwrap(),
        };
        assert_eq!(items.len(), wanted, "{told}");
        assert!(items.iter().all(|item| all.contains(item)), "{told} is of {all:?}");
        if count.is_some_and(|count| count > 0) {
            let distinct: std::collections::BTreeSet<_> = items.iter().collect();
            assert_eq!(distinct.len(), items.len(), "{told}");
        }
        Ok(Answer::Is(told.to_string()))
    }
}
