//! A driver without sockets: what the server does, with time and chance in the test's hands.
#![allow(dead_code, reason = "each kind of test uses a part of it")]

use crate::support::disk::FakeDisk;
use crate::support::reply::Reply;
use spindle::base::buf::ReadBuffer;
use spindle::base::id::ClientId;
use spindle::base::quoted::quote;
use spindle::base::time::Now;
use spindle::commands::GROUPS;
use spindle::config::Config;
use spindle::data::collection::Type;
use spindle::data::hash::Hash;
use spindle::data::list::List;
use spindle::data::set::Set;
use spindle::data::sorted_set::SortedSet;
use spindle::data::stream::{Stream, StreamId};
use spindle::exec::{Connection, Engine, Facts, Host, HostError, Job, ReadError, Remote, Turn};
use spindle::persist::aof::Errand;
use spindle::resp::argv::ArgvBuf;
use spindle::resp::request::Parser;
use spindle::store::{Db, Spot};
use spindle::sys::disk::Disk;
use spindle::sys::fork::{End, Progress};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Debug, Formatter};
use std::io::{self, Write};
use std::os::fd::RawFd;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Where simulated time begins: some moment in 2023, in microseconds.
pub const EPOCH_US: u64 = 1_700_000_000_000_000;

/// The world as the engine sees it: time passes only when told to.
pub struct World {
    pub now: Now,
    /// Microseconds that pass whenever the stopwatch is read; none but where a test wants them to.
    pub pace_us: u64,
    /// Files by path.
    pub files: BTreeMap<String, Vec<u8>>,
    pub disk: FakeDisk,
    /// Work that is to be done beside the loop, where a test does it itself.
    pub errands: Option<Vec<Errand>>,
    /// What the latest child has told.
    pub progress: Progress,
    /// How the child has ended whose end nobody has been told yet: it has done all its work as it
    /// was started.
    pub child: Option<End>,
    /// What a child has written for replicas.
    pub pipe: Pipe,
}

/// Bytes that a child has written and nobody has read.
#[derive(Clone, Default)]
pub struct Pipe(pub Arc<Mutex<Vec<u8>>>);

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("alone").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Host for World {
    fn now(&mut self) -> Now {
        self.now
    }

    fn ticks(&mut self) -> u64 {
        self.now = self.now.after(Duration::from_micros(self.pace_us));
        self.now.mono_us * 1_000
    }

    fn ticks_per_us(&mut self) -> f64 {
        1_000.0
    }

    fn sleep(&mut self, duration: Duration) {
        self.now = self.now.after(duration);
    }

    fn note_role(&mut self, _config: &Config, _is_replica: bool) {}

    fn reconfigure(&mut self, _: &Config, _: &mut Config) -> Result<(), HostError> {
        Ok(())
    }

    fn fill_random(&mut self, buffer: &mut [u8]) -> Result<(), String> {
        buffer.fill(7);
        Ok(())
    }

    fn read_file(&mut self, path: &str) -> Result<Vec<u8>, ReadError> {
        let missing = || ReadError { is_missing: true, reason: format!("there is no {path}") };
        self.files.get(path).cloned().ok_or_else(missing)
    }

    fn replace_file(&mut self, path: &str, text: &[u8]) -> Result<(), String> {
        self.files.insert(path.to_owned(), text.to_vec());
        Ok(())
    }

    fn disk(&mut self) -> &mut dyn Disk {
        &mut self.disk
    }

    fn spawn(&mut self, _: &[RawFd], job: Job<'_>) -> io::Result<i32> {
        self.progress = Progress::default();
        let done = job(&mut self.disk.clone(), &self.progress);
        self.child = Some(if done.is_ok() { End::Done } else { End::Failed(1) });
        Ok(4_711)
    }

    fn pipe(&mut self) -> io::Result<Box<dyn Write>> {
        self.pipe = Pipe::default();
        Ok(Box::new(self.pipe.clone()))
    }

    fn kill_child(&mut self) {
        self.child = None;
    }

    fn aside(&mut self, errand: Errand) {
        match &mut self.errands {
            Some(errands) => errands.push(errand),
            None => errand(&mut self.disk),
        }
    }

    fn connect(&mut self, _: &str, _: u16, _: Duration) -> io::Result<Box<dyn Remote>> {
        Err(io::ErrorKind::ConnectionRefused.into())
    }

    fn child_progress(&self) -> (u64, u64) {
        (self.progress.done(), 0)
    }
}

