//! Parameters at start and at run time, as far as sockets and files are concerned.

use crate::support::client::Client;
use crate::support::server::{Server, free_port};

#[test]
fn a_file_and_flags_set_parameters_and_flags_win() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("redis.conf");
    std::fs::write(&file, "# a remark\ntimeout 100\nrequirepass \"a b\"\nmaxclients 77\n").unwrap();
    let flags = [file.to_str().unwrap(), "--maxclients", "78"];
    let server = Server::start_with_file(&flags);
    let mut client = server.client();
    assert_eq!(client.call(&["AUTH", "a b"]).to_string(), "+OK");
    assert_eq!(client.run("CONFIG GET timeout").to_string(), "[\"timeout\", \"100\"]");
    assert_eq!(client.run("CONFIG GET maxclients").to_string(), "[\"maxclients\", \"78\"]");
    let path = file.canonicalize().unwrap();
    let info = client.run("INFO server").text();
    assert!(info.contains(&format!("config_file:{}\r\n", path.display())), "{info}");
}

#[test]
fn the_port_changes_while_clients_stay() {
    let server = Server::start(&[]);
    let mut client = server.client();
    let port = free_port();
    assert_eq!(client.run(&format!("CONFIG SET port {port}")).to_string(), "+OK");
    let mut other = Client::tcp(&format!("127.0.0.1:{port}")).unwrap();
    assert_eq!(other.run("PING").to_string(), "+PONG");
    assert_eq!(client.run("PING").to_string(), "+PONG");
    assert!(Client::tcp(&format!("127.0.0.1:{}", server.port)).is_err());
}

#[test]
fn a_port_in_use_is_refused_and_the_old_one_stays() {
    let (server, other) = (Server::start(&[]), Server::start(&[]));
    let mut client = server.client();
    let reply = client.run(&format!("CONFIG SET timeout 5 port {}", other.port)).to_string();
    assert_eq!(
        reply,
        "-ERR CONFIG SET failed (possibly related to argument 'port') - Unable to listen on this \
         port. Check server logs."
    );
    assert_eq!(client.run("CONFIG GET timeout").to_string(), "[\"timeout\", \"0\"]");
    assert_eq!(server.client().run("PING").to_string(), "+PONG");
}

/// The sockets that a server listens on, as the kernel numbers them.
fn listening(server: &Server) -> Vec<String> {
    let table = ["tcp", "tcp6"].map(|name| {
        std::fs::read_to_string(format!("/proc/{}/net/{name}", server.pid())).unwrap_or_default()
    });
    let port = format!(":{:04X}", server.port);
    let rows = table.iter().flat_map(|text| text.lines()).map(|line| line.split_whitespace());
    let rows = rows.map(Iterator::collect::<Vec<_>>);
    let mine = rows.filter(|row| row[1].ends_with(&port) && row[3] == "0A");
    mine.map(|row| row[9].to_owned()).collect()
}

#[test]
fn what_is_refused_leaves_the_listeners_as_they_were() {
    let (server, other) =
        (Server::start(&["--enable-protected-configs", "yes"]), Server::start(&[]));
    let (mut client, before) = (server.client(), listening(&server));
    assert!(!before.is_empty());
    let (taken, free) = (other.port.to_string(), free_port().to_string());
    let cases: &[(&[&str], &str)] = &[
        (&["port", &taken], "port"),
        (&["port", &free, "dir", "/no/such/dir"], "dir"),
        (&["dir", "/no/such/dir", "port", &free], "dir"),
        (&["bind", "127.0.0.1", "dir", "/no/such/dir"], "dir"),
        (&["port", &free, "maxmemory", "much"], "maxmemory"),
        (&["bind", "203.0.113.1", "port", &free], "port"),
    ];
    for (parameters, guilty) in cases {
        let reply = client.call(&[&["CONFIG", "SET"], *parameters].concat()).to_string();
        let blamed = format!("(possibly related to argument '{guilty}') - ");
        assert!(reply.contains(&blamed), "{parameters:?}: {reply}");
        assert_eq!(listening(&server), before, "{parameters:?}");
        assert_eq!(server.client().run("PING").to_string(), "+PONG");
        assert!(Client::tcp(&format!("127.0.0.1:{free}")).is_err(), "{parameters:?}");
        assert_eq!(client.run("CONFIG GET port").items()[1].text(), server.port.to_string());
    }
}

