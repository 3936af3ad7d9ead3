//! Keys of any type: whether they are there, what they are, when they die.

use super::scan::{ScanOptions, Scanned, parse_cursor};
use super::ttl::{self, Form};
use super::{dump, migrate, moves, object, replication, sort};
use crate::base::glob;
use crate::data::collection::Type;
use crate::exec::{Call, Command, Flow, Outcome, deletion, int};
use crate::resp::argv::Argv;
use crate::resp::error::Error;
use crate::spec::categories::Categories;
use crate::spec::flags::Flags;
use crate::spec::keys::{KeyFlags, KeySpec};
use crate::spec::{Group, Spec};
use crate::store::entry::Entry;

/// All commands of the group.
pub(super) const COMMANDS: &[&Command] = &[
    &moves::COPY,
    &DEL,
    &dump::DUMP,
    &EXISTS,
    &EXPIRE,
    &EXPIREAT,
    &EXPIRETIME,
    &KEYS,
    &migrate::MIGRATE,
    &moves::MOVE,
    &object::OBJECT,
    &PERSIST,
    &PEXPIRE,
    &PEXPIREAT,
    &PEXPIRETIME,
    &PTTL,
    &RANDOMKEY,
    &moves::RENAME,
    &moves::RENAMENX,
    &dump::RESTORE,
    &SCAN,
    &sort::SORT,
    &sort::SORT_RO,
    &TOUCH,
    &TTL,
    &TYPE,
    &UNLINK,
    &replication::WAIT,
    &replication::WAITAOF,
];

const READS: Spec = Spec {
    group: Group::Generic,
    flags: Flags::READONLY,
    categories: Categories::KEYSPACE,
    ..Spec::NEW
};
const READS_FAST: Spec = Spec { flags: READS.flags.union(Flags::FAST), ..READS };
const WRITES: Spec = Spec { flags: Flags::WRITE, ..READS };
const WRITES_FAST: Spec = Spec { flags: Flags::WRITE.union(Flags::FAST), ..READS };

const DEL: Command = Command::new(
    Spec {
        name: "del",
        arity: -2,
        keys: &[KeySpec::all(KeyFlags::RM.union(KeyFlags::DELETE))],
        tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
        complexity: "O(N) for N keys; a large value adds the number of its elements",
        summary: "Removes keys.",
        syntax: "key [key ...]",
        ..WRITES
    },
    del,
);

fn del(call: &mut Call<'_>) -> Outcome {
    let argv = call.argv;
    let mut db = call.db();
    let mut count = 0;
    for key in argv.from(1) {
        let spot = db.look(key);
        count += i64::from(db.remove("del", spot));
    }
    call.out.int(count);
    Ok(Flow::Done)
}

const UNLINK: Command = Command::new(
    Spec {
        name: "unlink",
        since: "4.0.0",
        arity: -2,
        keys: &[KeySpec::all(KeyFlags::RM.union(KeyFlags::DELETE))],
        tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
        complexity: "O(N) for N keys; large values are freed later",
        summary: "Removes keys and frees large values later.",
        syntax: "key [key ...]",
        ..WRITES_FAST
    },
    del,
);

const EXISTS: Command = Command::new(
    Spec {
        name: "exists",
        arity: -2,
        keys: &[KeySpec::all(KeyFlags::RO)],
        tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
        complexity: "O(N) for N keys",
        summary: "Counts which of some keys are there.",
        syntax: "key [key ...]",
        history: &[("3.0.3", "several keys")],
        ..READS_FAST
    },
    exists,
);

fn exists(call: &mut Call<'_>) -> Outcome {
    let argv = call.argv;
    let mut db = call.db();
    let count: i64 = argv.from(1).map(|key| i64::from(db.peek(key).exists())).sum();
    call.out.int(count);
    Ok(Flow::Done)
}

const TOUCH: Command = Command::new(
    Spec {
        name: "touch",
        since: "3.2.1",
        arity: -2,
        keys: &[KeySpec::all(KeyFlags::RO)],
        tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
        complexity: "O(N) for N keys",
        summary: "Counts as a use of some keys, and tells how many are there.",
        syntax: "key [key ...]",
        ..READS_FAST
    },
    touch,
);

