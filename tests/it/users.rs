//! Users over real sockets and files: who is in stays in, files are read and written, users of a
//! configuration survive a rewrite.

use crate::support::client::Client;
use crate::support::server::{Server, eventually, spindle};
use std::path::Path;
use std::process::Command;

/// What a server says that does not start with these flags.
fn refusal(dir: &Path, flags: &[&str]) -> String {
    let output = Command::new(spindle())
        .args(["--port", "0", "--unixsocket", "s"])
        .args(flags)
        .current_dir(dir)
        .output()
        .unwrap();
    assert!(!output.status.success());
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

fn run(client: &mut Client, request: &str) -> String {
    client.run(request).to_string()
}

/// Whether the server has closed the connection.
fn is_closed(client: &mut Client) -> bool {
    client.try_reply().is_none()
}

#[test]
fn a_password_holds_for_those_who_come_later() {
    let server = Server::start(&[]);
    let (mut old, mut new) = (server.client(), server.client());
    assert_eq!(run(&mut old, "ACL SETUSER default >secret"), "+OK");
    assert_eq!(run(&mut old, "SET a 1"), "+OK");
    assert_eq!(run(&mut new, "GET a"), "\"1\"");
    let mut third = server.client();
    assert_eq!(run(&mut third, "GET a"), "-NOAUTH Authentication required.");
    assert_eq!(run(&mut third, "AUTH secret"), "+OK");
    assert_eq!(run(&mut third, "GET a"), "\"1\"");
}

#[test]
fn the_clients_of_a_user_go_with_it() {
    let server = Server::start(&[]);
    let mut admin = server.client();
    run(&mut admin, "ACL SETUSER me on nopass +@all ~* &*");
    let (mut mine, mut own) = (server.client(), server.client());
    run(&mut mine, "AUTH me x");
    run(&mut own, "AUTH me x");
    // One that removes itself is told so.
    assert_eq!(run(&mut own, "ACL DELUSER me"), "1");
    assert!(is_closed(&mut own) && is_closed(&mut mine));
    assert_eq!(run(&mut admin, "PING"), "+PONG");
}

#[test]
fn those_who_listen_to_forbidden_channels_are_closed() {
    let server = Server::start(&[]);
    let mut admin = server.client();
    run(&mut admin, "ACL SETUSER me on nopass +@all &a &b");
    let [mut a, mut b, mut idle] = [(); 3].map(|()| server.client());
    [&mut a, &mut b, &mut idle].into_iter().for_each(|client| drop(run(client, "AUTH me x")));
    run(&mut a, "SUBSCRIBE a");
    run(&mut b, "SUBSCRIBE b");
    assert_eq!(run(&mut admin, "ACL SETUSER me &c"), "+OK");
    assert_eq!(run(&mut admin, "ACL SETUSER me resetchannels &a"), "+OK");
    assert!(is_closed(&mut b));
    assert_eq!(run(&mut a, "PING"), "[\"pong\", \"\"]");
    assert_eq!(run(&mut idle, "PING"), "+PONG");
    assert_eq!(run(&mut admin, "ACL SETUSER me allchannels"), "+OK");
    assert_eq!(run(&mut a, "SUBSCRIBE z"), "[\"subscribe\", \"z\", 2]");
    assert_eq!(run(&mut admin, "ACL SETUSER me resetchannels"), "+OK");
    assert!(is_closed(&mut a));
}

#[test]
fn a_file_of_users_is_read_and_written() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("users.acl");
    std::fs::write(&file, "user alice on >secret ~* +@all\n\nuser bob on nopass +get (~k +set)\n")
        .unwrap();
    let flags = ["--aclfile", "users.acl", "--dir", dir.path().to_str().unwrap()];
    let server = Server::start(&flags);
    let (mut client, mut bob) = (server.client(), server.client());
    assert_eq!(run(&mut client, "ACL USERS"), "[\"alice\", \"bob\", \"default\"]");
    assert_eq!(run(&mut bob, "AUTH bob x"), "+OK");
    assert_eq!(run(&mut bob, "SET k 1"), "+OK");
    assert_eq!(run(&mut client, "ACL SETUSER carol"), "+OK");
    assert_eq!(run(&mut client, "ACL SAVE"), "+OK");
    let hash = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
    let expected = format!(
        "user alice on sanitize-payload #{hash} ~* resetchannels +@all\n\
         user bob on nopass sanitize-payload resetchannels -@all +get \
         (~k resetchannels -@all +set)\n\
         user carol off sanitize-payload resetchannels -@all\n\
         user default on nopass sanitize-payload ~* &* +@all\n"
    );
    assert_eq!(std::fs::read_to_string(&file).unwrap(), expected);
    // A file with a fault changes nothing.
    std::fs::write(&file, "user alice on\nuser eve +nosuch\n").unwrap();
    let fault = "-ERR users.acl:2: Error in applying operation '+nosuch': Unknown command or \
        category name in ACL. WARNING: ACL errors detected, no change to the previously active ACL \
        rules was performed";
    assert_eq!(run(&mut client, "ACL LOAD"), fault);
    assert_eq!(run(&mut bob, "GET x"), "-NOPERM No permissions to access a key");
    // A right one replaces all users, and closes the clients of all but the default one.
    std::fs::write(&file, "user bob on nopass +@all ~*\n").unwrap();
    assert_eq!(run(&mut client, "ACL LOAD"), "+OK");
    assert!(is_closed(&mut bob));
    assert_eq!(run(&mut client, "ACL USERS"), "[\"bob\", \"default\"]");
    std::fs::remove_file(&file).unwrap();
    let missing = "-ERR Error loading ACLs, opening file 'users.acl': No such file or directory";
    assert_eq!(run(&mut client, "ACL LOAD"), missing);
    assert_eq!(run(&mut client, "CONFIG SET aclfile x"), {
        "-ERR CONFIG SET failed (possibly related to argument 'aclfile') - can't set immutable \
         config"
    });
}

