//! Replies with values as they are kept: bytes, or integers.

use crate::data::text::Text;
use crate::resp::append::Strings;
use crate::resp::output::Output;

/// Replies with a string, or null without one.
pub(super) fn write_text_or_null(out: &mut Output, text: Option<Text<'_>>) {
    match text {
        Some(text) => write_text(out, text),
        None => out.null(),
    }
}

/// Replies with a string.
#[inline]
pub(super) fn write_text(out: &mut Output, text: Text<'_>) {
    match text {
        Text::Int(value) => out.bulk_int(value),
        Text::Bytes(bytes) => out.bulk_here(bytes),
    }
}

/// Replies with one of many strings.
#[inline(always)] // As `Strings::bulk`.
pub(super) fn put_text(strings: &mut Strings<'_>, text: Text<'_>) {
    match text {
        Text::Int(value) => strings.int(value),
        Text::Bytes(bytes) => strings.bulk(bytes),
    }
}
