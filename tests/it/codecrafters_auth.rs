//! The CodeCrafters stages about users and passwords.

use crate::codecrafters::{bulk, words};
use crate::support::client::Client;
use crate::support::reply::Reply;
use crate::support::server::Server;

const OK: &str = "+OK\r\n";
const NO_AUTH: &str = "-NOAUTH Authentication required.\r\n";
const WRONG: &str = "-WRONGPASS invalid username-password pair or user is disabled.\r\n";
/// The SHA-256 of `mypassword`.
const HASH: &str = "89e01536ac207279409d4de1e5253e01f4a1769e696db0d6062ca9b8f56767c8";

/// What ACL GETUSER tells of the default user under a name, at its place.
fn property(client: &mut Client, place: usize, name: &str) -> Vec<String> {
    let told = client.run("ACL GETUSER default");
    assert_eq!(told.items()[2 * place].text(), name);
    told.items()[2 * place + 1].items().iter().map(Reply::text).collect()
}

#[test]
fn respond_to_acl_whoami() {
    words(&mut Server::start(&[]).client(), "ACL WHOAMI", &bulk("default"));
}

#[test]
fn respond_to_acl_getuser_with_the_nopass_flag_and_no_passwords() {
    let server = Server::start(&[]);
    let mut client = server.client();
    let flags = property(&mut client, 0, "flags");
    assert!(flags.contains(&"nopass".to_owned()), "{flags:?}");
    assert!(property(&mut client, 1, "passwords").is_empty());
}

#[test]
fn setting_default_user_password() {
    let server = Server::start(&[]);
    let mut client = server.client();
    words(&mut client, "ACL SETUSER default >mypassword", OK);
    assert_eq!(property(&mut client, 1, "passwords"), [HASH]);
    assert!(!property(&mut client, 0, "flags").contains(&"nopass".to_owned()));
}

#[test]
fn the_auth_command_enforced_and_used() {
    let server = Server::start(&[]);
    let mut client = server.client();
    words(&mut client, "ACL SETUSER default >mypassword", OK);
    words(&mut client, "AUTH default wrong", WRONG);
    words(&mut client, "AUTH default mypassword", OK);
    // Who is there stays logged in.
    words(&mut client, "ACL WHOAMI", &bulk("default"));
    let mut other = server.client();
    words(&mut other, "ACL WHOAMI", NO_AUTH);
    words(&mut other, "AUTH default wrong", WRONG);
    words(&mut other, "SET foo bar", NO_AUTH);
    words(&mut other, "AUTH default mypassword", OK);
    words(&mut other, "ACL WHOAMI", &bulk("default"));
    words(&mut other, "SET foo bar", OK);
}

#[test]
fn a_password_of_the_command_line() {
    let server = Server::start(&["--requirepass", "mypassword"]);
    let mut client = server.client();
    words(&mut client, "GET a", NO_AUTH);
    words(&mut client, "AUTH default wrong", WRONG);
    words(&mut client, "AUTH default mypassword", OK);
    words(&mut client, "GET a", "$-1\r\n");
    words(&mut server.client(), "GET a", NO_AUTH);
}
