//! Which arguments of a command are channels, and what it does with them, as far as a user must be
//! allowed to.

use std::ops::Range;

/// The channels that a request names. Those that it leaves need no permission.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Channels {
    /// None.
    #[default]
    None,
    /// The first argument, to publish to.
    First,
    /// All arguments, to listen to.
    All,
    /// All arguments, patterns of channels to listen to.
    Patterns,
}

impl Channels {
    /// The indexes of the channels in a request of `argc` arguments.
    pub fn indexes(self, argc: usize) -> Range<usize> {
        match self {
            Channels::None => 0..0,
            Channels::First => 1..argc.min(2),
            Channels::All | Channels::Patterns => 1..argc,
        }
    }

    /// Whether they are patterns.
    pub fn are_patterns(self) -> bool {
        self == Channels::Patterns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_stand_behind_the_name() {
        assert_eq!(Channels::None.indexes(3).count(), 0);
        assert!(Channels::First.indexes(3).eq([1]));
        assert_eq!(Channels::First.indexes(1).count(), 0);
        assert!(Channels::Patterns.indexes(3).eq([1, 2]));
        assert!(Channels::Patterns.are_patterns() && !Channels::All.are_patterns());
    }
}
