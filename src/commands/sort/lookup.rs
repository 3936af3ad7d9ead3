//! The patterns of BY and GET, and the values that they lead to.

use crate::data::hash::Hash;
use crate::data::text::Text;
use crate::resp::error::Error;
use crate::store::Db;

/// What BY or GET says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pattern<'a> {
    /// `#`: the element itself.
    Element,
    /// The value of a key, or of a field of a hash, whose name has the element in its middle.
    Key { before: &'a [u8], after: &'a [u8], field: Option<&'a [u8]> },
    /// No value: the name has no room for an element.
    Nothing,
}

impl<'a> Pattern<'a> {
    /// Reads a pattern: a name with a `*`, and perhaps `->` and a field behind it.
    pub(super) fn parse(text: &'a [u8]) -> Pattern<'a> {
        if text == b"#" {
            return Pattern::Element;
        }
        let Some(star) = memchr::memchr(b'*', text) else { return Pattern::Nothing };
        let (before, rest) = (&text[..star], &text[star + 1..]);
        let arrow = memchr::memmem::find(rest, b"->").filter(|arrow| arrow + 2 < rest.len());
        let after = &rest[..arrow.unwrap_or(rest.len())];
        Pattern::Key { before, after, field: arrow.map(|arrow| &rest[arrow + 2..]) }
    }

    /// True if it leads to another key for each element.
    pub(super) fn is_key(&self) -> bool {
        matches!(self, Pattern::Key { .. })
    }
}

/// Looks values up by pattern and element.
pub(super) struct Lookups<'d, 's> {
    db: &'d mut Db<'s>,
    now_ms: i64,
    /// The name of the last key.
    key: Vec<u8>,
}

impl<'d, 's> Lookups<'d, 's> {
    /// Looks up in a database at a moment.
    pub(super) fn new(db: &'d mut Db<'s>, now_ms: i64) -> Lookups<'d, 's> {
        Lookups { db, now_ms, key: Vec::new() }
    }

    /// Visits the value for an element: none if there is no such key or field, or none of the right
    /// type.
    pub(super) fn fetch<R>(
        &mut self,
        pattern: &Pattern<'_>,
        element: &[u8],
        visit: impl FnOnce(Option<Text<'_>>) -> R,
    ) -> R {
        match *pattern {
            Pattern::Element => visit(Some(Text::Bytes(element))),
            Pattern::Nothing => visit(None),
            Pattern::Key { before, after, field } => {
                self.key.clear();
                [before, element, after].iter().for_each(|part| self.key.extend_from_slice(part));
                visit(self.value(field).ok().flatten())
            }
        }
    }

    fn value(&mut self, field: Option<&[u8]>) -> Result<Option<Text<'_>>, Error> {
        let spot = self.db.read(&self.key);
        let Some(field) = field else { return self.db.text(&spot) };
        let hash = self.db.view::<Hash>(&spot)?;
        Ok(hash.and_then(|hash| hash.hiding(self.now_ms).get(field)).map(|field| field.value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_names_a_key_or_a_field() {
        let parse = |text: &'static str| Pattern::parse(text.as_bytes());
        let key = |before: &'static str, after: &'static str, field: Option<&'static str>| {
            let field = field.map(str::as_bytes);
            Pattern::Key { before: before.as_bytes(), after: after.as_bytes(), field }
        };
        assert_eq!(parse("w_*"), key("w_", "", None));
        assert_eq!(parse("a*b*c"), key("a", "b*c", None));
        assert_eq!(parse("o_*->f"), key("o_", "", Some("f")));
        assert_eq!(parse("*x->f->g"), key("", "x", Some("f->g")));
        assert_eq!(parse("*->"), key("", "->", None));
        assert_eq!(parse("->*"), key("->", "", None));
        assert_eq!(parse("#"), Pattern::Element);
        assert_eq!(parse("nosort"), Pattern::Nothing);
    }
}
