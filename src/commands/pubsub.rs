//! Publish and subscribe.

use crate::exec::{Call, Command, Flow, Outcome};
use crate::spec::categories::Categories;
use crate::spec::channels::Channels;
use crate::spec::flags::Flags;
use crate::spec::{Group, Spec};

/// All commands of the group.
pub(super) const COMMANDS: &[&Command] = &[&PUBLISH, &SUBSCRIBE, &UNSUBSCRIBE];

const BASE: Spec = Spec {
    group: Group::PubSub,
    since: "2.0.0",
    flags: Flags::PUBSUB.union(Flags::LOADING).union(Flags::STALE),
    categories: Categories::empty(),
    ..Spec::NEW
};
const SUBSCRIBES: Spec =
    Spec { flags: BASE.flags.union(Flags::NOSCRIPT).union(Flags::SUBSCRIBED), ..BASE };

const SUBSCRIBE: Command = Command::new(
    Spec {
        name: "subscribe",
        arity: -2,
        complexity: "O(N) for N channels",
        summary: "Listens to channels.",
        syntax: "channel [channel ...]",
        channels: Channels::All,
        history: &[("6.2.0", "RESET ends it")],
        ..SUBSCRIBES
    },
    subscribe,
);

fn subscribe(call: &mut Call<'_>) -> Outcome {
    for channel in call.argv.from(1) {
        if call.client.channels.insert(channel.into()) {
            call.pubsub.subscribe(channel, call.client.id);
        }
        confirm(call, b"subscribe", Some(channel));
    }
    Ok(Flow::Pushed)
}

const UNSUBSCRIBE: Command = Command::new(
    Spec {
        name: "unsubscribe",
        arity: -1,
        complexity: "O(N) for N channels",
        summary: "Stops listening to channels, or to all.",
        syntax: "[channel [channel ...]]",
        ..SUBSCRIBES
    },
    unsubscribe,
);

fn unsubscribe(call: &mut Call<'_>) -> Outcome {
    if call.argv.len() > 1 {
        for channel in call.argv.from(1) {
            leave(call, channel);
        }
        call.state.watch_idle_clients();
        return Ok(Flow::Pushed);
    }
    let channels: Vec<Box<[u8]>> = call.client.channels.iter().cloned().collect();
    if channels.is_empty() {
        confirm(call, b"unsubscribe", None);
    }
    channels.iter().for_each(|channel| leave(call, channel));
    // It may be closed for idleness from now on.
    call.state.watch_idle_clients();
    Ok(Flow::Pushed)
}

fn leave(call: &mut Call<'_>, channel: &[u8]) {
    if call.client.channels.remove(channel) {
        call.pubsub.unsubscribe(channel, call.client.id);
    }
    confirm(call, b"unsubscribe", Some(channel));
}

/// Tells the client what happened, and to how many channels it listens now.
fn confirm(call: &mut Call<'_>, what: &[u8], channel: Option<&[u8]>) {
    call.out.push(3);
    call.out.bulk(what);
    match channel {
        Some(channel) => call.out.bulk(channel),
        None => call.out.null(),
    }
    call.out.len_int(call.client.channels.len());
}

const PUBLISH: Command = Command::new(
    Spec {
        name: "publish",
        arity: 3,
        flags: BASE.flags.union(Flags::FAST).union(Flags::MAY_REPLICATE),
        complexity: "O(N) for N subscribers",
        summary: "Sends a message to all who listen to a channel.",
        syntax: "channel message",
        channels: Channels::First,
        ..BASE
    },
    publish,
);

fn publish(call: &mut Call<'_>) -> Outcome {
    let count = call.pubsub.publish(call.argv.at(1), call.argv.at(2));
    call.out.len_int(count);
    Ok(Flow::Done)
}
