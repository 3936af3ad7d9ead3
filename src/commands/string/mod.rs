//! Strings: values of bytes, and integers that count.

use super::ttl::{self, Form};
use crate::data::text::Text;
use crate::exec::{Call, Command, Flow, Outcome, int};
use crate::resp::argv::Argv;
use crate::resp::error::Error;
use crate::resp::output::Output;
use crate::spec::categories::Categories;
use crate::spec::flags::Flags;
use crate::spec::keys::{KeyFlags, KeySpec};
use crate::spec::{Deprecated, Group, Spec};
use crate::store::Ttl;
use xxhash_rust::xxh3::xxh3_64;

/// All commands of the group.
pub(super) const COMMANDS: &[&Command] =
    &[&DECR, &DECRBY, &GET, &GETSET, &INCR, &INCRBY, &MGET, &MSET, &PSETEX, &SET, &SETEX, &SETNX];

const READS: Spec = Spec {
    group: Group::String,
    flags: Flags::READONLY.union(Flags::FAST),
    categories: Categories::STRING,
    ..Spec::NEW
};
const WRITES: Spec = Spec {
    group: Group::String,
    flags: Flags::WRITE.union(Flags::DENYOOM),
    categories: Categories::STRING,
    ..Spec::NEW
};
const WRITES_FAST: Spec = Spec { flags: WRITES.flags.union(Flags::FAST), ..WRITES };

const READS_AND_UPDATES: KeyFlags = KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE);

const GET: Command = Command::new(
    Spec {
        name: "get",
        arity: 2,
        keys: &[KeySpec::one(KeyFlags::RO.union(KeyFlags::ACCESS))],
        summary: "Reads a string.",
        syntax: "key",
        ..READS
    },
    get,
);

fn get(call: &mut Call<'_>) -> Outcome {
    reply_value(call, call.argv.at(1));
    Ok(Flow::Done)
}

/// Replies with the value of a key, or null.
fn reply_value(call: &mut Call<'_>, key: &[u8]) {
    let now_ms = call.now_ms();
    let mut db = call.store.db(call.client.db, now_ms);
    let spot = db.read(key);
    match db.text(&spot) {
        Some(text) => write_text(call.out, text),
        None => call.out.null(),
    }
}

fn write_text(out: &mut Output, text: Text<'_>) {
    match text {
        Text::Int(value) => out.bulk_int(value),
        Text::Bytes(bytes) => out.bulk(bytes),
    }
}

const MGET: Command = Command::new(
    Spec {
        name: "mget",
        arity: -2,
        keys: &[KeySpec::all(KeyFlags::RO.union(KeyFlags::ACCESS))],
        tips: &["request_policy:multi_shard"],
        complexity: "O(N) for N keys",
        summary: "Reads several strings at one moment.",
        syntax: "key [key ...]",
        ..READS
    },
    mget,
);

fn mget(call: &mut Call<'_>) -> Outcome {
    call.out.array(call.argv.len() - 1);
    for key in call.argv.from(1) {
        reply_value(call, key);
    }
    Ok(Flow::Done)
}

const SET: Command = Command::new(
    Spec {
        name: "set",
        arity: -3,
        keys: &[KeySpec::one(READS_AND_UPDATES)
            .or_without("GET", KeyFlags::OW.union(KeyFlags::UPDATE))
            .noting("RW and ACCESS due to the optional `GET` argument")],
        summary: "Writes a string, whatever was there before.",
        syntax: "key value \
            [condition: NX | XX | IFEQ ifeq-value | IFNE ifne-value | IFDEQ ifdeq-digest | \
            IFDNE ifdne-digest] [GET] \
            [expiration: EX seconds | PX milliseconds | EXAT unix-time-seconds | \
            PXAT unix-time-milliseconds | KEEPTTL]",
        history: &[
            ("2.6.12", "EX, PX, NX and XX"),
            ("6.0.0", "KEEPTTL"),
            ("6.2.0", "GET, EXAT and PXAT"),
            ("7.0.0", "NX together with GET"),
            ("8.4.0", "IFEQ, IFNE, IFDEQ and IFDNE"),
        ],
        ..WRITES
    },
    set,
);

