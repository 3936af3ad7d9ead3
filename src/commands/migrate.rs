//! Keys that go to another server: MIGRATE.
//!
//! Everything waits until the other server has answered, so that nothing happens to a key between
//! the moment at which it is packed and the one at which it is removed.

use crate::base::num;
use crate::exec::{Call, Command, Flow, Kept, Outcome, int};
use crate::persist::rdb::codes;
use crate::persist::rdb::payload;
use crate::resp::argv::{Argv, ArgvBuf};
use crate::resp::error::Error;
use crate::spec::categories::Categories;
use crate::spec::flags::Flags;
use crate::spec::keys::{KeyFlags, KeySpec, Rest};
use crate::spec::{Group, Spec};
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::time::Duration;

/// The time that each step may take if a request does not say, in milliseconds.
const TIMEOUT_MS: u64 = 1_000;
/// Where the key stands, or nothing where there are several.
const KEY_AT: usize = 3;
/// Where the options begin.
const OPTIONS_AT: usize = 6;
/// Where several keys stand.
const KEYS: Rest = Rest {
    word: "KEYS",
    from: OPTIONS_AT,
    options: &[("COPY", 0), ("REPLACE", 0), ("AUTH", 1), ("AUTH2", 2)],
};

pub(super) const MIGRATE: Command = Command::new(
    Spec {
        name: "migrate",
        group: Group::Generic,
        since: "2.6.0",
        arity: -6,
        flags: Flags::WRITE.union(Flags::MOVABLEKEYS),
        categories: Categories::KEYSPACE.union(Categories::DANGEROUS),
        keys: &KeySpec::one_or_rest(
            KEY_AT,
            &KEYS,
            KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE),
        ),
        tips: &["nondeterministic_output"],
        complexity: "that of DUMP and DEL here and of RESTORE there, and O(N) for N bytes between",
        summary: "Moves keys to another server.",
        syntax: "host port:integer <key | \"\"> destination-db:integer timeout:integer [COPY] \
                 [REPLACE] [[AUTH password] | [AUTH2 username password]] [KEYS key [key ...]]",
        history: &[
            ("3.0.0", "COPY and REPLACE"),
            ("3.0.6", "KEYS"),
            ("4.0.7", "AUTH"),
            ("6.0.0", "AUTH2"),
        ],
        ..Spec::NEW
    },
    migrate,
);

/// What is asked for.
struct Request<'a> {
    host: &'a [u8],
    port: &'a [u8],
    db: i64,
    timeout: Duration,
    keeps: bool,
    replaces: bool,
    /// The words of AUTH.
    login: Option<Range<usize>>,
    /// The places of the keys.
    keys: Range<usize>,
}

impl<'a> Request<'a> {
    fn parse(call: &mut Call<'a>) -> Result<Request<'a>, Error> {
        let argv = call.argv;
        let mut request = Request {
            host: argv.at(1),
            port: argv.at(2),
            db: 0,
            timeout: Duration::ZERO,
            keeps: false,
            replaces: false,
            login: None,
            keys: KEY_AT..KEY_AT + 1,
        };
        let mut at = OPTIONS_AT;
        while let Some(word) = argv.get(at) {
            let takes = match word.to_ascii_uppercase().as_slice() {
                b"COPY" => {
                    request.keeps = true;
                    0
                }
                b"REPLACE" => {
                    request.replaces = true;
                    0
                }
                b"AUTH" => 1,
                b"AUTH2" => 2,
                b"KEYS" if !argv.at(KEY_AT).is_empty() => {
                    return Err(Error::new(
                        "ERR When using MIGRATE KEYS option, the key argument must be set to the \
                         empty string",
                    ));
                }
                b"KEYS" => {
                    request.keys = at + 1..argv.len();
                    break;
                }
                _ => return Err(Error::SYNTAX),
            };
            if takes > 0 {
                let words = at + 1..at + 1 + takes;
                if words.end > argv.len() {
                    return Err(Error::SYNTAX);
                }
                words.clone().for_each(|index| call.redact(index));
                request.login = Some(words);
            }
            at += 1 + takes;
        }
        let timeout_ms = u64::try_from(int(argv.at(5))?).unwrap_or(0);
        request.timeout =
            Duration::from_millis(if timeout_ms == 0 { TIMEOUT_MS } else { timeout_ms });
        request.db = int(argv.at(4))?;
        Ok(request)
    }
}

/// Keys as requests that make them elsewhere.
#[derive(Default)]
struct Packed {
    /// The places of the keys.
    keys: Vec<usize>,
    requests: Vec<u8>,
}

/// Why keys have not gone, or not all of them.
enum Fault {
    /// There is no connection.
    Connecting(io::Error),
    /// Not all has been sent.
    Writing(io::Error),
    /// Not all has been answered.
    Reading(io::Error),
}

impl Fault {
    fn of_connecting(error: io::Error) -> Fault {
        match error.kind() {
            // Redis finds that out when it writes.
            ErrorKind::ConnectionRefused => Fault::Writing(error),
            _ => Fault::Connecting(error),
        }
    }

    /// Whether another try may help: a connection that was kept may have been closed meanwhile.
    fn may_pass(&self) -> bool {
        let (Fault::Connecting(error) | Fault::Writing(error) | Fault::Reading(error)) = self;
        !matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock)
    }

    fn into_error(self) -> Error {
        Error::new(match self {
            Fault::Connecting(_) => "IOERR error or timeout connecting to the client",
            Fault::Writing(_) => "IOERR error or timeout writing to target instance",
            Fault::Reading(_) => "IOERR error or timeout reading to target instance",
        })
    }
}

