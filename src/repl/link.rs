//! How a replica asks its primary for changes: one request at a time, nothing behind it until its
//! reply has come; then the snapshot, if there has to be one.
//!
//! The stream of changes that follows is for whoever runs requests.

use super::{ID_LEN, parse_offset};
use memchr::{memchr, memmem};

/// Longest line of a primary before the stream begins.
const LINE_MAX: usize = 4 * 1024;
/// The largest snapshot that is believed to come.
const SNAPSHOT_MAX: u64 = 1 << 50;

/// What a replica tells its primary of itself.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// Its user there; empty for the default one.
    pub user: String,
    /// The password; empty for none.
    pub password: String,
    /// The port by which it is to be known.
    pub port: String,
    /// The address by which it is to be known; empty for that of the connection.
    pub address: String,
}

/// What is being waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The connection.
    Connecting,
    /// The reply to PING.
    Ping,
    /// The reply to AUTH.
    Auth,
    /// The reply to REPLCONF listening-port.
    Port,
    /// The reply to REPLCONF ip-address.
    Address,
    /// The reply to REPLCONF capa.
    Capabilities,
    /// The reply to PSYNC.
    Psync,
    /// The line in front of a snapshot.
    Header,
    /// The bytes of a snapshot.
    Snapshot,
    /// Nothing: the stream follows.
    Following,
}

/// What has become of the bytes in front.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// More bytes are needed.
    More,
    /// So many are done with.
    Used(usize),
    /// The primary sends everything, and will go on behind this offset of this history; so many
    /// bytes are done with. Neither is known of an old primary.
    Full(usize, Option<(String, u64)>),
    /// So many bytes are the snapshot's.
    Snapshot(usize),
    /// The snapshot is whole; so many bytes are done with.
    Whole(usize),
    /// The primary goes on where we are, under another name if there is one; so many bytes are done
    /// with.
    Continue(usize, Option<String>),
    /// It cannot go on, for this reason.
    Failed(String),
}

/// The way to the stream of a primary.
#[derive(Debug)]
pub struct Link {
    stage: Stage,
    identity: Identity,
    /// History and offset to go on from.
    from: Option<(String, u64)>,
    /// Whether the primary is told to become one.
    is_failover: bool,
    /// Bytes of the snapshot that are still to come, or the mark behind it.
    rest: Rest,
}

/// Where a snapshot ends.
#[derive(Debug)]
enum Rest {
    Bytes(u64),
    Until(Vec<u8>),
}

impl Link {
    /// A way that begins with the connection. The primary is asked to go on after `from`, if there
    /// is such a place.
    pub fn new(identity: Identity, from: Option<(String, u64)>, is_failover: bool) -> Link {
        Link { stage: Stage::Connecting, identity, from, is_failover, rest: Rest::Bytes(0) }
    }

    /// What is being waited for.
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// Whether the snapshot that is coming has a mark behind it, so that nothing follows before it
    /// has been acknowledged.
    pub fn is_marked(&self) -> bool {
        matches!(self.rest, Rest::Until(_))
    }

    /// Bytes of the snapshot that are still to come, if that is known.
    pub fn missing(&self) -> Option<u64> {
        match (self.stage, &self.rest) {
            (Stage::Snapshot, Rest::Bytes(bytes)) => Some(*bytes),
            _ => None,
        }
    }

    /// The connection stands: the first request is written.
    pub fn begin(&mut self, out: &mut Vec<u8>) {
        self.ask(out, Stage::Ping, &[b"PING"]);
    }

    /// Looks at the bytes that have arrived and are not done with; call it until it wants more. May
    /// write the next request.
    pub fn advance(&mut self, input: &[u8], out: &mut Vec<u8>) -> Progress {
        match self.stage {
            Stage::Connecting | Stage::Following => Progress::More,
            Stage::Snapshot => self.take_snapshot(input),
            Stage::Ping
            | Stage::Auth
            | Stage::Port
            | Stage::Address
            | Stage::Capabilities
            | Stage::Psync
            | Stage::Header => {
                let Some(end) = memchr(b'\n', &input[..input.len().min(LINE_MAX)]) else {
                    return if input.len() < LINE_MAX {
                        Progress::More
                    } else {
                        Progress::Failed("the line has no end".to_owned())
                    };
                };
                let line = input[..end].strip_suffix(b"\r").unwrap_or(&input[..end]);
                // An empty line only shows that the primary is there.
                if line.is_empty() {
                    Progress::Used(end + 1)
                } else {
                    self.read(line, end + 1, out)
                }
            }
        }
    }

