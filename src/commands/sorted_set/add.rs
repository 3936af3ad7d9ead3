//! Members added, and scores changed.

use super::{WRITES_FAST, score};
use crate::data::collection::Type;
use crate::data::sorted_set::SortedSet;
use crate::exec::{Call, Command, Flow, Outcome};
use crate::resp::argv::Argv;
use crate::resp::error::Error;
use crate::spec::Spec;
use crate::spec::keys::{KeyFlags, KeySpec};
use crate::store::Edit;

pub(super) const ZADD: Command = Command::new(
    Spec {
        name: "zadd",
        since: "1.2.0",
        arity: -4,
        keys: &[KeySpec::one(KeyFlags::RW.union(KeyFlags::UPDATE))],
        complexity: "O(M*log(N)) for M members and a sorted set of N",
        summary: "Adds members, or changes their scores.",
        syntax: "key [condition: NX | XX] [comparison: GT | LT] [change: CH] [increment: INCR] \
            score:double member [data: score:double member ...]",
        history: &[
            ("2.4.0", "several members"),
            ("3.0.2", "NX, XX, CH and INCR"),
            ("6.2.0", "GT and LT"),
        ],
        ..WRITES_FAST
    },
    zadd,
);

/// What has to hold of a member for its score to change, and how it changes.
#[derive(Clone, Copy, Default)]
pub(in crate::commands) struct Rule {
    /// It must not be there.
    pub(in crate::commands) only_new: bool,
    /// It must be there.
    pub(in crate::commands) only_present: bool,
    only_greater: bool,
    only_less: bool,
    adds: bool,
    /// Whether the reply counts changed members too.
    pub(in crate::commands) counts_changed: bool,
}

/// What has become of a member.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    /// The rule does not allow it.
    Refused,
    /// It has the score that it had.
    Same(f64),
    /// It has a new score.
    Changed(f64),
    /// It is new.
    Added(f64),
    /// Its score would be no number.
    NotANumber,
}

impl Rule {
    /// Reads options; also the index of the first score.
    fn parse(argv: Argv<'_>, adds: bool) -> Result<(Rule, usize), Error> {
        let mut rule = Rule { adds, ..Rule::default() };
        let mut at = 2;
        while let Some(option) = argv.get(at) {
            match option.to_ascii_uppercase().as_slice() {
                b"NX" => rule.only_new = true,
                b"XX" => rule.only_present = true,
                b"GT" => rule.only_greater = true,
                b"LT" => rule.only_less = true,
                b"CH" => rule.counts_changed = true,
                b"INCR" => rule.adds = true,
                _ => break,
            }
            at += 1;
        }
        let words = argv.len() - at;
        if words == 0 || !words.is_multiple_of(2) {
            return Err(Error::SYNTAX);
        }
        rule.check(words / 2)?;
        Ok((rule, at))
    }

    fn check(self, members: usize) -> Result<(), Error> {
        if self.only_new && self.only_present {
            return Err(Error::new("ERR XX and NX options at the same time are not compatible"));
        }
        let comparisons = [self.only_greater, self.only_less, self.only_new];
        if comparisons.into_iter().filter(|is_given| *is_given).count() > 1 {
            return Err(Error::new(
                "ERR GT, LT, and/or NX options at the same time are not compatible",
            ));
        }
        if self.adds && members > 1 {
            return Err(Error::new("ERR INCR option supports a single increment-element pair"));
        }
        Ok(())
    }

    /// What becomes of a member that has an old score, or is not there.
    fn judge(self, old: Option<f64>, given: f64) -> Fate {
        let Some(old) = old else {
            return if self.only_present { Fate::Refused } else { Fate::Added(given) };
        };
        if self.only_new {
            return Fate::Refused;
        }
        let new = if self.adds { old + given } else { given };
        match () {
            () if new.is_nan() => Fate::NotANumber,
            () if self.only_greater && new <= old => Fate::Refused,
            () if self.only_less && new >= old => Fate::Refused,
            () if new == old => Fate::Same(new),
            () => Fate::Changed(new),
        }
    }
}

