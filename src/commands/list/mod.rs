//! Lists: elements in a row, taken from either end.

use crate::exec::Command;

/// All commands of the group.
pub(super) const COMMANDS: &[&Command] = &[];
