//! COMMAND: the commands, described by themselves.

use super::help;
use crate::base::{glob, num};
use crate::exec::{Call, Command, CommandId, Flow, Outcome};
use crate::resp::error::Error;
use crate::resp::output::Output;
use crate::spec::categories::Categories;
use crate::spec::flags::Flags;
use crate::spec::keys::{KeyFlags, KeySpec, Search};
use crate::spec::syntax::{self, Arg};
use crate::spec::{Group, Spec};

pub(super) const COMMAND: Command = Command {
    spec: Spec {
        name: "command",
        arity: -1,
        tips: &["nondeterministic_output_order"],
        complexity: "O(N) for N commands",
        summary: "Describes all commands.",
        ..BASE
    },
    run: all,
    subcommands: &[&COUNT, &DOCS, &GETKEYS, &GETKEYSANDFLAGS, &HELP, &INFO, &LIST],
};

const BASE: Spec = Spec {
    group: Group::Server,
    since: "2.8.13",
    flags: Flags::LOADING.union(Flags::STALE),
    categories: Categories::CONNECTION,
    ..Spec::NEW
};

const HELP: Command = help::command(Group::Server, "5.0.0", Categories::CONNECTION);

fn all(call: &mut Call<'_>) -> Outcome {
    let ids: Vec<CommandId> = call.table.commands().map(|(id, _)| id).collect();
    call.out.array(ids.len());
    ids.into_iter().for_each(|id| describe(call, id));
    Ok(Flow::Done)
}

const COUNT: Command =
    Command::new(Spec { name: "count", arity: 2, summary: "Counts the commands.", ..BASE }, count);

fn count(call: &mut Call<'_>) -> Outcome {
    call.out.len_int(call.table.commands().count());
    Ok(Flow::Done)
}

const INFO: Command = Command::new(
    Spec {
        name: "info",
        arity: -2,
        tips: &["nondeterministic_output_order"],
        complexity: "O(N) for N commands",
        summary: "Describes commands, or all of them.",
        syntax: "[command-name [command-name ...]]",
        history: &[("7.0.0", "without names")],
        ..BASE
    },
    info,
);

fn info(call: &mut Call<'_>) -> Outcome {
    if call.argv.len() == 2 {
        return all(call);
    }
    call.out.array(call.argv.len() - 2);
    for name in call.argv.from(2) {
        match call.table.find_full(name) {
            Some(id) => describe(call, id),
            None => call.out.null(),
        }
    }
    Ok(Flow::Done)
}

/// The ten facts of COMMAND INFO.
fn describe(call: &mut Call<'_>, id: CommandId) {
    let row = call.table.row(id);
    let (spec, out) = (&row.command.spec, &mut *call.out);
    let (first, last, step) = spec.key_triple();
    out.array(10);
    out.bulk(row.name.as_bytes());
    out.int(i64::from(spec.arity));
    status_set(out, &spec.flags.names());
    out.len_int(first);
    out.int(last);
    out.len_int(step);
    status_set(out, &spec.all_categories().names());
    out.set(spec.tips.len());
    spec.tips.iter().for_each(|tip| out.bulk(tip.as_bytes()));
    out.set(spec.keys.len());
    spec.keys.iter().for_each(|keys| describe_keys(out, keys));
    out.set(row.subcommands.len());
    row.subcommands.iter().for_each(|id| describe(call, *id));
}

fn describe_keys(out: &mut Output, keys: &KeySpec) {
    let has_notes = !keys.notes.is_empty();
    out.map(3 + usize::from(has_notes));
    if has_notes {
        out.bulk(b"notes");
        out.bulk(keys.notes.as_bytes());
    }
    out.bulk(b"flags");
    status_set(out, &keys.flags.names());
    out.bulk(b"begin_search");
    describe_search(out, keys);
    out.bulk(b"find_keys");
    let step = num::signed(keys.step);
    match keys.search {
        Search::Place | Search::Word(_) | Search::PlaceOrRest(_) | Search::Rest(_) => {
            let last = i64::from(keys.last);
            describe_step(out, "range", &[("lastkey", last), ("keystep", step), ("limit", 0)]);
        }
        Search::Half(..) => {
            let last = i64::from(keys.last);
            describe_step(out, "range", &[("lastkey", last), ("keystep", step), ("limit", 2)]);
        }
        Search::Count => {
            describe_step(out, "keynum", &[("keynumidx", 0), ("firstkey", 1), ("keystep", step)]);
        }
        Search::Option(..) | Search::Nowhere => describe_step(out, "unknown", &[]),
    }
}

