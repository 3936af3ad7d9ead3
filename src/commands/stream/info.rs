//! XINFO: what is known of streams, groups and consumers.

use super::{ACCESSES, READS, write_entry, write_id};
use crate::base::num;
use crate::commands::help;
use crate::data::stream::{Consumer, ConsumerId, Facts, Group, Pending, Stream, StreamId};
use crate::exec::{Call, Command, Flow, Outcome, int};
use crate::resp::error::{Error, shown};
use crate::resp::output::Output;
use crate::spec::categories::Categories;
use crate::spec::keys::KeySpec;
use crate::spec::{Group as Documented, Spec};

/// Entries that XINFO STREAM FULL shows of each kind unless it is told otherwise.
const SHOWN: usize = 10;

const NO_KEY: Error = Error::new("ERR no such key");

pub(super) const XINFO: Command = Command {
    spec: Spec {
        name: "xinfo",
        group: Documented::Stream,
        since: "5.0.0",
        arity: -2,
        complexity: "Depends on the subcommand",
        summary: "Tells what is known of streams.",
        ..Spec::NEW
    },
    run: |call| Err(call.wrong_arity()),
    subcommands: &[&CONSUMERS, &GROUPS, &HELP, &STREAM],
};

const HELP: Command = help::command(Documented::Stream, "5.0.0", Categories::STREAM);

const TELLS: Spec = Spec { keys: &[KeySpec::one(ACCESSES).from(2)], ..READS };

/// The stream that the request names.
fn with_stream(
    call: &mut Call<'_>,
    tell: impl FnOnce(&mut Output, &Stream) -> Result<(), Error>,
) -> Outcome {
    let mut db = call.store.db(call.client.db, call.state.now.unix_ms());
    let spot = db.read(call.argv.at(2));
    let stream = db.view::<Stream>(&spot)?.ok_or(NO_KEY)?;
    tell(call.out, stream)?;
    Ok(Flow::Done)
}

const CONSUMERS: Command = Command::new(
    Spec {
        name: "consumers",
        arity: 4,
        tips: &["nondeterministic_output"],
        summary: "Tells of the consumers of a group.",
        syntax: "key group",
        history: &[("7.2.0", "`inactive`")],
        ..TELLS
    },
    consumers,
);

fn consumers(call: &mut Call<'_>) -> Outcome {
    let (argv, now_ms) = (call.argv, call.now_ms());
    with_stream(call, |out, stream| {
        let group = stream.group(argv.at(3)).ok_or_else(|| {
            let (group, key) = (shown(argv.at(3), usize::MAX), shown(argv.at(2), usize::MAX));
            let parts =
                [b"NOGROUP No such consumer group '", group, b"' for key name '", key, b"'"];
            Error::text(parts.concat())
        })?;
        out.array(group.consumers().len());
        for (_, consumer) in group.consumers() {
            let Consumer { name, seen_ms, active_ms, .. } = consumer;
            let inactive = if *active_ms == -1 { -1 } else { now_ms.saturating_sub(*active_ms) };
            out.map(4);
            out.bulk(b"name");
            out.bulk(name);
            number(out, "pending", num::signed(consumer.pending_len()));
            number(out, "idle", now_ms.saturating_sub(*seen_ms).max(0));
            number(out, "inactive", inactive);
        }
        Ok(())
    })
}

const GROUPS: Command = Command::new(
    Spec {
        name: "groups",
        arity: 3,
        summary: "Tells of the groups of a stream.",
        syntax: "key",
        history: &[("7.0.0", "`entries-read` and `lag`")],
        ..TELLS
    },
    groups,
);

fn groups(call: &mut Call<'_>) -> Outcome {
    with_stream(call, |out, stream| {
        out.array(stream.groups().len());
        for (name, group) in stream.groups() {
            out.map(6);
            out.bulk(b"name");
            out.bulk(name);
            number(out, "consumers", num::signed(group.consumers().len()));
            number(out, "pending", num::signed(group.pending_len()));
            write_progress(out, stream.facts(), group);
        }
        Ok(())
    })
}

/// How far a group has read: three pairs.
fn write_progress(out: &mut Output, facts: &Facts, group: &Group) {
    out.bulk(b"last-delivered-id");
    write_id(out, group.last_id);
    out.bulk(b"entries-read");
    number_or_null(out, group.entries_read.map(u64::cast_signed));
    out.bulk(b"lag");
    number_or_null(out, facts.lag_of(group));
}

const STREAM: Command = Command::new(
    Spec {
        name: "stream",
        arity: -3,
        summary: "Tells of a stream.",
        syntax: "key [full-block: FULL [COUNT count]]",
        history: &[
            ("6.0.0", "`FULL`"),
            (
                "7.0.0",
                "`max-deleted-entry-id`, `entries-added`, `recorded-first-entry-id`, \
              `entries-read` and `lag`",
            ),
            ("7.2.0", "`active-time`; `seen-time` means another thing"),
        ],
        ..TELLS
    },
    stream,
);

