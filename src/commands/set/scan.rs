//! The members of a set, some at a time.

use super::{ACCESSES, READS};
use crate::commands::scan::{ScanOptions, Scanned, parse_cursor};
use crate::commands::text::write_text;
use crate::data::set::Set;
use crate::exec::{Call, Command, Flow, Outcome};
use crate::spec::Spec;
use crate::spec::keys::KeySpec;

pub(super) const SSCAN: Command = Command::new(
    Spec {
        name: "sscan",
        since: "2.8.0",
        arity: -3,
        keys: &[KeySpec::one(ACCESSES)],
        tips: &["nondeterministic_output"],
        complexity: "O(1) a call; O(N) for a full scan of N members",
        summary: "Goes through the members of a set, some in each call.",
        syntax: "key cursor:integer [MATCH pattern:pattern] [COUNT count:integer]",
        ..READS
    },
    sscan,
);

fn sscan(call: &mut Call<'_>) -> Outcome {
    let (argv, now_ms) = (call.argv, call.now_ms());
    let cursor = parse_cursor(argv.at(2))?;
    let mut db = call.store.db(call.client.db, now_ms);
    let spot = db.read(argv.at(1));
    let Some(set) = db.view::<Set>(&spot)? else {
        call.out.array(2);
        call.out.bulk(b"0");
        call.out.array(0);
        return Ok(Flow::Done);
    };
    let options = ScanOptions::parse(argv, 3, Scanned::Members)?;
    let mut found = Vec::new();
    let cursor = options.walk(cursor, |cursor| {
        let mut seen = 0;
        let next = set.scan(cursor, |member| {
            seen += 1;
            if member.with_bytes(|bytes| options.matches(bytes)) {
                found.push(member);
            }
        });
        (next, seen)
    });
    call.out.array(2);
    call.out.bulk(cursor.to_string().as_bytes());
    call.out.array(found.len());
    found.into_iter().for_each(|member| write_text(call.out, member));
    Ok(Flow::Done)
}
