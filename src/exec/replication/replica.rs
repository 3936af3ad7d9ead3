//! How a replica follows its primary: the link that is opened again when it is cut, the stream that
//! is run and handed on as it is, and what is told to the primary.

use super::super::client::{Client, Connection, ReplyMode};
use super::super::engine::{Engine, Served, Turn};
use super::super::gate;
use super::super::host::Host;
use super::super::propagate::Sink;
use super::super::state::State;
use super::Side;
use crate::acl::Standing;
use crate::base::id::{ClientId, DbIndex};
use crate::base::time::Now;
use crate::repl::{History, Identity, Link, LinkStage, Progress, Stream};
use crate::resp::argv::Argv;
use crate::resp::error::Error;
use crate::resp::output::Output;
use crate::spec::flags::Flags;
use crate::store::Store;

/// Microseconds between two tries to reach the primary, and between two acknowledgements.
const SECOND: u64 = 1_000_000;
/// Microseconds between two lines of the log about changes that cannot be kept.
const COMPLAIN_EVERY_US: u64 = 10_000_000;

/// The primary of a replica.
pub struct Primary {
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the link to it stands.
    pub bond: Bond,
    /// Since when it is down, on the monotonic clock in microseconds.
    pub down_since_us: u64,
    /// When something was last heard of it, on the same clock.
    pub heard_us: u64,
    /// Whether our history may be one that it knows.
    pub is_familiar: bool,
    /// The database that its stream is in.
    pub(super) db: DbIndex,
    /// What belongs to a transaction that has begun and has not been run.
    held: Vec<u8>,
    /// When it is told next how far we are.
    ack_due_us: u64,
    /// Whether it has asked, and our disk has not come as far as what it was told.
    pub(super) waits_for_disk: bool,
    /// The number of the present try to open a link.
    attempt: u64,
    /// Whether it is asked to make place for us.
    pub(super) is_failover: bool,
    /// When it may be logged again that changes cannot be kept, on the monotonic clock in
    /// microseconds.
    complain_us: u64,
}

/// How the link to a primary stands.
pub enum Bond {
    /// To be opened at this moment, on the monotonic clock in microseconds.
    Down(u64),
    /// Being opened.
    Opening(Box<Opening>),
    /// The snapshot has arrived and is being loaded.
    Loading(Box<Opening>),
    /// The stream comes by this connection.
    Up(ClientId),
}

/// A link that is being opened.
pub struct Opening {
    /// What is said.
    pub link: Link,
    /// What has arrived and is not done with.
    pub(super) input: Vec<u8>,
    /// What is to be sent.
    pub output: Vec<u8>,
    /// The history and the offset behind which the stream will go on.
    pub goal: Option<(String, u64)>,
    /// Bytes of the snapshot that have arrived.
    pub read_bytes: u64,
    /// Bytes of the snapshot; none if that is not known.
    pub total_bytes: Option<u64>,
    /// Whether the snapshot is loaded, so that the stream may come.
    pub(super) is_loaded: bool,
    /// When the primary was last shown that we are there, on the monotonic clock in microseconds.
    pub(super) shown_us: u64,
}

/// What the driver of a link does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkTurn {
    /// Send what is to be sent, and go on.
    Goes,
    /// The connection becomes that of a client; see [`Engine::adopt_link`].
    Follows,
    /// Close the connection.
    Over,
}

impl Primary {
    fn new(host: String, port: u16, is_familiar: bool, now: Now) -> Primary {
        Primary {
            host,
            port,
            bond: Bond::Down(now.mono_us),
            down_since_us: now.mono_us,
            heard_us: now.mono_us,
            is_familiar,
            db: 0,
            held: Vec::new(),
            ack_due_us: 0,
            waits_for_disk: false,
            attempt: 0,
            is_failover: false,
            complain_us: 0,
        }
    }

    /// Whether the stream is coming.
    pub fn is_up(&self) -> bool {
        matches!(self.bond, Bond::Up(_))
    }

