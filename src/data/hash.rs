//! Hashes: fields with values.

use super::collection::{Collection, Form, Kind, Type};
use super::packed::{Packed, Run};

/// Hashes: fields with values.
#[derive(Clone, Default)]
pub struct Hash(Packed);

/// One that is being read.
#[derive(Clone, Copy)]
pub struct HashRef<'a>(Run<'a>);

impl HashRef<'_> {
    /// Number of elements.
    pub fn len(self) -> usize {
        self.0.count()
    }

    /// True without elements.
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }
}

impl Kind for Hash {
    type Ref<'a> = HashRef<'a>;
    const TYPE: Type = Type::Hash;

    fn thaw(_form: Form, bytes: Vec<u8>) -> Hash {
        Hash(Packed::from_bytes(bytes))
    }

    fn small(&mut self) -> Option<(Form, &mut Vec<u8>)> {
        Some((Form::Hash, self.0.bytes_mut()))
    }

    fn view_small(_form: Form, bytes: &[u8]) -> HashRef<'_> {
        HashRef(Run::of_packed(bytes))
    }

    fn view(&self) -> HashRef<'_> {
        HashRef(self.0.run())
    }

    fn len(&self) -> usize {
        self.0.count()
    }

    fn encoding(&self) -> &'static str {
        Form::Hash.encoding()
    }

    fn memory_bytes(&self) -> usize {
        self.0.as_bytes().len()
    }

    fn free_some(&mut self) -> bool {
        false
    }

    fn of(collection: &Collection) -> Option<&Hash> {
        match collection {
            Collection::Hash(value) => Some(value),
            _ => None,
        }
    }

    fn of_mut(collection: &mut Collection) -> Option<&mut Hash> {
        match collection {
            Collection::Hash(value) => Some(value),
            _ => None,
        }
    }

    fn wrap(self) -> Collection {
        Collection::Hash(self)
    }
}
