//! Sorted sets: members in the order of their scores.

use super::collection::{Collection, Form, Kind, Type};
use super::packed::{Packed, Run};

/// Sorted sets: members in the order of their scores.
#[derive(Clone, Default)]
pub struct SortedSet(Packed);

/// One that is being read.
#[derive(Clone, Copy)]
pub struct SortedSetRef<'a>(Run<'a>);

impl SortedSetRef<'_> {
    /// Number of elements.
    pub fn len(self) -> usize {
        self.0.count()
    }

    /// True without elements.
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }
}

impl Kind for SortedSet {
    type Ref<'a> = SortedSetRef<'a>;
    const TYPE: Type = Type::SortedSet;

    fn thaw(_form: Form, bytes: Vec<u8>) -> SortedSet {
        SortedSet(Packed::from_bytes(bytes))
    }

    fn small(&mut self) -> Option<(Form, &mut Vec<u8>)> {
        Some((Form::SortedSet, self.0.bytes_mut()))
    }

    fn view_small(_form: Form, bytes: &[u8]) -> SortedSetRef<'_> {
        SortedSetRef(Run::of_packed(bytes))
    }

    fn view(&self) -> SortedSetRef<'_> {
        SortedSetRef(self.0.run())
    }

    fn len(&self) -> usize {
        self.0.count()
    }

    fn encoding(&self) -> &'static str {
        Form::SortedSet.encoding()
    }

    fn memory_bytes(&self) -> usize {
        self.0.as_bytes().len()
    }

    fn free_some(&mut self) -> bool {
        false
    }

    fn of(collection: &Collection) -> Option<&SortedSet> {
        match collection {
            Collection::SortedSet(value) => Some(value),
            _ => None,
        }
    }

    fn of_mut(collection: &mut Collection) -> Option<&mut SortedSet> {
        match collection {
            Collection::SortedSet(value) => Some(value),
            _ => None,
        }
    }

    fn wrap(self) -> Collection {
        Collection::SortedSet(self)
    }
}
