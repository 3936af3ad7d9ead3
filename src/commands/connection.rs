//! The connection itself: who is there, which database, which protocol.

use super::{clients, sessions, tracking};
use crate::acl::DEFAULT_NAME;
use crate::base::num;
use crate::exec::transaction;
use crate::exec::{Call, Client, Closing, Command, Flow, Outcome, ReplyMode, Side, db_index};
use crate::resp::error::Error;
use crate::resp::output::Protocol;
use crate::spec::categories::Categories;
use crate::spec::flags::Flags;
use crate::spec::{Deprecated, Group, REDIS_VERSION, Spec};

/// All commands of the group.
pub(super) const COMMANDS: &[&Command] =
    &[&AUTH, &CLIENT, &ECHO, &HELLO, &PING, &QUIT, &RESET, &SELECT];

const BASE: Spec = Spec {
    group: Group::Connection,
    flags: Flags::LOADING.union(Flags::STALE).union(Flags::FAST),
    categories: Categories::CONNECTION,
    ..Spec::NEW
};
const BEFORE_AUTH: Spec = Spec {
    flags: BASE.flags.union(Flags::NOSCRIPT).union(Flags::NO_AUTH).union(Flags::ALLOW_BUSY),
    ..BASE
};

const PING: Command = Command::new(
    Spec {
        name: "ping",
        arity: -1,
        flags: Flags::FAST.union(Flags::SUBSCRIBED).union(Flags::TELLS_HEALTH),
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        summary: "Answers, so that the client knows that the server lives.",
        syntax: "[message]",
        ..BASE
    },
    ping,
);

fn ping(call: &mut Call<'_>) -> Outcome {
    if call.argv.len() > 2 {
        return Err(call.wrong_arity());
    }
    let message = call.argv.get(1);
    if call.client.is_subscribed() && call.out.protocol == Protocol::Resp2 {
        call.out.array(2);
        call.out.bulk(b"pong");
        call.out.bulk(message.unwrap_or_default());
        return Ok(Flow::Done);
    }
    match message {
        None => call.out.raw(b"+PONG\r\n"),
        Some(message) => call.out.bulk(message),
    }
    Ok(Flow::Done)
}

const ECHO: Command = Command::new(
    Spec {
        name: "echo",
        arity: 2,
        summary: "Answers with what it is given.",
        syntax: "message",
        ..BASE
    },
    echo,
);

fn echo(call: &mut Call<'_>) -> Outcome {
    call.out.bulk(call.argv.at(1));
    Ok(Flow::Done)
}

const SELECT: Command = Command::new(
    Spec {
        name: "select",
        arity: 2,
        summary: "Changes to another database.",
        syntax: "index",
        ..BASE
    },
    select,
);

fn select(call: &mut Call<'_>) -> Outcome {
    call.client.db = db_index(call.argv.at(1), call.store.databases())?;
    call.out.ok();
    Ok(Flow::Done)
}

const QUIT: Command = Command::new(
    Spec {
        name: "quit",
        arity: -1,
        flags: BEFORE_AUTH.flags.union(Flags::SUBSCRIBED).union(Flags::NOT_QUEUED),
        summary: "Closes the connection after a last reply.",
        deprecated: Some(Deprecated { since: "7.2.0", replaced_by: "just closing the connection" }),
        ..BEFORE_AUTH
    },
    quit,
);

fn quit(call: &mut Call<'_>) -> Outcome {
    call.client.closing = Some(Closing::AfterReply);
    call.out.ok();
    Ok(Flow::Done)
}

const RESET: Command = Command::new(
    Spec {
        name: "reset",
        since: "6.2.0",
        arity: 1,
        flags: BEFORE_AUTH.flags.union(Flags::SUBSCRIBED).union(Flags::NOT_QUEUED),
        summary: "Makes the connection as good as new.",
        ..BEFORE_AUTH
    },
    reset,
);

