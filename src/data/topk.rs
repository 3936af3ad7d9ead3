//! The heaviest of very many keys, in bounded memory: the Space-Saving summary of Metwally, Agrawal
//! and El Abbadi (2005).
//!
//! A key that is not counted takes the place of the lightest one that is, and begins with its
//! weight. So every key that makes up more than one part in [`TopKeys::new`]'s `counters` of the
//! whole weight is there, and a weight is never too small.

use std::collections::HashMap;

/// Counts the weights of keys.
pub struct TopKeys {
    weights: HashMap<Box<[u8]>, u64>,
    counters: usize,
}

impl TopKeys {
    /// A summary that counts so many keys at a time, at least one.
    pub fn new(counters: usize) -> TopKeys {
        TopKeys { weights: HashMap::default(), counters: counters.max(1) }
    }

    /// Adds to the weight of a key.
    pub fn add(&mut self, key: &[u8], weight: u64) {
        if let Some(total) = self.weights.get_mut(key) {
            *total += weight;
            return;
        }
        let mut inherited = 0;
        if self.weights.len() >= self.counters {
            // The key decides between equals, so that the same input has the same outcome.
            let lightest = self.weights.iter().map(|(key, weight)| (weight, key)).min();
            if let Some(key) = lightest.map(|(_, key)| key.clone()) {
                inherited = self.weights.remove(&key).unwrap_or(0);
            }
        }
        self.weights.insert(key.into(), inherited + weight);
    }

    /// The heaviest keys, the heaviest first and at most `max` of them.
    pub fn heaviest(&self, max: usize) -> Vec<(&[u8], u64)> {
        let mut all: Vec<(&[u8], u64)> =
            self.weights.iter().map(|(key, weight)| (&**key, *weight)).collect();
        all.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        all.truncate(max);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_keys_are_counted_exactly() {
        let mut top = TopKeys::new(4);
        for (key, weight) in [("a", 1), ("b", 5), ("a", 2), ("c", 3)] {
            top.add(key.as_bytes(), weight);
        }
        assert_eq!(top.heaviest(2), [(&b"b"[..], 5), (b"a", 3)]);
    }

    #[test]
    fn heavy_keys_are_found_among_many_light_ones() {
        let mut rng = fastrand::Rng::with_seed(3);
        let mut top = TopKeys::new(64);
        let mut truth = [0; 4];
        for _ in 0..20_000 {
            let hot = rng.usize(0..16);
            if let Some(count) = truth.get_mut(hot) {
                *count += 1;
                top.add(&[b'h', u8::try_from(hot).unwrap()], 1);
            } else {
                top.add(&rng.u32(..).to_le_bytes(), 1);
            }
        }
        let found = top.heaviest(4);
        for (hot, truth) in (0u8..).zip(truth) {
            let (_, weight) = found.iter().find(|(key, _)| *key == [b'h', hot]).unwrap();
            assert!(*weight >= truth && *weight <= truth + 20_000 / 64, "{weight} of {truth}");
        }
    }
}