/// A value of any type.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Data {
    Text(Vec<u8>),
    List(Vec<Vec<u8>>),
    Set(BTreeSet<Vec<u8>>),
    /// In order, with the scores as text, which tells one zero from the other.
    SortedSet(Vec<(Vec<u8>, String)>),
    /// Values and deadlines by field.
    Hash(BTreeMap<Vec<u8>, (Vec<u8>, Option<i64>)>),
    Stream(StreamData),
}

/// What a stream holds: its facts and entries, and what its groups have been given, by whom and how
/// often.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StreamData {
    /// First, last, highest deleted id; entries, and entries that were added.
    pub facts: Vec<String>,
    pub entries: Vec<(String, Vec<String>)>,
    pub groups: Vec<GroupData>,
}

/// Name, last id and count of a group; its consumers; its pending entries.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupData {
    pub facts: Vec<String>,
    pub consumers: Vec<String>,
    pub pending: Vec<PendingData>,
}

/// Id, consumer, deliveries and, where time is the same, the moment of the last one.
pub type PendingData = (String, String, u64, i64);

impl Debug for Data {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Data::Text(bytes) => write!(f, "{}", quote(bytes)),
            Data::List(items) => f.debug_list().entries(items.iter().map(|it| quote(it))).finish(),
            Data::Set(items) => f.debug_set().entries(items.iter().map(|it| quote(it))).finish(),
            Data::SortedSet(items) => {
                f.debug_map().entries(items.iter().map(|(it, score)| (quote(it), score))).finish()
            }
            Data::Stream(stream) => write!(f, "{stream:#?}"),
            Data::Hash(fields) => {
                let quoted = |(field, (value, at)): (&Vec<u8>, &(Vec<u8>, Option<i64>))| {
                    (quote(field), (quote(value), *at))
                };
                f.debug_map().entries(fields.iter().map(quoted)).finish()
            }
        }
    }
}

/// A key with all that is known of it: database, name, value, deadline.
pub type Record = (usize, Vec<u8>, Data, Option<i64>);

/// A request that has run, and the connection that it has come by.
pub type Seen = (usize, Vec<Vec<u8>>);

/// One connection.
pub struct Conn {
    pub id: ClientId,
    input: ReadBuffer,
    parser: Parser,
    output: Vec<u8>,
    pub is_closed: bool,
    /// Its requests wait for the end of a pause.
    pub is_waiting: bool,
}

impl Conn {
    /// Takes all that it has been sent.
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }
}

/// The client of a replica that is its primary.
pub struct Follower {
    pub id: ClientId,
    input: ReadBuffer,
    parser: Parser,
}

impl Follower {
    pub fn new(id: ClientId) -> Follower {
        Follower { id, input: ReadBuffer::default(), parser: Parser::default() }
    }

    /// Runs what has come of the stream, as the server does.
    pub fn take(&mut self, sim: &mut Sim, bytes: &[u8]) {
        let Follower { id, input, parser } = self;
        input.extend(bytes);
        loop {
            let limits = sim.engine.limits(*id);
            if let Err(error) = parser.read(input.unread_mut(), limits, 16) {
                return sim.engine.refuse(*id, &error.0);
            }
            let count = parser.len();
            let bytes = input.unread();
            let requests =
                (0..count).map(|index| (parser.argv(bytes, index), parser.raw(bytes, index)));
            let (ran, turn) = match count {
                0 => (0, Turn::Next),
                _ => {
                    let served = sim.engine.follow_all(*id, requests, &mut sim.world);
                    (served.count, served.turn)
                }
            };
            let used = parser.release(ran);
            if count == 0 && used > 0 {
                sim.engine.hand_on(*id, &input.unread()[..used]);
            }
            input.consume(used);
            if count == 0 || turn == Turn::Stop {
                return;
            }
        }
    }
}

