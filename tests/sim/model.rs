//! What the server should be, as plainly as it can be said: maps, and a function from request to
//! reply.

use crate::world::{Data, Record};
use crate::{bitmaps, strings};
use spindle::base::{glob, num};
use std::collections::{BTreeMap, BTreeSet};
use xxhash_rust::xxh3::xxh3_64;

/// A reply as the model knows it.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// In the one-line form of `support::reply`.
    Is(String),
    /// An array with these items in any order.
    Items(BTreeSet<String>),
    /// A whole scan: cursor zero and these items in any order.
    Scanned(BTreeSet<String>),
    /// One of these.
    OneOf(BTreeSet<String>),
}

/// A client as the model knows it.
#[derive(Clone, Default)]
pub struct ModelClient {
    pub db: usize,
    pub is_resp3: bool,
    pub channels: BTreeSet<Vec<u8>>,
    pub is_muted: bool,
}

pub struct Value {
    pub bytes: Vec<u8>,
    pub deadline_ms: Option<i64>,
    pub form: Form,
}

/// How a value has come to be, which OBJECT ENCODING tells.
#[derive(Clone, Copy, PartialEq)]
pub enum Form {
    Written,
    /// By INCRBYFLOAT, which makes a string of any number.
    Summed,
    Edited,
}

/// The databases and clients.
pub struct Model {
    pub dbs: Vec<BTreeMap<Vec<u8>, Value>>,
    pub clients: Vec<ModelClient>,
    pub now_ms: i64,
    pub hits: u64,
    pub misses: u64,
    pub expired: u64,
    /// What each client is to receive, in order.
    pub inbox: Vec<Vec<Answer>>,
}

pub type Outcome = Result<Answer, String>;

pub const NOT_AN_INTEGER: &str = "ERR value is not an integer or out of range";
const SYNTAX: &str = "ERR syntax error";

pub fn bulk(bytes: &[u8]) -> String {
    spindle::base::quoted::quote(bytes)
}

pub fn int(value: i64) -> Outcome {
    Ok(Answer::Is(value.to_string()))
}

fn ok() -> Outcome {
    Ok(Answer::Is("+OK".to_owned()))
}

pub fn parse_int(arg: &[u8]) -> Result<i64, String> {
    num::parse_i64(arg).ok_or_else(|| NOT_AN_INTEGER.to_owned())
}

impl Model {
    pub fn new(databases: usize, now_ms: i64) -> Model {
        Model {
            dbs: (0..databases).map(|_| BTreeMap::new()).collect(),
            clients: Vec::new(),
            now_ms,
            hits: 0,
            misses: 0,
            expired: 0,
            inbox: Vec::new(),
        }
    }

    pub fn connect(&mut self) {
        self.clients.push(ModelClient::default());
        self.inbox.push(Vec::new());
    }

    /// Time has moved to `now_ms`: due keys die, earliest first.
    pub fn advance(&mut self, now_ms: i64) {
        self.now_ms = now_ms;
        (0..self.dbs.len()).for_each(|db| self.bury_due(db));
    }

    fn bury_due(&mut self, db: usize) {
        let now_ms = self.now_ms;
        let before = self.dbs[db].len();
        self.dbs[db].retain(|_, value| value.deadline_ms.is_none_or(|at_ms| at_ms > now_ms));
        self.expired += (before - self.dbs[db].len()) as u64;
    }

    pub fn dump(&self) -> Vec<Record> {
        let dbs = self.dbs.iter().enumerate();
        dbs.flat_map(|(index, db)| {
            db.iter().map(move |(key, v)| {
                (index, key.clone(), Data::Text(v.bytes.clone()), v.deadline_ms)
            })
        })
        .collect()
    }

    pub fn earliest_ms(&self) -> Option<i64> {
        self.dbs.iter().flat_map(BTreeMap::values).filter_map(|value| value.deadline_ms).min()
    }

