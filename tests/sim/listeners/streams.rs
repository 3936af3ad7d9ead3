//! Streams and their groups, worked out in the plainest way.

use super::model::{Model, Outcome, Value, quoted};
use std::collections::BTreeMap;

type Id = (u64, u64);

/// Time after which a request looks again that waits for what nobody holds so far.
const LOOKS_AGAIN_MS: i64 = 100;

const NO_KEY: &str = "-ERR The XGROUP subcommand requires the key to exist. Note that for CREATE \
                      you may want to use the MKSTREAM option to create an empty stream \
                      automatically.";

/// A stream.
#[derive(Default)]
pub(super) struct Stream {
    last: Id,
    entries: BTreeMap<Id, [String; 2]>,
    groups: BTreeMap<String, Group>,
    /// How many entries there have ever been, and the highest one that was deleted.
    added: u64,
    max_deleted: Id,
}

/// What a group has been given, and who holds it.
#[derive(Default)]
struct Group {
    last: Id,
    /// How many entries it has been given, if that is known.
    read: Option<u64>,
    consumers: BTreeMap<String, Times>,
    pending: BTreeMap<Id, Held>,
}

/// When a consumer was heard of last, and given something.
struct Times {
    seen_ms: i64,
    active_ms: Option<i64>,
}

/// What is pending: with whom, how often it was given, and when last.
struct Held {
    holder: String,
    given: u64,
    at_ms: i64,
}

fn parse(text: &str) -> Id {
    let (ms, seq) = text.split_once('-').unwrap_or((text, "0"));
    (ms.parse().unwrap(), seq.parse().unwrap())
}

fn shown((ms, seq): Id) -> String {
    format!("\"{ms}-{seq}\"")
}

fn list(items: impl IntoIterator<Item = String>) -> String {
    format!("[{}]", items.into_iter().collect::<Vec<_>>().join(", "))
}

fn after((ms, seq): Id) -> Id {
    (ms, seq + 1)
}

impl Stream {
    fn entry(&self, id: Id) -> String {
        let [field, value] = &self.entries[&id];
        format!("[{}, [{}]]", shown(id), quoted(&[field, value]))
    }

    fn top(&self) -> Option<Id> {
        self.entries.last_key_value().map(|(id, _)| *id)
    }

    fn first(&self) -> Option<Id> {
        self.entries.first_key_value().map(|(id, _)| *id)
    }

    /// Deletes an entry from among others.
    fn delete(&mut self, id: Id) -> bool {
        let was_there = self.entries.remove(&id).is_some();
        if was_there {
            self.max_deleted = self.max_deleted.max(id);
        }
        was_there
    }

    /// Deletes an entry with regard to those who hold it: 1 if it is gone, 2 if it stays, -1 if
    /// there is none.
    fn delete_held(&mut self, id: Id, condition: &str) -> i32 {
        if condition == "DELREF" {
            self.groups.values_mut().for_each(|group| drop(group.pending.remove(&id)));
        }
        let is_done = |group: &Group| group.last >= id && !group.pending.contains_key(&id);
        let may_go = !self.groups.is_empty() && self.groups.values().all(is_done);
        match self.entries.contains_key(&id) {
            false => -1,
            true if condition == "ACKED" && !may_go => 2,
            true => i32::from(self.delete(id)),
        }
    }

    /// Whether an entry may be missing from an id on up to the last one that was deleted.
    fn has_gaps_from(&self, id: Id) -> bool {
        let gap = self.max_deleted;
        gap != (0, 0) && self.first().is_some_and(|first| first <= gap) && id <= gap
    }

    /// How many entries had been added with the one of an id, if that is known for certain.
    fn rank(&self, id: Id) -> Option<u64> {
        if self.added == 0 {
            return Some(0);
        }
        let Some(first) = self.first() else {
            return (id <= self.last).then_some(self.added);
        };
        if id == self.last {
            return Some(self.added);
        }
        if self.max_deleted >= first || id > first || id > self.last {
            return None;
        }
        let before = self.added - u64::try_from(self.entries.len()).unwrap();
        Some(before + u64::from(id == first))
    }