    /// The state of the link as ROLE names it.
    pub fn state_name(&self) -> &'static str {
        match &self.bond {
            Bond::Down(_) => "connect",
            Bond::Up(_) => "connected",
            Bond::Loading(_) => "sync",
            Bond::Opening(opening) => match opening.link.stage() {
                LinkStage::Connecting => "connecting",
                LinkStage::Header | LinkStage::Snapshot | LinkStage::Following => "sync",
                LinkStage::Ping
                | LinkStage::Auth
                | LinkStage::Port
                | LinkStage::Address
                | LinkStage::Capabilities
                | LinkStage::Psync => "handshake",
            },
        }
    }

    /// The snapshot that is arriving, if one is.
    pub fn sync(&self) -> Option<&Opening> {
        match &self.bond {
            Bond::Loading(opening) => Some(opening),
            Bond::Opening(opening) => matches!(
                opening.link.stage(),
                LinkStage::Header | LinkStage::Snapshot | LinkStage::Following
            )
            .then_some(opening),
            Bond::Down(_) | Bond::Up(_) => None,
        }
    }
}

impl State {
    /// Whether this server follows another one.
    #[inline]
    pub fn is_replica(&self) -> bool {
        self.replication.primary.is_some()
    }

    /// Follows a primary from now on. If it was one itself, its own history may be known there.
    pub(super) fn follow(&mut self, host: String, port: u16, is_failover: bool, store: &mut Store) {
        self.flush_feed();
        // Where the stream that is common to all goes on.
        let db = match &self.replication.primary {
            Some(old) => old.db,
            None => self.feed.db(Sink::Replicas).unwrap_or(0),
        };
        self.feed.end(Sink::Replicas, store);
        store.changes.keeps_due = true;
        let was_familiar = self.replication.primary.as_ref().map(|old| old.is_familiar);
        // A primary of its own may be followed by one that has grown out of it.
        let is_familiar = was_familiar.unwrap_or(true);
        if is_familiar && self.replication.stream.is_none() {
            self.replication.stream = Some(Stream::after(self.replication.offset()));
        }
        self.config.repl.primary = format!("{host} {port}");
        let mut primary = Primary::new(host, port, is_familiar, self.now);
        (primary.is_failover, primary.db) = (is_failover, db);
        self.replication.primary = Some(Box::new(primary));
    }

    /// Follows nobody any more: the history goes on under another name.
    pub(super) fn lead(&mut self, store: &mut Store) {
        self.replication.own.clear();
        self.replication.primary = None;
        self.config.repl.primary = String::new();
        store.changes.keeps_due = self.pause.is_some();
        let offset = self.replication.offset();
        let id = History::random_id(&mut self.rng);
        self.replication.history.branch(id, offset);
        self.replication.replicas.none_since_us = self.now.mono_us;
        if self.replication.stream.is_some() {
            self.feed.begin(Sink::Replicas, store);
        }
        log::info!("MASTER MODE enabled: the history goes on as {}", self.replication.history.id);
    }

    /// Follows the primary that the parameters name, from the start.
    pub(in crate::exec) fn follow_configured(&mut self, store: &mut Store) {
        if let Some((host, port)) = self.config.repl.primary() {
            let primary = Primary::new(host.to_owned(), port, false, self.now);
            self.replication.primary = Some(Box::new(primary));
            store.changes.keeps_due = true;
        }
    }

    /// What we tell a primary of ourselves.
    fn identity(&self) -> Identity {
        let repl = &self.config.repl;
        let port = if repl.announced_port > 0 { repl.announced_port } else { self.config.port };
        Identity {
            user: repl.user.clone(),
            password: repl.password.clone(),
            port: port.to_string(),
            address: repl.announced_ip.clone(),
        }
    }

