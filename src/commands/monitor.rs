//! MONITOR: everything that is run, as it is run.

use crate::exec::{Call, Command, Flow, Outcome};
use crate::spec::flags::Flags;
use crate::spec::{Group, Spec};

pub(super) const MONITOR: Command = Command::new(
    Spec {
        name: "monitor",
        group: Group::Server,
        flags: Flags::ADMIN.union(Flags::NOSCRIPT).union(Flags::LOADING).union(Flags::STALE),
        summary: "Shows every request from now on; RESET ends it.",
        history: &[("6.0.0", "AUTH is not shown"), ("6.2.0", "RESET ends it")],
        ..Spec::NEW
    },
    monitor,
);

fn monitor(call: &mut Call<'_>) -> Outcome {
    // One that watches already is told nothing, as in Redis.
    if !call.client.is_monitor {
        call.client.is_monitor = true;
        call.monitors.add(call.client.id);
        call.out.ok();
    }
    Ok(Flow::Done)
}
