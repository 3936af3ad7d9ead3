//! CLUSTER and what goes with it, on a server that is in no cluster: each request is told so.

use super::help;
use crate::exec::{Call, Command, Outcome};
use crate::resp::error::Error;
use crate::spec::categories::Categories;
use crate::spec::flags::Flags;
use crate::spec::{Deprecated, Group, Spec};

/// The commands of this group.
pub(super) const COMMANDS: &[&Command] = &[&ASKING, &CLUSTER, &READONLY, &READWRITE];

const BASE: Spec = Spec { group: Group::Cluster, since: "3.0.0", flags: Flags::STALE, ..Spec::NEW };

/// Facts of what tells about the cluster and changes with time.
const VIEW: Spec = Spec { tips: &["nondeterministic_output"], arity: 2, ..BASE };

/// Facts of what changes the cluster.
const CHANGE: Spec =
    Spec { flags: Flags::ADMIN.union(Flags::STALE).union(Flags::NO_ASYNC_LOADING), ..BASE };

const MODE: Spec = Spec {
    flags: Flags::LOADING.union(Flags::STALE).union(Flags::FAST),
    categories: Categories::CONNECTION,
    ..BASE
};

fn disabled(_: &mut Call<'_>) -> Outcome {
    Err(Error::new("ERR This instance has cluster support disabled"))
}

const ASKING: Command = Command::new(
    Spec {
        name: "asking",
        flags: Flags::FAST,
        summary: "Lets the next request use a slot that is on its way here.",
        ..MODE
    },
    disabled,
);

const READONLY: Command = Command::new(
    Spec { name: "readonly", summary: "Lets a connection read from a replica.", ..MODE },
    disabled,
);

const READWRITE: Command =
    Command::new(Spec { name: "readwrite", summary: "Takes READONLY back.", ..MODE }, disabled);

const CLUSTER: Command = Command {
    spec: Spec {
        name: "cluster",
        flags: Flags::empty(),
        arity: -2,
        complexity: "Depends on the subcommand",
        summary: "What concerns a cluster.",
        ..BASE
    },
    run: |call| Err(call.wrong_arity()),
    subcommands: &[
        &ADDSLOTS,
        &ADDSLOTSRANGE,
        &BUMPEPOCH,
        &COUNT_FAILURE_REPORTS,
        &COUNTKEYSINSLOT,
        &DELSLOTS,
        &DELSLOTSRANGE,
        &FAILOVER,
        &FLUSHSLOTS,
        &FORGET,
        &GETKEYSINSLOT,
        &HELP,
        &INFO,
        &KEYSLOT,
        &LINKS,
        &MEET,
        &MIGRATION,
        &MYID,
        &MYSHARDID,
        &NODES,
        &REPLICAS,
        &REPLICATE,
        &RESET,
        &SAVECONFIG,
        &SET_CONFIG_EPOCH,
        &SETSLOT,
        &SHARDS,
        &SLAVES,
        &SLOT_STATS,
        &SLOTS,
    ],
};

const HELP: Command =
    Command { run: disabled, ..help::command(Group::Cluster, "5.0.0", Categories::empty()) };

const ADDSLOTS: Command = Command::new(
    Spec {
        name: "addslots",
        arity: -3,
        complexity: "O(N) for N slots",
        summary: "Gives slots to this server.",
        syntax: "slot:integer [slot ...]",
        ..CHANGE
    },
    disabled,
);

const ADDSLOTSRANGE: Command = Command::new(
    Spec {
        name: "addslotsrange",
        since: "7.0.0",
        arity: -4,
        complexity: "O(N) for N slots",
        summary: "Gives ranges of slots to this server.",
        syntax: "<range: start-slot:integer end-slot:integer> ...",
        ..CHANGE
    },
    disabled,
);

const BUMPEPOCH: Command = Command::new(
    Spec {
        name: "bumpepoch",
        arity: 2,
        tips: &["nondeterministic_output"],
        summary: "Takes the next epoch of the cluster.",
        ..CHANGE
    },
    disabled,
);

