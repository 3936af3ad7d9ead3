//! Hashing of what clients choose, with a secret of the process.

use std::hash::{BuildHasher, Hasher};

/// Hashes keys with a secret, so that nobody can choose keys that collide.
#[derive(Clone)]
pub struct KeyHasher(ahash::RandomState);

impl KeyHasher {
    /// A hasher whose secret is drawn from `rng`.
    pub fn new(rng: &mut fastrand::Rng) -> KeyHasher {
        let [a, b, c, d] = std::array::from_fn(|_| rng.u64(..));
        KeyHasher(ahash::RandomState::with_seeds(a, b, c, d))
    }

    /// The hash of a key.
    #[inline]
    pub fn hash(&self, key: &[u8]) -> u64 {
        let mut state = self.0.build_hasher();
        state.write(key);
        state.finish()
    }
}
