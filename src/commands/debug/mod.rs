//! DEBUG: what tests and operators in need ask for.

mod digest;

use super::info::LRU_CLOCK_MAX;
use super::{config, help};
use crate::base::hash::KeyHasher;
use crate::base::time::Now;
use crate::base::{glob, num};
use crate::config::kinds::parse_memory;
use crate::data::list::{List, ListRef, PLAIN_BYTES};
use crate::data::packed::Run;
use crate::data::text::Text;
use crate::exec::{
    self, Call, Client, Command, Flow, Handler, Outcome, REPLY_PEAK_RESET_US, float, int, snapshot,
};
use crate::persist::rdb::{codes, payload};
use crate::resp::error::Error;
use crate::resp::output::Protocol;
use crate::spec::flags::Flags;
use crate::spec::{Group, Spec};
use crate::store::entry::{Entry, Value};
use crate::store::{Measure, Spot, Ttl, Usage};
use crate::sys::process;
use std::ops::RangeInclusive;
use std::time::Duration;

/// Longest text that STRINGMATCH-LEN matches.
const MATCHED_MAX: usize = 64 << 20;
/// Longest pause before each write to the log, in microseconds.
const FLUSH_SLEEP_MAX_US: u64 = 60_000_000;
/// Most bytes of an element that lists may be told to pack; more would not fit its length.
const PACKED_MAX: usize = (1 << 32) - (1 << 20);
/// The encodings of values that are found by a table of hashes.
const TABLES: [&str; 2] = ["hashtable", "skiplist"];

pub(super) const DEBUG: Command = Command::new(
    Spec {
        name: "debug",
        group: Group::Server,
        arity: -2,
        flags: Flags::ADMIN
            .union(Flags::NOSCRIPT)
            .union(Flags::LOADING)
            .union(Flags::STALE)
            .union(Flags::PROTECTED),
        complexity: "Depends on the subcommand",
        summary: "What tests need.",
        ..Spec::NEW
    },
    debug,
);

/// One subcommand; they are no commands of their own in Redis either.
struct Sub {
    name: &'static str,
    syntax: &'static str,
    /// Numbers of arguments, both words of the command included.
    argc: RangeInclusive<usize>,
    summary: &'static str,
    run: Handler,
}

const ANY: usize = usize::MAX;

const SUBS: &[Sub] = &[
    sub("aof-flush-sleep", "microseconds", 3..=3, "Holds up writes to the log.", flush_sleep),
    sub("change-repl-id", "", 2..=2, "Begins another history of changes.", change_repl_id),
    sub("config-rewrite-force-all", "", 2..=2, "Writes all parameters to the file.", rewrite_all),
    sub("digest", "", 2..=2, "Tells a digest of all keys and values.", digest::all),
    sub("digest-value", "key [key ...]", 2..=ANY, "Tells digests of values.", digest::values),
    sub("error", "message", 3..=3, "Replies with that error.", error),
    sub("htstats", "db", 3..=4, "Tells what a database's table holds.", htstats),
    sub("htstats-key", "key", 3..=4, "The same for the table of a value.", htstats_key),
    sub("listpack", "key", 3..=3, "Writes the elements of a small value to the log.", listpack),
    sub("loadaof", "", 2..=2, "Loads the append-only file in the place of all keys.", loadaof),
    sub("log", "message", 3..=3, "Writes to the log.", write_log),
    sub("object", "key", 3..=4, "Tells how a value is kept.", object),
    sub("panic", "", 2..=2, "Crashes by a failed assertion.", crash),
    sub("pause-cron", "<0 | 1>", 3..=3, "Puts scheduled work off.", pause_cron),
    sub("populate", "count [prefix [size]]", 3..=5, "Makes keys by number.", populate),
    sub("protocol", "type", 3..=3, "Replies with a value of that type.", protocol),
    sub(
        "quicklist-packed-threshold",
        "size",
        3..=3,
        "Sets what lists do not pack.",
        packed_threshold,
    ),
    sub("reload", "[option ...]", 2..=ANY, "Saves a snapshot and loads it.", reload),
    sub("replicate", "word [word ...]", 3..=ANY, "Propagates these words.", replicate),
    sub("replybuffer", "setting value", 4..=4, "When peaks of replies are forgotten.", replybuffer),
    sub("segfault", "", 2..=2, "Crashes by a signal.", segfault),
    sub("set-active-expire", "<0 | 1>", 3..=3, "Whether keys die when due.", set_active_expire),
    sub(
        "set-skip-checksum-validation",
        "<0 | 1>",
        3..=3,
        "Whether sums of snapshots and payloads are not checked.",
        skip_sums,
    ),
    sub("sleep", "seconds", 3..=3, "Stops the server for a while; decimals are allowed.", sleep),
    sub("stringmatch-len", "len pattern", 4..=4, "Matches so many letters.", stringmatch_len),
    sub("structsize", "", 2..=2, "Tells the sizes of structures.", structsize),
    sub("help", "", 2..=2, "Prints this help.", print_help),
];

