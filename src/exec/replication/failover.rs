//! Failover on purpose: a primary waits until a replica has everything, and changes places with it.

use super::super::engine::Engine;
use super::super::state::State;
use super::Replication;
use crate::repl::{Replica, ReplicaStage};
use crate::resp::error::Error;
use crate::store::Store;

/// Whom a failover is to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Goal {
    /// The replica; any if none is named.
    pub target: Option<(String, u16)>,
    /// How long to wait for it, in microseconds; none for ever.
    pub timeout_us: Option<u64>,
    /// Whether it takes over when the time is over, with or without everything.
    pub is_forced: bool,
}

/// A failover that is going on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failover {
    goal: Goal,
    /// When waiting ends, on the monotonic clock in microseconds.
    until_us: Option<u64>,
    /// Whether we have become the replica of the new primary, which has not answered yet.
    is_handing_over: bool,
}

impl Replication {
    /// How far a failover has come, as INFO names it.
    pub fn failover_name(&self) -> &'static str {
        match &self.failover {
            None => "no-failover",
            Some(Failover { is_handing_over: false, .. }) => "waiting-for-sync",
            Some(Failover { is_handing_over: true, .. }) => "failover-in-progress",
        }
    }

    fn find(&self, target: &(String, u16)) -> Option<&Replica> {
        let is_target =
            |replica: &&Replica| (replica.address(), replica.about.port) == (&target.0, target.1);
        self.replicas.iter().find(is_target)
    }
}

impl State {
    /// Begins a failover: clients write no more until it has come to its end.
    ///
    /// # Errors
    /// Why there can be none.
    pub fn begin_failover(&mut self, goal: Goal, store: &mut Store) -> Result<(), Error> {
        if self.replication.failover.is_some() {
            return Err(Error::new("ERR FAILOVER already in progress."));
        }
        if self.is_replica() {
            return Err(Error::new("ERR FAILOVER is not valid when server is a replica."));
        }
        if self.replication.replicas.is_empty() {
            return Err(Error::new("ERR FAILOVER requires connected replicas."));
        }
        if goal.is_forced && (goal.timeout_us.is_none() || goal.target.is_none()) {
            return Err(Error::new(
                "ERR FAILOVER with force option requires both a timeout and target HOST and IP.",
            ));
        }
        if let Some(target) = &goal.target {
            let replica = self.replication.find(target);
            let replica =
                replica.ok_or(Error::new("ERR FAILOVER target HOST and PORT is not a replica."))?;
            if replica.stage != ReplicaStage::Online {
                return Err(Error::new("ERR FAILOVER target replica is not online."));
            }
        }
        match &goal.target {
            Some((host, port)) => log::info!("FAILOVER requested to {host}:{port}."),
            None => log::info!("FAILOVER requested."),
        }
        let until_us = goal.timeout_us.map(|us| self.now.mono_us.saturating_add(us));
        self.replication.failover = Some(Failover { goal, until_us, is_handing_over: false });
        self.replication.wants_acks = true;
        self.pause(u64::MAX, false);
        store.changes.keeps_due = true;
        Ok(())
    }

    /// When waiting for a replica ends, on the monotonic clock in microseconds.
    pub(in crate::exec) fn failover_due_us(&self) -> Option<u64> {
        let failover = self.replication.failover.as_ref()?;
        failover.until_us.filter(|_| !failover.is_handing_over)
    }
}

impl Engine {
    /// Looks whether the replica has everything, or the time is over.
    #[cold]
    pub(in crate::exec) fn tend_failover(&mut self) {
        let replication = &self.state.replication;
        let Some(failover) = replication.failover.clone().filter(|it| !it.is_handing_over) else {
            return;
        };
        let offset = self.state.replication_offset();
        let has_all =
            |replica: &&Replica| replica.acked == offset && replica.stage == ReplicaStage::Online;
        let synced = match &failover.goal.target {
            Some(target) => replication.find(target).filter(has_all),
            None => replication.replicas.iter().find(has_all),
        };
        if let Some(replica) = synced {
            let target = (replica.address().to_owned(), replica.about.port);
            log::info!("Failover target {}:{} is synced, failing over.", target.0, target.1);
            self.hand_over(failover, target);
        } else if failover.until_us.is_some_and(|at| at <= self.state.now.mono_us) {
            match failover.goal.target.clone().filter(|_| failover.goal.is_forced) {
                Some(target) => {
                    let (host, port) = &target;
                    log::info!("Failover to {host}:{port} time out exceeded, failing over.");
                    self.hand_over(failover, target);
                }
                None => self.abort_failover("Replica never caught up before timeout"),
            }
        }
    }

    fn hand_over(&mut self, failover: Failover, (host, port): (String, u16)) {
        self.state.replication.failover = Some(Failover { is_handing_over: true, ..failover });
        self.realm().follow(host, port, true);
    }

    /// Gives a failover up: we stay, or become again, the primary.
    pub(in crate::exec) fn abort_failover(&mut self, reason: &str) {
        self.realm().abort_failover(reason);
    }

    /// The new primary has answered: we are its replica.
    pub(in crate::exec) fn end_failover(&mut self) {
        if self.state.replication.failover.is_some() {
            self.realm().end_failover();
        }
    }
}

impl super::Realm<'_> {
    pub(super) fn abort_failover(&mut self, reason: &str) {
        let Some(failover) = self.state.replication.failover.clone() else { return };
        log::warn!("Aborting failover: {reason}");
        if failover.is_handing_over {
            self.lead();
        }
        self.end_failover();
    }

    fn end_failover(&mut self) {
        self.state.replication.failover = None;
        if let Some(primary) = &mut self.state.replication.primary {
            primary.is_failover = false;
        }
        self.state.pause = None;
        self.store.changes.keeps_due = self.state.is_replica();
        self.peers.resume();
    }
}

impl super::Call<'_> {
    /// Gives the failover up that is going on.
    ///
    /// # Errors
    /// That there is none.
    pub fn abort_failover(&mut self) -> Result<(), Error> {
        if self.state.replication.failover.is_none() {
            return Err(Error::new("ERR No failover in progress."));
        }
        self.realm().abort_failover("Failover manually aborted");
        Ok(())
    }
}
