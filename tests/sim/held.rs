//! What the model's keys hold, and the doors by which its commands come to it.

use crate::model::{Form, Model, Value};
use crate::world::Data;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

pub const WRONG_TYPE: &str =
    "WRONGTYPE Operation against a key holding the wrong kind of value";

pub type List = Vec<Vec<u8>>;
pub type Set = BTreeSet<Vec<u8>>;
pub type SortedSet = BTreeMap<Vec<u8>, f64>;
/// Values and deadlines by field.
pub type Hash = BTreeMap<Vec<u8>, (Vec<u8>, Option<i64>)>;

/// A value of any type.
#[derive(Clone)]
pub enum Held {
    Text(Vec<u8>),
    List(List),
    Set(Set),
    SortedSet(SortedSet),
    Hash(Hash),
}

/// One of the collections.
pub trait Kind: Sized + Clone {
    fn of(held: &Held) -> Option<&Self>;
    fn hold(self) -> Held;
    fn is_nothing(&self) -> bool;
}

macro_rules! kind {
    ($type:ident) => {
        impl Kind for $type {
            fn of(held: &Held) -> Option<&$type> {
                if let Held::$type(it) = held { Some(it) } else { None }
            }

            fn hold(self) -> Held {
                Held::$type(self)
            }

            fn is_nothing(&self) -> bool {
                self.is_empty()
            }
        }
    };
}

kind!(List);
kind!(Set);
kind!(SortedSet);
kind!(Hash);

impl Held {
    pub fn name(&self) -> &'static str {
        match self {
            Held::Text(_) => "string",
            Held::List(_) => "list",
            Held::Set(_) => "set",
            Held::SortedSet(_) => "zset",
            Held::Hash(_) => "hash",
        }
    }

    /// The same as the engine's data is told.
    pub fn data(&self) -> Data {
        match self {
            Held::Text(bytes) => Data::Text(bytes.clone()),
            Held::List(list) => Data::List(list.clone()),
            Held::Set(set) => Data::Set(set.clone()),
            Held::SortedSet(set) => {
                let items = ranked(set).into_iter();
                Data::SortedSet(items.map(|(m, score)| (m, format!("{score:?}"))).collect())
            }
            Held::Hash(hash) => Data::Hash(hash.clone()),
        }
    }
}

/// The members in their order.
pub fn ranked(set: &SortedSet) -> Vec<(Vec<u8>, f64)> {
    let mut items: Vec<_> = set.iter().map(|(member, score)| (member.clone(), *score)).collect();
    items.sort_by(|(a, x), (b, y)| x.partial_cmp(y).unwrap_or(Ordering::Equal).then(a.cmp(b)));
    items
}

impl Model {
    /// The string of a key that is about to change.
    pub fn text_of(&mut self, db: usize, key: &[u8]) -> Result<Option<Vec<u8>>, String> {
        text(self.look(db, key))
    }

    /// The string of a key that is read.
    pub fn read_text(&mut self, db: usize, key: &[u8]) -> Result<Option<Vec<u8>>, String> {
        text(self.read(db, key))
    }

    /// The collection of a key that is about to change.
    pub fn held<K: Kind>(&mut self, db: usize, key: &[u8]) -> Result<Option<K>, String> {
        collection(self.look(db, key))
    }

    /// The collection of a key that is read.
    pub fn read_held<K: Kind>(&mut self, db: usize, key: &[u8]) -> Result<Option<K>, String> {
        collection(self.read(db, key))
    }

    /// A collection has changed; nothing is left of an empty one. The deadline stays.
    pub fn keep<K: Kind>(&mut self, db: usize, key: &[u8], value: K) {
        if value.is_nothing() {
            self.remove(db, key);
            return;
        }
        let deadline_ms = self.look(db, key).and_then(|value| value.deadline_ms);
        self.insert(db, key, value.hold(), deadline_ms, Form::Written);
    }

    /// A collection takes the place of whatever there is.
    pub fn replace<K: Kind>(&mut self, db: usize, key: &[u8], value: K) {
        self.remove(db, key);
        if !value.is_nothing() {
            self.insert(db, key, value.hold(), None, Form::Written);
        }
    }
}

fn text(value: Option<&mut Value>) -> Result<Option<Vec<u8>>, String> {
    match value.map(|value| &value.held) {
        None => Ok(None),
        Some(Held::Text(bytes)) => Ok(Some(bytes.clone())),
        Some(_) => Err(WRONG_TYPE.to_owned()),
    }
}

fn collection<K: Kind>(value: Option<&mut Value>) -> Result<Option<K>, String> {
    let Some(value) = value else { return Ok(None) };
    K::of(&value.held).cloned().map(Some).ok_or_else(|| WRONG_TYPE.to_owned())
}
