//! What a snapshot says of the history that its data belongs to, so that a server that is started
//! again can go on with it.
//!
//! A replica asks its primary to go on behind the snapshot. A primary begins a new history, and the
//! old one is its former name up to there; keys that are due when they are loaded are deletions of
//! the new one.

use super::super::deletion;
use super::super::engine::Engine;
use super::super::loading::SnapshotLoad;
use super::super::propagate::Sink;
use super::super::state::State;
use crate::base::id::DbIndex;
use crate::repl::{History, ID_LEN, Stream, parse_offset};
use crate::resp::argv::ArgvBuf;

/// The words by which a snapshot names the history, how much of it there is, and its database.
const ID: &str = "repl-id";
const OFFSET: &str = "repl-offset";
const DB: &str = "repl-stream-db";

impl State {
    /// What a snapshot of this moment says of the history; nothing where nobody could go on.
    pub(in crate::exec) fn history_words(&self) -> Vec<(&'static str, String)> {
        let replication = &self.replication;
        let db = match &replication.primary {
            Some(primary) if primary.is_familiar => primary.db,
            None if replication.stream.is_some() => self.feed.db(Sink::Replicas).unwrap_or(0),
            None | Some(_) => return Vec::new(),
        };
        let offset = self.replication_offset();
        vec![
            (DB, db.to_string()),
            (ID, replication.history.id.clone()),
            (OFFSET, offset.to_string()),
        ]
    }
}

impl Engine {
    /// Some of the snapshot is loaded that was kept when the server last ran.
    pub(in crate::exec) fn follow_load(&mut self, load: &mut SnapshotLoad) {
        let is_new = self.state.replication.stream.is_none();
        if let Some((id, offset, db)) = history_of(load).filter(|_| is_new) {
            self.go_on_from(id, offset, db);
        }
        let due = load.take_due();
        if self.state.replication.stream.is_none() {
            return;
        }
        for (db, key) in due {
            let unlinks = self.state.config.lazyfree_lazy_expire;
            let del: ArgvBuf = [deletion(unlinks), &key].into_iter().collect();
            self.state.feed.replicate(db, &del);
        }
        self.state.flush_feed();
        let backlog_bytes = self.state.config.repl.backlog_bytes() as u64;
        if let Some(stream) = &mut self.state.replication.stream {
            stream.trim(backlog_bytes, u64::MAX);
        }
    }

    fn go_on_from(&mut self, id: String, offset: u64, db: DbIndex) {
        let replication = &mut self.state.replication;
        replication.stream = Some(Stream::after(offset));
        if let Some(primary) = &mut replication.primary {
            replication.history = History::of(id);
            (primary.is_familiar, primary.db) = (true, db);
        } else {
            replication.history.former = Some((id, offset));
            replication.replicas.none_since_us = self.state.now.mono_us;
            self.state.feed.begin(Sink::Replicas, &mut self.store);
        }
    }
}

impl SnapshotLoad {
    /// The database that the stream behind the snapshot is in.
    pub(in crate::exec) fn stream_db(&self) -> DbIndex {
        self.word(DB).and_then(|db| db.parse().ok()).unwrap_or(0)
    }
}

/// History, offset and database that a snapshot names, as far as it has been loaded.
fn history_of(load: &SnapshotLoad) -> Option<(String, u64, DbIndex)> {
    let id = load.word(ID).filter(|id| id.len() == ID_LEN)?;
    let id = id.bytes().all(|byte| byte.is_ascii_graphic()).then(|| id.to_owned())?;
    Some((id, parse_offset(load.word(OFFSET)?)?, load.word(DB)?.parse().ok()?))
}