    fn read(&mut self, line: &[u8], used: usize, out: &mut Vec<u8>) -> Progress {
        let is_error = line.starts_with(b"-");
        let text = shown(line);
        match self.stage {
            Stage::Ping => {
                let is_fine = !is_error
                    || [&b"-NOAUTH"[..], b"-NOPERM", b"-ERR operation not permitted"]
                        .iter()
                        .any(|start| line.starts_with(start));
                if !is_fine {
                    return Progress::Failed(format!("Error reply to PING from master: '{text}'"));
                }
                self.ask_auth(out);
            }
            Stage::Auth if is_error => {
                return Progress::Failed(format!("Unable to AUTH to MASTER: {text}"));
            }
            Stage::Auth => self.ask_port(out),
            Stage::Port => {
                complain(is_error, "listening-port", &text);
                self.ask_address(out);
            }
            Stage::Address => {
                complain(is_error, "ip-address", &text);
                self.ask_capabilities(out);
            }
            Stage::Capabilities => {
                complain(is_error, "capa", &text);
                self.ask_psync(out);
            }
            Stage::Psync => return self.read_psync(line, &text, used, out),
            Stage::Header => return self.read_header(line, &text, used),
            Stage::Connecting | Stage::Snapshot | Stage::Following => {}
        }
        Progress::Used(used)
    }

    fn ask_auth(&mut self, out: &mut Vec<u8>) {
        let Identity { user, password, .. } = self.identity.clone();
        match (user.as_str(), password.as_str()) {
            (_, "") => self.ask_port(out),
            ("", password) => self.ask(out, Stage::Auth, &[b"AUTH", password.as_bytes()]),
            (user, password) => {
                self.ask(out, Stage::Auth, &[b"AUTH", user.as_bytes(), password.as_bytes()]);
            }
        }
    }

    fn ask_port(&mut self, out: &mut Vec<u8>) {
        let port = self.identity.port.clone();
        self.ask(out, Stage::Port, &[b"REPLCONF", b"listening-port", port.as_bytes()]);
    }

    fn ask_address(&mut self, out: &mut Vec<u8>) {
        let address = self.identity.address.clone();
        if address.is_empty() {
            self.ask_capabilities(out);
        } else {
            self.ask(out, Stage::Address, &[b"REPLCONF", b"ip-address", address.as_bytes()]);
        }
    }

    fn ask_capabilities(&mut self, out: &mut Vec<u8>) {
        let words: [&[u8]; 5] = [b"REPLCONF", b"capa", b"eof", b"capa", b"psync2"];
        self.ask(out, Stage::Capabilities, &words);
    }

    fn ask_psync(&mut self, out: &mut Vec<u8>) {
        let (id, next) = match &self.from {
            // The number of the first byte that we have not, counting from one.
            Some((id, offset)) => (id.clone(), (offset + 1).to_string()),
            None => ("?".to_owned(), "-1".to_owned()),
        };
        let mut words = vec![&b"PSYNC"[..], id.as_bytes(), next.as_bytes()];
        if self.is_failover {
            words.push(b"FAILOVER");
        }
        self.ask(out, Stage::Psync, &words);
    }

    fn ask(&mut self, out: &mut Vec<u8>, stage: Stage, words: &[&[u8]]) {
        self.stage = stage;
        out.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
        for word in words {
            out.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
            out.extend_from_slice(word);
            out.extend_from_slice(b"\r\n");
        }
    }

    fn read_psync(&mut self, line: &[u8], text: &str, used: usize, out: &mut Vec<u8>) -> Progress {
        let mut words = text.split(' ').filter(|word| !word.is_empty());
        match words.next() {
            Some("+FULLRESYNC") => {
                let id = words.next().filter(|id| is_id(id));
                let offset = words.next().and_then(parse_offset);
                let (Some(id), Some(offset)) = (id, offset) else {
                    return Progress::Failed(format!("no history and offset in '{text}'"));
                };
                self.stage = Stage::Header;
                Progress::Full(used, Some((id.to_owned(), offset)))
            }
            Some("+CONTINUE") if self.from.is_none() => {
                Progress::Failed(format!("it goes on where we have not been: {text}"))
            }
            Some("+CONTINUE") => {
                self.stage = Stage::Following;
                let id = words.next().filter(|id| is_id(id)).map(str::to_owned);
                Progress::Continue(used, id)
            }
            _ if line.starts_with(b"-NOMASTERLINK") || line.starts_with(b"-LOADING") => {
                Progress::Failed(format!("the primary cannot serve us at present: {text}"))
            }
            _ if self.is_failover => {
                Progress::Failed(format!("Failover target rejected psync request: {text}"))
            }
            _ => {
                log::info!("the primary does not know PSYNC, or is in an error state: {text}");
                self.ask(out, Stage::Header, &[b"SYNC"]);
                Progress::Full(used, None)
            }
        }
    }

