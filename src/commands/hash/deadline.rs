//! Fields get deadlines.

use super::named::{Named, removal, request_for};
use super::{BY_FIELDS, WRITES};
use crate::commands::ttl::{Form, field_deadline_ms};
use crate::data::hash::Hash;
use crate::exec::{Call, Command, Flow, Outcome};
use crate::resp::argv::ArgvBuf;
use crate::resp::error::Error;
use crate::spec::Spec;
use crate::store::Edit;

/// The replies for a field.
const NO_FIELD: i64 = -2;
const NOT_MET: i64 = 0;
const SET: i64 = 1;
const REMOVED: i64 = 2;

const EXPIRES: Spec = Spec { since: "7.4.0", arity: -6, complexity: BY_FIELDS, ..WRITES };

pub(super) const HEXPIRE: Command = Command::new(
    Spec {
        name: "hexpire",
        summary: "Lets fields of a hash die after some seconds.",
        syntax: "key seconds [condition: NX | XX | GT | LT] \
            <FIELDS numfields:integer field [field ...]>",
        ..EXPIRES
    },
    hexpire,
);

fn hexpire(call: &mut Call<'_>) -> Outcome {
    set_deadlines(call, Form::Seconds)
}

pub(super) const HPEXPIRE: Command = Command::new(
    Spec {
        name: "hpexpire",
        summary: "Lets fields of a hash die after some milliseconds.",
        syntax: "key milliseconds [condition: NX | XX | GT | LT] \
            <FIELDS numfields:integer field [field ...]>",
        ..EXPIRES
    },
    hpexpire,
);

fn hpexpire(call: &mut Call<'_>) -> Outcome {
    set_deadlines(call, Form::Milliseconds)
}

pub(super) const HEXPIREAT: Command = Command::new(
    Spec {
        name: "hexpireat",
        summary: "Lets fields of a hash die at a time in seconds.",
        syntax: "key unix-time-seconds [condition: NX | XX | GT | LT] \
            <FIELDS numfields:integer field [field ...]>",
        ..EXPIRES
    },
    hexpireat,
);

fn hexpireat(call: &mut Call<'_>) -> Outcome {
    set_deadlines(call, Form::AtSeconds)
}

pub(super) const HPEXPIREAT: Command = Command::new(
    Spec {
        name: "hpexpireat",
        summary: "Lets fields of a hash die at a time in milliseconds.",
        syntax: "key unix-time-milliseconds [condition: NX | XX | GT | LT] \
            <FIELDS numfields:integer field [field ...]>",
        ..EXPIRES
    },
    hpexpireat,
);

fn hpexpireat(call: &mut Call<'_>) -> Outcome {
    set_deadlines(call, Form::AtMilliseconds)
}

/// What must hold for a field's deadline to be set.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Condition {
    /// It has none.
    Nx,
    /// It has one.
    Xx,
    /// It has one that is earlier.
    Gt,
    /// It has none, or one that is later.
    Lt,
}

impl Condition {
    fn by_option(option: &[u8]) -> Option<Condition> {
        Some(match option.to_ascii_uppercase().as_slice() {
            b"NX" => Condition::Nx,
            b"XX" => Condition::Xx,
            b"GT" => Condition::Gt,
            b"LT" => Condition::Lt,
            _ => return None,
        })
    }

    fn holds(self, current_ms: Option<i64>, new_ms: i64) -> bool {
        match self {
            Condition::Nx => current_ms.is_none(),
            Condition::Xx => current_ms.is_some(),
            Condition::Gt => current_ms.is_some_and(|current| new_ms > current),
            Condition::Lt => current_ms.is_none_or(|current| new_ms < current),
        }
    }
}

fn set_deadlines(call: &mut Call<'_>, form: Form) -> Outcome {
    let (argv, now_ms) = (call.argv, call.now_ms());
    let key = argv.at(1);
    let spot = call.db().look(key);
    call.db().hash(&spot)?;
    let at_ms = field_deadline_ms(call.name(), form, argv.at(2), now_ms)?;
    let (condition, is_past) = (Condition::by_option(argv.at(3)), call.is_past(at_ms));
    let named = Named::parse(
        call,
        3 + usize::from(condition.is_some()),
        Error::new("ERR Parameter `numFields` should be greater than 0"),
    )?;
    let mut db = call.store.db(call.client.db, now_ms);
    call.out.array(named.len());
    let (out, mut done) = (&mut *call.out, Vec::new());
    let was_there = db.update(spot, |hash: &mut Hash| {
        hash.keep_deadlines();
        for field in named.iter() {
            let outcome = match hash.get(field).map(|field| field.deadline_ms) {
                None => NO_FIELD,
                Some(current) if condition.is_some_and(|it| !it.holds(current, at_ms)) => NOT_MET,
                Some(_) if is_past => {
                    hash.remove(field);
                    REMOVED
                }
                Some(_) => {
                    hash.set_deadline(field, Some(at_ms));
                    SET
                }
            };
            out.int(outcome);
            if outcome > NOT_MET {
                done.push(field);
            }
        }
        told(done.len(), if is_past { "hdel" } else { "hexpire" })
    })?;
    if was_there.is_none() {
        named.iter().for_each(|_| call.out.int(NO_FIELD));
    }
    call.propagate_all(|| deadlines(key, at_ms, is_past, &done));
    Ok(Flow::Done)
}

/// That so many fields have changed.
pub(super) fn told(changed: usize, event: &'static str) -> Edit<()> {
    if changed == 0 { Edit::same(()) } else { Edit::changed(event, ()).times(changed) }
}

/// A request that gives fields a deadline, or removes them if it is past.
pub(super) fn deadlines(key: &[u8], at_ms: i64, is_past: bool, fields: &[&[u8]]) -> ArgvBuf {
    if is_past {
        return removal(key, fields);
    }
    let at = at_ms.to_string();
    request_for(&[b"HPEXPIREAT", key, at.as_bytes()], fields, None)
}
