//! Entries read by their ids.

use super::{ACCESSES, READS, from_id, to_id, write_entry};
use crate::data::collection::Kind;
use crate::data::stream::Stream;
use crate::exec::{Call, Command, Flow, Outcome, int};
use crate::resp::error::Error;
use crate::spec::Spec;
use crate::spec::flags::Flags;
use crate::spec::keys::{KeyFlags, KeySpec};

pub(super) const XLEN: Command = Command::new(
    Spec {
        name: "xlen",
        arity: 2,
        flags: Flags::READONLY.union(Flags::FAST),
        keys: &[KeySpec::one(KeyFlags::RO)],
        summary: "Counts the entries of a stream.",
        syntax: "key",
        ..READS
    },
    xlen,
);

fn xlen(call: &mut Call<'_>) -> Outcome {
    let key = call.argv.at(1);
    let mut db = call.db();
    let spot = db.read(key);
    let len = db.view::<Stream>(&spot)?.map_or(0, Kind::len);
    call.out.len_int(len);
    Ok(Flow::Done)
}

const RANGES: Spec = Spec {
    arity: -4,
    keys: &[KeySpec::one(ACCESSES)],
    complexity: "O(N) for N entries",
    history: &[("6.2.0", "intervals without their ends")],
    ..READS
};

pub(super) const XRANGE: Command = Command::new(
    Spec {
        name: "xrange",
        summary: "Reads the entries with ids from one to another.",
        syntax: "key start end [COUNT count]",
        ..RANGES
    },
    xrange,
);

fn xrange(call: &mut Call<'_>) -> Outcome {
    range(call, false)
}

pub(super) const XREVRANGE: Command = Command::new(
    Spec {
        name: "xrevrange",
        summary: "Reads the entries with ids from one to another, the last one first.",
        syntax: "key end start [COUNT count]",
        ..RANGES
    },
    xrevrange,
);

fn xrevrange(call: &mut Call<'_>) -> Outcome {
    range(call, true)
}

fn range(call: &mut Call<'_>, is_backward: bool) -> Outcome {
    let argv = call.argv;
    let (from, to) = if is_backward { (3, 2) } else { (2, 3) };
    let (from, to) = (from_id(argv.at(from))?, to_id(argv.at(to))?);
    let mut max = None;
    for at in (4..argv.len()).step_by(2) {
        let count = argv.get(at + 1).filter(|_| argv.at(at).eq_ignore_ascii_case(b"COUNT"));
        max = Some(usize::try_from(int(count.ok_or(Error::SYNTAX)?)?).unwrap_or(0));
    }
    let mut db = call.store.db(call.client.db, call.state.now.unix_ms());
    let spot = db.read(argv.at(1));
    let stream = db.view::<Stream>(&spot)?;
    match (stream, max) {
        (None, _) => call.out.array(0),
        (Some(_), Some(0)) => call.out.null_array(),
        (Some(stream), max) => {
            let entries =
                if is_backward { stream.range_back(from, to) } else { stream.range(from, to) };
            call.out.array_of(|out| {
                entries
                    .take(max.unwrap_or(usize::MAX))
                    .map(|entry| write_entry(out, &entry))
                    .count()
            });
        }
    }
    Ok(Flow::Done)
}
