//! Values as bytes that another server takes: DUMP and RESTORE.

use crate::config::kinds::Sanitize;
use crate::exec::{Call, Command, Flow, Outcome, int};
use crate::persist::rdb::payload::{self, Refused};
use crate::persist::rdb::{Forms, codes};
use crate::resp::argv::{Argv, ArgvBuf};
use crate::resp::error::Error;
use crate::spec::categories::Categories;
use crate::spec::flags::Flags;
use crate::spec::keys::{KeyFlags, KeySpec};
use crate::spec::{Group, Spec};
use crate::store::Noted;

pub(super) const DUMP: Command = Command::new(
    Spec {
        name: "dump",
        group: Group::Generic,
        since: "2.6.0",
        arity: 2,
        flags: Flags::READONLY,
        categories: Categories::KEYSPACE,
        keys: &[KeySpec::one(KeyFlags::RO.union(KeyFlags::ACCESS))],
        tips: &["nondeterministic_output"],
        complexity: "O(N) for N bytes of the value",
        summary: "Gives a value as bytes that RESTORE takes.",
        syntax: "key",
        ..Spec::NEW
    },
    dump,
);

fn dump(call: &mut Call<'_>) -> Outcome {
    let config = &call.state.config;
    let version = u32::try_from(config.rdb_version).unwrap_or(codes::VERSION_MIN);
    let compresses = config.rdbcompression;
    let key = call.argv.at(1);
    let mut db = call.db();
    let spot = db.read(key);
    let dumped = db.entry(&spot).map(|entry| payload::dump(entry.value(), version, compresses));
    match dumped {
        Some(Ok(bytes)) => call.out.bulk(&bytes),
        Some(Err(_)) | None => call.out.null(),
    }
    Ok(Flow::Done)
}

pub(super) const RESTORE: Command = Command::new(
    Spec {
        name: "restore",
        group: Group::Generic,
        since: "2.6.0",
        arity: -4,
        flags: Flags::WRITE.union(Flags::DENYOOM),
        categories: Categories::KEYSPACE.union(Categories::DANGEROUS),
        keys: &[KeySpec::one(KeyFlags::OW.union(KeyFlags::UPDATE))],
        complexity: "O(N) for N bytes of the value, O(N log N) for a sorted set",
        summary: "Makes a key of what DUMP has given.",
        syntax: "key ttl:integer serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds:integer] \
                 [FREQ frequency:integer]",
        history: &[("3.0.0", "REPLACE"), ("5.0.0", "ABSTTL"), ("5.0.0", "IDLETIME and FREQ")],
        ..Spec::NEW
    },
    restore,
);

/// What a server of a cluster sends with a key whose slot is on its way.
pub(super) const RESTORE_ASKING: Command = Command::new(
    Spec {
        name: "restore-asking",
        group: Group::Server,
        since: "3.0.0",
        flags: RESTORE.spec.flags.union(Flags::ASKING),
        summary: "RESTORE, of a key whose slot is on its way here.",
        ..RESTORE.spec
    },
    restore,
);

/// The options of RESTORE.
#[derive(Default)]
struct Options {
    replaces: bool,
    is_absolute: bool,
    noted: Noted,
}

impl Options {
    fn parse(argv: Argv<'_>) -> Result<Options, Error> {
        let mut options = Options::default();
        let mut words = argv.from(4);
        while let Some(word) = words.next() {
            match word.to_ascii_uppercase().as_slice() {
                b"REPLACE" => options.replaces = true,
                b"ABSTTL" => options.is_absolute = true,
                b"IDLETIME" if !matches!(options.noted, Noted::Frequency(_)) => {
                    let seconds = int(words.next().ok_or(Error::SYNTAX)?)?;
                    let range = Error::new("ERR Invalid IDLETIME value, must be >= 0");
                    options.noted = Noted::Idle(u64::try_from(seconds).map_err(|_| range)?);
                }
                b"FREQ" if !matches!(options.noted, Noted::Idle(_)) => {
                    let count = int(words.next().ok_or(Error::SYNTAX)?)?;
                    let range = Error::new("ERR Invalid FREQ value, must be >= 0 and <= 255");
                    options.noted = Noted::Frequency(u8::try_from(count).map_err(|_| range)?);
                }
                _ => return Err(Error::SYNTAX),
            }
        }
        Ok(options)
    }
}

fn restore(call: &mut Call<'_>) -> Outcome {
    const REFUSED: Error = Error::new("ERR Invalid TTL value, must be >= 0");
    let options = Options::parse(call.argv)?;
    let (key, payload) = (call.argv.at(1), call.argv.at(3));
    if !options.replaces && call.db().look(key).exists() {
        return Err(Error::new("BUSYKEY Target key name already exists."));
    }
    let ttl = int(call.argv.at(2))?;
    let now_ms = call.now_ms();
    let deadline_ms = match ttl {
        ..0 => return Err(REFUSED),
        0 => None,
        ttl if options.is_absolute => Some(ttl),
        ttl => Some(ttl.checked_add(now_ms).ok_or(REFUSED)?),
    };
    let config = &call.state.config;
    let is_deep = config.sanitize_dump_payload != Sanitize::No;
    let forms = Forms::new(config, call.store.hasher(), call.state.plain_bytes, is_deep);
    let checks_sum = !call.state.persistence.skips_sums;
    let values = payload::restore(payload, forms, checks_sum);
    let mut values = values.map_err(|refused| match refused {
        Refused::Footer => Error::new("ERR DUMP payload version or checksum are wrong"),
        Refused::Value => Error::new("ERR Bad data format"),
    })?;
    let value = values.take().ok_or(Error::new("ERR Bad data format"))?;
    let is_dead = deadline_ms.is_some_and(|at_ms| call.is_past(at_ms));
    // What is replaced may be dead: nobody is told of a death that makes no difference.
    let shows_due = call.store.changes.shows_due;
    call.store.changes.shows_due |= options.replaces;
    let mut db = call.db();
    let spot = db.find(key);
    if is_dead {
        db.remove("del", spot);
    } else {
        db.restore(spot, value, deadline_ms, options.noted);
    }
    call.store.changes.shows_due = shows_due;
    if is_dead {
        let unlinks = call.state.config.lazyfree_lazy_server_del;
        call.propagate_as(|| [if unlinks { &b"UNLINK"[..] } else { b"DEL" }, key]);
    } else if let Some(at_ms) = deadline_ms.filter(|_| !options.is_absolute) {
        propagate(call, at_ms);
    }
    call.out.ok();
    Ok(Flow::Done)
}

/// The same with its deadline as a moment.
fn propagate(call: &mut Call<'_>, at_ms: i64) {
    let argv = call.argv;
    call.propagate_all(|| {
        let mut words: ArgvBuf = [argv.at(0), argv.at(1)].into_iter().collect();
        words.push(at_ms.to_string().as_bytes());
        argv.from(3).for_each(|word| words.push(word));
        words.push(b"ABSTTL");
        words
    });
}
