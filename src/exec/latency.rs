//! The latency monitor: events that took longer than a threshold, by name.

use std::collections::{BTreeMap, VecDeque};

/// Samples that are kept of an event.
const SAMPLES_MAX: usize = 160;

/// The worst of one second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LatencySample {
    /// The second, since 1970.
    pub unix_s: i64,
    /// Milliseconds that the event took.
    pub ms: u64,
}

/// The samples of an event, oldest first; there is at least one.
#[derive(Default)]
pub struct LatencySeries {
    samples: VecDeque<LatencySample>,
    /// The longest since the samples were reset, in milliseconds.
    pub max_ms: u64,
}

impl LatencySeries {
    /// The samples, oldest first.
    pub fn samples(&self) -> impl ExactSizeIterator<Item = LatencySample> {
        self.samples.iter().copied()
    }

    /// The youngest sample.
    pub fn latest(&self) -> Option<LatencySample> {
        self.samples.back().copied()
    }
}

/// All events that have taken long.
#[derive(Default)]
pub struct LatencyMonitor {
    series: BTreeMap<&'static str, LatencySeries>,
}

impl LatencyMonitor {
    /// Notes that an event took so long; of one second only the worst is kept.
    pub fn note(&mut self, event: &'static str, unix_s: i64, ms: u64) {
        let series = self.series.entry(event).or_default();
        series.max_ms = series.max_ms.max(ms);
        match series.samples.back_mut() {
            Some(last) if last.unix_s == unix_s => last.ms = last.ms.max(ms),
            _ => {
                if series.samples.len() == SAMPLES_MAX {
                    series.samples.pop_front();
                }
                series.samples.push_back(LatencySample { unix_s, ms });
            }
        }
    }

    /// The samples of an event, its name in any case.
    pub fn get(&self, event: &[u8]) -> Option<(&'static str, &LatencySeries)> {
        let mut all = self.iter();
        all.find(|(name, _)| name.as_bytes().eq_ignore_ascii_case(event))
    }

    /// All events with their samples, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &LatencySeries)> {
        self.series.iter().map(|(name, series)| (*name, series))
    }

    /// Number of events.
    pub fn len(&self) -> usize {
        self.series.len()
    }

    /// True without events.
    pub fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// Forgets all events that `is_meant`; returns how many.
    pub fn reset(&mut self, is_meant: impl Fn(&str) -> bool) -> usize {
        let before = self.series.len();
        self.series.retain(|name, _| !is_meant(name));
        before - self.series.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_keeps_its_worst() {
        let mut monitor = LatencyMonitor::default();
        for (unix_s, ms) in [(10, 5), (10, 9), (10, 7), (11, 3)] {
            monitor.note("command", unix_s, ms);
        }
        let (_, series) = monitor.get(b"COMMAND").expect("noted");
        let samples: Vec<_> = series.samples().map(|s| (s.unix_s, s.ms)).collect();
        assert_eq!((samples, series.max_ms), (vec![(10, 9), (11, 3)], 9));
        assert_eq!(monitor.reset(|name| name == "command"), 1);
        assert!(monitor.is_empty());
    }

    #[test]
    fn samples_have_a_bound() {
        let mut monitor = LatencyMonitor::default();
        (0..1_000).for_each(|s| monitor.note("command", s, 1));
        let (_, series) = monitor.get(b"command").expect("noted");
        assert_eq!(series.samples().len(), SAMPLES_MAX);
        assert_eq!(series.latest().map(|s| s.unix_s), Some(999));
    }
}
