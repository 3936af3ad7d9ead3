//! Geo: places on the globe, in sorted sets.

use crate::exec::Command;

/// All commands of the group.
pub(super) const COMMANDS: &[&Command] = &[];