    /// Runs a request; what the client and others receive goes to their inboxes.
    pub fn run(&mut self, client: usize, argv: &[Vec<u8>]) {
        let name = String::from_utf8_lossy(&argv[0]).to_lowercase();
        let args: Vec<&[u8]> = argv.iter().map(Vec::as_slice).collect();
        let was_subscribed = !self.clients[client].channels.is_empty();
        let allowed =
            ["subscribe", "unsubscribe", "ping", "reset", "nosuch"].contains(&name.as_str());
        let mut messages = Vec::new();
        let outcome = if was_subscribed && !self.clients[client].is_resp3 && !allowed {
            let name = match name.as_str() {
                "client" | "latency" | "object" | "slowlog" => {
                    format!("{name}|{}", String::from_utf8_lossy(args[1]).to_lowercase())
                }
                _ => name.clone(),
            };
            Err(format!(
                "ERR Can't execute '{name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT \
                 / RESET are allowed in this context"
            ))
        } else {
            match name.as_str() {
                "subscribe" | "unsubscribe" => {
                    self.subscribe(client, &name, &args);
                    return;
                }
                "publish" => {
                    messages.push((args[1].to_vec(), args[2].to_vec()));
                    let listening = |c: &&ModelClient| c.channels.contains(args[1]);
                    int(num::signed(self.clients.iter().filter(listening).count()))
                }
                _ => self.command(client, &name, &args),
            }
        };
        let is_muted = self.clients[client].is_muted;
        let answer = outcome.unwrap_or_else(|error| Answer::Is(format!("-{error}")));
        if !is_muted {
            self.inbox[client].push(answer);
        }
        messages.into_iter().for_each(|(channel, payload)| self.deliver(&channel, &payload));
    }

    fn subscribe(&mut self, client: usize, name: &str, args: &[&[u8]]) {
        let this = &mut self.clients[client];
        let (open, null) = if this.is_resp3 { (">[", "_") } else { ("[", "nil") };
        let mut names: Vec<Vec<u8>> = args[1..].iter().map(|arg| arg.to_vec()).collect();
        if names.is_empty() {
            names = this.channels.iter().cloned().collect();
        }
        if names.is_empty() {
            self.inbox[client].push(Answer::Is(format!("{open}\"{name}\", {null}, 0]")));
        }
        for channel in names {
            let this = &mut self.clients[client];
            if name == "subscribe" {
                this.channels.insert(channel.clone());
            } else {
                this.channels.remove(&channel);
            }
            let text = format!("{open}\"{name}\", {}, {}]", bulk(&channel), this.channels.len());
            self.inbox[client].push(Answer::Is(text));
        }
    }

    fn deliver(&mut self, channel: &[u8], payload: &[u8]) {
        for (client, inbox) in self.clients.iter().zip(&mut self.inbox) {
            if client.channels.contains(channel) {
                let open = if client.is_resp3 { ">[" } else { "[" };
                let text = format!("{open}\"message\", {}, {}]", bulk(channel), bulk(payload));
                inbox.push(Answer::Is(text));
            }
        }
    }

    pub fn null(&self, client: usize) -> Answer {
        Answer::Is(if self.clients[client].is_resp3 { "_" } else { "nil" }.to_owned())
    }

    pub fn text(&self, client: usize, bytes: Option<Vec<u8>>) -> Answer {
        bytes.map_or_else(|| self.null(client), |bytes| Answer::Is(bulk(&bytes)))
    }

    /// The live value of a key; one that is due dies here.
    pub fn look(&mut self, db: usize, key: &[u8]) -> Option<&mut Value> {
        let now_ms = self.now_ms;
        let is_due = |value: &Value| value.deadline_ms.is_some_and(|at_ms| at_ms <= now_ms);
        if self.dbs[db].get(key).is_some_and(is_due) {
            self.dbs[db].remove(key);
            self.expired += 1;
        }
        self.dbs[db].get_mut(key)
    }