const fn sub(
    name: &'static str,
    syntax: &'static str,
    argc: RangeInclusive<usize>,
    summary: &'static str,
    run: Handler,
) -> Sub {
    Sub { name, syntax, argc, summary, run }
}

fn debug(call: &mut Call<'_>) -> Outcome {
    let (name, argc) = (call.argv.at(1), call.argv.len());
    let found = SUBS.iter().find(|sub| sub.name.as_bytes().eq_ignore_ascii_case(name));
    match found.filter(|sub| sub.argc.contains(&argc)) {
        Some(sub) => (sub.run)(call),
        None => Err(call.unknown_subcommand()),
    }
}

fn print_help(call: &mut Call<'_>) -> Outcome {
    let lines = SUBS.iter().map(|sub| (sub.name, sub.syntax, sub.summary));
    help::print(call, "debug", lines.collect());
    Ok(Flow::Done)
}

fn done(call: &mut Call<'_>) -> Outcome {
    call.out.ok();
    Ok(Flow::Done)
}

fn rewrite_all(call: &mut Call<'_>) -> Outcome {
    config::rewrite(call, true)
}

fn sleep(call: &mut Call<'_>) -> Outcome {
    // Like Redis, which reads what it can.
    let seconds = float(call.argv.at(2)).unwrap_or(0.0).max(0.0);
    call.host.sleep(Duration::try_from_secs_f64(seconds).unwrap_or_default());
    done(call)
}

fn set_active_expire(call: &mut Call<'_>) -> Outcome {
    call.state.active_expiry = call.argv.at(2) != b"0";
    done(call)
}

fn pause_cron(call: &mut Call<'_>) -> Outcome {
    call.state.is_cron_paused = call.argv.at(2) != b"0";
    done(call)
}

fn change_repl_id(call: &mut Call<'_>) -> Outcome {
    call.state.change_replication_id();
    done(call)
}

fn error(call: &mut Call<'_>) -> Outcome {
    Err(Error::text(call.argv.at(2)))
}

fn write_log(call: &mut Call<'_>) -> Outcome {
    log::warn!("DEBUG LOG: {}", String::from_utf8_lossy(call.argv.at(2)));
    done(call)
}

/// The number that DEBUG PROTOCOL gives as a double.
const DOUBLE: f64 = 3_141.0 / 1_000.0;

#[allow(clippy::panic, reason = "it is what the client has asked for")]
fn crash(_: &mut Call<'_>) -> Outcome {
    panic!("DEBUG PANIC was called");
}

fn segfault(call: &mut Call<'_>) -> Outcome {
    process::crash();
    done(call)
}

fn replicate(call: &mut Call<'_>) -> Outcome {
    let argv = call.argv.from(2).collect();
    call.state.feed.replicate(call.client.db, &argv);
    done(call)
}

