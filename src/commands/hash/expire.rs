//! When fields die: told, taken back, and set for fields that are read.

use super::deadline::{deadlines, told};
use super::named::{NOT_POSITIVE, Named, request_for};
use super::{BY_FIELDS, READS_FAST, REMOVES};
use crate::commands::text::write_text;
use crate::commands::ttl::{Form, field_deadline_ms};
use crate::data::hash::Hash;
use crate::exec::{Call, Command, Flow, Outcome};
use crate::resp::error::Error;
use crate::spec::Spec;
use crate::spec::keys::{KeyFlags, KeySpec};

/// The replies for a field that is not there, and for one without a deadline.
const NO_FIELD: i64 = -2;
const NO_DEADLINE: i64 = -1;

const TELLS: Spec = Spec {
    since: "7.4.0",
    arity: -5,
    complexity: BY_FIELDS,
    syntax: "key <FIELDS numfields:integer field [field ...]>",
    ..READS_FAST
};

pub(super) const HTTL: Command = Command::new(
    Spec { name: "httl", summary: "Tells in how many seconds fields of a hash die.", ..TELLS },
    httl,
);

fn httl(call: &mut Call<'_>) -> Outcome {
    tell(call, |at_ms, now_ms| seconds(at_ms - now_ms))
}

pub(super) const HPTTL: Command = Command::new(
    Spec {
        name: "hpttl",
        summary: "Tells in how many milliseconds fields of a hash die.",
        ..TELLS
    },
    hpttl,
);

fn hpttl(call: &mut Call<'_>) -> Outcome {
    tell(call, |at_ms, now_ms| at_ms - now_ms)
}

pub(super) const HEXPIRETIME: Command = Command::new(
    Spec {
        name: "hexpiretime",
        summary: "Tells when fields of a hash die, in seconds since 1970.",
        ..TELLS
    },
    hexpiretime,
);

fn hexpiretime(call: &mut Call<'_>) -> Outcome {
    tell(call, |at_ms, _| seconds(at_ms))
}

pub(super) const HPEXPIRETIME: Command = Command::new(
    Spec {
        name: "hpexpiretime",
        summary: "Tells when fields of a hash die, in milliseconds since 1970.",
        ..TELLS
    },
    hpexpiretime,
);

fn hpexpiretime(call: &mut Call<'_>) -> Outcome {
    tell(call, |at_ms, _| at_ms)
}

/// Whole seconds, a part of one being one.
fn seconds(ms: i64) -> i64 {
    ms.saturating_add(999) / 1_000
}

/// Replies for each field with its deadline as `show` has it, given the present moment.
fn tell(call: &mut Call<'_>, show: impl Fn(i64, i64) -> i64) -> Outcome {
    let (key, now_ms) = (call.argv.at(1), call.now_ms());
    let spot = call.db().read(key);
    call.db().hash(&spot)?;
    let named = Named::parse(call, 2, NOT_POSITIVE)?;
    let db = call.store.db(call.client.db, now_ms);
    let hash = db.hash(&spot)?;
    call.out.array(named.len());
    for field in named.iter() {
        let found = hash.and_then(|hash| hash.get(field));
        call.out.int(match found.map(|field| field.deadline_ms) {
            None => NO_FIELD,
            Some(None) => NO_DEADLINE,
            Some(Some(at_ms)) => show(at_ms, now_ms),
        });
    }
    Ok(Flow::Done)
}

pub(super) const HPERSIST: Command = Command::new(
    Spec {
        name: "hpersist",
        since: "7.4.0",
        arity: -5,
        complexity: BY_FIELDS,
        summary: "Lets fields of a hash live on.",
        syntax: "key <FIELDS numfields:integer field [field ...]>",
        ..REMOVES
    },
    hpersist,
);