    /// What both forms of XINFO STREAM tell.
    fn facts(&self) -> Vec<(&'static str, String)> {
        // All entries fit into one piece.
        let pieces = usize::from(!self.entries.is_empty());
        vec![
            ("length", self.entries.len().to_string()),
            ("radix-tree-keys", pieces.to_string()),
            ("radix-tree-nodes", (pieces + 1).to_string()),
            ("last-generated-id", shown(self.last)),
            ("max-deleted-entry-id", shown(self.max_deleted)),
            ("entries-added", self.added.to_string()),
            ("recorded-first-entry-id", shown(self.first().unwrap_or_default())),
        ]
    }

    /// What only the full form tells, with so many of each kind.
    fn whole(&self, max: usize, is_resp3: bool) -> [(&'static str, String); 2] {
        let entries = list(self.entries.keys().take(max).map(|id| self.entry(*id)));
        let groups = self.groups.iter().map(|(name, group)| {
            let held = group.pending.iter().take(max).map(|(id, held)| {
                let Held { holder, given, at_ms } = held;
                format!("[{}, \"{holder}\", {at_ms}, {given}]", shown(*id))
            });
            let consumers = group.consumers.iter().map(|(name, times)| {
                let own = group.pending.iter().filter(|(_, held)| held.holder == *name);
                let pairs = [
                    ("name", quoted(&[name])),
                    ("seen-time", times.seen_ms.to_string()),
                    ("active-time", times.active_ms.unwrap_or(-1).to_string()),
                    ("pel-count", own.clone().count().to_string()),
                    (
                        "pending",
                        list(own.take(max).map(|(id, held)| {
                            format!("[{}, {}, {}]", shown(*id), held.at_ms, held.given)
                        })),
                    ),
                ];
                map(is_resp3, &pairs)
            });
            let null = if is_resp3 { "_" } else { "nil" };
            let known = |number: Option<i64>| number.map_or(null.to_owned(), |n| n.to_string());
            let pairs = [
                ("name", quoted(&[name])),
                ("last-delivered-id", shown(group.last)),
                ("entries-read", known(group.read.map(u64::cast_signed))),
                ("lag", known(self.lag(group))),
                ("pel-count", group.pending.len().to_string()),
                ("pending", list(held)),
                ("consumers", list(consumers)),
            ];
            map(is_resp3, &pairs)
        });
        [("entries", entries), ("groups", list(groups))]
    }

    /// How many entries a group has not been given; less than none if it has been told so.
    fn lag(&self, group: &Group) -> Option<i64> {
        let known = group.read.filter(|_| !self.has_gaps_from(group.last));
        match self.added {
            0 => Some(0),
            added => known
                .or_else(|| self.rank(group.last))
                .map(|read| added.cast_signed() - read.cast_signed()),
        }
    }
}

/// Pairs as they are shown in both protocols.
fn map(is_resp3: bool, pairs: &[(&str, String)]) -> String {
    let shown = pairs.iter().map(|(name, value)| match is_resp3 {
        true => format!("\"{name}\": {value}"),
        false => format!("\"{name}\", {value}"),
    });
    let all = shown.collect::<Vec<_>>().join(", ");
    if is_resp3 { format!("{{{all}}}") } else { format!("[{all}]") }
}

/// The number behind a word of a request.
fn number_behind(argv: &[String], word: &str) -> Option<usize> {
    let at = argv.iter().position(|arg| arg == word)?;
    argv[at + 1].parse().ok()
}

/// The keys of a request that reads, each with where the reading begins.
fn reads(argv: &[String]) -> Vec<(String, String)> {
    let first = argv.iter().position(|arg| arg == "STREAMS").unwrap() + 1;
    let count = (argv.len() - first) / 2;
    let pair = |at: usize| (argv[first + at].clone(), argv[first + count + at].clone());
    (0..count).map(pair).collect()
}

/// The keys that a request waits for.
pub(super) fn waits_for(argv: &[String]) -> Vec<String> {
    match argv[0].as_str() {
        "BLPOP" => vec![argv[1].clone()],
        _ => reads(argv).into_iter().map(|(key, _)| key).collect(),
    }
}

/// The keys that a request reads.
pub(super) fn keys_read(argv: &[String]) -> Vec<String> {
    match argv[0].as_str() {
        "GET" | "XLEN" | "XRANGE" | "XREVRANGE" | "XPENDING" => vec![argv[1].clone()],
        "XINFO" => vec![argv[2].clone()],
        "EXISTS" => argv[1..].to_vec(),
        "XREAD" => waits_for(argv),
        _ => Vec::new(),
    }
}

impl Model {
    /// The first part of the last id of a stream.
    pub fn last_ms(&self, key: &str) -> u64 {
        self.stream(key).map_or(0, |stream| stream.last.0)
    }

