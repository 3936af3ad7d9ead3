//! What clients may do: their users asked, denials noted, clients brought up to date with users
//! that have changed.

use super::call::Call;
use super::client::{Client, Closing};
use super::client_line::client_line;
use super::command::Command;
use super::engine::Engine;
use super::host::ReadError;
use super::peers::{Peer, Peers};
use super::replication::Side;
use super::state::State;
use super::table::{CommandId, Row, Table};
use crate::acl::file;
use crate::acl::log::{Context, Entry, Reason};
use crate::acl::{
    Acl, Catalog, Denial, Forbidden, Request, Rulebook, Standing, User, UserId, Users,
};
use crate::base::id::ClientId;
use crate::config::UserLine;
use crate::hub::pubsub::{Kind, Subscriptions};
use crate::hub::tracking::Tracking;
use crate::resp::argv::Argv;
use crate::resp::error::Error;
use crate::resp::output::Output;

/// What is said where users stand in the configuration and in a file of their own.
const TWO_SOURCES: &str = "Configuring Redis with users defined in redis.conf and at the same \
    setting an ACL file path is invalid. This setup is very likely to lead to configuration errors \
    and security holes, please define either an ACL file or declare users directly in your \
    redis.conf, but not both.";

/// The commands as rules of users name them.
pub(super) fn catalog(table: &Table) -> Catalog {
    let mut container = None;
    Catalog::new(table.rows().map(|(id, row)| {
        if !row.is_subcommand {
            container = Some(id.index());
        }
        let categories = row.command.spec.all_categories();
        (row.name.as_str(), categories, container.filter(|_| row.is_subcommand))
    }))
}

/// A request as users are asked about it.
fn request<'a>(id: CommandId, row: &Row, argv: Argv<'a>) -> Request<'a> {
    let command: &'static Command = row.command;
    let is_subcommand = row.is_subcommand;
    Request { command: id.index(), is_subcommand, spec: &command.spec, argv }
}

