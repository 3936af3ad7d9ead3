//! Replies as values, read from the wire and written in one line.

use std::fmt::{self, Display, Formatter};

/// A reply of either protocol.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    Status(String),
    Error(String),
    Int(i64),
    Bulk(Vec<u8>),
    Verbatim(String, Vec<u8>),
    Null,
    NullBulk,
    NullArray,
    Bool(bool),
    Double(String),
    Array(Vec<Reply>),
    Set(Vec<Reply>),
    Push(Vec<Reply>),
    Map(Vec<(Reply, Reply)>),
}

impl Reply {
    /// Reads one reply from the start of `bytes`: the reply and its length, `None` if it is not all
    /// there.
    pub fn read(bytes: &[u8]) -> Option<(Reply, usize)> {
        let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
        let line = std::str::from_utf8(&bytes[1..end])
            .map_or_else(|_| String::from_utf8_lossy(&bytes[1..end]).into_owned(), str::to_owned);
        let next = end + 2;
        let len = || line.parse::<i64>().unwrap_or_else(|_| panic!("bad length {line:?}"));
        let some = |reply| Some((reply, next));
        match bytes[0] {
            b'+' => some(Reply::Status(line)),
            b'-' => some(Reply::Error(line)),
            b':' => some(Reply::Int(len())),
            b'_' => some(Reply::Null),
            b'#' => some(Reply::Bool(line == "t")),
            b',' => some(Reply::Double(line)),
            b'$' | b'=' if len() < 0 => some(Reply::NullBulk),
            kind @ (b'$' | b'=') => {
                let stop = next + usize::try_from(len()).unwrap();
                let body = bytes.get(next..stop + 2)?;
                assert!(body.ends_with(b"\r\n"), "a bulk ends with a line end");
                let body = &body[..body.len() - 2];
                let reply = if kind == b'$' {
                    Reply::Bulk(body.to_vec())
                } else {
                    Reply::Verbatim(String::from_utf8_lossy(&body[..3]).into(), body[4..].to_vec())
                };
                Some((reply, stop + 2))
            }
            b'*' if len() < 0 => some(Reply::NullArray),
            kind @ (b'*' | b'~' | b'>' | b'%') => {
                let count = usize::try_from(len()).unwrap();
                let count = if kind == b'%' { count * 2 } else { count };
                let (mut items, mut at) = (Vec::new(), next);
                for _ in 0..count {
                    let (item, used) = Reply::read(&bytes[at..])?;
                    items.push(item);
                    at += used;
                }
                let reply = match kind {
                    b'*' => Reply::Array(items),
                    b'~' => Reply::Set(items),
                    b'>' => Reply::Push(items),
                    _ => Reply::Map(pairs(items)),
                };
                Some((reply, at))
            }
            other => panic!("no reply begins with {:?}", char::from(other)),
        }
    }

    /// The items of an aggregate, none of anything else.
    pub fn items(&self) -> &[Reply] {
        match self {
            Reply::Array(items) | Reply::Set(items) | Reply::Push(items) => items,
            _ => &[],
        }
    }

    /// The bytes of a string, none of anything else.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Reply::Bulk(bytes) | Reply::Verbatim(_, bytes) => bytes,
            Reply::Status(text) | Reply::Error(text) => text.as_bytes(),
            _ => b"",
        }
    }

    /// The text of a string.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.bytes()).into_owned()
    }

    /// The number of an integer reply.
    pub fn int(&self) -> i64 {
        match self {
            Reply::Int(value) => *value,
            other => panic!("{other} is no integer"),
        }
    }
}

fn pairs(items: Vec<Reply>) -> Vec<(Reply, Reply)> {
    let mut items = items.into_iter();
    let mut pairs = Vec::new();
    while let (Some(key), Some(value)) = (items.next(), items.next()) {
        pairs.push((key, value));
    }
    pairs
}

/// One line: `+OK`, `-ERR ..`, `1`, `"bytes"`, `nil`, `nil-array`, `_`, `[..]`, `~[..]`, `>[..]`,
/// `{k: v}`.
impl Display for Reply {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let list = |f: &mut Formatter<'_>, open: &str, items: &[Reply]| {
            let items: Vec<String> = items.iter().map(ToString::to_string).collect();
            write!(f, "{open}{}]", items.join(", "))
        };
        match self {
            Reply::Status(text) => write!(f, "+{text}"),
            Reply::Error(text) => write!(f, "-{text}"),
            Reply::Int(value) => write!(f, "{value}"),
            Reply::Bulk(bytes) => write!(f, "{}", spindle::base::quoted::quote(bytes)),
            Reply::Verbatim(kind, bytes) => {
                write!(f, "={kind}:{}", spindle::base::quoted::quote(bytes))
            }
            Reply::Null => write!(f, "_"),
            Reply::NullBulk => write!(f, "nil"),
            Reply::NullArray => write!(f, "nil-array"),
            Reply::Bool(value) => write!(f, "#{value}"),
            Reply::Double(text) => write!(f, ",{text}"),
            Reply::Array(items) => list(f, "[", items),
            Reply::Set(items) => list(f, "~[", items),
            Reply::Push(items) => list(f, ">[", items),
            Reply::Map(pairs) => {
                let pairs: Vec<String> = pairs.iter().map(|(k, v)| format!("{k}: {v}")).collect();
                write!(f, "{{{}}}", pairs.join(", "))
            }
        }
    }
}