    fn read_header(&mut self, line: &[u8], text: &str, used: usize) -> Progress {
        let Some(value) = line.strip_prefix(b"$") else {
            return Progress::Failed(format!("no snapshot but '{text}'"));
        };
        let rest = match value.strip_prefix(b"EOF:") {
            Some(mark) if mark.len() == ID_LEN => Rest::Until(mark.to_vec()),
            Some(_) => return Progress::Failed(format!("the mark has another length: '{text}'")),
            None => {
                let bytes = text[1..].parse().ok().filter(|bytes| *bytes <= SNAPSHOT_MAX);
                let Some(bytes) = bytes else {
                    return Progress::Failed(format!("no length in '{text}'"));
                };
                Rest::Bytes(bytes)
            }
        };
        (self.rest, self.stage) = (rest, Stage::Snapshot);
        Progress::Used(used)
    }

    fn take_snapshot(&mut self, input: &[u8]) -> Progress {
        match &mut self.rest {
            Rest::Bytes(0) => {
                self.stage = Stage::Following;
                Progress::Whole(0)
            }
            Rest::Bytes(bytes) => {
                let count = usize::try_from(*bytes).unwrap_or(usize::MAX).min(input.len());
                *bytes -= count as u64;
                if count == 0 { Progress::More } else { Progress::Snapshot(count) }
            }
            Rest::Until(mark) => match memmem::find(input, mark) {
                Some(0) => {
                    self.stage = Stage::Following;
                    Progress::Whole(ID_LEN)
                }
                Some(count) => Progress::Snapshot(count),
                // The mark may have begun.
                None if input.len() >= ID_LEN => Progress::Snapshot(input.len() - (ID_LEN - 1)),
                None => Progress::More,
            },
        }
    }
}

