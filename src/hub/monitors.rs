//! Who watches all commands, and what there is to be seen.

use crate::base::id::ClientId;
use crate::base::quoted;
use std::collections::BTreeSet;

/// The clients that have sent MONITOR, and the lines that they have not been told yet.
#[derive(Default)]
pub struct Monitors {
    /// In order of connection, so that deliveries are the same in every run.
    clients: BTreeSet<ClientId>,
    lines: Vec<String>,
}

impl Monitors {
    /// True if nobody watches.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    /// Has a client watch from now on.
    pub fn add(&mut self, client: ClientId) {
        self.clients.insert(client);
    }

    /// Has a client watch no more.
    pub fn remove(&mut self, client: ClientId) {
        self.clients.remove(&client);
    }

    /// The clients that watch, in order of connection.
    pub fn clients(&self) -> Vec<ClientId> {
        self.clients.iter().copied().collect()
    }

    /// Shows a request: when it ran in microseconds since 1970, in which database, whose it was.
    pub fn show(&mut self, unix_us: u64, db: usize, from: &str, argv: &[Vec<u8>]) {
        let (seconds, us) = (unix_us / 1_000_000, unix_us % 1_000_000);
        let mut line = format!("{seconds}.{us:06} [{db} {from}]");
        for arg in argv {
            line.push(' ');
            line.push_str(&quoted::quote(arg));
        }
        self.lines.push(line);
    }

    /// True if there are lines to take.
    #[inline]
    pub fn has_lines(&self) -> bool {
        !self.lines.is_empty()
    }

    /// Takes the lines, in order.
    pub fn take_lines(&mut self) -> Vec<String> {
        std::mem::take(&mut self.lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_when_where_who_and_what() {
        let mut monitors = Monitors::default();
        let argv = [b"SET".to_vec(), b"a \"b\"\n".to_vec(), Vec::new()];
        monitors.show(1_700_000_000_000_042, 3, "127.0.0.1:5", &argv);
        let expected = r#"1700000000.000042 [3 127.0.0.1:5] "SET" "a \"b\"\n" """#;
        assert_eq!(monitors.take_lines(), [expected]);
        assert!(!monitors.has_lines());
    }
}
