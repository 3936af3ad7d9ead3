//! A base: all data as it is now, as a snapshot or as requests that make it again.

use crate::base::float::FloatText;
use crate::base::num;
use crate::data::collection::Type;
use crate::data::hash::Hash;
use crate::data::list::List;
use crate::data::set::Set;
use crate::data::sorted_set::SortedSet;
use crate::data::stream::{Group, Stream, StreamId};
use crate::data::text::Text;
use crate::persist::rdb::Saving;
use crate::persist::snapshot::Synced;
use crate::store::Store;
use crate::store::entry::Entry;
use crate::sys::disk::Disk;
use crate::sys::files::reason;
use std::io::{self, Write};

/// Elements in one request, as in Redis.
const BATCH: usize = 64;
/// Bytes that are written together.
const WRITE_BYTES: usize = 64 * 1024;

/// What a base consists of.
#[derive(Clone, Debug)]
pub enum Form {
    /// A snapshot.
    Snapshot(Saving),
    /// Requests.
    Requests {
        /// The second since 1970 that stands in front, if one does.
        second: Option<i64>,
        /// Libraries of functions.
        functions: Vec<Vec<u8>>,
    },
}

/// The name under which a process writes a base.
pub fn temporary_name(pid: u32) -> String {
    format!("temp-rewriteaof-bg-{pid}.aof")
}

/// Writes a base to a file of that path, and syncs it; nothing is left there if that fails. `visit`
/// is told after each key how many there have been.
///
/// # Errors
/// A line for the log.
pub fn write_base(
    disk: &mut dyn Disk,
    path: &str,
    syncs_early: bool,
    (store, form): (&Store, &Form),
    visit: &mut dyn FnMut(u64) -> io::Result<()>,
) -> Result<(), String> {
    let written = disk.create(path).and_then(|file| {
        let mut file = Synced::new(file, syncs_early);
        match form {
            Form::Snapshot(saving) => saving.save(store, &mut file, visit)?,
            Form::Requests { second, functions } => {
                let mut out = Requests { out: &mut file, bytes: Vec::new() };
                out.all(store, *second, functions, visit)?;
            }
        }
        file.sync()
    });
    written.map_err(|error| {
        // If it is not there, nothing is left.
        disk.remove(path).unwrap_or_default();
        format!("Write error writing append only file on disk: {}", reason(&error))
    })
}

/// Requests on their way out.
struct Requests<'a> {
    out: &'a mut dyn Write,
    bytes: Vec<u8>,
}