    /// When something is due for the link, on the monotonic clock in microseconds.
    pub(in crate::exec) fn link_due_us(&self) -> Option<u64> {
        let primary = self.replication.primary.as_ref()?;
        let silent = primary.heard_us + self.config.repl.timeout_us() + 1;
        match &primary.bond {
            // What was kept comes first: it may tell where we are.
            Bond::Down(at) => Some(*at).filter(|_| self.persistence.loading.is_none()),
            Bond::Up(_) => Some(silent.min(primary.ack_due_us)),
            Bond::Opening(_) => Some(silent),
            Bond::Loading(_) => None,
        }
    }

    /// Writes how far we are, and our disk, for our primary.
    pub fn write_ack(&mut self, out: &mut Output) {
        let offset = self.replication.offset();
        let is_written = self.feed.waiting(Sink::Log).is_empty();
        let on_disk = self.log.safe_offset(offset, is_written);
        out.array(if on_disk.is_some() { 5 } else { 3 });
        out.bulk(b"REPLCONF");
        out.bulk(b"ACK");
        out.bulk(offset.to_string().as_bytes());
        if let Some(on_disk) = on_disk {
            out.bulk(b"FACK");
            out.bulk(on_disk.to_string().as_bytes());
        }
        if let Some(primary) = &mut self.replication.primary {
            primary.waits_for_disk = on_disk.is_some_and(|on_disk| on_disk < offset);
        }
    }
}

/// Whether the bytes of a request are a line of words, which no primary sends. Empty lines may
/// stand in front of it.
fn is_inline(raw: &[u8]) -> bool {
    raw.iter().find(|byte| !matches!(byte, b'\r' | b'\n')).is_some_and(|byte| *byte != b'*')
}

/// What the log is told when the primary is silent for too long.
fn timeout_sentence(stage: LinkStage) -> &'static str {
    match stage {
        LinkStage::Header | LinkStage::Snapshot | LinkStage::Following => {
            "Timeout receiving bulk data from MASTER... If the problem persists try to set the \
             'repl-timeout' parameter to a larger value."
        }
        LinkStage::Connecting
        | LinkStage::Ping
        | LinkStage::Auth
        | LinkStage::Port
        | LinkStage::Address
        | LinkStage::Capabilities
        | LinkStage::Psync => "Timeout connecting to the MASTER...",
    }
}

impl Engine {
    /// Does what is due for the link to the primary.
    pub(in crate::exec) fn tend_link(&mut self, host: &mut dyn Host) {
        if self.state.link_due_us().is_none_or(|at| at > self.state.now.mono_us) {
            return;
        }
        let now = self.state.now;
        let timeout_us = self.state.config.repl.timeout_us();
        let identity = self.state.identity();
        let offset = self.state.replication.offset();
        let id = self.state.replication.history.id.clone();
        let Some(primary) = &mut self.state.replication.primary else { return };
        let is_silent = now.mono_us.saturating_sub(primary.heard_us) > timeout_us;
        match &primary.bond {
            Bond::Down(_) => {
                log::info!("Connecting to MASTER {}:{}", primary.host, primary.port);
                let from = primary.is_familiar.then_some((id, offset));
                let link = Link::new(identity, from, primary.is_failover);
                primary.attempt += 1;
                primary.heard_us = now.mono_us;
                primary.bond = Bond::Opening(Box::new(Opening {
                    link,
                    input: Vec::new(),
                    output: Vec::new(),
                    goal: None,
                    read_bytes: 0,
                    total_bytes: None,
                    is_loaded: false,
                    shown_us: 0,
                }));
            }
            Bond::Opening(opening) if is_silent => {
                log::warn!("{}", timeout_sentence(opening.link.stage()));
                self.cut_link("it is silent", host);
            }
            Bond::Up(client) if is_silent => {
                let client = *client;
                log::warn!("MASTER timeout: no data nor PING received...");
                self.peers.doom(client);
                primary.heard_us = now.mono_us;
            }
            Bond::Up(_) => {
                primary.ack_due_us = now.mono_us + SECOND;
                self.tell_primary();
            }
            Bond::Opening(_) | Bond::Loading(_) => {}
        }
    }

