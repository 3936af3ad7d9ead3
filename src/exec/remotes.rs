//! Connections to other servers that keys have been moved to: kept for a while, since more keys
//! often follow.

use super::host::Remote;
use crate::base::time::Now;

/// Most connections that are kept.
const KEPT_MAX: usize = 64;
/// Microseconds after which one that nobody has used is closed.
const IDLE_US: u64 = 10_000_000;

/// A connection to another server.
pub struct Kept {
    /// Its host and its port, as they were given.
    pub address: (Vec<u8>, Vec<u8>),
    /// The connection.
    pub remote: Box<dyn Remote>,
    /// The database that it has selected, if that is known.
    pub db: Option<i64>,
}

/// Connections that wait to be used again, each with the moment of its last use on the monotonic
/// clock in microseconds; the one that has waited longest first.
#[derive(Default)]
pub struct Remotes(Vec<(Kept, u64)>);

impl Remotes {
    /// Takes the connection to a server out, if there is one.
    pub fn take(&mut self, host: &[u8], port: &[u8]) -> Option<Kept> {
        let is_it = |(kept, _): &(Kept, u64)| kept.address.0 == host && kept.address.1 == port;
        let at = self.0.iter().position(is_it)?;
        Some(self.0.remove(at).0)
    }

    /// Keeps a connection that has been used just now.
    pub fn keep(&mut self, kept: Kept, now: Now) {
        if self.0.len() == KEPT_MAX {
            self.0.remove(0);
        }
        self.0.push((kept, now.mono_us));
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// When the next one is to be closed, on the monotonic clock in microseconds.
    pub(super) fn next_us(&self) -> Option<u64> {
        self.0.first().map(|(_, used_us)| used_us + IDLE_US)
    }

    /// Closes those that nobody has used for long.
    pub(super) fn close_idle(&mut self, now: Now) {
        self.0.retain(|(_, used_us)| used_us + IDLE_US > now.mono_us);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use std::time::Duration;

    struct Silent;

    impl Remote for Silent {
        fn send(&mut self, _: &[u8], _: Duration) -> io::Result<()> {
            Ok(())
        }

        fn line(&mut self, _: Duration) -> io::Result<Vec<u8>> {
            Err(io::ErrorKind::TimedOut.into())
        }
    }

    fn kept(port: usize) -> Kept {
        let address = (b"host".to_vec(), port.to_string().into_bytes());
        Kept { address, remote: Box::new(Silent), db: None }
    }

    #[test]
    fn a_connection_is_kept_for_ten_seconds_after_its_last_use() {
        let (mut remotes, at) = (Remotes::default(), |mono_us| Now { unix_us: 0, mono_us });
        remotes.keep(kept(1), at(0));
        remotes.keep(kept(2), at(1));
        assert!(remotes.take(b"host", b"3").is_none());
        let first = remotes.take(b"host", b"1").unwrap();
        remotes.keep(first, at(5));
        assert_eq!(remotes.next_us(), Some(IDLE_US + 1));
        remotes.close_idle(at(IDLE_US + 1));
        assert_eq!((remotes.len(), remotes.next_us()), (1, Some(IDLE_US + 5)));
        remotes.close_idle(at(IDLE_US + 5));
        assert!(remotes.is_empty() && remotes.next_us().is_none());
    }

    #[test]
    fn the_one_that_has_waited_longest_makes_room() {
        let mut remotes = Remotes::default();
        (0..=KEPT_MAX).for_each(|port| remotes.keep(kept(port), Now::default()));
        assert_eq!(remotes.len(), KEPT_MAX);
        assert!(remotes.take(b"host", b"0").is_none() && remotes.take(b"host", b"1").is_some());
    }
}