impl Requests<'_> {
    fn all(
        &mut self,
        store: &Store,
        second: Option<i64>,
        functions: &[Vec<u8>],
        visit: &mut dyn FnMut(u64) -> io::Result<()>,
    ) -> io::Result<()> {
        if let Some(second) = second {
            self.bytes.extend_from_slice(format!("#TS:{second}\r\n").as_bytes());
        }
        for code in functions {
            self.request(&[b"FUNCTION", b"LOAD", code]);
        }
        let mut count = 0;
        for db in 0..store.databases() {
            if store.lens(db).0 == 0 {
                continue;
            }
            self.request(&[b"SELECT", db.to_string().as_bytes()]);
            for (entry, deadline_ms) in store.entries(db) {
                self.key(entry)?;
                if let Some(at_ms) = deadline_ms {
                    let at = at_ms.to_string();
                    self.request(&[b"PEXPIREAT", entry.key(), at.as_bytes()]);
                }
                self.write_out(WRITE_BYTES)?;
                count += 1;
                visit(count)?;
            }
        }
        self.write_out(1)
    }

    /// Writes what has been gathered, if that is as much as this.
    fn write_out(&mut self, least: usize) -> io::Result<()> {
        if self.bytes.len() >= least {
            self.out.write_all(&self.bytes)?;
            self.bytes.clear();
        }
        Ok(())
    }

    /// The requests that make a key.
    fn key(&mut self, entry: &Entry) -> io::Result<()> {
        let key = entry.key();
        match entry.type_of() {
            Type::String => {
                if let Some(text) = entry.text() {
                    self.begin(&[b"SET", key], 1);
                    self.text(text);
                }
            }
            Type::List => {
                let list = entry.view::<List>();
                let items = list.into_iter().flat_map(|list| list.iter());
                self.elements(b"RPUSH", key, items)?;
            }
            Type::Set => {
                let mut members = Vec::new();
                if let Some(set) = entry.view::<Set>() {
                    set.each(|member| members.push(member));
                }
                self.elements(b"SADD", key, members.into_iter())?;
            }
            Type::SortedSet => {
                if let Some(set) = entry.view::<SortedSet>() {
                    let items: Vec<_> = set.items(0..set.len()).collect();
                    self.scored(key, &items)?;
                }
            }
            Type::Hash => self.hash(entry)?,
            Type::Stream => {
                if let Some(stream) = entry.view::<Stream>() {
                    self.stream(key, stream)?;
                }
            }
        }
        Ok(())
    }

    fn elements<'t>(
        &mut self,
        command: &[u8],
        key: &[u8],
        items: impl Iterator<Item = Text<'t>>,
    ) -> io::Result<()> {
        let items: Vec<Text<'t>> = items.collect();
        for batch in items.chunks(BATCH) {
            self.begin(&[command, key], batch.len());
            batch.iter().for_each(|item| self.text(*item));
            self.write_out(WRITE_BYTES)?;
        }
        Ok(())
    }

    fn scored(&mut self, key: &[u8], items: &[(Text<'_>, f64)]) -> io::Result<()> {
        for batch in items.chunks(BATCH) {
            self.begin(&[b"ZADD", key], 2 * batch.len());
            for (member, score) in batch {
                self.word(FloatText::new(*score).as_bytes());
                self.text(*member);
            }
            self.write_out(WRITE_BYTES)?;
        }
        Ok(())
    }

    fn hash(&mut self, entry: &Entry) -> io::Result<()> {
        let (key, mut fields) = (entry.key(), Vec::new());
        if let Some(hash) = entry.view::<Hash>() {
            hash.each(|field| fields.push(field));
        }
        for batch in fields.chunks(BATCH) {
            self.begin(&[b"HMSET", key], 2 * batch.len());
            for field in batch {
                self.text(field.name);
                self.text(field.value);
            }
            self.write_out(WRITE_BYTES)?;
        }
        for field in fields {
            if let Some(at_ms) = field.deadline_ms {
                let at = at_ms.to_string();
                self.begin(&[b"HPEXPIREAT", key, at.as_bytes(), b"FIELDS", b"1"], 1);
                self.text(field.name);
                self.write_out(WRITE_BYTES)?;
            }
        }
        Ok(())
    }

    fn stream(&mut self, key: &[u8], stream: &Stream) -> io::Result<()> {
        let facts = *stream.facts();
        for entry in stream.range(StreamId::MIN, StreamId::MAX) {
            self.begin(&[b"XADD", key, entry.id.text().as_ref()], 2 * entry.len());
            for (name, value) in entry.fields() {
                self.text(name);
                self.text(value);
            }
            self.write_out(WRITE_BYTES)?;
        }
        if facts.len == 0 {
            // An entry that goes at once leaves a stream without any.
            let id = facts.last_id.max(StreamId { ms: 0, seq: 1 }).text();
            self.request(&[b"XADD", key, b"MAXLEN", b"0", id.as_ref(), b"x", b"y"]);
        }
        let (last_id, max_deleted) = (facts.last_id.text(), facts.max_deleted_id.text());
        let added = facts.entries_added.to_string();
        self.begin(&[b"XSETID", key, last_id.as_ref(), b"ENTRIESADDED", added.as_bytes()], 2);
        self.word(b"MAXDELETEDID");
        self.word(max_deleted.as_ref());
        for (name, group) in stream.groups() {
            self.group(key, name, group)?;
        }
        Ok(())
    }

    fn group(&mut self, key: &[u8], name: &[u8], group: &Group) -> io::Result<()> {
        let last_id = group.last_id.text();
        let read = group.entries_read.map_or("-1".to_owned(), |read| read.to_string());
        self.begin(&[b"XGROUP", b"CREATE", key, name, last_id.as_ref()], 2);
        self.word(b"ENTRIESREAD");
        self.word(read.as_bytes());
        for (id, consumer) in group.consumers() {
            self.request(&[b"XGROUP", b"CREATECONSUMER", key, name, &consumer.name]);
            for (id, held) in group.pending_of(id, StreamId::MIN, StreamId::MAX) {
                let (at, count) = (held.delivered_ms.to_string(), held.deliveries.to_string());
                self.begin(&[b"XCLAIM", key, name, &consumer.name, b"0"], 7);
                self.word(id.text().as_ref());
                let options = [b"TIME", at.as_bytes(), b"RETRYCOUNT", count.as_bytes()];
                options.iter().for_each(|word| self.word(word));
                self.word(b"JUSTID");
                self.word(b"FORCE");
                self.write_out(WRITE_BYTES)?;
            }
        }
        Ok(())
    }

    fn request(&mut self, words: &[&[u8]]) {
        self.begin(words, 0);
    }

    /// Begins a request with words that so many more will follow.
    fn begin(&mut self, words: &[&[u8]], more: usize) {
        self.bytes.push(b'*');
        num::push_len(&mut self.bytes, words.len() + more);
        self.bytes.extend_from_slice(b"\r\n");
        words.iter().for_each(|word| self.word(word));
    }

    fn text(&mut self, text: Text<'_>) {
        text.with_bytes(|bytes| self.word(bytes));
    }

    fn word(&mut self, word: &[u8]) {
        self.bytes.push(b'$');
        num::push_len(&mut self.bytes, word.len());
        self.bytes.extend_from_slice(b"\r\n");
        self.bytes.extend_from_slice(word);
        self.bytes.extend_from_slice(b"\r\n");
    }
}
