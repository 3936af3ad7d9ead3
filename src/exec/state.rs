//! What the engine knows beside keys and clients.

use super::agenda::Agenda;
use super::children::Children;
use super::evict::Excess;
use super::host::Host;
use super::hotkeys::Hotkeys;
use super::latency::LatencyMonitor;
use super::log_rewrite::Rewrites;
use super::persistence::Persistence;
use super::propagate::Feed;
use super::remotes::Remotes;
use super::replication::Replication;
use super::shutdown::Shutdown;
use super::slowlog::SlowLog;
use super::stats::Stats;
use super::transaction::Multi;
use crate::acl::Acl;
use crate::base::time::Now;
use crate::config::Config;
use crate::data::list::PLAIN_BYTES;
use crate::persist::aof::Log;
use crate::sys::memory::MemoryMeter;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Ticks after which time is read again: a tenth of a millisecond, where ticks are as short as
/// today's processors'; a quarter at the most.
const STALE_TICKS: u64 = 250_000;

/// Microseconds after which peaks of replies are forgotten, unless DEBUG REPLYBUFFER says another
/// time.
pub const REPLY_PEAK_RESET_US: u64 = 5_000_000;

/// What the process is; told once, by the driver.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Its id.
    pub pid: u32,
    /// Path of the program.
    pub executable: String,
    /// Path of the file of parameters, empty without one.
    pub config_file: String,
    /// The operating system: its name, its release and the machine's kind, as INFO shows them.
    pub os: String,
    /// Bytes of memory in the machine; zero if that is not known.
    pub machine_bytes: u64,
    /// Who watches over the process, such as `systemd`; `None` for nobody.
    pub supervisor: Option<&'static str>,
    /// Becomes true with each SIGINT, even while the loop stands still.
    pub interrupted: Arc<AtomicBool>,
}

/// A time in which requests wait (CLIENT PAUSE).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    /// When it ends, on the monotonic clock in microseconds.
    pub until_us: u64,
    /// Whether all requests wait, or only those that may change keys.
    pub holds_all: bool,
}

/// The engine's own state.
pub struct State {
    /// The values of all parameters.
    pub config: Config,
    /// What the process is.
    pub facts: Facts,
    /// The present moment: of this tick, or of the end of a command that takes time.
    pub now: Now,
    /// When the engine was made.
    pub started: Now,
    /// The users.
    pub acl: Acl,
    /// Counts.
    pub stats: Stats,
    /// Chance.
    pub rng: fastrand::Rng,
    /// Forty hexadecimal digits of this run.
    pub run_id: String,
    /// Who follows whom, and how far.
    pub replication: Replication,
    /// Whether keys die when they are due, or only when they are looked at (DEBUG
    /// SET-ACTIVE-EXPIRE).
    pub active_expiry: bool,
    /// The present pause.
    pub pause: Option<Pause>,
    /// Commands that took long.
    pub slowlog: SlowLog,
    /// Events that took long.
    pub latency: LatencyMonitor,
    /// Indexes of arguments that nobody is to read, of the commands that are being measured.
    pub(super) redacted: Vec<usize>,
    /// Set once the server is to stop.
    pub is_stopping: bool,
    /// The stop that waits for replicas.
    pub shutdown: Option<Shutdown>,
    /// Changes as requests, for those who replay them.
    pub feed: Feed,
    /// Most memory in use, in bytes.
    pub memory_peak: u64,
    /// The watch over hot keys, or what the last one has seen.
    pub hotkeys: Option<Box<Hotkeys>>,
    /// Memory of the last transaction for the next one.
    pub spare_queue: Option<Box<Multi>>,
    /// How long memory was over its limit.
    pub excess: Excess,
    /// Memory in use when the engine was made, in bytes.
    pub memory_startup: u64,
    /// Bytes from which on an element of a list is not packed (DEBUG QUICKLIST-PACKED-THRESHOLD).
    pub plain_bytes: usize,
    /// The append-only file.
    pub log: Log,
    /// What is known of writing it anew.
    pub rewrites: Rewrites,
    /// What is known of snapshots.
    pub persistence: Persistence,
    /// Microseconds after which peaks of replies are forgotten (DEBUG REPLYBUFFER).
    pub reply_peak_reset_us: u64,
    /// The process that does something with a picture of the data.
    pub children: Children,
    /// Scheduled work is put off (DEBUG PAUSE-CRON).
    pub is_cron_paused: bool,
    /// A signal to stop that waits for that; true if it is SIGINT.
    pub(super) signal_waits: Option<bool>,
    /// Connections to servers that keys have been moved to.
    pub remotes: Remotes,
    pub(super) agenda: Agenda,
    pub(super) memory: MemoryMeter,
    /// The stopwatch when the present round of the loop began, and the commands run until then.
    cycle_from: Option<(u64, u64)>,
    /// The stopwatch when time was last read; `None` if that was not noted.
    now_ticks: Option<u64>,
}

