//! ACL LOG: what has been denied lately.

use super::FOR_ADMINS;
use crate::acl::log::Entry;
use crate::base::num;
use crate::exec::{Call, Command, Flow, Outcome, int};
use crate::resp::output::Output;
use crate::spec::Spec;

/// Entries that are told where the request does not say how many.
const COUNT_DEFAULT: usize = 10;

pub(super) const LOG: Command = Command::new(
    Spec {
        name: "log",
        arity: -2,
        complexity: "O(N) for N entries told",
        summary: "Tells what has been denied lately, 10 entries or so many, or forgets it.",
        syntax: "[operation: count:integer | RESET]",
        history: &[("7.2.0", "fields entry-id, timestamp-created and timestamp-last-updated")],
        ..FOR_ADMINS
    },
    log,
);

fn log(call: &mut Call<'_>) -> Outcome {
    let count = match call.argv.len() {
        2 => COUNT_DEFAULT,
        3 if call.argv.at(2).eq_ignore_ascii_case(b"RESET") => {
            call.state.acl.log.clear();
            call.out.ok();
            return Ok(Flow::Done);
        }
        3 => usize::try_from(int(call.argv.at(2))?).unwrap_or(0),
        _ => return Err(call.unknown_subcommand()),
    };
    let (log, now_ms) = (&call.state.acl.log, call.state.now.unix_ms());
    call.out.array(count.min(log.len()));
    log.iter().take(count).for_each(|entry| describe(call.out, entry, now_ms));
    Ok(Flow::Done)
}

fn describe(out: &mut Output, entry: &Entry, now_ms: i64) {
    out.map(10);
    out.bulk(b"count");
    out.int(num::signed_u64(entry.count));
    let texts = [
        ("reason", entry.reason.name().as_bytes()),
        ("context", entry.context.name().as_bytes()),
        ("object", &entry.object),
        ("username", &entry.user),
    ];
    for (name, text) in texts {
        out.bulk(name.as_bytes());
        out.bulk(text);
    }
    out.bulk(b"age-seconds");
    out.double(entry.age_seconds(now_ms));
    out.bulk(b"client-info");
    out.bulk(entry.client.as_bytes());
    let numbers = [
        ("entry-id", num::signed_u64(entry.id)),
        ("timestamp-created", entry.created_ms),
        ("timestamp-last-updated", entry.updated_ms),
    ];
    for (name, number) in numbers {
        out.bulk(name.as_bytes());
        out.int(number);
    }
}
