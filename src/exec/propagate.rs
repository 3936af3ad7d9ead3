//! Changes as requests that do the same again, for the append-only file and for replicas.
//!
//! A command that changed something is appended as it came, or in the form that its handler chose
//! to make replay exact. Keys that died are deletions. What one command has caused runs together:
//! MULTI and EXEC go around it if that is more than one request. SELECT goes in front where the
//! database changes.

use crate::base::id::DbIndex;
use crate::base::num;
use crate::config::Config;
use crate::config::notify::EventClasses;
use crate::resp::argv::{Argv, ArgvBuf};
use crate::store::{Event, Store};

/// Memory for bytes that is kept when they have been taken.
const KEPT_BYTES: usize = 1 << 20;

/// Who takes the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sink {
    /// The append-only file.
    Log,
    /// Replicas, and the backlog for those that come back.
    Replicas,
}

/// What those who replay changes are told of a run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Propagated {
    /// The request, if it has changed something.
    #[default]
    AsReceived,
    /// Another one instead.
    Instead(ArgvBuf),
    /// Others instead, one after the other, or none.
    Each(Vec<ArgvBuf>),
    /// The request, but only replicas, even if it has changed nothing.
    ToReplicas,
}

/// The stream of changes, as each sink is to have it. Costs one comparison a command while nobody
/// wants it.
#[derive(Default)]
pub struct Feed {
    /// Some sink wants it.
    is_on: bool,
    log: Lane,
    replicas: Lane,
    /// How deep calls that belong together are nested.
    depth: u32,
    /// How the command that runs is told of.
    propagated: Propagated,
    /// The second since 1970 that the log has not been told yet, if it is to be told.
    second: Option<i64>,
    /// The second that it was told last.
    told_second: i64,
}

/// The stream as one sink has it.
#[derive(Default)]
struct Lane {
    is_wanted: bool,
    /// Wanted, but not at present: what runs comes from where it would go to.
    is_muted: bool,
    bytes: Vec<u8>,
    /// The database that the stream is in.
    db: Option<DbIndex>,
    /// Where what runs together begins, and how many requests it is so far.
    unit: (usize, usize),
}

impl Feed {
    /// True if someone wants the stream.
    #[inline]
    pub fn is_on(&self) -> bool {
        self.is_on
    }

    /// True if this sink wants it.
    pub fn feeds(&self, sink: Sink) -> bool {
        self.lane(sink).is_wanted
    }

    /// Begins, or begins anew, to feed a sink: the stream will say which database it is in. Deaths
    /// of keys are to be listed from now on.
    pub fn begin(&mut self, sink: Sink, store: &mut Store) {
        let lane = self.lane_mut(sink);
        lane.is_wanted = true;
        lane.restart();
        self.note_wanted(store);
    }

    /// Feeds a sink no more; what it has not taken is gone.
    pub fn end(&mut self, sink: Sink, store: &mut Store) {
        let is_muted = self.lane(sink).is_muted;
        *self.lane_mut(sink) = Lane { is_muted, ..Lane::default() };
        self.note_wanted(store);
    }

    /// Lets nothing through to a sink for a time.
    pub fn mute(&mut self, sink: Sink, is_muted: bool) {
        self.lane_mut(sink).is_muted = is_muted;
        self.is_on = self.log.is_open() || self.replicas.is_open();
    }

    /// The database that the stream of a sink is in, if it has said so.
    pub fn db(&self, sink: Sink) -> Option<DbIndex> {
        self.lane(sink).db
    }

    /// Has the stream say again which database it is in: for a new file, or a new replica.
    pub fn select_again(&mut self, sink: Sink) {
        self.lane_mut(sink).db = None;
    }

    /// What a sink is to have and has not taken. Between commands only.
    #[inline]
    pub fn pending(&self, sink: Sink) -> &[u8] {
        debug_assert!(self.depth == 0, "what runs together is whole");
        &self.lane(sink).bytes
    }