fn replybuffer(call: &mut Call<'_>) -> Outcome {
    let setting = call.argv.at(2).to_ascii_lowercase();
    let value = call.argv.at(3).to_ascii_lowercase();
    match (setting.as_slice(), value.as_slice()) {
        (b"peak-reset-time", b"never") => call.state.reply_peak_reset_us = u64::MAX,
        (b"peak-reset-time", b"reset") => call.state.reply_peak_reset_us = REPLY_PEAK_RESET_US,
        (b"peak-reset-time", ms) => {
            let ms = u64::try_from(int(ms)?).unwrap_or(0);
            call.state.reply_peak_reset_us = ms.saturating_mul(1_000);
        }
        // What is lent follows the replies in any case.
        (b"resizing", _) => {}
        _ => return Err(call.unknown_subcommand()),
    }
    done(call)
}

fn packed_threshold(call: &mut Call<'_>) -> Outcome {
    let size = std::str::from_utf8(call.argv.at(2)).ok().and_then(parse_memory);
    let size = size.and_then(|size| usize::try_from(size).ok()).filter(|size| *size <= PACKED_MAX);
    let range = "ERR argument must be a memory value bigger than 1 and smaller than 4gb";
    let size = size.ok_or(Error::new(range))?;
    call.state.plain_bytes = if size == 0 { PLAIN_BYTES } else { size };
    done(call)
}

/// Saves all keys, removes them, and loads them again, but for what the options leave out.
fn reload(call: &mut Call<'_>) -> Outcome {
    let (mut saves, mut flushes, mut merges) = (true, true, false);
    for option in call.argv.from(2) {
        match option.to_ascii_uppercase().as_slice() {
            b"NOSAVE" => saves = false,
            b"NOFLUSH" => flushes = false,
            b"MERGE" => merges = true,
            _ => {
                return Err(Error::new(
                    "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.",
                ));
            }
        }
    }
    if saves {
        snapshot::save(call.store, call.state, call.host).map_err(|_| Error::new("ERR"))?;
    }
    let now_ms = call.now_ms();
    if flushes {
        for index in 0..call.store.databases() {
            if call.store.lens(index).0 > 0 {
                let mut pieces = call.store.db(index, now_ms).empty();
                while pieces.free_one(|_| ()) {}
            }
        }
        call.store.renew(KeyHasher::new(&mut call.state.rng));
    }
    let loaded = exec::reload(call.store, call.state, call.host, merges);
    loaded.map_err(|_| Error::new("ERR Error trying to load the RDB dump, check server logs"))?;
    log::warn!("DB reloaded by DEBUG RELOAD");
    done(call)
}

fn skip_sums(call: &mut Call<'_>) -> Outcome {
    call.state.persistence.skips_sums = call.argv.at(2) != b"0";
    done(call)
}

/// Loads the log in the place of all keys; the engine does so once this has returned.
fn loadaof(_: &mut Call<'_>) -> Outcome {
    Ok(Flow::LoadLog)
}

fn flush_sleep(call: &mut Call<'_>) -> Outcome {
    let us = u64::try_from(int(call.argv.at(2))?).unwrap_or(0).min(FLUSH_SLEEP_MAX_US);
    call.state.log.write_delay = Duration::from_micros(us);
    done(call)
}

fn stringmatch_len(call: &mut Call<'_>) -> Outcome {
    let len = usize::try_from(int(call.argv.at(2))?).ok().filter(|len| *len <= MATCHED_MAX);
    let text = vec![b'a'; len.ok_or(Error::NOT_AN_INTEGER)?];
    let is_match = glob::matches(call.argv.at(3), &text);
    call.out.int(i64::from(is_match));
    Ok(Flow::Done)
}

fn structsize(call: &mut Call<'_>) -> Outcome {
    let (client, entry) = (size_of::<Client>(), size_of::<Entry>());
    let text = format!("bits:{} client:{client} entry:{entry} \r\n", usize::BITS);
    call.out.verbatim("txt", text.trim_end_matches("\r\n"));
    Ok(Flow::Done)
}

