//! HOTKEYS: which keys take most time and most bytes, watched for a while.

use super::help;
use crate::base::num;
use crate::data::topk::TopKeys;
use crate::exec::{Call, Command, Flow, Hotkeys, HotkeysWish, Outcome, int};
use crate::resp::argv::Argv;
use crate::resp::error::Error;
use crate::resp::output::Output;
use crate::spec::categories::Categories;
use crate::spec::flags::Flags;
use crate::spec::{Group, Spec};
use std::time::Duration;

/// Keys that are told where COUNT does not say how many.
const COUNT_DEFAULT: usize = 10;
/// Most keys that are told.
const COUNT_MAX: i64 = 64;
/// Most seconds of a watch.
const DURATION_MAX_S: i64 = 1_000_000;
/// The times that a watch notes are finer than those it tells.
const NS_PER_US: u64 = 1_000;
/// The last hash slot; without a cluster all of them are watched.
const SLOT_MAX: i64 = 16_383;

pub(super) const HOTKEYS: Command = Command {
    spec: Spec {
        name: "hotkeys",
        group: Group::Server,
        since: "8.6.0",
        arity: -2,
        complexity: "Depends on the subcommand",
        summary: "Finds the keys that take most time and most bytes.",
        ..Spec::NEW
    },
    run: |call| Err(call.wrong_arity()),
    subcommands: &[&GET, &HELP, &RESET, &START, &STOP],
};

const BASE: Spec = Spec {
    group: Group::Server,
    since: "8.6.0",
    flags: Flags::ADMIN.union(Flags::NOSCRIPT),
    arity: 2,
    ..Spec::NEW
};

const HELP: Command = help::command(Group::Server, "8.6.0", Categories::empty());

const START: Command = Command::new(
    Spec {
        name: "start",
        arity: -2,
        summary: "Begins to watch keys.",
        syntax: "<metrics: METRICS count [CPU] [NET]> [COUNT k:integer] [DURATION seconds] \
            [SAMPLE ratio:integer] [slots: SLOTS count slot:integer [slot ...]]",
        ..BASE
    },
    start,
);

fn start(call: &mut Call<'_>) -> Outcome {
    let wish = wish(call.argv)?;
    let now = call.state.now;
    if call.state.hotkeys.as_mut().is_some_and(|watch| watch.is_active(now)) {
        return Err(Error::new("ERR hotkeys tracking is already in progress"));
    }
    call.state.hotkeys = Some(Box::new(Hotkeys::start(wish, now)));
    call.out.ok();
    Ok(Flow::Done)
}

/// Reads the arguments of START.
fn wish(argv: Argv<'_>) -> Result<HotkeysWish, Error> {
    if !argv.get(2).is_some_and(|word| word.eq_ignore_ascii_case(b"METRICS")) {
        return Err(Error::new("ERR METRICS parameter is required"));
    }
    let Some(metrics) = argv.get(3) else { return Err(Error::SYNTAX) };
    let metrics = within(metrics, 2, "METRICS count")?;
    let (cpu, net) = (has(argv, b"CPU", metrics), has(argv, b"NET", metrics));
    if metrics != u64::from(cpu) + u64::from(net) {
        return Err(Error::new("ERR METRICS count does not match number of metric types provided"));
    }
    let mut wish = HotkeysWish { cpu, net, count: COUNT_DEFAULT, duration_ms: 0, sample: 1 };
    let mut at = if cpu && net { 6 } else { 5 };
    while let Some(option) = argv.get(at) {
        let Some(value) = argv.get(at + 1) else { return Err(Error::SYNTAX) };
        match option.to_ascii_uppercase().as_slice() {
            b"COUNT" => {
                wish.count = usize::try_from(within(value, COUNT_MAX, "COUNT")?).unwrap_or(1);
            }
            b"DURATION" => wish.duration_ms = within(value, DURATION_MAX_S, "DURATION")? * 1_000,
            b"SAMPLE" => wish.sample = within(value, i64::MAX, "SAMPLE ratio")?,
            b"SLOTS" => {
                return Err(Error::new("ERR SLOTS parameter cannot be used in non-cluster mode"));
            }
            _ => return Err(Error::SYNTAX),
        }
        at += 2;
    }
    Ok(wish)
}

