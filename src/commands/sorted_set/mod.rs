//! Sorted sets: members in the order of their scores.

use crate::exec::Command;

/// All commands of the group.
pub(super) const COMMANDS: &[&Command] = &[];
