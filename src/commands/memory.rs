//! MEMORY: what takes how much of it.

use super::help;
use crate::base::num;
use crate::exec::{Call, Command, Flow, Outcome, Side, int};
use crate::resp::error::Error;
use crate::resp::output::Output;
use crate::spec::categories::Categories;
use crate::spec::flags::Flags;
use crate::spec::keys::{KeyFlags, KeySpec};
use crate::spec::{Group, Spec};
use crate::sys::memory::{self, AllocatorStats};

/// Resident memory over that in use, in hundredths, from which on MEMORY DOCTOR complains.
const WASTE_MAX: u64 = 150;
/// Memory in use below which ratios mean nothing.
const LITTLE_BYTES: u64 = 5 << 20;

pub(super) const MEMORY: Command = Command {
    spec: Spec {
        name: "memory",
        group: Group::Server,
        since: "4.0.0",
        arity: -2,
        complexity: "Depends on the subcommand",
        summary: "What takes how much memory.",
        ..Spec::NEW
    },
    run: |call| Err(call.wrong_arity()),
    subcommands: &[&DOCTOR, &HELP, &MALLOC_STATS, &PURGE, &STATS, &USAGE],
};

const BASE: Spec = Spec {
    group: Group::Server,
    since: "4.0.0",
    arity: 2,
    tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
    ..Spec::NEW
};

const HELP: Command = help::command(Group::Server, "4.0.0", Categories::empty());

const USAGE: Command = Command::new(
    Spec {
        name: "usage",
        arity: -3,
        flags: Flags::READONLY,
        categories: Categories::READ,
        keys: &[KeySpec { first: 2, ..KeySpec::one(KeyFlags::RO) }],
        tips: &[],
        complexity: "O(N) for N samples",
        summary: "Estimates the memory that a key takes with its value.",
        syntax: "key [SAMPLES count]",
        ..BASE
    },
    usage,
);

fn usage(call: &mut Call<'_>) -> Outcome {
    let argv = call.argv;
    for at in (3..argv.len()).step_by(2) {
        let count = argv.get(at + 1).filter(|_| argv.at(at).eq_ignore_ascii_case(b"SAMPLES"));
        // Values are measured, not estimated by samples of them.
        if int(count.ok_or(Error::SYNTAX)?)? < 0 {
            return Err(Error::SYNTAX);
        }
    }
    let mut db = call.db();
    let spot = db.find(argv.at(2));
    match db.memory_bytes(&spot) {
        Some(bytes) => call.out.len_int(bytes),
        None => call.out.null(),
    }
    Ok(Flow::Done)
}

const STATS: Command =
    Command::new(Spec { name: "stats", summary: "Tells what takes memory.", ..BASE }, stats);

/// What memory is used for, in bytes.
pub(super) struct Usage {
    pub(super) used: u64,
    pub(super) peak: u64,
    pub(super) resident: u64,
    pub(super) allocator: AllocatorStats,
    /// Clients with their buffers, but for replicas.
    pub(super) clients: u64,
    /// Replicas with their buffers, and what they are yet to be sent beyond the backlog.
    pub(super) replicas: u64,
    /// Changes that are kept for replicas, of which the backlog is to have so many.
    pub(super) stream: u64,
    pub(super) backlog: u64,
    /// All but keys and values.
    pub(super) overhead: u64,
    /// Number of keys.
    pub(super) keys: u64,
}

impl Usage {
    /// What is used now.
    pub(super) fn measure(call: &mut Call<'_>) -> Usage {
        let used = call.state.memory_used();
        let own = (call.client.memory_bytes(call.out), call.client.side == Side::Replica);
        let sizes = call
            .peers
            .iter()
            .map(|peer| (peer.client.memory_bytes(&peer.out), peer.client.side == Side::Replica));
        let (mut clients, mut replicas) = (0, 0);
        for (bytes, is_replica) in sizes.chain([own]) {
            *(if is_replica { &mut replicas } else { &mut clients }) += bytes as u64;
        }
        let stream = call.state.replication.stream.as_ref();
        let stream = stream.map_or(0, |stream| stream.memory_bytes() as u64);
        let backlog = match call.state.replication.replicas.is_empty() {
            true => stream,
            false => stream.min(call.state.config.repl.backlog_bytes() as u64),
        };
        replicas += stream - backlog;
        let databases = 0..call.store.databases();
        let keys: usize = databases.map(|index| call.store.lens(index).0).sum();
        Usage {
            used,
            peak: call.state.memory_peak,
            resident: memory::resident_bytes(),
            allocator: memory::allocator_stats(),
            clients,
            replicas,
            stream,
            backlog,
            overhead: call.state.memory_startup
                + clients
                + replicas
                + backlog
                + call.store.overhead_bytes() as u64,
            keys: keys as u64,
        }
    }

    /// Keys and values.
    pub(super) fn dataset(&self) -> u64 {
        self.used.saturating_sub(self.overhead)
    }
}

/// A part of a whole; the whole may be nothing.
pub(super) fn ratio(part: u64, whole: u64) -> f64 {
    num::float(part) / num::float(whole.max(1))
}

/// By how much one figure is over another one.
pub(super) fn over(a: u64, b: u64) -> i64 {
    num::signed_u64(a) - num::signed_u64(b)
}

