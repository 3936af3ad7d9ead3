//! Changes as requests that do the same again, for files and replicas.
//!
//! A command that changed something is appended as it came, or in the form that its handler chose
//! to make replay exact. Keys that died are deletions. SELECT goes in front where the database
//! changes.

use crate::base::id::DbIndex;
use crate::base::num;
use crate::resp::argv::{Argv, ArgvBuf};
use crate::store::Event;

/// The stream of changes. Costs one comparison a command while nobody wants it.
#[derive(Default)]
pub struct Feed {
    is_on: bool,
    bytes: Vec<u8>,
    /// The database that the stream is in.
    db: Option<DbIndex>,
    /// Requests of the group that is being appended, and where the first of them begins.
    group: Option<(usize, usize)>,
}

impl Feed {
    /// True if someone wants the stream.
    #[inline]
    pub fn is_on(&self) -> bool {
        self.is_on
    }

    /// Takes what has been appended since the last time.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    /// Appends words as if they were a request that was run in a database, if anyone wants them.
    pub fn replicate(&mut self, db: DbIndex, argv: &ArgvBuf) {
        if self.is_on {
            self.append(db, argv.borrow());
        }
    }

    pub(super) fn turn_on(&mut self) {
        self.is_on = true;
    }

    /// What is appended from now on runs together.
    pub(super) fn begin_group(&mut self) {
        self.group = Some((0, 0));
    }

    /// What runs together has been appended; MULTI and EXEC go around it if that is more than one
    /// request.
    pub(super) fn end_group(&mut self) {
        if let Some((2.., start)) = self.group.take() {
            let mut multi = Vec::new();
            write_request(&mut multi, ["MULTI"].into_iter().collect::<ArgvBuf>().borrow());
            self.bytes.splice(start..start, multi);
            write_request(&mut self.bytes, ["EXEC"].into_iter().collect::<ArgvBuf>().borrow());
        }
    }

    /// Appends requests that take the place of one, to be run together.
    pub(super) fn append_together(&mut self, db: DbIndex, requests: &[ArgvBuf]) {
        let is_within = self.group.is_some();
        if !is_within {
            self.begin_group();
        }
        requests.iter().for_each(|argv| self.append(db, argv.borrow()));
        if !is_within {
            self.end_group();
        }
    }

    /// Appends a request that was run in a database.
    pub(super) fn append(&mut self, db: DbIndex, argv: Argv<'_>) {
        if self.db != Some(db) {
            self.db = Some(db);
            let select: ArgvBuf = ["SELECT", &db.to_string()].into_iter().collect();
            write_request(&mut self.bytes, select.borrow());
        }
        if let Some((count, start)) = &mut self.group {
            if *count == 0 {
                *start = self.bytes.len();
            }
            *count += 1;
        }
        write_request(&mut self.bytes, argv);
    }

    /// Appends the deaths among the events noted.
    pub(super) fn append_deaths(&mut self, events: &[Event]) {
        for event in events {
            if event.is_death() {
                let del: ArgvBuf = [&b"DEL"[..], &event.key].into_iter().collect();
                self.append(event.db, del.borrow());
            } else if !event.fields.is_empty() {
                let mut hdel: ArgvBuf = [&b"HDEL"[..], &event.key].into_iter().collect();
                event.fields.iter().for_each(|field| hdel.push(field));
                self.append(event.db, hdel.borrow());
            }
        }
    }
}

/// Appends a request in the form of the wire.
fn write_request(out: &mut Vec<u8>, argv: Argv<'_>) {
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

    #[test]
    fn the_database_is_selected_where_it_changes() {
        let mut feed = Feed::default();
        let argv: ArgvBuf = ["DEL", "k"].into_iter().collect();
        for db in [3, 3, 0] {
            feed.append(db, argv.borrow());
        }
        let text = String::from_utf8(feed.take()).expect("ascii");
        let del = "*2\r\n$3\r\nDEL\r\n$1\r\nk\r\n";
        let select = |db| format!("*2\r\n$6\r\nSELECT\r\n$1\r\n{db}\r\n");
        assert_eq!(text, [&select(3), del, del, &select(0), del].concat());
    }
}
