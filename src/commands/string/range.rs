//! Parts of strings: their length, and bytes read and written at a place.

use super::{ACCESSES, READS, READS_FAST, WRITES, WRITES_FAST};
use crate::data::text::Text;
use crate::exec::{Call, Command, Flow, Outcome, int, span};
use crate::resp::error::Error;
use crate::spec::keys::{KeyFlags, KeySpec};
use crate::spec::{Deprecated, Spec};
use crate::store::Ttl;

const TOO_LONG: Error = Error::new("ERR string exceeds maximum allowed size (proto-max-bulk-len)");

pub(super) const STRLEN: Command = Command::new(
    Spec {
        name: "strlen",
        since: "2.2.0",
        arity: 2,
        keys: &[KeySpec::one(KeyFlags::RO)],
        summary: "Tells the length of a string.",
        syntax: "key",
        ..READS_FAST
    },
    strlen,
);

fn strlen(call: &mut Call<'_>) -> Outcome {
    let (key, now_ms) = (call.argv.at(1), call.now_ms());
    let mut db = call.store.db(call.client.db, now_ms);
    let spot = db.read(key);
    call.out.len_int(db.text(&spot)?.map_or(0, Text::len));
    Ok(Flow::Done)
}

pub(super) const APPEND: Command = Command::new(
    Spec {
        name: "append",
        since: "2.0.0",
        arity: 3,
        keys: &[KeySpec::one(KeyFlags::RW.union(KeyFlags::INSERT))],
        summary: "Adds bytes at the end of a string; a missing key counts as an empty one.",
        syntax: "key value",
        ..WRITES_FAST
    },
    append,
);

fn append(call: &mut Call<'_>) -> Outcome {
    let (key, value) = (call.argv.at(1), call.argv.at(2));
    let len_max = len_max(call);
    let mut db = call.db();
    let spot = db.look(key);
    let Some(text) = db.text(&spot)? else {
        db.put("append", spot, Text::compact(value), Ttl::Clear);
        call.out.len_int(value.len());
        return Ok(Flow::Done);
    };
    let len = text.len() + value.len();
    if len > len_max {
        return Err(TOO_LONG);
    }
    db.modify("append", spot, |bytes| bytes.extend_from_slice(value));
    call.out.len_int(len);
    Ok(Flow::Done)
}

pub(super) const SETRANGE: Command = Command::new(
    Spec {
        name: "setrange",
        since: "2.2.0",
        arity: 4,
        keys: &[KeySpec::one(KeyFlags::RW.union(KeyFlags::UPDATE))],
        complexity: "O(N) for N bytes written, zeros before them included",
        summary: "Writes bytes at a place of a string; what is missing before it becomes zeros.",
        syntax: "key offset:integer value",
        ..WRITES
    },
    setrange,
);

fn setrange(call: &mut Call<'_>) -> Outcome {
    let (key, value) = (call.argv.at(1), call.argv.at(3));
    let offset = usize::try_from(int(call.argv.at(2))?)
        .map_err(|_| Error::new("ERR offset is out of range"))?;
    let len_max = len_max(call);
    let mut db = call.db();
    let spot = db.look(key);
    let len = db.text(&spot)?.map_or(0, Text::len);
    if value.is_empty() {
        call.out.len_int(len);
        return Ok(Flow::Done);
    }
    let end = offset.checked_add(value.len()).filter(|end| *end <= len_max).ok_or(TOO_LONG)?;
    db.modify("setrange", spot, |bytes| {
        bytes.resize(end.max(len), 0);
        bytes[offset..end].copy_from_slice(value);
    });
    call.out.len_int(end.max(len));
    Ok(Flow::Done)
}

/// Longest string that a command may make.
fn len_max(call: &Call<'_>) -> usize {
    usize::try_from(call.state.config.proto_max_bulk_len).unwrap_or(0)
}

pub(super) const GETRANGE: Command =
    Command::new(Spec { name: "getrange", since: "2.4.0", ..READS_PART }, getrange);

pub(super) const SUBSTR: Command = Command::new(
    Spec {
        name: "substr",
        deprecated: Some(Deprecated { since: "2.0.0", replaced_by: "`GETRANGE`" }),
        ..READS_PART
    },
    getrange,
);

const READS_PART: Spec = Spec {
    arity: 4,
    keys: &[KeySpec::one(ACCESSES)],
    complexity: "O(N) for N bytes returned",
    summary: "Reads a part of a string; negative places count from its end.",
    syntax: "key start:integer end:integer",
    ..READS
};

fn getrange(call: &mut Call<'_>) -> Outcome {
    let (key, now_ms) = (call.argv.at(1), call.now_ms());
    let (start, end) = (int(call.argv.at(2))?, int(call.argv.at(3))?);
    let mut db = call.store.db(call.client.db, now_ms);
    let spot = db.read(key);
    let out = &mut *call.out;
    let is_backward = start < 0 && end < 0 && start > end;
    let text = db.text(&spot)?.filter(|_| !is_backward).unwrap_or(Text::EMPTY);
    text.with_bytes(|bytes| {
        let part = span(start, end, bytes.len()).map_or(&b""[..], |(a, b)| &bytes[a..=b]);
        out.bulk(part);
    });
    Ok(Flow::Done)
}
