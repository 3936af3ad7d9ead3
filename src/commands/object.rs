//! OBJECT: how a key is kept and used.

use super::help;
use crate::base::num;
use crate::data::text::Text;
use crate::exec::{Call, Command, Flow, Outcome};
use crate::resp::error::Error;
use crate::spec::categories::Categories;
use crate::spec::flags::Flags;
use crate::spec::keys::{KeyFlags, KeySpec};
use crate::spec::{Group, Spec};
use crate::store::entry::Entry;
use crate::store::{Measure, Usage};

/// Integers from zero up to this are objects that Redis shares.
const SHARED_INTEGERS: i64 = 10_000;
/// The references to a shared object.
const SHARED_REFERENCES: i64 = i32::MAX as i64;

pub(super) const OBJECT: Command = Command {
    spec: Spec {
        name: "object",
        since: "2.2.3",
        arity: -2,
        complexity: "Depends on the subcommand",
        summary: "How a key is kept and used.",
        ..Spec::NEW
    },
    run: |call| Err(call.wrong_arity()),
    subcommands: &[&ENCODING, &FREQ, &HELP, &IDLETIME, &REFCOUNT],
};

const BASE: Spec = Spec {
    group: Group::Generic,
    since: "2.2.3",
    arity: 3,
    flags: Flags::READONLY,
    categories: Categories::KEYSPACE,
    keys: &[KeySpec::one(KeyFlags::RO).from(2)],
    tips: &["nondeterministic_output"],
    syntax: "key",
    ..Spec::NEW
};

const HELP: Command = help::command(Group::Generic, "6.2.0", Categories::KEYSPACE);

const ENCODING: Command = Command::new(
    Spec { name: "encoding", summary: "Tells the form in which a value is kept.", ..BASE },
    encoding,
);

fn encoding(call: &mut Call<'_>) -> Outcome {
    let encoding = look(call, |entry, _| Ok(entry.encoding()))?;
    match encoding {
        Some(encoding) => call.out.bulk(encoding.as_bytes()),
        None => call.out.null(),
    }
    Ok(Flow::Done)
}

const FREQ: Command = Command::new(
    Spec {
        name: "freq",
        since: "4.0.0",
        summary: "Tells how often a key is used, under an LFU policy.",
        ..BASE
    },
    freq,
);

fn freq(call: &mut Call<'_>) -> Outcome {
    let count = look(call, |entry, usage| match usage.measure() {
        Measure::Frequency => Ok(i64::from(usage.frequency(entry.access()))),
        Measure::LastUse | Measure::LastChange => Err(Error::new(
            "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please \
             note that when switching between policies at runtime LRU and LFU data will take some \
             time to adjust.",
        )),
    })?;
    reply(call, count)
}

const IDLETIME: Command = Command::new(
    Spec {
        name: "idletime",
        summary: "Tells for how many seconds a key has not been used.",
        ..BASE
    },
    idletime,
);

fn idletime(call: &mut Call<'_>) -> Outcome {
    let seconds = look(call, |entry, usage| match usage.measure() {
        Measure::LastUse | Measure::LastChange => Ok(num::signed_u64(usage.idle_s(entry.access()))),
        Measure::Frequency => Err(Error::new(
            "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when \
             switching between policies at runtime LRU and LFU data will take some time to adjust.",
        )),
    })?;
    reply(call, seconds)
}

const REFCOUNT: Command = Command::new(
    Spec {
        name: "refcount",
        summary: "Tells how many references Redis would keep to a value.",
        ..BASE
    },
    refcount,
);

fn refcount(call: &mut Call<'_>) -> Outcome {
    let config = &call.state.config;
    let shares = config.maxmemory == 0 || !config.maxmemory_policy.is_by_use();
    let count = look(call, |entry, _| match entry.text() {
        Some(Text::Int(0..SHARED_INTEGERS)) if shares => Ok(SHARED_REFERENCES),
        Some(Text::Int(_) | Text::Bytes(_)) | None => Ok(1),
    })?;
    reply(call, count)
}

/// What `tell` says of the key that the request names; none without the key.
fn look<R>(
    call: &mut Call<'_>,
    tell: impl FnOnce(&Entry, &Usage) -> Result<R, Error>,
) -> Result<Option<R>, Error> {
    let (key, now_ms) = (call.argv.at(2), call.now_ms());
    let mut db = call.store.db(call.client.db, now_ms);
    let spot = db.inspect(key);
    db.entry(&spot).map(|entry| tell(entry, db.usage())).transpose()
}

fn reply(call: &mut Call<'_>, number: Option<i64>) -> Outcome {
    match number {
        Some(number) => call.out.int(number),
        None => call.out.null(),
    }
    Ok(Flow::Done)
}
