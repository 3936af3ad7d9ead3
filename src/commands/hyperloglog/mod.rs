//! HyperLogLog: estimates of how many distinct elements were seen.

use crate::exec::Command;

/// All commands of the group.
pub(super) const COMMANDS: &[&Command] = &[];
