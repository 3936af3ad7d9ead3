//! Users and what they may do. Knows nothing of clients and their connections.

mod catalog;
mod check;
pub mod file;
pub mod log;
mod rule;
mod user;
mod users;

pub use catalog::Catalog;
pub use check::{Denial, Forbidden, Request};
pub use rule::{Fault, Rulebook, has_spaces, merge_selectors};
pub use user::{Rights, User};
pub use users::{DEFAULT_NAME, Standing, UserId, Users};

use crate::resp::error::shown;

/// The users, what their rules can name, and what they have been denied.
pub struct Acl {
    /// The users.
    pub users: Users,
    /// The commands.
    pub catalog: Catalog,
    /// What has been denied lately.
    pub log: log::Log,
    /// Whether new users may use all channels (`acl-pubsub-default`).
    pub all_channels: bool,
}

impl Acl {
    /// The default user alone.
    pub fn new(catalog: Catalog, all_channels: bool) -> Acl {
        let users = Users::new(&catalog);
        Acl { users, catalog, log: log::Log::default(), all_channels }
    }

    /// What rules are read against.
    pub fn book(&self) -> Rulebook<'_> {
        Rulebook { catalog: &self.catalog, all_channels: self.all_channels }
    }

    /// The users of a file, whose text has been `read` or why not.
    ///
    /// # Errors
    /// All that is wrong, in one line.
    pub fn read_file(&self, path: &str, read: Result<Vec<u8>, String>) -> Result<Users, String> {
        let text =
            read.map_err(|reason| format!("Error loading ACLs, opening file '{path}': {reason}"))?;
        file::read(&text, path, self.book())
    }

    /// A user as it is to become: the one of that name, or a new one, with some rules applied.
    ///
    /// # Errors
    /// One line that names the first rule that cannot be, and why; nothing has changed.
    pub fn draft<'a>(
        &self,
        name: &[u8],
        words: impl Iterator<Item = &'a [u8]>,
    ) -> Result<User, Vec<u8>> {
        let rules = merge_selectors(words).map_err(|start| {
            [b"Unmatched parenthesis in acl selector starting at '", start, b"'."].concat()
        })?;
        let known = self.users.find(name).map(|id| self.users.get(id).clone());
        let mut user = known.unwrap_or_else(|| User::new(name, self.all_channels, &self.catalog));
        for rule in rules {
            user.apply(&rule, self.book()).map_err(|fault| {
                let (before, text) = (b"Error in ACL SETUSER modifier '", fault.text());
                [&before[..], shown(&rule, rule.len()), b"': ", text.as_bytes()].concat()
            })?;
        }
        Ok(user)
    }
}