    fn stream(&self, key: &str) -> Option<&Stream> {
        match self.keys.get(key)? {
            Value::Stream(stream) => Some(stream),
            Value::Text(_) | Value::List(_) => panic!("{key} is for streams"),
        }
    }

    fn stream_mut(&mut self, key: &str) -> Option<&mut Stream> {
        match self.keys.get_mut(key)? {
            Value::Stream(stream) => Some(stream),
            Value::Text(_) | Value::List(_) => panic!("{key} is for streams"),
        }
    }

    fn group_mut(&mut self, key: &str, group: &str) -> Option<&mut Group> {
        self.stream_mut(key)?.groups.get_mut(group)
    }

    fn new_stream(&mut self, key: &str) -> &mut Stream {
        self.keys.entry(key.to_owned()).or_insert_with(|| Value::Stream(Stream::default()));
        self.stream_mut(key).unwrap()
    }

    /// Runs a request to streams.
    pub(super) fn execute_on_streams(
        &mut self,
        party: usize,
        argv: &[String],
        in_transaction: bool,
    ) -> Outcome {
        let key = argv[1].as_str();
        Outcome::Reply(match argv[0].as_str() {
            "XREAD" | "XREADGROUP" => return self.read(party, argv, in_transaction),
            "XADD" => self.add(key, argv),
            "XLEN" => self.stream(key).map_or(0, |stream| stream.entries.len()).to_string(),
            "XRANGE" => list(self.stream(key).into_iter().flat_map(|stream| {
                let max = number_behind(argv, "COUNT").unwrap();
                stream.entries.keys().take(max).map(|id| stream.entry(*id))
            })),
            "XREVRANGE" => list(
                self.stream(key)
                    .into_iter()
                    .flat_map(|stream| stream.entries.keys().rev().map(|id| stream.entry(*id))),
            ),
            "XDEL" => {
                let ids = argv[2..].iter().map(|id| parse(id));
                let Some(stream) = self.stream_mut(key) else {
                    return Outcome::Reply("0".to_owned());
                };
                let gone = ids.filter(|id| stream.delete(*id)).count();
                if gone > 0 {
                    self.change(key, "xdel");
                }
                gone.to_string()
            }
            "XTRIM" => {
                let gone = self.trim(key, argv);
                if gone > 0 {
                    self.change(key, "xtrim");
                }
                gone.to_string()
            }
            "XDELEX" | "XACKDEL" => self.delete_held(key, argv),
            "XSETID" => self.set_id(key, argv),
            "XINFO" => self.inform(&argv[1], &argv[2..], self.parties[party].is_resp3),
            "XGROUP" => self.manage(&argv[1], &argv[2], &argv[3..]),
            "XACK" => {
                let ids = argv[3..].iter().map(|id| parse(id));
                let group = self.group_mut(key, &argv[2]);
                let count = group
                    .map_or(0, |group| ids.filter(|id| group.pending.remove(id).is_some()).count());
                count.to_string()
            }
            _ => self.ask_group(party, argv),
        })
    }

    fn add(&mut self, key: &str, argv: &[String]) -> String {
        let at = if argv[2].starts_with('M') { 4 } else { 2 };
        let last = self.stream(key).map_or((0, 0), |stream| stream.last);
        let now_ms = u64::try_from(self.now_ms).unwrap();
        let id = match argv[at].split_once("-*") {
            Some((ms, _)) => {
                let ms: u64 = ms.parse().unwrap();
                (ms, if ms == last.0 { last.1 + 1 } else { 0 })
            }
            None if argv[at] == "*" && now_ms > last.0 => (now_ms, 0),
            None if argv[at] == "*" => after(last),
            None => parse(&argv[at]),
        };
        if argv[at] == "0-0" {
            return "-ERR The ID specified in XADD must be greater than 0-0".to_owned();
        }
        if id <= last {
            return "-ERR The ID specified in XADD is equal or smaller than the target stream top \
                    item"
                .to_owned();
        }
        let stream = self.new_stream(key);
        stream.last = id;
        stream.added += 1;
        stream.entries.insert(id, [argv[at + 1].clone(), argv[at + 2].clone()]);
        self.change(key, "xadd");
        if at > 2 && self.trim(key, argv) > 0 {
            self.event(key, "xtrim");
        }
        shown(id)
    }

