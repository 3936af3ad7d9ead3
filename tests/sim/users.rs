//! Users by chance: their rights change while others read, write, publish, queue and wait; a plain
//! model decides every reply, every message, whose connection is closed, and what the log holds.

use crate::support::client::encode;
use crate::support::seeds;
use crate::world::Sim;
use fastrand::Rng;
use spindle::base::glob;
use spindle::config::Config;
use std::collections::{BTreeMap, BTreeSet};

const PARTIES: usize = 5;
const STEPS: usize = 600;
const USERS: [&str; 2] = ["u1", "u2"];
const COMMANDS: [&str; 15] = [
    "get",
    "set",
    "del",
    "incr",
    "copy",
    "rpush",
    "blpop",
    "publish",
    "subscribe",
    "psubscribe",
    "ping",
    "multi",
    "exec",
    "discard",
    "acl|whoami",
];

/// A user.
#[derive(Clone, Default)]
struct User {
    is_on: bool,
    /// `None` if any will do.
    password: Option<&'static str>,
    /// Its own rights, then those of its selectors: a request needs all that it takes of one.
    rights: Vec<Rights>,
}

/// What may be done.
#[derive(Clone, Default)]
struct Rights {
    commands: BTreeSet<&'static str>,
    /// Patterns, and whether what matches may be read and written.
    keys: Vec<(&'static str, bool, bool)>,
    channels: Vec<&'static str>,
}

impl Rights {
    fn all() -> Rights {
        Rights { commands: COMMANDS.into(), keys: vec![("*", true, true)], channels: vec!["*"] }
    }

    fn may_touch(&self, key: &str, (reads, writes): (bool, bool)) -> bool {
        // Two patterns do not add up.
        self.keys.iter().any(|(pattern, may_read, may_write)| {
            let is_enough = (*may_read || !reads) && (*may_write || !writes);
            is_enough && glob::matches(pattern.as_bytes(), key.as_bytes())
        })
    }

    fn may_listen(&self, name: &str, is_pattern: bool) -> bool {
        let mut all = self.channels.iter();
        all.any(|own| *own == "*" || *own == name || !is_pattern && is_match(own, name))
    }

    /// What they lack for a request, if so.
    fn lack(&self, argv: &[String]) -> Option<Lack> {
        let args: Vec<&str> = argv[1..].iter().map(String::as_str).collect();
        if argv[0] != "AUTH" && !self.commands.contains(name_of(argv).as_str()) {
            return Some(Lack::Command);
        }
        let uses: &[(bool, bool)] = match argv[0].as_str() {
            "GET" => &[(true, false)],
            "SET" | "DEL" | "RPUSH" => &[(false, true)],
            "INCR" | "BLPOP" => &[(true, true)],
            "COPY" => &[(true, false), (false, true)],
            _ => &[],
        };
        if let Some(at) =
            uses.iter().zip(&args).position(|(usage, key)| !self.may_touch(key, *usage))
        {
            return Some(Lack::Key(at + 1));
        }
        let heard = match argv[0].as_str() {
            "PUBLISH" => &args[..1],
            "SUBSCRIBE" | "PSUBSCRIBE" => &args[..],
            _ => &[],
        };
        let is_pattern = argv[0] == "PSUBSCRIBE";
        let at = heard.iter().position(|name| !self.may_listen(name, is_pattern));
        at.map(|at| Lack::Channel(at + 1))
    }
}

impl User {
    /// Why it may not run a request, if so: what is told is what those rights lack that came
    /// farthest.
    fn lacks(&self, argv: &[String]) -> Option<Lack> {
        let lacks: Option<Vec<Lack>> = self.rights.iter().map(|rights| rights.lack(argv)).collect();
        lacks.map(|lacks| lacks.into_iter().max().unwrap())
    }

    fn may_listen(&self, name: &str, is_pattern: bool) -> bool {
        self.rights.iter().any(|rights| rights.may_listen(name, is_pattern))
    }
}

fn is_match(pattern: &str, name: &str) -> bool {
    glob::matches(pattern.as_bytes(), name.as_bytes())
}

fn name_of(argv: &[String]) -> String {
    let is_acl = argv[0] == "ACL";
    (if is_acl { format!("acl|{}", argv[1]) } else { argv[0].clone() }).to_lowercase()
}

/// What is lacking; for which argument.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Lack {
    Command,
    Key(usize),
    Channel(usize),
}

/// Denials that are alike.
struct Denials {
    count: usize,
    /// Why, where, what and whom.
    what: [String; 4],
}