fn stats(call: &mut Call<'_>) -> Outcome {
    let usage = Usage::measure(call);
    let startup = call.state.memory_startup;
    let dbs: Vec<usize> =
        (0..call.store.databases()).filter(|index| call.store.lens(*index).0 > 0).collect();
    let counts = [
        ("peak.allocated", usage.peak),
        ("total.allocated", usage.used),
        ("startup.allocated", startup),
        ("replication.backlog", usage.backlog),
        ("clients.slaves", usage.replicas),
        ("clients.normal", usage.clients),
        ("cluster.links", 0),
        ("aof.buffer", 0),
        ("lua.caches", 0),
        ("functions.caches", 0),
    ];
    call.out.map(counts.len() + dbs.len() + 18);
    counts.iter().for_each(|(name, bytes)| count(call.out, name, *bytes));
    for index in dbs {
        let (table, heap) = call.store.overheads(index);
        call.out.bulk(format!("db.{index}").as_bytes());
        call.out.map(2);
        count(call.out, "overhead.hashtable.main", table as u64);
        count(call.out, "overhead.hashtable.expires", heap as u64);
    }
    tell_ratios(call.out, &usage, startup);
    Ok(Flow::Done)
}

fn tell_ratios(out: &mut Output, usage: &Usage, startup: u64) {
    let Usage { used, peak, resident, overhead, keys, .. } = *usage;
    let AllocatorStats { allocated, active, resident: mapped } = usage.allocator;
    let [allocated, active, mapped] = [allocated, active, mapped].map(|bytes| bytes as u64);
    let net = used.saturating_sub(startup);
    count(out, "overhead.total", overhead);
    count(out, "keys.count", keys);
    count(out, "keys.bytes-per-key", net.checked_div(keys).unwrap_or(0));
    count(out, "dataset.bytes", usage.dataset());
    figure(out, "dataset.percentage", 100.0 * ratio(usage.dataset(), net));
    figure(out, "peak.percentage", 100.0 * ratio(used, peak));
    count(out, "allocator.allocated", allocated);
    count(out, "allocator.active", active);
    count(out, "allocator.resident", mapped);
    count(out, "allocator.muzzy", 0);
    figure(out, "allocator-fragmentation.ratio", ratio(active, allocated));
    difference(out, "allocator-fragmentation.bytes", over(active, allocated));
    figure(out, "allocator-rss.ratio", ratio(mapped, active));
    difference(out, "allocator-rss.bytes", over(mapped, active));
    figure(out, "rss-overhead.ratio", ratio(resident, mapped));
    difference(out, "rss-overhead.bytes", over(resident, mapped));
    figure(out, "fragmentation", ratio(resident, used));
    difference(out, "fragmentation.bytes", over(resident, used));
}

fn count(out: &mut Output, name: &str, value: u64) {
    difference(out, name, num::signed_u64(value));
}

fn difference(out: &mut Output, name: &str, value: i64) {
    out.bulk(name.as_bytes());
    out.int(value);
}

fn figure(out: &mut Output, name: &str, value: f64) {
    out.bulk(name.as_bytes());
    out.double(value);
}

const DOCTOR: Command = Command::new(
    Spec { name: "doctor", summary: "Reports in words what is wrong with memory.", ..BASE },
    doctor,
);

fn doctor(call: &mut Call<'_>) -> Outcome {
    let usage = Usage::measure(call);
    call.out.verbatim("txt", &diagnose(&usage));
    Ok(Flow::Done)
}

fn diagnose(usage: &Usage) -> String {
    let Usage { used, peak, resident, clients, .. } = *usage;
    if used < LITTLE_BYTES {
        return "So little memory is in use that nothing can be said about it.\n".to_owned();
    }
    let findings = [
        (
            peak > used.saturating_mul(WASTE_MAX) / 100,
            "Memory in use was much higher at its peak. What is resident shrinks in the seconds \
             after memory has become free; MEMORY PURGE makes it shrink at once.\n",
        ),
        (
            resident > used.saturating_mul(WASTE_MAX) / 100,
            "Much more memory is resident than is in use: keys or buffers have been freed, and \
             their neighbours keep the pages. MEMORY PURGE gives back what can be given back.\n",
        ),
        (
            clients > used / 4,
            "Clients take a good part of the memory. CLIENT LIST shows who; \
             client-output-buffer-limit and maxmemory-clients bound it.\n",
        ),
    ];
    let text: String = findings.iter().filter(|(is_so, _)| *is_so).map(|(_, text)| *text).collect();
    if text.is_empty() { "Nothing is wrong with memory.\n".to_owned() } else { text }
}

const PURGE: Command = Command::new(
    Spec {
        name: "purge",
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        complexity: "O(N) for N free pages",
        summary: "Gives memory that is free back to the system.",
        ..BASE
    },
    purge,
);

fn purge(call: &mut Call<'_>) -> Outcome {
    memory::purge();
    call.out.ok();
    Ok(Flow::Done)
}

const MALLOC_STATS: Command = Command::new(
    Spec {
        name: "malloc-stats",
        complexity: "O(N) for N kinds of allocations",
        summary: "Tells what the allocator tells of itself.",
        ..BASE
    },
    malloc_stats,
);

fn malloc_stats(call: &mut Call<'_>) -> Outcome {
    call.out.verbatim("txt", &memory::allocator_report());
    Ok(Flow::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(used: u64, peak: u64, clients: u64) -> Usage {
        Usage {
            used,
            peak,
            resident: used,
            allocator: AllocatorStats::default(),
            clients,
            replicas: 0,
            stream: 0,
            backlog: 0,
            overhead: 0,
            keys: 0,
        }
    }

    #[test]
    fn the_doctor_names_what_is_wrong() {
        assert!(diagnose(&usage(1, 1, 1)).contains("So little"));
        assert!(diagnose(&usage(10 << 20, 10 << 20, 0)).contains("Nothing is wrong"));
        let both = diagnose(&usage(10 << 20, 30 << 20, 9 << 20));
        assert!(both.contains("peak") && both.contains("CLIENT LIST"));
    }
}
