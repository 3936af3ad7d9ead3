//! LATENCY: events that took long, and how the times of commands are distributed.

use super::{graph, help};
use crate::base::num;
use crate::exec::{Call, Command, CommandId, CommandStats, Flow, LatencySeries, Outcome};
use crate::resp::error::Error;
use crate::spec::categories::Categories;
use crate::spec::flags::Flags;
use crate::spec::{Group, Spec};
use std::fmt::Write;

/// Bits of the smallest bound of a histogram: a thousand nanoseconds and some.
const FIRST_BITS: u32 = 10;
/// Bits of a bound that tell it from its neighbour, as in the histograms of Redis.
const PRECISION_BITS: u32 = 7;

pub(super) const LATENCY: Command = Command {
    spec: Spec {
        name: "latency",
        group: Group::Server,
        since: "2.8.13",
        arity: -2,
        complexity: "Depends on the subcommand",
        summary: "Events that took long.",
        ..Spec::NEW
    },
    run: |call| Err(call.wrong_arity()),
    subcommands: &[&DOCTOR, &GRAPH, &HELP, &HISTOGRAM, &HISTORY, &LATEST, &RESET],
};

const BASE: Spec = Spec {
    group: Group::Server,
    since: "2.8.13",
    flags: Flags::ADMIN.union(Flags::NOSCRIPT).union(Flags::LOADING).union(Flags::STALE),
    tips: &["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
    ..Spec::NEW
};

const HELP: Command = help::command(Group::Server, "2.8.13", Categories::empty());

const LATEST: Command = Command::new(
    Spec {
        name: "latest",
        arity: 2,
        summary: "Tells of each event when it last took long, and how long then and at worst.",
        ..BASE
    },
    latest,
);

fn latest(call: &mut Call<'_>) -> Outcome {
    let monitor = &call.state.latency;
    call.out.array(monitor.len());
    for (event, series) in monitor.iter() {
        let last = series.latest();
        call.out.array(4);
        call.out.bulk(event.as_bytes());
        call.out.int(last.map_or(0, |sample| sample.unix_s));
        call.out.int(last.map_or(0, |sample| num::signed_u64(sample.ms)));
        call.out.int(num::signed_u64(series.max_ms));
    }
    Ok(Flow::Done)
}

const HISTORY: Command = Command::new(
    Spec {
        name: "history",
        arity: 3,
        summary: "Tells the times of an event, with the seconds in which they were noted.",
        syntax: "event",
        ..BASE
    },
    history,
);

fn history(call: &mut Call<'_>) -> Outcome {
    let Some((_, series)) = call.state.latency.get(call.argv.at(2)) else {
        call.out.array(0);
        return Ok(Flow::Done);
    };
    call.out.array(series.samples().len());
    for sample in series.samples() {
        call.out.array(2);
        call.out.int(sample.unix_s);
        call.out.int(num::signed_u64(sample.ms));
    }
    Ok(Flow::Done)
}

const RESET: Command = Command::new(
    Spec {
        name: "reset",
        arity: -2,
        tips: &["request_policy:all_nodes", "response_policy:agg_sum"],
        summary: "Forgets the times of events, or of all.",
        syntax: "[event [event ...]]",
        ..BASE
    },
    reset,
);

fn reset(call: &mut Call<'_>) -> Outcome {
    let argv = call.argv;
    let is_meant = |event: &str| {
        argv.len() == 2 || argv.from(2).any(|name| name.eq_ignore_ascii_case(event.as_bytes()))
    };
    let count = call.state.latency.reset(is_meant);
    call.out.len_int(count);
    Ok(Flow::Done)
}

const GRAPH: Command = Command::new(
    Spec {
        name: "graph",
        arity: 3,
        summary: "Draws the times of an event.",
        syntax: "event",
        ..BASE
    },
    draw,
);

fn draw(call: &mut Call<'_>) -> Outcome {
    let event = call.argv.at(2);
    let Some((name, series)) = call.state.latency.get(event) else {
        return Err(Error::quoting("ERR No samples available for event '", event, "'"));
    };
    let text = graph::draw(name, series, call.state.now.unix_s());
    call.out.verbatim("txt", &text);
    Ok(Flow::Done)
}

const DOCTOR: Command = Command::new(
    Spec {
        name: "doctor",
        arity: 2,
        summary: "Reports in words which events took long, and what may help.",
        ..BASE
    },
    doctor,
);

fn doctor(call: &mut Call<'_>) -> Outcome {
    let text = if call.state.config.latency_monitor_threshold == 0 {
        "Nothing is watched: `CONFIG SET latency-monitor-threshold <milliseconds>` says from when \
         on an event is worth a note.\n"
            .to_owned()
    } else if call.state.latency.is_empty() {
        "No event has taken long since the monitor was reset.\n".to_owned()
    } else {
        call.state.latency.iter().map(|(event, series)| diagnose(event, series)).collect()
    };
    call.out.verbatim("txt", &text);
    Ok(Flow::Done)
}

/// A line on an event, and one on what may help.
fn diagnose(event: &str, series: &LatencySeries) -> String {
    let count = series.samples().len() as u64;
    let sum: u64 = series.samples().map(|sample| sample.ms).sum();
    let mean = num::float(sum) / num::float(count.max(1));
    let seconds = series.samples().next().zip(series.latest());
    let seconds = seconds.map_or(0, |(first, last)| last.unix_s - first.unix_s);
    let mut text = String::new();
    // Writing to a string cannot fail.
    writeln!(
        text,
        "{event}: {count} times within {seconds} seconds, {mean:.1} ms on average, {} ms at worst.",
        series.max_ms
    )
    .unwrap_or_default();
    text.push_str(match event {
        "command" => "    SLOWLOG GET tells which commands they were and what they were given.\n",
        "fast-command" => {
            "    Commands of this kind are slow only where the machine is: look for swapping, for \
             huge pages and for neighbours that take the processor.\n"
        }
        "expire-cycle" => "    Many keys die in the same moment: spread their deadlines.\n",
        _ => "",
    });
    text
}

const HISTOGRAM: Command = Command::new(
    Spec {
        name: "histogram",
        since: "7.0.0",
        arity: -2,
        complexity: "O(N) for N commands told of",
        summary: "Tells how the times of commands are distributed.",
        syntax: "[command [command ...]]",
        ..BASE
    },
    histogram,
);

fn histogram(call: &mut Call<'_>) -> Outcome {
    let ids: Vec<CommandId> = if call.argv.len() == 2 {
        call.table.rows().map(|(id, _)| id).collect()
    } else {
        // A command stands for its subcommands too.
        let named = call.argv.from(2).filter_map(|name| call.table.find_full(name));
        named.flat_map(|id| [&[id], call.table.row(id).subcommands.as_slice()].concat()).collect()
    };
    let ticks_per_us = call.host.ticks_per_us();
    let commands = &call.state.stats.commands;
    let with_times = ids.into_iter().map(|id| (id, bounds_of(&commands[id.index()], ticks_per_us)));
    let with_times: Vec<_> = with_times.filter(|(_, bounds)| !bounds.is_empty()).collect();
    call.out.map(with_times.len());
    for (id, bounds) in with_times {
        let calls = bounds.last().map_or(0, |(_, count)| *count);
        call.out.bulk(call.table.row(id).name.as_bytes());
        call.out.map(2);
        call.out.bulk(b"calls");
        call.out.int(num::signed_u64(calls));
        call.out.bulk(b"histogram_usec");
        call.out.map(bounds.len());
        for (us, count) in bounds {
            call.out.int(num::signed_u64(us));
            call.out.int(num::signed_u64(count));
        }
    }
    Ok(Flow::Done)
}

/// Bounds in microseconds, each twice the one before, with the number of calls that were no longer;
/// only bounds that add calls.
fn bounds_of(stats: &CommandStats, ticks_per_us: f64) -> Vec<(u64, u64)> {
    let mut bounds: Vec<(u64, u64)> = Vec::new();
    let mut count = 0;
    for step in stats.times.iter().flat_map(|times| times.iter_recorded()) {
        let ticks = num::float(step.value_iterated_to());
        let us = bound_over(num::whole(ticks * 1_000.0 / ticks_per_us)) / 1_000;
        count += step.count_since_last_iteration();
        match bounds.last_mut() {
            Some(last) if last.0 == us => last.1 = count,
            _ => bounds.push((us, count)),
        }
    }
    bounds
}

/// The first bound that is not less than so many nanoseconds.
fn bound_over(ns: u64) -> u64 {
    let bound = |bits: u32| (1u64 << bits) + (1 << (bits - PRECISION_BITS)) - 1;
    (FIRST_BITS..u64::BITS - 1).map(bound).find(|bound| ns <= *bound).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_those_of_redis() {
        let us: Vec<u64> = [0, 1_000, 1_100, 30_000, 33_000, 60_000, 500_000]
            .into_iter()
            .map(|ns| bound_over(ns) / 1_000)
            .collect();
        assert_eq!(us, [1, 1, 2, 33, 33, 66, 528]);
    }
}
