//! Sleeping until something happens or is due, to a fraction of a millisecond.
//!
//! `epoll_wait` counts whole milliseconds. And Linux takes the liberty to wake a sleeper late by a
//! thousandth of its sleep (a two-hundredth of it, if its priority has been lowered), a tenth of a
//! second at most: see `select_estimate_accuracy` in the kernel's `fs/select.c`. So a sleep is cut
//! short by as much, and what is left of the last millisecond is slept by `ppoll`, which counts
//! nanoseconds. A server that is busy hardly ever comes to that.

use mio::{Events, Poll};
use rustix::event::{PollFd, PollFlags, Timespec};
use std::io::{self, ErrorKind};
use std::time::Duration;

/// The part of a sleep by which the system may be late.
const LATE_PART: u64 = 200;
/// Microseconds by which it may be late at most.
const LATE_MAX_US: u64 = 100_000;
/// The longest sleep, in milliseconds: what the system's call can express, halved.
const SLEEP_MAX_MS: u64 = 1 << 30;

/// Waits for events, for so many microseconds or, given `None`, without end. It may come back
/// earlier, without events, but not later by more than the system is at its best.
///
/// # Errors
/// What the system says when it can poll no more.
pub(super) fn wait(poll: &mut Poll, events: &mut Events, us: Option<u64>) -> io::Result<()> {
    let timeout = match us {
        None => None,
        Some(0) => Some(Duration::ZERO),
        Some(us) => match whole_ms(us) {
            0 if !is_something_ready(poll, us) => {
                events.clear();
                return Ok(());
            }
            ms => Some(Duration::from_millis(ms)),
        },
    };
    match poll.poll(events, timeout) {
        // A signal; it arrives as an event as well.
        Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
        result => result,
    }
}

/// The whole milliseconds for which to sleep so as not to sleep longer than `us`.
fn whole_ms(us: u64) -> u64 {
    ((us - (us / LATE_PART).min(LATE_MAX_US)) / 1_000).min(SLEEP_MAX_MS)
}

/// Waits for less than two milliseconds or until the poll has events.
fn is_something_ready(poll: &Poll, us: u64) -> bool {
    let mut fds = [PollFd::new(poll.registry(), PollFlags::IN)];
    let timeout = Timespec { tv_sec: 0, tv_nsec: i64::try_from(us * 1_000).unwrap_or(0) };
    // A signal counts as something.
    rustix::event::poll(&mut fds, Some(&timeout)).map_or(true, |ready| ready > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleep_ends_before_the_system_may_be_late() {
        let cases = [
            (1, 0),
            (999, 0),
            (1_004, 0),
            (1_006, 1),
            (2_000, 1),
            (10_000, 9),
            (2_000_000, 1_990),
            (3_600_000_000, 3_599_900),
            (u64::MAX, SLEEP_MAX_MS),
        ];
        for (us, ms) in cases {
            assert_eq!(whole_ms(us), ms, "{us}");
        }
    }

    #[test]
    #[allow(clippy::disallowed_methods, reason = "a real clock judges a real sleep")]
    fn what_is_left_of_a_millisecond_is_slept() {
        let mut poll = Poll::new().expect("a poll");
        let mut events = Events::with_capacity(1);
        let start = std::time::Instant::now();
        wait(&mut poll, &mut events, Some(700)).expect("slept");
        assert!(start.elapsed() >= Duration::from_micros(700));
        assert!(events.is_empty());
    }
}