/// Whether the user of a client may run a request. Costs one comparison where all is allowed.
///
/// # Errors
/// What it is not allowed.
#[inline]
pub(super) fn permit(
    client: &Client,
    (id, row, argv): (CommandId, &Row, Argv<'_>),
    acl: &Acl,
) -> Result<(), Denial> {
    if client.standing == Standing::Free {
        return Ok(());
    }
    acl.users.get(client.user).check(request(id, row, argv))
}

/// Why a request is denied, as it comes; a client in a transaction has it noted as such.
fn context_of(client: &Client) -> Context {
    if client.multi.is_some() { Context::Multi } else { Context::TopLevel }
}

fn note(
    (reason, context): (Reason, Context),
    (object, user): (&[u8], &[u8]),
    whose: (&Client, &Output),
    (tracking, state, table): (&Tracking, &mut State, &Table),
) {
    state.stats.denied.count(reason);
    let line = client_line(whose, tracking, state, table);
    let entry = Entry::new((reason, context), object, user, line, state.now.unix_ms());
    let max = usize::try_from(state.config.acllog_max_len).unwrap_or(usize::MAX);
    state.acl.log.add(entry, max);
}

/// What the client is told whose request is denied.
fn refusal(denial: Denial, row: &Row, user: &User) -> Error {
    let text: Vec<u8> = match denial.what {
        Forbidden::Command => cannot_run(row, user),
        Forbidden::Key => b"No permissions to access a key".to_vec(),
        Forbidden::Channel => b"No permissions to access a channel".to_vec(),
    };
    Error::text([b"NOPERM ", &*text].concat())
}

fn cannot_run(row: &Row, user: &User) -> Vec<u8> {
    let (name, command) = (&*user.name, row.name.as_bytes());
    [b"User ", name, b" has no permissions to run the '", command, b"' command"].concat()
}

/// What the client is told whose queued request is denied when its turn comes.
fn late_refusal(denial: Denial) -> Error {
    let reason = match denial.what {
        Forbidden::Command => "no permission to execute the command or subcommand",
        Forbidden::Key => "no permission to touch the specified keys",
        Forbidden::Channel => "no permission to access one of the channels used as arguments",
    };
    Error::text(format!(
        "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC \
         call. This command is no longer allowed for the following reason: {reason}"
    ))
}

/// Has a client be another user from now on.
fn become_user(client: &mut Client, user: UserId, has_logged_in: bool, acl: &Acl) {
    client.user = user;
    client.authenticated = has_logged_in;
    client.standing = acl.users.standing(user, has_logged_in);
}

impl Engine {
    /// Makes the users that the parameters name: those of `user` lines, or those of the file of
    /// users, which `read` reads.
    ///
    /// # Errors
    /// What is wrong with them, in one line.
    pub fn load_users(
        &mut self,
        read: impl FnOnce(&str) -> Result<Vec<u8>, ReadError>,
    ) -> Result<(), String> {
        let lines = std::mem::take(&mut self.state.config.users);
        let (path, acl) = (&self.state.config.aclfile, &mut self.state.acl);
        if !path.is_empty() && !lines.is_empty() {
            return Err(TWO_SOURCES.to_owned());
        }
        for UserLine { name, rules, place } in lines {
            let book = Rulebook { catalog: &acl.catalog, all_channels: acl.all_channels };
            file::read_words(&mut acl.users, &name, &rules, book)
                .map_err(|fault| format!("{place}: {fault}"))?;
        }
        if !path.is_empty() {
            let read = read(path).map_err(|error| error.reason);
            acl.users = acl.read_file(path, read).map_err(|faults| {
                format!("Aborting Redis startup because of ACL errors: {faults}")
            })?;
        }
        Ok(())
    }

    /// Notes that the user of a client lacks a right; what the client is told.
    #[cold]
    pub(super) fn deny(
        &mut self,
        denial: Denial,
        (id, argv): (CommandId, Argv<'_>),
        peer: &Peer,
    ) -> Error {
        self.note_denial(denial, (id, argv), peer, context_of(&peer.client));
        refusal(denial, self.table.row(id), self.state.acl.users.get(peer.client.user))
    }

    /// The same for a request that was queued and has its turn.
    #[cold]
    pub(super) fn deny_late(
        &mut self,
        denial: Denial,
        (id, argv): (CommandId, Argv<'_>),
        peer: &Peer,
    ) -> Error {
        self.note_denial(denial, (id, argv), peer, Context::Multi);
        late_refusal(denial)
    }

    /// Counts a denial and puts it into the log.
    fn note_denial(
        &mut self,
        denial: Denial,
        (id, argv): (CommandId, Argv<'_>),
        peer: &Peer,
        context: Context,
    ) {
        let named = argv.get(denial.at).unwrap_or_default();
        let (reason, object) = match denial.what {
            Forbidden::Command => (Reason::Command, self.table.row(id).name.as_bytes()),
            Forbidden::Key => (Reason::Key, named),
            Forbidden::Channel => (Reason::Channel, named),
        };
        let user = self.state.acl.users.get(peer.client.user).name.clone();
        let whose = (&peer.client, &peer.out);
        let world = (&self.tracking, &mut self.state, &self.table);
        note((reason, context), (object, &user), whose, world);
    }
}

impl Call<'_> {
    /// Logs the client in.
    ///
    /// # Errors
    /// That name and password do not fit.
    pub fn log_in(&mut self, name: &[u8], password: &[u8]) -> Result<(), Error> {
        if let Some(user) = self.state.acl.users.log_in(name, password) {
            become_user(self.client, user, true, &self.state.acl);
            return Ok(());
        }
        let reason = (Reason::Auth, context_of(self.client));
        let whose = (&*self.client, &*self.out);
        let world = (&*self.tracking, &mut *self.state, self.table);
        note(reason, (self.argv.at(0), name), whose, world);
        Err(Error::WRONG_PASS)
    }

    /// Logs the client out: it is as if it had just come.
    pub fn log_out(&mut self) {
        let is_admitted = self.state.acl.users.admits_strangers();
        become_user(self.client, UserId::DEFAULT, is_admitted, &self.state.acl);
    }

    /// Whether the user of the client may read any key in a request like this one.
    pub fn may_read_all(&self) -> bool {
        self.client.standing == Standing::Free || {
            let request = request(self.command, self.table.row(self.command), self.argv);
            self.state.acl.users.get(self.client.user).may_read_all(request)
        }
    }

    /// Whether a user may run a request.
    ///
    /// # Errors
    /// Why not, in a sentence.
    pub fn try_out(&self, user: UserId, id: CommandId, argv: Argv<'_>) -> Result<(), Vec<u8>> {
        let (user, row) = (self.state.acl.users.get(user), self.table.row(id));
        user.check(request(id, row, argv)).map_err(|denial| {
            let (name, what) = (&*user.name, argv.get(denial.at).unwrap_or_default());
            let sentence = |kind: &[u8]| {
                [b"User ", name, b" has no permissions to access the '", what, b"' ", kind].concat()
            };
            match denial.what {
                Forbidden::Command => cannot_run(row, user),
                Forbidden::Key => sentence(b"key"),
                Forbidden::Channel => sentence(b"channel"),
            }
        })
    }

    /// Puts a user in its place. Clients of it that listen to what they may listen to no more are
    /// closed.
    pub fn put_user(&mut self, user: User) {
        let name = user.name.clone();
        let old = self.state.acl.users.put(user);
        if let (Some(old), Some(id)) = (old, self.state.acl.users.find(&name)) {
            self.close_listeners(id, &old);
        }
        self.follow_users();
    }

    /// Closes the clients of a user that listen to what this one could and it cannot.
    fn close_listeners(&mut self, id: UserId, old: &User) {
        let user = self.state.acl.users.get(id);
        if !old.loses_channels(user) {
            return;
        }
        let pubsub = &*self.pubsub;
        let kinds = [(Kind::Channel, false), (Kind::Pattern, true), (Kind::Shard, false)];
        let is_forbidden = |own: &Subscriptions| {
            kinds.iter().any(|(kind, is_pattern)| {
                let names = pubsub.names_of(*kind, own);
                names.iter().any(|name| !user.may_listen(name, *is_pattern))
            })
        };
        let is_lost = |client: &Client| {
            client.user == id && client.subscriptions.as_deref().is_some_and(is_forbidden)
        };
        close_where(self.peers, self.client, is_lost);
    }

    /// Removes a user and closes its clients; whether there was one.
    pub fn remove_user(&mut self, name: &[u8]) -> bool {
        let removed = self.state.acl.users.remove(name);
        removed.iter().for_each(|user| self.expel(|client| client.user == *user));
        removed.is_some()
    }

    /// Puts other users in the place of all. The clients of all but the default user are closed,
    /// and those that listen to what that one can listen to no more.
    pub fn replace_users(&mut self, users: Users) {
        let old = std::mem::replace(&mut self.state.acl.users, users);
        self.expel(|client| client.user != UserId::DEFAULT);
        self.close_listeners(UserId::DEFAULT, old.default_user());
        self.follow_users();
    }

    /// Closes clients whose user is gone. Until then they are nobody in particular.
    fn expel(&mut self, is_one: impl Fn(&Client) -> bool) {
        let acl = &self.state.acl;
        let expel = |client: &mut Client| {
            let is_it = is_one(client);
            if is_it {
                become_user(client, UserId::DEFAULT, false, acl);
            }
            is_it
        };
        let others = self.peers.iter_mut().map(|peer| &mut peer.client);
        let gone: Vec<ClientId> =
            others.filter_map(|client| expel(client).then_some(client.id)).collect();
        gone.into_iter().for_each(|id| self.peers.doom(id));
        if expel(self.client) {
            self.client.closing = Some(Closing::AfterReply);
        }
    }

    /// Works out anew what each client may do.
    pub fn follow_users(&mut self) {
        let users = &self.state.acl.users;
        let others = self.peers.iter_mut().map(|peer| &mut peer.client);
        for client in others.chain(std::iter::once(&mut *self.client)) {
            if client.side != Side::Primary {
                client.standing = users.standing(client.user, client.authenticated);
            }
        }
    }
}

/// Closes clients; the one that asks for it is answered first.
fn close_where(peers: &mut Peers, own: &mut Client, is_one: impl Fn(&Client) -> bool) {
    let all = peers.iter().map(|peer: &Peer| &peer.client);
    let ids: Vec<ClientId> = all.filter(|client| is_one(client)).map(|client| client.id).collect();
    ids.into_iter().for_each(|id| peers.doom(id));
    if is_one(own) {
        own.closing = Some(Closing::AfterReply);
    }
}