/// What must hold for SET to write.
#[derive(Clone, Copy)]
enum Condition<'a> {
    Always,
    Missing,
    Present,
    Equal(&'a [u8]),
    NotEqual(&'a [u8]),
    DigestEqual(u64),
    DigestNotEqual(u64),
}

impl Condition<'_> {
    fn holds(self, current: Option<Text<'_>>) -> bool {
        match (self, current) {
            (Condition::Always, _) => true,
            (Condition::Missing, current) => current.is_none(),
            (Condition::Present, current) => current.is_some(),
            (Condition::Equal(_) | Condition::DigestEqual(_), None) => false,
            (Condition::NotEqual(_) | Condition::DigestNotEqual(_), None) => true,
            (Condition::Equal(value), Some(text)) => text.with_bytes(|bytes| bytes == value),
            (Condition::NotEqual(value), Some(text)) => text.with_bytes(|bytes| bytes != value),
            (Condition::DigestEqual(digest), Some(text)) => text.with_bytes(xxh3_64) == digest,
            (Condition::DigestNotEqual(digest), Some(text)) => text.with_bytes(xxh3_64) != digest,
        }
    }
}

/// The options of SET.
struct SetOptions<'a> {
    condition: Condition<'a>,
    wants_old: bool,
    keeps_ttl: bool,
    expiry: Option<(Form, &'a [u8])>,
}

impl<'a> SetOptions<'a> {
    fn parse(argv: Argv<'a>) -> Result<SetOptions<'a>, Error> {
        let mut options = SetOptions {
            condition: Condition::Always,
            wants_old: false,
            keeps_ttl: false,
            expiry: None,
        };
        let mut at = 3;
        while let Some(option) = argv.get(at) {
            at += 1 + options.take(option, argv.get(at + 1))?;
        }
        Ok(options)
    }

    /// Takes an option; returns how many arguments belong to it. The same one may be given again.
    fn take(&mut self, option: &[u8], value: Option<&'a [u8]>) -> Result<usize, Error> {
        if option.eq_ignore_ascii_case(b"GET") {
            self.wants_old = true;
            return Ok(0);
        }
        if option.eq_ignore_ascii_case(b"KEEPTTL") && self.expiry.is_none() {
            self.keeps_ttl = true;
            return Ok(0);
        }
        if let (Some(form), Some(value)) = (Form::by_option(option), value) {
            if self.keeps_ttl || self.expiry.is_some_and(|(other, _)| other != form) {
                return Err(Error::SYNTAX);
            }
            self.expiry = Some((form, value));
            return Ok(1);
        }
        let (condition, used) = condition(option, value)?;
        let is_free = matches!(self.condition, Condition::Always);
        if !is_free && std::mem::discriminant(&self.condition) != std::mem::discriminant(&condition)
        {
            return Err(Error::SYNTAX);
        }
        self.condition = condition;
        Ok(used)
    }
}

/// The condition that an option states, and how many arguments follow it.
fn condition<'a>(option: &[u8], value: Option<&'a [u8]>) -> Result<(Condition<'a>, usize), Error> {
    Ok(match (option.to_ascii_uppercase().as_slice(), value) {
        (b"NX", _) => (Condition::Missing, 0),
        (b"XX", _) => (Condition::Present, 0),
        (b"IFEQ", Some(value)) => (Condition::Equal(value), 1),
        (b"IFNE", Some(value)) => (Condition::NotEqual(value), 1),
        (b"IFDEQ", Some(value)) => (Condition::DigestEqual(digest(value)?), 1),
        (b"IFDNE", Some(value)) => (Condition::DigestNotEqual(digest(value)?), 1),
        _ => return Err(Error::SYNTAX),
    })
}

/// A digest as DIGEST shows it: the XXH3 hash of the value in sixteen hexadecimal digits.
fn digest(text: &[u8]) -> Result<u64, Error> {
    let is_hex = text.len() == 16 && text.iter().all(u8::is_ascii_hexdigit);
    let digits = std::str::from_utf8(text).ok().filter(|_| is_hex);
    let value = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok());
    value.ok_or(Error::new("ERR digest must be exactly 16 hexadecimal characters"))
}