    /// Tells the primary how far we are.
    pub(super) fn tell_primary(&mut self) {
        let primary = self.state.replication.primary.as_ref();
        if let Some(Bond::Up(client)) = primary.map(|primary| &primary.bond) {
            let (client, state) = (*client, &mut self.state);
            self.peers.write(client, |out| state.write_ack(out));
        }
    }

    /// The link that is to be open: its number, host and port. The driver sees to it that there is
    /// this one and no other.
    pub fn wanted_link(&self) -> Option<(u64, &str, u16)> {
        let primary = self.state.replication.primary.as_ref()?;
        matches!(primary.bond, Bond::Opening(_) | Bond::Loading(_)).then_some((
            primary.attempt,
            primary.host.as_str(),
            primary.port,
        ))
    }

    /// The link is connected.
    pub fn link_connected(&mut self) {
        let now = self.state.now;
        let Some(primary) = &mut self.state.replication.primary else { return };
        primary.heard_us = now.mono_us;
        if let Bond::Opening(opening) = &mut primary.bond {
            let Opening { link, output, .. } = &mut **opening;
            link.begin(output);
        }
    }

    /// The link could not be connected, or is broken.
    pub fn cut_link(&mut self, reason: &str, host: &mut dyn Host) {
        let now = self.state.now;
        let Some(primary) = &mut self.state.replication.primary else { return };
        log::warn!("The link to {}:{} is down: {reason}", primary.host, primary.port);
        primary.bond = Bond::Down(now.mono_us + SECOND);
        if let Some(load) = self.state.persistence.loading.take_if(|load| load.comes()) {
            self.give_up_load(load.into_aside(), host);
        }
    }

    /// What is to be sent by the link.
    pub fn link_output(&mut self) -> Option<&mut Vec<u8>> {
        match &mut self.state.replication.primary.as_mut()?.bond {
            Bond::Opening(opening) | Bond::Loading(opening) => Some(&mut opening.output),
            Bond::Down(_) | Bond::Up(_) => None,
        }
    }

    /// Bytes have arrived by the link.
    pub fn link_input(&mut self, bytes: &[u8], host: &mut dyn Host) -> LinkTurn {
        let now = self.state.now;
        let Some(primary) = &mut self.state.replication.primary else { return LinkTurn::Over };
        primary.heard_us = now.mono_us;
        let Bond::Opening(opening) = &mut primary.bond else { return LinkTurn::Over };
        opening.input.extend_from_slice(bytes);
        let mut at = 0;
        let turn = loop {
            let Some(opening) = self.opening() else { break LinkTurn::Over };
            let Opening { link, input, output, .. } = opening;
            let progress = link.advance(&input[at..], output);
            match self.take_progress(progress, &mut at, host) {
                Ok(Some(turn)) => break turn,
                Ok(None) => {}
                Err(reason) => {
                    self.cut_link(&reason, host);
                    break LinkTurn::Over;
                }
            }
        };
        if let Some(primary) = &mut self.state.replication.primary
            && let Bond::Opening(opening) | Bond::Loading(opening) = &mut primary.bond
        {
            opening.input.drain(..at);
        }
        turn
    }

    /// Whether the stream may come: the snapshot is loaded.
    pub fn is_link_ready(&self) -> bool {
        let primary = self.state.replication.primary.as_ref();
        primary.is_some_and(|it| matches!(&it.bond, Bond::Loading(opening) if opening.is_loaded))
    }

    /// Whether nothing is to be read from the link at present: a snapshot is being loaded.
    pub fn is_link_loading(&self) -> bool {
        let primary = self.state.replication.primary.as_ref();
        primary.is_some_and(|primary| matches!(primary.bond, Bond::Loading(_)))
    }

    pub(super) fn opening(&mut self) -> Option<&mut Opening> {
        match &mut self.state.replication.primary.as_mut()?.bond {
            Bond::Opening(opening) => Some(opening),
            Bond::Down(_) | Bond::Loading(_) | Bond::Up(_) => None,
        }
    }