    fn trim(&mut self, key: &str, argv: &[String]) -> usize {
        let Some(stream) = self.stream_mut(key) else { return 0 };
        let excess = match number_behind(argv, "MAXLEN") {
            Some(max) => stream.entries.len().saturating_sub(max),
            None => {
                let at = argv.iter().position(|arg| arg == "MINID").unwrap();
                stream.entries.range(..parse(&argv[at + 1])).count()
            }
        };
        (0..excess).for_each(|_| drop(stream.entries.pop_first()));
        excess
    }

    /// XDELEX and XACKDEL.
    fn delete_held(&mut self, key: &str, argv: &[String]) -> String {
        let group = (argv[0] == "XACKDEL").then_some(argv[2].as_str());
        let ids_at = argv.iter().position(|arg| arg == "IDS").unwrap();
        let condition = argv[ids_at - 1].as_str();
        let ids = argv[ids_at + 2..].iter().map(|id| parse(id)).collect::<Vec<Id>>();
        let Some(stream) = self.stream_mut(key) else {
            return list(ids.iter().map(|_| "-1".to_owned()));
        };
        let mut fates = Vec::new();
        let before = stream.entries.len();
        for id in ids {
            let Some(name) = group else {
                fates.push(stream.delete_held(id, condition));
                continue;
            };
            let own = stream.groups.get_mut(name);
            fates.push(match own.and_then(|group| group.pending.remove(&id)) {
                None => -1,
                // Who acknowledges what is gone is told that it is.
                Some(_) => stream.delete_held(id, condition).abs(),
            });
        }
        if stream.entries.len() < before {
            self.change(key, "xdel");
        }
        list(fates.iter().map(ToString::to_string))
    }

    fn set_id(&mut self, key: &str, argv: &[String]) -> String {
        let id = parse(&argv[2]);
        let added = number_behind(argv, "ENTRIESADDED");
        let Some(stream) = self.stream_mut(key) else { return "-ERR no such key".to_owned() };
        let fault = if id < stream.max_deleted {
            "smaller than current max_deleted_entry_id"
        } else if stream.top().is_some_and(|top| id < top) {
            "smaller than the target stream top item"
        } else if added.is_some_and(|added| added < stream.entries.len()) {
            return "-ERR The entries_added specified in XSETID is smaller than the target stream \
                    length"
                .to_owned();
        } else {
            stream.last = id;
            if let Some(added) = added {
                stream.added = u64::try_from(added).unwrap();
            }
            self.event(key, "xsetid");
            return "+OK".to_owned();
        };
        format!("-ERR The ID specified in XSETID is {fault}")
    }

    /// XINFO.
    fn inform(&self, what: &str, args: &[String], is_resp3: bool) -> String {
        let null = || if is_resp3 { "_" } else { "nil" }.to_owned();
        let count = |len: usize| len.to_string();
        let (key, now_ms) = (args[0].as_str(), self.now_ms);
        let Some(stream) = self.stream(key) else { return "-ERR no such key".to_owned() };
        let shown_if = |number: Option<i64>| number.map_or_else(null, |number| number.to_string());
        if what == "STREAM" {
            let mut pairs = stream.facts();
            if args.len() > 1 {
                let max = number_behind(args, "COUNT").unwrap_or(10);
                pairs.extend(stream.whole(if max == 0 { usize::MAX } else { max }, is_resp3));
            } else {
                let entry = |id: Option<Id>| id.map_or_else(null, |id| stream.entry(id));
                pairs.push(("groups", count(stream.groups.len())));
                pairs.push(("first-entry", entry(stream.first())));
                pairs.push(("last-entry", entry(stream.top())));
            }
            return map(is_resp3, &pairs);
        }
        if what == "GROUPS" {
            return list(stream.groups.iter().map(|(name, group)| {
                let pairs = [
                    ("name", quoted(&[name])),
                    ("consumers", count(group.consumers.len())),
                    ("pending", count(group.pending.len())),
                    ("last-delivered-id", shown(group.last)),
                    ("entries-read", shown_if(group.read.map(u64::cast_signed))),
                    ("lag", shown_if(stream.lag(group))),
                ];
                map(is_resp3, &pairs)
            }));
        }
        let Some(group) = stream.groups.get(&args[1]) else {
            let name = &args[1];
            return format!("-NOGROUP No such consumer group '{name}' for key name '{key}'");
        };
        list(group.consumers.iter().map(|(name, times)| {
            let held = group.pending.values().filter(|held| held.holder == *name).count();
            let inactive_ms = times.active_ms.map_or(-1, |active_ms| now_ms - active_ms);
            let pairs = [
                ("name", quoted(&[name])),
                ("pending", count(held)),
                ("idle", (now_ms - times.seen_ms).to_string()),
                ("inactive", inactive_ms.to_string()),
            ];
            map(is_resp3, &pairs)
        }))
    }

