//! Who follows whom: for operators ([`REPLICAOF`], [`ROLE`]), for replicas (`sync`, `replconf`) and
//! for clients that want to be sure (`wait`).

mod failover;
mod replconf;
pub(super) mod report;
mod sync;
mod wait;

pub(super) use failover::FAILOVER;
pub(super) use replconf::REPLCONF;
pub(super) use sync::{PSYNC, SYNC};
pub(super) use wait::{WAIT, WAITAOF};

use crate::base::num;
use crate::exec::{Call, Command, Flow, Outcome, Side};
use crate::resp::error::Error;
use crate::spec::categories::Categories;
use crate::spec::flags::Flags;
use crate::spec::{Deprecated, Group, Spec};

const REPLICAOF_SPEC: Spec = Spec {
    group: Group::Server,
    arity: 3,
    flags: Flags::ADMIN.union(Flags::NOSCRIPT).union(Flags::STALE).union(Flags::NO_ASYNC_LOADING),
    summary: "Makes the server the replica of another one, or a primary.",
    syntax: "<host port:integer | NO ONE>",
    ..Spec::NEW
};

pub(super) const REPLICAOF: Command =
    Command::new(Spec { name: "replicaof", since: "5.0.0", ..REPLICAOF_SPEC }, replicaof);

pub(super) const SLAVEOF: Command = Command::new(
    Spec {
        name: "slaveof",
        deprecated: Some(Deprecated { since: "5.0.0", replaced_by: "`REPLICAOF`" }),
        ..REPLICAOF_SPEC
    },
    replicaof,
);

fn replicaof(call: &mut Call<'_>) -> Outcome {
    if call.state.replication.failover.is_some() {
        return Err(Error::new("ERR REPLICAOF not allowed while failing over."));
    }
    let (host, port) = (call.argv.at(1), call.argv.at(2));
    if host.eq_ignore_ascii_case(b"no") && port.eq_ignore_ascii_case(b"one") {
        if call.state.is_replica() {
            call.lead();
        }
        call.out.ok();
        return Ok(Flow::Done);
    }
    if call.client.side == Side::Replica {
        return Err(Error::new("ERR Command is not valid when client is a replica."));
    }
    let port = num::parse_i64(port).and_then(|port| u16::try_from(port).ok());
    let port = port.ok_or(Error::new("ERR Invalid master port"))?;
    let host = String::from_utf8_lossy(host).into_owned();
    let present = call.state.replication.primary.as_ref();
    if present.is_some_and(|primary| primary.host == host && primary.port == port) {
        log::info!(
            "REPLICAOF would result into synchronization with the master we are already \
                    connected with. No operation performed."
        );
        call.out.status("OK Already connected to specified master");
        return Ok(Flow::Done);
    }
    log::info!("REPLICAOF {host}:{port} enabled");
    call.follow_primary(host, port);
    call.out.ok();
    Ok(Flow::Done)
}

pub(super) const ROLE: Command = Command::new(
    Spec {
        name: "role",
        group: Group::Server,
        since: "2.8.12",
        flags: Flags::NOSCRIPT.union(Flags::LOADING).union(Flags::STALE).union(Flags::FAST),
        categories: Categories::ADMIN.union(Categories::DANGEROUS),
        summary: "Tells whether the server is a primary or a replica, and how far it is.",
        ..Spec::NEW
    },
    role,
);

fn role(call: &mut Call<'_>) -> Outcome {
    let offset = num::signed_u64(call.state.replication_offset());
    let Some(primary) = &call.state.replication.primary else {
        let followers = call.state.replication.replicas.iter();
        let online: Vec<_> = followers.filter(|replica| replica.stage.name() == "online").collect();
        call.out.array(3);
        call.out.bulk(b"master");
        call.out.int(offset);
        call.out.array(online.len());
        for replica in online {
            call.out.array(3);
            call.out.bulk(replica.address().as_bytes());
            call.out.bulk(replica.about.port.to_string().as_bytes());
            call.out.bulk(replica.acked.to_string().as_bytes());
        }
        return Ok(Flow::Done);
    };
    call.out.array(5);
    call.out.bulk(b"slave");
    call.out.bulk(primary.host.as_bytes());
    call.out.int(primary.port.into());
    call.out.bulk(primary.state_name().as_bytes());
    call.out.int(if primary.is_up() { offset } else { -1 });
    Ok(Flow::Done)
}
