//! When two replies are the same: what has no order is put in one, what depends on the version or
//! on the moment is left out.

use crate::support::client::Client;
use crate::support::order::in_order_of;
use crate::support::reply::Reply;

/// Encodings that later versions call by other names, or that only they have: ours, and that of
/// 7.0.
const RENAMED: [[&str; 2]; 2] = [["listpack", "quicklist"], ["listpack", "hashtable"]];

/// Compares replies. Remembers what has been queued since MULTI, and the numbers of changes that
/// were told last.
#[derive(Default)]
pub struct Judge {
    queue: Option<Vec<Vec<String>>>,
    changes: Option<[i64; 2]>,
}

impl Judge {
    /// Whether both servers have replied the same to a request.
    pub fn is_same(&mut self, request: &[String], ours: &Reply, real: &Reply) -> bool {
        let is_ok = *real == Reply::Status("OK".to_owned());
        if *real == Reply::Status("QUEUED".to_owned()) {
            self.queue.get_or_insert_default().push(request.to_vec());
            return ours == real;
        }
        match request[0].to_uppercase().as_str() {
            "MULTI" if is_ok => self.queue = Some(Vec::new()),
            "DISCARD" => self.queue = None,
            "EXEC" => {
                let queue = self.queue.take().unwrap_or_default();
                let (a, b) = (ours.items(), real.items());
                return a.len() == b.len()
                    && (!a.is_empty() || ours == real)
                    && (0..a.len()).all(|at| {
                        let is_same = self.is_same_reply(&queue[at], &a[at], &b[at]);
                        if !is_same {
                            println!("{:?}\n ours {}\n real {}", queue[at], a[at], b[at]);
                        }
                        is_same
                    });
            }
            _ => {}
        }
        self.is_same_reply(request, ours, real)
    }

    fn is_same_reply(&mut self, request: &[String], ours: &Reply, real: &Reply) -> bool {
        let is_info = request[0] == "INFO" && request[1] == "persistence";
        const OTHER: [&str; 7] =
            ["FLUSHALL", "FLUSHDB", "BITFIELD", "XGROUP", "XREADGROUP", "XCLAIM", "XAUTOCLAIM"];
        if OTHER.contains(&request[0].to_uppercase().as_str()) {
            // What these count as differs: 7.0 makes a consumer only once it is given something.
            self.changes = None;
        }
        if !is_info {
            return is_same(request, ours, real);
        }
        let told = [changes(ours), changes(real)];
        // What has been before is another seed's.
        let before = self.changes.replace(told).unwrap_or(told);
        told[0] - before[0] == told[1] - before[1]
    }
}

fn is_same(request: &[String], ours: &Reply, real: &Reply) -> bool {
    match (request[0].to_uppercase().as_str(), ours, real) {
        // Seconds to live may differ by one, as the servers run one after the other.
        ("TTL" | "EXPIRETIME", Reply::Int(a), Reply::Int(b)) => (a - b).abs() <= 1,
        ("OBJECT", Reply::Bulk(a), Reply::Bulk(b)) => {
            a == b
                || RENAMED.iter().any(|pair| *a == *pair[0].as_bytes() && *b == *pair[1].as_bytes())
        }
        // Milliseconds, which pass between the servers, and how a tree is built.
        ("XPENDING" | "XINFO", ..) => untimed(ours) == untimed(real),
        ("XGROUP", Reply::Int(_), Reply::Int(_))
            if request[1].eq_ignore_ascii_case("CREATECONSUMER") =>
        {
            true
        }
        _ => is_alike(request, ours, real),
    }
}

/// A reply of XPENDING or XINFO without what is a matter of time, of the tree or, like the number
/// of consumers, of the version.
fn untimed(reply: &Reply) -> Reply {
    let is_tree = |name: &Reply| match name {
        Reply::Bulk(name) => name.starts_with(b"radix-tree-") || name == b"consumers",
        _ => false,
    };
    match reply {
        Reply::Array(items) => {
            let mut items: Vec<Reply> = items.iter().map(untimed).collect();
            if let [Reply::Bulk(_), Reply::Bulk(_), idle @ Reply::Int(_), Reply::Int(_)] =
                &mut items[..]
            {
                *idle = Reply::Int(0);
            }
            for at in 1..items.len() {
                if is_tree(&items[at - 1]) {
                    items[at] = Reply::Int(0);
                }
            }
            Reply::Array(items)
        }
        Reply::Map(pairs) => {
            let pairs = pairs.iter().map(|(name, value)| {
                (name.clone(), if is_tree(name) { Reply::Int(0) } else { untimed(value) })
            });
            Reply::Map(pairs.collect())
        }
        _ => reply.clone(),
    }
}

/// Whether replies are the same but for an order that says nothing and for the spelling of
/// fractions.
fn is_alike<W: AsRef<[u8]>>(request: &[W], ours: &Reply, real: &Reply) -> bool {
    ours == real || plain(&in_order_of(request, ours)) == plain(&in_order_of(request, real))
}

/// A reply with fractions in one spelling: 7.0 prints more digits than it needs.
fn plain(reply: &Reply) -> Reply {
    let all = |items: &[Reply]| items.iter().map(plain).collect();
    match reply {
        Reply::Double(text) => Reply::Double(shortest(text)),
        Reply::Bulk(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Reply::Bulk(shortest(text).into_bytes()),
            Err(_) => reply.clone(),
        },
        Reply::Array(items) => Reply::Array(all(items)),
        Reply::Set(items) => Reply::Set(all(items)),
        _ => reply.clone(),
    }
}

/// The shortest spelling of a number that is written with many digits.
fn shortest(text: &str) -> String {
    let number = text.parse::<f64>().ok().filter(|_| text.len() > 15 || text.contains('e'));
    number.map_or_else(|| text.to_owned(), |number| format!("{number:?}"))
}

/// The number of changes that INFO tells of.
fn changes(info: &Reply) -> i64 {
    let text = info.text();
    let mut values =
        text.lines().filter_map(|line| line.strip_prefix("rdb_changes_since_last_save:"));
    values.next().and_then(|value| value.parse().ok()).expect("a number of changes")
}

/// Checks that a key holds the same in both servers.
pub fn same_data(a: &mut Client, b: &mut Client, key: &str) {
    let (kind, other) = (a.run(&format!("TYPE {key}")), b.run(&format!("TYPE {key}")));
    assert_eq!(kind, other, "{key}");
    let read = match kind.text().as_str() {
        "string" => format!("GET {key}"),
        "list" => format!("LRANGE {key} 0 -1"),
        "set" => format!("SMEMBERS {key}"),
        "zset" => format!("ZRANGE {key} 0 -1 WITHSCORES"),
        "hash" => format!("HGETALL {key}"),
        "stream" => {
            let groups = format!("XINFO GROUPS {key}");
            assert_eq!(untimed(&a.run(&groups)), untimed(&b.run(&groups)), "{key}");
            let digest = format!("DEBUG DIGEST-VALUE {key}");
            assert_eq!(a.run(&digest), b.run(&digest), "{key}");
            format!("XRANGE {key} - +")
        }
        _ => return,
    };
    let request: Vec<&str> = read.split(' ').collect();
    let (ours, real) = (a.run(&read), b.run(&read));
    assert!(is_alike(&request, &ours, &real), "{key}\n ours {ours}\n real {real}");
}
