//! Limits on clients: who is let in, who waits too long, whose replies pile up.

use crate::support::client::encode;
use crate::world::Sim;
use spindle::config::Config;
use spindle::exec::Connection;
use std::time::Duration;

#[test]
fn a_stranger_is_refused_while_there_is_no_password() {
    let mut sim = Sim::new(1, Config::default());
    let stranger = Connection::default();
    let refusal = sim.engine.connect(stranger.clone()).unwrap_err();
    assert!(refusal.as_bytes().starts_with(b"DENIED Redis is running in protected mode"));
    let config = Config { requirepass: "secret".to_owned(), ..Config::default() };
    assert!(Sim::new(1, config).engine.connect(stranger.clone()).is_ok());
    let config = Config { protected_mode: false, ..Config::default() };
    assert!(Sim::new(1, config).engine.connect(stranger).is_ok());
}

#[test]
fn there_are_no_more_clients_than_allowed() {
    let mut sim = Sim::new(1, Config { maxclients: 2, ..Config::default() });
    let first = sim.connect();
    sim.connect();
    let refusal = sim.engine.connect(Connection::default()).unwrap_err();
    assert_eq!(refusal.as_bytes(), b"ERR max number of clients reached");
    let id = sim.conns[first].id;
    sim.engine.disconnect(id);
    sim.connect();
}

#[test]
fn idle_clients_are_closed_and_subscribers_are_not() {
    let mut sim = Sim::new(1, Config { timeout: 10, ..Config::default() });
    let (idle, subscriber, busy) = (sim.connect(), sim.connect(), sim.connect());
    sim.run(subscriber, "SUBSCRIBE c");
    sim.advance(Duration::from_secs(6));
    let id = sim.conns[busy].id;
    sim.engine.begin_turn(id, 0, 0);
    sim.run(busy, "PING");
    assert_eq!(sim.idle_us(), Some(4_000_000));
    sim.advance(Duration::from_secs(4));
    assert!(sim.conns[idle].is_closed);
    assert!(!sim.conns[subscriber].is_closed && !sim.conns[busy].is_closed);
    assert_eq!(sim.idle_us(), Some(6_000_000));
    sim.run(busy, "CONFIG SET timeout 0");
    assert_eq!(sim.idle_us(), None);
}

#[test]
fn a_subscriber_no_more_may_be_idle_for_too_long() {
    let mut sim = Sim::new(1, Config { timeout: 10, ..Config::default() });
    let (leaves, resets) = (sim.connect(), sim.connect());
    sim.run(leaves, "SUBSCRIBE c");
    sim.run(resets, "SUBSCRIBE c");
    sim.advance(Duration::from_secs(60));
    sim.run(leaves, "UNSUBSCRIBE");
    sim.run(resets, "RESET");
    let ids = [leaves, resets].map(|conn| sim.conns[conn].id);
    ids.into_iter().for_each(|id| sim.engine.begin_turn(id, 0, 0));
    assert_eq!(sim.idle_us(), Some(10_000_000));
    sim.advance(Duration::from_secs(10));
    assert!(sim.conns[leaves].is_closed && sim.conns[resets].is_closed);
}

#[test]
fn a_stranger_cannot_pile_up_replies() {
    let config = Config { requirepass: "secret".to_owned(), ..Config::default() };
    let mut sim = Sim::new(1, config);
    let (stranger, friend) = (sim.connect(), sim.connect());
    let burst = encode(&["PING"]).repeat(2_000);
    sim.run(friend, "AUTH secret");
    sim.arrive(friend, &burst, 16, |_| {});
    assert_eq!(sim.replies(friend).len(), 2_000);
    sim.arrive(stranger, &burst, 16, |_| {});
    assert!(sim.conns[stranger].is_closed && !sim.conns[friend].is_closed);
    assert!(sim.replies(stranger).len() < 1_000);
}

#[test]
fn a_subscriber_that_does_not_read_is_cut_and_others_are_not() {
    let mut sim = Sim::new(1, Config::default());
    let (publisher, slow, quick) = (sim.connect(), sim.connect(), sim.connect());
    let limit = ["CONFIG", "SET", "client-output-buffer-limit", "pubsub 40000 20000 5"];
    sim.arrive(publisher, &encode(&limit), 16, |_| {});
    assert_eq!(sim.replies(publisher)[0].to_string(), "+OK");
    sim.run(slow, "SUBSCRIBE c");
    sim.run(quick, "SUBSCRIBE d");
    // `arrive` takes output away at once, so what is published in one burst is what piles up.
    let burst: Vec<u8> =
        (0..30).flat_map(|_| encode(&["PUBLISH", "c", &"x".repeat(1_600)])).collect();
    sim.arrive(publisher, &burst, 16, |_| {});
    sim.replies(publisher);
    assert!(sim.conns[slow].is_closed);
    assert!(!sim.conns[quick].is_closed);
    assert_eq!(sim.engine.state().stats.closed_for_output, 1);
    assert_eq!(sim.run(publisher, "PUBLISH c x"), ["0"]);
}

