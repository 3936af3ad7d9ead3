//! What COMMAND tells of a command is what the real server tells, but for what later versions
//! changed.

use crate::support::reply::Reply;
use crate::support::server::{Server, redis};
use crate::support::skip;
use spindle::commands::GROUPS;

/// Commands whose facts differ from those of 7.0, each with the reason.
const CHANGED: &[(&str, &str)] = &[
    ("bitop", "8.2 added operations"),
    ("bzpopmax", "7.2 lets scripts call it"),
    ("bzpopmin", "7.2 lets scripts call it"),
    ("blmove", "7.2 lets scripts run it"),
    ("acl|deluser", "7.2 added tips"),
    ("acl|save", "7.2 added tips"),
    ("acl|setuser", "7.2 added tips"),
    ("blmpop", "7.2 lets scripts run it"),
    ("blpop", "7.2 lets scripts run it"),
    ("brpop", "7.2 lets scripts run it"),
    ("brpoplpush", "7.2 lets scripts run it"),
    ("bzmpop", "7.2 lets scripts run it"),
    ("client|kill", "7.4 added MAXAGE"),
    ("client|no-touch", "new in 7.2"),
    ("client|setname", "7.2 added tips"),
    ("cluster|shards", "7.2 answers while data is loaded"),
    ("cluster|slots", "7.2 answers while data is loaded"),
    ("command|getkeys", "7.2 lets it run with fewer arguments"),
    ("command|getkeysandflags", "7.2 lets it run with fewer arguments"),
    ("config|resetstat", "7.2 added tips"),
    ("config|rewrite", "7.2 added tips"),
    ("hscan", "7.4 added NOVALUES"),
    ("msetnx", "7.2 took its tips away"),
    ("latency|reset", "7.2 has other tips"),
    ("quit", "a proper command since 7.2"),
    ("randomkey", "7.2 added tips"),
    ("scan", "7.2 added tips"),
    ("wait", "7.2 lets scripts run it"),
    ("zrank", "7.2 added WITHSCORE"),
    ("zrevrank", "7.2 added WITHSCORE"),
    ("sinterstore", "after 7.2 its key is overwritten, not read"),
    ("smismember", "after 7.2 its key is not one that gives data away"),
];

/// The version of the real server.
const JUDGE: (u32, u32) = (7, 0);

/// Whether a command of that version is one that the real server has.
fn is_known(since: &str) -> bool {
    let mut parts = since.split('.').map(|part| part.parse().unwrap());
    (parts.next().unwrap(), parts.next().unwrap()) <= JUDGE
}

fn names() -> Vec<String> {
    let mut names = Vec::new();
    let commands = GROUPS.iter().flat_map(|group| group.iter());
    for command in commands.filter(|command| is_known(command.spec.since)) {
        let name = command.spec.name;
        names.push(name.to_owned());
        let children = command.subcommands.iter().filter(|child| is_known(child.spec.since));
        names.extend(children.map(|child| format!("{name}|{}", child.spec.name)));
    }
    names.retain(|name| !CHANGED.iter().any(|(changed, _)| changed == name));
    names
}

/// The ten facts but for subcommands, which are asked for by themselves; lists of flags in order.
fn facts(reply: &Reply) -> Vec<String> {
    let items = reply.items().first().map_or(&[][..], Reply::items);
    items.iter().take(9).map(|item| sorted(item).to_string()).collect()
}

/// The reply with every list of statuses in order, since the order of flags means nothing.
fn sorted(reply: &Reply) -> Reply {
    let in_order = |items: &[Reply]| {
        let mut items: Vec<Reply> = items.iter().map(sorted).collect();
        if items.iter().all(|item| matches!(item, Reply::Status(_))) {
            items.sort_by_key(ToString::to_string);
        }
        items
    };
    match reply {
        Reply::Array(items) => Reply::Array(in_order(items)),
        Reply::Set(items) => Reply::Set(in_order(items)),
        Reply::Map(pairs) => {
            Reply::Map(pairs.iter().map(|(name, value)| (sorted(name), sorted(value))).collect())
        }
        other => other.clone(),
    }
}

#[test]
fn commands_have_the_facts_of_the_real_ones() {
    let Some(program) = redis() else { return skip("redis-server") };
    let (ours, real) = (Server::start(&[]), Server::start_program(&program, &[]));
    let (mut a, mut b) = (ours.client(), real.client());
    let mut differing = Vec::new();
    for protocol in ["2", "3"] {
        a.call(&["HELLO", protocol]);
        b.call(&["HELLO", protocol]);
        for name in names() {
            let request = ["COMMAND", "INFO", &name];
            let (ours, real) = (facts(&a.call(&request)), facts(&b.call(&request)));
            if ours != real {
                differing.push(format!("{name}\n  ours {ours:?}\n  real {real:?}"));
            }
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[test]
fn commands_have_the_arguments_of_the_real_ones() {
    let Some(program) = redis() else { return skip("redis-server") };
    let (ours, real) = (Server::start(&[]), Server::start_program(&program, &[]));
    let (mut a, mut b) = (ours.client(), real.client());
    let mut differing = Vec::new();
    // SET has learned conditions since, XADD and XTRIM what becomes of references, AGGREGATE has
    // COUNT; of the others the form is another one.
    const OTHER: [&str; 19] = [
        "set",
        "xadd",
        "xinfo|stream",
        "xreadgroup",
        "xtrim",
        "zinter",
        "zinterstore",
        "zunion",
        "zunionstore",
        "client|list",
        "config|get",
        "geohash",
        "module|loadex",
        "geopos",
        "georadius",
        "georadiusbymember",
        "pfmerge",
        "psubscribe",
        "failover",
    ];
    for name in names().iter().filter(|name| !OTHER.contains(&name.as_str())) {
        let request = ["COMMAND", "DOCS", name];
        let (ours, real) = (arguments(&a.call(&request)), arguments(&b.call(&request)));
        if ours != real {
            differing.push(format!("{name}\n  ours {ours}\n  real {real}"));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

/// The arguments that COMMAND DOCS tells, in one line: kind, token and flags of each, with its
/// parts.
fn arguments(docs: &Reply) -> String {
    let fields = docs.items().get(1).map_or(&[][..], Reply::items);
    shape(field(fields, "arguments"))
}

fn field<'a>(fields: &'a [Reply], name: &str) -> &'a [Reply] {
    let at = fields.iter().step_by(2).position(|field| field.text() == name);
    at.map_or(&[], |at| fields[at * 2 + 1].items())
}

fn shape(args: &[Reply]) -> String {
    let one = |arg: &Reply| {
        let fields = arg.items();
        let text = |name: &str| {
            let at = fields.iter().step_by(2).position(|field| field.text() == name);
            at.map_or(String::new(), |at| fields[at * 2 + 1].text())
        };
        let mut flags: Vec<String> = field(fields, "flags").iter().map(Reply::text).collect();
        flags.retain(|flag| flag != "multiple_token");
        flags.sort();
        format!("{}:{}{flags:?}{}", text("type"), text("token"), shape(field(fields, "arguments")))
    };
    format!("({})", args.iter().map(one).collect::<Vec<_>>().join(" "))
}
