//! What groups are given, as requests that do the same again wherever they are replayed.

use super::read::Reader;
use crate::data::stream::{Group, StreamId};
use crate::exec::Call;
use crate::resp::argv::ArgvBuf;

/// Most ids of one request.
const IDS_MAX: usize = 512;

/// The changes of one command, in order.
pub(super) struct Changes {
    /// Whether anyone wants to know.
    is_wanted: bool,
    requests: Vec<ArgvBuf>,
    /// A consumer that was made and has not become a request yet.
    made: Option<ArgvBuf>,
}

impl Changes {
    pub(super) fn new(is_wanted: bool) -> Changes {
        Changes { is_wanted, requests: Vec::new(), made: None }
    }

    pub(super) fn is_wanted(&self) -> bool {
        self.is_wanted
    }

    /// A consumer was made. What it claims makes it too.
    pub(super) fn consumer(&mut self, key: &[u8], group: &[u8], consumer: &[u8]) {
        self.close();
        let words: [&[u8]; 5] = [b"XGROUP", b"CREATECONSUMER", key, group, consumer];
        self.made = self.is_wanted.then(|| words.into_iter().collect());
    }

    /// A group was told the id of the last entry that it was given.
    pub(super) fn group_id(&mut self, key: &[u8], name: &[u8], group: &Group) {
        let read = group.entries_read.map_or("-1".to_owned(), |read| read.to_string());
        let last_id = group.last_id.text();
        let text = [b"XGROUP", &b"SETID"[..], key, name, last_id.as_ref()];
        self.push(&[&text[..], &[b"ENTRIESREAD", read.as_bytes()]].concat());
    }

    /// Entries were taken off the pending ones of a group.
    pub(super) fn acknowledged(&mut self, key: &[u8], group: &[u8], ids: &[StreamId]) {
        for ids in ids.chunks(IDS_MAX) {
            let texts: Vec<_> = ids.iter().map(|id| id.text()).collect();
            let texts = texts.iter().map(AsRef::as_ref);
            self.push(&[b"XACK", key, group].into_iter().chain(texts).collect::<Vec<_>>());
        }
    }

    /// An entry is pending now with a consumer, as the group knows, whose last entry was this one
    /// then. Who replays it takes a last entry that is new to the group as read.
    pub(super) fn claim(
        &mut self,
        key: &[u8],
        reader: Reader<'_>,
        group: &Group,
        (id, last_id): (StreamId, StreamId),
    ) {
        let Some(held) = group.pending(id).filter(|_| self.is_wanted) else { return };
        let (entry, last_id) = (id.text(), last_id.text());
        let (time, count) = (held.delivered_ms.to_string(), held.deliveries.to_string());
        let (group, consumer) = (reader.group, reader.consumer);
        let made = self.made.as_ref().map(ArgvBuf::borrow);
        if made.is_some_and(|made| made.from(2).eq([key, group, consumer])) {
            self.made = None;
        }
        let what: [&[u8]; 6] = [b"XCLAIM", key, group, consumer, b"0", entry.as_ref()];
        let when: [&[u8]; 4] = [b"TIME", time.as_bytes(), b"RETRYCOUNT", count.as_bytes()];
        let how: [&[u8]; 4] = [b"FORCE", b"JUSTID", b"LASTID", last_id.as_ref()];
        self.push(&[&what[..], &when, &how].concat());
    }

    /// Hands all on in place of the request.
    pub(super) fn propagate(mut self, call: &mut Call<'_>) {
        self.close();
        if self.is_wanted {
            call.propagate_each(self.requests);
        }
    }

    fn push(&mut self, words: &[&[u8]]) {
        self.close();
        if self.is_wanted {
            self.requests.push(words.iter().collect());
        }
    }

    /// Makes a consumer that was made a request.
    fn close(&mut self) {
        self.requests.extend(self.made.take());
    }
}