fn stream(call: &mut Call<'_>) -> Outcome {
    let argv = call.argv;
    let why = call.unknown_subcommand();
    with_stream(call, |out, stream| {
        let is = |at: usize, name: &str| argv.at(at).eq_ignore_ascii_case(name.as_bytes());
        match argv.len() {
            3 => write_stream(out, stream),
            4 if is(3, "FULL") => write_full(out, stream, SHOWN),
            6 if is(3, "FULL") && is(4, "COUNT") => {
                let max = match usize::try_from(int(argv.at(5))?) {
                    Ok(0) => usize::MAX,
                    max => max.unwrap_or(SHOWN),
                };
                write_full(out, stream, max);
            }
            _ => return Err(why),
        }
        Ok(())
    })
}

/// What both forms tell: seven pairs.
fn write_facts(out: &mut Output, stream: &Stream) {
    let facts = stream.facts();
    let blocks = num::signed(stream.block_count());
    number(out, "length", num::signed_u64(facts.len));
    number(out, "radix-tree-keys", blocks);
    // Redis's tree has a root.
    number(out, "radix-tree-nodes", blocks + 1);
    let ids =
        [("last-generated-id", facts.last_id), ("max-deleted-entry-id", facts.max_deleted_id)];
    for (name, id) in ids {
        out.bulk(name.as_bytes());
        write_id(out, id);
    }
    number(out, "entries-added", facts.entries_added.cast_signed());
    out.bulk(b"recorded-first-entry-id");
    write_id(out, facts.first_id);
}

fn write_stream(out: &mut Output, stream: &Stream) {
    out.map(10);
    write_facts(out, stream);
    number(out, "groups", num::signed(stream.groups().len()));
    let first = stream.range(StreamId::MIN, StreamId::MAX).next();
    let last = stream.range_back(StreamId::MIN, StreamId::MAX).next();
    for (name, entry) in [("first-entry", first), ("last-entry", last)] {
        out.bulk(name.as_bytes());
        match entry {
            Some(entry) => write_entry(out, &entry),
            None => out.null(),
        }
    }
}

fn write_full(out: &mut Output, stream: &Stream, max: usize) {
    out.map(9);
    write_facts(out, stream);
    out.bulk(b"entries");
    let entries = stream.range(StreamId::MIN, StreamId::MAX).take(max);
    out.array_of(|out| entries.map(|entry| write_entry(out, &entry)).count());
    out.bulk(b"groups");
    out.array(stream.groups().len());
    for (name, group) in stream.groups() {
        out.map(7);
        out.bulk(b"name");
        out.bulk(name);
        write_progress(out, stream.facts(), group);
        number(out, "pel-count", num::signed(group.pending_len()));
        out.bulk(b"pending");
        let held = group.pending_range(StreamId::MIN, StreamId::MAX).take(max);
        out.array_of(|out| {
            let write = |out: &mut Output, id, held: &Pending| {
                out.array(4);
                write_id(out, id);
                out.bulk(group.consumer(held.consumer).map_or(b"", |consumer| &consumer.name));
                write_delivery(out, held);
            };
            held.map(|(id, held)| write(out, id, held)).count()
        });
        out.bulk(b"consumers");
        out.array(group.consumers().len());
        for (id, consumer) in group.consumers() {
            write_consumer(out, group, (id, consumer), max);
        }
    }
}

fn write_consumer(
    out: &mut Output,
    group: &Group,
    (id, consumer): (ConsumerId, &Consumer),
    max: usize,
) {
    out.map(5);
    out.bulk(b"name");
    out.bulk(&consumer.name);
    number(out, "seen-time", consumer.seen_ms);
    number(out, "active-time", consumer.active_ms);
    number(out, "pel-count", num::signed(consumer.pending_len()));
    out.bulk(b"pending");
    let held = group.pending_of(id, StreamId::MIN, StreamId::MAX).take(max);
    out.array_of(|out| {
        let write = |out: &mut Output, id, held: &Pending| {
            out.array(3);
            write_id(out, id);
            write_delivery(out, held);
        };
        held.map(|(id, held)| write(out, id, held)).count()
    });
}

fn write_delivery(out: &mut Output, held: &Pending) {
    out.int(held.delivered_ms);
    out.int(num::signed_u64(held.deliveries));
}

fn number(out: &mut Output, name: &str, value: i64) {
    out.bulk(name.as_bytes());
    out.int(value);
}

fn number_or_null(out: &mut Output, value: Option<i64>) {
    match value {
        Some(value) => out.int(value),
        None => out.null(),
    }
}
