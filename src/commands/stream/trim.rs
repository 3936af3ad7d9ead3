//! How a stream is trimmed, as XADD and XTRIM are told; and XTRIM.

use super::{DELETES, WRITES, id};
use crate::base::num;
use crate::data::stream::{Bound, References, Stream, StreamId, Trim};
use crate::exec::{Call, Command, Flow, Outcome, int};
use crate::resp::argv::{Argv, ArgvBuf};
use crate::resp::error::Error;
use crate::spec::Spec;
use crate::spec::keys::KeySpec;
use crate::store::Edit;

/// Blocks up to which a stream is trimmed at once, unless the request says how far.
const BLOCKS_AT_ONCE: i64 = 100;
/// Entries up to which it is, where blocks have no limit; and most of them.
const ENTRIES_AT_ONCE: i64 = 10_000;
const ENTRIES_AT_ONCE_MAX: i64 = 1_000_000;

/// What the options say of trimming while they are read.
#[derive(Default)]
pub(super) struct Options {
    bound: Option<Bound>,
    is_approximate: bool,
    limit: Option<i64>,
    references: References,
}

impl Options {
    /// Reads the option at an index; the index behind it, or `None` if it is no such option.
    pub(super) fn read(&mut self, argv: Argv<'_>, at: usize) -> Result<Option<usize>, Error> {
        let (word, has_more) = (argv.at(at), at + 1 < argv.len());
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        if is("MAXLEN") && has_more {
            let at = self.read_operator(argv, at + 1)?;
            let max = u64::try_from(int(argv.at(at))?);
            let range = Error::new("ERR The MAXLEN argument must be >= 0.");
            self.bound = Some(Bound::MaxLen(max.map_err(|_| range)?));
            return Ok(Some(at + 1));
        }
        if is("MINID") && has_more {
            let at = self.read_operator(argv, at + 1)?;
            self.bound = Some(Bound::MinId(id(argv.at(at), 0)?));
            return Ok(Some(at + 1));
        }
        if is("LIMIT") && has_more {
            let limit = int(argv.at(at + 1))?;
            if limit < 0 {
                return Err(Error::new("ERR The LIMIT argument must be >= 0."));
            }
            self.limit = Some(limit);
            return Ok(Some(at + 2));
        }
        match read_references(word) {
            Some(references) => {
                self.references = references;
                Ok(Some(at + 1))
            }
            None => Ok(None),
        }
    }

    /// Reads `=` or `~`, if it is there; the index of the threshold.
    fn read_operator(&mut self, argv: Argv<'_>, at: usize) -> Result<usize, Error> {
        if self.bound.is_some() {
            return Err(Error::new(
                "ERR syntax error, MAXLEN and MINID options at the same time are not compatible",
            ));
        }
        let is_operator = at + 1 < argv.len() && matches!(argv.at(at), b"=" | b"~");
        self.is_approximate = is_operator && argv.at(at) == b"~";
        Ok(at + usize::from(is_operator))
    }

    /// What is to be done once all options are read, if a stream is to be trimmed. A request that
    /// is replayed says how far exactly, and may still have a limit, which does not count.
    pub(super) fn finish(self, call: &Call<'_>) -> Result<Option<Trim>, Error> {
        let block_entries = call.state.config.stream_node_max_entries;
        let Some(bound) = self.bound else {
            return match self.limit {
                Some(1..) => Err(Error::new(
                    "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy",
                )),
                _ => Ok(None),
            };
        };
        let limit = match (self.limit, self.is_approximate) {
            _ if call.is_replay() => 0,
            (Some(_), false) => {
                return Err(Error::new(
                    "ERR syntax error, LIMIT cannot be used without the special ~ option",
                ));
            }
            (Some(limit), true) => limit,
            (None, false) => 0,
            (None, true) => match block_entries.saturating_mul(BLOCKS_AT_ONCE) {
                ..=0 => ENTRIES_AT_ONCE,
                limit => limit.min(ENTRIES_AT_ONCE_MAX),
            },
        };
        let (is_approximate, references) = (self.is_approximate, self.references);
        let limit = u64::try_from(limit).unwrap_or(0);
        Ok(Some(Trim { bound, is_approximate, limit, references }))
    }
}

