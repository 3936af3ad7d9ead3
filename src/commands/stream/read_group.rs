//! XREADGROUP: entries given to the consumers of a group, each to one of them.

use super::changes::Changes;
use super::read::{OPTIONS, Point, Reader, Request, begin, write_keys};
use super::{ACCESSES, WRITES, id, no_such_group, write_entry, write_fields, write_id};
use crate::base::num;
use crate::data::stream::{ConsumerId, Delivery, Entry, Pending, Stream, StreamId};
use crate::exec::{Call, Command, Flow, Outcome};
use crate::resp::error::Error;
use crate::resp::output::Output;
use crate::spec::Spec;
use crate::spec::flags::Flags;
use crate::spec::keys::KeySpec;
use crate::store::Edit;

/// Milliseconds after which a request looks again at the earliest that waits for entries which are
/// pending for too long, while none is pending.
const LOOKS_AGAIN_MS: i64 = 100;

pub(super) const XREADGROUP: Command = Command::new(
    Spec {
        name: "xreadgroup",
        arity: -7,
        flags: Flags::WRITE.union(Flags::BLOCKING).union(Flags::MOVABLEKEYS),
        keys: &[KeySpec::half("STREAMS", OPTIONS, ACCESSES).from(4)],
        complexity: "O(N) for N entries of each stream",
        summary: "Gives entries of streams to a consumer of a group, or waits for one; or reads \
            again what it has not acknowledged.",
        syntax: "<group-block: GROUP group consumer> [COUNT count] [BLOCK milliseconds] [CLAIM \
            min-idle-time:integer] [NOACK] <streams: STREAMS key [key ...] id [id ...]>",
        history: &[("8.4.0", "`CLAIM`")],
        ..WRITES
    },
    xreadgroup,
);

fn xreadgroup(call: &mut Call<'_>) -> Outcome {
    let (request, argv, now_ms) = (Request::parse(call, true)?, call.argv, call.now_ms());
    let Some(reader) = request.reader else { return Err(Error::SYNTAX) };
    let mut points = Vec::with_capacity(request.keys);
    let mut db = call.store.db(call.client.db, now_ms);
    for (key, text) in request.streams(argv) {
        let spot = db.read(key);
        let stream = db.view::<Stream>(&spot)?;
        if stream.is_none_or(|stream| stream.group(reader.group).is_none()) {
            return Err(no_such_group(key, reader.group, " in XREADGROUP with GROUP option"));
        }
        points.push(point(text)?);
    }
    let mut changes = Changes::new(call.state.feed.is_on());
    let is_served = write_keys(call.out, |out| {
        let mut served = 0;
        for ((key, _), point) in request.streams(argv).zip(&points) {
            let mut service = Service { key, reader, request: &request, now_ms, out: &mut *out };
            let spot = db.find(key);
            let found =
                db.update(spot, |stream: &mut Stream| service.serve(stream, *point, &mut changes));
            served += usize::from(found == Ok(Some(true)));
        }
        served
    });
    changes.propagate(call);
    if is_served {
        return Ok(Flow::Done);
    }
    let retry_us = request.claimable_in_ms(call).map(|ms| {
        let us = u64::try_from(ms).unwrap_or(0).saturating_mul(1_000);
        call.state.now.mono_us.saturating_add(us)
    });
    Ok(request.wait(call, &points, retry_us))
}

impl Request<'_> {
    /// Milliseconds until something that is pending may be taken from its consumer, if the request
    /// waits for such.
    fn claimable_in_ms(&self, call: &mut Call<'_>) -> Option<i64> {
        let (reader, after_ms) = (self.reader?, self.claims_after_ms?);
        self.until_us?;
        let (argv, now_ms) = (call.argv, call.now_ms());
        let mut db = call.store.db(call.client.db, now_ms);
        let first = self.streams(argv).filter_map(|(key, _)| {
            let spot = db.find(key);
            let stream = db.view::<Stream>(&spot).ok()??;
            let mut oldest = stream.group(reader.group)?.oldest();
            let (_, held) = oldest.find(|(id, _)| stream.get(*id).is_some())?;
            Some(held.delivered_ms)
        });
        let first = first.min().map(|ms| ms.saturating_add(after_ms).saturating_sub(now_ms).max(1));
        // What comes to be pending later is looked for now and then.
        Some(first.unwrap_or(after_ms.max(LOOKS_AGAIN_MS)))
    }
}

/// Where an argument says that the reading begins.
fn point(text: &[u8]) -> Result<Point, Error> {
    match text {
        b"$" => Err(Error::new(
            "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the \
             history of this consumer by specifying a proper ID, or use the > ID to get new \
             messages. The $ ID would just return an empty result set.",
        )),
        b">" => Ok(Point::New),
        _ => Ok(match id(text, 0)? {
            StreamId::MAX => Point::New,
            id => Point::After(id),
        }),
    }
}

/// The reading of one stream for a consumer.
struct Service<'a, 'o> {
    key: &'a [u8],
    reader: Reader<'a>,
    request: &'a Request<'a>,
    now_ms: i64,
    out: &'o mut Output,
}

