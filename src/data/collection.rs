//! What the types of collections have in common: a small form in one piece, which is kept beside
//! the key while it is short, and a large one.

use super::hash::Hash;
use super::list::List;
use super::set::Set;
use super::sorted_set::SortedSet;
use super::stream::Stream;
use crate::base::hash::KeyHasher;

/// The types of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Bytes, or an integer.
    String,
    /// Elements in a row.
    List,
    /// Members, each once.
    Set,
    /// Members in the order of their scores.
    SortedSet,
    /// Fields with values.
    Hash,
    /// Entries in the order of their ids.
    Stream,
}

impl Type {
    /// The name in the words of TYPE.
    pub const fn name(self) -> &'static str {
        match self {
            Type::String => "string",
            Type::List => "list",
            Type::Set => "set",
            Type::SortedSet => "zset",
            Type::Hash => "hash",
            Type::Stream => "stream",
        }
    }
}

/// The small forms: what the bytes of a value in one piece are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Form {
    /// A listpack of a list's elements.
    List,
    /// A listpack of a set's members.
    Set,
    /// A sorted array of a set's members, all of them integers.
    IntSet,
    /// A listpack of a hash's fields, each before its value.
    Hash,
    /// A listpack of a hash's fields, each before its value and its deadline.
    HashEx,
    /// A listpack of a sorted set's members, each before its score, in order.
    SortedSet,
}

/// All forms, by number.
const FORMS: [Form; 6] =
    [Form::List, Form::Set, Form::IntSet, Form::Hash, Form::HashEx, Form::SortedSet];

impl Form {
    /// The number by which an entry remembers it.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The form of that number.
    ///
    /// # Panics
    /// If there is none.
    pub fn of_number(number: u8) -> Form {
        FORMS[usize::from(number)]
    }

    /// The type of which it is a form.
    pub const fn type_of(self) -> Type {
        match self {
            Form::List => Type::List,
            Form::Set | Form::IntSet => Type::Set,
            Form::Hash | Form::HashEx => Type::Hash,
            Form::SortedSet => Type::SortedSet,
        }
    }

    /// The name in the words of OBJECT ENCODING.
    pub const fn encoding(self) -> &'static str {
        match self {
            Form::List | Form::Set | Form::Hash | Form::SortedSet => "listpack",
            Form::IntSet => "intset",
            Form::HashEx => "listpackex",
        }
    }
}

/// A type of collection. What may be read of one is asked of [`Kind::Ref`], which is the same
/// whether the value stands beside its key or by itself.
pub trait Kind: Default + 'static {
    /// A value that is being read.
    type Ref<'a>: Copy;
    /// Its type.
    const TYPE: Type;

    /// A value in a small form, made of its bytes.
    fn thaw(form: Form, bytes: Vec<u8>) -> Self;
    /// The bytes, if the value is in a small form.
    fn small(&mut self) -> Option<(Form, &mut Vec<u8>)>;
    /// The bytes, if the value is in a small form, to be read.
    fn packed(&self) -> Option<(Form, &[u8])>;
    /// Reads a value in a small form.
    fn view_small(form: Form, bytes: &[u8]) -> Self::Ref<'_>;
    /// Reads a value.
    fn view(&self) -> Self::Ref<'_>;
    /// Number of elements.
    fn len(&self) -> usize;
    /// True without elements.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// True if its key goes: without elements, unless the type stays without.
    fn is_void(&self) -> bool {
        self.is_empty()
    }
    /// The name of its form in the words of OBJECT ENCODING.
    fn encoding(&self) -> &'static str;
    /// Bytes of memory that it points to.
    fn memory_bytes(&self) -> usize;
    /// How many things there are to be freed, about.
    fn piece_count(&self) -> usize {
        self.len()
    }
    /// Frees some of a value that nobody needs any more; false once nothing is left that takes
    /// long. Costs no more than a hundred microseconds.
    fn free_some(&mut self) -> bool;
    /// The value of this type in a collection, if that is what it is.
    fn of(collection: &Collection) -> Option<&Self>;
    /// The same, to be changed.
    fn of_mut(collection: &mut Collection) -> Option<&mut Self>;
    /// The value as one of any type.
    fn wrap(self) -> Collection;
}

/// A collection of any type.
#[derive(Clone)]
pub enum Collection {
    /// A list.
    List(List),
    /// A set.
    Set(Set),
    /// A sorted set.
    SortedSet(SortedSet),
    /// A hash.
    Hash(Hash),
    /// A stream.
    Stream(Box<Stream>),
}

/// Does the same with a collection of whatever type.
macro_rules! each {
    ($collection:expr, $value:ident => $result:expr) => {
        match $collection {
            Collection::List($value) => $result,
            Collection::Set($value) => $result,
            Collection::SortedSet($value) => $result,
            Collection::Hash($value) => $result,
            Collection::Stream($value) => $result,
        }
    };
}

impl Collection {
    /// A collection in a small form, made of its bytes.
    pub fn thaw(form: Form, bytes: Vec<u8>) -> Collection {
        match form.type_of() {
            Type::List => List::thaw(form, bytes).wrap(),
            Type::Set => Set::thaw(form, bytes).wrap(),
            Type::SortedSet => SortedSet::thaw(form, bytes).wrap(),
            Type::Hash => Hash::thaw(form, bytes).wrap(),
            Type::String | Type::Stream => unreachable!("neither has a form"),
        }
    }

    /// Its type.
    pub fn type_of(&self) -> Type {
        match self {
            Collection::List(_) => Type::List,
            Collection::Set(_) => Type::Set,
            Collection::SortedSet(_) => Type::SortedSet,
            Collection::Hash(_) => Type::Hash,
            Collection::Stream(_) => Type::Stream,
        }
    }

    /// The name of its form in the words of OBJECT ENCODING.
    pub fn encoding(&self) -> &'static str {
        each!(self, value => value.encoding())
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        each!(self, value => value.len())
    }

    /// True without elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of memory that it points to.
    pub fn memory_bytes(&self) -> usize {
        each!(self, value => value.memory_bytes())
    }

    /// How many things there are to be freed; see [`Kind::piece_count`].
    pub fn piece_count(&self) -> usize {
        each!(self, value => if value.packed().is_some() { 1 } else { value.piece_count() })
    }

    /// Frees some of a collection that nobody needs any more; see [`Kind::free_some`].
    pub fn free_some(&mut self) -> bool {
        each!(self, value => value.free_some())
    }

    /// The bytes, if it is in a small form.
    pub fn small(&mut self) -> Option<(Form, &mut Vec<u8>)> {
        each!(self, value => value.small())
    }

    /// The same, to be read.
    pub fn packed(&self) -> Option<(Form, &[u8])> {
        each!(self, value => value.packed())
    }
}

/// How far a value may go in its small form, and how the large one hashes.
#[derive(Clone)]
pub struct Limits {
    /// Most elements.
    pub elements: usize,
    /// Most bytes of one of them.
    pub element_bytes: usize,
    /// Most elements of a set of integers.
    pub integers: usize,
    /// Hashes elements with the secret of the process.
    pub hasher: KeyHasher,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_known_by_its_number() {
        for form in FORMS {
            assert_eq!(Form::of_number(form.number()), form);
        }
    }
}