    /// XGROUP.
    fn manage(&mut self, what: &str, key: &str, args: &[String]) -> String {
        let name = args[0].as_str();
        let is_new = self.stream(key).is_none();
        if is_new && !(what == "CREATE" && args.len() > 2) {
            return NO_KEY.to_owned();
        }
        let no_group = format!("-NOGROUP No such consumer group '{name}' for key name '{key}'");
        let now_ms = self.now_ms;
        let stream = self.new_stream(key);
        let stream_last = stream.last;
        let id = |text: &str| if text == "$" { stream_last } else { parse(text) };
        let group = stream.groups.get_mut(name);
        let (event, reply) = match (what, group) {
            ("CREATE", Some(_)) => {
                return "-BUSYGROUP Consumer Group name already exists".to_owned();
            }
            ("CREATE", None) => {
                let group = Group { last: id(&args[1]), ..Group::default() };
                stream.groups.insert(name.to_owned(), group);
                if is_new {
                    self.change(key, "xgroup-create");
                    return "+OK".to_owned();
                }
                ("xgroup-create", "+OK".to_owned())
            }
            ("DESTROY", None) => return "0".to_owned(),
            ("DESTROY", Some(_)) => {
                stream.groups.remove(name);
                self.touched.push(Some(key.to_owned()));
                ("xgroup-destroy", "1".to_owned())
            }
            (_, None) => return no_group,
            ("SETID", Some(group)) => {
                group.last = id(&args[1]);
                group.read = args.get(3).map(|read| read.parse().unwrap());
                ("xgroup-setid", "+OK".to_owned())
            }
            ("CREATECONSUMER", Some(group)) => {
                if group.consumers.contains_key(&args[1]) {
                    return "0".to_owned();
                }
                let times = Times { seen_ms: now_ms, active_ms: None };
                group.consumers.insert(args[1].clone(), times);
                ("xgroup-createconsumer", "1".to_owned())
            }
            (_, Some(group)) => {
                if group.consumers.remove(&args[1]).is_none() {
                    return "0".to_owned();
                }
                let before = group.pending.len();
                group.pending.retain(|_, held| held.holder != args[1]);
                ("xgroup-delconsumer", (before - group.pending.len()).to_string())
            }
        };
        self.event(key, event);
        reply
    }

    /// Sees to it that a group has a consumer, of whom it has just heard.
    fn meet(&mut self, key: &str, group: &str, consumer: &str) {
        let seen_ms = self.now_ms;
        let consumers = &mut self.group_mut(key, group).unwrap().consumers;
        if let Some(times) = consumers.get_mut(consumer) {
            times.seen_ms = seen_ms;
            return;
        }
        consumers.insert(consumer.to_owned(), Times { seen_ms, active_ms: None });
        self.event(key, "xgroup-createconsumer");
    }

    /// When a request that waits for what others hold for too long is to look again, if it does.
    pub(super) fn retry_ms(&self, argv: &[String]) -> Option<i64> {
        let least_ms = i64::try_from(number_behind(argv, "CLAIM")?).unwrap();
        let (key, _) = reads(argv).remove(0);
        let stream = self.stream(&key)?;
        let pending = stream.groups.get(&argv[2])?.pending.iter();
        let held = pending.filter(|(id, _)| stream.entries.contains_key(id));
        let first_ms = held.map(|(_, held)| held.at_ms + least_ms).min();
        // What may come to be pending is looked for now and then.
        let rest_ms = self.now_ms + least_ms.max(LOOKS_AGAIN_MS);
        Some(first_ms.unwrap_or(rest_ms).max(self.now_ms + 1))
    }

