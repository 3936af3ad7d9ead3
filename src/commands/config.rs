//! CONFIG: parameters at run time.

use super::help;
use crate::config::Config;
use crate::config::kinds::Access;
use crate::config::table::{Change, Parameter};
use crate::exec::{Call, Command, Flow, Outcome};
use crate::resp::argv::Argv;
use crate::resp::error::Error;
use crate::spec::categories::Categories;
use crate::spec::flags::Flags;
use crate::spec::{Group, Spec};
use std::collections::BTreeMap;

pub(super) const CONFIG: Command = Command {
    spec: Spec {
        name: "config",
        group: Group::Server,
        since: "2.0.0",
        arity: -2,
        complexity: "Depends on the subcommand",
        summary: "Parameters at run time.",
        ..Spec::NEW
    },
    run: |call| Err(call.wrong_arity()),
    subcommands: &[&GET, &HELP, &RESETSTAT, &SET],
};

const BASE: Spec = Spec {
    group: Group::Server,
    since: "2.0.0",
    flags: Flags::ADMIN.union(Flags::NOSCRIPT).union(Flags::LOADING).union(Flags::STALE),
    ..Spec::NEW
};

/// Parameters whose values nobody is to read in logs.
const SECRETS: [&str; 4] = ["masterauth", "masteruser", "requirepass", "tls-key-file-pass"];

const HELP: Command = help::command(Group::Server, "5.0.0", Categories::empty());

const GET: Command = Command::new(
    Spec {
        name: "get",
        arity: -3,
        complexity: "O(N) for N parameters given",
        summary: "Tells the values of parameters, by name or pattern.",
        syntax: "parameter [parameter ...]",
        history: &[("7.0.0", "several parameters")],
        ..BASE
    },
    get,
);

fn get(call: &mut Call<'_>) -> Outcome {
    let found: BTreeMap<&str, &Parameter> = call
        .argv
        .from(2)
        .flat_map(Parameter::matching)
        .map(|parameter| (parameter.name, parameter))
        .collect();
    call.out.map(found.len());
    for (name, parameter) in found {
        call.out.bulk(name.as_bytes());
        call.out.bulk(parameter.show(&mut call.state.config).as_bytes());
    }
    Ok(Flow::Done)
}

const SET: Command = Command::new(
    Spec {
        name: "set",
        arity: -4,
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
        complexity: "O(N) for N parameters given",
        summary: "Changes parameters, all of them or none.",
        syntax: "parameter value [data: parameter value ...]",
        history: &[("7.0.0", "several parameters")],
        ..BASE
    },
    set,
);

fn set(call: &mut Call<'_>) -> Outcome {
    let argv = call.argv;
    if !argv.len().is_multiple_of(2) {
        return Err(Error::SYNTAX);
    }
    for at in (2..argv.len()).step_by(2) {
        if SECRETS.iter().any(|name| argv.at(at).eq_ignore_ascii_case(name.as_bytes())) {
            call.redact(at + 1);
        }
    }
    let is_trusted = match call.state.config.enable_protected_configs {
        Access::Yes => true,
        Access::Local => call.client.connection.is_local,
        Access::No => false,
    };
    let mut config = call.state.config.clone();
    set_all(&mut config, argv, is_trusted)?;
    call.host
        .reconfigure(&call.state.config, &mut config)
        .map_err(|error| failure(error.parameter, &error.reason))?;
    adopt(call, config);
    call.out.ok();
    Ok(Flow::Done)
}

/// Sets every parameter that the request names.
fn set_all(config: &mut Config, argv: Argv<'_>, is_trusted: bool) -> Result<(), Error> {
    let mut seen: Vec<&Parameter> = Vec::new();
    for at in (2..argv.len()).step_by(2) {
        let name = String::from_utf8_lossy(argv.at(at));
        let Some(parameter) = Parameter::named(&name) else {
            return Err(Error::quoting(
                "ERR Unknown option or number of arguments for CONFIG SET - '",
                argv.at(at),
                "'",
            ));
        };
        match parameter.change {
            Change::AtStart => return Err(failure(&name, "can't set immutable config")),
            Change::Protected if !is_trusted => {
                return Err(failure(&name, "can't set protected config"));
            }
            Change::Live | Change::Protected => {}
        }
        if seen.iter().any(|other| other.name == parameter.name) {
            return Err(failure(&name, "duplicate parameter"));
        }
        seen.push(parameter);
        let value = String::from_utf8_lossy(argv.at(at + 1)).into_owned();
        parameter.set(config, &[value]).map_err(|refusal| failure(&name, &refusal))?;
    }
    Ok(())
}

fn failure(name: &str, reason: &str) -> Error {
    Error::text(format!("ERR CONFIG SET failed (possibly related to argument '{name}') - {reason}"))
}

/// Makes the engine follow the new values.
fn adopt(call: &mut Call<'_>, config: Config) {
    call.store.changes.publish(config.notify_keyspace_events);
    let timeout_changed = call.state.config.timeout != config.timeout;
    call.state.config = config;
    call.peers.count_memory(call.state.config.client_memory_max() > 0);
    if timeout_changed {
        call.state.watch_idle_clients();
    }
}

const RESETSTAT: Command = Command::new(
    Spec {
        name: "resetstat",
        arity: 2,
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
        summary: "Sets the counts of INFO back to zero.",
        ..BASE
    },
    resetstat,
);

fn resetstat(call: &mut Call<'_>) -> Outcome {
    call.state.stats.reset();
    call.store.changes.counters = Default::default();
    call.state.memory_peak = call.state.memory_used();
    call.out.ok();
    Ok(Flow::Done)
}
