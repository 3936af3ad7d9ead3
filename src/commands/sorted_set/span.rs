//! Which members a request means: from a rank, a score or a member to another, perhaps backwards,
//! and perhaps only some of them.

use crate::base::float;
use crate::data::sorted_set::{LexEnd, LexRange, ScoreRange, SortedSetRef};
use crate::exec::{int, places};
use crate::resp::error::Error;
use std::ops::Range;

/// From where to where.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Span<'a> {
    /// From one rank to another, both included; negative ones count from the end.
    Ranks(i64, i64),
    /// The scores in a range.
    Scores(ScoreRange),
    /// The members in a range, if all have the same score.
    Lex(LexRange<'a>),
}

/// What the two ends of a span are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// Ranks.
    Rank,
    /// Scores.
    Score,
    /// Members.
    Lex,
}

/// Which of the members of a span are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limit {
    /// How many to leave out before; none are left if it is negative.
    pub(super) offset: i64,
    /// Most of them; all if it is negative.
    pub(super) count: i64,
}

impl Limit {
    /// All of them.
    pub(super) const NONE: Limit = Limit { offset: 0, count: -1 };
}

impl<'a> Span<'a> {
    /// Reads the two ends, the lower one first.
    pub(super) fn parse(by: By, min: &'a [u8], max: &'a [u8]) -> Result<Span<'a>, Error> {
        match by {
            By::Rank => Ok(Span::Ranks(int(min)?, int(max)?)),
            By::Score => score_range(min, max).map(Span::Scores),
            By::Lex => lex_range(min, max).map(Span::Lex),
        }
    }

    /// The ranks of its members, from the lowest score on. Its own ranks count from the highest one
    /// on if it is reversed.
    pub(super) fn ranks(&self, set: SortedSetRef<'_>, is_reversed: bool) -> Range<usize> {
        match self {
            Span::Ranks(first, last) => {
                let Range { start, end } = places(*first, *last, set.len());
                if is_reversed { set.len() - end..set.len() - start } else { start..end }
            }
            Span::Scores(range) => set.ranks_by_score(range),
            Span::Lex(range) => set.ranks_by_lex(range, is_reversed),
        }
    }
}

impl Limit {
    /// What is left of ranks, from the end if they are reversed.
    pub(super) fn cut(self, ranks: &Range<usize>, is_reversed: bool) -> Range<usize> {
        let offset =
            usize::try_from(self.offset).map_or(ranks.len(), |count| count.min(ranks.len()));
        let left = ranks.len() - offset;
        let count = usize::try_from(self.count).map_or(left, |count| count.min(left));
        if is_reversed {
            let end = ranks.end - offset;
            end - count..end
        } else {
            let start = ranks.start + offset;
            start..start + count
        }
    }
}

/// Reads a range of scores.
pub(super) fn score_range(min: &[u8], max: &[u8]) -> Result<ScoreRange, Error> {
    let end = |text: &[u8]| {
        let bare = text.strip_prefix(b"(");
        let score = float::parse_loose(bare.unwrap_or(text));
        score.map(|score| (score, bare.is_some()))
    };
    let (Some((min, excludes_min)), Some((max, excludes_max))) = (end(min), end(max)) else {
        return Err(Error::new("ERR min or max is not a float"));
    };
    Ok(ScoreRange { min, max, excludes_min, excludes_max })
}

/// Reads a range of members.
pub(super) fn lex_range<'a>(min: &'a [u8], max: &'a [u8]) -> Result<LexRange<'a>, Error> {
    let end = |text: &'a [u8]| match text {
        b"-" => Ok(LexEnd::Lowest),
        b"+" => Ok(LexEnd::Highest),
        [b'[', member @ ..] => Ok(LexEnd::Including(member)),
        [b'(', member @ ..] => Ok(LexEnd::Excluding(member)),
        _ => Err(Error::new("ERR min or max not valid string range item")),
    };
    Ok(LexRange { min: end(min)?, max: end(max)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_cut_from_where_the_reply_begins() {
        let cut = |offset, count, is_reversed| Limit { offset, count }.cut(&(10..20), is_reversed);
        assert_eq!(cut(0, -1, false), 10..20);
        assert_eq!(cut(2, 3, false), 12..15);
        assert_eq!(cut(2, 3, true), 15..18);
        assert_eq!(cut(8, i64::MAX, true), 10..12);
        assert_eq!(cut(-1, 3, false).len(), 0);
        assert_eq!(cut(11, 3, true).len(), 0);
        assert_eq!(cut(1, 0, false).len(), 0);
    }

    #[test]
    fn ends_are_open_or_closed() {
        let range = score_range(b"(1", b"+inf").unwrap();
        assert_eq!((range.min, range.excludes_min, range.excludes_max), (1.0, true, false));
        assert!(score_range(b"1", b"nan").is_err() && score_range(b"((1", b"2").is_err());
        let range = LexRange { min: LexEnd::Excluding(b"a"), max: LexEnd::Highest };
        assert_eq!(lex_range(b"(a", b"+"), Ok(range));
        assert!(lex_range(b"a", b"+").is_err() && lex_range(b"-", b"").is_err());
    }
}