fn reset(call: &mut Call<'_>) -> Outcome {
    if call.client.side != Side::Client {
        return Err(Error::new("ERR can only reset normal client connections"));
    }
    let id = call.client.id;
    call.monitors.remove(id);
    call.client.is_monitor = false;
    call.client.is_spared = false;
    transaction::discard(call.client, call.watches);
    if let Some(own) = call.client.subscriptions.take() {
        call.pubsub.forget(id, &own);
    }
    if let Some(tracker) = call.client.tracker {
        call.tracking.disable(tracker);
        call.client.prefix_bytes = 0;
    }
    let Client { db, name, reply_mode, no_touch, .. } = call.client;
    *db = 0;
    name.clear();
    if *reply_mode != ReplyMode::Skip {
        *reply_mode = ReplyMode::On;
    }
    *no_touch = false;
    call.store.usage.set_quiet(false);
    call.log_out();
    call.out.protocol = Protocol::Resp2;
    call.state.watch_idle_clients();
    call.out.status("RESET");
    Ok(Flow::Done)
}

const AUTH: Command = Command::new(
    Spec {
        name: "auth",
        arity: -2,
        complexity: "O(N) for N passwords of the user",
        summary: "Tells the password, and who it is that tells it.",
        syntax: "[username] password",
        history: &[("6.0.0", "username")],
        ..BEFORE_AUTH
    },
    auth,
);

fn auth(call: &mut Call<'_>) -> Outcome {
    let argv = call.argv;
    (1..argv.len()).for_each(|index| call.redact(index));
    match argv.len() {
        2 if call.state.acl.users.default_user().any_password => {
            return Err(Error::new(
                "ERR AUTH <password> called without any password configured for the default \
                 user. Are you sure your configuration is correct?",
            ));
        }
        2 => call.log_in(DEFAULT_NAME, argv.at(1))?,
        3 => call.log_in(argv.at(1), argv.at(2))?,
        _ => return Err(Error::SYNTAX),
    }
    call.out.ok();
    Ok(Flow::Done)
}

const HELLO: Command = Command::new(
    Spec {
        name: "hello",
        since: "6.0.0",
        arity: -1,
        summary: "Agrees on a protocol and tells what the server is.",
        syntax: "[arguments: protover [AUTH username password] [SETNAME clientname]]",
        history: &[("6.2.0", "protover may be left out")],
        ..BEFORE_AUTH
    },
    hello,
);

fn hello(call: &mut Call<'_>) -> Outcome {
    let argv = call.argv;
    let mut protocol = call.out.protocol;
    if let Some(version) = argv.get(1) {
        protocol = match num::parse_i64(version) {
            Some(2) => Protocol::Resp2,
            Some(3) => Protocol::Resp3,
            Some(_) => return Err(Error::new("NOPROTO unsupported protocol version")),
            None => {
                return Err(Error::new("ERR Protocol version is not an integer or out of range"));
            }
        };
    }
    let (mut login, mut name, mut at) = (None, None, 2);
    while let Some(option) = argv.get(at) {
        let left = argv.len() - at - 1;
        if option.eq_ignore_ascii_case(b"AUTH") && left >= 2 {
            login = Some((argv.at(at + 1), argv.at(at + 2)));
            call.redact(at + 1);
            call.redact(at + 2);
            at += 3;
        } else if option.eq_ignore_ascii_case(b"SETNAME") && left >= 1 {
            name = Some(client_name(argv.at(at + 1), "Client names")?);
            at += 2;
        } else {
            return Err(Error::quoting("ERR Syntax error in HELLO option '", option, "'"));
        }
    }
    if let Some((user, password)) = login {
        call.log_in(user, password)?;
    }
    if !call.client.authenticated {
        return Err(Error::new(
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the \
             HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and \
             select the RESP protocol version at the same time",
        ));
    }
    if let Some(name) = name {
        call.client.name = name;
    }
    call.out.protocol = protocol;
    reply_hello(call);
    Ok(Flow::Done)
}

fn reply_hello(call: &mut Call<'_>) {
    let out = &mut *call.out;
    out.map(7);
    out.bulk(b"server");
    out.bulk(b"redis");
    out.bulk(b"version");
    out.bulk(REDIS_VERSION.as_bytes());
    out.bulk(b"proto");
    out.int(if out.protocol == Protocol::Resp3 { 3 } else { 2 });
    out.bulk(b"id");
    out.int(num::signed_u64(call.client.id.serial));
    out.bulk(b"mode");
    out.bulk(b"standalone");
    out.bulk(b"role");
    out.bulk(if call.state.is_replica() { b"replica" } else { b"master" });
    out.bulk(b"modules");
    out.array(0);
}