    /// XREAD and XREADGROUP.
    fn read(&mut self, party: usize, argv: &[String], in_transaction: bool) -> Outcome {
        let for_group = argv[0] == "XREADGROUP";
        let max = number_behind(argv, "COUNT").unwrap_or(usize::MAX);
        let is_resp3 = self.parties[party].is_resp3;
        let mut again = argv.to_vec();
        let mut found = Vec::new();
        if for_group {
            for (key, _) in reads(argv) {
                if self.group_mut(&key, &argv[2]).is_none() {
                    return Outcome::Reply(format!(
                        "-NOGROUP No such key '{key}' or consumer group '{}' in XREADGROUP with \
                         GROUP option",
                        argv[2]
                    ));
                }
            }
        }
        let pairs = reads(argv);
        let first_id = argv.len() - pairs.len();
        for (at, (key, from)) in pairs.into_iter().enumerate() {
            let entries = if for_group {
                self.meet(&key, &argv[2], &argv[3]);
                self.read_for_group(party, &key, (&argv[2], &argv[3]), &from, argv)
            } else {
                let stream = self.stream(&key);
                let last = stream.map_or((0, 0), |stream| stream.last);
                let known = if from == "$" { last } else { parse(&from) };
                again[first_id + at] = format!("{}-{}", known.0, known.1);
                let news = stream.into_iter().flat_map(|stream| {
                    stream.entries.range(after(known)..).map(|(id, _)| stream.entry(*id))
                });
                let news: Vec<String> = news.take(max).collect();
                (!news.is_empty()).then(|| list(news))
            };
            found.extend(entries.map(|entries| match is_resp3 {
                true => format!("\"{key}\": {entries}"),
                false => format!("[\"{key}\", {entries}]"),
            }));
        }
        match (found.is_empty(), is_resp3) {
            (false, true) => Outcome::Reply(format!("{{{}}}", found.join(", "))),
            (false, false) => Outcome::Reply(list(found)),
            (true, _) if argv.iter().any(|arg| arg == "BLOCK") && !in_transaction => {
                Outcome::Waits(again)
            }
            (true, true) => Outcome::Reply("_".to_owned()),
            (true, false) => Outcome::Reply("nil-array".to_owned()),
        }
    }

    /// What a consumer gets of one stream, if anything is to be told of it.
    fn read_for_group(
        &mut self,
        party: usize,
        key: &str,
        (group, consumer): (&str, &str),
        from: &str,
        argv: &[String],
    ) -> Option<String> {
        let null = if self.parties[party].is_resp3 { "_" } else { "nil-array" };
        let max = number_behind(argv, "COUNT").unwrap_or(usize::MAX);
        let now_ms = self.now_ms;
        let stream = self.stream_mut(key).unwrap();
        let top = stream.top();
        let own = stream.groups.get_mut(group).unwrap();
        if from != ">" {
            let held = own.pending.range_mut(after(parse(from))..);
            let held = held.filter(|(_, held)| held.holder == consumer).take(max);
            let mut ids = Vec::new();
            for (id, held) in held {
                if stream.entries.contains_key(id) {
                    held.given += 1;
                    held.at_ms = now_ms;
                }
                ids.push(*id);
            }
            let entries = ids.into_iter().map(|id| match stream.entries.contains_key(&id) {
                true => stream.entry(id),
                false => format!("[{}, {null}]", shown(id)),
            });
            return Some(list(entries));
        }
        let mut told = Vec::new();
        let least_ms = number_behind(argv, "CLAIM").map(|ms| i64::try_from(ms).unwrap());
        if let Some(least_ms) = least_ms {
            let all = own.pending.iter().filter(|(id, _)| stream.entries.contains_key(id));
            let idle = all.filter(|(_, held)| now_ms - held.at_ms >= least_ms);
            let mut idle: Vec<(i64, Id)> = idle.map(|(id, held)| (held.at_ms, *id)).collect();
            idle.sort_unstable();
            for (at_ms, id) in idle.into_iter().take(max) {
                let held = own.pending.get_mut(&id).unwrap();
                told.push((id, Some((now_ms - at_ms, held.given))));
                *held = Held { holder: consumer.to_owned(), given: held.given + 1, at_ms: now_ms };
                own.consumers.get_mut(consumer).unwrap().active_ms = Some(now_ms);
            }
        }
        let ids: Vec<Id> = match top <= Some(own.last) {
            true => Vec::new(),
            false => stream.entries.range(after(own.last)..).map(|(id, _)| *id).collect(),
        };
        let new = max - told.len();
        for id in ids.into_iter().take(new) {
            let own = &stream.groups[group];
            let read = match own.read {
                Some(read) if !stream.has_gaps_from(id) => Some(read + 1),
                read if stream.added == 0 => read,
                _ => stream.rank(id),
            };
            let own = stream.groups.get_mut(group).unwrap();
            (own.read, own.last) = (read, id);
            if !argv.iter().any(|arg| arg == "NOACK") {
                let held = Held { holder: consumer.to_owned(), given: 1, at_ms: now_ms };
                own.pending.insert(id, held);
                own.consumers.get_mut(consumer).unwrap().active_ms = Some(now_ms);
            }
            told.push((id, least_ms.map(|_| (0, 0))));
        }
        let entry = |(id, delivery): (Id, Option<(i64, u64)>)| match delivery {
            Some((idle_ms, given)) => {
                let entry = stream.entry(id);
                format!("{}, {idle_ms}, {given}]", entry.strip_suffix(']').unwrap())
            }
            None => stream.entry(id),
        };
        (!told.is_empty()).then(|| list(told.into_iter().map(entry)))
    }