fn htstats(call: &mut Call<'_>) -> Outcome {
    let index = int(call.argv.at(2))?;
    let index = usize::try_from(index).ok().filter(|index| *index < call.store.databases());
    let index = index.ok_or(Error::new("ERR Out of range database"))?;
    let ((keys, timed), (table, heap)) = (call.store.lens(index), call.store.overheads(index));
    let text = format!(
        "[Dictionary HT]\n number of elements: {keys}\n bytes: {table}\n[Expires HT]\n number of \
         elements: {timed}\n bytes: {heap}\n"
    );
    call.out.verbatim("txt", &text);
    Ok(Flow::Done)
}

fn htstats_key(call: &mut Call<'_>) -> Outcome {
    const NO_TABLE: Error = Error::new(
        "ERR The value stored at the specified key is not represented using an hash table",
    );
    let spot = look_existing(call)?;
    let db = call.db();
    let entry = db.entry(&spot).ok_or(NO_SUCH_KEY)?;
    let Value::Large(collection) = entry.value() else { return Err(NO_TABLE) };
    if !TABLES.contains(&collection.encoding()) {
        return Err(NO_TABLE);
    }
    let (len, bytes) = (collection.len(), collection.memory_bytes());
    call.out.verbatim("txt", &format!("number of elements: {len}\n bytes: {bytes}\n"));
    Ok(Flow::Done)
}

fn listpack(call: &mut Call<'_>) -> Outcome {
    const NO_LISTPACK: Error = Error::new("ERR Not a listpack encoded object.");
    let spot = look_existing(call)?;
    let db = call.db();
    let entry = db.entry(&spot).ok_or(NO_SUCH_KEY)?;
    if !entry.encoding().starts_with("listpack") {
        return Err(NO_LISTPACK);
    }
    let write = |(index, text): (usize, Text<'_>)| {
        text.with_bytes(|bytes| log::warn!("{index}: {}", bytes.escape_ascii()));
    };
    match entry.value() {
        Value::Small(_, bytes) => Run::of_packed(bytes).iter().enumerate().for_each(write),
        // A short list may stand by itself.
        _ => {
            let list = db.view::<List>(&spot)?;
            list.into_iter().flat_map(ListRef::iter).enumerate().for_each(write);
        }
    }
    // What the log is by default.
    call.out.status("Listpack structure printed on stdout");
    Ok(Flow::Done)
}

const NO_SUCH_KEY: Error = Error::new("ERR no such key");

/// The key that the subcommand names, even if it is due and kept.
fn look_existing<'a>(call: &mut Call<'a>) -> Result<Spot<'a>, Error> {
    let key = call.argv.at(2);
    let keeps_due = call.store.changes.keeps_due;
    let shows_due = std::mem::replace(&mut call.store.changes.shows_due, keeps_due);
    let spot = call.db().find(key);
    call.store.changes.shows_due = shows_due;
    if spot.exists() { Ok(spot) } else { Err(NO_SUCH_KEY) }
}

fn object(call: &mut Call<'_>) -> Outcome {
    let spot = look_existing(call)?;
    let now = call.state.now;
    let db = call.db();
    let entry = db.entry(&spot).ok_or(NO_SUCH_KEY)?;
    let encoding = entry.encoding();
    let (place, len) =
        (std::ptr::from_ref(entry), payload::len_of(entry.value(), codes::VERSION_MIN, true));
    let (used, idle_s) = last_use(entry, db.usage(), now);
    let text = format!(
        "Value at:{place:p} refcount:1 encoding:{encoding} serializedlength:{len} lru:{used} \
         lru_seconds_idle:{idle_s}"
    );
    call.out.status(&text);
    Ok(Flow::Done)
}

/// When a key was last used, by the clock that INFO shows, and the seconds since. Where uses are
/// counted instead it is what Redis would show then: time and count as they are kept.
fn last_use(entry: &Entry, usage: &Usage, now: Now) -> (i64, u64) {
    match usage.measure() {
        Measure::LastUse | Measure::LastChange => {
            let idle_us = usage.idle_us(entry.access());
            let used = Now { unix_us: now.unix_us.saturating_sub(idle_us), ..now };
            (used.unix_s() & LRU_CLOCK_MAX, usage.idle_s(entry.access()))
        }
        Measure::Frequency => (i64::from(entry.access()), 0),
    }
}