impl State {
    pub(super) fn new(
        config: Config,
        facts: Facts,
        now: Now,
        acl: Acl,
        mut rng: fastrand::Rng,
    ) -> State {
        let memory = MemoryMeter::start();
        let run_id = hex_digits(&mut rng, 40);
        let persistence = Persistence::new(&config, now);
        let replication = Replication::new(&mut rng);
        State {
            config,
            facts,
            now,
            started: now,
            acl,
            stats: Stats::default(),
            rng,
            run_id,
            replication,
            active_expiry: true,
            pause: None,
            slowlog: SlowLog::default(),
            latency: LatencyMonitor::default(),
            redacted: Vec::new(),
            is_stopping: false,
            shutdown: None,
            feed: Feed::default(),
            memory_peak: 0,
            hotkeys: None,
            spare_queue: None,
            excess: Excess::default(),
            memory_startup: memory.used_bytes(),
            plain_bytes: PLAIN_BYTES,
            log: Log::default(),
            rewrites: Rewrites::default(),
            persistence,
            reply_peak_reset_us: REPLY_PEAK_RESET_US,
            children: Children::default(),
            is_cron_paused: false,
            signal_waits: None,
            remotes: Remotes::default(),
            agenda: Agenda::default(),
            memory,
            cycle_from: None,
            now_ticks: None,
        }
    }

    /// Time has been read by the driver.
    pub(super) fn set_now(&mut self, now: Now) {
        (self.now, self.now_ticks) = (now, None);
    }

    /// Reads time again if by the stopwatch, which shows `ticks`, it is old. What has run meanwhile
    /// saw it standing still.
    #[inline]
    pub(super) fn refresh_now(&mut self, ticks: u64, host: &mut dyn Host) {
        let read_at = *self.now_ticks.get_or_insert(ticks);
        if ticks.saturating_sub(read_at) > STALE_TICKS {
            self.now = host.now();
            self.now_ticks = Some(ticks);
        }
    }

    /// Notes that an event took so long, if by `latency-monitor-threshold` that is long.
    pub(super) fn note_latency(&mut self, event: &'static str, unix_s: i64, ms: u64) {
        let threshold = u64::try_from(self.config.latency_monitor_threshold).unwrap_or(0);
        if threshold > 0 && ms >= threshold {
            self.latency.note(event, unix_s, ms);
        }
    }

    /// True if keys die at present when they are due.
    #[inline]
    pub(super) fn lets_die(&self) -> bool {
        self.active_expiry
            && self.pause.is_none()
            && !self.persistence.is_loading()
            && !self.is_replica()
    }

    /// Lets requests wait until a moment; of two pauses the later end and the stricter kind hold.
    pub fn pause(&mut self, until_us: u64, holds_all: bool) {
        let other = self.pause.unwrap_or(Pause { until_us, holds_all });
        let until_us = until_us.max(other.until_us);
        self.pause = Some(Pause { until_us, holds_all: holds_all || other.holds_all });
    }

    /// When scheduled work is due, on the monotonic clock in microseconds.
    pub(super) fn next_work_us(&self) -> Option<u64> {
        let log = self.log.next_us(&self.config.aof);
        let work = self.agenda.next_us().filter(|_| !self.is_cron_paused);
        let own = self.replication.own_due_us(self.now);
        let signal = self.signal_waits.filter(|_| !self.is_cron_paused).map(|_| self.now.mono_us);
        let remotes = self.remotes.next_us();
        let due = [work, log, self.replicas_due_us(), self.link_due_us(), own, signal, remotes];
        due.into_iter().flatten().chain(self.shutdown_due_us()).min()
    }

    /// A round of the loop begins; one that has not ended goes on.
    #[inline]
    pub(super) fn begin_cycle(&mut self, ticks: u64) {
        self.stats.cycles += 1;
        self.cycle_from.get_or_insert((ticks, self.stats.commands_processed));
    }

    /// The round of the loop ends; what follows is sleep.
    #[inline]
    pub(super) fn end_cycle(&mut self, ticks: u64) {
        let stats = &mut self.stats;
        if let Some((from, commands)) = self.cycle_from.take() {
            let ticks = ticks.saturating_sub(from);
            let commands = stats.commands_processed.saturating_sub(commands);
            stats.loop_ticks += ticks;
            stats.loop_ticks_max = stats.loop_ticks_max.max(ticks);
            stats.loop_commands_max = stats.loop_commands_max.max(commands);
        }
    }

    /// Looks for idle clients anew; for when `timeout` has changed.
    pub fn watch_idle_clients(&mut self) {
        self.agenda.watch_idle(&self.config, self.now);
    }

    /// Memory in use by the program's data, in bytes.
    pub fn memory_used(&mut self) -> u64 {
        let used = self.memory.used_bytes();
        self.memory_peak = self.memory_peak.max(used);
        used
    }
}

fn hex_digits(rng: &mut fastrand::Rng, count: usize) -> String {
    std::iter::repeat_with(|| rng.digit(16)).take(count).collect()
}