fn touch(call: &mut Call<'_>) -> Outcome {
    // Also for a client whose other look-ups leave no trace.
    call.store.usage.set_quiet(false);
    let argv = call.argv;
    let mut db = call.db();
    let count: i64 = argv.from(1).map(|key| i64::from(db.read(key).exists())).sum();
    call.store.usage.set_quiet(call.client.no_touch);
    call.out.int(count);
    Ok(Flow::Done)
}

const TYPE: Command = Command::new(
    Spec {
        name: "type",
        arity: 2,
        keys: &[KeySpec::one(KeyFlags::RO)],
        summary: "Tells the type of a key's value.",
        syntax: "key",
        ..READS_FAST
    },
    type_of,
);

fn type_of(call: &mut Call<'_>) -> Outcome {
    let key = call.argv.at(1);
    let mut db = call.db();
    let spot = db.peek(key);
    let name = db.type_of(&spot).map_or("none", Type::name);
    call.out.status(name);
    Ok(Flow::Done)
}

const EXPIRE_SPEC: Spec = Spec {
    arity: -3,
    keys: &[KeySpec::one(KeyFlags::RW.union(KeyFlags::UPDATE))],
    history: &[("7.0.0", "NX, XX, GT and LT")],
    ..WRITES_FAST
};

const EXPIRE: Command = Command::new(
    Spec {
        name: "expire",
        summary: "Lets a key die after some seconds.",
        syntax: "key seconds [condition: NX | XX | GT | LT]",
        ..EXPIRE_SPEC
    },
    expire,
);

fn expire(call: &mut Call<'_>) -> Outcome {
    set_deadline(call, Form::Seconds)
}

const PEXPIRE: Command = Command::new(
    Spec {
        name: "pexpire",
        since: "2.6.0",
        summary: "Lets a key die after some milliseconds.",
        syntax: "key milliseconds [condition: NX | XX | GT | LT]",
        ..EXPIRE_SPEC
    },
    pexpire,
);

fn pexpire(call: &mut Call<'_>) -> Outcome {
    set_deadline(call, Form::Milliseconds)
}

const EXPIREAT: Command = Command::new(
    Spec {
        name: "expireat",
        since: "1.2.0",
        summary: "Lets a key die at a time in seconds.",
        syntax: "key unix-time-seconds [condition: NX | XX | GT | LT]",
        ..EXPIRE_SPEC
    },
    expireat,
);

fn expireat(call: &mut Call<'_>) -> Outcome {
    set_deadline(call, Form::AtSeconds)
}

const PEXPIREAT: Command = Command::new(
    Spec {
        name: "pexpireat",
        since: "2.6.0",
        summary: "Lets a key die at a time in milliseconds.",
        syntax: "key unix-time-milliseconds [condition: NX | XX | GT | LT]",
        ..EXPIRE_SPEC
    },
    pexpireat,
);

fn pexpireat(call: &mut Call<'_>) -> Outcome {
    set_deadline(call, Form::AtMilliseconds)
}

/// What must hold for a deadline to be set.
#[derive(Clone, Copy, Default)]
struct DeadlineCondition {
    nx: bool,
    xx: bool,
    gt: bool,
    lt: bool,
}

impl DeadlineCondition {
    fn parse(argv: Argv<'_>) -> Result<DeadlineCondition, Error> {
        let mut condition = DeadlineCondition::default();
        for option in argv.from(3) {
            match option.to_ascii_uppercase().as_slice() {
                b"NX" => condition.nx = true,
                b"XX" => condition.xx = true,
                b"GT" => condition.gt = true,
                b"LT" => condition.lt = true,
                _ => return Err(Error::quoting("ERR Unsupported option ", option, "")),
            }
        }
        if condition.nx && (condition.xx || condition.gt || condition.lt) {
            return Err(Error::new(
                "ERR NX and XX, GT or LT options at the same time are not compatible",
            ));
        }
        if condition.gt && condition.lt {
            return Err(Error::new("ERR GT and LT options at the same time are not compatible"));
        }
        Ok(condition)
    }

