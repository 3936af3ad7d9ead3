//! Which key goes when memory is used up.
//!
//! By deadline it is the first of the heap, by chance any. By use, some keys are looked at, and the
//! best of them stay candidates for the next choice, as in Redis. A candidate is named by its hash
//! and by what was noted of its use: a key that has been used since is none any more.

use super::Store;
use super::keyspace::Keyspace;
use super::usage::Usage;
use crate::base::id::DbIndex;
use crate::config::kinds::EvictionPolicy;
use crate::data::deadlines::Timed;
use crate::data::table::Place;

/// Candidates kept from one choice to the next.
const CANDIDATES_MAX: usize = 16;

/// The best keys to go of those that were looked at.
#[derive(Default)]
pub(super) struct Candidates(Vec<Candidate>);

#[derive(Clone, Copy)]
struct Candidate {
    db: DbIndex,
    hash: u64,
    access: u32,
}

impl Candidates {
    /// Adds a candidate; if there are enough of them, the worst one goes.
    fn add(&mut self, candidate: Candidate, usage: &Usage) {
        let is_it =
            |known: &&mut Candidate| (known.db, known.hash) == (candidate.db, candidate.hash);
        if let Some(known) = self.0.iter_mut().find(is_it) {
            known.access = candidate.access;
            return;
        }
        let rank = |at: usize| usage.rank(self.0[at].access);
        if self.0.len() >= CANDIDATES_MAX
            && let Some(worst) = (0..self.0.len()).min_by_key(|at| rank(*at))
        {
            if rank(worst) >= usage.rank(candidate.access) {
                return;
            }
            self.0.remove(worst);
        }
        self.0.push(candidate);
    }

    /// Takes the best one; of several, the one that has been a candidate for longest.
    fn take_best(&mut self, usage: &Usage) -> Option<Candidate> {
        let by_age = (0..self.0.len()).rev();
        let best = by_age.max_by_key(|at| usage.rank(self.0[*at].access))?;
        Some(self.0.remove(best))
    }
}

/// Which keys a policy chooses from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    All,
    WithDeadline,
}

impl Scope {
    fn len(self, space: &Keyspace) -> usize {
        match self {
            Scope::All => space.len(),
            Scope::WithDeadline => space.timed_len(),
        }
    }
}

/// A key that is to go: its database, its place and its hash.
type Victim = (DbIndex, Place, u64);

impl Store {
    /// Evicts a key as the policy has it, looking at so many keys where it goes by use; false if
    /// there is none.
    pub fn evict(
        &mut self,
        policy: EvictionPolicy,
        samples: usize,
        rng: &mut fastrand::Rng,
    ) -> bool {
        let victim = match policy {
            EvictionPolicy::NoEviction => None,
            EvictionPolicy::VolatileTtl => self.first_to_die(),
            EvictionPolicy::VolatileRandom => self.any(Scope::WithDeadline, rng),
            EvictionPolicy::AllkeysRandom => self.any(Scope::All, rng),
            EvictionPolicy::VolatileLru
            | EvictionPolicy::VolatileLfu
            | EvictionPolicy::VolatileLrm => self.least_used(Scope::WithDeadline, samples, rng),
            EvictionPolicy::AllkeysLru
            | EvictionPolicy::AllkeysLfu
            | EvictionPolicy::AllkeysLrm => self.least_used(Scope::All, samples, rng),
        };
        let Some((db, place, hash)) = victim else { return false };
        self.db(db, 0).evict(place, hash);
        true
    }

    /// The key with the earliest deadline.
    fn first_to_die(&self) -> Option<Victim> {
        let timed = self.spaces.iter().enumerate().filter(|(_, space)| space.timed_len() > 0);
        let (db, space) = timed.min_by_key(|(_, space)| space.earliest_ms())?;
        space.first_to_die().map(|(place, hash)| (db, place, hash))
    }

    /// Any key, each with the same probability.
    fn any(&self, scope: Scope, rng: &mut fastrand::Rng) -> Option<Victim> {
        let db = self.any_db(scope, rng)?;
        let space = &self.spaces[db];
        let found = match scope {
            Scope::All => space.sample_place(rng),
            Scope::WithDeadline => space.sample_timed(rng),
        };
        found.map(|(place, hash)| (db, place, hash))
    }

