//! What everybody must hear, worked out in the plainest way.

use super::streams::{Stream, keys_read, waits_for};
use std::collections::{BTreeMap, BTreeSet};

/// What may be listened to: channels, patterns, shard channels.
const KINDS: usize = 3;
const CHANNEL: usize = 0;
const PATTERN: usize = 1;
const SHARD: usize = 2;

/// A client.
#[derive(Default)]
pub struct Party {
    pub is_resp3: bool,
    /// CLIENT REPLY OFF.
    pub is_quiet: bool,
    /// What it must be sent, and has not been so far.
    pub inbox: Vec<String>,
    pub queue: Option<Vec<Vec<String>>>,
    /// The keys that it watches, and whether each was there.
    watched: BTreeMap<String, bool>,
    /// Whether one of them has changed.
    is_stale: bool,
    topics: [BTreeSet<String>; KINDS],
    pub(super) tracking: Option<Tracks>,
    /// Its place among those who have tracked, in the order in which they began.
    pub(super) place: Option<usize>,
    /// What CLIENT CACHING has said.
    pub(super) has_chosen: bool,
    pub(super) prefixes: BTreeSet<String>,
}

/// How a party tracks.
#[derive(Clone, Copy, Default)]
pub(super) struct Tracks {
    pub(super) broadcasts: bool,
    pub(super) opts_in: bool,
    pub(super) opts_out: bool,
    pub(super) skips_own: bool,
    pub(super) redirect: Option<usize>,
}

/// What is no longer true.
#[derive(Clone)]
pub(super) enum Notice {
    Keys(Vec<String>),
    All,
}

pub(super) enum Value {
    Text(String),
    /// The left end last.
    List(Vec<String>),
    Stream(Stream),
}

/// All clients and the keys.
#[derive(Default)]
pub struct Model {
    pub parties: Vec<Party>,
    /// Patterns in the order in which they came.
    patterns: Vec<String>,
    pub(super) keys: BTreeMap<String, Value>,
    /// Who waits with which request, first come first served; and when it looks again at the
    /// latest.
    waiting: Vec<Waiter>,
    /// Whose request runs, and the messages that it gets after that.
    pub(super) running: Option<usize>,
    held: Vec<String>,
    /// Keys that have changed since those who wait were served; `None` for all.
    pub(super) touched: Vec<Option<String>>,
    /// Keys that have changed since those who may hold copies were told; `None` for all.
    pub(super) untold: Vec<Option<String>>,
    /// Events that have not been published.
    events: Vec<(String, String)>,
    /// Who has read which key, first come first.
    pub(super) readers: BTreeMap<String, Vec<usize>>,
    /// What those are told who run a command.
    pub(super) postponed: Vec<(usize, Notice)>,
    /// The keys of each prefix that have changed, and who changed each last.
    pub(super) changed: BTreeMap<String, BTreeMap<String, Option<usize>>>,
    /// Those who have tracked, in the order in which they began.
    pub(super) places: Vec<usize>,
    /// When `k1` dies.
    deadline_ms: Option<i64>,
    pub(super) now_ms: i64,
}

/// Someone who waits.
#[derive(Clone)]
struct Waiter {
    party: usize,
    argv: Vec<String>,
    retry_ms: Option<i64>,
}

/// What a request gets.
pub(super) enum Outcome {
    /// A reply.
    Reply(String),
    /// Messages, which come though replies are off.
    Pushed(Vec<String>),
    /// Nothing yet: it waits with this request.
    Waits(Vec<String>),
}

pub(super) fn quoted(items: &[&str]) -> String {
    items.iter().map(|item| format!("\"{item}\"")).collect::<Vec<_>>().join(", ")
}

impl Model {
    pub fn new(now_ms: i64) -> Model {
        Model { now_ms, ..Model::default() }
    }

    pub fn connect(&mut self) {
        self.parties.push(Party::default());
    }

    pub fn is_waiting(&self, party: usize) -> bool {
        self.waiting.iter().any(|waiter| waiter.party == party)
    }

    /// True if something happens at a moment of its own: a key dies, or someone who waits looks
    /// again.
    pub fn has_moments(&self) -> bool {
        self.deadline_ms.is_some() || self.waiting.iter().any(|waiter| waiter.retry_ms.is_some())
    }