#[derive(Default)]
struct Party {
    user: &'static str,
    /// The queue, and whether something could not be queued.
    queue: Option<(Vec<Vec<String>>, bool)>,
    channels: BTreeSet<String>,
    patterns: BTreeSet<String>,
    inbox: Vec<String>,
    is_closed: bool,
}

#[derive(Default)]
struct Model {
    users: BTreeMap<&'static str, User>,
    parties: Vec<Party>,
    texts: BTreeMap<String, String>,
    lists: BTreeMap<String, Vec<String>>,
    waiting: Vec<(usize, String)>,
    running: Option<usize>,
    held: Vec<String>,
    /// What has been denied, the latest first.
    log: Vec<Denials>,
}

impl Model {
    fn new() -> Model {
        let all = User { is_on: true, password: None, rights: vec![Rights::all()] };
        Model { users: [("default", all)].into(), ..Model::default() }
    }

    fn is_waiting(&self, party: usize) -> bool {
        self.waiting.iter().any(|(waiter, _)| *waiter == party)
    }

    fn set_user(&mut self, name: &'static str, user: User) {
        for (at, party) in self.parties.iter_mut().enumerate() {
            let keeps = party.channels.iter().all(|name| user.may_listen(name, false))
                && party.patterns.iter().all(|name| user.may_listen(name, true));
            if party.user == name && !keeps {
                party.is_closed = true;
                self.waiting.retain(|(waiter, _)| *waiter != at);
            }
        }
        self.users.insert(name, user);
    }

    fn remove_user(&mut self, name: &str) -> usize {
        for (at, party) in self.parties.iter_mut().enumerate() {
            if party.user == name {
                party.is_closed = true;
                self.waiting.retain(|(waiter, _)| *waiter != at);
            }
        }
        usize::from(self.users.remove(name).is_some())
    }

    fn lacks(&self, party: usize, argv: &[String]) -> Option<Lack> {
        self.users[self.parties[party].user].lacks(argv)
    }

    fn refusal(&self, party: usize, argv: &[String], lack: Lack) -> String {
        match lack {
            Lack::Command => format!(
                "NOPERM User {} has no permissions to run the '{}' command",
                self.parties[party].user,
                name_of(argv)
            ),
            Lack::Key(_) => "NOPERM No permissions to access a key".to_owned(),
            Lack::Channel(_) => "NOPERM No permissions to access a channel".to_owned(),
        }
    }

    /// Notes in the log what was denied.
    fn note(&mut self, party: usize, context: &str, argv: &[String], lack: Lack) {
        let (reason, object) = match lack {
            Lack::Command => ("command", name_of(argv)),
            Lack::Key(at) => ("key", argv[at].clone()),
            Lack::Channel(at) => ("channel", argv[at].clone()),
        };
        self.note_as(self.parties[party].user, (reason, context), object);
    }

    fn note_as(&mut self, user: &str, (reason, context): (&str, &str), object: String) {
        let what = [reason.to_owned(), context.to_owned(), object, user.to_owned()];
        let alike = self.log.iter().take(10).position(|denials| denials.what == what);
        let mut denials = alike.map_or(Denials { count: 0, what }, |at| self.log.remove(at));
        denials.count += 1;
        self.log.insert(0, denials);
        self.log.truncate(128);
    }