    /// The best of some keys and of the candidates from earlier choices.
    fn least_used(
        &mut self,
        scope: Scope,
        samples: usize,
        rng: &mut fastrand::Rng,
    ) -> Option<Victim> {
        // The first time all candidates may prove to be none any more; then there is room for those
        // found now.
        for _ in 0..2 {
            let db = self.any_db(scope, rng)?;
            self.look_for_candidates(db, scope, samples, rng);
            while let Some(Candidate { db, hash, access }) = self.candidates.take_best(&self.usage)
            {
                let Some(space) = self.spaces.get(db) else { continue };
                let place = space.find_unused(hash, access);
                let is_meant = |place: &Place| {
                    scope == Scope::All || space.entry(*place).heap_slot().is_some()
                };
                if let Some(place) = place.filter(is_meant) {
                    return Some((db, place, hash));
                }
            }
        }
        None
    }

    fn look_for_candidates(
        &mut self,
        db: DbIndex,
        scope: Scope,
        samples: usize,
        rng: &mut fastrand::Rng,
    ) {
        let Store { spaces, candidates, usage, .. } = self;
        let space = &spaces[db];
        let mut left = samples.min(scope.len(space));
        match scope {
            Scope::All => {
                while left > 0 {
                    // A line's items cost hardly more than one.
                    for (entry, hash) in space.sample_line(rng) {
                        candidates.add(Candidate { db, hash, access: entry.access() }, usage);
                        left = left.saturating_sub(1);
                    }
                }
            }
            Scope::WithDeadline => {
                for (place, hash) in (0..left).filter_map(|_| space.sample_timed(rng)) {
                    let access = space.entry(place).access();
                    candidates.add(Candidate { db, hash, access }, usage);
                }
            }
        }
    }

    /// A database, the more probable the more keys it has to choose from.
    fn any_db(&self, scope: Scope, rng: &mut fastrand::Rng) -> Option<DbIndex> {
        let total: usize = self.spaces.iter().map(|space| scope.len(space)).sum();
        if total == 0 {
            return None;
        }
        let mut left = rng.usize(0..total);
        self.spaces.iter().position(|space| match left.checked_sub(scope.len(space)) {
            Some(rest) => {
                left = rest;
                false
            }
            None => true,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::hash::KeyHasher;
    use crate::config::Config;
    use crate::data::text::Text;
    use crate::store::Ttl;

    fn store(rng: &mut fastrand::Rng, keys: usize) -> Store {
        let mut store = Store::new(4, KeyHasher::new(rng), Usage::new(&Config::default(), 1));
        for i in 0..keys {
            let key = i.to_string().into_bytes();
            let mut db = store.db(i % 4, 0);
            let spot = db.look(&key);
            let ttl = if i % 2 == 0 { Ttl::At(1_000) } else { Ttl::Clear };
            db.put("set", spot, Text::Int(1), ttl);
        }
        store
    }

    /// Keys that are found, and how many of them have a deadline.
    fn found(store: &mut Store, keys: usize) -> (usize, usize) {
        let (mut all, mut timed) = (0, 0);
        for i in 0..keys {
            let key = i.to_string().into_bytes();
            let db = &mut store.db(i % 4, 0);
            let spot = db.look(&key);
            all += usize::from(spot.exists());
            timed += usize::from(db.deadline_ms(&spot).is_some());
        }
        (all, timed)
    }

    #[test]
    fn one_key_goes_at_a_time_and_only_one_that_may() {
        const KEYS: usize = 4_000;
        let all = [EvictionPolicy::AllkeysLru, EvictionPolicy::AllkeysRandom];
        let timed = [
            EvictionPolicy::VolatileLru,
            EvictionPolicy::VolatileRandom,
            EvictionPolicy::VolatileTtl,
        ];
        for policy in all.into_iter().chain(timed) {
            let mut rng = fastrand::Rng::with_seed(3);
            let mut store = store(&mut rng, KEYS);
            let among = if all.contains(&policy) { KEYS } else { KEYS / 2 };
            for gone in 1..=among {
                assert!(store.evict(policy, 5, &mut rng), "{policy:?}");
                if gone % 250 == 0 {
                    let (left, timed) = found(&mut store, KEYS);
                    assert_eq!(left, KEYS - gone);
                    assert!(among == KEYS || timed == among - gone, "{policy:?}");
                }
            }
            assert!(!store.evict(policy, 5, &mut rng), "{policy:?}");
        }
    }
}