/// An engine and its connections.
pub struct Sim {
    pub engine: Engine,
    pub world: World,
    pub conns: Vec<Conn>,
    /// What has run since the log was last taken, if it is kept.
    pub log: Option<Vec<Seen>>,
}

impl Sim {
    /// An engine that takes snapshots by itself only if a test says when.
    pub fn new(seed: u64, mut config: Config) -> Sim {
        if config.save == Config::default().save {
            config.save.clear();
        }
        let now = Now { unix_us: EPOCH_US, mono_us: 0 };
        let mut engine = Engine::new(GROUPS, config, Facts::default(), now, seed);
        let mut world = World {
            now,
            pace_us: 0,
            files: BTreeMap::new(),
            disk: FakeDisk::default(),
            errands: None,
            progress: Progress::default(),
            child: None,
            pipe: Pipe::default(),
        };
        engine.tick(now, &mut world);
        Sim { engine, world, conns: Vec::new(), log: None }
    }

    /// Connects a client; its index.
    pub fn connect(&mut self) -> usize {
        let connection = Connection { is_local: true, ..Connection::default() };
        let id = self.engine.connect(connection).expect("admitted");
        let parser = Parser::default();
        let input = ReadBuffer::default();
        self.conns.push(Conn {
            id,
            input,
            parser,
            output: Vec::new(),
            is_closed: false,
            is_waiting: false,
        });
        self.conns.len() - 1
    }

    /// Lets time pass and the engine notice.
    pub fn advance(&mut self, by: Duration) {
        self.world.now = self.world.now.after(by);
        self.engine.tick(self.world.now, &mut self.world);
        self.resume();
        self.collect();
    }

    /// Tells the engine of the child that has ended, if one has.
    pub fn end_child(&mut self) {
        if let Some(end) = self.world.child.take() {
            self.engine.child_ended(end, &mut self.world);
            self.collect();
        }
    }

    pub fn now_ms(&self) -> i64 {
        self.world.now.unix_ms()
    }

    /// Milliseconds or less until the engine has something to do.
    pub fn idle_us(&mut self) -> Option<u64> {
        self.engine.idle_us(&mut self.world)
    }

    /// Bytes arrive at a connection. `seen` is told of every request that has run.
    pub fn arrive(
        &mut self,
        conn: usize,
        bytes: &[u8],
        ahead: usize,
        mut seen: impl FnMut(&ArgvBuf),
    ) {
        let Conn { id, input, parser, is_closed, is_waiting, .. } = &mut self.conns[conn];
        input.extend(bytes);
        while !*is_closed && !*is_waiting {
            let limits = self.engine.limits(*id);
            let ahead = if limits.authenticated { ahead } else { 1 };
            if let Err(error) = parser.read(input.unread_mut(), limits, ahead) {
                self.engine.refuse(*id, &error.0);
                *is_closed = true;
                break;
            }
            if parser.is_empty() {
                let used = parser.release(0);
                input.consume(used);
                break;
            }
            let count = parser.len();
            let bytes = input.unread();
            let mut taken = 0;
            let requests = (0..count).map(|index| parser.argv(bytes, index));
            let served = self.engine.submit_all(*id, requests, &mut self.world);
            for index in 0..served.count {
                let argv = parser.argv(bytes, index);
                seen(&argv.from(0).collect());
                if let Some(log) = &mut self.log {
                    log.push((conn, argv.from(0).map(<[u8]>::to_vec).collect()));
                }
                taken += 1;
            }
            *is_closed = served.turn == Turn::Stop;
            *is_waiting = served.turn == Turn::Wait;
            let used = parser.release(taken);
            input.consume(used);
        }
        self.collect();
        self.resume();
    }

