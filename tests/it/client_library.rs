//! A client library that knows nothing of spindle: the `redis` crate.

use crate::support::server::Server;
use redis::{Commands, Connection, ProtocolVersion};

fn connect(server: &Server, protocol: ProtocolVersion) -> Connection {
    let address = format!("redis://127.0.0.1:{}/", server.port);
    let info: redis::ConnectionInfo =
        redis::IntoConnectionInfo::into_connection_info(address).unwrap();
    let settings = info.redis_settings().clone().set_protocol(protocol);
    redis::Client::open(info.set_redis_settings(settings)).unwrap().get_connection().unwrap()
}

#[test]
fn it_speaks_both_protocols() {
    let server = Server::start(&[]);
    for protocol in [ProtocolVersion::RESP2, ProtocolVersion::RESP3] {
        let mut con = connect(&server, protocol);
        let () = con.set("key", "value").unwrap();
        let value: String = con.get("key").unwrap();
        assert_eq!(value, "value");
        let nothing: Option<String> = con.get("nosuch").unwrap();
        assert_eq!(nothing, None);
        let count: i64 = con.incr("count", 5).unwrap();
        assert!(count % 5 == 0);
        let all: Vec<Option<String>> = con.mget(&["key", "nosuch"]).unwrap();
        assert_eq!(all, [Some("value".to_owned()), None]);
        let () = con.set_ex("key", "value", 100).unwrap();
        let ttl: i64 = con.ttl("key").unwrap();
        assert_eq!(ttl, 100);
    }
}

#[test]
fn it_pipelines() {
    let server = Server::start(&[]);
    let mut con = connect(&server, ProtocolVersion::RESP2);
    let mut pipe = redis::pipe();
    for i in 0..5_000 {
        pipe.set(format!("k{i}"), i).ignore();
        pipe.get(format!("k{i}"));
    }
    let values: Vec<i64> = pipe.query(&mut con).unwrap();
    assert!(values.into_iter().eq(0..5_000));
}

#[test]
fn it_scans() {
    let server = Server::start(&[]);
    let mut con = connect(&server, ProtocolVersion::RESP2);
    for i in 0..2_000 {
        let () = con.set(format!("k{i}"), i).unwrap();
    }
    let mut keys: Vec<String> = con.scan().unwrap().map(Result::unwrap).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 2_000);
}

#[test]
fn it_listens() {
    let server = Server::start(&[]);
    let mut listener = connect(&server, ProtocolVersion::RESP2);
    let mut publisher = connect(&server, ProtocolVersion::RESP2);
    let mut pubsub = listener.as_pubsub();
    pubsub.subscribe("news").unwrap();
    let heard: i64 = publisher.publish("news", "hello").unwrap();
    assert_eq!(heard, 1);
    let message = pubsub.get_message().unwrap();
    assert_eq!(message.get_payload::<String>().unwrap(), "hello");
}
