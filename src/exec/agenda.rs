//! Work that is due at a time of its own. Nothing runs at a fixed rate: what has nothing to do has
//! no time.

use super::peers::{OutputState, Peers};
use crate::base::time::Now;
use crate::config::Config;
use crate::sys::memory;

/// Microseconds in a second.
const SECOND: u64 = 1_000_000;
/// Bytes that must have become free before the allocator is asked to give memory back.
const FREED_BYTES: u64 = 16 << 20;
/// How often it is asked then; it gives back a little each time, so that nobody waits for it.
const GIVE_BACK_EVERY_US: u64 = 50_000;
/// For how long: a little longer than the allocator keeps what is free.
const GIVE_BACK_FOR_US: u64 = 11 * SECOND;

/// When each kind of scheduled work is due, on the monotonic clock in microseconds.
#[derive(Default)]
pub(super) struct Agenda {
    /// The first client may have been idle for too long.
    idle_clients: Option<u64>,
    /// The first client may have been over its soft output limit for too long.
    soft_limits: Option<u64>,
    /// Free memory is to be given back.
    give_back: Option<u64>,
    /// More memory may be in use than allowed.
    memory: Option<u64>,
    /// When giving back ends.
    give_back_until: u64,
    /// Most memory in use since free memory was given back, in bytes.
    memory_high: u64,
}

impl Agenda {
    /// When the next work is due.
    pub(super) fn next_us(&self) -> Option<u64> {
        let due = [self.idle_clients, self.soft_limits, self.give_back, self.memory];
        due.into_iter().flatten().min()
    }

    /// Looks for idle clients from now on; called when a client connects or becomes one that may be
    /// closed, and when `timeout` changes.
    pub(super) fn watch_idle(&mut self, config: &Config, now: Now) {
        self.idle_clients = idle_limit_us(config).map(|timeout_us| {
            let due = now.mono_us + timeout_us;
            self.idle_clients.map_or(due, |at| at.min(due))
        });
    }

    /// Looks at soft output limits again at this time.
    pub(super) fn watch_soft_limit(&mut self, due: u64) {
        self.soft_limits = Some(self.soft_limits.map_or(due, |at| at.min(due)));
    }

    /// Looks in the next tick whether more memory is in use than allowed.
    pub(super) fn watch_memory(&mut self, now: Now) {
        self.memory = Some(now.mono_us);
    }

    /// True if that is to be done now; then it is done.
    pub(super) fn take_memory_watch(&mut self) -> bool {
        self.memory.take().is_some()
    }

    /// Notes how much memory is in use; if much has become free, sees to it that the system gets it
    /// back.
    #[inline]
    pub(super) fn note_memory(&mut self, used_bytes: u64, now: Now) {
        self.memory_high = self.memory_high.max(used_bytes);
        if self.memory_high - used_bytes >= FREED_BYTES {
            self.memory_high = used_bytes;
            self.give_back_until = now.mono_us + GIVE_BACK_FOR_US;
            self.give_back.get_or_insert(now.mono_us + GIVE_BACK_EVERY_US);
        }
    }

    /// Does what is due; dooms clients, and returns how many for their output.
    pub(super) fn run(&mut self, config: &Config, peers: &mut Peers, now: Now) -> u64 {
        if self.idle_clients.is_some_and(|at| at <= now.mono_us) {
            self.idle_clients = close_idle(config, peers, now);
        }
        if self.give_back.is_some_and(|at| at <= now.mono_us) {
            memory::give_back();
            let goes_on = now.mono_us < self.give_back_until;
            self.give_back = goes_on.then_some(now.mono_us + GIVE_BACK_EVERY_US);
        }
        if self.soft_limits.is_some_and(|at| at <= now.mono_us) {
            self.soft_limits = None;
            return self.close_over_soft_limit(config, peers, now);
        }
        0
    }

    fn close_over_soft_limit(&mut self, config: &Config, peers: &mut Peers, now: Now) -> u64 {
        let limits = &config.client_output_buffer_limit;
        let mut over = Vec::new();
        for peer in peers.iter_mut().filter(|peer| peer.client.over_soft_limit_since.is_some()) {
            match peer.check_output(limits, now) {
                OutputState::Within => {}
                OutputState::OverSoft { due } => self.watch_soft_limit(due),
                OutputState::TooMuch => over.push(peer.client.id),
            }
        }
        over.iter().for_each(|id| peers.doom(*id));
        over.len() as u64
    }
}

fn idle_limit_us(config: &Config) -> Option<u64> {
    u64::try_from(config.timeout).ok().filter(|seconds| *seconds > 0).map(|s| s * SECOND)
}

/// Dooms clients that have been idle for too long; returns when the next one may be.
fn close_idle(config: &Config, peers: &mut Peers, now: Now) -> Option<u64> {
    let limit_us = idle_limit_us(config)?;
    let (mut next, mut idle) = (None::<u64>, Vec::new());
    for peer in peers.iter().filter(|peer| peer.client.may_be_idle()) {
        let due = peer.client.active.mono_us + limit_us;
        if due <= now.mono_us {
            log::debug!("closing idle client id={}", peer.client.id.serial);
            idle.push(peer.client.id);
        } else {
            next = Some(next.map_or(due, |at| at.min(due)));
        }
    }
    idle.iter().for_each(|id| peers.doom(*id));
    next
}
