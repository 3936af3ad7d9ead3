//! XGROUP: groups and their consumers made and removed.

use super::{DELETES, INSERTS, UPDATES, WRITES, id};
use crate::commands::help;
use crate::data::collection::Kind;
use crate::data::stream::{Group, Stream, StreamId};
use crate::exec::{Call, Command, Flow, Outcome, int};
use crate::resp::argv::Argv;
use crate::resp::error::{Error, shown};
use crate::spec::categories::Categories;
use crate::spec::flags::Flags;
use crate::spec::keys::{KeyFlags, KeySpec};
use crate::spec::{Group as Documented, Spec};
use crate::store::Edit;

const NO_KEY: Error = Error::new(
    "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use \
     the MKSTREAM option to create an empty stream automatically.",
);

pub(super) const XGROUP: Command = Command {
    spec: Spec {
        name: "xgroup",
        group: Documented::Stream,
        since: "5.0.0",
        arity: -2,
        complexity: "Depends on the subcommand",
        summary: "Makes and removes groups and their consumers.",
        ..Spec::NEW
    },
    run: |call| Err(call.wrong_arity()),
    subcommands: &[&CREATE, &CREATECONSUMER, &DELCONSUMER, &DESTROY, &HELP, &SETID],
};

const HELP: Command = help::command(Documented::Stream, "5.0.0", Categories::STREAM);

const fn second(flags: KeyFlags) -> KeySpec {
    KeySpec::one(flags).from(2)
}

/// The error of a subcommand whose group is not there.
fn no_group(group: &[u8], key: &[u8]) -> Error {
    let (group, key) = (shown(group, usize::MAX), shown(key, usize::MAX));
    Error::text(
        [b"NOGROUP No such consumer group '", group, b"' for key name '", key, b"'"].concat(),
    )
}

/// The options of CREATE and SETID.
#[derive(Default)]
struct Options {
    makes_stream: bool,
    entries_read: Option<u64>,
}

impl Options {
    fn parse(call: &Call<'_>, may_make: bool) -> Result<Options, Error> {
        let (argv, mut options, mut at) = (call.argv, Options::default(), 5);
        while let Some(word) = argv.get(at) {
            match argv.get(at + 1) {
                _ if may_make && word.eq_ignore_ascii_case(b"MKSTREAM") => {
                    options.makes_stream = true;
                    at += 1;
                }
                Some(count) if word.eq_ignore_ascii_case(b"ENTRIESREAD") => {
                    let count = int(count)?;
                    if count < -1 {
                        return Err(Error::new("ERR value for ENTRIESREAD must be positive or -1"));
                    }
                    options.entries_read = u64::try_from(count).ok();
                    at += 2;
                }
                _ => return Err(call.unknown_subcommand()),
            }
        }
        Ok(options)
    }
}

const CREATE: Command = Command::new(
    Spec {
        name: "create",
        arity: -5,
        flags: Flags::WRITE.union(Flags::DENYOOM),
        keys: &[second(INSERTS)],
        summary: "Makes a group.",
        syntax: "key group <id-selector: id | $> [MKSTREAM] [ENTRIESREAD entries-read:integer]",
        history: &[("7.0.0", "`ENTRIESREAD`")],
        ..WRITES
    },
    create,
);

fn create(call: &mut Call<'_>) -> Outcome {
    let options = Options::parse(call, true)?;
    let argv = call.argv;
    let mut db = call.db();
    let spot = db.look(argv.at(2));
    let stream = db.view::<Stream>(&spot)?;
    let is_new = stream.is_none();
    if is_new && !options.makes_stream {
        return Err(NO_KEY);
    }
    if argv.len() > 8 {
        return Err(call.unknown_subcommand());
    }
    let last_id = group_id(argv.at(4), stream)?;
    let is_made = db.upsert(spot, |stream: &mut Stream| {
        let group = Group::new(last_id, options.entries_read);
        match stream.add_group(argv.at(3), group) {
            false => Edit::same(false),
            true if is_new => Edit::changed("xgroup-create", true),
            true => Edit::aside(Some("xgroup-create"), true),
        }
    })?;
    if !is_made {
        return Err(Error::new("BUSYGROUP Consumer Group name already exists"));
    }
    call.out.ok();
    Ok(Flow::Done)
}

/// The id behind which a group reads.
fn group_id(argument: &[u8], stream: Option<&Stream>) -> Result<StreamId, Error> {
    match argument {
        b"$" => Ok(stream.map_or(StreamId::MIN, |stream| stream.facts().last_id)),
        _ => id(argument, 0),
    }
}

