//! HyperLogLog: estimates of how many distinct elements were seen.

mod debug;

use crate::data::hll::{self, Corrupt, Registers};
use crate::data::text::Text;
use crate::exec::{Call, Command, Flow, Outcome};
use crate::resp::error::Error;
use crate::spec::categories::Categories;
use crate::spec::flags::Flags;
use crate::spec::keys::{KeyFlags, KeySpec};
use crate::spec::{Group, Spec};
use crate::store::{Db, Spot};

/// All commands of the group.
pub(super) const COMMANDS: &[&Command] =
    &[&PFADD, &PFCOUNT, &debug::PFDEBUG, &PFMERGE, &debug::PFSELFTEST];

const BASE: Spec = Spec {
    group: Group::HyperLogLog,
    since: "2.8.9",
    arity: -2,
    categories: Categories::HYPERLOGLOG,
    ..Spec::NEW
};

const CHANGES: Flags = Flags::WRITE.union(Flags::DENYOOM);

/// The HyperLogLog at a spot.
fn view<'d>(db: &'d Db<'_>, spot: &Spot<'_>) -> Result<Option<&'d [u8]>, Error> {
    const NOT_ONE: Error = Error::new("WRONGTYPE Key is not a valid HyperLogLog string value.");
    match db.text(spot)? {
        None => Ok(None),
        Some(Text::Bytes(bytes)) if hll::is_one(bytes) => Ok(Some(bytes)),
        Some(_) => Err(NOT_ONE),
    }
}

/// What a client is told whose HyperLogLog has lost its form.
fn corrupt(_: Corrupt) -> Error {
    Error::new("INVALIDOBJ Corrupted HLL object detected")
}

/// Most bytes of a sparse one.
fn sparse_max(call: &Call<'_>) -> usize {
    usize::try_from(call.state.config.hll_sparse_max_bytes).unwrap_or(0)
}

const PFADD: Command = Command::new(
    Spec {
        name: "pfadd",
        flags: CHANGES.union(Flags::FAST),
        keys: &[KeySpec::one(KeyFlags::RW.union(KeyFlags::INSERT))],
        complexity: "O(1) for each element",
        summary: "Shows elements to a HyperLogLog; tells whether its count may have changed.",
        syntax: "key [element [element ...]]",
        ..BASE
    },
    pfadd,
);

fn pfadd(call: &mut Call<'_>) -> Outcome {
    let (argv, sparse_max) = (call.argv, sparse_max(call));
    let mut db = call.db();
    let spot = db.look(argv.at(1));
    let is_new = view(&db, &spot)?.is_none();
    // A new one counts as a change, and each element that makes a difference.
    let (mut changes, mut outcome) = (usize::from(is_new), Ok(()));
    db.modify_if("pfadd", spot, |bytes| {
        if is_new {
            *bytes = hll::new();
        }
        outcome = argv.from(2).try_for_each(|element| {
            changes += usize::from(hll::add(bytes, element, sparse_max)?);
            Ok(())
        });
        if outcome.is_err() {
            // What was seen before the error stays without a word.
            return 0;
        }
        if changes > 0 {
            hll::forget_count(bytes);
        }
        changes
    });
    outcome.map_err(corrupt)?;
    call.out.int(i64::from(changes > 0));
    Ok(Flow::Done)
}

const PFCOUNT: Command = Command::new(
    Spec {
        name: "pfcount",
        flags: Flags::READONLY.union(Flags::MAY_REPLICATE),
        keys: &[KeySpec::all(KeyFlags::RW.union(KeyFlags::ACCESS)).noting(
            "RW because it may change the internal representation of the key, and propagate to \
            replicas",
        )],
        complexity: "O(1) for one key whose count is known; O(N) for N keys, with a large constant",
        summary: "Estimates how many distinct elements HyperLogLogs have seen together.",
        syntax: "key [key ...]",
        ..BASE
    },
    pfcount,
);

fn pfcount(call: &mut Call<'_>) -> Outcome {
    let argv = call.argv;
    let mut db = call.db();
    let count = if argv.len() == 2 {
        count_one(&mut db, argv.at(1))?
    } else {
        let mut seen = Registers::default();
        for key in argv.from(1) {
            let spot = db.read(key);
            if let Some(bytes) = view(&db, &spot)? {
                seen.merge(bytes).map_err(corrupt)?;
            }
        }
        seen.count()
    };
    call.out.int(count.cast_signed());
    Ok(Flow::Done)
}

/// The count of one key, which is noted for the next time.
fn count_one(db: &mut Db<'_>, key: &[u8]) -> Result<u64, Error> {
    let spot = db.read(key);
    let Some(bytes) = view(db, &spot)? else { return Ok(0) };
    if let Some(count) = hll::latest_count(bytes) {
        return Ok(count);
    }
    let count = hll::count(bytes).map_err(corrupt)?;
    db.amend(spot, |bytes| hll::note_count(bytes, count));
    Ok(count)
}

const PFMERGE: Command = Command::new(
    Spec {
        name: "pfmerge",
        flags: CHANGES,
        keys: &[
            KeySpec::one(KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::INSERT)),
            KeySpec::all(KeyFlags::RO.union(KeyFlags::ACCESS)).from(2),
        ],
        complexity: "O(N) for N keys, with a large constant",
        summary: "Has a HyperLogLog see what others have seen.",
        syntax: "destkey:key [sourcekey:key [sourcekey:key ...]]",
        ..BASE
    },
    pfmerge,
);

fn pfmerge(call: &mut Call<'_>) -> Outcome {
    let (argv, sparse_max) = (call.argv, sparse_max(call));
    let mut db = call.db();
    let (mut seen, mut is_dense) = (Registers::default(), false);
    for key in argv.from(1) {
        let spot = db.read(key);
        if let Some(bytes) = view(&db, &spot)? {
            seen.merge(bytes).map_err(corrupt)?;
            is_dense |= !hll::is_sparse(bytes);
        }
    }
    let spot = db.look(argv.at(1));
    let is_new = !spot.exists();
    let mut outcome = Ok(());
    db.modify("pfadd", spot, |bytes| {
        if is_new {
            *bytes = hll::new();
        }
        let dense = if is_dense { hll::to_dense(bytes) } else { Ok(()) };
        outcome = dense.and_then(|()| seen.write_to(bytes, sparse_max));
        hll::forget_count(bytes);
    });
    outcome.map_err(corrupt)?;
    call.out.ok();
    Ok(Flow::Done)
}
