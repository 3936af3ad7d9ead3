//! What is pending with the consumers of a group, and its end.

use super::{ACCESSES, READS, UPDATES, WRITES_FAST, from_id, ids, no_such_group, to_id, write_id};
use crate::base::num;
use crate::data::stream::{Group, Pending, Stream, StreamId};
use crate::exec::{Call, Command, Flow, Outcome, int};
use crate::resp::argv::Argv;
use crate::resp::error::Error;
use crate::resp::output::Output;
use crate::spec::Spec;
use crate::spec::keys::KeySpec;
use crate::store::Edit;

pub(super) const XACK: Command = Command::new(
    Spec {
        name: "xack",
        arity: -4,
        keys: &[KeySpec::one(UPDATES)],
        complexity: "O(1) for each entry",
        summary: "Acknowledges entries: they are pending with the group no more.",
        syntax: "key group id [id ...]",
        ..WRITES_FAST
    },
    xack,
);

fn xack(call: &mut Call<'_>) -> Outcome {
    let argv = call.argv;
    let mut db = call.db();
    let spot = db.read(argv.at(1));
    let done = db.update(spot, |stream: &mut Stream| {
        let Some(group) = stream.group_mut(argv.at(2)) else { return Edit::same(Ok(0)) };
        match ids(argv.from(3)) {
            Err(error) => Edit::same(Err(error)),
            Ok(ids) => {
                let done = ids.into_iter().filter(|id| group.acknowledge(*id)).count();
                if done == 0 { Edit::same(Ok(0)) } else { Edit::aside(None, Ok(done)).times(done) }
            }
        }
    })?;
    call.out.len_int(done.unwrap_or(Ok(0))?);
    Ok(Flow::Done)
}

pub(super) const XPENDING: Command = Command::new(
    Spec {
        name: "xpending",
        arity: -3,
        keys: &[KeySpec::one(ACCESSES)],
        tips: &["nondeterministic_output"],
        complexity: "O(N) for N entries that are looked at, or N consumers",
        summary: "Tells what is pending with a group.",
        syntax: "key group [filters: [IDLE min-idle-time:integer] start end count [consumer]]",
        history: &[("6.2.0", "`IDLE` and intervals without their ends")],
        ..READS
    },
    xpending,
);

/// Which pending entries are asked for.
struct Filter<'a> {
    min_idle_ms: i64,
    from: StreamId,
    to: StreamId,
    max: usize,
    consumer: Option<&'a [u8]>,
}

impl<'a> Filter<'a> {
    fn parse(argv: Argv<'a>) -> Result<Filter<'a>, Error> {
        let (mut at, mut min_idle_ms) = (3, 0);
        if argv.at(at).eq_ignore_ascii_case(b"IDLE") {
            min_idle_ms = int(argv.at(at + 1))?;
            if argv.len() < 8 {
                return Err(Error::SYNTAX);
            }
            at += 2;
        }
        let max = usize::try_from(int(argv.at(at + 2))?).unwrap_or(0);
        let (from, to) = (from_id(argv.at(at))?, to_id(argv.at(at + 1))?);
        Ok(Filter { min_idle_ms, from, to, max, consumer: argv.get(at + 3) })
    }

    /// Replies with the entries.
    fn write(&self, out: &mut Output, group: &Group, now_ms: i64) {
        let is_old = |held: &Pending| {
            self.min_idle_ms == 0 || now_ms.saturating_sub(held.delivered_ms) >= self.min_idle_ms
        };
        let write = |out: &mut Output, id, held: &Pending| {
            out.array(4);
            write_id(out, id);
            out.bulk(group.consumer(held.consumer).map_or(b"", |consumer| &consumer.name));
            out.int(now_ms.saturating_sub(held.delivered_ms).max(0));
            out.int(num::signed_u64(held.deliveries));
        };
        let consumer = self.consumer.map(|name| group.find_consumer(name));
        match consumer {
            Some(None) => out.array(0),
            Some(Some(consumer)) => out.array_of(|out| {
                let held = group.pending_of(consumer, self.from, self.to);
                let held = held.filter(|(_, held)| is_old(held)).take(self.max);
                held.map(|(id, held)| write(out, id, held)).count()
            }),
            None => out.array_of(|out| {
                let held = group.pending_range(self.from, self.to);
                let held = held.filter(|(_, held)| is_old(held)).take(self.max);
                held.map(|(id, held)| write(out, id, held)).count()
            }),
        }
    }
}

fn xpending(call: &mut Call<'_>) -> Outcome {
    let (argv, now_ms) = (call.argv, call.now_ms());
    let filter = match argv.len() {
        3 => None,
        6..=9 => Some(Filter::parse(argv)?),
        _ => return Err(Error::SYNTAX),
    };
    let mut db = call.store.db(call.client.db, now_ms);
    let spot = db.read(argv.at(1));
    let stream = db.view::<Stream>(&spot)?;
    let group = stream.and_then(|stream| stream.group(argv.at(2)));
    let group = group.ok_or_else(|| no_such_group(argv.at(1), argv.at(2), ""))?;
    match filter {
        Some(filter) => filter.write(call.out, group, now_ms),
        None => write_summary(call.out, group),
    }
    Ok(Flow::Done)
}

/// Replies with how much is pending, the first and the last of it, and how much with whom.
fn write_summary(out: &mut Output, group: &Group) {
    out.array(4);
    out.len_int(group.pending_len());
    let mut ids = group.pending_range(StreamId::MIN, StreamId::MAX).map(|(id, _)| id);
    let (first, last) = (ids.next(), ids.next_back());
    let Some(first) = first else {
        out.null();
        out.null();
        return out.null_array();
    };
    write_id(out, first);
    write_id(out, last.unwrap_or(first));
    let consumers = group.consumers().filter(|(_, consumer)| consumer.pending_len() > 0);
    out.array_of(|out| {
        let write = |out: &mut Output, name: &[u8], count: usize| {
            out.array(2);
            out.bulk(name);
            out.bulk_int(num::signed(count));
        };
        consumers.map(|(_, one)| write(out, &one.name, one.pending_len())).count()
    });
}