    /// True if it may do little, as a subscriber of RESP2.
    pub fn is_limited(&self, party: usize) -> bool {
        let Party { is_resp3, topics, .. } = &self.parties[party];
        !is_resp3 && topics.iter().any(|topics| !topics.is_empty())
    }

    pub fn topic_counts(&self) -> [usize; KINDS] {
        std::array::from_fn(|kind| {
            let all = self.parties.iter().flat_map(|party| &party.topics[kind]);
            all.collect::<BTreeSet<_>>().len()
        })
    }

    /// A client sends a request.
    pub fn run(&mut self, party: usize, argv: Vec<String>) {
        self.running = Some(party);
        let keeps_choice = argv[0] == "CLIENT";
        let outcome = self.admitted(party, argv);
        if let Outcome::Waits(argv) = &outcome {
            let retry_ms = self.retry_ms(argv);
            self.waiting.push(Waiter { party, argv: argv.clone(), retry_ms });
        }
        let own = &mut self.parties[party];
        own.has_chosen &= keeps_choice || own.queue.is_some();
        self.running = None;
        self.answer(party, outcome);
        self.settle();
        self.serve_waiters();
    }

    /// Time has passed.
    pub fn advance(&mut self, now_ms: i64) {
        self.now_ms = now_ms;
        if self.deadline_ms.is_some_and(|at_ms| at_ms <= now_ms) {
            self.note_watched("k1", true);
            self.keys.remove("k1");
            self.deadline_ms = None;
            self.event("k1", "expired");
            self.settle();
            self.tell_of_key("k1", None);
            self.touched.push(Some("k1".to_owned()));
            self.serve_waiters();
        }
        let due = |waiter: &Waiter| waiter.retry_ms.filter(|at_ms| *at_ms <= now_ms);
        let first = |model: &Model| {
            let all = model.waiting.iter().filter(|waiter| due(waiter).is_some());
            all.min_by_key(|waiter| (waiter.retry_ms, waiter.party)).cloned()
        };
        while let Some(waiter) = first(self) {
            self.serve_waiter(&waiter);
        }
        self.settle();
        self.serve_waiters();
        self.end_round();
    }

    /// A key that parties may watch has changed, or died.
    fn note_watched(&mut self, key: &str, has_died: bool) {
        for party in &mut self.parties {
            party.is_stale |= party.watched.get(key).is_some_and(|existed| *existed || !has_died);
        }
    }

    /// What has come together is done: those are told who are told by prefix.
    pub fn end_round(&mut self) {
        for (prefix, keys) in std::mem::take(&mut self.changed) {
            for party in self.places.clone() {
                if !self.parties[party].prefixes.contains(&prefix) {
                    continue;
                }
                let skips_own = self.parties[party].tracking.is_some_and(|mode| mode.skips_own);
                let told = keys.iter().filter(|(_, by)| !skips_own || **by != Some(party));
                let told: Vec<String> = told.map(|(key, _)| key.clone()).collect();
                if !told.is_empty() {
                    self.tell(party, Notice::Keys(told));
                }
            }
        }
    }

    /// Events are published, and those told whose commands have replied.
    fn settle(&mut self) {
        self.publish_events();
        for (party, notice) in std::mem::take(&mut self.postponed) {
            self.tell(party, notice);
        }
    }

    fn answer(&mut self, party: usize, outcome: Outcome) {
        let Party { is_quiet, inbox, .. } = &mut self.parties[party];
        match outcome {
            Outcome::Reply(reply) if !*is_quiet => inbox.push(reply),
            Outcome::Pushed(messages) => inbox.extend(messages),
            Outcome::Reply(_) | Outcome::Waits(_) => {}
        }
        inbox.append(&mut self.held);
    }

    /// Admission: what a subscriber may do, and what is queued.
    fn admitted(&mut self, party: usize, argv: Vec<String>) -> Outcome {
        let name = argv[0].as_str();
        let is_at_once = ["MULTI", "EXEC", "DISCARD", "RESET", "WATCH"].contains(&name);
        let may_listen = name.ends_with("SUBSCRIBE") || ["PING", "RESET"].contains(&name);
        if self.is_limited(party) && !may_listen {
            let full = match name {
                "PUBSUB" | "CLIENT" | "XGROUP" | "XINFO" => {
                    format!("{name}|{}", argv[1]).to_lowercase()
                }
                _ => name.to_lowercase(),
            };
            if let Some(queue) = &mut self.parties[party].queue {
                // It will not run any more.
                queue.push(Vec::new());
            }
            return Outcome::Reply(format!(
                "-ERR Can't execute '{full}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT \
                 / RESET are allowed in this context"
            ));
        }
        match &mut self.parties[party].queue {
            Some(queue) if !is_at_once => {
                queue.push(argv);
                Outcome::Reply("+QUEUED".to_owned())
            }
            _ => self.execute(party, &argv, false),
        }
    }

