//! What one server has logged the other one loads: bases of both forms and what follows them, with
//! values of all types by chance.

use crate::snapshots::{DATABASES, fill};
use crate::streams::compare_data;
use crate::support::client::Client;
use crate::support::collections::all_keys;
use crate::support::server::{Server, eventually, redis, spindle};
use crate::support::{seeds, skip};
use fastrand::Rng;
use std::path::Path;

const FLAGS: [&str; 6] =
    ["--enable-debug-command", "yes", "--appendonly", "yes", "--auto-aof-rewrite-percentage", "0"];

#[test]
fn each_server_loads_what_the_other_one_has_logged() {
    let Some(program) = redis() else { return skip("redis-server") };
    let both = [spindle(), program];
    for seed in seeds(8) {
        println!("seed {seed}");
        let mut rng = Rng::with_seed(seed);
        let (writer, reader) = [(0, 1), (1, 0), (0, 0)][rng.usize(0..3)];
        let form = ["yes", "no"][rng.usize(0..2)];
        let flags = [&FLAGS[..], &["--aof-use-rdb-preamble", form]].concat();
        let from = Server::start_program(&both[writer], &flags);
        let mut client = from.client();
        fill(&mut client, &mut rng);
        client.run("BGREWRITEAOF");
        fill(&mut client, &mut rng);
        eventually("the log is written anew", || {
            let info = client.run("INFO persistence").text();
            info.contains("aof_rewrite_in_progress:0") && info.contains("aof_rewrite_scheduled:0")
        });
        if rng.bool() {
            fill(&mut client, &mut rng);
        }
        // Redis answers before it has written if the disk is slow.
        eventually("all is written", || {
            client.run("INFO persistence").text().contains("aof_buffer_length:0")
        });
        let to = Server::start_in(copy_of(from.dir()), &both[reader], &flags);
        let mut other = to.client();
        for db in 0..DATABASES {
            let select = format!("SELECT {db}");
            assert_eq!(client.run(&select), other.run(&select));
            assert_eq!(client.run("DBSIZE"), other.run("DBSIZE"), "database {db}");
        }
        let digest = |client: &mut Client| client.run("DEBUG DIGEST").to_string();
        assert_eq!(digest(&mut client), digest(&mut other), "{writer} to {reader}, form {form}");
        if reader == 1 {
            forget_counts(&mut client);
            forget_counts(&mut other);
        }
        compare_data(&mut client, &mut other);
    }
}

/// Gives all groups of streams the same count of what they have read: XREADGROUP is logged as
/// XCLAIM, which tells Redis what has been read and not how many entries that are.
fn forget_counts(client: &mut Client) {
    for db in 0..DATABASES {
        client.run(&format!("SELECT {db}"));
        for key in all_keys() {
            if client.run(&format!("TYPE {key}")).text() != "stream" {
                continue;
            }
            for group in client.run(&format!("XINFO GROUPS {key}")).items() {
                let fields = group.items();
                let id = fields.iter().position(|field| field.text() == "last-delivered-id");
                let (name, id) = (fields[1].text(), fields[id.unwrap() + 1].text());
                let set = ["XGROUP", "SETID", &key, &name, &id, "ENTRIESREAD", "0"];
                assert_eq!(client.call(&set).to_string(), "+OK");
            }
        }
    }
}

/// A folder with a log like the one in this one.
fn copy_of(dir: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    let (from, to) = (dir.join("appendonlydir"), copy.path().join("appendonlydir"));
    std::fs::create_dir(&to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        // A file that the log does not need any more may go meanwhile.
        match std::fs::copy(entry.path(), to.join(entry.file_name())) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            copied => assert!(copied.is_ok(), "{copied:?}"),
        }
    }
    copy
}
