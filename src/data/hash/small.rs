//! The small forms: a listpack of fields, each before its value, and one where the deadline stands
//! behind them. There the fields are in the order of their deadlines, as in Redis, and those
//! without one, for which zero stands, come last.

use super::Field;
use crate::data::collection::Form;
use crate::data::packed::{Packed, Run, count_of};
use crate::data::text::Text;

/// A field without a deadline.
const NEVER: i64 = 0;

/// A hash in a small form.
#[derive(Clone)]
pub(super) struct Small {
    pub(super) form: Form,
    pub(super) packed: Packed,
}

/// One that is being read.
#[derive(Clone, Copy)]
pub(super) struct SmallRef<'a> {
    form: Form,
    bytes: &'a [u8],
}

impl Small {
    /// To be read.
    #[inline]
    pub(super) fn view(&self) -> SmallRef<'_> {
        SmallRef::new(self.form, self.packed.as_bytes())
    }

    /// Writes a field, whose deadline goes unless it is to stay; true if it is a new one.
    pub(super) fn set(&mut self, field: &[u8], value: &[u8], keeps_deadline: bool) -> bool {
        let run = self.packed.run();
        let Some(at) = run.find(0, field, width(self.form)) else {
            self.append(field, value);
            return true;
        };
        let value_at = run.next(at);
        if keeps_deadline || read(run, at, self.form).deadline_ms.is_none() {
            self.packed.replace(value_at, value);
        } else {
            self.packed.remove(at, width(self.form));
            self.append(field, value);
        }
        false
    }

    /// Removes a field; false if it is not there.
    pub(super) fn remove(&mut self, field: &[u8]) -> bool {
        let at = self.packed.run().find(0, field, width(self.form));
        at.is_some_and(|at| {
            self.packed.remove(at, width(self.form));
            true
        })
    }

    /// Removes the first field, and shows it to `visit`.
    pub(super) fn take_first(&mut self, visit: impl FnOnce(&[u8])) {
        if !self.packed.is_empty() {
            self.packed.run().get(0).with_bytes(visit);
            self.packed.remove(0, width(self.form));
        }
    }

    /// Gives a field a deadline in milliseconds since 1970, or takes it away; false if the field is
    /// not there. The form must be the one with deadlines.
    pub(super) fn set_deadline(&mut self, field: &[u8], at_ms: Option<i64>) -> bool {
        let run = self.packed.run();
        let Some(at) = run.find(0, field, width(self.form)) else { return false };
        let value = read(run, at, self.form).value.to_bytes().into_owned();
        self.packed.remove(at, width(self.form));
        match at_ms {
            Some(at_ms) => {
                let deadline = at_ms.to_string();
                let at = place_for(self.packed.run(), at_ms);
                self.packed.insert_all(at, &[field, &value, deadline.as_bytes()]);
            }
            None => self.append(field, &value),
        }
        true
    }

    /// Makes room for deadlines.
    pub(super) fn keep_deadlines(&mut self) {
        if self.form == Form::HashEx {
            return;
        }
        let old = std::mem::replace(self, Small { form: Form::HashEx, packed: Packed::new() });
        for (field, value) in old.packed.run().pairs() {
            field.with_bytes(|field| value.with_bytes(|value| self.append(field, value)));
        }
    }

    /// Adds a field without a deadline.
    fn append(&mut self, field: &[u8], value: &[u8]) {
        let end = self.packed.run().bytes().len();
        self.packed.insert_all(end, &[field, value, b"0"][..width(self.form)]);
    }
}

impl<'a> SmallRef<'a> {
    /// The bytes of a form.
    #[inline]
    pub(super) fn new(form: Form, bytes: &'a [u8]) -> SmallRef<'a> {
        SmallRef { form, bytes }
    }

    /// Number of fields.
    #[inline]
    pub(super) fn len(self) -> usize {
        count_of(self.bytes) / width(self.form)
    }

    /// A field, if it is there.
    #[inline]
    pub(super) fn get(self, field: &[u8]) -> Option<Field<'a>> {
        let run = Run::of_packed(self.bytes);
        let at = run.find(0, field, width(self.form))?;
        Some(read(run, at, self.form))
    }

    /// The field of that number.
    pub(super) fn nth(self, index: usize) -> Option<Field<'a>> {
        let run = Run::of_packed(self.bytes);
        let at = run.seek(index * width(self.form))?;
        Some(read(run, at, self.form))
    }

    /// The earliest deadline, in milliseconds since 1970.
    #[inline]
    pub(super) fn earliest_ms(self) -> Option<i64> {
        if self.form == Form::Hash {
            return None;
        }
        self.iter().next().and_then(|field| field.deadline_ms)
    }

    /// All fields in order.
    pub(super) fn iter(self) -> impl Iterator<Item = Field<'a>> {
        let mut elements = Run::of_packed(self.bytes).iter();
        std::iter::from_fn(move || next_field(&mut elements, self.form))
    }
}

/// Elements of a listpack for each field.
#[inline]
fn width(form: Form) -> usize {
    if form == Form::HashEx { 3 } else { 2 }
}

/// The field at a place.
#[inline]
fn read(run: Run<'_>, at: usize, form: Form) -> Field<'_> {
    let mut elements = Run::new(&run.bytes()[at..]).iter();
    match next_field(&mut elements, form) {
        Some(field) => field,
        None => unreachable!("a field has a value, and a deadline in the form with deadlines"),
    }
}

/// The field that the next elements are.
#[inline]
fn next_field<'a>(elements: &mut impl Iterator<Item = Text<'a>>, form: Form) -> Option<Field<'a>> {
    let (name, value) = (elements.next()?, elements.next()?);
    let deadline = if form == Form::HashEx { elements.next()?.to_int() } else { None };
    let deadline_ms = deadline.filter(|at_ms| *at_ms != NEVER);
    Some(Field { name, value, deadline_ms })
}

/// The place of the first field that lives longer than to a moment.
fn place_for(run: Run<'_>, at_ms: i64) -> usize {
    let mut at = 0;
    while at < run.bytes().len() {
        if read(run, at, Form::HashEx).deadline_ms.is_none_or(|other| other > at_ms) {
            break;
        }
        (0..width(Form::HashEx)).for_each(|_| at = run.next(at));
    }
    at
}
