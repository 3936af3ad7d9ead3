//! Keys that clients of a writable replica have given a deadline: the primary does not know of
//! them, so they die here.
//!
//! A key is known by name. If the stream of the primary has changed it since, what counts is the
//! deadline that it has now.

use super::super::client::Client;
use super::super::engine::Engine;
use super::super::table::CommandId;
use super::{Replication, Side};
use crate::base::id::DbIndex;
use crate::base::time::Now;
use crate::resp::argv::Argv;
use crate::spec::flags::Flags;
use std::collections::BTreeSet;

/// Keys that die in one tick; the rest waits for the next.
const DEATHS_PER_TICK: usize = 1_000;

/// Such keys by deadline, in milliseconds since 1970.
pub(super) type OwnKeys = BTreeSet<(i64, DbIndex, Box<[u8]>)>;

impl Replication {
    /// True if there are such keys.
    #[inline]
    pub(in crate::exec) fn has_own(&self) -> bool {
        !self.own.is_empty()
    }

    /// When the first one dies, on the monotonic clock in microseconds.
    pub(in crate::exec) fn own_due_us(&self, now: Now) -> Option<u64> {
        let (at_ms, ..) = self.own.first()?;
        let at_us = u64::try_from(*at_ms).unwrap_or(0).saturating_mul(1_000);
        Some(now.mono_us.saturating_add(at_us.saturating_sub(now.unix_us)))
    }
}

impl Engine {
    /// Notes the deadlines of the keys that a client has changed, if this is a replica.
    #[cold]
    pub(in crate::exec) fn note_own(&mut self, client: &Client, id: CommandId, argv: Argv<'_>) {
        let row = self.table.row(id);
        let writes = row.command.spec.flags.contains(Flags::WRITE);
        if !writes || client.side == Side::Primary || !self.state.is_replica() {
            return;
        }
        let now_ms = self.state.now.unix_ms();
        for index in row.key_indexes(argv) {
            let mut db = self.store.db(client.db, now_ms);
            let key = argv.at(index);
            let spot = db.find(key);
            if let Some(at_ms) = db.deadline_ms(&spot) {
                self.state.replication.own.insert((at_ms, client.db, key.into()));
            }
        }
    }

    /// Removes those that are due.
    #[cold]
    pub(in crate::exec) fn bury_own(&mut self) {
        let now_ms = self.state.now.unix_ms();
        for _ in 0..DEATHS_PER_TICK {
            let own = &mut self.state.replication.own;
            if own.first().is_none_or(|(at_ms, ..)| *at_ms > now_ms) {
                return;
            }
            if let Some((_, db, key)) = own.pop_first() {
                self.store.db(db, now_ms).bury_kept(&key);
            }
        }
    }
}
