//! Sets: members, each once.

use crate::exec::Command;

/// All commands of the group.
pub(super) const COMMANDS: &[&Command] = &[];
