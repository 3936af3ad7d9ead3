//! Fields written.

use super::named::{removal, request_for};
use super::{BY_FIELDS, WRITES};
use crate::base::num;
use crate::commands::ttl::{Form, field_deadline_ms};
use crate::data::collection::Type;
use crate::data::hash::Hash;
use crate::exec::{Call, Command, Flow, Outcome};
use crate::resp::argv::Argv;
use crate::resp::error::Error;
use crate::spec::keys::{KeyFlags, KeySpec};
use crate::spec::{Deprecated, Spec};
use crate::store::{Db, Edit, Spot};
use std::ops::Range;

pub(super) const HSET: Command = Command::new(
    Spec {
        name: "hset",
        arity: -4,
        complexity: BY_FIELDS,
        summary: "Writes fields of a hash.",
        syntax: "key field value [data: field value ...]",
        history: &[("4.0.0", "several fields")],
        ..WRITES
    },
    hset,
);

fn hset(call: &mut Call<'_>) -> Outcome {
    let added = write_pairs(call)?;
    call.out.len_int(added);
    Ok(Flow::Done)
}

pub(super) const HMSET: Command = Command::new(
    Spec {
        name: "hmset",
        arity: -4,
        complexity: BY_FIELDS,
        summary: "Writes several fields of a hash.",
        syntax: "key field value [data: field value ...]",
        deprecated: Some(Deprecated {
            since: "4.0.0",
            replaced_by: "`HSET` with multiple field-value pairs",
        }),
        ..WRITES
    },
    hmset,
);

fn hmset(call: &mut Call<'_>) -> Outcome {
    write_pairs(call)?;
    call.out.ok();
    Ok(Flow::Done)
}

/// Writes the fields and values that follow the key; how many fields are new.
fn write_pairs(call: &mut Call<'_>) -> Result<usize, Error> {
    let argv = call.argv;
    if !argv.len().is_multiple_of(2) {
        return Err(call.wrong_arity());
    }
    let (count, limits) = (argv.len() / 2 - 1, call.limits(Type::Hash));
    let mut db = call.db();
    let spot = db.look(argv.at(1));
    db.upsert(spot, |hash: &mut Hash| {
        hash.expect(&limits, count);
        let mut added = 0;
        for at in (2..argv.len()).step_by(2) {
            added += usize::from(hash.set(&limits, argv.at(at), argv.at(at + 1), false));
        }
        Edit::changed("hset", added).times(count)
    })
}

pub(super) const HSETNX: Command = Command::new(
    Spec {
        name: "hsetnx",
        arity: 4,
        keys: &[KeySpec::one(KeyFlags::RW.union(KeyFlags::INSERT))],
        summary: "Writes a field of a hash that is not there.",
        syntax: "key field value",
        ..WRITES
    },
    hsetnx,
);

fn hsetnx(call: &mut Call<'_>) -> Outcome {
    let (argv, limits) = (call.argv, call.limits(Type::Hash));
    let field = argv.at(2);
    let mut db = call.db();
    let spot = db.look(argv.at(1));
    let is_new = db.upsert(spot, |hash: &mut Hash| {
        if hash.get(field).is_some() {
            return Edit::same(false);
        }
        hash.set(&limits, field, argv.at(3), false);
        Edit::changed("hset", true)
    })?;
    call.out.int(i64::from(is_new));
    Ok(Flow::Done)
}

pub(super) const HSETEX: Command = Command::new(
    Spec {
        name: "hsetex",
        since: "8.0.0",
        arity: -6,
        complexity: BY_FIELDS,
        summary: "Writes fields of a hash, on a condition and with one deadline.",
        syntax: "key [condition: FNX | FXX] \
            [expiration: EX seconds | PX milliseconds | EXAT unix-time-seconds | \
            PXAT unix-time-milliseconds | KEEPTTL] \
            <FIELDS numfields:integer field value [data: field value ...]>",
        ..WRITES
    },
    hsetex,
);

/// What is asked of the fields before they are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Condition {
    /// None of them is there.
    Missing,
    /// All of them are there.
    Present,
}

/// The options of HSETEX.
struct SetOptions {
    condition: Option<Condition>,
    /// The deadlines that the fields have stay.
    keeps: bool,
    at_ms: Option<i64>,
    /// The indexes of fields and values.
    pairs: Range<usize>,
}

impl SetOptions {
    fn parse(call: &Call<'_>) -> Result<SetOptions, Error> {
        let mut options = SetOptions { condition: None, keeps: false, at_ms: None, pairs: 0..0 };
        let mut at = 2;
        while let Some(option) = call.argv.get(at) {
            at += match option.to_ascii_uppercase().as_slice() {
                b"FNX" => options.take_condition(Condition::Missing)?,
                b"FXX" => options.take_condition(Condition::Present)?,
                b"KEEPTTL" => {
                    options.take_expiry()?;
                    options.keeps = true;
                    1
                }
                b"FIELDS" => {
                    options.pairs = counted_pairs(call, at)?;
                    1 + 1 + options.pairs.len()
                }
                name => {
                    let form = Form::by_option(name);
                    let form =
                        form.ok_or_else(|| Error::quoting("ERR unknown argument: ", option, ""))?;
                    options.take_expiry()?;
                    options.at_ms = Some(deadline(call, at, form)?);
                    2
                }
            };
        }
        if options.pairs.is_empty() {
            return Err(Error::new("ERR missing FIELDS argument"));
        }
        Ok(options)
    }

