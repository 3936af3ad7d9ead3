//! Fields as most commands from Redis 7.4 on name them: `FIELDS`, how many, and the fields.

use crate::base::num;
use crate::exec::Call;
use crate::resp::argv::{Argv, ArgvBuf};
use crate::resp::error::Error;

/// Fields that a request names.
#[derive(Clone, Copy)]
pub(super) struct Named<'a> {
    argv: Argv<'a>,
    first: usize,
}

impl<'a> Named<'a> {
    /// Those behind `FIELDS` at an index, up to the end of the request. `not_positive` is the error
    /// for a number of fields that is none.
    pub(super) fn parse(
        call: &Call<'a>,
        at: usize,
        not_positive: Error,
    ) -> Result<Named<'a>, Error> {
        let argv = call.argv;
        if !argv.get(at).is_some_and(|word| word.eq_ignore_ascii_case(b"FIELDS")) {
            return Err(Error::new(
                "ERR Mandatory argument FIELDS is missing or not at the right position",
            ));
        }
        let count = argv.get(at + 1).ok_or_else(|| call.wrong_arity())?;
        let count = num::parse_i64(count).filter(|count| *count > 0).ok_or(not_positive)?;
        let named = Named { argv, first: at + 2 };
        if count != num::signed(named.len()) {
            return Err(Error::new(
                "ERR The `numfields` parameter must match the number of arguments",
            ));
        }
        Ok(named)
    }

    /// How many there are.
    pub(super) fn len(self) -> usize {
        self.argv.len() - self.first
    }

    /// The fields in order.
    pub(super) fn iter(self) -> impl Iterator<Item = &'a [u8]> {
        self.argv.from(self.first)
    }
}

/// That the number of fields is none, in the words of most commands.
pub(super) const NOT_POSITIVE: Error =
    Error::new("ERR Number of fields must be a positive integer");

/// A request: some words, `FIELDS`, how many there are, and the fields, each with its value if
/// there are values.
pub(super) fn request_for(words: &[&[u8]], fields: &[&[u8]], values: Option<&[&[u8]]>) -> ArgvBuf {
    let mut request: ArgvBuf = words.iter().collect();
    request.push(b"FIELDS");
    request.push(fields.len().to_string().as_bytes());
    for (at, field) in fields.iter().enumerate() {
        request.push(field);
        if let Some(values) = values {
            request.push(values[at]);
        }
    }
    request
}

/// A request to remove fields.
pub(super) fn removal(key: &[u8], fields: &[&[u8]]) -> ArgvBuf {
    [b"HDEL", key].iter().chain(fields).copied().collect()
}