#[test]
fn addresses_of_the_same_port_come_back_if_others_are_refused() {
    let server = Server::start(&["--bind", "127.0.0.1", "127.0.0.2"]);
    let mut client = server.client();
    let set = |client: &mut Client, words: &[&str]| {
        client.call(&[&["CONFIG", "SET", "bind"], words].concat()).to_string()
    };
    assert!(set(&mut client, &["127.0.0.1 203.0.113.1"]).contains("argument 'bind'"));
    assert_eq!(client.run("CONFIG GET bind").items()[1].text(), "127.0.0.1 127.0.0.2");
    for address in ["127.0.0.1", "127.0.0.2"] {
        let mut again = Client::tcp(&format!("{address}:{}", server.port)).unwrap();
        assert_eq!(again.run("PING").to_string(), "+PONG");
    }
    assert_eq!(set(&mut client, &["127.0.0.1"]), "+OK");
    assert!(Client::tcp(&format!("127.0.0.2:{}", server.port)).is_err());
    assert_eq!(client.run("PING").to_string(), "+PONG");
}

#[test]
fn the_directory_changes_where_it_may() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().canonicalize().unwrap();
    let server = Server::start(&["--enable-protected-configs", "yes"]);
    let mut client = server.client();
    let reply = client.call(&["CONFIG", "SET", "dir", "/no/such/dir"]).to_string();
    assert!(reply.contains("(possibly related to argument 'dir') - "), "{reply}");
    assert_eq!(client.call(&["CONFIG", "SET", "dir", path.to_str().unwrap()]).to_string(), "+OK");
    let cwd = std::fs::read_link(format!("/proc/{}/cwd", server.pid())).unwrap();
    assert_eq!(cwd, path);
}

#[test]
fn a_directory_goes_back_with_the_port() {
    let (server, other) =
        (Server::start(&["--enable-protected-configs", "yes"]), Server::start(&[]));
    let cwd = || std::fs::read_link(format!("/proc/{}/cwd", server.pid())).unwrap();
    let (mut client, before) = (server.client(), cwd());
    let dir = tempfile::tempdir().unwrap();
    let (dir, port) = (dir.path().to_str().unwrap(), other.port.to_string());
    let reply = client.call(&["CONFIG", "SET", "dir", dir, "port", &port]).to_string();
    assert!(reply.contains("(possibly related to argument 'port') - "), "{reply}");
    assert_eq!(cwd(), before);
    let shown = client.run("CONFIG GET dir").items()[1].text();
    assert_eq!(shown, before.to_str().unwrap());
    let reply = client.call(&["CONFIG", "SET", "bind", "203.0.113.1"]).to_string();
    assert_eq!(
        reply,
        "-ERR CONFIG SET failed (possibly related to argument 'bind') - Failed to bind to \
         specified addresses."
    );
    assert_eq!(server.client().run("PING").to_string(), "+PONG");
}

#[test]
fn several_addresses_are_served() {
    let server = Server::start(&["--bind", "127.0.0.1", "-::1", "127.0.0.2"]);
    for address in ["127.0.0.1", "127.0.0.2"] {
        let mut client = Client::tcp(&format!("{address}:{}", server.port)).unwrap();
        assert_eq!(client.run("PING").to_string(), "+PONG");
    }
    if let Ok(mut client) = Client::tcp(&format!("[::1]:{}", server.port)) {
        assert_eq!(client.run("PING").to_string(), "+PONG");
        let line = client.run("CLIENT INFO").text();
        assert!(line.contains("addr=[::1]:"), "{line}");
    }
    assert!(Client::tcp(&format!("127.0.0.3:{}", server.port)).is_err());
}