fn populate(call: &mut Call<'_>) -> Outcome {
    let argv = call.argv;
    let positive = |arg: &[u8]| {
        let range = Error::new("ERR value is out of range, must be positive");
        num::parse_i64(arg).and_then(|count| u64::try_from(count).ok()).ok_or(range)
    };
    let count = positive(argv.at(2))?;
    let prefix = argv.get(3).unwrap_or(b"key");
    let size = argv.get(4).map(positive).transpose()?.map(num::index).filter(|size| *size > 0);
    if size.is_some_and(|size| num::signed(size) > call.state.config.proto_max_bulk_len) {
        return Err(Error::new("ERR value is out of range, must be positive"));
    }
    // No change for replicas, the log or snapshots: two servers can be made to differ by it.
    let dirty = call.store.changes.dirty;
    let mut db = call.db();
    for number in 0..count {
        let key = [prefix, format!(":{number}").as_bytes()].concat();
        let mut value = format!("value:{number}").into_bytes();
        if let Some(size) = size {
            value.resize(size, 0);
        }
        let spot = db.find(&key);
        if !spot.exists() {
            db.put("set", spot, Text::compact(&value), Ttl::Clear);
        }
    }
    call.store.changes.dirty = dirty;
    done(call)
}

fn protocol(call: &mut Call<'_>) -> Outcome {
    let is_new = call.out.protocol == Protocol::Resp3;
    let kind = call.argv.at(2).to_ascii_lowercase();
    let out = &mut *call.out;
    match kind.as_slice() {
        b"string" => out.bulk(b"Hello World"),
        b"integer" => out.int(12_345),
        b"double" => out.double(DOUBLE),
        b"null" => out.null(),
        b"array" | b"set" => {
            if kind == b"set" {
                out.set(3)
            } else {
                out.array(3)
            }
            (0..3).for_each(|number| out.int(number));
        }
        b"map" => {
            out.map(3);
            for number in 0..3 {
                out.int(number);
                out.bool(number == 1);
            }
        }
        b"attrib" => {
            if is_new {
                out.raw(b"|1\r\n$14\r\nkey-popularity\r\n*2\r\n$7\r\nkey:123\r\n:90\r\n");
            }
            out.bulk(b"Some real reply following the attribute");
        }
        b"push" if !is_new => return Err(Error::new("ERR RESP2 is not supported by this command")),
        b"push" => {
            // What is pushed to the one who asks comes after the reply.
            out.bulk(b"Some real reply following the push reply");
            out.push(2);
            out.bulk(b"server-cpu-usage");
            out.int(42);
        }
        b"verbatim" => out.verbatim("txt", "This is a verbatim\nstring"),
        b"true" => out.bool(true),
        b"false" => out.bool(false),
        b"bignum" if is_new => out.raw(b"(1234567999999999999999999999999999999\r\n"),
        b"bignum" => out.bulk(b"1234567999999999999999999999999999999"),
        _ => {
            return Err(Error::new(
                "ERR Wrong protocol type name. Please use one of the following: \
                 string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false",
            ));
        }
    }
    Ok(Flow::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subcommands_are_in_order_of_their_names() {
        assert!(SUBS[..SUBS.len() - 1].is_sorted_by_key(|sub| sub.name));
    }

    #[test]
    fn serialized_lengths_are_those_of_snapshots() {
        let len = |text| {
            let entry = Entry::new(b"k", text, false);
            payload::len_of(entry.value(), codes::VERSION_MIN, false)
        };
        for (value, expected) in [(0, 2), (-128, 2), (128, 3), (-40_000, 5), (1 << 40, 14)] {
            assert_eq!(len(Text::Int(value)), expected, "{value}");
        }
        assert_eq!(len(Text::Bytes(&[b'x'; 63])), 64);
        assert_eq!(len(Text::Bytes(&[b'x'; 64])), 66);
    }
}
