//! SET with its options, and the older commands that are parts of it.

use super::compare::Condition;
use super::{READS_AND_UPDATES, WRITES, WRITES_FAST, write_text_or_null};
use crate::commands::ttl::{Expiry, Form, deadline_ms};
use crate::data::text::Text;
use crate::exec::{Call, Command, Flow, Outcome};
use crate::resp::argv::Argv;
use crate::resp::error::Error;
use crate::spec::keys::{KeyFlags, KeySpec};
use crate::spec::{Deprecated, Spec};
use crate::store::Ttl;

pub(super) const SET: Command = Command::new(
    Spec {
        name: "set",
        arity: -3,
        keys: &[KeySpec::one(READS_AND_UPDATES)
            .or_without(3, &["GET"], KeyFlags::OW.union(KeyFlags::UPDATE))
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

/// The options of SET.
struct SetOptions<'a> {
    condition: Condition<'a>,
    wants_old: bool,
    expiry: Expiry<'a>,
}

impl<'a> SetOptions<'a> {
    fn parse(argv: Argv<'a>) -> Result<SetOptions<'a>, Error> {
        let mut options = SetOptions {
            condition: Condition::Always,
            wants_old: false,
            expiry: Expiry::or_word("KEEPTTL"),
        };
        let mut at = 3;
        while let Some(option) = argv.get(at) {
            at += 1 + options.take(option, argv.get(at + 1))?;
        }
        Ok(options)
    }

    /// True if the request does the same again when it is replayed, in every Redis.
    fn replays(&self) -> bool {
        let is_plain = match self.condition {
            Condition::Always | Condition::Missing | Condition::Present => true,
            Condition::Equal(_)
            | Condition::NotEqual(_)
            | Condition::DigestEqual(_)
            | Condition::DigestNotEqual(_) => false,
        };
        is_plain && !self.wants_old && !self.expiry.is_relative()
    }

    /// Takes an option; returns how many arguments belong to it. The same one may be given again.
    fn take(&mut self, option: &[u8], value: Option<&'a [u8]>) -> Result<usize, Error> {
        if option.eq_ignore_ascii_case(b"GET") {
            self.wants_old = true;
            return Ok(0);
        }
        if let Some(used) = self.expiry.take(option, value)? {
            return Ok(used);
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
    if let Some(condition) = Condition::presence(option) {
        return Ok((condition, 0));
    }
    let value = value.ok_or(Error::SYNTAX)?;
    let comparison = Condition::comparison(option, value)?;
    comparison.map(|condition| (condition, 1)).ok_or(Error::SYNTAX)
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
    let ttl = options.expiry.ttl("set", now_ms)?;
    let mut db = call.store.db(call.client.db, now_ms);
    let spot = if options.wants_old { db.read(key) } else { db.look(key) };
    let holds = options.condition.holds(&db, &spot)?;
    if options.wants_old {
        write_text_or_null(call.out, db.text(&spot)?);
    } else if holds {
        call.out.ok();
    } else {
        call.out.null();
    }
    if holds {
        db.put("set", spot, Text::compact(value), ttl);
        if !options.replays() {
            propagate_set(call, key, value, ttl);
        }
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

pub(super) const SETEX: Command = Command::new(
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

pub(super) const PSETEX: Command = Command::new(
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

pub(super) const SETNX: Command = Command::new(
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

pub(super) const GETSET: Command = Command::new(
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
    write_text_or_null(call.out, db.text(&spot)?);
    db.put("set", spot, Text::compact(value), Ttl::Clear);
    propagate_set(call, key, value, Ttl::Clear);
    Ok(Flow::Done)
}