fn hpersist(call: &mut Call<'_>) -> Outcome {
    let (key, now_ms) = (call.argv.at(1), call.now_ms());
    let spot = call.db().look(key);
    call.db().hash(&spot)?;
    let named = Named::parse(call, 2, NOT_POSITIVE)?;
    let mut db = call.store.db(call.client.db, now_ms);
    call.out.array(named.len());
    let out = &mut *call.out;
    let was_there = db.update(spot, |hash: &mut Hash| {
        let mut count = 0;
        for field in named.iter() {
            out.int(match hash.get(field).map(|field| field.deadline_ms) {
                None => NO_FIELD,
                Some(None) => NO_DEADLINE,
                Some(Some(_)) => {
                    hash.set_deadline(field, None);
                    count += 1;
                    1
                }
            });
        }
        told(count, "hpersist")
    })?;
    if was_there.is_none() {
        named.iter().for_each(|_| call.out.int(NO_FIELD));
    }
    Ok(Flow::Done)
}

pub(super) const HGETEX: Command = Command::new(
    Spec {
        name: "hgetex",
        since: "8.0.0",
        arity: -5,
        keys: &[KeySpec::one(KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE))
            .noting("RW and UPDATE because it changes the TTL")],
        complexity: BY_FIELDS,
        summary: "Reads fields of a hash and sets or removes their deadline.",
        syntax: "key [expiration: EX seconds | PX milliseconds | EXAT unix-time-seconds | \
            PXAT unix-time-milliseconds | PERSIST] \
            <FIELDS numfields:integer field [field ...]>",
        ..REMOVES
    },
    hgetex,
);

/// What becomes of the deadlines of fields that are read.
#[derive(Clone, Copy)]
enum Fate {
    /// Nothing.
    Stay,
    /// They go.
    Clear,
    /// They are set to this moment, which is in the future.
    At(i64),
    /// The fields go, since this moment is past.
    Remove(i64),
}

impl Fate {
    /// What an option says, and how many arguments it takes.
    fn parse(call: &Call<'_>) -> Result<(Fate, usize), Error> {
        let (option, now_ms) = (call.argv.at(2), call.now_ms());
        if option.eq_ignore_ascii_case(b"PERSIST") {
            return Ok((Fate::Clear, 1));
        }
        let Some(form) = Form::by_option(option) else { return Ok((Fate::Stay, 0)) };
        let at_ms = field_deadline_ms(call.name(), form, call.argv.at(3), now_ms)?;
        Ok((if call.is_past(at_ms) { Fate::Remove(at_ms) } else { Fate::At(at_ms) }, 2))
    }

    const fn event(self) -> &'static str {
        match self {
            Fate::Stay | Fate::At(_) => "hexpire",
            Fate::Clear => "hpersist",
            Fate::Remove(_) => "hdel",
        }
    }

    /// Does it to a field that is there; true if that changed anything.
    fn befall(self, hash: &mut Hash, field: &[u8]) -> bool {
        match self {
            Fate::Stay => false,
            Fate::Clear => {
                let is_timed = hash.get(field).is_some_and(|field| field.deadline_ms.is_some());
                is_timed && hash.set_deadline(field, None)
            }
            Fate::At(at_ms) => hash.set_deadline(field, Some(at_ms)),
            Fate::Remove(_) => hash.remove(field),
        }
    }
}

fn hgetex(call: &mut Call<'_>) -> Outcome {
    let (key, now_ms) = (call.argv.at(1), call.now_ms());
    let spot = call.db().look(key);
    call.db().hash(&spot)?;
    let (fate, used) = Fate::parse(call)?;
    let named = Named::parse(call, 2 + used, NOT_POSITIVE)?;
    let mut db = call.store.db(call.client.db, now_ms);
    call.out.array(named.len());
    let (out, mut done) = (&mut *call.out, Vec::new());
    let was_there = db.update(spot, |hash: &mut Hash| {
        for field in named.iter() {
            match hash.get(field) {
                Some(found) => write_text(out, found.value),
                None => {
                    out.null();
                    continue;
                }
            }
            if fate.befall(hash, field) {
                done.push(field);
            }
        }
        told(done.len(), fate.event())
    })?;
    if was_there.is_none() {
        named.iter().for_each(|_| call.out.null());
    }
    call.propagate_all(|| match fate {
        Fate::Stay | Fate::Clear => request_for(&[b"HPERSIST", key], &done, None),
        Fate::At(at_ms) => deadlines(key, at_ms, false, &done),
        Fate::Remove(at_ms) => deadlines(key, at_ms, true, &done),
    });
    Ok(Flow::Done)
}