const SETID: Command = Command::new(
    Spec {
        name: "setid",
        arity: -5,
        keys: &[second(UPDATES)],
        summary: "Sets the last entry that a group has been given.",
        syntax: "key group <id-selector: id | $> [ENTRIESREAD entriesread:integer]",
        history: &[("7.0.0", "`ENTRIESREAD`")],
        ..WRITES
    },
    setid,
);

fn setid(call: &mut Call<'_>) -> Outcome {
    let options = Options::parse(call, false)?;
    let argv = call.argv;
    let has_right_len = matches!(argv.len(), 5 | 7);
    let why = call.unknown_subcommand();
    change(call, |stream, name| {
        let last_id = match argv.at(4) {
            _ if !has_right_len => Err(why),
            b"-" => Ok(StreamId::MIN),
            b"+" => Ok(StreamId::MAX),
            text => group_id(text, Some(stream)),
        };
        match (stream.group_mut(name), last_id) {
            (None, _) => Edit::same(Err(no_group(name, argv.at(2)))),
            (_, Err(error)) => Edit::same(Err(error)),
            (Some(group), Ok(last_id)) => {
                group.last_id = last_id;
                group.entries_read = options.entries_read;
                Edit::aside(Some("xgroup-setid"), Ok(()))
            }
        }
    })??;
    call.out.ok();
    Ok(Flow::Done)
}

/// Changes the stream that the request names, which must be there.
fn change<R>(
    call: &mut Call<'_>,
    change: impl FnOnce(&mut Stream, &[u8]) -> Edit<R>,
) -> Result<R, Error> {
    let argv: Argv<'_> = call.argv;
    let mut db = call.db();
    let spot = db.look(argv.at(2));
    db.update(spot, |stream: &mut Stream| change(stream, argv.at(3)))?.ok_or(NO_KEY)
}

const DESTROY: Command = Command::new(
    Spec {
        name: "destroy",
        arity: 4,
        keys: &[second(DELETES)],
        complexity: "O(N) for N pending entries",
        summary: "Removes a group.",
        syntax: "key group",
        ..WRITES
    },
    destroy,
);

fn destroy(call: &mut Call<'_>) -> Outcome {
    let mut rest = Stream::default();
    let is_gone = change(call, |stream, name| match stream.remove_group(name) {
        None => Edit::same(false),
        Some(group) => {
            rest.add_group(name, group);
            Edit::aside(Some("xgroup-destroy"), true).wakes()
        }
    })?;
    call.store.free_value_later(rest.wrap());
    call.out.int(i64::from(is_gone));
    Ok(Flow::Done)
}

const CONSUMERS: Spec = Spec { arity: 5, syntax: "key group consumer", ..WRITES };

const CREATECONSUMER: Command = Command::new(
    Spec {
        name: "createconsumer",
        since: "6.2.0",
        flags: Flags::WRITE.union(Flags::DENYOOM),
        keys: &[second(INSERTS)],
        summary: "Makes a consumer of a group.",
        ..CONSUMERS
    },
    createconsumer,
);

fn createconsumer(call: &mut Call<'_>) -> Outcome {
    let (argv, now_ms) = (call.argv, call.now_ms());
    let is_made = change(call, |stream, name| match stream.group_mut(name) {
        None => Edit::same(Err(no_group(name, argv.at(2)))),
        Some(group) if group.find_consumer(argv.at(4)).is_some() => Edit::same(Ok(false)),
        Some(group) => {
            group.add_consumer(argv.at(4), now_ms);
            Edit::aside(Some("xgroup-createconsumer"), Ok(true))
        }
    })??;
    call.out.int(i64::from(is_made));
    Ok(Flow::Done)
}

const DELCONSUMER: Command = Command::new(
    Spec {
        name: "delconsumer",
        keys: &[second(DELETES)],
        summary: "Removes a consumer of a group with what is pending with it.",
        ..CONSUMERS
    },
    delconsumer,
);

fn delconsumer(call: &mut Call<'_>) -> Outcome {
    let argv = call.argv;
    let pending = change(call, |stream, name| {
        let Some(group) = stream.group_mut(name) else {
            return Edit::same(Err(no_group(name, argv.at(2))));
        };
        match group.find_consumer(argv.at(4)) {
            None => Edit::same(Ok(0)),
            Some(id) => {
                let pending = group.remove_consumer(id);
                Edit::aside(Some("xgroup-delconsumer"), Ok(pending))
            }
        }
    })??;
    call.out.len_int(pending);
    Ok(Flow::Done)
}
