//! How a server stops: once its replicas have everything, or at once; and what it saves before.

use super::block::{self, GivenUp};
use super::engine::Engine;
use super::host::Host;
use super::log_rewrite;
use super::peers::{Peer, Peers};
use super::snapshot::{Failed, save_at, stop_saving};
use super::state::{Pause, State};
use crate::base::id::ClientId;
use crate::config::replication::micros;
use crate::exec::ChildKind;
use crate::hub::waiters::Waiters;
use crate::persist::aof::LogState;
use crate::resp::error::Error;
use crate::store::Store;
use crate::sys::fork::Pace;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What the client is told that has asked in vain for the server to stop.
pub const FAILED: Error = Error::new("ERR Errors trying to SHUTDOWN. Check logs.");

/// How a server stops.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ending {
    /// Whether it saves first; `None` if it does so where it saves by itself, too.
    pub saves: Option<bool>,
    /// Whether it stops even if it could not save.
    pub is_forced: bool,
    /// Whether it does not wait for replicas.
    pub is_now: bool,
    /// Whether a signal has asked for it: another one may end it where it is.
    pub is_signalled: bool,
}

impl Ending {
    /// As the words of `shutdown-on-sigterm` say.
    fn of_words(words: &str) -> Ending {
        let has = |word: &str| words.split(' ').any(|other| other == word);
        let saves = if has("save") { Some(true) } else { has("nosave").then_some(false) };
        Ending { saves, is_forced: has("force"), is_now: has("now"), is_signalled: true }
    }
}

/// A stop that waits for replicas.
#[derive(Clone, Copy, Debug)]
pub struct Shutdown {
    ending: Ending,
    /// When it waits no longer, on the monotonic clock in microseconds.
    pub until_us: u64,
    /// The pause that was there before.
    pause_before: Option<Pause>,
}

/// What has come of a wish to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopping {
    /// The server stops.
    Stops,
    /// It waits for replicas first.
    Waits,
}

impl State {
    /// Whether all replicas have everything.
    fn are_replicas_whole(&self) -> bool {
        let offset = self.replication_offset();
        self.replication.replicas.iter().all(|replica| replica.acked == offset)
    }

    /// When the stop that is waited with goes on, on the monotonic clock in microseconds.
    pub(super) fn shutdown_due_us(&self) -> Option<u64> {
        let shutdown = self.shutdown.as_ref()?;
        Some(if self.are_replicas_whole() { self.now.mono_us } else { shutdown.until_us })
    }
}

/// Begins to stop the server, which waits for replicas that lack something unless it is to stop
/// now.
///
/// # Errors
/// That what was to be saved could not be; then the server goes on.
pub fn begin(
    store: &mut Store,
    state: &mut State,
    ending: Ending,
    host: &mut dyn Host,
) -> Result<Stopping, Failed> {
    if state.shutdown.is_some() {
        return Ok(Stopping::Waits);
    }
    log::warn!("User requested shutdown...");
    let timeout_us = micros(state.config.repl.shutdown_timeout_s);
    if ending.is_now || timeout_us == 0 || state.are_replicas_whole() {
        return finish(store, state, ending, host);
    }
    log::info!("Waiting for replicas before shutting down.");
    let until_us = state.now.mono_us.saturating_add(timeout_us);
    state.shutdown = Some(Shutdown { ending, until_us, pause_before: state.pause });
    state.replication.ask_for_acks();
    state.pause(u64::MAX, false);
    store.changes.keeps_due = true;
    Ok(Stopping::Waits)
}

/// Lets the server stop, once what is to be saved is.
fn finish(
    store: &Store,
    state: &mut State,
    ending: Ending,
    host: &mut dyn Host,
) -> Result<Stopping, Failed> {
    tell_lagging(state);
    stop_saving(state, host);
    if state.children.of(ChildKind::LogRewrite).is_some() {
        if state.log.state == LogState::Waiting {
            if !ending.is_forced {
                log::warn!("Writing initial AOF, can't exit.");
                return Err(Failed);
            }
            log::warn!("Writing initial AOF. Exit anyway.");
        }
        log_rewrite::stop_rewriting(state, host);
    }
    // What is there while data is being loaded is not all of it.
    let saves = ending.saves.unwrap_or(state.persistence.has_points());
    if saves && state.persistence.loading.is_none() {
        log::info!("Saving the final RDB snapshot before exiting.");
        let pace = match ending.is_signalled {
            true => Pace::until(Arc::clone(&state.facts.interrupted)),
            false => Pace::start(),
        };
        if save_at(pace, store, state, host).is_err() {
            if ending.is_signalled && state.facts.interrupted.load(Ordering::Relaxed) {
                return Ok(insist(state));
            }
            if !ending.is_forced {
                log::warn!("Error trying to save the DB, can't exit.");
                return Err(Failed);
            }
            log::warn!("Error trying to save the DB. Exit anyway.");
        }
    }
    state.is_stopping = true;
    Ok(Stopping::Stops)
}

