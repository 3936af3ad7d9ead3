//! Transcripts: requests and the replies they must get, in text files that people read.
//!
//! ```text
//! == a title; the keys are flushed and connections are new
//! # a remark
//! > SET key "a value"
//! +OK
//! b> GET key           on a connection of another name
//! "a value"
//! >                    no request: the next message that comes
//! (silent)             instead of a reply: none is awaited
//! ~ text*              the reply matches a pattern with stars
//! ~~ [..]              the items of the reply come in any order; here they are sorted
//! ! since 8.4          the next request is newer than the server that the transcript is proved on
//! ```

use super::client::Client;
use super::reply::Reply;
use super::server::Server;
use spindle::base::{glob, quoted};
use std::collections::BTreeMap;

/// One request and what must come of it.
struct Step<'a> {
    line: usize,
    connection: &'a str,
    request: &'a str,
    expected: &'a str,
    is_newer: bool,
}

/// Runs a transcript against a server. Where `is_judge` is set the server is the real one, so steps
/// that are newer than it are left out, and it is the transcript that is judged.
pub fn play(name: &str, text: &str, server: &Server, is_judge: bool) {
    let mut played = 0;
    for section in sections(text) {
        let mut admin = server.client();
        assert_eq!(admin.run("FLUSHALL").to_string(), "+OK");
        let mut clients: BTreeMap<&str, Client> = BTreeMap::new();
        for step in section {
            if step.is_newer && is_judge {
                continue;
            }
            let client = clients.entry(step.connection).or_insert_with(|| server.client());
            if !step.request.is_empty() {
                client.request(&words(step.request));
            }
            played += 1;
            if step.expected == "(silent)" {
                continue;
            }
            let reply = client.reply();
            let Step { line, request, expected, .. } = step;
            assert!(
                matches(&reply, expected),
                "{name}:{line}: {request}\n  expected {expected}\n  replied  {reply}"
            );
        }
    }
    assert!(played > 0, "{name} is empty");
}

fn matches(reply: &Reply, expected: &str) -> bool {
    if let Some(sorted) = expected.strip_prefix("~~ ") {
        let mut items: Vec<String> = reply.items().iter().map(ToString::to_string).collect();
        items.sort();
        return format!("[{}]", items.join(", ")) == sorted;
    }
    match expected.strip_prefix("~ ") {
        Some(pattern) => {
            // Only the star is special: replies have brackets of their own.
            let escaped = pattern.replace('\\', "\\\\").replace('[', "\\[").replace('?', "\\?");
            glob::matches(escaped.as_bytes(), reply.to_string().as_bytes())
        }
        None => reply.to_string() == expected,
    }
}

fn sections(text: &str) -> Vec<Vec<Step<'_>>> {
    let mut sections = vec![Vec::new()];
    let mut lines = (1..).zip(text.lines());
    let mut is_newer = false;
    while let Some((number, line)) = lines.next() {
        if line.starts_with("==") {
            sections.push(Vec::new());
        } else if line.starts_with('!') {
            is_newer = true;
        } else if !line.is_empty() && !line.starts_with('#') {
            let (connection, request) =
                line.split_once('>').unwrap_or_else(|| panic!("line {number} is no request"));
            let (_, expected) = lines.next().unwrap_or_else(|| panic!("line {number}: no reply"));
            let step = Step { line: number, connection, request, expected, is_newer };
            sections.last_mut().expect("a section").push(step);
            is_newer = false;
        }
    }
    sections
}

/// The words of a request line.
pub fn words(line: &str) -> Vec<Vec<u8>> {
    let mut bytes = line.as_bytes().to_vec();
    let mut spans = Vec::new();
    quoted::split(&mut bytes, |start, len| spans.push(start..start + len)).expect("quotes pair");
    spans.into_iter().map(|span| bytes[span].to_vec()).collect()
}
