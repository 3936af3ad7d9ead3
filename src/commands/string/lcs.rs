//! LCS: the longest common subsequence of two strings.

use super::{ACCESSES, READS};
use crate::base::num;
use crate::data::lcs::{LEN_MAX, Lcs, Run, table_bytes};
use crate::data::text::Text;
use crate::exec::{Call, Command, Flow, Outcome, int};
use crate::resp::argv::Argv;
use crate::resp::error::Error;
use crate::resp::output::Output;
use crate::spec::Spec;
use crate::spec::keys::KeySpec;

pub(super) const LCS: Command = Command::new(
    Spec {
        name: "lcs",
        since: "7.0.0",
        arity: -3,
        keys: &[KeySpec::two(ACCESSES)],
        complexity: "O(N*M) for strings of N and M bytes",
        summary: "Finds the longest common subsequence of two strings.",
        syntax: "key1:key key2:key [LEN] [IDX] [MINMATCHLEN min-match-len:integer] [WITHMATCHLEN]",
        ..READS
    },
    lcs,
);

/// The options of LCS.
#[derive(Default)]
struct Options {
    wants_len: bool,
    wants_runs: bool,
    run_len_min: usize,
    with_run_len: bool,
}

impl Options {
    fn parse(argv: Argv<'_>) -> Result<Options, Error> {
        let mut options = Options::default();
        let mut at = 3;
        while let Some(option) = argv.get(at) {
            at += 1;
            match (option.to_ascii_uppercase().as_slice(), argv.get(at)) {
                (b"LEN", _) => options.wants_len = true,
                (b"IDX", _) => options.wants_runs = true,
                (b"WITHMATCHLEN", _) => options.with_run_len = true,
                (b"MINMATCHLEN", Some(len)) => {
                    options.run_len_min = usize::try_from(int(len)?).unwrap_or(0);
                    at += 1;
                }
                _ => return Err(Error::SYNTAX),
            }
        }
        if options.wants_len && options.wants_runs {
            return Err(Error::new(
                "ERR If you want both the length and indexes, please just use IDX.",
            ));
        }
        Ok(options)
    }
}

fn lcs(call: &mut Call<'_>) -> Outcome {
    let (argv, now_ms) = (call.argv, call.now_ms());
    let mut db = call.store.db(call.client.db, now_ms);
    let spots = db.read_all([argv.at(1), argv.at(2)].into_iter(), |_| true)?;
    let texts = spots.iter().map(|spot| Ok(db.text(spot)?.unwrap_or(Text::EMPTY).to_bytes()));
    let texts: Result<Vec<_>, Error> = texts.collect();
    let texts =
        texts.map_err(|_| Error::new("ERR The specified keys must contain string values"))?;
    let options = Options::parse(argv)?;
    let (a, b) = (texts[0].as_ref(), texts[1].as_ref());
    if a.len().max(b.len()) > LEN_MAX {
        return Err(Error::new("ERR String too long for LCS"));
    }
    let bytes_max = u128::try_from(call.state.config.proto_max_bulk_len).unwrap_or(0);
    if table_bytes(a.len(), b.len()) > bytes_max {
        return Err(Error::new(
            "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len",
        ));
    }
    let lcs = Lcs::new(a, b);
    if options.wants_runs {
        write_runs(call.out, &lcs, &options);
    } else if options.wants_len {
        call.out.int(i64::from(lcs.common_len()));
    } else {
        call.out.bulk(&lcs.text());
    }
    Ok(Flow::Done)
}

/// Writes where the parts of the subsequence stand in both strings, the last one first.
fn write_runs(out: &mut Output, lcs: &Lcs<'_>, options: &Options) {
    let mut runs = lcs.runs();
    runs.retain(|run| run.len >= options.run_len_min);
    out.map(2);
    out.bulk(b"matches");
    out.array(runs.len());
    for Run { a_start, b_start, len } in runs {
        out.array(2 + usize::from(options.with_run_len));
        for start in [a_start, b_start] {
            out.array(2);
            out.len_int(start);
            out.len_int(start + len - 1);
        }
        if options.with_run_len {
            out.int(num::signed(len));
        }
    }
    out.bulk(b"len");
    out.int(i64::from(lcs.common_len()));
}