fn is_id(id: &str) -> bool {
    id.len() == ID_LEN && id.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A line as text for the log.
fn shown(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    text.chars().map(|char| if char.is_control() { '.' } else { char }).collect()
}

fn complain(is_error: bool, what: &str, text: &str) {
    if is_error {
        log::info!("(non critical) the primary does not understand REPLCONF {what}: {text}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef01234567";

    /// What a link does with what arrives, in any pieces: requests it writes, and what it reports.
    #[derive(Debug, Default, PartialEq)]
    struct Story {
        asked: Vec<String>,
        snapshot: Vec<u8>,
        ends: Vec<Progress>,
        left: Vec<u8>,
    }

    fn run(link: &mut Link, replies: &[&[u8]], rng: &mut fastrand::Rng) -> Story {
        let (mut story, mut out, mut input) = (Story::default(), Vec::new(), Vec::new());
        link.begin(&mut out);
        for reply in replies {
            let asked = String::from_utf8_lossy(&out).replace("\r\n", " ");
            story.asked.push(asked);
            out.clear();
            let mut rest = *reply;
            while !rest.is_empty() {
                let (now, later) = rest.split_at(rng.usize(1..=rest.len()));
                input.extend_from_slice(now);
                rest = later;
                loop {
                    let progress = link.advance(&input, &mut out);
                    let used = match &progress {
                        Progress::More => break,
                        Progress::Used(used) => *used,
                        Progress::Snapshot(used) => {
                            story.snapshot.extend_from_slice(&input[..*used]);
                            *used
                        }
                        Progress::Full(used, _)
                        | Progress::Whole(used)
                        | Progress::Continue(used, _) => {
                            story.ends.push(progress.clone());
                            *used
                        }
                        Progress::Failed(_) => {
                            story.ends.push(progress);
                            return story;
                        }
                    };
                    input.drain(..used);
                }
            }
        }
        story.left = input;
        story
    }

    fn identity() -> Identity {
        Identity { port: "6380".to_owned(), ..Identity::default() }
    }

    #[test]
    fn one_request_at_a_time_then_a_snapshot_then_the_stream() {
        let full = format!("+FULLRESYNC {ID} 7\r\n");
        let payload = format!("\n\n$EOF:{ID}\r\nsome bytes{ID}");
        for seed in 0..200 {
            let mut rng = fastrand::Rng::with_seed(seed);
            let mut link = Link::new(identity(), None, false);
            let replies =
                [&b"+PONG\r\n"[..], b"+OK\r\n", b"+OK\r\n", full.as_bytes(), payload.as_bytes()];
            let story = run(&mut link, &replies, &mut rng);
            assert_eq!(
                story.asked,
                [
                    "*1 $4 PING ",
                    "*3 $8 REPLCONF $14 listening-port $4 6380 ",
                    "*5 $8 REPLCONF $4 capa $3 eof $4 capa $6 psync2 ",
                    "*3 $5 PSYNC $1 ? $2 -1 ",
                    "",
                ],
            );
            assert_eq!(story.snapshot, b"some bytes");
            let used = full.len();
            let ends = [Progress::Full(used, Some((ID.to_owned(), 7))), Progress::Whole(ID_LEN)];
            assert_eq!((&story.ends[..], link.is_marked()), (&ends[..], true));
        }
    }

    #[test]
    fn a_snapshot_with_a_length_ends_where_the_stream_begins() {
        let full = format!("+FULLRESYNC {ID} 0\r\n");
        for seed in 0..200 {
            let mut rng = fastrand::Rng::with_seed(seed);
            let identity = Identity {
                user: "u".to_owned(),
                password: "p".to_owned(),
                address: "a".to_owned(),
                ..identity()
            };
            let mut link = Link::new(identity, None, false);
            let replies = [
                &b"-NOAUTH x\r\n"[..],
                b"+OK\r\n",
                b"-ERR what\r\n",
                b"+OK\r\n",
                b"+OK\r\n",
                full.as_bytes(),
                b"$5\r\nREDIS*1\r\n$4\r\nPING\r\n",
            ];
            let story = run(&mut link, &replies, &mut rng);
            assert_eq!(story.asked[1], "*3 $4 AUTH $1 u $1 p ");
            assert_eq!(story.asked[3], "*3 $8 REPLCONF $10 ip-address $1 a ");
            assert_eq!((&story.snapshot[..], &story.left[..]), (&b"REDIS"[..], crate::repl::PING));
            assert_eq!(story.ends.last(), Some(&Progress::Whole(0)));
        }
    }

    #[test]
    fn replies_to_psync() {
        let cases = [
            (format!("+CONTINUE {ID}\r\n"), Progress::Continue(52, Some(ID.to_owned()))),
            ("+CONTINUE\r\n".to_owned(), Progress::Continue(11, None)),
            ("-ERR unknown command\r\n".to_owned(), Progress::Full(22, None)),
        ];
        for (reply, expected) in cases {
            let mut link = Link::new(identity(), Some((ID.to_owned(), 41)), false);
            let replies = [&b"+PONG\r\n"[..], b"+OK\r\n", b"+OK\r\n", reply.as_bytes()];
            let story = run(&mut link, &replies, &mut fastrand::Rng::with_seed(1));
            assert_eq!(story.asked[3], format!("*3 $5 PSYNC $40 {ID} $2 42 "));
            assert_eq!(story.ends, [expected]);
        }
    }

    #[test]
    fn nonsense_ends_the_link() {
        let steps = [&b"+PONG\r\n"[..], b"+OK\r\n", b"+OK\r\n"];
        let full = format!("+FULLRESYNC {ID} 7\r\n");
        let cases: [(usize, Vec<u8>); 12] = [
            (0, b"-ERR no\r\n".to_vec()),
            (0, vec![b'x'; LINE_MAX]),
            (3, b"-LOADING data\r\n".to_vec()),
            (3, b"-NOMASTERLINK x\r\n".to_vec()),
            (3, b"+FULLRESYNC\r\n".to_vec()),
            (3, b"+FULLRESYNC abc 7\r\n".to_vec()),
            (3, format!("+FULLRESYNC {ID} -1\r\n").into_bytes()),
            (3, format!("+FULLRESYNC {ID} {}\r\n", u64::MAX).into_bytes()),
            (3, format!("+CONTINUE {ID}\r\n").into_bytes()),
            (3, format!("{full}:7\r\n").into_bytes()),
            (3, format!("{full}$-1\r\n").into_bytes()),
            (3, format!("{full}$EOF:short\r\n").into_bytes()),
        ];
        for (count, last) in cases {
            let mut link = Link::new(identity(), None, false);
            let mut replies = steps[..count].to_vec();
            replies.push(&last);
            let story = run(&mut link, &replies, &mut fastrand::Rng::with_seed(1));
            assert!(matches!(story.ends.last(), Some(Progress::Failed(_))), "{story:?}");
        }
    }
}
