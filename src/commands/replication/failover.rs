//! FAILOVER: a primary changes places with a replica.

use crate::base::num;
use crate::exec::{Call, Command, FailoverGoal, Flow, Outcome};
use crate::resp::error::Error;
use crate::spec::flags::Flags;
use crate::spec::{Group, Spec};

pub(in crate::commands) const FAILOVER: Command = Command::new(
    Spec {
        name: "failover",
        group: Group::Server,
        since: "6.2.0",
        arity: -1,
        flags: Flags::ADMIN.union(Flags::NOSCRIPT).union(Flags::STALE),
        summary: "Changes places with a replica, once it has everything.",
        syntax: "[target: TO host port:integer [FORCE]] [ABORT] [TIMEOUT milliseconds:integer]",
        ..Spec::NEW
    },
    failover,
);

fn failover(call: &mut Call<'_>) -> Outcome {
    let argv = call.argv;
    let (mut goal, mut aborts, mut at) = (FailoverGoal::default(), false, 1);
    while at < argv.len() {
        match (argv.at(at).to_ascii_uppercase().as_slice(), argv.len() - at) {
            (b"TIMEOUT", 2..) if goal.timeout_us.is_none() => {
                goal.timeout_us = Some(timeout_us(argv.at(at + 1))?);
                at += 2;
            }
            (b"TO", 3..) if goal.target.is_none() => {
                let port = num::parse_i64(argv.at(at + 2));
                let port = port.ok_or(Error::NOT_AN_INTEGER)?;
                let host = String::from_utf8_lossy(argv.at(at + 1)).into_owned();
                // No replica has a port beyond these.
                goal.target = Some((host, u16::try_from(port).unwrap_or(0)));
                at += 3;
            }
            (b"FORCE", _) if !goal.is_forced => {
                goal.is_forced = true;
                at += 1;
            }
            (b"ABORT", _) if argv.len() == 2 => {
                aborts = true;
                at += 1;
            }
            _ => return Err(Error::SYNTAX),
        }
    }
    if aborts {
        call.abort_failover()?;
    } else {
        call.state.begin_failover(goal, call.store)?;
    }
    call.out.ok();
    Ok(Flow::Done)
}

fn timeout_us(argument: &[u8]) -> Result<u64, Error> {
    let ms = num::parse_i64(argument).ok_or(Error::NOT_AN_INTEGER)?;
    let ms = u64::try_from(ms).ok().filter(|ms| *ms > 0);
    let ms = ms.ok_or(Error::new("ERR FAILOVER timeout must be greater than 0"))?;
    Ok(ms.saturating_mul(1_000))
}
