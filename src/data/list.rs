//! Lists: elements in a row.

use super::collection::{Collection, Form, Kind, Type};
use super::packed::{Packed, Run};

/// Lists: elements in a row.
#[derive(Clone, Default)]
pub struct List(Packed);

/// One that is being read.
#[derive(Clone, Copy)]
pub struct ListRef<'a>(Run<'a>);

impl ListRef<'_> {
    /// Number of elements.
    pub fn len(self) -> usize {
        self.0.count()
    }

    /// True without elements.
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }
}

impl Kind for List {
    type Ref<'a> = ListRef<'a>;
    const TYPE: Type = Type::List;

    fn thaw(_form: Form, bytes: Vec<u8>) -> List {
        List(Packed::from_bytes(bytes))
    }

    fn small(&mut self) -> Option<(Form, &mut Vec<u8>)> {
        Some((Form::List, self.0.bytes_mut()))
    }

    fn view_small(_form: Form, bytes: &[u8]) -> ListRef<'_> {
        ListRef(Run::of_packed(bytes))
    }

    fn view(&self) -> ListRef<'_> {
        ListRef(self.0.run())
    }

    fn len(&self) -> usize {
        self.0.count()
    }

    fn encoding(&self) -> &'static str {
        Form::List.encoding()
    }

    fn memory_bytes(&self) -> usize {
        self.0.as_bytes().len()
    }

    fn free_some(&mut self) -> bool {
        false
    }

    fn of(collection: &Collection) -> Option<&List> {
        match collection {
            Collection::List(value) => Some(value),
            _ => None,
        }
    }

    fn of_mut(collection: &mut Collection) -> Option<&mut List> {
        match collection {
            Collection::List(value) => Some(value),
            _ => None,
        }
    }

    fn wrap(self) -> Collection {
        Collection::List(self)
    }
}