    /// A key without a deadline counts as one that lives forever.
    fn holds(self, current_ms: Option<i64>, new_ms: i64) -> bool {
        !(self.nx && current_ms.is_some()
            || self.xx && current_ms.is_none()
            || self.gt && current_ms.is_none_or(|current| new_ms <= current)
            || self.lt && current_ms.is_some_and(|current| new_ms >= current))
    }
}

fn set_deadline(call: &mut Call<'_>, form: Form) -> Outcome {
    let (argv, now_ms) = (call.argv, call.now_ms());
    let (key, condition) = (argv.at(1), DeadlineCondition::parse(argv)?);
    let value = int(argv.at(2))?;
    let at_ms = form.at_ms(value, now_ms).ok_or_else(|| ttl::invalid(call.name()))?;
    let is_past = call.is_past(at_ms);
    let mut db = call.db();
    let spot = db.look(key);
    if !spot.exists() || !condition.holds(db.deadline_ms(&spot), at_ms) {
        call.out.int(0);
        return Ok(Flow::Done);
    }
    if is_past {
        db.remove("del", spot);
        let name = deletion(call.state.config.lazyfree_lazy_expire);
        call.propagate_as(|| [name, key]);
    } else {
        db.set_deadline("expire", spot, at_ms);
        let at = at_ms.to_string();
        call.propagate_as(|| [b"PEXPIREAT", key, at.as_bytes()]);
    }
    call.out.int(1);
    Ok(Flow::Done)
}

const TTL_SPEC: Spec = Spec {
    arity: 2,
    keys: &[KeySpec::one(KeyFlags::RO.union(KeyFlags::ACCESS))],
    syntax: "key",
    ..READS_FAST
};

const TTL: Command = Command::new(
    Spec {
        name: "ttl",
        tips: &["nondeterministic_output"],
        summary: "Tells in how many seconds a key dies.",
        history: &[("2.8.0", "-2 for a missing key")],
        ..TTL_SPEC
    },
    ttl_s,
);

fn ttl_s(call: &mut Call<'_>) -> Outcome {
    reply_deadline(call, |at_ms, now_ms| (at_ms - now_ms).max(0).saturating_add(500) / 1_000)
}

const PTTL: Command = Command::new(
    Spec {
        name: "pttl",
        since: "2.6.0",
        tips: &["nondeterministic_output"],
        summary: "Tells in how many milliseconds a key dies.",
        history: &[("2.8.0", "-2 for a missing key")],
        ..TTL_SPEC
    },
    pttl,
);

fn pttl(call: &mut Call<'_>) -> Outcome {
    reply_deadline(call, |at_ms, now_ms| (at_ms - now_ms).max(0))
}

const EXPIRETIME: Command = Command::new(
    Spec {
        name: "expiretime",
        since: "7.0.0",
        summary: "Tells when a key dies, in seconds since 1970.",
        ..TTL_SPEC
    },
    expiretime,
);

fn expiretime(call: &mut Call<'_>) -> Outcome {
    reply_deadline(call, |at_ms, _| at_ms.saturating_add(500) / 1_000)
}

const PEXPIRETIME: Command = Command::new(
    Spec {
        name: "pexpiretime",
        since: "7.0.0",
        summary: "Tells when a key dies, in milliseconds since 1970.",
        ..TTL_SPEC
    },
    pexpiretime,
);

fn pexpiretime(call: &mut Call<'_>) -> Outcome {
    reply_deadline(call, |at_ms, _| at_ms)
}

/// Replies with a key's deadline as `show` has it, given the present moment; -1 without one, -2
/// without a key.
fn reply_deadline(call: &mut Call<'_>, show: impl Fn(i64, i64) -> i64) -> Outcome {
    let (key, now_ms) = (call.argv.at(1), call.now_ms());
    let mut db = call.db();
    let spot = db.peek(key);
    let reply = match db.deadline_ms(&spot) {
        Some(at_ms) => show(at_ms, now_ms),
        None if spot.exists() => -1,
        None => -2,
    };
    call.out.int(reply);
    Ok(Flow::Done)
}