    fn context(&self, party: usize) -> &'static str {
        if self.parties[party].queue.is_some() { "multi" } else { "toplevel" }
    }

    /// A party sends a request.
    fn run(&mut self, party: usize, argv: &[String]) {
        self.running = Some(party);
        let reply = self.admit(party, argv);
        self.running = None;
        let Party { inbox, .. } = &mut self.parties[party];
        inbox.extend(reply);
        inbox.append(&mut self.held);
        self.serve();
    }

    fn admit(&mut self, party: usize, argv: &[String]) -> Option<String> {
        if let Some(lack) = self.lacks(party, argv) {
            let text = self.refusal(party, argv, lack);
            self.note(party, self.context(party), argv, lack);
            if argv[0] == "EXEC" {
                self.parties[party].queue = None;
                return Some(format!("-EXECABORT Transaction discarded because of: {text}"));
            }
            if let Some((_, has_failed)) = &mut self.parties[party].queue {
                *has_failed = true;
            }
            return Some(format!("-{text}"));
        }
        if let Some((queue, _)) = &mut self.parties[party].queue
            && !["EXEC", "DISCARD", "MULTI"].contains(&argv[0].as_str())
        {
            queue.push(argv.to_vec());
            return Some("+QUEUED".to_owned());
        }
        self.execute(party, argv, false)
    }

    /// Runs a request; nothing is replied by one that waits.
    fn execute(&mut self, party: usize, argv: &[String], is_queued: bool) -> Option<String> {
        Some(match argv[0].as_str() {
            "AUTH" => match self.users.get_key_value(argv[1].as_str()) {
                Some((name, user))
                    if user.is_on && user.password.is_none_or(|password| password == argv[2]) =>
                {
                    self.parties[party].user = name;
                    "+OK".to_owned()
                }
                _ => {
                    self.note_as(&argv[1], ("auth", "toplevel"), "AUTH".to_owned());
                    "-WRONGPASS invalid username-password pair or user is disabled.".to_owned()
                }
            },
            "ACL" => format!("\"{}\"", self.parties[party].user),
            "PING" => "+PONG".to_owned(),
            "MULTI" => {
                self.parties[party].queue = Some((Vec::new(), false));
                "+OK".to_owned()
            }
            "DISCARD" => match self.parties[party].queue.take() {
                None => "-ERR DISCARD without MULTI".to_owned(),
                Some(_) => "+OK".to_owned(),
            },
            "EXEC" => match self.parties[party].queue.take() {
                None => "-ERR EXEC without MULTI".to_owned(),
                Some((_, true)) => {
                    "-EXECABORT Transaction discarded because of previous errors.".to_owned()
                }
                Some((queue, false)) => {
                    let replies: Vec<String> =
                        queue.iter().map(|argv| self.run_queued(party, argv)).collect();
                    format!("[{}]", replies.join(", "))
                }
            },
            "PUBLISH" => self.publish(&argv[1], &argv[2]).to_string(),
            "SUBSCRIBE" | "PSUBSCRIBE" => self.subscribe(party, argv),
            _ => return self.execute_on_keys(party, argv, is_queued),
        })
    }

    fn subscribe(&mut self, party: usize, argv: &[String]) -> String {
        let own = &mut self.parties[party];
        let is_pattern = argv[0] == "PSUBSCRIBE";
        let topics = if is_pattern { &mut own.patterns } else { &mut own.channels };
        topics.insert(argv[1].clone());
        let count = own.patterns.len() + own.channels.len();
        format!(">[\"{}\", \"{}\", {count}]", argv[0].to_lowercase(), argv[1])
    }

    fn execute_on_keys(
        &mut self,
        party: usize,
        argv: &[String],
        is_queued: bool,
    ) -> Option<String> {
        let arg = |at: usize| argv[at].clone();
        Some(match argv[0].as_str() {
            "GET" => self.texts.get(&argv[1]).map_or("_".to_owned(), |text| format!("\"{text}\"")),
            "SET" => {
                self.texts.insert(arg(1), arg(2));
                "+OK".to_owned()
            }
            "DEL" => usize::from(self.texts.remove(&argv[1]).is_some()).to_string(),
            "INCR" => {
                let text = self.texts.entry(arg(1)).or_insert_with(|| "0".to_owned());
                *text = (text.parse::<i64>().unwrap() + 1).to_string();
                text.clone()
            }
            "COPY" if argv[1] == argv[2] => {
                "-ERR source and destination objects are the same".to_owned()
            }
            "COPY" => match self.texts.get(&argv[1]).cloned() {
                Some(text) if !self.texts.contains_key(&argv[2]) => {
                    self.texts.insert(arg(2), text);
                    "1".to_owned()
                }
                _ => "0".to_owned(),
            },
            "RPUSH" => {
                let list = self.lists.entry(arg(1)).or_default();
                list.push(arg(2));
                list.len().to_string()
            }
            "BLPOP" => match self.pop(&argv[1]) {
                Some(item) => item,
                None if is_queued => "_".to_owned(),
                None => {
                    self.waiting.push((party, arg(1)));
                    return None;
                }
            },
            other => panic!("{other} is not modelled"),
        })
    }

    /// Runs a request whose turn in a queue has come; rights may have changed.
    fn run_queued(&mut self, party: usize, argv: &[String]) -> String {
        let Some(lack) = self.lacks(party, argv) else {
            return self.execute(party, argv, true).unwrap();
        };
        self.note(party, "multi", argv, lack);
        let reason = match lack {
            Lack::Command => "no permission to execute the command or subcommand",
            Lack::Key(_) => "no permission to touch the specified keys",
            Lack::Channel(_) => "no permission to access one of the channels used as arguments",
        };
        format!(
            "-NOPERM ACLs rules changed between the moment the transaction was accumulated and the \
             EXEC call. This command is no longer allowed for the following reason: {reason}"
        )
    }

    fn pop(&mut self, key: &str) -> Option<String> {
        let list = self.lists.get_mut(key).filter(|list| !list.is_empty())?;
        Some(format!("[\"{key}\", \"{}\"]", list.remove(0)))
    }

    fn publish(&mut self, channel: &str, payload: &str) -> usize {
        let mut count = 0;
        for at in 0..self.parties.len() {
            let Party { channels, patterns, .. } = &self.parties[at];
            let mut messages = Vec::new();
            if channels.contains(channel) {
                messages.push(format!(">[\"message\", \"{channel}\", \"{payload}\"]"));
            }
            let matching = patterns.iter().filter(|pattern| is_match(pattern, channel));
            messages.extend(matching.map(|pattern| {
                format!(">[\"pmessage\", \"{pattern}\", \"{channel}\", \"{payload}\"]")
            }));
            count += messages.len();
            match self.running == Some(at) {
                true => self.held.extend(messages),
                false => self.parties[at].inbox.extend(messages),
            }
        }
        count
    }

    /// Serves those who wait, who came first first; who may not have it any more is told.
    fn serve(&mut self) {
        for (party, key) in self.waiting.clone() {
            if self.lists.get(&key).is_none_or(Vec::is_empty) {
                continue;
            }
            let argv = ["BLPOP".to_owned(), key.clone(), "0".to_owned()];
            let reply = match self.lacks(party, &argv) {
                Some(lack) => {
                    self.note(party, "toplevel", &argv, lack);
                    format!("-{}", self.refusal(party, &argv, lack))
                }
                None => self.pop(&key).unwrap(),
            };
            self.waiting.retain(|(waiter, _)| *waiter != party);
            self.parties[party].inbox.push(reply);
        }
    }
}