/// What the other server has made of it.
#[derive(Default)]
struct Answer {
    /// The places of the keys that are there now.
    moved: Vec<usize>,
    /// Its first error.
    refusal: Option<Vec<u8>>,
    fault: Option<Fault>,
}

fn migrate(call: &mut Call<'_>) -> Outcome {
    let request = Request::parse(call)?;
    let packed = pack(call, &request);
    if packed.keys.is_empty() {
        call.out.status("NOKEY");
        return Ok(Flow::Done);
    }
    let mut answer = hand_over(call, &request, &packed);
    if let Err(fault) = &answer
        && fault.may_pass()
    {
        answer = hand_over(call, &request, &packed);
    }
    let Answer { moved, refusal, fault } = answer.map_err(Fault::into_error)?;
    if !request.keeps {
        remove(call, &moved);
    }
    match (refusal, fault) {
        (Some(text), _) => {
            let told = [&b"ERR Target instance replied with error: "[..], &text].concat();
            Err(Error::text(told))
        }
        (None, Some(fault)) => Err(fault.into_error()),
        (None, None) => {
            call.out.ok();
            Ok(Flow::Done)
        }
    }
}

/// Packs the keys that are there.
fn pack(call: &mut Call<'_>, request: &Request<'_>) -> Packed {
    let config = &call.state.config;
    let version = u32::try_from(config.rdb_version).unwrap_or(codes::VERSION_MIN);
    let (compresses, argv, now_ms) = (config.rdbcompression, call.argv, call.now_ms());
    let (mut packed, mut db) = (Packed::default(), call.db());
    for at in request.keys.clone() {
        let spot = db.read(argv.at(at));
        let ttl_ms = db.deadline_ms(&spot).map_or(0, |at_ms| (at_ms - now_ms).max(1));
        let Some(entry) = db.entry(&spot) else { continue };
        let Ok(bytes) = payload::dump(entry.value(), version, compresses) else { continue };
        let ttl = ttl_ms.to_string();
        let words = [&b"RESTORE"[..], argv.at(at), ttl.as_bytes(), &bytes, b"REPLACE"];
        put(&mut packed.requests, &words[..4 + usize::from(request.replaces)]);
        packed.keys.push(at);
    }
    packed
}

fn put(out: &mut Vec<u8>, words: &[&[u8]]) {
    out.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        out.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}

/// Sends what is packed and hears what has become of it.
fn hand_over(call: &mut Call<'_>, request: &Request<'_>, packed: &Packed) -> Result<Answer, Fault> {
    let Request { host, port, db, timeout, .. } = *request;
    let mut kept = match call.state.remotes.take(host, port) {
        Some(kept) => kept,
        None => connect(call, request).map_err(Fault::of_connecting)?,
    };
    let (head, heads) = head(call.argv, request, kept.db != Some(db));
    let remote = &mut kept.remote;
    for bytes in [&head, &packed.requests] {
        remote.send(bytes, timeout).map_err(Fault::Writing)?;
    }
    let mut answer = Answer::default();
    for _ in 0..heads {
        let line = remote.line(timeout).map_err(Fault::Reading)?;
        note_refusal(&mut answer, &line);
    }
    let is_refused = answer.refusal.is_some();
    for (index, key) in packed.keys.iter().enumerate() {
        match remote.line(timeout) {
            Ok(line) if note_refusal(&mut answer, &line) || is_refused => {}
            Ok(_) => answer.moved.push(*key),
            Err(error) if index == 0 && !is_refused => return Err(Fault::Reading(error)),
            Err(error) => {
                answer.fault = Some(Fault::Reading(error));
                return Ok(answer);
            }
        }
    }
    kept.db = answer.refusal.is_none().then_some(db);
    let now = call.state.now;
    call.state.remotes.keep(kept, now);
    Ok(answer)
}

fn connect(call: &mut Call<'_>, request: &Request<'_>) -> io::Result<Kept> {
    let Request { host, port, timeout, .. } = *request;
    let name = String::from_utf8_lossy(host);
    let number = num::parse_u64(port).and_then(|port| u16::try_from(port).ok());
    let number = number.ok_or(ErrorKind::ConnectionRefused)?;
    let remote = call.host.connect(&name, number, timeout)?;
    Ok(Kept { address: (host.to_vec(), port.to_vec()), remote, db: None })
}

/// What is said before the keys, and how many requests that is.
fn head(argv: Argv<'_>, request: &Request<'_>, selects: bool) -> (Vec<u8>, usize) {
    let (mut head, mut count) = (Vec::new(), 0);
    if let Some(login) = &request.login {
        let words: Vec<&[u8]> =
            std::iter::once(&b"AUTH"[..]).chain(login.clone().map(|at| argv.at(at))).collect();
        put(&mut head, &words);
        count += 1;
    }
    if selects {
        put(&mut head, &[b"SELECT", request.db.to_string().as_bytes()]);
        count += 1;
    }
    (head, count)
}

/// Whether a line is an error; the first one is kept.
fn note_refusal(answer: &mut Answer, line: &[u8]) -> bool {
    let Some(text) = line.strip_prefix(b"-") else { return false };
    answer.refusal.get_or_insert_with(|| text.to_vec());
    true
}

/// Removes the keys that are elsewhere now.
fn remove(call: &mut Call<'_>, moved: &[usize]) {
    let argv = call.argv;
    let mut db = call.db();
    for at in moved {
        let spot = db.find(argv.at(*at));
        db.remove("del", spot);
    }
    call.propagate_all(|| {
        let keys = moved.iter().map(|at| argv.at(*at));
        std::iter::once(&b"DEL"[..]).chain(keys).collect::<ArgvBuf>()
    });
}