    fn execute(&mut self, party: usize, argv: &[String], in_transaction: bool) -> Outcome {
        let outcome = self.execute_untold(party, argv, in_transaction);
        self.tell_changes(Some(party));
        let Party { tracking, has_chosen, .. } = self.parties[party];
        if let Some(mode) = tracking
            && !mode.broadcasts
            && !(mode.opts_in && !has_chosen || mode.opts_out && has_chosen)
        {
            for key in keys_read(argv) {
                let readers = self.readers.entry(key).or_default();
                if !readers.contains(&party) {
                    readers.push(party);
                }
            }
        }
        outcome
    }

    fn execute_untold(&mut self, party: usize, argv: &[String], in_transaction: bool) -> Outcome {
        let arg = |index: usize| argv[index].as_str();
        let text = match arg(0) {
            "SUBSCRIBE" => return self.subscribe(party, CHANNEL, argv, true),
            "PSUBSCRIBE" => return self.subscribe(party, PATTERN, argv, true),
            "SSUBSCRIBE" if in_transaction => {
                "-ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client".to_owned()
            }
            "SSUBSCRIBE" => return self.subscribe(party, SHARD, argv, true),
            "UNSUBSCRIBE" => return self.subscribe(party, CHANNEL, argv, false),
            "PUNSUBSCRIBE" => return self.subscribe(party, PATTERN, argv, false),
            "SUNSUBSCRIBE" => return self.subscribe(party, SHARD, argv, false),
            "PING" if self.is_limited(party) => "[\"pong\", \"\"]".to_owned(),
            "PING" => "+PONG".to_owned(),
            "PUBLISH" => self.publish(CHANNEL, arg(1), arg(2)).to_string(),
            "SPUBLISH" => self.publish(SHARD, arg(1), arg(2)).to_string(),
            "RESET" => self.reset(party),
            "CLIENT" if arg(1) == "TRACKING" => self.track(party, &argv[2..]),
            "CLIENT" if arg(1) == "CACHING" => self.choose(party, arg(2)),
            "CLIENT" => {
                self.parties[party].is_quiet = arg(2) == "OFF";
                "+OK".to_owned()
            }
            "MULTI" if self.parties[party].queue.is_some() => {
                "-ERR MULTI calls can not be nested".to_owned()
            }
            "MULTI" => {
                self.parties[party].queue = Some(Vec::new());
                "+OK".to_owned()
            }
            "DISCARD" => {
                self.parties[party].queue = None;
                self.unwatch(party);
                "+OK".to_owned()
            }
            "WATCH" if self.parties[party].queue.is_some() => {
                "-ERR WATCH inside MULTI is not allowed".to_owned()
            }
            "WATCH" => {
                for key in &argv[1..] {
                    let exists = self.keys.contains_key(key);
                    self.parties[party].watched.entry(key.clone()).or_insert(exists);
                }
                "+OK".to_owned()
            }
            "UNWATCH" => {
                self.unwatch(party);
                "+OK".to_owned()
            }
            "EXEC" => self.exec(party),
            "PUBSUB" => {
                let count = self.listening(CHANNEL, arg(2)).len();
                format!("[\"{}\", {count}]", arg(2))
            }
            name if name.starts_with('X') => {
                return self.execute_on_streams(party, argv, in_transaction);
            }
            _ => return self.execute_on_keys(party, argv, in_transaction),
        };
        Outcome::Reply(text)
    }

