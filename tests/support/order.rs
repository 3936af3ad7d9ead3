//! Replies without an order are put in one, so that they can be compared.

use super::collections::sort::leaves_order;
use super::reply::Reply;

/// A reply whose items stand in order, if the order of a command's replies says nothing.
pub fn in_order(name: &str, reply: &Reply) -> Reply {
    match (name, reply) {
        (
            "SMEMBERS" | "SINTER" | "SUNION" | "SDIFF" | "SPOP" | "SRANDMEMBER" | "HKEYS" | "HVALS"
            | "HRANDFIELD" | "ZRANDMEMBER" | "KEYS",
            Reply::Array(items),
        ) => Reply::Array(sorted(items, 1)),
        (_, Reply::Set(items)) => Reply::Set(sorted(items, 1)),
        ("HGETALL", Reply::Array(items)) => Reply::Array(sorted(items, 2)),
        ("HGETALL", Reply::Map(pairs)) => {
            let mut pairs = pairs.clone();
            pairs.sort_by_key(|(field, _)| field.to_string());
            Reply::Map(pairs)
        }
        ("SCAN" | "SSCAN" | "HSCAN" | "ZSCAN", Reply::Array(items)) if items.len() == 2 => {
            let step = if matches!(name, "HSCAN" | "ZSCAN") { 2 } else { 1 };
            Reply::Array(vec![items[0].clone(), Reply::Array(sorted(items[1].items(), step))])
        }
        _ => reply.clone(),
    }
}

/// The same for the reply to a request, whose arguments may say that there is no order.
pub fn in_order_of<W: AsRef<[u8]>>(request: &[W], reply: &Reply) -> Reply {
    match reply {
        Reply::Array(items) if leaves_order(request) => Reply::Array(sorted(items, 1)),
        _ => in_order(&String::from_utf8_lossy(request[0].as_ref()).to_uppercase(), reply),
    }
}

/// Items in order, which stay together by `step`.
fn sorted(items: &[Reply], step: usize) -> Vec<Reply> {
    let mut groups: Vec<&[Reply]> = items.chunks(step).collect();
    groups.sort_by_key(|group| group[0].to_string());
    groups.concat()
}