fn zadd(call: &mut Call<'_>) -> Outcome {
    add(call, false)
}

pub(super) const ZINCRBY: Command = Command::new(
    Spec {
        name: "zincrby",
        since: "1.2.0",
        arity: 4,
        keys: &[KeySpec::one(KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE))],
        complexity: "O(log(N)) for a sorted set of N members",
        summary: "Adds to the score of a member, which counts as zero if it is not there.",
        syntax: "key increment:integer member",
        ..WRITES_FAST
    },
    zincrby,
);

fn zincrby(call: &mut Call<'_>) -> Outcome {
    add(call, true)
}

fn add(call: &mut Call<'_>, adds: bool) -> Outcome {
    let argv = call.argv;
    let (rule, first) = Rule::parse(argv, adds)?;
    for at in (first..argv.len()).step_by(2) {
        score(argv.at(at))?;
    }
    // They have been read before, and can be again.
    let items = (first..argv.len())
        .step_by(2)
        .map(|at| (score(argv.at(at)).unwrap_or(0.0), argv.at(at + 1)));
    put(call, rule, items)
}

/// Adds members with their scores to the sorted set at the first argument, as a rule allows it.
pub(in crate::commands) fn put<'m>(
    call: &mut Call<'_>,
    rule: Rule,
    items: impl ExactSizeIterator<Item = (f64, &'m [u8])>,
) -> Outcome {
    let key = call.argv.at(1);
    let limits = call.limits(Type::SortedSet);
    let mut db = call.db();
    let spot = db.look(key);
    let (mut added, mut changed, mut last) = (0, 0, Fate::Refused);
    db.upsert(spot, |set: &mut SortedSet| {
        set.expect(items.len(), &limits);
        for (given, member) in items {
            set.set(member, &limits, |old| {
                last = rule.judge(old, given);
                match last {
                    Fate::Added(score) | Fate::Changed(score) => Some(score),
                    Fate::Refused | Fate::Same(_) | Fate::NotANumber => None,
                }
            });
            added += usize::from(matches!(last, Fate::Added(_)));
            changed += usize::from(matches!(last, Fate::Changed(_)));
        }
        match added + changed {
            0 => Edit::same(()),
            changes => Edit::changed(if rule.adds { "zincr" } else { "zadd" }, ()).times(changes),
        }
    })?;
    match last {
        Fate::NotANumber => {
            return Err(Error::new("ERR resulting score is not a number (NaN)"));
        }
        Fate::Refused if rule.adds => call.out.null(),
        Fate::Same(score) | Fate::Changed(score) | Fate::Added(score) if rule.adds => {
            call.out.double(score);
        }
        _ => call.out.len_int(added + if rule.counts_changed { changed } else { 0 }),
    }
    Ok(Flow::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_decides_by_the_old_score() {
        let rule = Rule::default();
        assert_eq!(rule.judge(None, 1.0), Fate::Added(1.0));
        assert_eq!(rule.judge(Some(1.0), 1.0), Fate::Same(1.0));
        assert_eq!(Rule { only_new: true, ..rule }.judge(Some(1.0), 2.0), Fate::Refused);
        assert_eq!(Rule { only_present: true, ..rule }.judge(None, 2.0), Fate::Refused);
        assert_eq!(Rule { only_greater: true, ..rule }.judge(Some(3.0), 2.0), Fate::Refused);
        assert_eq!(Rule { only_greater: true, ..rule }.judge(None, 2.0), Fate::Added(2.0));
        assert_eq!(Rule { only_less: true, ..rule }.judge(Some(3.0), 2.0), Fate::Changed(2.0));
        let adds = Rule { adds: true, ..rule };
        assert_eq!(adds.judge(Some(3.0), 2.0), Fate::Changed(5.0));
        assert_eq!(adds.judge(Some(f64::INFINITY), f64::NEG_INFINITY), Fate::NotANumber);
    }
}