    fn execute_on_keys(&mut self, party: usize, argv: &[String], in_transaction: bool) -> Outcome {
        let null = if self.parties[party].is_resp3 { "_" } else { "nil" };
        let key = argv.get(1).cloned().unwrap_or_default();
        let text = match argv[0].as_str() {
            "SET" => {
                self.keys.insert(key.clone(), Value::Text(argv[2].clone()));
                self.change(&key, "set");
                let ms = argv.get(4).map(|ms| ms.parse::<i64>().unwrap());
                if ms.is_some() {
                    self.event(&key, "expire");
                }
                if key == "k1" {
                    self.deadline_ms = ms.map(|ms| self.now_ms + ms);
                }
                "+OK".to_owned()
            }
            "GET" => match self.keys.get(&key) {
                Some(Value::Text(text)) => format!("\"{text}\""),
                Some(_) => panic!("texts have keys of their own"),
                None => null.to_owned(),
            },
            "EXISTS" => {
                let count = argv[1..].iter().filter(|key| self.keys.contains_key(*key)).count();
                count.to_string()
            }
            "FLUSHDB" => {
                for key in std::mem::take(&mut self.keys).into_keys() {
                    self.note_watched(&key, false);
                }
                self.deadline_ms = None;
                self.untold.push(None);
                self.touched.push(None);
                "+OK".to_owned()
            }
            "DEL" => {
                if key == "k1" {
                    self.deadline_ms = None;
                }
                let was_there = self.keys.remove(&key).is_some();
                if was_there {
                    self.change(&key, "del");
                }
                usize::from(was_there).to_string()
            }
            "LPUSH" => {
                let list = self.keys.entry(key.clone()).or_insert(Value::List(Vec::new()));
                let Value::List(items) = list else { panic!("texts have keys of their own") };
                items.push(argv[2].clone());
                let len = items.len();
                self.change(&key, "lpush");
                len.to_string()
            }
            "BLPOP" => match self.pop(&key) {
                Some(item) => format!("[{}]", quoted(&[&key, &item])),
                None if in_transaction && self.parties[party].is_resp3 => "_".to_owned(),
                None if in_transaction => "nil-array".to_owned(),
                None => return Outcome::Waits(argv.to_vec()),
            },
            other => panic!("{other} is not modelled"),
        };
        Outcome::Reply(text)
    }

    fn exec(&mut self, party: usize) -> String {
        let Some(queue) = self.parties[party].queue.take() else {
            return "-ERR EXEC without MULTI".to_owned();
        };
        let is_stale = self.parties[party].is_stale;
        self.unwatch(party);
        if queue.iter().any(Vec::is_empty) {
            return "-EXECABORT Transaction discarded because of previous errors.".to_owned();
        }
        if is_stale {
            return if self.parties[party].is_resp3 { "_" } else { "nil-array" }.to_owned();
        }
        let mut replies = Vec::new();
        for argv in queue {
            match self.execute(party, &argv, true) {
                Outcome::Reply(reply) => replies.push(reply),
                Outcome::Pushed(mut messages) => replies.append(&mut messages),
                Outcome::Waits(_) => panic!("nothing of a transaction waits"),
            }
            self.publish_events();
        }
        format!("[{}]", replies.join(", "))
    }

    fn unwatch(&mut self, party: usize) {
        let party = &mut self.parties[party];
        party.watched.clear();
        party.is_stale = false;
    }

    fn reset(&mut self, party: usize) -> String {
        let inbox = std::mem::take(&mut self.parties[party].inbox);
        let place = self.parties[party].place;
        self.disable(party);
        self.parties[party] = Party { inbox, place, ..Party::default() };
        self.forget_patterns();
        "+RESET".to_owned()
    }

    /// Takes the left end of a list.
    fn pop(&mut self, key: &str) -> Option<String> {
        let Some(Value::List(items)) = self.keys.get_mut(key) else { return None };
        let item = items.pop()?;
        let is_empty = items.is_empty();
        if is_empty {
            self.keys.remove(key);
        }
        self.change(key, "lpop");
        if is_empty {
            self.event(key, "del");
        }
        Some(item)
    }

    fn serve_waiters(&mut self) {
        while !self.touched.is_empty() {
            for touched in std::mem::take(&mut self.touched) {
                let keys = touched.map_or_else(|| self.keys_awaited(), |key| vec![key]);
                keys.iter().for_each(|key| self.serve(key));
            }
            self.settle();
        }
    }

    /// The keys that someone waits for, in the order in which the first came.
    fn keys_awaited(&self) -> Vec<String> {
        let first = |key: &String| {
            self.waiting.iter().position(|waiter| waits_for(&waiter.argv).contains(key))
        };
        let all = self.waiting.iter().flat_map(|waiter| waits_for(&waiter.argv));
        let mut keys: Vec<String> = all.collect::<BTreeSet<String>>().into_iter().collect();
        keys.sort_by_key(first);
        keys
    }