#[test]
fn the_file_is_rewritten_and_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("redis.conf");
    std::fs::write(&file, "# a remark\nmaxclients 100\n\ntimeout  5\n").unwrap();
    let path = file.to_str().unwrap();
    let server = Server::start_with_file(&[path]);
    let mut client = server.client();
    let set = "CONFIG SET maxclients 101 notify-keyspace-events KEA hash-max-ziplist-entries 7";
    assert_eq!(client.run(set).to_string(), "+OK");
    assert_eq!(client.run("CONFIG REWRITE").to_string(), "+OK");
    let text = std::fs::read_to_string(&file).unwrap();
    let cwd = server.dir().canonicalize().unwrap();
    let added = format!(
        "\n# Generated by CONFIG REWRITE\ndir \"{}\"\nhash-max-listpack-entries 7\n\
         notify-keyspace-events \"AKE\"\nport {}\nsave \"\"\n",
        cwd.display(),
        server.port
    );
    assert_eq!(text, format!("# a remark\nmaxclients 101\n\ntimeout  5\n{added}"));
    assert_eq!(client.run("CONFIG REWRITE").to_string(), "+OK");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    // What is gone is written anew.
    std::fs::remove_file(&file).unwrap();
    assert_eq!(client.run("CONFIG REWRITE").to_string(), "+OK");
    assert!(std::fs::read_to_string(&file).unwrap().contains("\ntimeout 5\n"));
    std::fs::remove_dir_all(dir.path()).unwrap();
    let reply = client.run("CONFIG REWRITE").to_string();
    assert_eq!(reply, "-ERR Rewriting config file: No such file or directory");
}

#[test]
fn all_parameters_can_be_written_and_read() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("redis.conf");
    std::fs::write(&file, "enable-debug-command yes\n").unwrap();
    let path = file.to_str().unwrap();
    let server = Server::start_with_file(&[path]);
    let before = server.client().run("CONFIG GET *").items().len();
    assert_eq!(server.client().run("DEBUG CONFIG-REWRITE-FORCE-ALL").to_string(), "+OK");
    let again = Server::start_with_file(&[path]);
    assert_eq!(again.client().run("CONFIG GET *").items().len(), before);
    assert_eq!(again.client().run("CONFIG GET dir"), server.client().run("CONFIG GET dir"));
}

#[test]
fn commands_are_renamed_and_taken_away() {
    let name = "b840fc02d524045429941cc15f59e41cb7be6c52";
    let server = Server::start(&["--rename-command", "GET", name, "--rename-command KEYS ''"]);
    let mut client = server.client();
    client.run("SET a 1");
    assert_eq!(client.run(&format!("{name} a")).to_string(), "\"1\"");
    for gone in ["GET a", "KEYS *"] {
        let reply = client.run(gone).to_string();
        assert!(reply.starts_with("-ERR unknown command"), "{reply}");
    }
}

#[test]
fn the_kernels_score_follows_and_goes_back_with_the_port() {
    let (server, other) = (Server::start(&[]), Server::start(&[]));
    let path = format!("/proc/{}/oom_score_adj", server.pid());
    let score = || std::fs::read_to_string(&path).unwrap().trim().parse::<i64>().unwrap();
    let (mut client, before) = (server.client(), score());
    let mut set = |line: &str| {
        let words: Vec<&str> = ["CONFIG", "SET"].into_iter().chain(line.split('|')).collect();
        client.call(&words).to_string()
    };
    assert_eq!(set("oom-score-adj-values|10 20 30|oom-score-adj|yes"), "+OK");
    assert_eq!(score(), (before + 10).min(1_000));
    let port = other.port;
    let reply = set(&format!("oom-score-adj-values|15 20 30|port|{port}"));
    assert!(reply.contains("(possibly related to argument 'port') - "), "{reply}");
    assert_eq!(score(), (before + 10).min(1_000));
    assert_eq!(set("oom-score-adj|absolute|oom-score-adj-values|999 999 999"), "+OK");
    assert_eq!(score(), 999);
    assert_eq!(set("oom-score-adj|no"), "+OK");
    assert_eq!(score(), before);
}
