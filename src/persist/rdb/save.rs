//! Whole snapshots on their way out.

use super::codes::{self, op};
use super::sink::Sink;
use super::write::Written;
use crate::store::entry::Entry;
use crate::store::{Measure, Store};
use std::io::{self, Write};

/// What a snapshot is to be like.
#[derive(Clone, Debug)]
pub struct Saving {
    /// The least version; a newer one is taken if the data needs it.
    pub version: u32,
    /// Whether strings are compressed.
    pub compresses: bool,
    /// Whether there is a sum at the end.
    pub sums: bool,
    /// Whether the use of keys is told, as a policy of eviction needs it.
    pub notes_use: bool,
    /// Words about the file, and their values.
    pub aux: Vec<(&'static str, String)>,
    /// Libraries of functions.
    pub functions: Vec<Vec<u8>>,
}

impl Saving {
    /// Writes all keys to `out`. `visit` is told after each one how many there have
    /// been, and may say that it is enough.
    ///
    /// # Errors
    /// The system's, and what `visit` says.
    pub fn save(
        &self,
        store: &Store,
        out: &mut dyn Write,
        visit: &mut dyn FnMut(u64) -> io::Result<()>,
    ) -> io::Result<()> {
        let has_deadlines = (0..store.databases()).any(|db| store.has_field_deadlines(db));
        let needed = if has_deadlines { codes::VERSION_FIELD_DEADLINES } else { self.version };
        let version = self.version.max(needed);
        let mut sink = Sink::new(out, self.compresses, self.sums);
        sink.bytes(codes::MAGIC)?;
        sink.bytes(format!("{version:04}").as_bytes())?;
        for (name, value) in &self.aux {
            sink.byte(op::AUX)?;
            sink.string(name.as_bytes())?;
            sink.string(value.as_bytes())?;
        }
        for function in &self.functions {
            sink.byte(op::FUNCTION)?;
            sink.string(function)?;
        }
        let mut count = 0;
        for db in 0..store.databases() {
            let (keys, timed) = store.lens(db);
            if keys == 0 {
                continue;
            }
            sink.byte(op::DATABASE)?;
            sink.count(db as u64)?;
            sink.byte(op::SIZES)?;
            sink.count(keys as u64)?;
            sink.count(timed as u64)?;
            for (entry, deadline_ms) in store.entries(db) {
                if self.notes_use {
                    put_use(store, entry, &mut sink)?;
                }
                put_key(entry, deadline_ms, version, &mut sink)?;
                count += 1;
                visit(count)?;
            }
        }
        sink.byte(op::END)?;
        sink.finish()
    }
}

#[inline]
fn put_key(
    entry: &Entry,
    deadline_ms: Option<i64>,
    version: u32,
    sink: &mut Sink<'_>,
) -> io::Result<()> {
    if let Some(at_ms) = deadline_ms {
        sink.byte(op::DEADLINE_MS)?;
        sink.bytes(&at_ms.to_le_bytes())?;
    }
    let value = Written::new(entry.value(), version);
    sink.byte(value.code())?;
    sink.string(entry.key())?;
    value.put(sink)
}

fn put_use(store: &Store, entry: &Entry, sink: &mut Sink<'_>) -> io::Result<()> {
    match store.usage.measure() {
        Measure::Frequency => {
            sink.byte(op::FREQUENCY)?;
            sink.byte(store.usage.frequency(entry.access()))
        }
        Measure::LastUse | Measure::LastChange => {
            sink.byte(op::IDLE)?;
            sink.count(store.usage.idle_s(entry.access()))
        }
    }
}
