//! Values on their way out, in the oldest way of writing them that says it all.

use super::codes::{self, kind, node};
use super::sink::Sink;
use super::stream;
use crate::data::collection::{Collection, Form, Kind};
use crate::data::hash::{Field, Hash, HashRef};
use crate::data::list::{List, ListRef, NodeRef};
use crate::data::packed::Packed;
use crate::data::set::{Set, SetRef};
use crate::data::sorted_set::{SortedSet, SortedSetRef};
use crate::data::stream::Stream;
use crate::data::text::Text;
use crate::store::entry::Value;
use std::io;

/// A value, and the way in which it is written.
pub struct Written<'v>(Way<'v>);

enum Way<'v> {
    Text(Text<'v>),
    /// Bytes in one piece.
    Blob(u8, &'v [u8]),
    List(ListRef<'v>),
    /// Small sets as Redis 7.0 knows them.
    Set(SetRef<'v>),
    SortedSet(SortedSetRef<'v>),
    Hash(HashRef<'v>),
    /// A hash in the form with deadlines that has none.
    HashWithout(HashRef<'v>),
    /// A hash in the form with deadlines, and the earliest one.
    HashEx(i64, &'v [u8]),
    /// A large hash with deadlines, and the earliest one.
    HashDeadlines(i64, HashRef<'v>),
    Stream(u8, &'v Stream),
}

impl<'v> Written<'v> {
    /// Chooses how a value is written in files of this version.
    #[inline]
    pub fn new(value: Value<'v>, version: u32) -> Written<'v> {
        Written(match value {
            Value::Text(text) => Way::Text(text),
            Value::Small(form, bytes) => small(form, bytes, version),
            Value::Large(collection) => match collection.packed() {
                Some((form, bytes)) => small(form, bytes, version),
                None => large(collection, version),
            },
        })
    }

    /// The least version of a file that can hold it.
    pub fn version(&self) -> u32 {
        match self.0 {
            Way::HashEx(..) | Way::HashDeadlines(..) => codes::VERSION_FIELD_DEADLINES,
            Way::Blob(kind::SET_LISTPACK, _) | Way::Stream(kind::STREAM_3, _) => {
                codes::VERSION_PACKED_SETS
            }
            _ => codes::VERSION_MIN,
        }
    }

    /// The number of that way of writing.
    #[inline]
    pub fn code(&self) -> u8 {
        match self.0 {
            Way::Text(_) => kind::STRING,
            Way::Blob(code, _) | Way::Stream(code, _) => code,
            Way::List(_) => kind::LIST_QUICKLIST_2,
            Way::Set(_) => kind::SET,
            Way::SortedSet(_) => kind::SORTED_SET_2,
            Way::Hash(_) => kind::HASH,
            Way::HashWithout(_) => kind::HASH_LISTPACK,
            Way::HashEx(..) => kind::HASH_LISTPACK_EX,
            Way::HashDeadlines(..) => kind::HASH_DEADLINES,
        }
    }

    /// Writes the value.
    ///
    /// # Errors
    /// The system's.
    #[inline]
    pub fn put(&self, sink: &mut Sink<'_>) -> io::Result<()> {
        match self.0 {
            Way::Text(text) => put_text(text, sink),
            Way::Blob(kind::LIST_QUICKLIST_2, listpack) => {
                sink.count(1)?;
                sink.count(node::PACKED)?;
                sink.string(listpack)
            }
            Way::Blob(_, bytes) => sink.string(bytes),
            Way::Stream(code, value) => stream::put(value, code, sink),
            Way::List(list) => put_list(list, sink),
            Way::Set(set) => put_set(set, sink),
            Way::SortedSet(set) => put_sorted_set(set, sink),
            Way::Hash(hash) => put_hash(hash, None, sink),
            Way::HashWithout(hash) => {
                let mut pairs = Packed::new();
                hash.each(|field| {
                    field.name.with_bytes(|name| pairs.push_back(name));
                    field.value.with_bytes(|value| pairs.push_back(value));
                });
                sink.string(pairs.as_bytes())
            }
            Way::HashEx(earliest_ms, bytes) => {
                sink.bytes(&earliest_ms.to_le_bytes())?;
                sink.string(bytes)
            }
            Way::HashDeadlines(earliest_ms, hash) => {
                sink.bytes(&earliest_ms.to_le_bytes())?;
                put_hash(hash, Some(earliest_ms), sink)
            }
        }
    }
}

fn small(form: Form, bytes: &[u8], version: u32) -> Way<'_> {
    match form {
        Form::List => Way::Blob(kind::LIST_QUICKLIST_2, bytes),
        Form::IntSet => Way::Blob(kind::SET_INTSET, bytes),
        Form::Set if version >= codes::VERSION_PACKED_SETS => Way::Blob(kind::SET_LISTPACK, bytes),
        Form::Set => Way::Set(Set::view_small(form, bytes)),
        Form::SortedSet => Way::Blob(kind::SORTED_SET_LISTPACK, bytes),
        Form::Hash => Way::Blob(kind::HASH_LISTPACK, bytes),
        Form::HashEx => {
            let hash = Hash::view_small(form, bytes);
            hash.earliest_ms().map_or(Way::HashWithout(hash), |at_ms| Way::HashEx(at_ms, bytes))
        }
    }
}

fn large(collection: &Collection, version: u32) -> Way<'_> {
    match collection {
        Collection::List(list) => Way::List(List::view(list)),
        Collection::Set(set) => Way::Set(Set::view(set)),
        Collection::SortedSet(set) => Way::SortedSet(SortedSet::view(set)),
        Collection::Stream(stream) if version >= codes::VERSION_PACKED_SETS => {
            Way::Stream(kind::STREAM_3, stream)
        }
        Collection::Stream(stream) => Way::Stream(kind::STREAM_2, stream),
        Collection::Hash(hash) => {
            let hash = Hash::view(hash);
            hash.earliest_ms().map_or(Way::Hash(hash), |at_ms| Way::HashDeadlines(at_ms, hash))
        }
    }
}

#[inline]
fn put_text(text: Text<'_>, sink: &mut Sink<'_>) -> io::Result<()> {
    match text {
        Text::Int(value) => sink.int(value),
        Text::Bytes(bytes) => sink.string(bytes),
    }
}

fn put_list(list: ListRef<'_>, sink: &mut Sink<'_>) -> io::Result<()> {
    sink.count(list.nodes().len() as u64)?;
    for node in list.nodes() {
        match node {
            NodeRef::Plain(element) => {
                sink.count(node::PLAIN)?;
                sink.string(element)?;
            }
            NodeRef::Packed(run, count) => {
                sink.count(node::PACKED)?;
                sink.string(Packed::of_run(run, count).as_bytes())?;
            }
        }
    }
    Ok(())
}

fn put_set(set: SetRef<'_>, sink: &mut Sink<'_>) -> io::Result<()> {
    sink.count(set.len() as u64)?;
    let mut outcome = Ok(());
    set.each_while(|member| {
        outcome = put_text(member, sink);
        outcome.is_ok()
    });
    outcome
}

/// From the highest score down, as Redis does: its reader adds members at the front.
fn put_sorted_set(set: SortedSetRef<'_>, sink: &mut Sink<'_>) -> io::Result<()> {
    sink.count(set.len() as u64)?;
    for (member, score) in set.items(0..set.len()).rev() {
        put_text(member, sink)?;
        sink.bytes(&score.to_le_bytes())?;
    }
    Ok(())
}

/// Fields with their values, and with deadlines if the earliest one is told.
fn put_hash(hash: HashRef<'_>, earliest_ms: Option<i64>, sink: &mut Sink<'_>) -> io::Result<()> {
    sink.count(hash.len() as u64)?;
    let mut outcome = Ok(());
    let put = |field: Field<'_>, sink: &mut Sink<'_>| {
        if let Some(earliest_ms) = earliest_ms {
            let behind = field.deadline_ms.map_or(0, |at_ms| at_ms - earliest_ms + 1);
            sink.count(u64::try_from(behind).unwrap_or(0))?;
        }
        put_text(field.name, sink)?;
        put_text(field.value, sink)
    };
    hash.each(|field| {
        if outcome.is_ok() {
            outcome = put(field, sink);
        }
    });
    outcome
}