    /// Lets the connections go on whose requests need wait no more.
    fn resume(&mut self) {
        let mut resumed = Vec::new();
        self.engine.take_resumed(&mut resumed);
        for id in resumed {
            let waiting = self.conns.iter().position(|conn| conn.id == id);
            let Some(conn) = waiting else { continue };
            self.conns[conn].is_waiting = false;
            self.arrive(conn, b"", 16, |_| {});
        }
    }

    /// Takes what the engine has written, for every connection.
    fn collect(&mut self) {
        self.engine.end_round();
        for conn in &mut self.conns {
            let Some(output) = self.engine.output(conn.id) else { continue };
            while !output.is_empty() {
                let mut slices = [std::io::IoSlice::new(&[]); 8];
                let filled = output.fill_slices(&mut slices);
                let count = slices[..filled].iter().map(|slice| slice.len()).sum();
                slices[..filled].iter().for_each(|slice| conn.output.extend_from_slice(slice));
                output.consume(count);
            }
        }
        let mut listed = Vec::new();
        self.engine.peers().take_with_output(&mut listed);
        while self.engine.peers().next_with_messages().is_some() {}
        for id in self.engine.peers().take_doomed() {
            self.engine.disconnect(id);
            if let Some(conn) = self.conns.iter_mut().find(|conn| conn.id == id) {
                conn.is_closed = true;
            }
        }
    }

    /// Takes the whole replies that a connection has been sent.
    pub fn replies(&mut self, conn: usize) -> Vec<Reply> {
        let output = &mut self.conns[conn].output;
        let (mut replies, mut at) = (Vec::new(), 0);
        while at < output.len() {
            let (reply, len) = Reply::read(&output[at..]).expect("whole replies only");
            replies.push(reply);
            at += len;
        }
        output.clear();
        replies
    }

    /// Sends a request whose words are separated by spaces; the replies to it.
    pub fn run(&mut self, conn: usize, line: &str) -> Vec<String> {
        let request = crate::support::client::encode(&line.split(' ').collect::<Vec<_>>());
        self.arrive(conn, &request, 16, |_| {});
        self.replies(conn).iter().map(ToString::to_string).collect()
    }

    /// What has been run elsewhere arrives to be run again.
    pub fn replay(&mut self, conn: usize, bytes: &[u8]) {
        self.engine.store().changes.shows_due = true;
        self.arrive(conn, bytes, 16, |_| {});
        self.engine.store().changes.shows_due = false;
    }

    /// Everything in the databases.
    pub fn dump(&mut self) -> Vec<Record> {
        let (mut all, now_ms) = (Vec::new(), self.now_ms());
        for index in 0..self.engine.store().databases() {
            let mut db = self.engine.store().db(index, now_ms);
            let mut keys = Vec::new();
            db.each_key(|key| keys.push(key.to_vec()));
            for key in keys {
                let spot = db.look(&key);
                let (data, deadline_ms) = (read(&db, &spot), db.deadline_ms(&spot));
                all.push((index, key, data, deadline_ms));
            }
        }
        all.sort();
        all
    }
}

/// Checks that two dumps are the same.
pub fn same_dumps(a: &[Record], b: &[Record], what: &str) {
    for (x, y) in a.iter().zip(b) {
        assert_eq!(x, y, "{what}");
    }
    assert_eq!(a.len(), b.len(), "{what}: one has more keys");
}

/// Parameters by which every collection of several elements is of the large form.
pub fn all_large() -> Config {
    Config {
        hash_max_listpack_entries: 1,
        set_max_listpack_entries: 1,
        set_max_intset_entries: 1,
        zset_max_listpack_entries: 1,
        list_max_listpack_size: 1,
        ..Config::default()
    }
}

