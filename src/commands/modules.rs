//! MODULE, of a server that knows none: the list is empty, and nothing can be loaded.

use super::help;
use crate::exec::{Call, Command, Flow, Outcome};
use crate::resp::error::Error;
use crate::spec::categories::Categories;
use crate::spec::flags::Flags;
use crate::spec::{Group, Spec};

pub(super) const MODULE: Command = Command {
    spec: Spec {
        name: "module",
        group: Group::Server,
        since: "4.0.0",
        arity: -2,
        complexity: "Depends on the subcommand",
        summary: "What concerns modules.",
        ..Spec::NEW
    },
    run: |call| Err(call.wrong_arity()),
    subcommands: &[&HELP, &LIST, &LOAD, &LOADEX, &UNLOAD],
};

const BASE: Spec = Spec {
    group: Group::Server,
    since: "4.0.0",
    flags: Flags::ADMIN
        .union(Flags::NOSCRIPT)
        .union(Flags::NO_ASYNC_LOADING)
        .union(Flags::LOADS_CODE),
    ..Spec::NEW
};

const HELP: Command = help::command(Group::Server, "5.0.0", Categories::empty());

const LIST: Command = Command::new(
    Spec {
        name: "list",
        arity: 2,
        flags: Flags::ADMIN.union(Flags::NOSCRIPT),
        tips: &["nondeterministic_output_order"],
        complexity: "O(N) for N modules",
        summary: "Lists the modules. There are none.",
        ..BASE
    },
    list,
);

fn list(call: &mut Call<'_>) -> Outcome {
    call.out.array(0);
    Ok(Flow::Done)
}

const LOAD: Command = Command::new(
    Spec {
        name: "load",
        arity: -3,
        summary: "Loads a module, which cannot be done here.",
        syntax: "path [arg [arg ...]]",
        ..BASE
    },
    load,
);

const LOADEX: Command = Command::new(
    Spec {
        name: "loadex",
        since: "7.0.0",
        arity: -3,
        summary: "Loads a module with parameters, which cannot be done here.",
        syntax: "path [configs: CONFIG name value] ... [ARGS args [args ...]]",
        ..BASE
    },
    load,
);

fn load(call: &mut Call<'_>) -> Outcome {
    let path = String::from_utf8_lossy(call.argv.at(2));
    log::warn!("Module {path:?} failed to load: this server takes no modules");
    Err(Error::new("ERR Error loading the extension. Please check the server logs."))
}

const UNLOAD: Command = Command::new(
    Spec { name: "unload", arity: 3, summary: "Unloads a module.", syntax: "name", ..BASE },
    unload,
);

fn unload(_: &mut Call<'_>) -> Outcome {
    Err(Error::new("ERR Error unloading module: no such module with that name"))
}