fn describe_search(out: &mut Output, keys: &KeySpec) {
    let first = num::signed(keys.first);
    match keys.search {
        Search::Place | Search::Count | Search::PlaceOrRest(_) => {
            describe_step(out, "index", &[("index", first)]);
        }
        Search::Option(..) | Search::Nowhere => describe_step(out, "unknown", &[]),
        Search::Word(word) | Search::Half(word, _) => describe_word(out, word, first),
        // Clients look for it from the end.
        Search::Rest(rest) => describe_word(out, rest.word, -2),
    }
}

/// A search for a word, from an index on.
fn describe_word(out: &mut Output, word: &str, first: i64) {
    out.map(2);
    out.bulk(b"type");
    out.bulk(b"keyword");
    out.bulk(b"spec");
    out.map(2);
    out.bulk(b"keyword");
    out.bulk(word.as_bytes());
    out.bulk(b"startfrom");
    out.int(first);
}

/// A step by which keys are found: its kind and the numbers that go with it.
fn describe_step(out: &mut Output, kind: &str, fields: &[(&str, i64)]) {
    out.map(2);
    out.bulk(b"type");
    out.bulk(kind.as_bytes());
    out.bulk(b"spec");
    out.map(fields.len());
    for (name, value) in fields {
        out.bulk(name.as_bytes());
        out.int(*value);
    }
}

fn status_set(out: &mut Output, words: &[&str]) {
    out.set(words.len());
    words.iter().for_each(|word| out.status(word));
}

const DOCS: Command = Command::new(
    Spec {
        name: "docs",
        since: "7.0.0",
        arity: -2,
        tips: &["nondeterministic_output_order"],
        complexity: "O(N) for N commands",
        summary: "Documents commands, or all of them.",
        syntax: "[command-name [command-name ...]]",
        ..BASE
    },
    docs,
);

fn docs(call: &mut Call<'_>) -> Outcome {
    let ids: Vec<CommandId> = if call.argv.len() == 2 {
        call.table.commands().map(|(id, _)| id).collect()
    } else {
        call.argv.from(2).filter_map(|name| call.table.find_full(name)).collect()
    };
    call.out.map(ids.len());
    ids.into_iter().for_each(|id| document(call, id));
    Ok(Flow::Done)
}

/// A command's name and the map that documents it.
fn document(call: &mut Call<'_>, id: CommandId) {
    let row = call.table.row(id);
    let (spec, out) = (&row.command.spec, &mut *call.out);
    // Syntaxes are read in a test, so that none fails here.
    let args = syntax::parse(spec.syntax).unwrap_or_default();
    let texts = [
        ("summary", spec.summary),
        ("since", spec.since),
        ("group", spec.group.name()),
        ("complexity", spec.complexity),
    ];
    let extras = usize::from(!spec.history.is_empty())
        + usize::from(!args.is_empty())
        + usize::from(!row.subcommands.is_empty())
        + if spec.deprecated.is_some() { 3 } else { 0 };
    out.bulk(row.name.as_bytes());
    out.map(texts.len() + extras);
    for (name, text) in texts {
        out.bulk(name.as_bytes());
        out.bulk(text.as_bytes());
    }
    if let Some(deprecated) = spec.deprecated {
        out.bulk(b"doc_flags");
        status_set(out, &["deprecated"]);
        out.bulk(b"deprecated_since");
        out.bulk(deprecated.since.as_bytes());
        out.bulk(b"replaced_by");
        out.bulk(deprecated.replaced_by.as_bytes());
    }
    if !spec.history.is_empty() {
        out.bulk(b"history");
        out.set(spec.history.len());
        for (since, what) in spec.history {
            out.array(2);
            out.bulk(since.as_bytes());
            out.bulk(what.as_bytes());
        }
    }
    if !args.is_empty() {
        out.bulk(b"arguments");
        document_args(out, &args, &mut key_spec_numbers(spec.keys.len()));
    }
    if !row.subcommands.is_empty() {
        out.bulk(b"subcommands");
        out.map(row.subcommands.len());
        row.subcommands.iter().for_each(|id| document(call, *id));
    }
}

/// The number of the spec that each key argument belongs to: they follow each other, and the last
/// spec has all that are left.
fn key_spec_numbers(specs: usize) -> impl Iterator<Item = usize> {
    (0..specs).chain(std::iter::repeat(specs.saturating_sub(1)))
}