/// A name that keeps CLIENT LIST readable: printable, no spaces.
fn client_name(name: &[u8], what: &str) -> Result<String, Error> {
    if name.iter().all(u8::is_ascii_graphic) {
        return Ok(String::from_utf8_lossy(name).into_owned());
    }
    Err(Error::text(format!("ERR {what} cannot contain spaces, newlines or special characters.")))
}

const CLIENT: Command = Command {
    spec: Spec {
        name: "client",
        since: "2.4.0",
        arity: -2,
        flags: Flags::empty(),
        categories: Categories::empty(),
        complexity: "Depends on the subcommand",
        summary: "Clients and their connections.",
        ..BASE
    },
    run: |call| Err(call.wrong_arity()),
    subcommands: &[
        &tracking::CACHING,
        &CLIENT_GETNAME,
        &tracking::GETREDIR,
        &clients::HELP,
        &CLIENT_ID,
        &CLIENT_INFO,
        &CLIENT_KILL,
        &CLIENT_LIST,
        &CLIENT_NO_TOUCH,
        &clients::NO_EVICT,
        &clients::PAUSE,
        &CLIENT_REPLY,
        &CLIENT_SETINFO,
        &CLIENT_SETNAME,
        &tracking::TRACKING,
        &tracking::TRACKINGINFO,
        &clients::UNBLOCK,
        &clients::UNPAUSE,
    ],
};

const ABOUT_CLIENTS: Spec = Spec { flags: clients::ABOUT_SELF.flags, ..BASE };
const ABOUT_OTHERS: Spec = Spec {
    flags: ABOUT_CLIENTS.flags.union(Flags::ADMIN),
    complexity: "O(N) for N clients",
    ..ABOUT_CLIENTS
};

const CLIENT_ID: Command = Command::new(
    Spec {
        name: "id",
        since: "5.0.0",
        arity: 2,
        summary: "Tells the number of this connection.",
        ..ABOUT_CLIENTS
    },
    client_id,
);

fn client_id(call: &mut Call<'_>) -> Outcome {
    call.out.int(num::signed_u64(call.client.id.serial));
    Ok(Flow::Done)
}

const CLIENT_SETNAME: Command = Command::new(
    Spec {
        name: "setname",
        since: "2.6.9",
        arity: 3,
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
        summary: "Gives this connection a name.",
        syntax: "connection-name",
        ..ABOUT_CLIENTS
    },
    client_setname,
);

fn client_setname(call: &mut Call<'_>) -> Outcome {
    call.client.name = client_name(call.argv.at(2), "Client names")?;
    call.out.ok();
    Ok(Flow::Done)
}

const CLIENT_GETNAME: Command = Command::new(
    Spec {
        name: "getname",
        since: "2.6.9",
        arity: 2,
        summary: "Tells the name of this connection.",
        ..ABOUT_CLIENTS
    },
    client_getname,
);

fn client_getname(call: &mut Call<'_>) -> Outcome {
    match call.client.name.as_str() {
        "" => call.out.null(),
        name => call.out.bulk(name.as_bytes()),
    }
    Ok(Flow::Done)
}

const CLIENT_SETINFO: Command = Command::new(
    Spec {
        name: "setinfo",
        since: "7.2.0",
        arity: 4,
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
        summary: "Tells which library speaks on this connection.",
        syntax: "<attr: LIB-NAME libname | LIB-VER libver>",
        ..ABOUT_CLIENTS
    },
    client_setinfo,
);

fn client_setinfo(call: &mut Call<'_>) -> Outcome {
    let (attribute, value) = (call.argv.at(2), call.argv.at(3));
    let what = &String::from_utf8_lossy(attribute);
    if attribute.eq_ignore_ascii_case(b"lib-name") {
        call.client.lib_name = client_name(value, what)?;
    } else if attribute.eq_ignore_ascii_case(b"lib-ver") {
        call.client.lib_ver = client_name(value, what)?;
    } else {
        return Err(Error::quoting("ERR Unrecognized option '", attribute, "'"));
    }
    call.out.ok();
    Ok(Flow::Done)
}

