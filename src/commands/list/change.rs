//! Elements changed, put in and removed anywhere in a list.

use super::{DELETES, INSERTS, REMOVES, WRITES, fill};
use crate::base::num;
use crate::data::collection::Kind;
use crate::data::list::{End, List};
use crate::exec::{Call, Command, Flow, Outcome, int, places};
use crate::resp::error::Error;
use crate::spec::Spec;
use crate::spec::keys::{KeyFlags, KeySpec};
use crate::store::Edit;
use std::ops::Range;

pub(super) const LSET: Command = Command::new(
    Spec {
        name: "lset",
        arity: 4,
        keys: &[KeySpec::one(KeyFlags::RW.union(KeyFlags::UPDATE))],
        complexity: "O(N) for N elements from there to the nearer end",
        summary: "Replaces the element at a place of a list; negative places count from its end.",
        syntax: "key index element",
        ..WRITES
    },
    lset,
);

fn lset(call: &mut Call<'_>) -> Outcome {
    let (argv, fill) = (call.argv, fill(call));
    let mut db = call.db();
    let spot = db.look(argv.at(1));
    if db.view::<List>(&spot)?.is_none() {
        return Err(Error::new("ERR no such key"));
    }
    let index = int(argv.at(2))?;
    let is_set = db.update(spot, |list: &mut List| {
        let index = super::index(index, list.len()).unwrap_or(usize::MAX);
        match list.set(index, argv.at(3), fill) {
            true => Edit::changed("lset", true),
            false => Edit::same(false),
        }
    })?;
    if is_set != Some(true) {
        return Err(Error::new("ERR index out of range"));
    }
    call.out.ok();
    Ok(Flow::Done)
}

pub(super) const LINSERT: Command = Command::new(
    Spec {
        name: "linsert",
        since: "2.2.0",
        arity: 5,
        keys: &[KeySpec::one(INSERTS)],
        complexity: "O(N) for N elements up to the pivot",
        summary: "Puts an element before or behind the first one that is the pivot.",
        syntax: "key <where: BEFORE | AFTER> pivot element",
        ..WRITES
    },
    linsert,
);

fn linsert(call: &mut Call<'_>) -> Outcome {
    let (argv, fill) = (call.argv, fill(call));
    let end = match argv.at(2) {
        side if side.eq_ignore_ascii_case(b"BEFORE") => End::Front,
        side if side.eq_ignore_ascii_case(b"AFTER") => End::Back,
        _ => return Err(Error::SYNTAX),
    };
    let mut db = call.db();
    let spot = db.look(argv.at(1));
    let len =
        db.update(spot, |list: &mut List| match list.insert(end, argv.at(3), argv.at(4), fill) {
            true => Edit::changed("linsert", num::signed(list.len())),
            false => Edit::same(-1),
        })?;
    call.out.int(len.unwrap_or(0));
    Ok(Flow::Done)
}

pub(super) const LREM: Command = Command::new(
    Spec {
        name: "lrem",
        arity: 4,
        keys: &[KeySpec::one(DELETES)],
        complexity: "O(N) for N elements of the list",
        summary: "Removes elements of a value, the first ones, the last ones or all.",
        syntax: "key count element",
        ..REMOVES
    },
    lrem,
);

fn lrem(call: &mut Call<'_>) -> Outcome {
    let (argv, fill) = (call.argv, fill(call));
    let count = int(argv.at(2))?;
    let end = if count < 0 { End::Back } else { End::Front };
    let max = if count == 0 { usize::MAX } else { num::index(count.unsigned_abs()) };
    let mut db = call.db();
    let spot = db.look(argv.at(1));
    let removed =
        db.update(spot, |list: &mut List| match list.remove(end, argv.at(3), max, fill) {
            0 => Edit::same(0),
            removed => Edit::changed("lrem", removed).times(removed),
        })?;
    call.out.len_int(removed.unwrap_or(0));
    Ok(Flow::Done)
}

pub(super) const LTRIM: Command = Command::new(
    Spec {
        name: "ltrim",
        arity: 4,
        keys: &[KeySpec::one(DELETES)],
        complexity: "O(N) for N elements removed",
        summary: "Removes all elements outside of a range; negative places count from the end.",
        syntax: "key start:integer stop:integer",
        ..REMOVES
    },
    ltrim,
);

fn ltrim(call: &mut Call<'_>) -> Outcome {
    let (argv, fill) = (call.argv, fill(call));
    let (start, stop) = (int(argv.at(2))?, int(argv.at(3))?);
    let mut db = call.db();
    let spot = db.look(argv.at(1));
    db.update(spot, |list: &mut List| {
        let len = list.len();
        let Range { start, end } = places(start, stop, len);
        list.cut(End::Front, if start == end { len } else { start }, fill);
        list.cut(End::Back, list.len() - (end - start), fill);
        // It counts as touched even if all of it is left.
        Edit::changed("ltrim", ()).times(len - (end - start))
    })?;
    call.out.ok();
    Ok(Flow::Done)
}
