//! WAIT: until enough replicas have what this connection has changed.

use crate::base::num;
use crate::exec::{Call, Command, Flow, Nothing, Outcome, Wait, int};
use crate::resp::error::Error;
use crate::spec::categories::Categories;
use crate::spec::flags::Flags;
use crate::spec::{Group, Spec};

pub(in crate::commands) const WAIT: Command = Command::new(
    Spec {
        name: "wait",
        group: Group::Generic,
        since: "3.0.0",
        arity: 3,
        flags: Flags::BLOCKING,
        categories: Categories::CONNECTION,
        tips: &["request_policy:all_shards", "response_policy:agg_min"],
        summary: "Waits until so many replicas have all that this connection has changed.",
        syntax: "numreplicas:integer timeout:integer",
        ..Spec::NEW
    },
    wait,
);

fn wait(call: &mut Call<'_>) -> Outcome {
    if call.state.is_replica() {
        return Err(Error::new(
            "ERR WAIT cannot be used with replica instances. Please also note that since Redis 4.0 \
             if a replica is configured to be writable (which is not the default) writes to \
             replicas are just local and are not propagated.",
        ));
    }
    let wanted = int(call.argv.at(1))?;
    let until_us = until_us(call)?;
    let have = call.state.replication.replicas.count_acked(call.client.write_offset);
    if num::signed(have) >= wanted {
        call.out.len_int(have);
        return Ok(Flow::Done);
    }
    call.state.replication.await_acks(call.client.id);
    Ok(call.wait_for(Wait { nothing: Nothing::Replicas, ..Wait::new(0, 0, until_us) }))
}

/// When the wait ends that the second argument gives in milliseconds; `None` for never.
fn until_us(call: &Call<'_>) -> Result<Option<u64>, Error> {
    let ms = num::parse_i64(call.argv.at(2))
        .ok_or(Error::new("ERR timeout is not an integer or out of range"))?;
    let ms = u64::try_from(ms).map_err(|_| Error::new("ERR timeout is negative"))?;
    let until_us = ms.checked_mul(1_000).and_then(|us| us.checked_add(call.state.now.mono_us));
    let until_us = until_us.ok_or(Error::new("ERR timeout is out of range"))?;
    Ok(Some(until_us).filter(|_| ms > 0))
}
