//! Publish and subscribe.

use super::help;
use crate::base::glob;
use crate::exec::{Call, Command, Flow, Outcome};
use crate::hub::pubsub::Kind;
use crate::resp::error::Error;
use crate::spec::categories::Categories;
use crate::spec::channels::Channels;
use crate::spec::flags::Flags;
use crate::spec::keys::{KeyFlags, KeySpec};
use crate::spec::{Group, Spec};

/// All commands of the group.
pub(super) const COMMANDS: &[&Command] = &[
    &PSUBSCRIBE,
    &PUBLISH,
    &PUBSUB,
    &PUNSUBSCRIBE,
    &SPUBLISH,
    &SSUBSCRIBE,
    &SUBSCRIBE,
    &SUNSUBSCRIBE,
    &UNSUBSCRIBE,
];

const BASE: Spec = Spec {
    group: Group::PubSub,
    since: "2.0.0",
    flags: Flags::PUBSUB.union(Flags::LOADING).union(Flags::STALE),
    categories: Categories::empty(),
    ..Spec::NEW
};
const SUBSCRIBES: Spec = Spec {
    arity: -2,
    flags: BASE.flags.union(Flags::NOSCRIPT).union(Flags::SUBSCRIBED),
    complexity: "O(N) for N of them",
    history: &[("6.2.0", "RESET ends it")],
    ..BASE
};
const UNSUBSCRIBES: Spec = Spec { arity: -1, history: &[], ..SUBSCRIBES };

/// Shard channels stand where keys stand, so that clients of a cluster find their node.
const SHARD_CHANNELS: &[KeySpec] = &[KeySpec::all(KeyFlags::NOT_KEY)];

const SUBSCRIBE: Command = Command::new(
    Spec {
        name: "subscribe",
        summary: "Listens to channels.",
        syntax: "channel [channel ...]",
        channels: Channels::All,
        ..SUBSCRIBES
    },
    |call| subscribe(call, Kind::Channel, b"subscribe"),
);

const PSUBSCRIBE: Command = Command::new(
    Spec {
        name: "psubscribe",
        summary: "Listens to all channels whose names match a pattern.",
        syntax: "pattern [pattern ...]",
        channels: Channels::Patterns,
        ..SUBSCRIBES
    },
    |call| subscribe(call, Kind::Pattern, b"psubscribe"),
);

const SSUBSCRIBE: Command = Command::new(
    Spec {
        name: "ssubscribe",
        since: "7.0.0",
        keys: SHARD_CHANNELS,
        summary: "Listens to channels of a shard.",
        syntax: "shardchannel [shardchannel ...]",
        channels: Channels::All,
        history: &[],
        ..SUBSCRIBES
    },
    ssubscribe,
);

fn ssubscribe(call: &mut Call<'_>) -> Outcome {
    if call.client.is_in_transaction() {
        let message = "ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client";
        return Err(Error::new(message));
    }
    subscribe(call, Kind::Shard, b"ssubscribe")
}

fn subscribe(call: &mut Call<'_>, kind: Kind, word: &[u8]) -> Outcome {
    for name in call.argv.from(1) {
        call.subscribe(kind, name);
        confirm(call, kind, word, Some(name));
    }
    Ok(Flow::Pushed)
}

const UNSUBSCRIBE: Command = Command::new(
    Spec {
        name: "unsubscribe",
        summary: "Stops listening to channels, or to all.",
        syntax: "[channel [channel ...]]",
        ..UNSUBSCRIBES
    },
    |call| unsubscribe(call, Kind::Channel, b"unsubscribe"),
);

const PUNSUBSCRIBE: Command = Command::new(
    Spec {
        name: "punsubscribe",
        summary: "Stops listening by patterns, or by all of them.",
        syntax: "[pattern [pattern ...]]",
        ..UNSUBSCRIBES
    },
    |call| unsubscribe(call, Kind::Pattern, b"punsubscribe"),
);

const SUNSUBSCRIBE: Command = Command::new(
    Spec {
        name: "sunsubscribe",
        since: "7.0.0",
        keys: SHARD_CHANNELS,
        summary: "Stops listening to channels of a shard, or to all.",
        syntax: "[shardchannel [shardchannel ...]]",
        ..UNSUBSCRIBES
    },
    |call| unsubscribe(call, Kind::Shard, b"sunsubscribe"),
);

fn unsubscribe(call: &mut Call<'_>, kind: Kind, word: &[u8]) -> Outcome {
    if call.argv.len() > 1 {
        call.argv.from(1).for_each(|name| leave(call, kind, word, name));
    } else {
        let own = call.client.subscriptions.as_ref();
        let names = own.map_or(Vec::new(), |own| call.pubsub.names_of(kind, own));
        if names.is_empty() {
            confirm(call, kind, word, None);
        }
        names.iter().for_each(|name| leave(call, kind, word, name));
    }
    // It may be closed for idleness from now on.
    call.state.watch_idle_clients();
    Ok(Flow::Pushed)
}

fn leave(call: &mut Call<'_>, kind: Kind, word: &[u8], name: &[u8]) {
    call.unsubscribe(kind, name);
    confirm(call, kind, word, Some(name));
}

