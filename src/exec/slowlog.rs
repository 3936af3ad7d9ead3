//! The slow log: the latest commands that took long, with as much of their arguments as is useful.

use super::client::Client;
use crate::resp::argv::Argv;
use std::collections::VecDeque;

/// Arguments that are kept of a command; the last of them may tell how many more there were.
const ARGS_MAX: usize = 32;
/// Bytes that are kept of an argument.
const ARG_BYTES_MAX: usize = 128;
/// What stands for an argument that nobody is to read.
const REDACTED: &[u8] = b"(redacted)";

/// One command that took long.
pub struct SlowEntry {
    /// Counts up from 0.
    pub id: u64,
    /// When it ended, in seconds since 1970.
    pub unix_s: i64,
    /// How long it took, in microseconds.
    pub us: u64,
    /// Its arguments, shortened.
    pub argv: Vec<Vec<u8>>,
    /// The client's address.
    pub addr: String,
    /// The client's name.
    pub name: String,
}

/// The latest slow commands, the youngest first.
#[derive(Default)]
pub struct SlowLog {
    entries: VecDeque<SlowEntry>,
    next_id: u64,
}

impl SlowLog {
    /// Number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True without entries.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entries, the youngest first.
    pub fn iter(&self) -> impl Iterator<Item = &SlowEntry> {
        self.entries.iter()
    }

    /// Forgets all entries; numbers go on.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// Adds an entry for a command of a client, and drops the oldest ones over `max`.
    pub(super) fn add(
        &mut self,
        (unix_s, us): (i64, u64),
        argv: Vec<Vec<u8>>,
        client: &Client,
        max: usize,
    ) {
        let (addr, name) = (client.connection.addr.clone(), client.name.clone());
        self.entries.push_front(SlowEntry { id: self.next_id, unix_s, us, argv, addr, name });
        self.next_id += 1;
        self.entries.truncate(max);
    }
}

/// Copies arguments, all of them or shortened, without those whose indexes are `hidden`.
pub(super) fn copy_args(argv: Argv<'_>, hidden: &[usize]) -> Vec<Vec<u8>> {
    let visible = |(index, arg)| if hidden.contains(&index) { REDACTED } else { arg };
    argv.from(0).enumerate().map(|pair| visible(pair).to_vec()).collect()
}

/// Copies arguments as the slow log keeps them.
pub(super) fn shorten(argv: Argv<'_>, hidden: &[usize]) -> Vec<Vec<u8>> {
    let kept = if argv.len() > ARGS_MAX { ARGS_MAX - 1 } else { argv.len() };
    let mut short: Vec<Vec<u8>> = Vec::with_capacity(kept + 1);
    for (index, arg) in argv.from(0).enumerate().take(kept) {
        let rest = arg.len().saturating_sub(ARG_BYTES_MAX);
        let mut bytes = arg[..arg.len() - rest].to_vec();
        if hidden.contains(&index) {
            bytes = REDACTED.to_vec();
        } else if rest > 0 {
            bytes.extend_from_slice(format!("... ({rest} more bytes)").as_bytes());
        }
        short.push(bytes);
    }
    if kept < argv.len() {
        short.push(format!("... ({} more arguments)", argv.len() - kept).into_bytes());
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::acl::Standing;
    use crate::base::id::ClientId;
    use crate::base::time::Now;
    use crate::exec::client::Connection;
    use crate::resp::argv::ArgvBuf;

    fn texts(argv: Vec<Vec<u8>>) -> Vec<String> {
        argv.into_iter().map(|arg| String::from_utf8(arg).expect("ascii")).collect()
    }

    #[test]
    fn long_requests_are_shortened() {
        let numbers = (0..33).map(|i| i.to_string());
        let many: ArgvBuf = numbers.collect();
        let short = texts(shorten(many.borrow(), &[]));
        assert_eq!((short.len(), short[30].as_str()), (32, "30"));
        assert_eq!(short[31], "... (2 more arguments)");
        let full: ArgvBuf = (0..32).map(|i| i.to_string()).collect();
        assert_eq!(texts(shorten(full.borrow(), &[])).last().expect("args"), "31");
        let long: ArgvBuf = ["a".repeat(128), "b".repeat(131)].into_iter().collect();
        let short = texts(shorten(long.borrow(), &[]));
        assert_eq!(short[0].len(), 128);
        assert_eq!(short[1], format!("{}... (3 more bytes)", "b".repeat(128)));
    }

    #[test]
    fn secrets_are_not_kept() {
        let argv: ArgvBuf = ["auth", "me", "secret"].into_iter().collect();
        let expected = ["auth", "me", "(redacted)"];
        assert_eq!(texts(shorten(argv.borrow(), &[2])), expected);
        assert_eq!(texts(copy_args(argv.borrow(), &[2])), expected);
    }

    #[test]
    fn the_oldest_make_room() {
        let id = ClientId { serial: 1, slot: 0 };
        let client = Client::new(id, Connection::default(), Now::default(), Standing::Free);
        let mut log = SlowLog::default();
        (0..5).for_each(|us| log.add((7, us), Vec::new(), &client, 3));
        let kept: Vec<u64> = log.iter().map(|entry| entry.id).collect();
        assert_eq!(kept, [4, 3, 2]);
        log.clear();
        log.add((7, 0), Vec::new(), &client, 3);
        assert_eq!(log.iter().map(|entry| entry.id).collect::<Vec<_>>(), [5]);
    }
}
