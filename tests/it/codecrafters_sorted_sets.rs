//! The CodeCrafters stages about sorted sets and places.

use crate::codecrafters::{bulk, bulks, words};
use crate::support::client::Client;
use crate::support::server::Server;

/// A client of a server with a sorted set.
fn with_set() -> (Server, Client) {
    let server = Server::start(&[]);
    let mut client = server.client();
    let members = [("100.0", "foo"), ("100.0", "bar"), ("20.0", "baz"), ("30.1", "caz")];
    for (score, member) in members {
        words(&mut client, &format!("ZADD z {score} {member}"), ":1\r\n");
    }
    (server, client)
}

#[test]
fn create_a_sorted_set_and_add_members() {
    let (_server, mut client) = with_set();
    words(&mut client, "ZADD z 40.2 foo", ":0\r\n");
    words(&mut client, "ZADD z 1 new 2 more", ":2\r\n");
}

#[test]
fn retrieve_member_rank() {
    let (_server, mut client) = with_set();
    for (member, rank) in [("baz", 0), ("caz", 1), ("bar", 2), ("foo", 3)] {
        words(&mut client, &format!("ZRANK z {member}"), &format!(":{rank}\r\n"));
    }
    words(&mut client, "ZRANK z missing", "$-1\r\n");
    words(&mut client, "ZRANK missing foo", "$-1\r\n");
}

#[test]
fn list_sorted_set_members_with_indexes_of_both_signs() {
    let (_server, mut client) = with_set();
    let cases: [(&str, &[&str]); 8] = [
        ("0 1", &["baz", "caz"]),
        ("2 99", &["bar", "foo"]),
        ("0 -1", &["baz", "caz", "bar", "foo"]),
        ("-2 -1", &["bar", "foo"]),
        ("0 -3", &["baz", "caz"]),
        ("-99 0", &["baz"]),
        ("4 5", &[]),
        ("2 1", &[]),
    ];
    for (indexes, members) in cases {
        words(&mut client, &format!("ZRANGE z {indexes}"), &bulks(members));
    }
    words(&mut client, "ZRANGE missing 0 1", "*0\r\n");
}

#[test]
fn count_sorted_set_members() {
    let (_server, mut client) = with_set();
    words(&mut client, "ZCARD z", ":4\r\n");
    words(&mut client, "ZCARD missing", ":0\r\n");
}

#[test]
fn retrieve_member_score() {
    let (_server, mut client) = with_set();
    words(&mut client, "ZSCORE z caz", &bulk("30.1"));
    words(&mut client, "ZSCORE z foo", &bulk("100"));
    words(&mut client, "ZADD z 24.34578219345678 long", ":1\r\n");
    words(&mut client, "ZSCORE z long", &bulk("24.34578219345678"));
    words(&mut client, "ZSCORE z missing", "$-1\r\n");
}

#[test]
fn remove_a_member() {
    let (_server, mut client) = with_set();
    words(&mut client, "ZREM z baz", ":1\r\n");
    words(&mut client, "ZREM z baz", ":0\r\n");
    words(&mut client, "ZRANGE z 0 -1", &bulks(&["caz", "bar", "foo"]));
}

/// Name, longitude, latitude and score of some places.
const PLACES: [(&str, &str, &str, &str); 4] = [
    ("Paris", "2.3522", "48.8566", "3663832779122514"),
    ("London", "-0.1278", "51.5074", "2163557714755072"),
    ("Tokyo", "139.6917", "35.6895", "4171231230197045"),
    ("Sydney", "151.2093", "-33.8688", "3252046221964352"),
];

/// A client of a server with those places.
fn with_places() -> (Server, Client) {
    let server = Server::start(&[]);
    let mut client = server.client();
    for (name, lon, lat, _) in PLACES {
        words(&mut client, &format!("GEOADD places {lon} {lat} {name}"), ":1\r\n");
    }
    (server, client)
}

#[test]
fn respond_to_geoadd_and_validate_coordinates() {
    let (_server, mut client) = with_places();
    for (pair, shown) in [("180.1 1", "180.100000,1.000000"), ("1 -85.06", "1.000000,-85.060000")] {
        let reply = format!("-ERR invalid longitude,latitude pair {shown}\r\n");
        words(&mut client, &format!("GEOADD places {pair} x"), &reply);
    }
    words(&mut client, "GEOADD places 180 85.05112878 edge", ":1\r\n");
    words(&mut client, "GEOADD places -180 -85.05112878 other", ":1\r\n");
}

#[test]
fn store_a_location_and_calculate_its_score() {
    let (_server, mut client) = with_places();
    words(&mut client, "ZCARD places", ":4\r\n");
    for (name, _, _, score) in PLACES {
        words(&mut client, &format!("ZSCORE places {name}"), &bulk(score));
    }
}

#[test]
fn respond_to_geopos_and_decode_coordinates() {
    let (_server, mut client) = with_places();
    for (name, lon, lat, _) in PLACES {
        let reply = client.run(&format!("GEOPOS places {name}"));
        let place = reply.items()[0].items();
        for (told, true_one) in place.iter().zip([lon, lat]) {
            let off = told.text().parse::<f64>().unwrap() - true_one.parse::<f64>().unwrap();
            assert!(off.abs() < 1e-5, "{name}: {told}");
        }
    }
    words(&mut client, "GEOPOS places missing", "*1\r\n*-1\r\n");
    words(&mut client, "GEOPOS missing a b", "*2\r\n*-1\r\n*-1\r\n");
}

#[test]
fn calculate_distance() {
    let (_server, mut client) = with_places();
    words(&mut client, "GEODIST places Paris London", &bulk("343653.0131"));
    words(&mut client, "GEODIST places Paris missing", "$-1\r\n");
}

#[test]
fn search_within_radius() {
    let (_server, mut client) = with_places();
    let mut search = |area: &str, names: &[&str]| {
        let found = client.run(&format!("GEOSEARCH places FROMLONLAT {area}"));
        let mut found: Vec<String> = found.items().iter().map(|name| name.text()).collect();
        found.sort();
        assert_eq!(found, names, "{area}");
    };
    search("2 48 BYRADIUS 100000 m", &["Paris"]);
    search("2 48 BYRADIUS 500000 m", &["London", "Paris"]);
    search("11 50 BYRADIUS 300000 m", &[]);
    search("2 48 BYRADIUS 21000 km", &["London", "Paris", "Sydney", "Tokyo"]);
}