    /// The same without what belongs to the command that runs.
    pub fn waiting(&self, sink: Sink) -> &[u8] {
        let lane = self.lane(sink);
        let end = if self.depth == 0 { lane.bytes.len() } else { lane.unit.0 };
        &lane.bytes[..end]
    }

    /// Bytes of memory that what has not been taken stands in.
    pub fn memory_bytes(&self) -> usize {
        self.log.bytes.capacity() + self.replicas.bytes.capacity()
    }

    /// Drops so many of the bytes that wait, from the front: the sink has them.
    pub fn consume(&mut self, sink: Sink, count: usize) {
        let lane = self.lane_mut(sink);
        lane.unit.0 = lane.unit.0.saturating_sub(count);
        let bytes = &mut lane.bytes;
        bytes.drain(..count);
        if bytes.capacity() > KEPT_BYTES {
            bytes.shrink_to(KEPT_BYTES);
        }
    }

    /// Takes what waits.
    pub fn take(&mut self, sink: Sink) -> Vec<u8> {
        std::mem::take(&mut self.lane_mut(sink).bytes)
    }

    /// Tells the second since 1970 that it is, if the log is to have it (`aof-timestamp-enabled`).
    pub(super) fn note_second(&mut self, config: &Config, unix_s: i64) {
        self.second = (config.aof.timestamp_enabled && unix_s > self.told_second).then_some(unix_s);
    }

    /// Appends words as if they were a request that was run in a database, if anyone wants them.
    pub fn replicate(&mut self, db: DbIndex, argv: &ArgvBuf) {
        if self.is_on {
            self.append(db, argv.borrow());
        }
    }

    /// What is appended from now on runs together, up to the call of [`Feed::leave`] that belongs
    /// to this.
    #[inline]
    pub(super) fn enter(&mut self) {
        if self.depth == 0 {
            self.log.begin_unit();
            self.replicas.begin_unit();
        }
        self.depth += 1;
    }

    /// What runs together has been appended; where it `stands_apart` it need not, after all.
    #[inline]
    pub(super) fn leave(&mut self, stands_apart: bool) {
        // A command that has had the stream begin has not entered.
        self.depth = self.depth.saturating_sub(1);
        if self.depth == 0 && !stands_apart {
            self.log.end_unit();
            self.replicas.end_unit();
        }
    }

    /// Says how the command that runs is told of, if anyone wants it.
    #[inline]
    pub(super) fn propagate(&mut self, propagated: Propagated) {
        if self.is_on {
            self.propagated = propagated;
        }
    }

    /// What was said of the command that has run.
    pub(super) fn take_propagated(&mut self) -> Propagated {
        std::mem::take(&mut self.propagated)
    }

    /// Appends a request that was run in a database.
    #[inline]
    pub(super) fn append(&mut self, db: DbIndex, argv: Argv<'_>) {
        if self.log.is_open() {
            self.append_to_log(db, argv);
        }
        if self.replicas.is_open() {
            self.replicas.append(db, argv);
        }
    }

    /// Appends a request for replicas only: it has changed nothing, but has effects there.
    pub(super) fn append_for_replicas(&mut self, db: DbIndex, argv: Argv<'_>) {
        if self.replicas.is_open() {
            self.replicas.append(db, argv);
        }
    }

    fn append_to_log(&mut self, db: DbIndex, argv: Argv<'_>) {
        if let Some(second) = self.second.take() {
            self.told_second = second;
            let note = format!("#TS:{second}\r\n");
            self.log.bytes.extend_from_slice(note.as_bytes());
            if self.log.unit.1 == 0 {
                self.log.unit.0 += note.len();
            }
        }
        self.log.append(db, argv);
    }

