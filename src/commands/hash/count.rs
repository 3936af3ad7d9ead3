//! Fields that count: integers, and numbers with a fraction.

use super::WRITES;
use super::named::request_for;
use crate::base::extended::Extended;
use crate::data::collection::Type;
use crate::data::hash::{Field, Hash};
use crate::exec::{Call, Command, Flow, Outcome, extended, int};
use crate::resp::error::Error;
use crate::spec::Spec;
use crate::spec::keys::{KeyFlags, KeySpec};
use crate::store::Edit;

const COUNTS: Spec = Spec {
    arity: 4,
    keys: &[KeySpec::one(KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE))],
    ..WRITES
};

pub(super) const HINCRBY: Command = Command::new(
    Spec {
        name: "hincrby",
        summary: "Adds to an integer in a hash; a missing field counts as 0.",
        syntax: "key field increment",
        ..COUNTS
    },
    hincrby,
);

fn hincrby(call: &mut Call<'_>) -> Outcome {
    let (argv, increment) = (call.argv, int(call.argv.at(3))?);
    let (field, limits) = (argv.at(2), call.limits(Type::Hash));
    let mut db = call.db();
    let spot = db.look(argv.at(1));
    let sum = db.upsert(spot, |hash: &mut Hash| match add(hash.get(field), increment) {
        Ok(sum) => {
            hash.set(&limits, field, itoa::Buffer::new().format(sum).as_bytes(), true);
            Edit::changed("hincrby", Ok(sum))
        }
        Err(error) => Edit::same(Err(error)),
    })?;
    call.out.int(sum?);
    Ok(Flow::Done)
}

fn add(old: Option<Field<'_>>, increment: i64) -> Result<i64, Error> {
    const NOT_AN_INTEGER: Error = Error::new("ERR hash value is not an integer");
    let old = old.map_or(Some(0), |field| field.value.to_int()).ok_or(NOT_AN_INTEGER)?;
    let sum = old.checked_add(increment);
    sum.ok_or(Error::new("ERR increment or decrement would overflow"))
}

pub(super) const HINCRBYFLOAT: Command = Command::new(
    Spec {
        name: "hincrbyfloat",
        since: "2.6.0",
        summary: "Adds to a number that may have a fraction; a missing field counts as 0.",
        syntax: "key field increment:double",
        ..COUNTS
    },
    hincrbyfloat,
);

fn hincrbyfloat(call: &mut Call<'_>) -> Outcome {
    let (argv, increment) = (call.argv, extended(call.argv.at(3))?);
    if !increment.is_finite() {
        return Err(Error::new("ERR value is NaN or Infinity"));
    }
    let (key, field, limits) = (argv.at(1), argv.at(2), call.limits(Type::Hash));
    let mut db = call.db();
    let spot = db.look(key);
    let result = db.upsert(spot, |hash: &mut Hash| {
        let is_timed = hash.get(field).is_some_and(|field| field.deadline_ms.is_some());
        match add_fraction(hash.get(field), increment) {
            Ok(sum) => {
                hash.set(&limits, field, sum.as_bytes(), true);
                Edit::changed("hincrbyfloat", Ok((sum, is_timed)))
            }
            Err(error) => Edit::same(Err(error)),
        }
    })?;
    let (sum, is_timed) = result?;
    call.out.bulk(sum.as_bytes());
    // The result and not the sum, so that replay needs no arithmetic.
    call.propagate_all(|| match is_timed {
        true => request_for(&[b"HSETEX", key, b"KEEPTTL"], &[field], Some(&[sum.as_bytes()])),
        false => [b"HSET", key, field, sum.as_bytes()].into_iter().collect(),
    });
    Ok(Flow::Done)
}

fn add_fraction(old: Option<Field<'_>>, increment: Extended) -> Result<String, Error> {
    let old = match old {
        Some(field) => field.value.with_bytes(Extended::parse),
        None => Some(Extended::ZERO),
    };
    let old = old.ok_or(Error::new("ERR hash value is not a float"))?;
    let sum = old.checked_add(increment);
    let sum = sum.ok_or(Error::new("ERR increment would produce NaN or Infinity"))?;
    Ok(sum.to_string())
}