    /// Follows one step of the link; `at` is how much of the input is done with.
    fn take_progress(
        &mut self,
        progress: Progress,
        at: &mut usize,
        host: &mut dyn Host,
    ) -> Result<Option<LinkTurn>, String> {
        match progress {
            Progress::More => return Ok(Some(LinkTurn::Goes)),
            Progress::Used(used) => *at += used,
            Progress::Full(used, goal) => {
                *at += used;
                self.end_failover();
                self.expect_snapshot(goal, host)?;
            }
            Progress::Snapshot(count) => {
                self.take_snapshot(*at, count, host)?;
                *at += count;
            }
            Progress::Whole(used) => {
                *at += used;
                self.load_incoming(host)?;
                return Ok(Some(self.turn_after_snapshot()));
            }
            Progress::Continue(used, id) => {
                *at += used;
                self.end_failover();
                self.go_on(id);
                return Ok(Some(LinkTurn::Follows));
            }
            Progress::Failed(reason) => {
                if self.state.replication.failover.is_some() {
                    self.abort_failover(&reason);
                    return Ok(Some(LinkTurn::Over));
                }
                return Err(reason);
            }
        }
        Ok(None)
    }

    /// What becomes of the link when a snapshot has come: what is small has been loaded already.
    fn turn_after_snapshot(&self) -> LinkTurn {
        match self.state.replication.primary.as_ref().map(|primary| &primary.bond) {
            Some(Bond::Loading(opening)) if opening.is_loaded => LinkTurn::Follows,
            Some(Bond::Loading(_)) => LinkTurn::Goes,
            _ => LinkTurn::Over,
        }
    }

    /// The primary goes on where we are, perhaps under another name.
    fn go_on(&mut self, id: Option<String>) {
        log::info!("Successful partial resynchronization with master.");
        let offset = self.state.replication.offset();
        let history = &mut self.state.replication.history;
        if let Some(id) = id.filter(|id| *id != history.id) {
            log::info!("Master replication ID changed to {id}");
            history.branch(id, offset);
            // They have to hear of the new name.
            self.drop_replicas();
        }
        if self.state.replication.stream.is_none() {
            self.state.replication.stream = Some(Stream::after(offset));
        }
    }

    /// Closes all replicas, which come back by themselves.
    pub fn drop_replicas(&mut self) {
        for client in self.state.replication.replicas.clients() {
            self.peers.doom(client);
        }
    }

    /// The connection of a link becomes that of a client, which is our primary; what has arrived
    /// beyond is its input.
    pub fn adopt_link(&mut self, connection: Connection) -> Option<(ClientId, Vec<u8>)> {
        let now = self.state.now;
        let primary = self.state.replication.primary.as_mut()?;
        let bond = std::mem::replace(&mut primary.bond, Bond::Down(now.mono_us));
        let (Bond::Opening(opening) | Bond::Loading(opening)) = bond else {
            primary.bond = bond;
            return None;
        };
        let id = self.peers.connect(connection, now, Standing::Free);
        primary.bond = Bond::Up(id);
        (primary.heard_us, primary.ack_due_us) = (now.mono_us, now.mono_us + SECOND);
        (primary.is_familiar, primary.is_failover) = (true, false);
        primary.held.clear();
        // A snapshot may have told of a database that there is not.
        let (db, state) = (primary.db.min(self.store.databases() - 1), &mut self.state);
        if let Some(peer) = self.peers.get_mut(id) {
            peer.client.side = Side::Primary;
            peer.client.db = db;
            // Only what is pushed is sent.
            peer.client.reply_mode = ReplyMode::Off;
        }
        if opening.link.is_marked() {
            // It waits for this before it goes on.
            self.peers.write(id, |out| state.write_ack(out));
        }
        Some((id, opening.input))
    }

