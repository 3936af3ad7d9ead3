//! Streams and their groups, worked out in the plainest way.

use super::model::{Model, Outcome, Value, quoted};
use std::collections::{BTreeMap, BTreeSet};

type Id = (u64, u64);

const NO_KEY: &str = "-ERR The XGROUP subcommand requires the key to exist. Note that for CREATE \
                      you may want to use the MKSTREAM option to create an empty stream \
                      automatically.";

/// A stream.
#[derive(Default)]
pub(super) struct Stream {
    last: Id,
    entries: BTreeMap<Id, [String; 2]>,
    groups: BTreeMap<String, Group>,
}

/// What a group has been given, and who holds it.
#[derive(Default)]
struct Group {
    last: Id,
    consumers: BTreeSet<String>,
    /// The consumer of what is pending, and how often it was given.
    pending: BTreeMap<Id, (String, u64)>,
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
                let gone = ids.filter(|id| stream.entries.remove(id).is_some()).count();
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
        let at = if argv[2] == "MAXLEN" { 4 } else { 2 };
        let last = self.stream(key).map_or((0, 0), |stream| stream.last);
        let id = match argv[at].split_once("-*") {
            Some((ms, _)) => {
                let ms: u64 = ms.parse().unwrap();
                (ms, if ms == last.0 { last.1 + 1 } else { 0 })
            }
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
        stream.entries.insert(id, [argv[at + 1].clone(), argv[at + 2].clone()]);
        self.change(key, "xadd");
        if at > 2 && self.trim(key, argv) > 0 {
            self.event(key, "xtrim");
        }
        shown(id)
    }

    fn trim(&mut self, key: &str, argv: &[String]) -> usize {
        let max = number_behind(argv, "MAXLEN").unwrap();
        let Some(stream) = self.stream_mut(key) else { return 0 };
        let excess = stream.entries.len().saturating_sub(max);
        (0..excess).for_each(|_| drop(stream.entries.pop_first()));
        excess
    }

    /// XGROUP.
    fn manage(&mut self, what: &str, key: &str, args: &[String]) -> String {
        let name = args[0].as_str();
        let is_new = self.stream(key).is_none();
        if is_new && !(what == "CREATE" && args.len() > 2) {
            return NO_KEY.to_owned();
        }
        let no_group = format!("-NOGROUP No such consumer group '{name}' for key name '{key}'");
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
                ("xgroup-setid", "+OK".to_owned())
            }
            ("CREATECONSUMER", Some(group)) => {
                if !group.consumers.insert(args[1].clone()) {
                    return "0".to_owned();
                }
                ("xgroup-createconsumer", "1".to_owned())
            }
            (_, Some(group)) => {
                if !group.consumers.remove(&args[1]) {
                    return "0".to_owned();
                }
                let before = group.pending.len();
                group.pending.retain(|_, (consumer, _)| *consumer != args[1]);
                ("xgroup-delconsumer", (before - group.pending.len()).to_string())
            }
        };
        self.event(key, event);
        reply
    }

    /// Sees to it that a group has a consumer.
    fn meet(&mut self, key: &str, group: &str, consumer: &str) {
        if self.group_mut(key, group).unwrap().consumers.insert(consumer.to_owned()) {
            self.event(key, "xgroup-createconsumer");
        }
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
        let stream = self.stream_mut(key).unwrap();
        let top = stream.top();
        let own = stream.groups.get_mut(group).unwrap();
        if from != ">" {
            let held = own.pending.range_mut(after(parse(from))..);
            let held = held.filter(|(_, (holder, _))| holder == consumer).take(max);
            let mut ids = Vec::new();
            for (id, (_, given)) in held {
                *given += u64::from(stream.entries.contains_key(id));
                ids.push(*id);
            }
            let entries = ids.into_iter().map(|id| match stream.entries.contains_key(&id) {
                true => stream.entry(id),
                false => format!("[{}, {null}]", shown(id)),
            });
            return Some(list(entries));
        }
        if top <= Some(own.last) {
            return None;
        }
        let ids: Vec<Id> =
            stream.entries.range(after(own.last)..).map(|(id, _)| *id).take(max).collect();
        for id in &ids {
            own.last = *id;
            if !argv.iter().any(|arg| arg == "NOACK") {
                own.pending.insert(*id, (consumer.to_owned(), 1));
            }
        }
        Some(list(ids.into_iter().map(|id| stream.entry(id))))
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
        let consumer = argv[3].as_str();
        self.meet(key, group, consumer);
        let stream = self.stream_mut(key).unwrap();
        let Stream { entries, groups, .. } = &mut *stream;
        let pending = &mut groups.get_mut(group).unwrap().pending;
        let has = |word: &str| argv.iter().any(|arg| arg == word);
        let ids: Vec<Id> = match argv[0].as_str() {
            "XCLAIM" => {
                argv[5..].iter().filter(|id| id.contains('-')).map(|id| parse(id)).collect()
            }
            _ => pending.keys().copied().collect(),
        };
        let (mut claimed, mut gone) = (Vec::new(), Vec::new());
        for id in ids {
            let held = pending.get(&id).map(|(_, given)| *given);
            if !entries.contains_key(&id) {
                gone.extend(pending.remove(&id).map(|_| id));
            } else if let Some(given) = held.or(has("FORCE").then_some(1)) {
                let given = given + u64::from(!has("JUSTID"));
                pending.insert(id, (consumer.to_owned(), given));
                claimed.push(id);
            }
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
        let counts = consumers.iter().filter_map(|name| {
            let count = pending.values().filter(|(holder, _)| holder == name).count();
            (count > 0).then(|| format!("[\"{name}\", \"{count}\"]"))
        });
        format!("[{}, {}, {}, {}]", pending.len(), shown(*first), shown(*last), list(counts))
    }
}
