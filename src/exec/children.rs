//! The process that does one thing while this one goes on serving: at most one at a time.
//!
//! Whoever needs a picture of the data as it is now (a snapshot, a shorter log, a replica) starts a
//! child of its [`ChildKind`]; the driver tells of its end with [`Engine::child_ended`], which
//! hands it to the kind's owner.

use super::engine::Engine;
use super::host::{Host, Job};
use crate::base::num;
use crate::base::time::Now;
use crate::sys::fork::End;
use std::io;
use std::os::fd::RawFd;

/// What a child is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChildKind {
    /// It writes a snapshot to a file.
    Snapshot,
    /// It writes the append-only file anew.
    LogRewrite,
    /// It writes a snapshot for replicas.
    Sync,
}

/// A child that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Child {
    /// What for.
    pub kind: ChildKind,
    /// The number of its process.
    pub pid: i32,
    /// When it was started.
    pub started: Now,
}

/// The child that runs, and what is known of those before.
#[derive(Default)]
pub struct Children {
    current: Option<Child>,
    /// How many there have been.
    pub forks: u64,
    /// How long the latest fork took, in microseconds.
    pub fork_us: u64,
}

impl Children {
    /// The child that runs.
    #[inline]
    pub fn current(&self) -> Option<&Child> {
        self.current.as_ref()
    }

    /// The child of that kind, if one runs.
    pub fn of(&self, kind: ChildKind) -> Option<&Child> {
        self.current.as_ref().filter(|child| child.kind == kind)
    }

    /// The child that makes a snapshot for whomever, if one runs.
    pub fn saving(&self) -> Option<&Child> {
        self.current.as_ref().filter(|child| child.kind != ChildKind::LogRewrite)
    }

    /// Starts a child for a job, which sees the data as it is now. Of the sockets it has only those
    /// in `keeps`.
    ///
    /// # Errors
    /// The system's.
    pub fn start(
        &mut self,
        kind: ChildKind,
        now: Now,
        host: &mut dyn Host,
        keeps: &[RawFd],
        job: Job<'_>,
    ) -> io::Result<i32> {
        debug_assert!(self.current.is_none(), "there is one child at a time");
        let from = host.ticks();
        let pid = host.spawn(keeps, job)?;
        let ticks = host.ticks().saturating_sub(from);
        self.fork_us = num::whole(num::float(ticks) / host.ticks_per_us());
        self.forks += 1;
        self.current = Some(Child { kind, pid, started: now });
        Ok(pid)
    }

    /// Ends the child of that kind, if one runs; its owner hears no more of it. True if there was
    /// one.
    pub fn kill(&mut self, kind: ChildKind, host: &mut dyn Host) -> bool {
        let is_there = self.of(kind).is_some();
        if is_there {
            self.current = None;
            host.kill_child();
        }
        is_there
    }
}

impl Engine {
    /// Takes note that the child has ended.
    pub fn child_ended(&mut self, end: End, host: &mut dyn Host) {
        let Some(child) = self.state.children.current.take() else { return };
        match child.kind {
            ChildKind::Snapshot => self.snapshot_ended(child.pid, child.started, end, host),
            ChildKind::LogRewrite => self.rewrite_ended(child.pid, child.started, end, host),
            ChildKind::Sync => self.sync_ended(end, host),
        }
    }
}
