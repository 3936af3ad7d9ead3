//! Which changes these are: the name of a history, how long it is, and the name of the one that it
//! grew out of.

use super::ID_LEN;
use super::stream::Stream;

/// The name of the present history, and of the one that it has gone on from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// Forty hexadecimal digits.
    pub id: String,
    /// The former name, and the offset up to which both histories are the same.
    pub former: Option<(String, u64)>,
}

/// Whether someone can go on from where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resume {
    /// It can, from this offset on.
    From(u64),
    /// It knows another history.
    OtherHistory,
    /// What it lacks is not held any more, or never was.
    NotHeld,
}

impl History {
    /// A history of its own.
    pub fn new(rng: &mut fastrand::Rng) -> History {
        History { id: hex_digits(rng), former: None }
    }

    /// The history of someone else, as it is.
    pub fn of(id: String) -> History {
        History { id, former: None }
    }

    /// Begins another history that has nothing to do with any other.
    pub fn begin_anew(&mut self, rng: &mut fastrand::Rng) {
        *self = History::new(rng);
    }

    /// Goes on under another name: what was until `offset` is common to both.
    pub fn branch(&mut self, id: String, offset: u64) {
        let former = std::mem::replace(&mut self.id, id);
        self.former = Some((former, offset));
    }

    /// A name for a history.
    pub fn random_id(rng: &mut fastrand::Rng) -> String {
        hex_digits(rng)
    }

    /// Whether one that has the bytes of the history `id` before `offset` can have what follows
    /// from `stream`, if there is one.
    pub fn resume(&self, id: &[u8], offset: u64, stream: Option<&Stream>) -> Resume {
        let is_former = |(former, until): &(String, u64)| {
            former.as_bytes().eq_ignore_ascii_case(id) && offset <= *until
        };
        let is_known = self.id.as_bytes().eq_ignore_ascii_case(id);
        if !is_known && !self.former.as_ref().is_some_and(is_former) {
            return Resume::OtherHistory;
        }
        match stream {
            Some(stream) if stream.reaches(offset) => Resume::From(offset),
            _ => Resume::NotHeld,
        }
    }
}

fn hex_digits(rng: &mut fastrand::Rng) -> String {
    std::iter::repeat_with(|| rng.digit(16)).take(ID_LEN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_can_go_on() {
        let mut rng = fastrand::Rng::with_seed(1);
        let mut history = History::new(&mut rng);
        let old = history.id.clone();
        let mut stream = Stream::after(100);
        stream.append(&[0; 50], 1 << 20);
        history.branch(History::random_id(&mut rng), 120);
        let new = history.id.clone();
        let resume = |id: &str, offset| history.resume(id.as_bytes(), offset, Some(&stream));
        let cases = [
            (&new, 100, Resume::From(100)),
            (&new, 150, Resume::From(150)),
            (&new, 99, Resume::NotHeld),
            (&new, 151, Resume::NotHeld),
            (&old, 120, Resume::From(120)),
            (&old, 121, Resume::OtherHistory),
            (&old, 50, Resume::NotHeld),
            (&"?".to_owned(), 100, Resume::OtherHistory),
        ];
        for (id, offset, expected) in cases {
            assert_eq!(resume(id, offset), expected, "{id} {offset}");
        }
        assert_eq!(history.resume(new.as_bytes(), 120, None), Resume::NotHeld);
    }

    #[test]
    fn names_are_forty_digits() {
        let mut rng = fastrand::Rng::with_seed(2);
        let mut history = History::new(&mut rng);
        let first = history.id.clone();
        history.begin_anew(&mut rng);
        assert!(first != history.id && history.id.len() == ID_LEN && history.former.is_none());
        assert!(history.id.bytes().all(|digit| digit.is_ascii_hexdigit()));
    }
}
