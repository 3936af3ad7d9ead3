//! Limits on the output that waits for clients (`client-output-buffer-limit`).

use super::kinds::{Refusal, parse_memory, spell_memory};
use crate::base::num;

/// Limits on the output that waits for one client; zero means none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputLimit {
    /// Bytes at which the client is closed at once.
    pub hard_bytes: u64,
    /// Bytes at which it is closed after a while.
    pub soft_bytes: u64,
    /// The while, in seconds.
    pub soft_seconds: u64,
}

impl OutputLimit {
    /// True if any number of bytes may wait.
    #[inline]
    pub fn is_none(&self) -> bool {
        self.hard_bytes | self.soft_bytes == 0
    }
}

/// The kinds of clients that have limits of their own, as an index into [`OutputLimits`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitClass {
    /// Any other.
    Normal,
    /// Replicas.
    Replica,
    /// Subscribers.
    PubSub,
}

/// The limits by kind of client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputLimits([OutputLimit; 3]);

/// Longest time that a client may be over its soft limit.
const SOFT_SECONDS_MAX: u64 = i32::MAX as u64;

const LIMIT_CLASSES: [&str; 3] = ["normal", "slave", "pubsub"];

impl Default for OutputLimits {
    fn default() -> OutputLimits {
        let limit = |hard_mb: u64, soft_mb: u64, soft_seconds| OutputLimit {
            hard_bytes: hard_mb << 20,
            soft_bytes: soft_mb << 20,
            soft_seconds,
        };
        OutputLimits([limit(0, 0, 0), limit(256, 64, 60), limit(32, 8, 60)])
    }
}

impl OutputLimits {
    /// The limits of one kind of client.
    pub fn of(&self, class: LimitClass) -> OutputLimit {
        self.0[class as usize]
    }

    /// Reads `class hard soft seconds`, repeated; kinds not named keep their limits.
    pub(super) fn set(&mut self, text: &str) -> Result<(), Refusal> {
        let words: Vec<&str> = text.split_whitespace().collect();
        if !words.len().is_multiple_of(4) {
            return Err("Wrong number of arguments in buffer limit configuration.".to_owned());
        }
        for group in words.chunks_exact(4) {
            let class = match group[0].to_ascii_lowercase().as_str() {
                "normal" => LimitClass::Normal,
                "slave" | "replica" => LimitClass::Replica,
                "pubsub" => LimitClass::PubSub,
                _ => {
                    return Err(
                        "Invalid client class specified in buffer limit configuration.".to_owned()
                    );
                }
            };
            let bytes = |word| parse_memory(word).and_then(|bytes| u64::try_from(bytes).ok());
            let (hard, soft) = (bytes(group[1]), bytes(group[2]));
            let seconds = num::parse_u64(group[3].as_bytes()).filter(|s| *s <= SOFT_SECONDS_MAX);
            let (Some(hard_bytes), Some(soft_bytes), Some(soft_seconds)) = (hard, soft, seconds)
            else {
                return Err(
                    "Error in hard, soft or soft_seconds setting in buffer limit configuration."
                        .to_owned(),
                );
            };
            self.0[class as usize] = OutputLimit { hard_bytes, soft_bytes, soft_seconds };
        }
        Ok(())
    }

    pub(super) fn show(&self) -> String {
        let shown = LIMIT_CLASSES.iter().zip(&self.0).map(|(class, limit)| {
            let OutputLimit { hard_bytes, soft_bytes, soft_seconds } = limit;
            format!("{class} {hard_bytes} {soft_bytes} {soft_seconds}")
        });
        shown.collect::<Vec<_>>().join(" ")
    }

    pub(super) fn spell(&self) -> Vec<String> {
        let lines = ["normal", "replica", "pubsub"].iter().zip(&self.0).map(|(class, limit)| {
            let bytes = |bytes: u64| spell_memory(&bytes.to_string());
            let (hard, soft) = (bytes(limit.hard_bytes), bytes(limit.soft_bytes));
            format!("{class} {hard} {soft} {}", limit.soft_seconds)
        });
        lines.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_limits_keep_what_is_not_named() {
        let mut limits = OutputLimits::default();
        limits.set("pubsub 1mb 512k 10").unwrap();
        assert_eq!(
            limits.show(),
            "normal 0 0 0 slave 268435456 67108864 60 pubsub 1048576 512000 10"
        );
        assert!(limits.set("").is_ok(), "nothing is changed");
        for bad in [
            "pubsub 1 2",
            "friends 1 2 3",
            "normal x 2 3",
            "normal 1 2 -3",
            "normal 1 2 9223372036854775807",
        ] {
            assert!(limits.set(bad).is_err(), "{bad}");
        }
    }
}