/// Tells the client what happened, and to how much it listens now: to shard channels, or to
/// channels and patterns together.
fn confirm(call: &mut Call<'_>, kind: Kind, word: &[u8], name: Option<&[u8]>) {
    let count = match kind {
        Kind::Shard => call.subscription_count(Kind::Shard),
        Kind::Channel | Kind::Pattern => {
            call.subscription_count(Kind::Channel) + call.subscription_count(Kind::Pattern)
        }
    };
    call.out.push(3);
    call.out.bulk(word);
    match name {
        Some(name) => call.out.bulk(name),
        None => call.out.null(),
    }
    call.out.len_int(count);
}

const PUBLISHES: Spec = Spec {
    arity: 3,
    flags: BASE.flags.union(Flags::FAST).union(Flags::MAY_REPLICATE),
    complexity: "O(N+M) for N subscribers and M patterns",
    ..BASE
};

const PUBLISH: Command = Command::new(
    Spec {
        name: "publish",
        summary: "Sends a message to all who listen to a channel.",
        syntax: "channel message",
        channels: Channels::First,
        ..PUBLISHES
    },
    |call| publish(call, Kind::Channel),
);

const SPUBLISH: Command = Command::new(
    Spec {
        name: "spublish",
        since: "7.0.0",
        keys: &[KeySpec::one(KeyFlags::NOT_KEY)],
        complexity: "O(N) for N subscribers",
        summary: "Sends a message to all who listen to a channel of a shard.",
        syntax: "shardchannel message",
        channels: Channels::First,
        ..PUBLISHES
    },
    |call| publish(call, Kind::Shard),
);

fn publish(call: &mut Call<'_>, kind: Kind) -> Outcome {
    let count = call.publish(kind, call.argv.at(1), call.argv.at(2));
    call.propagate_to_replicas();
    call.out.len_int(count);
    Ok(Flow::Done)
}

const PUBSUB: Command = Command {
    spec: Spec {
        name: "pubsub",
        since: "2.8.0",
        arity: -2,
        flags: Flags::empty(),
        complexity: "Depends on the subcommand",
        summary: "Tells what is listened to, and by how many.",
        ..BASE
    },
    run: |call| Err(call.wrong_arity()),
    subcommands: &[&CHANNELS, &HELP, &NUMPAT, &NUMSUB, &SHARDCHANNELS, &SHARDNUMSUB],
};

const HELP: Command = help::command(Group::PubSub, "6.2.0", Categories::empty());

const TELLS: Spec = Spec { since: "2.8.0", arity: -2, ..BASE };

const CHANNELS: Command = Command::new(
    Spec {
        name: "channels",
        complexity: "O(N) for N channels",
        summary: "Names the channels that someone listens to.",
        syntax: "[pattern]",
        ..TELLS
    },
    |call| channels(call, Kind::Channel),
);

const SHARDCHANNELS: Command = Command::new(
    Spec {
        name: "shardchannels",
        since: "7.0.0",
        complexity: "O(N) for N channels",
        summary: "Names the channels of a shard that someone listens to.",
        syntax: "[pattern]",
        ..TELLS
    },
    |call| channels(call, Kind::Shard),
);

fn channels(call: &mut Call<'_>, kind: Kind) -> Outcome {
    if call.argv.len() > 3 {
        return Err(call.unknown_subcommand());
    }
    let pattern = call.argv.get(2);
    let is_meant = |name: &&[u8]| pattern.is_none_or(|pattern| glob::matches(pattern, name));
    let pubsub = &*call.pubsub;
    call.out.array_of(|out| pubsub.names(kind).filter(is_meant).map(|name| out.bulk(name)).count());
    Ok(Flow::Done)
}

const NUMSUB: Command = Command::new(
    Spec {
        name: "numsub",
        complexity: "O(N) for N channels",
        summary: "Counts the subscribers of channels, without those by patterns.",
        syntax: "[channel [channel ...]]",
        ..TELLS
    },
    |call| subscriber_counts(call, Kind::Channel),
);

const SHARDNUMSUB: Command = Command::new(
    Spec {
        name: "shardnumsub",
        since: "7.0.0",
        complexity: "O(N) for N channels",
        summary: "Counts the subscribers of channels of a shard.",
        syntax: "[shardchannel [shardchannel ...]]",
        ..TELLS
    },
    |call| subscriber_counts(call, Kind::Shard),
);

fn subscriber_counts(call: &mut Call<'_>, kind: Kind) -> Outcome {
    call.out.array((call.argv.len() - 2) * 2);
    for name in call.argv.from(2) {
        call.out.bulk(name);
        call.out.len_int(call.pubsub.subscriber_count(kind, name));
    }
    Ok(Flow::Done)
}

const NUMPAT: Command = Command::new(
    Spec {
        name: "numpat",
        arity: 2,
        summary: "Counts the patterns by which someone listens.",
        ..TELLS
    },
    numpat,
);

fn numpat(call: &mut Call<'_>) -> Outcome {
    call.out.len_int(call.pubsub.len(Kind::Pattern));
    Ok(Flow::Done)
}
