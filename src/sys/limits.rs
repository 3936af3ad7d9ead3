//! Limits that the operating system sets on the process.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that the process may have open, after trying to raise the limit to `wanted`.
///
/// Raises the soft limit, and the hard one where the process may; never lowers anything. Where
/// `wanted` is out of reach, the highest reachable limit is set.
pub fn raise_open_files(wanted: u64) -> u64 {
    let before = getrlimit(Resource::Nofile);
    let current = before.current.unwrap_or(u64::MAX);
    if current >= wanted {
        return current;
    }
    let maximum = before.maximum.unwrap_or(u64::MAX);
    let both = Rlimit { current: Some(wanted), maximum: Some(wanted.max(maximum)) };
    let soft = Rlimit { current: Some(wanted.min(maximum)), maximum: before.maximum };
    for attempt in [both, soft] {
        if setrlimit(Resource::Nofile, attempt).is_ok() {
            return attempt.current.unwrap_or(u64::MAX);
        }
    }
    current
}

/// CPU seconds: in the kernel and in user code.
#[derive(Clone, Copy, Default)]
pub struct CpuUse {
    /// Kernel seconds of the process.
    pub sys: f64,
    /// User seconds of the process.
    pub user: f64,
    /// Kernel seconds of its ended children.
    pub children_sys: f64,
    /// User seconds of its ended children.
    pub children_user: f64,
}

/// CPU time of the process as /proc/self/stat counts it, in hundredths of a second; zeros where
/// that is missing.
pub fn cpu_use() -> CpuUse {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The second field is the program's name in parentheses and may hold spaces.
    let fields = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let mut times = fields.split(' ').skip(11).map(|field| field.parse::<u32>().unwrap_or(0));
    let mut next = || f64::from(times.next().unwrap_or(0)) / 100.0;
    let (user, sys, children_user, children_sys) = (next(), next(), next(), next());
    CpuUse { sys, user, children_sys, children_user }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_never_lowered() {
        let now = raise_open_files(0);
        assert_eq!(raise_open_files(1), now);
        assert!(raise_open_files(now) >= now);
    }

    #[test]
    fn cpu_time_is_counted() {
        let mut sum = 0u64;
        for i in 0..50_000_000u64 {
            sum = std::hint::black_box(sum ^ i);
        }
        assert!(cpu_use().user > 0.0);
    }
}