    pub fn read(&mut self, db: usize, key: &[u8]) -> Option<&mut Value> {
        let is_hit = self.look(db, key).is_some();
        self.hits += u64::from(is_hit);
        self.misses += u64::from(!is_hit);
        self.dbs[db].get_mut(key)
    }

    pub fn put(&mut self, db: usize, key: &[u8], bytes: &[u8], deadline_ms: Option<i64>) {
        self.look(db, key);
        self.dbs[db].insert(
            key.to_vec(),
            Value { bytes: bytes.to_vec(), deadline_ms, form: Form::Written },
        );
    }

    fn live_keys(&self, db: usize) -> BTreeSet<Vec<u8>> {
        let live = self.dbs[db]
            .iter()
            .filter(|(_, value)| value.deadline_ms.is_none_or(|at_ms| at_ms > self.now_ms));
        live.map(|(key, _)| key.clone()).collect()
    }

    fn command(&mut self, client: usize, name: &str, args: &[&[u8]]) -> Outcome {
        match name {
            // Nothing takes time here.
            "slowlog" | "latency" => int(0),
            "ping" | "echo" | "select" | "reset" | "client" => self.connection(client, name, args),
            "get" | "mget" | "set" | "setnx" | "setex" | "psetex" | "getset" | "mset" => {
                self.string(client, name, args)
            }
            "incr" | "decr" | "incrby" | "decrby" => self.count(client, name, args),
            _ if strings::NAMES.contains(&name) => self.more_of_strings(client, name, args),
            _ if bitmaps::NAMES.contains(&name) => self.bitmap(client, name, args),
            _ => self.generic(client, name, args),
        }
    }

    fn connection(&mut self, client: usize, name: &str, args: &[&[u8]]) -> Outcome {
        match name {
            "ping"
                if !self.clients[client].channels.is_empty() && !self.clients[client].is_resp3 =>
            {
                let message = args.get(1).copied().unwrap_or_default();
                Ok(Answer::Is(format!("[\"pong\", {}]", bulk(message))))
            }
            "ping" => Ok(Answer::Is(args.get(1).map_or("+PONG".to_owned(), |m| bulk(m)))),
            "echo" => Ok(Answer::Is(bulk(args[1]))),
            "select" => {
                let index = usize::try_from(parse_int(args[1])?).unwrap_or(usize::MAX);
                if index >= self.dbs.len() {
                    return Err("ERR DB index is out of range".to_owned());
                }
                self.clients[client].db = index;
                ok()
            }
            "reset" => {
                self.clients[client] = ModelClient::default();
                Ok(Answer::Is("+RESET".to_owned()))
            }
            _ => {
                self.clients[client].is_muted = args[2].eq_ignore_ascii_case(b"OFF");
                ok()
            }
        }
    }

    fn string(&mut self, client: usize, name: &str, args: &[&[u8]]) -> Outcome {
        let db = self.clients[client].db;
        match name {
            "get" => {
                let bytes = self.read(db, args[1]).map(|value| value.bytes.clone());
                Ok(self.text(client, bytes))
            }
            "mget" => {
                let mut items = Vec::new();
                for key in &args[1..] {
                    let bytes = self.read(db, key).map(|value| value.bytes.clone());
                    let Answer::Is(item) = self.text(client, bytes) else { unreachable!() };
                    items.push(item);
                }
                Ok(Answer::Is(format!("[{}]", items.join(", "))))
            }
            "set" => self.set(client, db, args),
            "setnx" => {
                let is_free = self.look(db, args[1]).is_none();
                if is_free {
                    self.put(db, args[1], args[2], None);
                }
                int(i64::from(is_free))
            }
            "setex" | "psetex" => {
                let unit = if name == "setex" { 1_000 } else { 1 };
                let at_ms = self.deadline(name, args[2], unit, true)?;
                self.put(db, args[1], args[3], Some(at_ms));
                ok()
            }
            "getset" => {
                let bytes = self.read(db, args[1]).map(|value| value.bytes.clone());
                self.put(db, args[1], args[2], None);
                Ok(self.text(client, bytes))
            }
            _ => {
                if args.len().is_multiple_of(2) {
                    return Err("ERR wrong number of arguments for 'mset' command".to_owned());
                }
                args[1..].chunks(2).for_each(|pair| self.put(db, pair[0], pair[1], None));
                ok()
            }
        }
    }