/// A user by chance, and the rules that make it.
fn user(rng: &mut Rng) -> (User, Vec<String>) {
    let mut rules = vec!["reset".to_owned()];
    let mut user = User { is_on: rng.u8(0..8) > 0, ..User::default() };
    rules.extend(user.is_on.then(|| "on".to_owned()));
    user.password = rng.bool().then_some("pw");
    rules.push(user.password.map_or("nopass".to_owned(), |password| format!(">{password}")));
    let (own, own_rules) = rights(rng);
    user.rights.push(own);
    rules.extend(own_rules);
    for _ in 0..rng.u8(0..3) {
        let (more, more_rules) = rights(rng);
        user.rights.push(more);
        rules.push(format!("({})", more_rules.join(" ")));
    }
    (user, rules)
}

/// Rights by chance, and the rules that make them.
fn rights(rng: &mut Rng) -> (Rights, Vec<String>) {
    let (mut rights, mut rules) = (Rights::default(), Vec::new());
    let starts_full = rng.u8(0..3) > 0;
    if starts_full {
        rules.push("+@all".to_owned());
        rights.commands = COMMANDS.into();
    }
    for command in COMMANDS {
        if rng.u8(0..if starts_full { 12 } else { 3 }) == 0 {
            rules.push(format!("{}{command}", if starts_full { "-" } else { "+" }));
            match starts_full {
                true => rights.commands.remove(command),
                false => rights.commands.insert(command),
            };
        }
    }
    if rng.u8(0..3) == 0 {
        rules.push("~*".to_owned());
        rights.keys.push(("*", true, true));
    } else {
        for (rule, key) in [
            ("~a*", ("a*", true, true)),
            ("%R~b*", ("b*", true, false)),
            ("%W~b1", ("b1", false, true)),
            ("%RW~b2", ("b2", true, true)),
        ] {
            if rng.bool() {
                rules.push(rule.to_owned());
                rights.keys.push(key);
            }
        }
    }
    if rng.u8(0..3) == 0 {
        rules.push("&*".to_owned());
        rights.channels.push("*");
    } else {
        for (rule, channel) in [("&x*", "x*"), ("&y", "y")] {
            if rng.bool() {
                rules.push(rule.to_owned());
                rights.channels.push(channel);
            }
        }
    }
    (rights, rules)
}

