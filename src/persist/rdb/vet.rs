//! Whether bytes from outside are what they are said to be: the small forms of collections.
//!
//! What is let through can be read without a panic. Beyond that elements are checked to be there
//! once only, if that is asked for, as it takes a look at all of them together.

use crate::base::float;
use crate::data::collection::Form;
use crate::data::intset::IntSet;
use crate::data::packed::{Packed, Run};
use crate::data::text::Text;
use std::borrow::Cow;
use std::collections::HashSet;

/// What is wrong with bytes.
pub(super) type Complaint = &'static str;

/// Checks the bytes of a small form, and puts right what another program may have written in
/// another way; the number of its elements, such as fields with their values.
pub(super) fn small(form: Form, bytes: &mut Vec<u8>, is_deep: bool) -> Result<usize, Complaint> {
    if form == Form::IntSet {
        return match IntSet::check(bytes) {
            true => Ok((bytes.len() - 8) / usize::from(bytes[0])),
            false => Err("an intset is damaged"),
        };
    }
    listpack(bytes)?;
    let run = Run::of_packed(bytes);
    let count = run.count();
    let width = width(form);
    if !count.is_multiple_of(width) {
        return Err("a listpack lacks an element");
    }
    match form {
        Form::SortedSet => scores(run)?,
        Form::HashEx => deadlines(run)?,
        Form::List | Form::Set | Form::Hash | Form::IntSet => {}
    }
    if is_deep && form != Form::List {
        once_only(form, bytes)?;
    }
    Ok(count / width)
}

/// Checks the bytes of a listpack; those with integers written as text are written anew.
pub(super) fn listpack(bytes: &mut Vec<u8>) -> Result<(), Complaint> {
    if !Packed::check(bytes) {
        return Err("a listpack is damaged");
    }
    let is_odd = |text: Text<'_>| match text {
        Text::Int(_) => false,
        Text::Bytes(bytes) => matches!(Text::compact(bytes), Text::Int(_)),
    };
    if Run::of_packed(bytes).iter().any(is_odd) {
        let mut packed = Packed::new();
        for text in Run::of_packed(bytes).iter() {
            text.with_bytes(|text| packed.push_back(text));
        }
        std::mem::swap(bytes, packed.bytes_mut());
    }
    Ok(())
}

/// Elements of a listpack for each element of the collection.
fn width(form: Form) -> usize {
    match form {
        Form::List | Form::Set | Form::IntSet => 1,
        Form::Hash | Form::SortedSet => 2,
        Form::HashEx => 3,
    }
}

fn scores(run: Run<'_>) -> Result<(), Complaint> {
    let is_score = |text: Text<'_>| match text {
        Text::Int(_) => true,
        Text::Bytes(bytes) => float::parse(bytes).is_some_and(|score| !score.is_nan()),
    };
    let is_right = run.pairs().all(|(_, score)| is_score(score));
    if is_right { Ok(()) } else { Err("a score is not a number") }
}

/// Deadlines rise, and zeros, which are none, come last.
fn deadlines(run: Run<'_>) -> Result<(), Complaint> {
    let mut latest = 1;
    for text in run.iter().skip(2).step_by(3) {
        let Text::Int(deadline) = text else { return Err("a deadline is not a number") };
        let rank = if deadline == 0 { i64::MAX } else { deadline };
        if rank < latest {
            return Err("deadlines are not in order");
        }
        latest = rank;
    }
    Ok(())
}

/// Checks that no element of a checked listpack is there twice.
pub(super) fn once_only(form: Form, bytes: &[u8]) -> Result<(), Complaint> {
    let (run, width) = (Run::of_packed(bytes), width(form));
    let mut seen: HashSet<Cow<'_, [u8]>> = HashSet::new();
    let is_right = run.iter().step_by(width).all(|text| seen.insert(text.to_bytes()));
    if is_right { Ok(()) } else { Err("listpack with dup elements") }
}