    fn count(&mut self, client: usize, name: &str, args: &[&[u8]]) -> Outcome {
        let db = self.clients[client].db;
        match name {
            "incr" => self.add(db, args[1], 1),
            "decr" => self.add(db, args[1], -1),
            "incrby" => parse_int(args[2]).and_then(|by| self.add(db, args[1], by)),
            _ => match parse_int(args[2])?.checked_neg() {
                Some(by) => self.add(db, args[1], by),
                None => Err("ERR decrement would overflow".to_owned()),
            },
        }
    }

    fn generic(&mut self, client: usize, name: &str, args: &[&[u8]]) -> Outcome {
        let db = self.clients[client].db;
        match name {
            "del" | "unlink" => {
                let mut count = 0;
                for key in &args[1..] {
                    count += i64::from(self.look(db, key).is_some());
                    self.dbs[db].remove(*key);
                }
                int(count)
            }
            "exists" => {
                let found = args[1..].iter().filter(|key| self.read(db, key).is_some());
                int(num::signed(found.count()))
            }
            "type" => {
                let exists = self.read(db, args[1]).is_some();
                Ok(Answer::Is(if exists { "+string" } else { "+none" }.to_owned()))
            }
            "expire" => self.expire(db, name, args, 1_000, true),
            "pexpire" => self.expire(db, name, args, 1, true),
            "expireat" => self.expire(db, name, args, 1_000, false),
            "pexpireat" => self.expire(db, name, args, 1, false),
            "ttl" | "pttl" | "expiretime" | "pexpiretime" => self.when(db, name, args[1]),
            "persist" => {
                let value = self.look(db, args[1]);
                let had = value.and_then(|value| value.deadline_ms.take()).is_some();
                int(i64::from(had))
            }
            "keys" => {
                let keys = self.live_keys(db);
                let found = keys.iter().filter(|key| glob::matches(args[1], key));
                Ok(Answer::Items(found.map(|key| bulk(key)).collect()))
            }
            "scan" => {
                self.bury_due(db);
                let is_wanted = args.get(5).is_none_or(|kind| kind.eq_ignore_ascii_case(b"string"));
                let keys = self.live_keys(db);
                Ok(Answer::Scanned(keys.iter().filter(|_| is_wanted).map(|k| bulk(k)).collect()))
            }
            "rename" | "renamenx" | "move" | "copy" | "swapdb" => self.move_key(db, name, args),
            "touch" | "object" => self.inspect(client, name, args),
            "randomkey" => {
                let keys = self.live_keys(db);
                if keys.is_empty() {
                    return Ok(self.null(client));
                }
                Ok(Answer::OneOf(keys.iter().map(|key| bulk(key)).collect()))
            }
            "dbsize" => int(num::signed(self.dbs[db].len())),
            "flushdb" => {
                self.dbs[db].clear();
                ok()
            }
            "flushall" => {
                self.dbs.iter_mut().for_each(BTreeMap::clear);
                ok()
            }
            _ => {
                let name = String::from_utf8_lossy(args[0]);
                let rest: String = args[1..]
                    .iter()
                    .map(|a| format!("'{}' ", String::from_utf8_lossy(a)))
                    .collect();
                Err(format!("ERR unknown command '{name}', with args beginning with: {rest}"))
            }
        }
    }

