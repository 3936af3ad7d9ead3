//! Which keys take most time and most bytes, while someone wants to know: HOTKEYS.

use crate::base::time::Now;
use crate::data::topk::TopKeys;
use crate::sys::limits::{self, CpuUse};

/// Keys that are counted for each one that is asked for, so that those which come up late are found
/// as well.
const COUNTERS_PER_KEY: usize = 16;

/// What to watch.
pub struct Wish {
    /// The time that commands on a key take.
    pub cpu: bool,
    /// The bytes of requests and replies for a key.
    pub net: bool,
    /// How many keys to tell.
    pub count: usize,
    /// For how long, in milliseconds; zero for no end.
    pub duration_ms: u64,
    /// One command of so many is looked at.
    pub sample: u64,
}

/// One watch over keys; it keeps what it has seen when it is over.
pub struct Hotkeys {
    /// What was wished for.
    pub wish: Wish,
    /// When it began.
    pub started: Now,
    /// When it was stopped.
    stopped: Option<Now>,
    /// Nanoseconds that all commands have taken.
    pub all_ns: u64,
    /// Bytes of all requests and replies.
    pub all_bytes: u64,
    /// By nanoseconds.
    pub by_time: TopKeys,
    /// By bytes.
    pub by_bytes: TopKeys,
    /// The moment before the command that runs; none for the one that began the watch.
    pub(super) before: Option<Before>,
    cpu_before: CpuUse,
    cpu: CpuUse,
}

/// What a stopwatch and a client's output showed at some moment.
#[derive(Clone, Copy)]
pub(super) struct Before {
    pub(super) ticks: u64,
    pub(super) output: usize,
}

/// What one command has cost.
#[derive(Clone, Copy)]
pub struct Cost {
    /// Time in nanoseconds.
    pub ns: u64,
    /// Bytes of its request and its reply.
    pub bytes: u64,
}

impl Hotkeys {
    /// Begins to watch.
    pub fn start(wish: Wish, now: Now) -> Hotkeys {
        let counters = wish.count * COUNTERS_PER_KEY;
        Hotkeys {
            wish,
            started: now,
            stopped: None,
            all_ns: 0,
            all_bytes: 0,
            by_time: TopKeys::new(counters),
            by_bytes: TopKeys::new(counters),
            before: None,
            cpu_before: limits::cpu_use(),
            cpu: CpuUse::default(),
        }
    }

    /// Whether it still watches; its time may be over.
    pub fn is_active(&mut self, now: Now) -> bool {
        let passed_ms = now.mono_us.saturating_sub(self.started.mono_us) / 1_000;
        if self.wish.duration_ms != 0 && passed_ms >= self.wish.duration_ms {
            self.stop(now);
        }
        self.stopped.is_none()
    }

    /// Ends it.
    pub fn stop(&mut self, now: Now) {
        if self.stopped.is_none() {
            self.stopped = Some(now);
            self.cpu = self.cpu_so_far();
        }
    }

    /// Notes a command. Keys share its cost.
    pub fn note(&mut self, keys: &[&[u8]], cost: Cost, rng: &mut fastrand::Rng) {
        self.all_ns += cost.ns;
        self.all_bytes += cost.bytes;
        let count = keys.len() as u64;
        if count == 0 || (self.wish.sample > 1 && rng.u64(..self.wish.sample) != 0) {
            return;
        }
        for key in keys {
            if self.wish.cpu {
                self.by_time.add(key, cost.ns / count);
            }
            if self.wish.net {
                self.by_bytes.add(key, cost.bytes / count);
            }
        }
    }

    /// How long it has watched, in milliseconds.
    pub fn duration_ms(&self, now: Now) -> u64 {
        let end = self.stopped.unwrap_or(now);
        end.mono_us.saturating_sub(self.started.mono_us) / 1_000
    }

    /// Time that the process has spent meanwhile.
    pub fn cpu(&self) -> CpuUse {
        if self.stopped.is_some() { self.cpu } else { self.cpu_so_far() }
    }

    fn cpu_so_far(&self) -> CpuUse {
        let (now, before) = (limits::cpu_use(), self.cpu_before);
        CpuUse { sys: now.sys - before.sys, user: now.user - before.user, ..now }
    }
}
