//! RENAME, RENAMENX, MOVE and COPY: keys under another name or in another database.

use crate::base::id::DbIndex;
use crate::exec::{Call, Command, Flow, Outcome, db_index};
use crate::resp::argv::Argv;
use crate::resp::error::Error;
use crate::spec::categories::Categories;
use crate::spec::flags::Flags;
use crate::spec::keys::{KeyFlags, KeySpec};
use crate::spec::{Group, Spec};
use crate::store::{Address, Moved};

const WRITES: Spec = Spec {
    group: Group::Generic,
    flags: Flags::WRITE,
    categories: Categories::KEYSPACE,
    arity: 3,
    ..Spec::NEW
};
const WRITES_FAST: Spec = Spec { flags: Flags::WRITE.union(Flags::FAST), ..WRITES };

/// The key that goes.
const SOURCE: KeySpec = KeySpec::one(KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE));
/// The key that comes or is overwritten.
const TARGET: KeySpec = KeySpec::one(KeyFlags::OW.union(KeyFlags::UPDATE)).from(2);

/// That a key should move to where it is.
const SAME: Error = Error::new("ERR source and destination objects are the same");

pub(super) const RENAME: Command = Command::new(
    Spec {
        name: "rename",
        keys: &[SOURCE, TARGET],
        summary: "Gives a key another name; a key of that name goes.",
        syntax: "key newkey:key",
        history: &[("3.2.0", "no error where both names are the same")],
        ..WRITES
    },
    rename,
);

fn rename(call: &mut Call<'_>) -> Outcome {
    rename_key(call, true)?;
    call.out.ok();
    Ok(Flow::Done)
}

pub(super) const RENAMENX: Command = Command::new(
    Spec {
        name: "renamenx",
        keys: &[SOURCE, KeySpec::one(KeyFlags::OW.union(KeyFlags::INSERT)).from(2)],
        summary: "Gives a key another name, unless a key has it.",
        syntax: "key newkey:key",
        history: &[("3.2.0", "no error where both names are the same")],
        ..WRITES_FAST
    },
    renamenx,
);

fn renamenx(call: &mut Call<'_>) -> Outcome {
    let is_done = rename_key(call, false)?;
    call.out.int(i64::from(is_done));
    Ok(Flow::Done)
}

/// Renames a key; false if the new name is taken.
fn rename_key(call: &mut Call<'_>, replaces: bool) -> Result<bool, Error> {
    let (from, now_ms) = (Address { db: call.client.db, key: call.argv.at(1) }, call.now_ms());
    match call.store.rename(from, call.argv.at(2), replaces, now_ms) {
        Moved::Done => Ok(true),
        Moved::Occupied => Ok(false),
        Moved::NoSource => Err(Error::new("ERR no such key")),
    }
}

pub(super) const MOVE: Command = Command::new(
    Spec {
        name: "move",
        keys: &[KeySpec::one(KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE))],
        summary: "Moves a key to another database, unless it is there already.",
        syntax: "key db:integer",
        ..WRITES_FAST
    },
    move_key,
);

fn move_key(call: &mut Call<'_>) -> Outcome {
    let (from, now_ms) = (Address { db: call.client.db, key: call.argv.at(1) }, call.now_ms());
    let to = db_index(call.argv.at(2), call.store.databases())?;
    if to == from.db {
        return Err(SAME);
    }
    let moved = call.store.move_key(from, to, now_ms);
    call.out.int(i64::from(moved == Moved::Done));
    Ok(Flow::Done)
}

pub(super) const COPY: Command = Command::new(
    Spec {
        name: "copy",
        since: "6.2.0",
        arity: -3,
        flags: WRITES.flags.union(Flags::DENYOOM),
        keys: &[KeySpec::one(KeyFlags::RO.union(KeyFlags::ACCESS)), TARGET],
        complexity: "O(1) for strings, O(N) for values of N elements",
        summary: "Copies a key with its deadline.",
        syntax: "source:key destination:key [DB destination-db:integer] [REPLACE]",
        ..WRITES
    },
    copy,
);

/// The options of COPY.
struct CopyOptions {
    db: DbIndex,
    replaces: bool,
}

impl CopyOptions {
    fn parse(argv: Argv<'_>, own_db: DbIndex, databases: usize) -> Result<CopyOptions, Error> {
        let mut options = CopyOptions { db: own_db, replaces: false };
        let mut at = 3;
        while let Some(option) = argv.get(at) {
            match argv.get(at + 1) {
                _ if option.eq_ignore_ascii_case(b"REPLACE") => options.replaces = true,
                Some(index) if option.eq_ignore_ascii_case(b"DB") => {
                    options.db = db_index(index, databases)?;
                    at += 1;
                }
                _ => return Err(Error::SYNTAX),
            }
            at += 1;
        }
        Ok(options)
    }
}

fn copy(call: &mut Call<'_>) -> Outcome {
    let (argv, now_ms) = (call.argv, call.now_ms());
    let options = CopyOptions::parse(argv, call.client.db, call.store.databases())?;
    let from = Address { db: call.client.db, key: argv.at(1) };
    let to = Address { db: options.db, key: argv.at(2) };
    if from == to {
        return Err(SAME);
    }
    let moved = call.store.copy(from, to, options.replaces, now_ms);
    call.out.int(i64::from(moved == Moved::Done));
    Ok(Flow::Done)
}
