//! Parameters of what is not built yet (cluster, TLS, scripts),
//! accepted like those of [`super::idle`]; what would promise such a thing is refused.

use super::checks;
use super::kinds::Kind;
use super::table::{Change, Parameter, kept};

const INT_MAX: i64 = i32::MAX as i64;

const NO_CLUSTER: &str = "the cluster is not built yet, so nothing but \"no\" can be kept";
const NO_TLS: &str = "TLS is not built yet, so it cannot be turned on";

/// All of them, by name.
pub const PARAMETERS: &[Parameter] = &[
    kept(
        "aof_rewrite_cpulist",
        Change::AtStart,
        "Processors for writing the append-only file anew.",
        "",
        Kind::Text,
    ),
    kept("bgsave_cpulist", Change::AtStart, "Processors for snapshots.", "", Kind::Text),
    kept(
        "busy-reply-threshold",
        Change::Live,
        "Milliseconds after which a script counts as slow.",
        "5000",
        Kind::Int(0, i64::MAX),
    )
    .or_named("lua-time-limit"),
    kept(
        "cluster-allow-pubsubshard-when-down",
        Change::Live,
        "Serve sharded channels while the cluster is down.",
        "yes",
        Kind::Bool,
    ),
    kept(
        "cluster-allow-reads-when-down",
        Change::Live,
        "Serve reads while the cluster is down.",
        "no",
        Kind::Bool,
    ),
    kept(
        "cluster-allow-replica-migration",
        Change::Live,
        "Let replicas move to primaries without any.",
        "yes",
        Kind::Bool,
    ),
    kept(
        "cluster-announce-bus-port",
        Change::Live,
        "Bus port that other nodes are told.",
        "0",
        Kind::Int(0, 65_535),
    ),
    kept(
        "cluster-announce-hostname",
        Change::Live,
        "Host name that clients are told.",
        "",
        Kind::Checked(checks::hostname, "host name"),
    ),
    kept(
        "cluster-announce-human-nodename",
        Change::Live,
        "Name of the node in messages.",
        "",
        Kind::Checked(checks::node_name, "name"),
    ),
    kept("cluster-announce-ip", Change::Live, "Address that other nodes are told.", "", Kind::Text),
    kept(
        "cluster-announce-port",
        Change::Live,
        "Port that other nodes are told.",
        "0",
        Kind::Int(0, 65_535),
    ),
    kept(
        "cluster-announce-tls-port",
        Change::Live,
        "TLS port that other nodes are told.",
        "0",
        Kind::Int(0, 65_535),
    ),
    kept(
        "cluster-config-file",
        Change::AtStart,
        "File of the state of the cluster.",
        "nodes.conf",
        Kind::Text,
    ),
    kept(
        "cluster-enabled",
        Change::AtStart,
        "Be a node of a cluster. Not built yet.",
        "no",
        Kind::Only(&Kind::Bool, "no", NO_CLUSTER),
    ),
    kept(
        "cluster-link-sendbuf-limit",
        Change::Live,
        "Memory of a link between nodes; 0: no limit.",
        "0",
        Kind::Memory(0),
    ),
    kept(
        "cluster-migration-barrier",
        Change::Live,
        "Replicas that a primary keeps.",
        "1",
        Kind::Int(0, INT_MAX),
    ),
    kept(
        "cluster-node-timeout",
        Change::Live,
        "Milliseconds after which a node counts as failing.",
        "15000",
        Kind::Int(0, i64::MAX),
    ),
    kept(
        "cluster-ping-interval",
        Change::Live,
        "Milliseconds between pings to nodes.",
        "1000",
        Kind::Int(1, INT_MAX),
    )
    .hidden(),
    kept(
        "cluster-port",
        Change::AtStart,
        "Port of the bus; 0: `port` and 10,000.",
        "0",
        Kind::Int(0, 65_535),
    ),
    kept(
        "cluster-preferred-endpoint-type",
        Change::Live,
        "What clients are told as address.",
        "ip",
        Kind::OneOf(&["ip", "hostname", "unknown-endpoint"]),
    ),
    kept(
        "cluster-replica-no-failover",
        Change::Live,
        "Never become primary by election.",
        "no",
        Kind::Bool,
    )
    .or_named("cluster-slave-no-failover"),
    kept(
        "cluster-replica-validity-factor",
        Change::Live,
        "How old data of a replica may be for an election.",
        "10",
        Kind::Int(0, INT_MAX),
    )
    .or_named("cluster-slave-validity-factor"),
    kept(
        "cluster-require-full-coverage",
        Change::Live,
        "Stop serving when a slot has no node.",
        "yes",
        Kind::Bool,
    ),
    kept(
        "lua-enable-deprecated-api",
        Change::AtStart,
        "Offer deprecated names to scripts.",
        "no",
        Kind::Bool,
    )
    .hidden(),
    kept(
        "tls-auth-clients",
        Change::Live,
        "Whether clients need a certificate.",
        "yes",
        Kind::OneOf(&["no", "yes", "optional"]),
    ),
    kept("tls-ca-cert-dir", Change::Live, "Directory of trusted certificates.", "", Kind::Text),
    kept("tls-ca-cert-file", Change::Live, "File of trusted certificates.", "", Kind::Text),
    kept("tls-cert-file", Change::Live, "Certificate.", "", Kind::Text),
    kept("tls-ciphers", Change::Live, "Ciphers up to TLS 1.2.", "", Kind::Text),
    kept("tls-ciphersuites", Change::Live, "Ciphers of TLS 1.3.", "", Kind::Text),
    kept(
        "tls-client-cert-file",
        Change::Live,
        "Certificate for links to other servers.",
        "",
        Kind::Text,
    ),
    kept("tls-client-key-file", Change::Live, "Its key.", "", Kind::Text),
    kept("tls-client-key-file-pass", Change::Live, "The password of that key.", "", Kind::Text),
    kept(
        "tls-cluster",
        Change::Live,
        "Use TLS between nodes.",
        "no",
        Kind::Only(&Kind::Bool, "no", NO_TLS),
    ),
    kept("tls-dh-params-file", Change::Live, "Parameters of Diffie and Hellman.", "", Kind::Text),
    kept("tls-key-file", Change::Live, "Key of the certificate.", "", Kind::Text),
    kept("tls-key-file-pass", Change::Live, "Password of that key.", "", Kind::Text),
    kept(
        "tls-port",
        Change::Live,
        "TLS port. Not built yet.",
        "0",
        Kind::Only(&Kind::Int(0, 65_535), "0", NO_TLS),
    ),
    kept(
        "tls-prefer-server-ciphers",
        Change::Live,
        "Prefer the server's order of ciphers.",
        "no",
        Kind::Bool,
    ),
    kept("tls-protocols", Change::Live, "Versions of TLS.", "", Kind::Text),
    kept(
        "tls-replication",
        Change::Live,
        "Use TLS to the primary.",
        "no",
        Kind::Only(&Kind::Bool, "no", NO_TLS),
    ),
    kept(
        "tls-session-cache-size",
        Change::Live,
        "Sessions of TLS that are kept.",
        "20480",
        Kind::Int(0, INT_MAX),
    ),
    kept(
        "tls-session-cache-timeout",
        Change::Live,
        "Seconds for which they are kept.",
        "300",
        Kind::Int(0, INT_MAX),
    ),
    kept("tls-session-caching", Change::Live, "Keep sessions of TLS.", "yes", Kind::Bool),
];