    /// Appends the deaths among the events noted.
    pub(super) fn append_deaths(&mut self, events: &[Event], config: &Config) {
        for event in events {
            if event.is_death() {
                let is_eviction = event.class.contains(EventClasses::EVICTED);
                let unlinks = if is_eviction {
                    config.lazyfree_lazy_eviction
                } else {
                    config.lazyfree_lazy_expire
                };
                let del: ArgvBuf = [deletion(unlinks), &event.key].into_iter().collect();
                self.append(event.db, del.borrow());
            } else if !event.fields.is_empty() {
                let mut hdel: ArgvBuf = [&b"HDEL"[..], &event.key].into_iter().collect();
                event.fields.iter().for_each(|field| hdel.push(field));
                self.append(event.db, hdel.borrow());
            }
        }
    }

    fn note_wanted(&mut self, store: &mut Store) {
        store.changes.list_deaths(self.log.is_wanted || self.replicas.is_wanted);
        self.is_on = self.log.is_open() || self.replicas.is_open();
        if !self.is_on {
            // The command that has ended it does not leave.
            (self.depth, self.propagated) = (0, Propagated::AsReceived);
        }
    }

    fn lane(&self, sink: Sink) -> &Lane {
        match sink {
            Sink::Log => &self.log,
            Sink::Replicas => &self.replicas,
        }
    }

    fn lane_mut(&mut self, sink: Sink) -> &mut Lane {
        match sink {
            Sink::Log => &mut self.log,
            Sink::Replicas => &mut self.replicas,
        }
    }
}

/// The command that removes a key, whose memory is freed at once or later.
pub fn deletion(is_lazy: bool) -> &'static [u8] {
    if is_lazy { b"UNLINK" } else { b"DEL" }
}

impl Lane {
    #[inline]
    fn is_open(&self) -> bool {
        self.is_wanted && !self.is_muted
    }

    fn restart(&mut self) {
        self.bytes.clear();
        self.db = None;
        self.begin_unit();
    }

    #[inline]
    fn begin_unit(&mut self) {
        self.unit = (self.bytes.len(), 0);
    }

    #[inline]
    fn end_unit(&mut self) {
        if self.unit.1 > 1 {
            self.wrap_unit();
        }
    }

    #[cold]
    fn wrap_unit(&mut self) {
        let mut multi = Vec::new();
        write_request(&mut multi, ["MULTI"].into_iter().collect::<ArgvBuf>().borrow());
        let start = self.unit.0;
        self.bytes.splice(start..start, multi);
        write_request(&mut self.bytes, ["EXEC"].into_iter().collect::<ArgvBuf>().borrow());
    }

    #[inline]
    fn append(&mut self, db: DbIndex, argv: Argv<'_>) {
        if self.db != Some(db) {
            self.db = Some(db);
            let select: ArgvBuf = ["SELECT", &db.to_string()].into_iter().collect();
            write_request(&mut self.bytes, select.borrow());
        }
        self.unit.1 += 1;
        write_request(&mut self.bytes, argv);
    }
}

