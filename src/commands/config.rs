//! CONFIG: parameters at run time.

use super::help;
use crate::acl::{User, Users};
use crate::config::kinds::{self, Access};
use crate::config::rewrite::UserText;
use crate::config::table::{Change, Parameter};
use crate::config::{Config, rewrite};
use crate::exec::log_rewrite;
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
    subcommands: &[&GET, &HELP, &RESETSTAT, &REWRITE, &SET],
};

const BASE: Spec = Spec {
    group: Group::Server,
    since: "2.0.0",
    flags: Flags::ADMIN.union(Flags::NOSCRIPT).union(Flags::LOADING).union(Flags::STALE),
    ..Spec::NEW
};

/// Parameters whose values nobody is to read in logs.
const SECRETS: [&str; 4] = ["masterauth", "masteruser", "requirepass", "tls-key-file-pass"];

/// Parameters that stay as they are while data is being loaded.
const SETTLED_TO_LOAD: [&str; 3] = ["appendonly", "dir", "repl-diskless-load"];

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
    let mut found: BTreeMap<String, (String, &Parameter)> = BTreeMap::new();
    for asked in call.argv.from(2) {
        let name = String::from_utf8_lossy(asked).into_owned();
        if asked.iter().any(|byte| b"*?[".contains(byte)) {
            for (name, parameter) in Parameter::matching(asked) {
                found.insert(name.to_owned(), (name.to_owned(), parameter));
            }
        } else if let Some(parameter) = Parameter::named(&name) {
            // A full name is answered as it was asked for, and finds hidden ones.
            found.entry(name.to_lowercase()).or_insert((name, parameter));
        }
    }
    call.out.map(found.len());
    for (name, parameter) in found.values() {
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
    let parameters = parameters(call, argv)?;
    for at in (2..argv.len()).step_by(2) {
        if SECRETS.iter().any(|name| argv.at(at).eq_ignore_ascii_case(name.as_bytes())) {
            call.redact(at + 1);
        }
    }
    let mut config = call.state.config.clone();
    for (at, parameter) in (2..).step_by(2).zip(parameters) {
        let value = kinds::text(argv.at(at + 1));
        let set = value.and_then(|value| parameter.set(&mut config, &[value]));
        set.map_err(|refusal| {
            failure(&String::from_utf8_lossy(argv.at(at)).to_lowercase(), &refusal)
        })?;
    }
    call.host
        .reconfigure(&call.state.config, &mut config)
        .map_err(|error| failure(error.parameter, &error.reason))?;
    switch_log(call, &config)?;
    adopt(call, config);
    call.out.ok();
    Ok(Flow::Done)
}

/// The parameters that the request names, if all of them may be changed.
fn parameters(call: &Call<'_>, argv: Argv<'_>) -> Result<Vec<&'static Parameter>, Error> {
    let is_trusted = match call.state.config.enable_protected_configs {
        Access::Yes => true,
        Access::Local => call.client.connection.is_local,
        Access::No => false,
    };
    let mut seen: Vec<String> = Vec::new();
    let mut parameters = Vec::new();
    for word in argv.from(2).step_by(2) {
        let name = String::from_utf8_lossy(word);
        let Some(parameter) = Parameter::named(&name) else {
            let message = "ERR Unknown option or number of arguments for CONFIG SET - '";
            return Err(Error::quoting(message, word, "'"));
        };
        match parameter.change {
            Change::AtStart => return Err(failure(&name, "can't set immutable config")),
            Change::Protected if !is_trusted => {
                return Err(failure(&name, "can't set protected config"));
            }
            Change::Live | Change::Protected => {}
        }
        if call.state.persistence.loading.is_some() && SETTLED_TO_LOAD.contains(&parameter.name) {
            return Err(Error::LOADING);
        }
        // Like Redis, which lets a parameter be set once under each of its names.
        let seen_as = name.to_lowercase();
        if seen.contains(&seen_as) {
            return Err(failure(&name, "duplicate parameter"));
        }
        seen.push(seen_as);
        parameters.push(parameter);
    }
    Ok(parameters)
}

fn failure(name: &str, reason: &str) -> Error {
    Error::text(format!("ERR CONFIG SET failed (possibly related to argument '{name}') - {reason}"))
}