fn request(rng: &mut Rng, own: &Party) -> Vec<String> {
    let of = |rng: &mut Rng, words: &[&'static str]| words[rng.usize(0..words.len())];
    let text = of(rng, &["a1", "b1", "b3"]);
    let list = of(rng, &["a2", "b2"]);
    let is_queuing = own.queue.is_some();
    let is_listening = !own.channels.is_empty() || !own.patterns.is_empty();
    let line = match rng.u8(0..28) {
        0..=3 => format!("GET {text}"),
        4..=6 => format!("SET {text} {}", rng.u8(..)),
        7 => format!("DEL {text}"),
        8 | 9 => format!("INCR {text}"),
        10 => format!("COPY {text} {}", of(rng, &["a1", "b1", "b3"])),
        11..=13 => format!("RPUSH {list} {}", rng.u8(..)),
        14 => format!("BLPOP {list} 0"),
        15..=17 => format!("PUBLISH {} {}", of(rng, &["x1", "x2", "y"]), rng.u8(..)),
        18 if !is_queuing => format!("SUBSCRIBE {}", of(rng, &["x1", "x2", "y"])),
        19 if !is_queuing => format!("PSUBSCRIBE {}", of(rng, &["x*", "y"])),
        20 => "ACL WHOAMI".to_owned(),
        21 if !is_queuing => "MULTI".to_owned(),
        21..=23 if is_queuing => of(rng, &["EXEC", "EXEC", "DISCARD"]).to_owned(),
        24..=26 if !is_queuing && !is_listening => {
            let name = of(rng, &["u1", "u2", "u1", "u2", "default"]);
            format!("AUTH {name} {}", of(rng, &["pw", "pw", "other"]))
        }
        _ => "PING".to_owned(),
    };
    line.split(' ').map(str::to_owned).collect()
}

#[test]
fn everybody_does_what_the_model_allows() {
    for seed in seeds(100) {
        println!("seed {seed}");
        run(seed);
    }
}

/// A connection of the default user; its index.
fn connect(sim: &mut Sim) -> usize {
    let conn = sim.connect();
    sim.run(conn, "HELLO 3");
    conn
}

fn run(seed: u64) {
    let mut rng = Rng::with_seed(seed);
    let mut sim = Sim::new(seed, Config::default());
    let mut model = Model::new();
    let admin = connect(&mut sim);
    let mut conns: Vec<usize> = (0..PARTIES).map(|_| connect(&mut sim)).collect();
    model.parties.extend((0..PARTIES).map(|_| Party { user: "default", ..Party::default() }));
    let mut story = Vec::new();
    for _ in 0..STEPS {
        let name = USERS[rng.usize(0..USERS.len())];
        match rng.u8(0..12) {
            0 => {
                let (user, rules) = user(&mut rng);
                let line = format!("ACL SETUSER {name} {}", rules.join(" "));
                model.set_user(name, user);
                assert_eq!(sim.run(admin, &line), ["+OK"], "{line}");
                story.push((PARTIES, line));
            }
            1 if rng.u8(0..4) == 0 => {
                let line = format!("ACL DELUSER {name}");
                let count = model.remove_user(name).to_string();
                assert_eq!(sim.run(admin, &line), [count]);
                story.push((PARTIES, line));
            }
            2 if rng.u8(0..8) == 0 => {
                model.log.clear();
                assert_eq!(sim.run(admin, "ACL LOG RESET"), ["+OK"]);
            }
            _ => {
                let party = rng.usize(0..PARTIES);
                if model.is_waiting(party) {
                    continue;
                }
                let argv = request(&mut rng, &model.parties[party]);
                story.push((party, argv.join(" ")));
                model.run(party, &argv);
                sim.arrive(conns[party], &encode(&argv), 16, |_| {});
            }
        }
        let tail = &story[story.len().saturating_sub(40)..];
        for (party, conn) in conns.iter_mut().enumerate() {
            let own = &mut model.parties[party];
            let replies: Vec<String> = sim.replies(*conn).iter().map(ToString::to_string).collect();
            let expected = std::mem::take(&mut own.inbox);
            assert_eq!(replies, expected, "seed {seed}, party {party}, after {tail:#?}");
            assert_eq!(sim.conns[*conn].is_closed, own.is_closed, "{party} after {tail:#?}");
            if own.is_closed {
                *own = Party { user: "default", ..Party::default() };
                *conn = connect(&mut sim);
            }
        }
    }
    compare_logs(&mut sim, admin, &model);
}

/// The log holds what the model says, the latest first.
fn compare_logs(sim: &mut Sim, admin: usize, model: &Model) {
    let told = sim.run(admin, "ACL LOG 1000").join("");
    let entries: Vec<&str> = told.split("{\"count\": ").skip(1).collect();
    assert_eq!(entries.len(), model.log.len(), "{told}");
    for (entry, Denials { count, what: [reason, context, object, user] }) in
        entries.iter().zip(&model.log)
    {
        let expected = format!(
            "{count}, \"reason\": \"{reason}\", \"context\": \"{context}\", \"object\": \
             \"{object}\", \"username\": \"{user}\", "
        );
        assert!(entry.starts_with(&expected), "{expected} {told}");
    }
}
