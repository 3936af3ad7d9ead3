//! WAIT and WAITAOF: until enough replicas, or disks, have what this connection has changed.

use crate::base::num;
use crate::exec::{Call, Command, Flow, Nothing, Outcome, Wait, int, timeout_ms};
use crate::resp::error::Error;
use crate::spec::categories::Categories;
use crate::spec::flags::Flags;
use crate::spec::{Group, Spec};

const BASE: Spec = Spec {
    group: Group::Generic,
    flags: Flags::BLOCKING,
    categories: Categories::CONNECTION,
    tips: &["request_policy:all_shards", "response_policy:agg_min"],
    ..Spec::NEW
};

pub(in crate::commands) const WAIT: Command = Command::new(
    Spec {
        name: "wait",
        since: "3.0.0",
        arity: 3,
        summary: "Waits until so many replicas have all that this connection has changed.",
        syntax: "numreplicas:integer timeout:integer",
        ..BASE
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
    let until_us = timeout_ms(call.argv.at(2), call.state.now)?;
    let (_, replicas) = call.state.reached(Nothing::Replicas, call.client.written);
    if num::signed(replicas) >= wanted {
        call.out.len_int(replicas);
        return Ok(Flow::Done);
    }
    Ok(wait_for_acks(call, until_us, Nothing::Replicas))
}

pub(in crate::commands) const WAITAOF: Command = Command::new(
    Spec {
        name: "waitaof",
        since: "7.2.0",
        arity: 4,
        summary: "Waits until all that this connection has changed is on so many disks.",
        syntax: "numlocal:integer numreplicas:integer timeout:integer",
        ..BASE
    },
    waitaof,
);

fn waitaof(call: &mut Call<'_>) -> Outcome {
    let local = int(call.argv.at(1))?;
    if !(0..=1).contains(&local) {
        return Err(Error::new("ERR value is out of range, value must between 0 and 1"));
    }
    let wanted = int(call.argv.at(2))?;
    if wanted < 0 {
        return Err(Error::new("ERR value is out of range, must be positive"));
    }
    let until_us = timeout_ms(call.argv.at(3), call.state.now)?;
    if call.state.is_replica() {
        return Err(Error::new(
            "ERR WAITAOF cannot be used with replica instances. Please also note that writes to \
             replicas are just local and are not propagated.",
        ));
    }
    if local > 0 && !call.state.log.is_wanted() {
        return Err(Error::new(
            "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.",
        ));
    }
    let reached = call.state.reached(Nothing::Disks, call.client.written);
    if i64::from(reached.0) >= local && num::signed(reached.1) >= wanted {
        Nothing::Disks.tell(reached, call.out);
        return Ok(Flow::Done);
    }
    Ok(wait_for_acks(call, until_us, Nothing::Disks))
}

fn wait_for_acks(call: &mut Call<'_>, until_us: Option<u64>, nothing: Nothing) -> Flow {
    call.state.await_acks(call.client.id);
    call.wait_for(Wait { nothing, ..Wait::new(0, 0, until_us) })
}
