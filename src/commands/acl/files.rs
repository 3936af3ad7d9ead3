//! The file of users, read again and written.

use super::FOR_ADMINS;
use crate::acl::file;
use crate::exec::{Call, Command, Flow, Outcome};
use crate::resp::error::Error;
use crate::spec::Spec;

/// What is said where there is no file.
const NO_FILE: Error = Error::new(
    "ERR This Redis instance is not configured to use an ACL file. You may want to specify users \
     via the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis \
     configuration file set) in order to store users in the Redis configuration.",
);

pub(super) const LOAD: Command = Command::new(
    Spec {
        name: "load",
        arity: 2,
        complexity: "O(N) for N users and clients",
        summary: "Makes the users anew as the file has them, all of them or none.",
        ..FOR_ADMINS
    },
    load,
);

fn load(call: &mut Call<'_>) -> Outcome {
    let path = path(call)?;
    let read = call.host.read_file(&path);
    let users = call.state.acl.read_file(&path, read.map_err(|error| error.reason));
    call.replace_users(users.map_err(|faults| Error::text(format!("ERR {faults}")))?);
    call.out.ok();
    Ok(Flow::Done)
}

pub(super) const SAVE: Command = Command::new(
    Spec {
        name: "save",
        arity: 2,
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
        complexity: "O(N) for N users",
        summary: "Writes the users into the file.",
        ..FOR_ADMINS
    },
    save,
);

fn save(call: &mut Call<'_>) -> Outcome {
    let path = path(call)?;
    let text = file::write(&call.state.acl.users);
    call.host.replace_file(&path, &text).map_err(|reason| {
        log::warn!("ACL SAVE failed: {path}: {reason}");
        Error::new(
            "ERR There was an error trying to save the ACLs. Please check the server logs for \
             more information",
        )
    })?;
    call.out.ok();
    Ok(Flow::Done)
}

fn path(call: &Call<'_>) -> Result<String, Error> {
    let path = &call.state.config.aclfile;
    if path.is_empty() { Err(NO_FILE) } else { Ok(path.clone()) }
}