const PERSIST: Command = Command::new(
    Spec {
        name: "persist",
        since: "2.2.0",
        arity: 2,
        keys: &[KeySpec::one(KeyFlags::RW.union(KeyFlags::UPDATE))],
        summary: "Lets a key live on.",
        syntax: "key",
        ..WRITES_FAST
    },
    persist,
);

fn persist(call: &mut Call<'_>) -> Outcome {
    let key = call.argv.at(1);
    let mut db = call.db();
    let spot = db.look(key);
    let cleared = db.clear_deadline("persist", spot);
    call.out.int(i64::from(cleared));
    Ok(Flow::Done)
}

const KEYS: Command = Command::new(
    Spec {
        name: "keys",
        arity: 2,
        categories: Categories::KEYSPACE.union(Categories::DANGEROUS),
        tips: &["request_policy:all_shards", "nondeterministic_output_order"],
        complexity: "O(N) for N keys in the database",
        summary: "Lists the keys that match a pattern.",
        syntax: "pattern",
        ..READS
    },
    keys,
);

fn keys(call: &mut Call<'_>) -> Outcome {
    let (pattern, now_ms) = (call.argv.at(1), call.now_ms());
    let db = call.store.db(call.client.db, now_ms);
    let matches_all = pattern == b"*";
    call.out.array_of(|out| {
        let mut count = 0;
        db.each_key(|key| {
            if matches_all || glob::matches(pattern, key) {
                out.bulk(key);
                count += 1;
            }
        });
        count
    });
    Ok(Flow::Done)
}

const SCAN: Command = Command::new(
    Spec {
        name: "scan",
        since: "2.8.0",
        arity: -2,
        tips: &["nondeterministic_output", "request_policy:special", "response_policy:special"],
        complexity: "O(1) a call; O(N) for a full scan of N keys",
        summary: "Lists the keys a few at a time.",
        syntax: "cursor [MATCH pattern] [COUNT count] [TYPE type]",
        history: &[("6.0.0", "TYPE")],
        flags: READS.flags.union(Flags::TOUCHES_ANY),
        ..READS
    },
    scan,
);

fn scan(call: &mut Call<'_>) -> Outcome {
    let (argv, now_ms) = (call.argv, call.now_ms());
    let cursor = parse_cursor(argv.at(1))?;
    let options = ScanOptions::parse(argv, 2, Scanned::Keys)?;
    let mut db = call.store.db(call.client.db, now_ms);
    let (mut found, mut due) = (Vec::new(), Vec::new());
    let cursor = options.walk(cursor, |cursor| {
        let mut seen = 0;
        let next = db.scan(cursor, |entry, is_live| {
            seen += 1;
            if !is_live {
                due.push(entry.key().to_vec());
            } else if is_wanted(entry, &options) {
                found.push(entry);
            }
        });
        (next, seen)
    });
    call.out.array(2);
    call.out.bulk(cursor.to_string().as_bytes());
    call.out.array(found.len());
    found.iter().for_each(|entry| call.out.bulk(entry.key()));
    // Looking at them is their end.
    for key in due {
        db.look(&key);
    }
    Ok(Flow::Done)
}

fn is_wanted(entry: &Entry, options: &ScanOptions<'_>) -> bool {
    let is_of = |kind: &[u8]| kind.eq_ignore_ascii_case(entry.type_of().name().as_bytes());
    options.matches(entry.key()) && options.kind.is_none_or(is_of)
}

const RANDOMKEY: Command = Command::new(
    Spec {
        name: "randomkey",
        arity: 1,
        tips: &["request_policy:all_shards", "response_policy:special", "nondeterministic_output"],
        summary: "Picks a key by chance.",
        flags: READS.flags.union(Flags::TOUCHES_ANY),
        ..READS
    },
    randomkey,
);

fn randomkey(call: &mut Call<'_>) -> Outcome {
    let now_ms = call.now_ms();
    let mut db = call.store.db(call.client.db, now_ms);
    match db.random_key(&mut call.state.rng) {
        Some(key) => call.out.bulk(&key),
        None => call.out.null(),
    }
    Ok(Flow::Done)
}