const COUNT_FAILURE_REPORTS: Command = Command::new(
    Spec {
        name: "count-failure-reports",
        arity: 3,
        flags: Flags::ADMIN.union(Flags::STALE),
        complexity: "O(N) for N reports",
        summary: "Counts who has reported a server as failing.",
        syntax: "node-id",
        ..VIEW
    },
    disabled,
);

const COUNTKEYSINSLOT: Command = Command::new(
    Spec {
        name: "countkeysinslot",
        arity: 3,
        summary: "Counts the keys of a slot.",
        syntax: "slot:integer",
        ..BASE
    },
    disabled,
);

const DELSLOTS: Command = Command::new(
    Spec {
        name: "delslots",
        arity: -3,
        complexity: "O(N) for N slots",
        summary: "Leaves slots to nobody.",
        syntax: "slot:integer [slot ...]",
        ..CHANGE
    },
    disabled,
);

const DELSLOTSRANGE: Command = Command::new(
    Spec {
        name: "delslotsrange",
        since: "7.0.0",
        arity: -4,
        complexity: "O(N) for N slots",
        summary: "Leaves ranges of slots to nobody.",
        syntax: "<range: start-slot:integer end-slot:integer> ...",
        ..CHANGE
    },
    disabled,
);

const FAILOVER: Command = Command::new(
    Spec {
        name: "failover",
        arity: -2,
        summary: "Makes a replica take the place of its primary.",
        syntax: "[options: FORCE | TAKEOVER]",
        ..CHANGE
    },
    disabled,
);

const FLUSHSLOTS: Command = Command::new(
    Spec { name: "flushslots", arity: 2, summary: "Leaves all slots to nobody.", ..CHANGE },
    disabled,
);

const FORGET: Command = Command::new(
    Spec { name: "forget", arity: 3, summary: "Forgets a server.", syntax: "node-id", ..CHANGE },
    disabled,
);

const GETKEYSINSLOT: Command = Command::new(
    Spec {
        name: "getkeysinslot",
        arity: 4,
        complexity: "O(N) for N keys",
        summary: "Tells names of keys of a slot.",
        syntax: "slot:integer count:integer",
        ..VIEW
    },
    disabled,
);

const INFO: Command = Command::new(
    Spec { name: "info", summary: "Tells the state of the cluster.", ..VIEW },
    disabled,
);

const KEYSLOT: Command = Command::new(
    Spec {
        name: "keyslot",
        arity: 3,
        complexity: "O(N) for N bytes of the name",
        summary: "Tells the slot of a key.",
        syntax: "key:string",
        ..BASE
    },
    disabled,
);

const LINKS: Command = Command::new(
    Spec {
        name: "links",
        since: "7.0.0",
        complexity: "O(N) for N servers",
        summary: "Lists the connections to the other servers.",
        ..VIEW
    },
    disabled,
);

const MEET: Command = Command::new(
    Spec {
        name: "meet",
        arity: -4,
        summary: "Makes this server and another one know each other.",
        syntax: "ip port:integer [cluster-bus-port:integer]",
        history: &[("4.0.0", "the port of the bus")],
        ..CHANGE
    },
    disabled,
);

const MIGRATION: Command = Command::new(
    Spec {
        name: "migration",
        since: "8.4.0",
        arity: -4,
        complexity: "O(N) for N slots",
        summary: "Moves slots from server to server, all at once.",
        syntax: "<subcommand: <import: IMPORT start-slot:integer end-slot:integer> ... | \
                 <cancel: CANCEL <ID task-id | ALL>> | <status: STATUS [ID task-id] [ALL]>>",
        ..CHANGE
    },
    disabled,
);

const MYID: Command = Command::new(
    Spec { name: "myid", arity: 2, summary: "Tells the name of this server.", ..BASE },
    disabled,
);

const MYSHARDID: Command = Command::new(
    Spec { name: "myshardid", since: "7.2.0", summary: "Tells the name of this shard.", ..VIEW },
    disabled,
);