/// What KEEPREF, DELREF or ACKED says.
pub(super) fn read_references(word: &[u8]) -> Option<References> {
    match word {
        _ if word.eq_ignore_ascii_case(b"KEEPREF") => Some(References::Keep),
        _ if word.eq_ignore_ascii_case(b"DELREF") => Some(References::Delete),
        _ if word.eq_ignore_ascii_case(b"ACKED") => Some(References::Acked),
        _ => None,
    }
}

/// The options that trim another stream with the same entries like this one has been trimmed.
pub(super) fn push_exact(argv: &mut ArgvBuf, trim: &Trim, stream: Trimmed) {
    let bound = match trim.bound {
        Bound::MaxLen(_) if trim.is_approximate => Bound::MaxLen(stream.len),
        // Without entries all may go.
        Bound::MinId(_) if trim.is_approximate => {
            Bound::MinId(if stream.len == 0 { StreamId::MAX } else { stream.first_id })
        }
        bound => bound,
    };
    match bound {
        Bound::MaxLen(max) => {
            argv.push(b"MAXLEN");
            argv.push(b"=");
            argv.push(max.to_string().as_bytes());
        }
        Bound::MinId(min) => {
            argv.push(b"MINID");
            argv.push(b"=");
            argv.push(min.text().as_ref());
        }
    }
    match trim.references {
        References::Delete => argv.push(b"DELREF"),
        // By whole blocks, all that could go went: nothing that is held is in front.
        References::Acked if !trim.is_approximate => argv.push(b"ACKED"),
        References::Acked | References::Keep => {}
    }
}

/// What is left of a stream that was trimmed.
#[derive(Clone, Copy)]
pub(super) struct Trimmed {
    pub(super) removed: u64,
    pub(super) len: u64,
    pub(super) first_id: StreamId,
}

impl Trimmed {
    /// Trims a stream.
    pub(super) fn of(stream: &mut Stream, trim: Option<&Trim>) -> Trimmed {
        let removed = trim.map_or(0, |trim| stream.trim(trim));
        Trimmed { removed, len: stream.facts().len, first_id: stream.facts().first_id }
    }
}

pub(super) const XTRIM: Command = Command::new(
    Spec {
        name: "xtrim",
        arity: -4,
        keys: &[KeySpec::one(DELETES)],
        tips: &["nondeterministic_output"],
        complexity: "O(N) for N removed entries, most of them a block at a time",
        summary: "Removes entries from the front of a stream.",
        syntax: "key <trim: <strategy: MAXLEN | MINID> [operator: = | ~] threshold [LIMIT count] \
            [condition: KEEPREF | DELREF | ACKED]>",
        history: &[("6.2.0", "`MINID` and `LIMIT`"), ("8.2.0", "`KEEPREF`, `DELREF` and `ACKED`")],
        ..WRITES
    },
    xtrim,
);

fn xtrim(call: &mut Call<'_>) -> Outcome {
    let argv = call.argv;
    let (mut options, mut at) = (Options::default(), 2);
    while at < argv.len() {
        at = options.read(argv, at)?.ok_or(Error::SYNTAX)?;
    }
    let trim = options.finish(call)?;
    let trim =
        trim.ok_or(Error::new("ERR syntax error, XTRIM must be called with a trimming strategy"))?;
    let mut db = call.db();
    let spot = db.look(argv.at(1));
    let trimmed = db.update(spot, |stream: &mut Stream| {
        let trimmed = Trimmed::of(stream, Some(&trim));
        match usize::try_from(trimmed.removed) {
            Ok(0) => Edit::same(trimmed),
            removed => Edit::changed("xtrim", trimmed).times(removed.unwrap_or(usize::MAX)),
        }
    })?;
    if let Some(trimmed) = trimmed.filter(|_| trim.is_approximate) {
        call.propagate_all(|| {
            let mut exact: ArgvBuf = [&b"XTRIM"[..], argv.at(1)].into_iter().collect();
            push_exact(&mut exact, &trim, trimmed);
            exact
        });
    }
    let removed = trimmed.map_or(0, |trimmed| trimmed.removed);
    call.out.int(num::signed_u64(removed));
    Ok(Flow::Done)
}
