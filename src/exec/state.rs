//! What the engine knows beside keys and clients.

use super::agenda::Agenda;
use super::evict::Excess;
use super::host::Host;
use super::hotkeys::Hotkeys;
use super::propagate::Feed;
use super::stats::Stats;
use crate::base::time::Now;
use crate::config::Config;
use crate::sys::memory::MemoryMeter;

/// Ticks after which time is read again: a tenth of a millisecond, where ticks are as short as
/// today's processors'; a quarter at the most.
const STALE_TICKS: u64 = 250_000;

/// What the process is; told once, by the driver.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Its id.
    pub pid: u32,
    /// Path of the program.
    pub executable: String,
    /// Path of the file of parameters, empty without one.
    pub config_file: String,
    /// Who watches over the process, such as `systemd`; `None` for nobody.
    pub supervisor: Option<&'static str>,
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
    /// Counts.
    pub stats: Stats,
    /// Chance.
    pub rng: fastrand::Rng,
    /// Forty hexadecimal digits of this run.
    pub run_id: String,
    /// Forty hexadecimal digits of this history of changes.
    pub replication_id: String,
    /// Whether keys die when they are due, or only when they are looked at (DEBUG
    /// SET-ACTIVE-EXPIRE).
    pub active_expiry: bool,
    /// Set once the server is to stop.
    pub is_stopping: bool,
    /// Changes as requests, for those who replay them.
    pub feed: Feed,
    /// Most memory in use, in bytes.
    pub memory_peak: u64,
    /// The watch over hot keys, or what the last one has seen.
    pub hotkeys: Option<Box<Hotkeys>>,
    /// How long memory was over its limit.
    pub excess: Excess,
    pub(super) agenda: Agenda,
    pub(super) memory: MemoryMeter,
    /// The stopwatch when time was last read; `None` if that was not noted.
    now_ticks: Option<u64>,
}

impl State {
    pub(super) fn new(config: Config, facts: Facts, now: Now, mut rng: fastrand::Rng) -> State {
        let run_id = hex_digits(&mut rng, 40);
        let replication_id = hex_digits(&mut rng, 40);
        State {
            config,
            facts,
            now,
            started: now,
            stats: Stats::default(),
            rng,
            run_id,
            replication_id,
            active_expiry: true,
            is_stopping: false,
            feed: Feed::default(),
            memory_peak: 0,
            hotkeys: None,
            excess: Excess::default(),
            agenda: Agenda::default(),
            memory: MemoryMeter::start(),
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
