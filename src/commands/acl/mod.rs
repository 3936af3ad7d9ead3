//! ACL: users and what they may do.

mod files;
mod log;
mod users;

use super::help;
use crate::exec::{Call, Command, Flow, Outcome, int};
use crate::resp::error::Error;
use crate::spec::categories::Categories;
use crate::spec::flags::Flags;
use crate::spec::{Group, Spec};

/// Most bits of a password that is made up.
const PASSWORD_BITS_MAX: i64 = 4_096;
/// Its bits where the request does not say how many.
const PASSWORD_BITS: i64 = 256;

pub(super) const ACL: Command = Command {
    spec: Spec {
        name: "acl",
        arity: -2,
        flags: Flags::empty(),
        complexity: "Depends on the subcommand",
        summary: "Users and what they may do.",
        ..BASE
    },
    run: |call| Err(call.wrong_arity()),
    subcommands: &[
        &CAT,
        &users::DELUSER,
        &users::DRYRUN,
        &GENPASS,
        &users::GETUSER,
        &HELP,
        &users::LIST,
        &files::LOAD,
        &log::LOG,
        &files::SAVE,
        &users::SETUSER,
        &users::USERS,
        &WHOAMI,
    ],
};

const BASE: Spec = Spec {
    group: Group::Server,
    since: "6.0.0",
    flags: Flags::NOSCRIPT.union(Flags::LOADING).union(Flags::STALE),
    ..Spec::NEW
};
const FOR_ADMINS: Spec = Spec { flags: BASE.flags.union(Flags::ADMIN), ..BASE };

const HELP: Command = help::command(Group::Server, "6.0.0", Categories::empty());

const CAT: Command = Command::new(
    Spec {
        name: "cat",
        arity: -2,
        summary: "Lists the categories, or the commands of one.",
        syntax: "[category]",
        ..BASE
    },
    cat,
);

fn cat(call: &mut Call<'_>) -> Outcome {
    let names: Vec<&str> = match call.argv.len() {
        2 => Categories::all().names().into_iter().map(|name| name.trim_matches('@')).collect(),
        3 => {
            let name = call.argv.at(2);
            let unknown = || Error::quoting("ERR Unknown category '", name, "'");
            let category = Categories::by_name(name).ok_or_else(unknown)?;
            let rows = call.table.rows().map(|(_, row)| row);
            let chosen = rows.filter(|row| row.command.spec.all_categories().contains(category));
            chosen.map(|row| row.name.as_str()).collect()
        }
        _ => return Err(call.unknown_subcommand()),
    };
    call.out.array(names.len());
    names.iter().for_each(|name| call.out.bulk(name.as_bytes()));
    Ok(Flow::Done)
}

const GENPASS: Command = Command::new(
    Spec {
        name: "genpass",
        arity: -2,
        summary: "Makes up a password of 256 bits, or so many.",
        syntax: "[bits:integer]",
        ..BASE
    },
    genpass,
);

fn genpass(call: &mut Call<'_>) -> Outcome {
    let bits = match call.argv.len() {
        2 => PASSWORD_BITS,
        3 => int(call.argv.at(2))?,
        _ => return Err(call.unknown_subcommand()),
    };
    let digits = usize::try_from(bits).ok().filter(|_| (1..=PASSWORD_BITS_MAX).contains(&bits));
    let digits = digits.map(|bits| bits.div_ceil(4)).ok_or_else(|| {
        Error::text(format!(
            "ERR ACL GENPASS argument must be the number of bits for the output password, a \
             positive number up to {PASSWORD_BITS_MAX}"
        ))
    })?;
    let mut bytes = vec![0; digits];
    call.host.fill_random(&mut bytes).map_err(|reason| Error::text(format!("ERR {reason}")))?;
    let hex = bytes.iter().map(|byte| b"0123456789abcdef"[usize::from(byte & 15)]);
    let password: Vec<u8> = hex.collect();
    call.out.bulk(&password);
    Ok(Flow::Done)
}

const WHOAMI: Command = Command::new(
    Spec { name: "whoami", arity: 2, summary: "Tells the user of this connection.", ..BASE },
    whoami,
);

fn whoami(call: &mut Call<'_>) -> Outcome {
    call.out.bulk(&call.state.acl.users.get(call.client.user).name);
    Ok(Flow::Done)
}