    /// XPENDING, XCLAIM and XAUTOCLAIM.
    fn ask_group(&mut self, party: usize, argv: &[String]) -> String {
        let (key, group) = (argv[1].as_str(), argv[2].as_str());
        let is_resp3 = self.parties[party].is_resp3;
        if self.group_mut(key, group).is_none() {
            return format!("-NOGROUP No such key '{key}' or consumer group '{group}'");
        }
        if argv[0] == "XPENDING" {
            return self.summary(key, group, is_resp3);
        }
        let (consumer, now_ms) = (argv[3].as_str(), self.now_ms);
        let least_ms: i64 = argv[4].parse().unwrap();
        self.meet(key, group, consumer);
        let stream = self.stream_mut(key).unwrap();
        let Stream { entries, groups, .. } = &mut *stream;
        let Group { pending, consumers, .. } = groups.get_mut(group).unwrap();
        let has = |word: &str| argv.iter().any(|arg| arg == word);
        let ids: Vec<Id> = match argv[0].as_str() {
            "XCLAIM" => {
                argv[5..].iter().filter(|id| id.contains('-')).map(|id| parse(id)).collect()
            }
            _ => pending.keys().copied().collect(),
        };
        let (mut claimed, mut gone) = (Vec::new(), Vec::new());
        for id in ids {
            if !entries.contains_key(&id) {
                gone.extend(pending.remove(&id).map(|_| id));
                continue;
            }
            let given = match pending.get(&id) {
                Some(held) if now_ms - held.at_ms < least_ms => continue,
                Some(held) => held.given,
                None if has("FORCE") => 1,
                None => continue,
            };
            let given = given + u64::from(!has("JUSTID"));
            pending.insert(id, Held { holder: consumer.to_owned(), given, at_ms: now_ms });
            consumers.get_mut(consumer).unwrap().active_ms = Some(now_ms);
            claimed.push(id);
        }
        let claimed =
            claimed.into_iter().map(|id| if has("JUSTID") { shown(id) } else { stream.entry(id) });
        match argv[0].as_str() {
            "XCLAIM" => list(claimed),
            _ => format!("[\"0-0\", {}, {}]", list(claimed), list(gone.into_iter().map(shown))),
        }
    }

    fn summary(&mut self, key: &str, group: &str, is_resp3: bool) -> String {
        let Group { consumers, pending, .. } = self.group_mut(key, group).unwrap();
        let (Some((first, _)), Some((last, _))) =
            (pending.first_key_value(), pending.last_key_value())
        else {
            return if is_resp3 { "[0, _, _, _]" } else { "[0, nil, nil, nil-array]" }.to_owned();
        };
        let counts = consumers.keys().filter_map(|name| {
            let count = pending.values().filter(|held| held.holder == *name).count();
            (count > 0).then(|| format!("[\"{name}\", \"{count}\"]"))
        });
        format!("[{}, {}, {}, {}]", pending.len(), shown(*first), shown(*last), list(counts))
    }
}