    fn inspect(&mut self, client: usize, name: &str, args: &[&[u8]]) -> Outcome {
        let db = self.clients[client].db;
        if name == "touch" {
            let found = args[1..].iter().filter(|key| self.read(db, key).is_some());
            return int(num::signed(found.count()));
        }
        let value = self.read(db, args[2]).map(|value| (value.bytes.clone(), value.form));
        let Some((bytes, form)) = value else { return Ok(self.null(client)) };
        let number = num::parse_i64(&bytes).filter(|_| form == Form::Written);
        Ok(Answer::Is(match (args[1], number) {
            (b"ENCODING", Some(_)) => "\"int\"".to_owned(),
            (b"ENCODING", None) if form == Form::Edited || bytes.len() > 44 => "\"raw\"".to_owned(),
            (b"ENCODING", None) => "\"embstr\"".to_owned(),
            (_, Some(0..10_000)) => i32::MAX.to_string(),
            _ => "1".to_owned(),
        }))
    }

    fn move_key(&mut self, db: usize, name: &str, args: &[&[u8]]) -> Outcome {
        let number = |at: usize| parse_int(args[at]).map(|db| usize::try_from(db).unwrap());
        let is_copy = name == "copy";
        let (mut to_db, mut to, mut replaces) = (db, args[args.len().min(3) - 1], name == "rename");
        match name {
            "swapdb" => {
                self.dbs.swap(number(1)?, number(2)?);
                return ok();
            }
            "move" => (to_db, to) = (number(2)?, args[1]),
            "copy" => {
                to_db = if args.len() > 3 { number(4)? } else { db };
                replaces = args.len() > 5;
            }
            _ => {}
        }
        let is_same = (to_db, to) == (db, args[1]);
        if is_same && !name.starts_with("rename") {
            return Err("ERR source and destination objects are the same".to_owned());
        }
        let is_occupied = self.look(to_db, to).is_some();
        let found = if is_copy { self.read(db, args[1]) } else { self.look(db, args[1]) };
        let parts = |value: &mut Value| (value.bytes.clone(), value.deadline_ms, value.form);
        let Some(value) = found.map(parts) else {
            return if is_copy || name == "move" { int(0) } else { Err("ERR no such key".into()) };
        };
        if is_occupied && !replaces {
            return int(0);
        }
        if !is_copy {
            self.dbs[db].remove(args[1]);
        }
        self.put(to_db, to, &value.0, value.1);
        self.dbs[to_db].get_mut(to).unwrap().form = value.2;
        if name == "rename" { ok() } else { int(1) }
    }

    fn when(&mut self, db: usize, name: &str, key: &[u8]) -> Outcome {
        let now_ms = self.now_ms;
        int(match self.read(db, key).map(|value| value.deadline_ms) {
            None => -2,
            Some(None) => -1,
            Some(Some(at_ms)) => match name {
                "ttl" => (at_ms - now_ms + 500) / 1_000,
                "pttl" => at_ms - now_ms,
                "expiretime" => at_ms.saturating_add(500) / 1_000,
                _ => at_ms,
            },
        })
    }

    fn add(&mut self, db: usize, key: &[u8], by: i64) -> Outcome {
        let value = self.look(db, key);
        let old = value.as_ref().map_or(Ok(0), |value| parse_int(&value.bytes))?;
        let overflow = || "ERR increment or decrement would overflow".to_owned();
        let bytes = old.checked_add(by).ok_or_else(overflow)?.to_string().into_bytes();
        match value {
            Some(value) => (value.bytes, value.form) = (bytes.clone(), Form::Written),
            None => self.put(db, key, &bytes, None),
        }
        Ok(Answer::Is(String::from_utf8(bytes).unwrap()))
    }