const CLIENT_REPLY: Command = Command::new(
    Spec {
        name: "reply",
        since: "3.2.0",
        arity: 3,
        summary: "Turns replies off and on.",
        syntax: "<action: ON | OFF | SKIP>",
        ..ABOUT_CLIENTS
    },
    client_reply,
);

fn client_reply(call: &mut Call<'_>) -> Outcome {
    if call.client.side != Side::Client {
        // Between servers nothing has a reply.
        return Ok(Flow::Pushed);
    }
    let mode = &mut call.client.reply_mode;
    match call.argv.at(2).to_ascii_uppercase().as_slice() {
        b"ON" => {
            *mode = ReplyMode::On;
            call.out.ok();
        }
        b"OFF" => *mode = ReplyMode::Off,
        // Nothing to skip while replies are off anyway.
        b"SKIP" if *mode == ReplyMode::Off => {}
        b"SKIP" => *mode = ReplyMode::SkipNext,
        _ => return Err(Error::SYNTAX),
    }
    Ok(Flow::Done)
}

const CLIENT_NO_TOUCH: Command = Command::new(
    Spec {
        name: "no-touch",
        since: "7.2.0",
        arity: 3,
        summary: "Turns off and on that this connection's look-ups count as use of the keys.",
        syntax: "<enabled: ON | OFF>",
        ..ABOUT_CLIENTS
    },
    client_no_touch,
);

fn client_no_touch(call: &mut Call<'_>) -> Outcome {
    call.client.no_touch = match call.argv.at(2).to_ascii_uppercase().as_slice() {
        b"ON" => true,
        b"OFF" => false,
        _ => return Err(Error::SYNTAX),
    };
    call.store.usage.set_quiet(call.client.no_touch);
    call.out.ok();
    Ok(Flow::Done)
}

const CLIENT_INFO: Command = Command::new(
    Spec {
        name: "info",
        since: "6.2.0",
        arity: 2,
        tips: &["nondeterministic_output"],
        summary: "Describes this connection.",
        ..ABOUT_CLIENTS
    },
    sessions::info,
);

const CLIENT_LIST: Command = Command::new(
    Spec {
        name: "list",
        arity: -2,
        since: "2.4.0",
        tips: &["nondeterministic_output"],
        summary: "Describes connections.",
        syntax: "[client-type: TYPE <NORMAL | MASTER | REPLICA | PUBSUB>] \
            [ID client-id [client-id ...]]",
        history: &[
            ("2.8.12", "field id"),
            ("5.0.0", "TYPE"),
            ("6.0.0", "field user"),
            ("6.2.0", "ID, fields argv-mem, tot-mem, laddr and redir"),
            ("7.0.0", "fields resp, multi-mem, rbs and rbp"),
            ("7.0.3", "field ssub"),
            ("7.2.0", "fields lib-name and lib-ver"),
            ("7.4.0", "field watch"),
        ],
        ..ABOUT_OTHERS
    },
    sessions::list,
);

const CLIENT_KILL: Command = Command::new(
    Spec {
        name: "kill",
        arity: -3,
        since: "2.4.0",
        summary: "Closes connections.",
        syntax: "<filter: ip:port | <new-format: [ID client-id] | \
            [client-type: TYPE <NORMAL | MASTER | SLAVE | REPLICA | PUBSUB>] | \
            [USER username] | [ADDR addr] | [LADDR laddr] | [skipme: SKIPME <YES | NO>] | \
            [MAXAGE maxage]> ...>",
        history: &[
            ("2.8.12", "filters"),
            ("3.2.0", "TYPE master"),
            ("5.0.0", "TYPE replica"),
            ("6.2.0", "LADDR"),
            ("7.4.0", "MAXAGE"),
        ],
        ..ABOUT_OTHERS
    },
    sessions::kill,
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_printable() {
        assert_eq!(client_name(b"a-b.c:1", "Client names"), Ok("a-b.c:1".to_owned()));
        for bad in [&b"a b"[..], b"a\n", b"\xff", b"\0"] {
            assert!(client_name(bad, "Client names").is_err());
        }
    }
}