    /// Runs the requests again that wait for a key, if there is something for them.
    fn serve(&mut self, key: &String) {
        let waiting = self.waiting.iter();
        let waiting = waiting.filter(|waiter| waits_for(&waiter.argv).contains(key));
        for waiter in waiting.cloned().collect::<Vec<_>>() {
            let is_wanted = match waiter.argv[0].as_str() {
                "BLPOP" => matches!(self.keys.get(key), Some(Value::List(_))),
                "XREAD" => matches!(self.keys.get(key), Some(Value::Stream(_))),
                _ => true,
            };
            if is_wanted {
                self.serve_waiter(&waiter);
            }
        }
    }

    /// Runs a request again that waits.
    fn serve_waiter(&mut self, Waiter { party, argv, .. }: &Waiter) {
        self.running = Some(*party);
        let outcome = self.execute(*party, argv, false);
        self.running = None;
        if let Outcome::Waits(argv) = outcome {
            let retry_ms = self.retry_ms(&argv);
            let place = self.waiting.iter_mut().find(|waiter| waiter.party == *party);
            place.unwrap().retry_ms = retry_ms;
        } else {
            self.waiting.retain(|waiter| waiter.party != *party);
            self.answer(*party, outcome);
        }
    }

    fn subscribe(&mut self, party: usize, kind: usize, argv: &[String], joins: bool) -> Outcome {
        let mut messages = Vec::new();
        for name in &argv[1..] {
            self.publish_events();
            let topics = &mut self.parties[party].topics;
            if joins {
                topics[kind].insert(name.clone());
                if kind == PATTERN && !self.patterns.contains(name) {
                    self.patterns.push(name.clone());
                }
            } else {
                topics[kind].remove(name);
            }
            let count = match kind {
                SHARD => topics[SHARD].len(),
                _ => topics[CHANNEL].len() + topics[PATTERN].len(),
            };
            self.forget_patterns();
            let arrow = if self.parties[party].is_resp3 { ">" } else { "" };
            let word = argv[0].to_lowercase();
            messages.push(format!("{arrow}[{}, {count}]", quoted(&[&word, name])));
        }
        Outcome::Pushed(messages)
    }

    /// Forgets the patterns that nobody listens by.
    fn forget_patterns(&mut self) {
        let Model { parties, patterns, .. } = self;
        patterns.retain(|name| parties.iter().any(|party| party.topics[PATTERN].contains(name)));
    }

    fn listening(&self, kind: usize, name: &str) -> Vec<usize> {
        let all = self.parties.iter().enumerate();
        all.filter(|(_, party)| party.topics[kind].contains(name)).map(|(at, _)| at).collect()
    }

    fn publish(&mut self, kind: usize, channel: &str, payload: &str) -> usize {
        self.publish_events();
        self.send(kind, channel, payload)
    }

    fn send(&mut self, kind: usize, channel: &str, payload: &str) -> usize {
        let mut count = 0;
        let word = if kind == SHARD { "smessage" } else { "message" };
        for party in self.listening(kind, channel) {
            self.push(party, &[word, channel, payload]);
            count += 1;
        }
        if kind == CHANNEL {
            for pattern in self.patterns.clone() {
                if spindle::base::glob::matches(pattern.as_bytes(), channel.as_bytes()) {
                    for party in self.listening(PATTERN, &pattern) {
                        self.push(party, &["pmessage", &pattern, channel, payload]);
                        count += 1;
                    }
                }
            }
        }
        count
    }

    fn push(&mut self, party: usize, items: &[&str]) {
        let arrow = if self.parties[party].is_resp3 { ">" } else { "" };
        let message = format!("{arrow}[{}]", quoted(items));
        if self.running == Some(party) {
            self.held.push(message);
        } else {
            self.parties[party].inbox.push(message);
        }
    }

    /// A key has changed.
    pub(super) fn change(&mut self, key: &str, event: &str) {
        self.note_watched(key, false);
        self.touched.push(Some(key.to_owned()));
        self.untold.push(Some(key.to_owned()));
        self.event(key, event);
    }

    pub(super) fn event(&mut self, key: &str, event: &str) {
        self.events.push((key.to_owned(), event.to_owned()));
    }

    fn publish_events(&mut self) {
        for (key, event) in std::mem::take(&mut self.events) {
            self.send(CHANNEL, &format!("__keyspace@0__:{key}"), &event);
            self.send(CHANNEL, &format!("__keyevent@0__:{event}"), &key);
        }
    }
}