    /// The moment that an argument of `name` states.
    pub fn deadline(
        &self,
        name: &str,
        arg: &[u8],
        unit: i64,
        is_relative: bool,
    ) -> Result<i64, String> {
        let value = parse_int(arg)?;
        let base = if is_relative { self.now_ms } else { 0 };
        let at_ms = value.checked_mul(unit).and_then(|ms| ms.checked_add(base));
        let is_set = name.contains("set") || name == "getex";
        at_ms
            .filter(|_| value > 0 || !is_set)
            .ok_or_else(|| format!("ERR invalid expire time in '{name}' command"))
    }

    fn expire(
        &mut self,
        db: usize,
        name: &str,
        args: &[&[u8]],
        unit: i64,
        is_relative: bool,
    ) -> Outcome {
        let option = args.get(3).map(|option| option.to_ascii_uppercase());
        let at_ms = self.deadline(name, args[2], unit, is_relative)?;
        let now_ms = self.now_ms;
        let Some(value) = self.look(db, args[1]) else { return int(0) };
        let old = value.deadline_ms;
        let holds = match option.as_deref() {
            None => true,
            Some(b"NX") => old.is_none(),
            Some(b"XX") => old.is_some(),
            Some(b"GT") => old.is_some_and(|old| at_ms > old),
            _ => old.is_none_or(|old| at_ms < old),
        };
        if !holds {
            return int(0);
        }
        value.deadline_ms = Some(at_ms);
        if at_ms <= now_ms {
            self.dbs[db].remove(args[1]);
        }
        int(1)
    }

    fn set(&mut self, client: usize, db: usize, args: &[&[u8]]) -> Outcome {
        let (key, value) = (args[1], args[2]);
        let (mut condition, mut wants_old, mut keeps, mut at_ms) = (None, false, false, None);
        let mut rest = &args[3..];
        while let [option, after @ ..] = rest {
            let option = option.to_ascii_uppercase();
            rest = after;
            let (unit, is_relative) = match option.as_slice() {
                b"GET" => {
                    wants_old = true;
                    continue;
                }
                b"KEEPTTL" => {
                    keeps = true;
                    continue;
                }
                b"NX" | b"XX" => {
                    condition = Some((option, Vec::new()));
                    continue;
                }
                b"IFEQ" | b"IFNE" | b"IFDEQ" | b"IFDNE" => {
                    let (value, after) = rest.split_first().ok_or(SYNTAX)?;
                    condition = Some((option, value.to_vec()));
                    rest = after;
                    continue;
                }
                b"EX" => (1_000, true),
                b"PX" => (1, true),
                b"EXAT" => (1_000, false),
                _ => (1, false),
            };
            let (arg, after) = rest.split_first().ok_or(SYNTAX)?;
            at_ms = Some(self.deadline("set", arg, unit, is_relative)?);
            rest = after;
        }
        let found = if wants_old { self.read(db, key) } else { self.look(db, key) };
        let old = found.map(|value| (value.bytes.clone(), value.deadline_ms));
        let digest = |bytes: &[u8]| format!("{:016x}", xxh3_64(bytes)).into_bytes();
        let holds = match &condition {
            None => true,
            Some((option, arg)) => match (option.as_slice(), &old) {
                (b"NX", old) => old.is_none(),
                (b"XX", old) => old.is_some(),
                (b"IFEQ", old) => old.as_ref().is_some_and(|(bytes, _)| bytes == arg),
                (b"IFNE", old) => old.as_ref().is_none_or(|(bytes, _)| bytes != arg),
                (b"IFDEQ", old) => old.as_ref().is_some_and(|(bytes, _)| digest(bytes) == *arg),
                (_, old) => old.as_ref().is_none_or(|(bytes, _)| digest(bytes) != *arg),
            },
        };
        if holds {
            let kept = old.as_ref().and_then(|(_, deadline_ms)| *deadline_ms).filter(|_| keeps);
            self.put(db, key, value, at_ms.or(kept));
        }
        match (wants_old, holds) {
            (true, _) => Ok(self.text(client, old.map(|(bytes, _)| bytes))),
            (false, true) => ok(),
            (false, false) => Ok(self.null(client)),
        }
    }
}