/// Whether a metric is among the first words behind METRICS.
fn has(argv: Argv<'_>, metric: &[u8], count: u64) -> bool {
    (4..)
        .take(if count == 1 { 1 } else { 2 })
        .any(|index| argv.get(index).is_some_and(|word| word.eq_ignore_ascii_case(metric)))
}

fn within(argument: &[u8], max: i64, name: &str) -> Result<u64, Error> {
    let value = int(argument).ok().filter(|value| (1..=max).contains(value));
    let value = value.and_then(|value| u64::try_from(value).ok());
    value.ok_or_else(|| {
        Error::text(if max == i64::MAX {
            format!("ERR {name} must be positive")
        } else {
            format!("ERR {name} must be between 1 and {max}")
        })
    })
}

const STOP: Command = Command::new(
    Spec { name: "stop", summary: "Ends the watch and keeps what it has seen.", ..BASE },
    stop,
);

fn stop(call: &mut Call<'_>) -> Outcome {
    let now = call.state.now;
    let watch = call.state.hotkeys.as_mut();
    let active = watch.and_then(|watch| watch.is_active(now).then_some(watch));
    active.ok_or(Error::new("ERR hotkeys tracking is not active"))?.stop(now);
    call.out.ok();
    Ok(Flow::Done)
}

const RESET: Command = Command::new(
    Spec { name: "reset", summary: "Forgets what an ended watch has seen.", ..BASE },
    reset,
);

fn reset(call: &mut Call<'_>) -> Outcome {
    let now = call.state.now;
    if call.state.hotkeys.as_mut().is_some_and(|watch| watch.is_active(now)) {
        return Err(Error::new("ERR hotkeys tracking is in progress, stop it first"));
    }
    call.state.hotkeys = None;
    call.out.ok();
    Ok(Flow::Done)
}

const GET: Command = Command::new(
    Spec {
        name: "get",
        complexity: "O(K) for K keys told",
        summary: "Tells the keys that took most, and what all keys took.",
        ..BASE
    },
    get,
);

fn get(call: &mut Call<'_>) -> Outcome {
    let (out, now) = (&mut *call.out, call.state.now);
    let Some(watch) = &mut call.state.hotkeys else {
        out.null_array();
        return Ok(Flow::Done);
    };
    let is_active = watch.is_active(now);
    let (has_cpu, has_net) = (watch.wish.cpu, watch.wish.net);
    out.array(1);
    out.map(7 + if has_cpu { 3 } else { 0 } + if has_net { 2 } else { 0 });
    field(out, "tracking-active", u64::from(is_active));
    field(out, "sample-ratio", watch.wish.sample);
    out.bulk(b"selected-slots");
    out.array(1);
    out.array(2);
    out.int(0);
    out.int(SLOT_MAX);
    field(out, "all-commands-all-slots-us", watch.all_ns / NS_PER_US);
    field(out, "net-bytes-all-commands-all-slots", watch.all_bytes);
    field(out, "collection-start-time-unix-ms", watch.started.unix_us / 1_000);
    field(out, "collection-duration-ms", watch.duration_ms(now));
    if has_cpu {
        let used = watch.cpu();
        field(out, "total-cpu-time-user-ms", milliseconds(used.user));
        field(out, "total-cpu-time-sys-ms", milliseconds(used.sys));
    }
    if has_net {
        field(out, "total-net-bytes", watch.all_bytes);
    }
    if has_cpu {
        ranking(out, "by-cpu-time-us", &watch.by_time, watch.wish.count, NS_PER_US);
    }
    if has_net {
        ranking(out, "by-net-bytes", &watch.by_bytes, watch.wish.count, 1);
    }
    Ok(Flow::Done)
}

fn field(out: &mut Output, name: &str, value: u64) {
    out.bulk(name.as_bytes());
    out.int(num::signed_u64(value));
}

fn milliseconds(seconds: f64) -> u64 {
    let time = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The heaviest keys, each with its weight in units of so much.
fn ranking(out: &mut Output, name: &str, keys: &TopKeys, count: usize, unit: u64) {
    out.bulk(name.as_bytes());
    let heaviest = keys.heaviest(count);
    out.array(heaviest.len() * 2);
    for (key, weight) in heaviest {
        out.bulk(key);
        out.int(num::signed_u64(weight / unit));
    }
}