#[test]
fn users_that_are_wrong_keep_the_server_from_starting() {
    let dir = tempfile::tempdir().unwrap();
    let write = |text: &str| std::fs::write(dir.path().join("users.acl"), text).unwrap();
    let file = ["--aclfile", "users.acl"];
    assert!(refusal(dir.path(), &file).contains(
        "Aborting Redis startup because of ACL errors: Error loading ACLs, opening file \
         'users.acl': No such file or directory"
    ));
    write("user a on\nuser b ~* ~a\nuser a off\n");
    let said = refusal(dir.path(), &file);
    assert!(said.contains("users.acl:2: Adding a pattern after the * pattern"), "{said}");
    assert!(said.contains("WARNING: Duplicate user 'a' found on line 3. "), "{said}");
    write("");
    let said = refusal(dir.path(), &["--aclfile", "users.acl", "--user", "me", "on"]);
    assert!(said.contains("please define either an ACL file or declare users directly"), "{said}");
    let said = refusal(dir.path(), &["--user", "me", "on", ">secret", "+nosuch"]);
    let expected = "command line, line 3: Error loading ACL rule '+nosuch' for the user named 'me'";
    assert!(said.contains(expected) && !said.contains("secret"), "{said}");
    let said = refusal(dir.path(), &["--user", "me", "--user", "me"]);
    assert!(said.contains("Error in user declaration 'me': Duplicate user found."), "{said}");
    let said = refusal(dir.path(), &["--daemonize", "yes", "--user", "me", "what"]);
    assert!(said.contains("Error loading ACL rule 'what'"), "{said}");
}

#[test]
fn users_of_a_configuration_survive_a_rewrite() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("redis.conf");
    let old = "# users\nuser default on nopass ~* +@all -flushdb\nuser \"it's\" on >secret +get\n\
               user gone on\n# end\n";
    std::fs::write(&file, old).unwrap();
    let (path, home) = (file.to_str().unwrap(), dir.path().to_str().unwrap());
    let server = Server::start_with_file(&[path, "--dir", home]);
    let mut client = server.client();
    let refused = "-NOPERM User default has no permissions to run the 'flushdb' command";
    assert_eq!(run(&mut client, "FLUSHDB"), refused);
    assert_eq!(run(&mut client, "SUBSCRIBE a"), "-NOPERM No permissions to access a channel");
    assert_eq!(run(&mut client, "ACL DELUSER gone"), "1");
    assert_eq!(run(&mut client, "ACL SETUSER new (~\"a\\\"b\" +set)"), "+OK");
    let before = run(&mut client, "ACL LIST");
    assert_eq!(run(&mut client, "CONFIG REWRITE"), "+OK");
    let text = std::fs::read_to_string(&file).unwrap();
    let kept = "# users\nuser default on nopass sanitize-payload ~* resetchannels +@all -flushdb\n\
                user \"it's\" on ";
    assert!(text.starts_with(kept), "{text}");
    assert!(text.contains("+get\n# end\n") && !text.contains("secret"), "{text}");
    drop(server);
    let server = Server::start_with_file(&[path, "--dir", home]);
    let mut client = server.client();
    assert_eq!(run(&mut client, "ACL LIST"), before);
    assert_eq!(run(&mut client, "FLUSHDB"), refused);
    assert_eq!(run(&mut client, "AUTH it's secret"), "+OK");
}

#[test]
fn a_blocked_client_of_a_user_that_is_gone_is_closed() {
    let server = Server::start(&[]);
    let (mut admin, mut waits) = (server.client(), server.client());
    run(&mut admin, "ACL SETUSER me on nopass +@all ~*");
    run(&mut waits, "AUTH me x");
    waits.request(&["BLPOP", "list", "0"]);
    eventually("it waits", || run(&mut admin, "INFO clients").contains("blocked_clients:1"));
    assert_eq!(run(&mut admin, "ACL DELUSER me"), "1");
    assert!(is_closed(&mut waits));
    assert_eq!(run(&mut admin, "RPUSH list 1"), "1");
    assert_eq!(run(&mut admin, "LLEN list"), "1");
}