impl Service<'_, '_> {
    /// Reads the stream, which has the group; tells whether there was something to reply with.
    fn serve(&mut self, stream: &mut Stream, point: Point, changes: &mut Changes) -> Edit<bool> {
        let Reader { group: name, consumer } = self.reader;
        let Some(group) = stream.group_mut(name) else { return Edit::same(false) };
        let found = group.find_consumer(consumer);
        let id = found.unwrap_or_else(|| group.add_consumer(consumer, self.now_ms));
        group.note_seen(id, self.now_ms);
        if found.is_none() {
            changes.consumer(self.key, name, consumer);
        }
        let is_served = match point {
            Point::After(known) => {
                begin(self.out, self.key);
                self.history(stream, id, known, changes);
                true
            }
            Point::New => self.serve_new(stream, id, changes),
        };
        let event = found.is_none().then_some("xgroup-createconsumer");
        match usize::from(found.is_none()) + usize::from(is_served) {
            0 => Edit::same(is_served),
            count => Edit::aside(event, is_served).times(count),
        }
    }

    /// Replies with what is pending with the consumer behind an entry.
    fn history(
        &mut self,
        stream: &mut Stream,
        consumer: ConsumerId,
        known: StreamId,
        changes: &mut Changes,
    ) {
        let name = self.reader.group;
        let from = known.next().unwrap_or(StreamId::MIN);
        let group = stream.group(name);
        let pending = group.map(|group| group.pending_of(consumer, from, StreamId::MAX));
        let pending = pending.into_iter().flatten().take(self.request.max);
        let ids: Vec<StreamId> = pending.map(|(id, _)| id).collect();
        self.out.array(ids.len());
        for id in ids {
            let Some(entry) = stream.get(id) else {
                self.out.array(2);
                write_id(self.out, id);
                self.out.null_array();
                continue;
            };
            write_entry(self.out, &entry);
            if let Some(group) = stream.group_mut(name) {
                group.note_again(id, self.now_ms);
                changes.claim(self.key, self.reader, group, (id, group.last_id));
            }
        }
    }

    /// Replies with entries that are new to the group, after those that it takes from others.
    fn serve_new(
        &mut self,
        stream: &mut Stream,
        consumer: ConsumerId,
        changes: &mut Changes,
    ) -> bool {
        let name = self.reader.group;
        let idle = self.idle(stream);
        let group_last = stream.group(name).map(|group| group.last_id);
        let has_new = stream.top_id() > group_last && idle.len() < self.request.max;
        if idle.is_empty() && !has_new {
            return false;
        }
        begin(self.out, self.key);
        let mut given = Vec::new();
        let wants_ids = changes.is_wanted() && !self.request.acknowledges;
        let tells_idle = self.request.claims_after_ms.is_some();
        let delivery = Delivery {
            max: if has_new { self.request.max - idle.len() } else { 0 },
            are_pending: !self.request.acknowledges,
            now_ms: self.now_ms,
        };
        let Service { key, reader, now_ms, .. } = *self;
        self.out.array_of(|out| {
            for (id, held) in &idle {
                let Some(entry) = stream.get(*id) else { continue };
                write_with_idle(out, &entry, now_ms - held.delivered_ms, held.deliveries);
                let deliveries = held.deliveries.saturating_add(1);
                if let Some(group) = stream.group_mut(name) {
                    group.give(*id, Pending { delivered_ms: now_ms, deliveries, consumer });
                    group.note_active(consumer, now_ms);
                    changes.claim(key, reader, group, (*id, group.last_id));
                }
            }
            let count = stream.deliver(name, consumer, delivery, |entry| {
                if tells_idle {
                    write_with_idle(out, entry, 0, 0);
                } else {
                    write_entry(out, entry);
                }
                if wants_ids {
                    given.push(entry.id);
                }
            });
            idle.len() + count
        });
        if let Some(group) = stream.group(name).filter(|group| Some(group.last_id) != group_last) {
            if given.is_empty() {
                changes.group_id(key, name, group);
            }
            given.into_iter().for_each(|id| changes.claim(key, reader, group, (id, id)));
        }
        true
    }

    /// What has been pending for so long that it may be taken, the longest first.
    fn idle(&self, stream: &mut Stream) -> Vec<(StreamId, Pending)> {
        let Some(after_ms) = self.request.claims_after_ms else { return Vec::new() };
        if let Some(group) = stream.group_mut(self.reader.group) {
            group.keep_ages();
        }
        let Some(group) = stream.group(self.reader.group) else { return Vec::new() };
        let latest = self.now_ms.saturating_sub(after_ms);
        let idle = group.oldest().take_while(|(_, held)| held.delivered_ms <= latest);
        let there = idle.filter(|(id, _)| stream.get(*id).is_some());
        there.take(self.request.max).map(|(id, held)| (id, *held)).collect()
    }
}

/// Replies with an entry, for how long it was pending, and how often it had been given.
fn write_with_idle(out: &mut Output, entry: &Entry<'_>, idle_ms: i64, deliveries: u64) {
    out.array(4);
    write_id(out, entry.id);
    write_fields(out, entry);
    out.int(idle_ms.max(0));
    out.int(num::signed_u64(deliveries));
}
