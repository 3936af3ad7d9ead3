//! Users made, changed, shown and removed.

use super::FOR_ADMINS;
use crate::acl::{self, Rights, User};
use crate::exec::{Call, Command, Flow, Outcome};
use crate::resp::error::{Error, shown};
use crate::resp::output::Output;
use crate::spec::Spec;

pub(super) const SETUSER: Command = Command::new(
    Spec {
        name: "setuser",
        arity: -3,
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
        complexity: "O(N) for N rules",
        summary: "Makes a user or changes it, by all rules or by none.",
        syntax: "username [rule [rule ...]]",
        history: &[
            ("6.2.0", "patterns of channels"),
            ("7.0.0", "selectors, keys to read or to write only"),
        ],
        ..FOR_ADMINS
    },
    setuser,
);

fn setuser(call: &mut Call<'_>) -> Outcome {
    let (argv, name) = (call.argv, call.argv.at(2));
    (2..argv.len()).for_each(|index| call.redact(index));
    if acl::has_spaces(name) {
        return Err(Error::new("ERR Usernames can't contain spaces or null characters"));
    }
    let draft = call.state.acl.draft(name, argv.from(3));
    let user = draft.map_err(|fault| Error::text([b"ERR ", &*fault].concat()))?;
    call.put_user(user);
    call.out.ok();
    Ok(Flow::Done)
}

pub(super) const DELUSER: Command = Command::new(
    Spec {
        name: "deluser",
        arity: -3,
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
        complexity: "O(N) for N clients",
        summary: "Removes users and closes their connections.",
        syntax: "username [username ...]",
        ..FOR_ADMINS
    },
    deluser,
);

fn deluser(call: &mut Call<'_>) -> Outcome {
    if call.argv.from(2).any(|name| name == acl::DEFAULT_NAME) {
        return Err(Error::new("ERR The 'default' user cannot be removed"));
    }
    let removed = call.argv.from(2).filter(|name| call.remove_user(name)).count();
    call.out.len_int(removed);
    Ok(Flow::Done)
}

pub(super) const GETUSER: Command = Command::new(
    Spec {
        name: "getuser",
        arity: 3,
        complexity: "O(N) for N rules of the user",
        summary: "Describes a user.",
        syntax: "username",
        history: &[
            ("6.2.0", "patterns of channels"),
            ("7.0.0", "selectors; keys and channels as rules"),
        ],
        ..FOR_ADMINS
    },
    getuser,
);

fn getuser(call: &mut Call<'_>) -> Outcome {
    let users = &call.state.acl.users;
    match users.find(call.argv.at(2)) {
        Some(id) => describe(call.out, users.get(id)),
        None => call.out.null(),
    }
    Ok(Flow::Done)
}

fn describe(out: &mut Output, user: &User) {
    out.map(6);
    out.bulk(b"flags");
    let flags = user.flags();
    out.set(flags.len());
    flags.iter().for_each(|flag| out.bulk(flag.as_bytes()));
    out.bulk(b"passwords");
    let passwords = user.passwords();
    out.array(passwords.len());
    passwords.for_each(|password| out.bulk(&password));
    let mut rights = user.rights();
    rights.by_ref().take(1).for_each(|own| describe_rights(out, &own));
    let others: Vec<Rights> = rights.collect();
    out.bulk(b"selectors");
    out.array(others.len());
    for rights in &others {
        out.map(3);
        describe_rights(out, rights);
    }
}

fn describe_rights(out: &mut Output, rights: &Rights) {
    out.bulk(b"commands");
    out.bulk(&rights.commands);
    out.bulk(b"keys");
    out.bulk(&rights.keys);
    out.bulk(b"channels");
    out.bulk(&rights.channels);
}

pub(super) const LIST: Command = Command::new(
    Spec {
        name: "list",
        arity: 2,
        complexity: "O(N) for N users",
        summary: "Tells the lines by which a file makes the users.",
        ..FOR_ADMINS
    },
    list,
);

fn list(call: &mut Call<'_>) -> Outcome {
    let users = &call.state.acl.users;
    call.out.array(users.len());
    users.iter().for_each(|user| call.out.bulk(&user.line()));
    Ok(Flow::Done)
}

pub(super) const USERS: Command = Command::new(
    Spec {
        name: "users",
        arity: 2,
        complexity: "O(N) for N users",
        summary: "Lists the names of the users.",
        ..FOR_ADMINS
    },
    users,
);

fn users(call: &mut Call<'_>) -> Outcome {
    let users = &call.state.acl.users;
    call.out.array(users.len());
    users.iter().for_each(|user| call.out.bulk(&user.name));
    Ok(Flow::Done)
}

pub(super) const DRYRUN: Command = Command::new(
    Spec {
        name: "dryrun",
        since: "7.0.0",
        arity: -4,
        summary: "Tells whether a user may run a request, and does not run it.",
        syntax: "username command [arg [arg ...]]",
        ..FOR_ADMINS
    },
    dryrun,
);

fn dryrun(call: &mut Call<'_>) -> Outcome {
    let (argv, name) = (call.argv, call.argv.at(2));
    let missing = |what: &str, name: &[u8]| {
        let name = shown(name, name.len());
        Error::text([b"ERR ", what.as_bytes(), b" '", name, b"' not found"].concat())
    };
    let user = call.state.acl.users.find(name).ok_or_else(|| missing("User", name))?;
    let request = argv.tail(3);
    let id = call.table.resolve(request).map_err(|_| missing("Command", request.at(0)))?;
    let row = call.table.row(id);
    if !row.command.spec.takes(request.len()) {
        let text = format!("ERR wrong number of arguments for '{}' command", row.name);
        return Err(Error::text(text));
    }
    match call.try_out(user, id, request) {
        Ok(()) => call.out.ok(),
        Err(why) => call.out.bulk(&why),
    }
    Ok(Flow::Done)
}