/// Turns the log on or off, and has files removed that were kept.
fn switch_log(call: &mut Call<'_>, config: &Config) -> Result<(), Error> {
    let (was_on, kept) = (call.state.config.aof.is_on, call.state.config.aof.disable_auto_gc);
    if config.aof.is_on && !was_on {
        let is_in_transaction = call.client.is_in_transaction();
        let turned = log_rewrite::turn_on(call.store, call.state, is_in_transaction, call.host);
        let reason = "Unable to turn on AOF. Check server logs.";
        turned.map_err(|_| failure("appendonly", reason))?;
    } else if was_on && !config.aof.is_on {
        log_rewrite::turn_off(call.store, call.state, call.host);
    }
    if kept && !config.aof.disable_auto_gc {
        match call.state.log.remove_history(&config.aof, call.host.disk()) {
            Ok(errand) => errand.into_iter().for_each(|errand| call.host.aside(errand)),
            Err(reason) => log::warn!("{reason}"),
        }
    }
    Ok(())
}

/// Makes the engine follow the new values.
fn adopt(call: &mut Call<'_>, config: Config) {
    call.store.changes.publish(config.notify_keyspace_events);
    call.store.usage.follow(&config);
    call.state.persistence.follow(&config);
    let old = std::mem::replace(&mut call.state.config, config);
    let config = &call.state.config;
    call.state.acl.all_channels = config.acl_pubsub_default.is_all();
    let password_changed = old.requirepass != config.requirepass;
    let timeout_changed = old.timeout != config.timeout;
    let memory_changed =
        (old.maxmemory, old.maxmemory_policy) != (config.maxmemory, config.maxmemory_policy);
    if memory_changed {
        call.state.watch_memory();
    }
    call.peers.count_memory(call.state.config.client_memory_max() > 0);
    if password_changed {
        let password = call.state.config.requirepass.as_bytes();
        call.state.acl.users.set_default_password(password);
        call.follow_users();
    }
    if timeout_changed {
        call.state.watch_idle_clients();
    }
}

const REWRITE: Command = Command::new(
    Spec {
        name: "rewrite",
        since: "2.8.0",
        arity: 2,
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
        summary: "Writes the present values into the configuration file.",
        ..BASE
    },
    |call| rewrite(call, false),
);

/// Writes parameters to the file; `all` of them, or those that the file names or that have changed.
pub(super) fn rewrite(call: &mut Call<'_>, all: bool) -> Outcome {
    let path = call.state.facts.config_file.clone();
    if path.is_empty() {
        return Err(Error::new("ERR The server is running without a config file"));
    }
    let users = user_texts(call);
    // What is not there is written anew.
    let old = call
        .host
        .read_file(&path)
        .or_else(|error| if error.is_missing { Ok(Vec::new()) } else { Err(error.reason) });
    let written = old.and_then(|old| {
        let text = rewrite::rewrite(&old, &mut call.state.config, &users, all);
        call.host.replace_file(&path, &text)
    });
    if let Err(reason) = written {
        log::warn!("CONFIG REWRITE failed: {reason}");
        return Err(Error::text(format!("ERR Rewriting config file: {reason}")));
    }
    log::info!("CONFIG REWRITE executed with success.");
    call.out.ok();
    Ok(Flow::Done)
}

/// The users as the file is to have them; none where they have a file of their own.
fn user_texts(call: &Call<'_>) -> Vec<UserText> {
    let config = &call.state.config;
    if !config.aclfile.is_empty() {
        return Vec::new();
    }
    let mut usual = Users::new(&call.state.acl.catalog);
    usual.set_default_password(config.requirepass.as_bytes());
    let is_usual = |user: &User| user == usual.default_user();
    let texts = call.state.acl.users.iter().map(|user| UserText {
        name: user.name.to_vec(),
        line: user.line(),
        is_usual: is_usual(user),
    });
    texts.collect()
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
    call.state.replication.counts = Default::default();
    // Rates count from here.
    call.state.stats.sample(call.state.now);
    call.store.changes.counters = Default::default();
    call.state.reset_excess();
    call.state.memory_peak = call.state.memory_used();
    call.out.ok();
    Ok(Flow::Done)
}