const NODES: Command = Command::new(
    Spec {
        name: "nodes",
        complexity: "O(N) for N servers",
        summary: "Tells of each server what this one knows.",
        ..VIEW
    },
    disabled,
);

const REPLICAS: Command = Command::new(
    Spec {
        name: "replicas",
        since: "5.0.0",
        arity: 3,
        flags: Flags::ADMIN.union(Flags::STALE),
        complexity: "O(N) for N replicas",
        summary: "Lists the replicas of a primary.",
        syntax: "node-id",
        ..VIEW
    },
    disabled,
);

const REPLICATE: Command = Command::new(
    Spec {
        name: "replicate",
        arity: 3,
        summary: "Makes this server the replica of another one.",
        syntax: "node-id",
        ..CHANGE
    },
    disabled,
);

const RESET: Command = Command::new(
    Spec {
        name: "reset",
        arity: -2,
        flags: Flags::ADMIN.union(Flags::NOSCRIPT).union(Flags::STALE),
        complexity: "O(N) for N servers",
        summary: "Makes this server one that knows no others.",
        syntax: "[reset-type: HARD | SOFT]",
        ..BASE
    },
    disabled,
);

const SAVECONFIG: Command = Command::new(
    Spec { name: "saveconfig", arity: 2, summary: "Writes the file of the cluster.", ..CHANGE },
    disabled,
);

const SET_CONFIG_EPOCH: Command = Command::new(
    Spec {
        name: "set-config-epoch",
        arity: 3,
        summary: "Sets the epoch of a new server.",
        syntax: "config-epoch:integer",
        ..CHANGE
    },
    disabled,
);

const SETSLOT: Command = Command::new(
    Spec {
        name: "setslot",
        arity: -4,
        summary: "Says where a slot is, or where it is on its way to.",
        syntax: "slot:integer <subcommand: IMPORTING node-id | MIGRATING node-id | NODE node-id | \
                 STABLE>",
        ..CHANGE
    },
    disabled,
);

const SHARDS: Command = Command::new(
    Spec {
        name: "shards",
        since: "7.0.0",
        flags: Flags::LOADING.union(Flags::STALE),
        complexity: "O(N) for N servers",
        summary: "Tells which servers have which slots, by shard.",
        ..VIEW
    },
    disabled,
);

const SLAVES: Command = Command::new(
    Spec {
        name: "slaves",
        arity: 3,
        flags: Flags::ADMIN.union(Flags::STALE),
        complexity: "O(N) for N replicas",
        summary: "Lists the replicas of a primary.",
        syntax: "node-id",
        deprecated: Some(Deprecated { since: "5.0.0", replaced_by: "`CLUSTER REPLICAS`" }),
        ..VIEW
    },
    disabled,
);

const SLOT_STATS: Command = Command::new(
    Spec {
        name: "slot-stats",
        since: "8.2.0",
        arity: -4,
        flags: Flags::LOADING.union(Flags::STALE),
        tips: &["nondeterministic_output", "request_policy:all_shards"],
        complexity: "O(N) for N slots, O(N log N) with ORDERBY",
        summary: "Tells what the slots of this server hold and cost.",
        syntax: "<filter: <slotsrange: SLOTSRANGE start-slot:integer end-slot:integer> | \
                 <orderby: ORDERBY metric [LIMIT limit:integer] [order: ASC | DESC]>>",
        ..BASE
    },
    disabled,
);

const SLOTS: Command = Command::new(
    Spec {
        name: "slots",
        flags: Flags::LOADING.union(Flags::STALE),
        complexity: "O(N) for N servers",
        summary: "Tells which servers have which slots.",
        deprecated: Some(Deprecated { since: "7.0.0", replaced_by: "`CLUSTER SHARDS`" }),
        history: &[("4.0.0", "names of servers"), ("7.0.0", "more about their addresses")],
        ..VIEW
    },
    disabled,
);
