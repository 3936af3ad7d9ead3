//! A member that goes from one set to another.

use super::REMOVES_FAST;
use crate::data::collection::Type;
use crate::data::set::Set;
use crate::exec::{Call, Command, Flow, Outcome};
use crate::resp::error::Error;
use crate::spec::Spec;
use crate::spec::keys::{KeyFlags, KeySpec};
use crate::store::{Db, Edit};

const TAKES: KeyFlags = KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE);

pub(super) const SMOVE: Command = Command::new(
    Spec {
        name: "smove",
        arity: 4,
        keys: &[KeySpec::one(TAKES), KeySpec::one(KeyFlags::RW.union(KeyFlags::INSERT)).from(2)],
        summary: "Moves a member from one set to another.",
        syntax: "source:key destination:key member",
        ..REMOVES_FAST
    },
    smove,
);

fn smove(call: &mut Call<'_>) -> Outcome {
    let (argv, limits) = (call.argv, call.limits(Type::Set));
    let (source, destination, member) = (argv.at(1), argv.at(2), argv.at(3));
    let mut db = call.db();
    let is_moved = if source == destination {
        has(&mut db, source, member)?
    } else {
        take(&mut db, source, destination, member)?
    };
    if is_moved && source != destination {
        let spot = db.find(destination);
        db.upsert(spot, |set: &mut Set| {
            set.prepare(member, 1, &limits);
            match set.insert(member, &limits) {
                true => Edit::changed("sadd", ()),
                false => Edit::same(()),
            }
        })?;
    }
    call.out.int(i64::from(is_moved));
    Ok(Flow::Done)
}

/// Whether a set that stays as it is has the member.
fn has(db: &mut Db<'_>, key: &[u8], member: &[u8]) -> Result<bool, Error> {
    let spot = db.look(key);
    Ok(db.view::<Set>(&spot)?.is_some_and(|set| set.contains(member)))
}

/// Takes a member from a set, if both are sets and the first has it.
fn take(db: &mut Db<'_>, source: &[u8], destination: &[u8], member: &[u8]) -> Result<bool, Error> {
    // A key that is due goes before the spot of the other one is taken.
    db.look(destination);
    let spot = db.look(source);
    if db.view::<Set>(&spot)?.is_none() {
        return Ok(false);
    }
    let other = db.find(destination);
    db.view::<Set>(&other)?;
    let taken = db.update(spot, |set: &mut Set| match set.remove(member) {
        true => Edit::changed("srem", true),
        false => Edit::same(false),
    })?;
    Ok(taken.unwrap_or(false))
}
