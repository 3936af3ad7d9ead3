//! Streams on their way out and in: their blocks as they are, then what is known of them, then
//! their groups.

use super::codes::kind;
use super::sink::Sink;
use super::source::{Result, Source};
use crate::data::stream::{Facts, Group, Stream, StreamId};
use std::io;

/// Why bytes are refused.
const DAMAGED: &str = "a stream is damaged";
/// Why a block is.
const BLOCK: &str = "Stream listpack integrity check failed.";
/// Why a consumer is.
const CONSUMER: &str = "Duplicate stream consumer detected";

/// Writes a stream.
///
/// # Errors
/// The system's.
pub(super) fn put(stream: &Stream, code: u8, sink: &mut Sink<'_>) -> io::Result<()> {
    sink.count(stream.block_count() as u64)?;
    for (first_id, bytes) in stream.blocks() {
        sink.string(&packed(first_id))?;
        sink.string(bytes)?;
    }
    let facts = stream.facts();
    sink.count(facts.len)?;
    put_id(facts.last_id, sink)?;
    put_id(facts.first_id, sink)?;
    put_id(facts.max_deleted_id, sink)?;
    sink.count(facts.entries_added)?;
    sink.count(stream.groups().len() as u64)?;
    for (name, group) in stream.groups() {
        sink.string(name)?;
        put_group(group, code, sink)?;
    }
    Ok(())
}

fn put_group(group: &Group, code: u8, sink: &mut Sink<'_>) -> io::Result<()> {
    put_id(group.last_id, sink)?;
    sink.count(group.entries_read.unwrap_or(u64::MAX))?;
    sink.count(group.pending_len() as u64)?;
    for (id, held) in group.pending_range(StreamId::MIN, StreamId::MAX) {
        sink.bytes(&packed(id))?;
        sink.bytes(&held.delivered_ms.to_le_bytes())?;
        sink.count(held.deliveries)?;
    }
    sink.count(group.consumers().len() as u64)?;
    for (id, consumer) in group.consumers() {
        sink.string(&consumer.name)?;
        sink.bytes(&consumer.seen_ms.to_le_bytes())?;
        if code == kind::STREAM_3 {
            sink.bytes(&consumer.active_ms.to_le_bytes())?;
        }
        sink.count(consumer.pending_len() as u64)?;
        for (id, _) in group.pending_of(id, StreamId::MIN, StreamId::MAX) {
            sink.bytes(&packed(id))?;
        }
    }
    Ok(())
}

fn put_id(id: StreamId, sink: &mut Sink<'_>) -> io::Result<()> {
    sink.count(id.ms)?;
    sink.count(id.seq)
}

/// An id in sixteen bytes, which are in the order of ids.
fn packed(id: StreamId) -> [u8; 16] {
    (u128::from(id.ms) << 64 | u128::from(id.seq)).to_be_bytes()
}

fn unpacked(bytes: [u8; 16]) -> StreamId {
    let [a, b, c, d, e, f, g, h, rest @ ..] = bytes;
    let ms = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
    StreamId { ms, seq: u64::from_be_bytes(rest) }
}

/// Reads a stream that is written in the way of `code`.
///
/// # Errors
/// What is wrong with the bytes, or the system's.
pub(super) fn read(code: u8, source: &mut Source<'_>, room: &mut Vec<u8>) -> Result<Stream> {
    let mut stream = Stream::default();
    for _ in 0..source.count()? {
        source.text(room)?;
        let first_id = <[u8; 16]>::try_from(room.as_slice());
        let first_id = first_id.map(unpacked).map_err(|_| source.fault(DAMAGED))?;
        source.text(room)?;
        let added = stream.restore_block(first_id, room.clone());
        added.map_err(|_| source.fault(BLOCK))?;
    }
    let len = source.count()?;
    let last_id = read_id(source)?;
    let facts = if code == kind::STREAM {
        Facts { len, ..stream.plain_facts(last_id) }
    } else {
        let (first_id, max_deleted_id) = (read_id(source)?, read_id(source)?);
        Facts { len, last_id, first_id, max_deleted_id, entries_added: source.count()? }
    };
    stream.restore_facts(facts).map_err(|_| source.fault(DAMAGED))?;
    for _ in 0..source.count()? {
        source.text(room)?;
        let name = room.clone();
        let last_id = read_id(source)?;
        let entries_read = match code {
            kind::STREAM => stream.facts().rank_of(last_id),
            // What stands for an unknown number is negative.
            _ => Some(source.count()?).filter(|read| i64::try_from(*read).is_ok()),
        };
        let mut group = Group::new(last_id, entries_read);
        read_group(&mut group, code, source, room)?;
        if !group.is_whole() || !stream.add_group(&name, group) {
            return Err(source.fault(DAMAGED));
        }
    }
    Ok(stream)
}

fn read_group(
    group: &mut Group,
    code: u8,
    source: &mut Source<'_>,
    room: &mut Vec<u8>,
) -> Result<()> {
    for _ in 0..source.count()? {
        let id = unpacked(source.array()?);
        let delivered_ms = i64::from_le_bytes(source.array()?);
        if !group.restore_pending(id, delivered_ms, source.count()?) {
            return Err(source.fault(DAMAGED));
        }
    }
    for _ in 0..source.count()? {
        source.text(room)?;
        let seen_ms = i64::from_le_bytes(source.array()?);
        let active_ms =
            if code == kind::STREAM_3 { i64::from_le_bytes(source.array()?) } else { seen_ms };
        let consumer = group.restore_consumer(room, seen_ms, active_ms);
        let consumer = consumer.ok_or_else(|| source.fault(CONSUMER))?;
        for _ in 0..source.count()? {
            if !group.restore_owner(unpacked(source.array()?), consumer) {
                return Err(source.fault(DAMAGED));
            }
        }
    }
    Ok(())
}

fn read_id(source: &mut Source<'_>) -> Result<StreamId> {
    Ok(StreamId { ms: source.count()?, seq: source.count()? })
}