fn document_args(out: &mut Output, args: &[Arg], key_specs: &mut dyn Iterator<Item = usize>) {
    out.array(args.len());
    for arg in args {
        let is_leaf = arg.parts.is_empty();
        let is_key = arg.kind == syntax::Kind::Key;
        let key_spec = if is_key { key_specs.next() } else { None };
        let flags = [
            (arg.optional, "optional"),
            (arg.multiple, "multiple"),
            (arg.repeats_token, "multiple_token"),
        ];
        let flags: Vec<&str> =
            flags.into_iter().filter_map(|(is_set, name)| is_set.then_some(name)).collect();
        let extras = [is_leaf, is_key, arg.token.is_some(), !flags.is_empty(), !is_leaf];
        out.map(2 + extras.iter().filter(|has| **has).count());
        let mut field = |name: &str, value: &str| {
            out.bulk(name.as_bytes());
            out.bulk(value.as_bytes());
        };
        field("name", &arg.name);
        field("type", arg.kind.name());
        if is_leaf {
            field("display_text", &arg.name);
        }
        if let Some(number) = key_spec {
            out.bulk(b"key_spec_index");
            out.len_int(number);
        }
        if let Some(token) = &arg.token {
            out.bulk(b"token");
            out.bulk(token.as_bytes());
        }
        if !flags.is_empty() {
            out.bulk(b"flags");
            status_set(out, &flags);
        }
        if !is_leaf {
            out.bulk(b"arguments");
            document_args(out, &arg.parts, key_specs);
        }
    }
}

const LIST: Command = Command::new(
    Spec {
        name: "list",
        since: "7.0.0",
        arity: -2,
        tips: &["nondeterministic_output_order"],
        complexity: "O(N) for N commands",
        summary: "Lists the names of commands.",
        syntax: "[filterby: FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern>]",
        ..BASE
    },
    list,
);

fn list(call: &mut Call<'_>) -> Outcome {
    let argv = call.argv;
    let (by, value) = match argv.len() {
        2 => (None, &b""[..]),
        5 if argv.at(2).eq_ignore_ascii_case(b"FILTERBY") => {
            (Some(argv.at(3).to_ascii_uppercase()), argv.at(4))
        }
        _ => return Err(Error::SYNTAX),
    };
    let category = Categories::by_name(value);
    let rows = call.table.rows().map(|(_, row)| row);
    let chosen: Vec<&str> = match by.as_deref() {
        None => rows.map(|row| row.name.as_str()).collect(),
        Some(b"MODULE") => Vec::new(),
        Some(b"ACLCAT") => rows
            .filter(|row| category.is_some_and(|c| row.command.spec.all_categories().contains(c)))
            .map(|row| row.name.as_str())
            .collect(),
        Some(b"PATTERN") => rows
            .filter(|row| glob::matches_any_case(value, row.name.as_bytes()))
            .map(|row| row.name.as_str())
            .collect(),
        _ => return Err(Error::SYNTAX),
    };
    call.out.array(chosen.len());
    chosen.iter().for_each(|name| call.out.bulk(name.as_bytes()));
    Ok(Flow::Done)
}

const GETKEYS: Command = Command::new(
    Spec {
        name: "getkeys",
        arity: -3,
        complexity: "O(N) for N arguments",
        summary: "Tells which arguments of a request are keys.",
        syntax: "command [arg [arg ...]]",
        ..BASE
    },
    getkeys,
);

fn getkeys(call: &mut Call<'_>) -> Outcome {
    let keys = keys_of(call)?;
    call.out.array(keys.len());
    keys.iter().for_each(|(key, _)| call.out.bulk(key));
    Ok(Flow::Done)
}

const GETKEYSANDFLAGS: Command = Command::new(
    Spec {
        name: "getkeysandflags",
        since: "7.0.0",
        arity: -3,
        complexity: "O(N) for N arguments",
        summary: "Tells which arguments of a request are keys, and what happens to them.",
        syntax: "command [arg [arg ...]]",
        ..BASE
    },
    getkeysandflags,
);

fn getkeysandflags(call: &mut Call<'_>) -> Outcome {
    let keys = keys_of(call)?;
    call.out.array(keys.len());
    for (key, flags) in keys {
        call.out.array(2);
        call.out.bulk(key);
        status_set(call.out, &flags.names());
    }
    Ok(Flow::Done)
}

/// The keys of the request behind `COMMAND GETKEYS`, each with what is done with it.
fn keys_of<'a>(call: &Call<'a>) -> Result<Vec<(&'a [u8], KeyFlags)>, Error> {
    let request = call.argv.tail(2);
    let Ok(id) = call.table.resolve(request) else {
        return Err(Error::new("ERR Invalid command specified"));
    };
    let spec = &call.table.row(id).command.spec;
    if spec.keys.is_empty() {
        return Err(Error::new("ERR The command has no key arguments"));
    }
    if !spec.takes(request.len()) {
        return Err(Error::new("ERR Invalid number of arguments specified for command"));
    }
    let arg = |index| request.at(index);
    let uses = spec.key_uses(request.len(), arg);
    let keys: Vec<_> = uses.map(|(index, flags)| (arg(index), flags)).collect();
    if keys.is_empty() {
        return Err(Error::new("ERR Invalid arguments specified for command"));
    }
    Ok(keys)
}