#[test]
fn before_authentication_only_greetings_run() {
    let config = Config { requirepass: "secret".to_owned(), ..Config::default() };
    let mut sim = Sim::new(1, config);
    let conn = sim.connect();
    assert_eq!(sim.run(conn, "PING"), ["-NOAUTH Authentication required."]);
    assert_eq!(sim.run(conn, "GET a b"), ["-ERR wrong number of arguments for 'get' command"]);
    assert!(sim.run(conn, "NOSUCH")[0].starts_with("-ERR unknown command"));
    assert!(sim.run(conn, "HELLO 3")[0].starts_with("-NOAUTH HELLO must be called"));
    let wrong = "-WRONGPASS invalid username-password pair or user is disabled.";
    assert_eq!(sim.run(conn, "AUTH wrong"), [wrong]);
    assert_eq!(sim.run(conn, "AUTH nobody secret"), [wrong]);
    assert_eq!(sim.run(conn, "AUTH secret"), ["+OK"]);
    assert_eq!(sim.run(conn, "PING"), ["+PONG"]);
    assert_eq!(sim.run(conn, "RESET"), ["+RESET"]);
    assert_eq!(sim.run(conn, "PING"), ["-NOAUTH Authentication required."]);
    assert!(sim.run(conn, "HELLO 2 AUTH default secret")[0].starts_with("[\"server\""));
}

#[test]
fn a_password_in_front_of_a_large_request_lifts_the_limit() {
    let config = Config { requirepass: "secret".to_owned(), ..Config::default() };
    let mut sim = Sim::new(1, config);
    let conn = sim.connect();
    let mut burst = encode(&["AUTH", "secret"]);
    burst.extend(encode(&["SET", "k", &"v".repeat(100_000)]));
    burst.extend(encode(&["STRLEN", "k"]));
    sim.arrive(conn, &burst, 16, |_| {});
    let replies: Vec<String> = sim.replies(conn).iter().map(ToString::to_string).collect();
    assert_eq!(replies[..2], ["+OK", "+OK"]);
    let other = sim.connect();
    sim.arrive(other, &encode(&["SET", "k", &"v".repeat(100_000)]), 16, |_| {});
    let error = "-ERR Protocol error: unauthenticated bulk length";
    assert_eq!(sim.replies(other)[0].to_string(), error);
}

#[test]
fn a_password_set_later_holds_for_new_connections_only() {
    let mut sim = Sim::new(1, Config::default());
    let old = sim.connect();
    assert_eq!(sim.run(old, "CONFIG SET requirepass secret"), ["+OK"]);
    assert_eq!(sim.run(old, "PING"), ["+PONG"]);
    let new = sim.connect();
    assert_eq!(sim.run(new, "PING"), ["-NOAUTH Authentication required."]);
}

#[test]
fn a_killed_client_runs_nothing_more() {
    let mut sim = Sim::new(1, Config::default());
    let (first, second) = (sim.connect(), sim.connect());
    let id = sim.conns[second].id.serial;
    assert_eq!(sim.run(first, &format!("CLIENT KILL ID {id}")), ["1"]);
    assert!(sim.conns[second].is_closed);
    let me = sim.conns[first].id.serial;
    let mut burst = encode(&["CLIENT", "KILL", "ID", &me.to_string(), "SKIPME", "no"]);
    burst.extend(encode(&["SET", "after", "1"]));
    sim.arrive(first, &burst, 16, |_| {});
    assert_eq!(sim.replies(first).len(), 1);
    assert_eq!(sim.engine.store().lens(0).0, 0);
}

#[test]
fn a_reply_of_any_length_ends_at_the_limit() {
    let requests =
        ["HRANDFIELD h -999999999", "SRANDMEMBER s -999999999", "ZRANDMEMBER z -999999999"];
    for request in requests {
        let mut sim = Sim::new(1, Config::default());
        let (writer, greedy) = (sim.connect(), sim.connect());
        for fill in ["HSET h a 1", "SADD s a", "ZADD z 1 a"] {
            assert_eq!(sim.run(writer, fill), ["1"]);
        }
        // Without a limit nobody would say when it is enough.
        assert_eq!(sim.run(greedy, request), ["-ERR value is out of range"]);
        let limits = ["CONFIG", "SET", "client-output-buffer-limit", "normal 100000 0 0"];
        sim.arrive(writer, &encode(&limits), 16, |_| {});
        assert!(sim.run(greedy, request).is_empty(), "{request}");
        assert!(sim.conns[greedy].is_closed && !sim.conns[writer].is_closed);
    }
}
