//! Streams: entries in the order of their ids, and the groups that read them.

mod add;
mod changes;
mod claim;
mod delete;
mod group;
mod info;
mod pending;
mod range;
mod read;
mod read_group;
mod trim;

use crate::base::num;
use crate::commands::text::write_text;
use crate::data::stream::{BlockLimits, Entry, StreamId};
use crate::exec::{Call, Command};
use crate::resp::error::{Error, shown};
use crate::resp::output::Output;
use crate::spec::categories::Categories;
use crate::spec::flags::Flags;
use crate::spec::keys::KeyFlags;
use crate::spec::{Group, Spec};

/// All commands of the group.
pub(super) const COMMANDS: &[&Command] = &[
    &pending::XACK,
    &delete::XACKDEL,
    &add::XADD,
    &claim::XAUTOCLAIM,
    &claim::XCLAIM,
    &delete::XDEL,
    &delete::XDELEX,
    &group::XGROUP,
    &info::XINFO,
    &range::XLEN,
    &pending::XPENDING,
    &range::XRANGE,
    &read::XREAD,
    &read_group::XREADGROUP,
    &range::XREVRANGE,
    &add::XSETID,
    &trim::XTRIM,
];

const READS: Spec = Spec {
    group: Group::Stream,
    since: "5.0.0",
    flags: Flags::READONLY,
    categories: Categories::STREAM,
    ..Spec::NEW
};
const WRITES: Spec = Spec { flags: Flags::WRITE, ..READS };
const WRITES_FAST: Spec = Spec { flags: Flags::WRITE.union(Flags::FAST), ..READS };

const ACCESSES: KeyFlags = KeyFlags::RO.union(KeyFlags::ACCESS);
const UPDATES: KeyFlags = KeyFlags::RW.union(KeyFlags::UPDATE);
const INSERTS: KeyFlags = KeyFlags::RW.union(KeyFlags::INSERT);
const DELETES: KeyFlags = KeyFlags::RW.union(KeyFlags::DELETE);

const BAD_ID: Error = Error::new("ERR Invalid stream ID specified as stream command argument");

/// How far the blocks of a stream grow.
#[inline]
fn block_limits(call: &Call<'_>) -> BlockLimits {
    let config = &call.state.config;
    BlockLimits {
        bytes: usize::try_from(config.stream_node_max_bytes).unwrap_or(0),
        entries: u64::try_from(config.stream_node_max_entries).unwrap_or(0),
    }
}

/// The id that an argument names; one without a second part gets this.
#[inline]
fn id(argument: &[u8], seq: u64) -> Result<StreamId, Error> {
    StreamId::parse(argument, seq).ok_or(BAD_ID)
}

/// Ids, one after the other.
fn ids<'a>(arguments: impl Iterator<Item = &'a [u8]>) -> Result<Vec<StreamId>, Error> {
    arguments.map(|argument| id(argument, 0)).collect()
}

/// An integer from one to a highest one, or an error of this text.
fn count_within(argument: &[u8], max: i64, text: &'static str) -> Result<usize, Error> {
    let count = num::parse_i64(argument).filter(|count| (1..=max).contains(count));
    count.and_then(|count| usize::try_from(count).ok()).ok_or(Error::new(text))
}

/// That a key or a group of it is not there, with the end of that sentence.
fn no_such_group(key: &[u8], group: &[u8], end: &str) -> Error {
    let (key, group) = (shown(key, usize::MAX), shown(group, usize::MAX));
    let (before, between) = (b"NOGROUP No such key '", b"' or consumer group '");
    Error::text([before, key, between, group, b"'", end.as_bytes()].concat())
}

/// The lowest id of an interval that begins so.
fn from_id(argument: &[u8]) -> Result<StreamId, Error> {
    match argument {
        [b'(', rest @ ..] if !rest.is_empty() => {
            id(rest, 0)?.next().ok_or(Error::new("ERR invalid start ID for the interval"))
        }
        _ => end_id(argument, 0),
    }
}

/// The highest id of an interval that ends so.
fn to_id(argument: &[u8]) -> Result<StreamId, Error> {
    match argument {
        [b'(', rest @ ..] if !rest.is_empty() => {
            id(rest, u64::MAX)?.prev().ok_or(Error::new("ERR invalid end ID for the interval"))
        }
        _ => end_id(argument, u64::MAX),
    }
}

/// An id, or one of the ends of all.
fn end_id(argument: &[u8], seq: u64) -> Result<StreamId, Error> {
    match argument {
        b"-" => Ok(StreamId::MIN),
        b"+" => Ok(StreamId::MAX),
        _ => id(argument, seq),
    }
}

/// Replies with an id.
#[inline]
fn write_id(out: &mut Output, id: StreamId) {
    out.bulk(id.text().as_ref());
}

/// Replies with an entry: its id, and its fields with their values.
#[inline]
fn write_entry(out: &mut Output, entry: &Entry<'_>) {
    out.array(2);
    write_id(out, entry.id);
    write_fields(out, entry);
}

/// Replies with the fields of an entry and their values.
#[inline]
fn write_fields(out: &mut Output, entry: &Entry<'_>) {
    out.array(2 * entry.len());
    for (field, value) in entry.fields() {
        write_text(out, field);
        write_text(out, value);
    }
}