/// A dump without the moments at which entries were given to consumers: who replays changes later
/// may have a clock of its own.
pub fn without_times(dump: &[Record]) -> Vec<Record> {
    let mut dump = dump.to_vec();
    for (_, _, data, _) in &mut dump {
        let Data::Stream(stream) = data else { continue };
        let pending = stream.groups.iter_mut().flat_map(|group| &mut group.pending);
        pending.for_each(|(_, _, _, delivered_ms)| *delivered_ms = 0);
    }
    dump
}

/// The value at a spot where there is one.
fn read(db: &Db<'_>, spot: &Spot<'_>) -> Data {
    const RIGHT: &str = "the type that it is said to be";
    match db.type_of(spot).expect("there") {
        Type::String => {
            Data::Text(db.text(spot).expect(RIGHT).expect(RIGHT).with_bytes(<[u8]>::to_vec))
        }
        Type::List => {
            let list = db.view::<List>(spot).expect(RIGHT).expect(RIGHT);
            Data::List(list.iter().map(|text| text.to_bytes().into_owned()).collect())
        }
        Type::Set => {
            let (set, mut members) = (db.view::<Set>(spot), BTreeSet::new());
            let set = set.expect(RIGHT).expect(RIGHT);
            set.each(|member| assert!(members.insert(member.to_bytes().into_owned())));
            assert_eq!(members.len(), set.len());
            Data::Set(members)
        }
        Type::SortedSet => {
            let set = db.view::<SortedSet>(spot).expect(RIGHT).expect(RIGHT);
            let items = set.items(0..set.len());
            // Zero has a sign in the large form only.
            let text = |score: f64| format!("{:?}", score + 0.0);
            let items = items.map(|(m, score)| (m.to_bytes().into_owned(), text(score)));
            Data::SortedSet(items.collect())
        }
        Type::Stream => {
            Data::Stream(read_stream(db.view::<Stream>(spot).expect(RIGHT).expect(RIGHT)))
        }
        Type::Hash => {
            let (hash, mut fields) = (db.view::<Hash>(spot), BTreeMap::new());
            hash.expect(RIGHT).expect(RIGHT).each(|field| {
                let value = (field.value.to_bytes().into_owned(), field.deadline_ms);
                assert!(fields.insert(field.name.to_bytes().into_owned(), value).is_none());
            });
            Data::Hash(fields)
        }
    }
}

fn read_stream(stream: &Stream) -> StreamData {
    let show = |id: StreamId| String::from_utf8_lossy(id.text().as_ref()).into_owned();
    let facts = stream.facts();
    let ids = [facts.first_id, facts.last_id, facts.max_deleted_id].map(show);
    let counts = [facts.len, facts.entries_added].map(|count| count.to_string());
    let entries = stream.range(StreamId::MIN, StreamId::MAX).map(|entry| {
        let texts = entry.fields().flat_map(|(field, value)| [field, value]);
        (show(entry.id), texts.map(|text| quote(&text.to_bytes())).collect())
    });
    let entries: Vec<_> = entries.collect();
    assert_eq!(entries.len() as u64, facts.len, "entries are counted");
    let groups = stream.groups().map(|(name, group)| {
        let read = group.entries_read.map_or("unknown".to_owned(), |read| read.to_string());
        let name_of = |id| quote(&group.consumer(id).expect("pending with someone").name);
        let pending = group.pending_range(StreamId::MIN, StreamId::MAX).map(|(id, held)| {
            (show(id), name_of(held.consumer), held.deliveries, held.delivered_ms)
        });
        let pending: Vec<_> = pending.collect();
        assert_eq!(pending.len(), group.pending_len());
        let own: usize = group.consumers().map(|(_, consumer)| consumer.pending_len()).sum();
        assert_eq!(own, pending.len(), "what is pending is pending with someone");
        GroupData {
            facts: vec![quote(name), show(group.last_id), read],
            consumers: group.consumers().map(|(_, consumer)| quote(&consumer.name)).collect(),
            pending,
        }
    });
    StreamData { facts: [&ids[..], &counts].concat(), entries, groups: groups.collect() }
}