fn set(call: &mut Call<'_>) -> Outcome {
    let (argv, now_ms) = (call.argv, call.now_ms());
    let (key, value) = (argv.at(1), argv.at(2));
    if argv.len() == 3 {
        let mut db = call.db();
        let spot = db.look(key);
        db.put("set", spot, Text::compact(value), Ttl::Clear);
        call.out.ok();
        return Ok(Flow::Done);
    }
    let options = SetOptions::parse(argv)?;
    let ttl = match options.expiry {
        Some((form, argument)) => Ttl::At(deadline_ms("set", form, argument, now_ms)?),
        None if options.keeps_ttl => Ttl::Keep,
        None => Ttl::Clear,
    };
    let mut db = call.store.db(call.client.db, now_ms);
    let spot = if options.wants_old { db.read(key) } else { db.look(key) };
    let current = db.text(&spot);
    let holds = options.condition.holds(current);
    match (options.wants_old, current) {
        (true, Some(text)) => write_text(call.out, text),
        (true, None) => call.out.null(),
        (false, _) if holds => call.out.ok(),
        (false, _) => call.out.null(),
    }
    if holds {
        db.put("set", spot, Text::compact(value), ttl);
        propagate_set(call, key, value, ttl);
    }
    Ok(Flow::Done)
}

/// Propagates a SET without conditions and with an absolute deadline.
fn propagate_set(call: &mut Call<'_>, key: &[u8], value: &[u8], ttl: Ttl) {
    match ttl {
        Ttl::Clear => call.propagate_as(|| [b"SET", key, value]),
        Ttl::Keep => call.propagate_as(|| [b"SET", key, value, b"KEEPTTL"]),
        Ttl::At(at_ms) => {
            let at = at_ms.to_string();
            call.propagate_as(|| [b"SET", key, value, b"PXAT", at.as_bytes()]);
        }
    }
}

/// The moment that an argument of `command` states, which must be a positive number.
fn deadline_ms(command: &str, form: Form, argument: &[u8], now_ms: i64) -> Result<i64, Error> {
    let value = int(argument)?;
    let at_ms = if value > 0 { form.at_ms(value, now_ms) } else { None };
    at_ms.ok_or_else(|| ttl::invalid(command))
}

const SETEX: Command = Command::new(
    Spec {
        name: "setex",
        since: "2.0.0",
        arity: 4,
        keys: &[KeySpec::one(KeyFlags::OW.union(KeyFlags::UPDATE))],
        summary: "Writes a string that dies after some seconds.",
        syntax: "key seconds value",
        deprecated: Some(Deprecated { since: "2.6.12", replaced_by: "`SET` with `EX`" }),
        ..WRITES
    },
    setex,
);

fn setex(call: &mut Call<'_>) -> Outcome {
    set_with_deadline(call, "setex", Form::Seconds)
}

const PSETEX: Command = Command::new(
    Spec {
        name: "psetex",
        since: "2.6.0",
        arity: 4,
        keys: &[KeySpec::one(KeyFlags::OW.union(KeyFlags::UPDATE))],
        summary: "Writes a string that dies after some milliseconds.",
        syntax: "key milliseconds value",
        deprecated: Some(Deprecated { since: "2.6.12", replaced_by: "`SET` with `PX`" }),
        ..WRITES
    },
    psetex,
);

fn psetex(call: &mut Call<'_>) -> Outcome {
    set_with_deadline(call, "psetex", Form::Milliseconds)
}

fn set_with_deadline(call: &mut Call<'_>, command: &str, form: Form) -> Outcome {
    let (key, value) = (call.argv.at(1), call.argv.at(3));
    let ttl = Ttl::At(deadline_ms(command, form, call.argv.at(2), call.now_ms())?);
    let mut db = call.db();
    let spot = db.look(key);
    db.put("set", spot, Text::compact(value), ttl);
    call.out.ok();
    propagate_set(call, key, value, ttl);
    Ok(Flow::Done)
}

const SETNX: Command = Command::new(
    Spec {
        name: "setnx",
        arity: 3,
        keys: &[KeySpec::one(KeyFlags::OW.union(KeyFlags::INSERT))],
        summary: "Writes a string where no key is.",
        syntax: "key value",
        deprecated: Some(Deprecated { since: "2.6.12", replaced_by: "`SET` with `NX`" }),
        ..WRITES_FAST
    },
    setnx,
);

fn setnx(call: &mut Call<'_>) -> Outcome {
    let (key, value) = (call.argv.at(1), call.argv.at(2));
    let mut db = call.db();
    let spot = db.look(key);
    let is_free = !spot.exists();
    if is_free {
        db.put("set", spot, Text::compact(value), Ttl::Clear);
    }
    call.out.int(i64::from(is_free));
    Ok(Flow::Done)
}

