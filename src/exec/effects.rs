//! What follows from a command once its reply is written: events and messages reach whoever
//! listens.

use super::client::Closing;
use super::engine::Engine;
use super::host::Host;
use super::peers::{OutputState, Peer, Peers};
use super::publish::Station;
use super::state::State;
use crate::acl::Standing;
use crate::base::id::ClientId;
use crate::store::Changes;

impl Engine {
    /// True if something waits to be delivered.
    #[inline]
    pub(super) fn has_effects(&self) -> bool {
        let changes = &self.store.changes;
        changes.has_events()
            || changes.has_touched()
            || self.peers.has_held()
            || !self.tracking.postponed.is_empty()
            || self.monitors.has_lines()
            || self.state.replication.has_new_acks()
    }

    /// True if so much output waits for a client that it must be closed.
    #[inline]
    pub(super) fn is_over_limit(&mut self, peer: &mut Peer) -> bool {
        is_over_limit(&mut self.state, peer)
    }

    /// Delivers what has been reported and published, and serves those who wait for keys that have
    /// changed. Costs four comparisons while there is nothing.
    #[inline]
    pub(super) fn settle(&mut self, host: &mut dyn Host) {
        self.deliver();
        // Who is served may change keys that others wait for.
        while self.store.changes.has_touched() {
            self.follow_touched(host);
            self.deliver();
        }
        if self.state.replication.has_new_acks() {
            self.serve_ack_waiters(host);
        }
    }

    /// Tells those who watch keys or wait for them that keys have changed.
    #[cold]
    fn follow_touched(&mut self, host: &mut dyn Host) {
        self.tell_changes();
        let touched = self.store.changes.take_touched();
        touched.iter().for_each(|touched| self.note_touched(touched));
        self.serve_waiters(touched, host);
        self.store.changes.list_touched(
            !self.waiters.is_empty() || !self.watches.is_empty() || self.tracking.is_on(),
        );
    }

    #[inline]
    fn deliver(&mut self) {
        if self.peers.has_held() {
            for (slot, message) in self.peers.take_held() {
                self.station().0.deliver(slot, &message);
            }
        }
        if self.store.changes.has_events() {
            if self.state.feed.is_on() {
                // Keys that were due and died as someone looked whom no command had sent.
                self.feed_deaths();
            }
            self.publish_events();
            self.store.changes.take_events();
        }
        if !self.tracking.postponed.is_empty() {
            self.tell_postponed();
        }
        if self.monitors.has_lines() {
            self.tell_monitors();
        }
    }

    /// Publishes the events that have not been published yet.
    #[inline]
    pub(super) fn publish_events(&mut self) {
        if self.store.changes.has_events() {
            let (mut station, changes) = self.station();
            station.publish_events(changes);
        }
    }

    fn station(&mut self) -> (Station<'_>, &mut Changes) {
        let Engine { pubsub, peers, state, store, .. } = self;
        (Station { pubsub, peers, state }, &mut store.changes)
    }

    /// Writes the commands that were seen to all who watch.
    #[cold]
    fn tell_monitors(&mut self) {
        let clients = self.monitors.clients();
        for line in self.monitors.take_lines() {
            for id in &clients {
                self.peers.write(*id, |out| out.status(&line));
                close_if_over_limit(&mut self.peers, &mut self.state, *id);
            }
        }
    }
}

fn close_if_over_limit(peers: &mut Peers, state: &mut State, id: ClientId) {
    if peers.get_mut(id).is_some_and(|peer| is_over_limit(state, peer)) {
        peers.doom(id);
    }
}

/// True if so much output waits for a client that it must be closed; if it may only be for a while,
/// looks again later.
#[inline]
pub(super) fn is_over_limit(state: &mut State, peer: &mut Peer) -> bool {
    if peer.client.closing == Some(Closing::Now) {
        return false;
    }
    let limits = &state.config.client_output_buffer_limit;
    match peer.check_output(limits, state.now) {
        OutputState::Within => false,
        OutputState::OverSoft { due } => {
            state.agenda.watch_soft_limit(due);
            false
        }
        OutputState::TooMuch => {
            // A stranger is not to fill the log.
            let is_known = peer.client.standing != Standing::Locked;
            let level = if is_known { log::Level::Warn } else { log::Level::Debug };
            log::log!(level, "closing client id={}: output limit", peer.client.id.serial);
            state.stats.closed_for_output += 1;
            true
        }
    }
}