/// Appends a request in the form of the wire.
pub fn write_request(out: &mut Vec<u8>, argv: Argv<'_>) {
    if let Some(wire) = argv.wire() {
        return out.extend_from_slice(wire);
    }
    out.push(b'*');
    num::push_len(out, argv.len());
    for arg in argv.from(0) {
        out.extend_from_slice(b"\r\n$");
        num::push_len(out, arg.len());
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(arg);
    }
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::hash::KeyHasher;
    use crate::store::Usage;

    fn store() -> Store {
        let hasher = KeyHasher::new(&mut fastrand::Rng::with_seed(1));
        Store::new(1, hasher, Usage::new(&Config::default(), 1))
    }

    fn request(line: &str) -> ArgvBuf {
        line.split(' ').collect()
    }

    /// The requests that wait, as lines.
    fn lines(feed: &mut Feed, sink: Sink) -> Vec<String> {
        let text = String::from_utf8(feed.take(sink)).expect("ascii");
        let (mut lines, mut words) = (Vec::new(), Vec::new());
        let mut rest = text.as_str();
        while let Some((line, tail)) = rest.split_once("\r\n") {
            rest = tail;
            if line.starts_with('#') {
                lines.push(line.to_owned());
            } else if let Some(count) = line.strip_prefix('*') {
                for _ in 0..count.parse::<usize>().expect("a number") {
                    let (_, tail) = rest.split_once("\r\n").expect("a length");
                    let (word, tail) = tail.split_once("\r\n").expect("a word");
                    words.push(word);
                    rest = tail;
                }
                lines.push(std::mem::take(&mut words).join(" "));
            }
        }
        lines
    }

    #[test]
    fn the_database_is_selected_where_it_changes() {
        let (mut feed, mut store) = (Feed::default(), store());
        feed.begin(Sink::Log, &mut store);
        for db in [3, 3, 0] {
            feed.append(db, request("DEL k").borrow());
        }
        let expected = ["SELECT 3", "DEL k", "DEL k", "SELECT 0", "DEL k"];
        assert_eq!(lines(&mut feed, Sink::Log), expected);
        feed.append(0, request("DEL k").borrow());
        feed.select_again(Sink::Log);
        feed.append(0, request("DEL k").borrow());
        assert_eq!(lines(&mut feed, Sink::Log), ["DEL k", "SELECT 0", "DEL k"]);
    }

    #[test]
    fn what_runs_together_is_a_transaction_if_it_is_more_than_one_request() {
        let (mut feed, mut store) = (Feed::default(), store());
        feed.begin(Sink::Replicas, &mut store);
        feed.enter();
        feed.append(0, request("DEL a").borrow());
        feed.enter();
        feed.append(1, request("DEL b").borrow());
        feed.leave(false);
        feed.leave(false);
        feed.enter();
        feed.append(1, request("DEL c").borrow());
        feed.leave(false);
        feed.enter();
        feed.append(1, request("DEL d").borrow());
        feed.append(1, request("DEL e").borrow());
        feed.leave(true);
        assert_eq!(
            lines(&mut feed, Sink::Replicas).join(", "),
            "MULTI, SELECT 0, DEL a, SELECT 1, DEL b, EXEC, DEL c, DEL d, DEL e"
        );
    }

    #[test]
    fn each_sink_has_its_own_stream() {
        let (mut feed, mut store) = (Feed::default(), store());
        feed.begin(Sink::Log, &mut store);
        feed.append(0, request("DEL a").borrow());
        feed.begin(Sink::Replicas, &mut store);
        feed.append(0, request("DEL b").borrow());
        feed.append_for_replicas(0, request("PUBLISH c d").borrow());
        feed.mute(Sink::Log, true);
        feed.append(0, request("DEL e").borrow());
        assert_eq!(lines(&mut feed, Sink::Log), ["SELECT 0", "DEL a", "DEL b"]);
        let expected = ["SELECT 0", "DEL b", "PUBLISH c d", "DEL e"];
        assert_eq!(lines(&mut feed, Sink::Replicas), expected);
        feed.end(Sink::Replicas, &mut store);
        assert!(!feed.is_on());
        feed.mute(Sink::Log, false);
        assert!(feed.is_on());
    }

    #[test]
    fn the_log_is_told_of_each_second_in_which_something_changes() {
        let mut config = Config::default();
        config.aof.timestamp_enabled = true;
        let (mut feed, mut store) = (Feed::default(), store());
        feed.begin(Sink::Log, &mut store);
        feed.begin(Sink::Replicas, &mut store);
        for second in [7, 7, 8, 9] {
            feed.note_second(&config, second);
            if second != 8 {
                feed.enter();
                feed.append(0, request("DEL a").borrow());
                feed.append(0, request("DEL b").borrow());
                feed.leave(false);
            }
        }
        assert_eq!(
            lines(&mut feed, Sink::Log).join(", "),
            "#TS:7, MULTI, SELECT 0, DEL a, DEL b, EXEC, MULTI, DEL a, DEL b, EXEC, \
             #TS:9, MULTI, DEL a, DEL b, EXEC"
        );
        assert!(lines(&mut feed, Sink::Replicas).iter().all(|line| !line.starts_with('#')));
    }
}