/// Lets the server stop as it is.
fn insist(state: &mut State) -> Stopping {
    state.persistence.failure = Some("You insist... exiting now.".to_owned());
    state.is_stopping = true;
    Stopping::Stops
}

/// Tells the log which replicas lack something.
fn tell_lagging(state: &State) {
    let offset = state.replication_offset();
    let replicas = &state.replication.replicas;
    let lagging: Vec<_> = replicas.iter().filter(|replica| replica.acked != offset).collect();
    for replica in &lagging {
        log::info!(
            "Lagging replica {}:{} reported offset {} behind master, lag={}, state={}.",
            replica.address(),
            replica.about.port,
            offset.saturating_sub(replica.acked),
            replica.lag_s(state.now),
            replica.stage.name(),
        );
    }
    let all = replicas.len();
    if all > 0 {
        let whole = all - lagging.len();
        log::info!("{whole} of {all} replicas are in sync when shutting down.");
    }
}

/// Calls the stop off that is waited with; false if there is none. Who has asked for it is told.
pub fn cancel(
    (store, state): (&mut Store, &mut State),
    peers: &mut Peers,
    waiters: &mut Waiters,
) -> bool {
    let was_asked = state.signal_waits.take().is_some();
    let Some(shutdown) = state.shutdown.take() else { return was_asked };
    let now_us = state.now.mono_us;
    state.pause = shutdown.pause_before.filter(|pause| pause.until_us > now_us);
    store.changes.keeps_due = state.pause.is_some() || state.is_replica();
    peers.resume();
    let waits = |peer: &&Peer| {
        let parked = peer.client.parked.as_ref();
        parked.is_some_and(|parked| parked.waits_for_end())
    };
    let waiting: Vec<ClientId> = peers.iter().filter(waits).map(|peer| peer.client.id).collect();
    for client in waiting {
        let why = GivenUp::CalledOff(FAILED);
        if let Some(parked) = block::give_up(waiters, peers, state, client, &why) {
            state.stats.ran(parked.command, true);
            state.stats.errored(&FAILED);
        }
    }
    true
}

impl Engine {
    /// Stops upon a signal, in the way that the parameters say.
    pub fn stop_by_signal(&mut self, is_interrupt: bool, host: &mut dyn Host) {
        if self.state.is_stopping {
            return;
        }
        if self.state.shutdown.is_some() && is_interrupt {
            insist(&mut self.state);
            return;
        }
        if self.state.is_cron_paused {
            self.state.signal_waits = Some(is_interrupt);
            return;
        }
        // From here on, one more is impatience.
        self.state.facts.interrupted.store(false, Ordering::Relaxed);
        let config = &self.state.config;
        let words =
            if is_interrupt { &config.shutdown_on_sigint } else { &config.shutdown_on_sigterm };
        let ending = Ending::of_words(words);
        if begin(&mut self.store, &mut self.state, ending, host).is_err() {
            complain();
        }
    }

    /// Heeds a signal that has waited for scheduled work to go on.
    #[cold]
    pub(super) fn heed_signal(&mut self, host: &mut dyn Host) {
        if !self.state.is_cron_paused
            && let Some(is_interrupt) = self.state.signal_waits.take()
        {
            self.stop_by_signal(is_interrupt, host);
        }
    }

    /// Goes on with a stop that has waited for replicas, if they have everything or its time is
    /// over.
    #[cold]
    pub(super) fn tend_shutdown(&mut self, host: &mut dyn Host) {
        let Some(shutdown) = self.state.shutdown else { return };
        if self.state.shutdown_due_us().is_none_or(|at| at > self.state.now.mono_us) {
            return;
        }
        if finish(&self.store, &mut self.state, shutdown.ending, host).is_err() {
            complain();
            let Engine { store, state, peers, waiters, .. } = self;
            cancel((store, state), peers, waiters);
        }
    }
}

fn complain() {
    log::warn!("Errors trying to shut down the server. Check the logs for more information.");
}
