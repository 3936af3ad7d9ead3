//! What the kernel is told to kill first when memory is out.

use super::files;
use std::fs;

/// The file of the process's own score.
const PATH: &str = "/proc/self/oom_score_adj";
/// Bounds of the score.
const SCORE: (i64, i64) = (-1_000, 1_000);

/// The score of the process, and what it was before it was changed.
#[derive(Debug, Default)]
pub struct OomScore {
    before: Option<i64>,
}

/// What the score is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// What it was before.
    Untouched,
    /// So much more than it was before.
    Relative(i64),
    /// So much.
    Absolute(i64),
}

impl OomScore {
    /// Brings the score to the target.
    ///
    /// # Errors
    /// The system's reason.
    pub fn set(&mut self, target: Target) -> Result<(), String> {
        if target == Target::Untouched && self.before.is_none() {
            return Ok(());
        }
        let before = match self.before {
            Some(before) => before,
            None => read()?,
        };
        let score = match target {
            Target::Untouched => before,
            Target::Relative(value) => before.saturating_add(value),
            Target::Absolute(value) => value,
        };
        let score = score.clamp(SCORE.0, SCORE.1);
        fs::write(PATH, score.to_string()).map_err(|error| files::reason(&error))?;
        self.before = (target != Target::Untouched).then_some(before);
        Ok(())
    }
}

fn read() -> Result<i64, String> {
    let text = fs::read_to_string(PATH).map_err(|error| files::reason(&error))?;
    text.trim().parse().map_err(|_| format!("{PATH} holds no number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_score_is_set_and_goes_back() {
        let Ok(before) = read() else { return };
        let mut score = OomScore::default();
        score.set(Target::Untouched).unwrap();
        // Any process may make itself likelier to be killed.
        let more = |by: i64| (before + by).min(SCORE.1);
        score.set(Target::Relative(10)).unwrap();
        assert_eq!(read(), Ok(more(10)));
        score.set(Target::Relative(20)).unwrap();
        assert_eq!(read(), Ok(more(20)));
        score.set(Target::Absolute(SCORE.1)).unwrap();
        assert_eq!(read(), Ok(SCORE.1));
        score.set(Target::Untouched).unwrap();
        assert_eq!(read(), Ok(before));
    }
}