    fn take_condition(&mut self, condition: Condition) -> Result<usize, Error> {
        match self.condition.replace(condition) {
            None => Ok(1),
            Some(_) => Err(Error::new("ERR Only one of FXX or FNX arguments can be specified")),
        }
    }

    fn take_expiry(&self) -> Result<(), Error> {
        if self.keeps || self.at_ms.is_some() {
            return Err(Error::new(
                "ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified",
            ));
        }
        Ok(())
    }

    /// Whether the condition holds, if there is one.
    fn holds(&self, argv: Argv<'_>, db: &Db<'_>, spot: &Spot<'_>) -> Result<bool, Error> {
        let hash = db.hash(spot)?;
        let Some(condition) = self.condition else { return Ok(true) };
        Ok(self.pairs.clone().step_by(2).all(|at| {
            let is_there = hash.is_some_and(|hash| hash.get(argv.at(at)).is_some());
            is_there == (condition == Condition::Present)
        }))
    }
}

/// The deadline behind an option.
fn deadline(call: &Call<'_>, at: usize, form: Form) -> Result<i64, Error> {
    let argument = call.argv.get(at + 1).ok_or(Error::new("ERR missing expire time"))?;
    field_deadline_ms(call.name(), form, argument, call.now_ms())
}

/// The indexes of as many pairs as the argument behind the word at an index says.
fn counted_pairs(call: &Call<'_>, at: usize) -> Result<Range<usize>, Error> {
    let (argv, first) = (call.argv, at + 2);
    if argv.len() < first + 2 {
        return Err(call.wrong_arity());
    }
    let count = num::parse_i64(argv.at(at + 1)).and_then(|count| i32::try_from(count).ok());
    let count = count.and_then(|count| usize::try_from(count).ok()).filter(|count| *count > 0);
    let end = first + 2 * count.ok_or(Error::new("ERR invalid number of fields"))?;
    if end > argv.len() { Err(call.wrong_arity()) } else { Ok(first..end) }
}

fn hsetex(call: &mut Call<'_>) -> Outcome {
    let argv = call.argv;
    let (options, limits) = (SetOptions::parse(call)?, call.limits(Type::Hash));
    let is_past = options.at_ms.is_some_and(|at_ms| call.is_past(at_ms));
    let mut db = call.db();
    let spot = db.look(argv.at(1));
    if !options.holds(argv, &db, &spot)? {
        call.out.int(0);
        return Ok(Flow::Done);
    }
    let (count, at_ms) = (options.pairs.len() / 2, options.at_ms);
    db.upsert(spot, |hash: &mut Hash| {
        hash.expect(&limits, count);
        for at in options.pairs.clone().step_by(2) {
            let field = argv.at(at);
            hash.set(&limits, field, argv.at(at + 1), options.keeps || at_ms.is_some());
            if is_past {
                hash.remove(field);
            } else if at_ms.is_some() {
                hash.set_deadline(field, at_ms);
            }
        }
        let edit = Edit::changed("hset", ()).times(count);
        match (at_ms, is_past) {
            (None, _) => edit,
            (Some(_), true) => edit.and("hdel"),
            (Some(_), false) => edit.and("hexpire"),
        }
    })?;
    call.out.int(1);
    propagate_hsetex(call, &options, is_past);
    Ok(Flow::Done)
}

/// Propagates an HSETEX without conditions and with an absolute deadline.
fn propagate_hsetex(call: &mut Call<'_>, options: &SetOptions, is_past: bool) {
    let (argv, pairs) = (call.argv, options.pairs.clone());
    let key = argv.at(1);
    call.propagate_all(|| {
        let halves = |first: usize| -> Vec<&[u8]> {
            (pairs.start + first..pairs.end).step_by(2).map(|at| argv.at(at)).collect()
        };
        let (fields, values) = (halves(0), halves(1));
        match options.at_ms {
            Some(_) if is_past => removal(key, &fields),
            Some(at_ms) => {
                let at = at_ms.to_string();
                let words: [&[u8]; 4] = [b"HSETEX", key, b"PXAT", at.as_bytes()];
                request_for(&words, &fields, Some(&values))
            }
            None if options.keeps => {
                request_for(&[b"HSETEX", key, b"KEEPTTL"], &fields, Some(&values))
            }
            None => [b"HSET", key].into_iter().chain(pairs.map(|at| argv.at(at))).collect(),
        }
    });
}
