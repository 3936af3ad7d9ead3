//! The engine described by its own INFO, for reports.

use super::client::{Client, Connection};
use super::engine::Engine;
use super::host::Host;
use crate::acl::Standing;
use crate::base::id::ClientId;
use crate::resp::argv::ArgvBuf;
use crate::resp::output::Output;

/// Nobody: a client that is not connected.
const NOBODY: ClientId = ClientId { serial: 0, slot: usize::MAX };

impl Engine {
    /// What INFO says of everything; empty where there is no INFO.
    pub fn describe(&mut self, host: &mut dyn Host) -> String {
        let Some(id) = self.table.find(b"info") else { return String::new() };
        let argv: ArgvBuf = ["INFO", "everything"].into_iter().collect();
        let mut client = Client::new(NOBODY, Connection::default(), self.state.now, Standing::Free);
        let mut out = Output::default();
        let run = self.table.row(id).command.run;
        if run(&mut self.open_call(id, argv.borrow(), &mut client, &mut out, host)).is_err() {
            return String::new();
        }
        let reply = String::from_utf8_lossy(out.single().unwrap_or_default()).into_owned();
        // The length of the string stands in front.
        reply.split_once("\r\n").map_or(String::new(), |(_, text)| text.to_owned())
    }
}
