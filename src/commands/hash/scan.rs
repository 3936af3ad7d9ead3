//! HSCAN: the fields of a hash, a few at a time.

use super::READS;
use crate::commands::scan::{ScanOptions, Scanned, parse_cursor};
use crate::commands::text::write_text;
use crate::exec::{Call, Command, Flow, Outcome};
use crate::spec::Spec;

pub(super) const HSCAN: Command = Command::new(
    Spec {
        name: "hscan",
        since: "2.8.0",
        arity: -3,
        tips: &["nondeterministic_output"],
        complexity: "O(1) a call; O(N) for a full scan of N fields",
        summary: "Lists the fields of a hash a few at a time.",
        syntax: "key cursor [MATCH pattern] [COUNT count] [NOVALUES]",
        ..READS
    },
    hscan,
);

fn hscan(call: &mut Call<'_>) -> Outcome {
    let (argv, now_ms) = (call.argv, call.now_ms());
    let cursor = parse_cursor(argv.at(2))?;
    let mut db = call.store.db(call.client.db, now_ms);
    let spot = db.read(argv.at(1));
    call.out.array(2);
    let Some(hash) = db.hash(&spot)? else {
        call.out.bulk(b"0");
        call.out.array(0);
        return Ok(Flow::Done);
    };
    let options = ScanOptions::parse(argv, 3, Scanned::Fields)?;
    let mut found = Vec::new();
    let cursor = options.walk(cursor, |cursor| {
        let mut seen = 0;
        let next = hash.scan(cursor, |field| {
            seen += 1;
            if field.name.with_bytes(|name| options.matches(name)) {
                found.push(field);
            }
        });
        (next, seen)
    });
    call.out.bulk(cursor.to_string().as_bytes());
    call.out.array(if options.leaves_values_out { found.len() } else { 2 * found.len() });
    for field in found {
        write_text(call.out, field.name);
        if !options.leaves_values_out {
            write_text(call.out, field.value);
        }
    }
    Ok(Flow::Done)
}