const GETSET: Command = Command::new(
    Spec {
        name: "getset",
        arity: 3,
        keys: &[KeySpec::one(READS_AND_UPDATES)],
        summary: "Writes a string and replies with the one before it.",
        syntax: "key value",
        deprecated: Some(Deprecated { since: "6.2.0", replaced_by: "`SET` with `GET`" }),
        ..WRITES_FAST
    },
    getset,
);

fn getset(call: &mut Call<'_>) -> Outcome {
    let (key, value, now_ms) = (call.argv.at(1), call.argv.at(2), call.now_ms());
    let mut db = call.store.db(call.client.db, now_ms);
    let spot = db.read(key);
    match db.text(&spot) {
        Some(text) => write_text(call.out, text),
        None => call.out.null(),
    }
    db.put("set", spot, Text::compact(value), Ttl::Clear);
    propagate_set(call, key, value, Ttl::Clear);
    Ok(Flow::Done)
}

const MSET: Command = Command::new(
    Spec {
        name: "mset",
        since: "1.0.1",
        arity: -3,
        keys: &[KeySpec::pairs(KeyFlags::OW.union(KeyFlags::UPDATE))],
        tips: &["request_policy:multi_shard", "response_policy:all_succeeded"],
        complexity: "O(N) for N keys",
        summary: "Writes several strings at one moment.",
        syntax: "key value [data: key value ...]",
        ..WRITES
    },
    mset,
);

fn mset(call: &mut Call<'_>) -> Outcome {
    let argv = call.argv;
    if argv.len().is_multiple_of(2) {
        return Err(call.wrong_arity());
    }
    let mut db = call.db();
    for at in (1..argv.len()).step_by(2) {
        let spot = db.look(argv.at(at));
        db.put("set", spot, Text::compact(argv.at(at + 1)), Ttl::Clear);
    }
    call.out.ok();
    Ok(Flow::Done)
}

const INCR: Command = Command::new(
    Spec {
        name: "incr",
        arity: 2,
        keys: &[KeySpec::one(READS_AND_UPDATES)],
        summary: "Adds one to an integer; a missing key counts as 0.",
        syntax: "key",
        ..WRITES_FAST
    },
    incr,
);

fn incr(call: &mut Call<'_>) -> Outcome {
    add(call, 1)
}

const DECR: Command = Command::new(
    Spec {
        name: "decr",
        arity: 2,
        keys: &[KeySpec::one(READS_AND_UPDATES)],
        summary: "Takes one from an integer; a missing key counts as 0.",
        syntax: "key",
        ..WRITES_FAST
    },
    decr,
);

fn decr(call: &mut Call<'_>) -> Outcome {
    add(call, -1)
}

const INCRBY: Command = Command::new(
    Spec {
        name: "incrby",
        arity: 3,
        keys: &[KeySpec::one(READS_AND_UPDATES)],
        summary: "Adds to an integer; a missing key counts as 0.",
        syntax: "key increment",
        ..WRITES_FAST
    },
    incrby,
);

fn incrby(call: &mut Call<'_>) -> Outcome {
    let increment = int(call.argv.at(2))?;
    add(call, increment)
}

const DECRBY: Command = Command::new(
    Spec {
        name: "decrby",
        arity: 3,
        keys: &[KeySpec::one(READS_AND_UPDATES)],
        summary: "Takes from an integer; a missing key counts as 0.",
        syntax: "key decrement",
        ..WRITES_FAST
    },
    decrby,
);

fn decrby(call: &mut Call<'_>) -> Outcome {
    let decrement = int(call.argv.at(2))?;
    let increment = decrement.checked_neg();
    add(call, increment.ok_or(Error::new("ERR decrement would overflow"))?)
}

fn add(call: &mut Call<'_>, increment: i64) -> Outcome {
    let key = call.argv.at(1);
    let mut db = call.db();
    let spot = db.look(key);
    let old = match db.text(&spot) {
        Some(text) => text.to_int().ok_or(Error::NOT_AN_INTEGER)?,
        None => 0,
    };
    let new = old
        .checked_add(increment)
        .ok_or(Error::new("ERR increment or decrement would overflow"))?;
    db.edit("incrby", spot, Text::Int(new));
    call.out.int(new);
    Ok(Flow::Done)
}
