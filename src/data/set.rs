//! Sets: members, each once.

use super::collection::{Collection, Form, Kind, Type};
use super::packed::{Packed, Run};
use super::text::Text;

/// Sets: members, each once.
#[derive(Clone, Default)]
pub struct Set(Packed);

/// One that is being read.
#[derive(Clone, Copy)]
pub struct SetRef<'a>(Run<'a>);

impl<'a> SetRef<'a> {
    /// True if it is a member.
    pub fn contains(self, member: &[u8]) -> bool {
        self.0.find(0, member, 1).is_some()
    }

    /// Shows members to `visit` until it says false.
    pub fn each_while(self, visit: impl FnMut(Text<'a>) -> bool) {
        self.0.iter().all(visit);
    }

    /// Number of elements.
    pub fn len(self) -> usize {
        self.0.count()
    }

    /// True without elements.
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }
}

impl Kind for Set {
    type Ref<'a> = SetRef<'a>;
    const TYPE: Type = Type::Set;

    fn thaw(_form: Form, bytes: Vec<u8>) -> Set {
        Set(Packed::from_bytes(bytes))
    }

    fn small(&mut self) -> Option<(Form, &mut Vec<u8>)> {
        Some((Form::Set, self.0.bytes_mut()))
    }

    fn view_small(_form: Form, bytes: &[u8]) -> SetRef<'_> {
        SetRef(Run::of_packed(bytes))
    }

    fn view(&self) -> SetRef<'_> {
        SetRef(self.0.run())
    }

    fn len(&self) -> usize {
        self.0.count()
    }

    fn encoding(&self) -> &'static str {
        Form::Set.encoding()
    }

    fn memory_bytes(&self) -> usize {
        self.0.as_bytes().len()
    }

    fn free_some(&mut self) -> bool {
        false
    }

    fn of(collection: &Collection) -> Option<&Set> {
        match collection {
            Collection::Set(value) => Some(value),
            _ => None,
        }
    }

    fn of_mut(collection: &mut Collection) -> Option<&mut Set> {
        match collection {
            Collection::Set(value) => Some(value),
            _ => None,
        }
    }

    fn wrap(self) -> Collection {
        Collection::Set(self)
    }
}
