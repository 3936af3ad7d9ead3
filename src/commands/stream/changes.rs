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
    /// What was claimed last and has not become a request yet.
    claimed: Option<Claimed>,
}

/// Entries that are pending alike.
struct Claimed {
    key: Box<[u8]>,
    group: Box<[u8]>,
    consumer: Box<[u8]>,
    delivered_ms: i64,
    deliveries: u64,
    last_id: StreamId,
    ids: Vec<StreamId>,
}

impl Changes {
    pub(super) fn new(is_wanted: bool) -> Changes {
        Changes { is_wanted, requests: Vec::new(), claimed: None }
    }

    pub(super) fn is_wanted(&self) -> bool {
        self.is_wanted
    }

    /// A consumer was made.
    pub(super) fn consumer(&mut self, key: &[u8], group: &[u8], consumer: &[u8]) {
        self.push(&[b"XGROUP", b"CREATECONSUMER", key, group, consumer]);
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

    /// An entry is pending now with a consumer, as the group knows.
    pub(super) fn claim(&mut self, key: &[u8], reader: Reader<'_>, group: &Group, id: StreamId) {
        let Some(held) = group.pending(id).filter(|_| self.is_wanted) else { return };
        if let Some(claimed) = &mut self.claimed
            && claimed.ids.len() < IDS_MAX
            && (claimed.delivered_ms, claimed.deliveries) == (held.delivered_ms, held.deliveries)
            && *claimed.key == *key
        {
            claimed.ids.push(id);
            return;
        }
        self.close();
        self.claimed = Some(Claimed {
            key: key.into(),
            group: reader.group.into(),
            consumer: reader.consumer.into(),
            delivered_ms: held.delivered_ms,
            deliveries: held.deliveries,
            last_id: group.last_id,
            ids: vec![id],
        });
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

    /// Makes what was claimed a request.
    fn close(&mut self) {
        let Some(claimed) = self.claimed.take() else { return };
        let mut argv: ArgvBuf =
            [&b"XCLAIM"[..], &claimed.key, &claimed.group, &claimed.consumer, b"0"]
                .into_iter()
                .collect();
        claimed.ids.iter().for_each(|id| argv.push(id.text().as_ref()));
        argv.push(b"TIME");
        argv.push(claimed.delivered_ms.to_string().as_bytes());
        argv.push(b"RETRYCOUNT");
        argv.push(claimed.deliveries.to_string().as_bytes());
        argv.push(b"FORCE");
        argv.push(b"JUSTID");
        argv.push(b"LASTID");
        argv.push(claimed.last_id.text().as_ref());
        self.requests.push(argv);
    }
}