    /// Runs requests of the primary's stream, each of which comes with all bytes that belong to it,
    /// and hands these on to our own replicas.
    pub fn follow_all<'a>(
        &mut self,
        id: ClientId,
        requests: impl Iterator<Item = (Argv<'a>, &'a [u8])>,
        host: &mut dyn Host,
    ) -> Served {
        let now = self.state.now;
        if let Some(primary) = &mut self.state.replication.primary {
            primary.heard_us = now.mono_us;
        }
        let mut all = Served { count: 0, turn: Turn::Next };
        self.store.changes.shows_due = true;
        for (argv, raw) in requests {
            if is_inline(raw) {
                log::warn!(
                    "WARNING: Receiving inline protocol from master, master stream corruption? \
                     Closing the master connection and discarding the cached master."
                );
                self.refuse(id, &Error::new("ERR Protocol error: inline request"));
                all.turn = Turn::Stop;
                break;
            }
            if gate::state_refuses_changes(&self.state) && !self.goes_on_unkept(argv) {
                all.turn = Turn::Stop;
                break;
            }
            // One by one: each may ask how far we are.
            let one = self.submit_all(id, std::iter::once(argv), host);
            all = Served { count: all.count + one.count, turn: one.turn };
            if one.count > 0 {
                self.hand_on(id, raw);
            }
            if one.turn != Turn::Next {
                break;
            }
        }
        self.store.changes.shows_due = false;
        all
    }

    /// Whether a request of the primary is run although what changes cannot be kept. To refuse it
    /// would have the data differ, so that otherwise the server stops.
    #[cold]
    fn goes_on_unkept(&mut self, argv: Argv<'_>) -> bool {
        let Ok(id) = self.resolve(argv) else { return true };
        let flags = self.table.row(id).command.spec.flags;
        if !flags.intersects(Flags::WRITE | Flags::TELLS_HEALTH) {
            return true;
        }
        if flags.contains(Flags::WRITE) && !self.state.config.repl.ignores_disk_errors {
            log::warn!("Replica was unable to write command to disk.");
            self.fail("Replica was unable to write command to disk.".to_owned());
            return false;
        }
        let now_us = self.state.now.mono_us;
        if let Some(primary) = &mut self.state.replication.primary
            && primary.complain_us <= now_us
        {
            primary.complain_us = now_us + COMPLAIN_EVERY_US;
            log::warn!("Replica is applying a command even though it is unable to write to disk.");
        }
        true
    }

    /// Bytes of the stream have been run; those of a transaction count when it has been run. One
    /// that is longer than requests may be that wait ends the link.
    pub fn hand_on(&mut self, id: ClientId, raw: &[u8]) {
        let Some(peer) = self.peers.get(id) else { return };
        let (in_transaction, db) = (peer.client.multi.is_some(), peer.client.db);
        let backlog_bytes = self.state.config.repl.backlog_bytes();
        let held_max = usize::try_from(self.state.config.client_query_buffer_limit);
        let replication = &mut self.state.replication;
        let Some(primary) = &mut replication.primary else { return };
        let Some(stream) = &mut replication.stream else { return };
        primary.db = db;
        if in_transaction {
            primary.held.extend_from_slice(raw);
            if primary.held.len() > held_max.unwrap_or(usize::MAX) {
                self.refuse(id, &Error::new("ERR Protocol error: the transaction has no end"));
            }
            return;
        }
        if !primary.held.is_empty() {
            let held = std::mem::take(&mut primary.held);
            stream.append(&held, backlog_bytes);
        }
        stream.append(raw, backlog_bytes);
    }

    /// The connection of the primary is gone. If that was because it broke the protocol, we do not
    /// go on where we are.
    pub(in crate::exec) fn lose_primary(&mut self, client: &Client) {
        let now = self.state.now;
        let Some(primary) = &mut self.state.replication.primary else { return };
        if !matches!(primary.bond, Bond::Up(id) if id == client.id) {
            return;
        }
        log::warn!("Connection with master lost.");
        primary.held.clear();
        primary.down_since_us = now.mono_us;
        primary.bond = Bond::Down(now.mono_us);
        if client.has_broken_protocol {
            primary.is_familiar = false;
        }
    }
}
