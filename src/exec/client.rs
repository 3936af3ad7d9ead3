//! A client: what a connection has said about itself, and what has been done for it.

use super::block::Parked;
use super::command::Wait;
use super::replication::Side;
use super::table::CommandId;
use super::transaction::{Multi, Watching};
use crate::acl::{Standing, UserId};
use crate::base::id::{ClientId, DbIndex};
use crate::base::time::Now;
use crate::config::output_limits::LimitClass;
use crate::hub::pubsub::Subscriptions;
use crate::hub::tracking::TrackerId;
use crate::repl::About;
use crate::resp::output::Output;

/// How a client is connected; told once, by the driver.
#[derive(Clone, Debug, Default)]
pub struct Connection {
    /// The client's address with its port, or the path of a Unix socket with `:0`.
    pub addr: String,
    /// Our address with the port it is connected to.
    pub local_addr: String,
    /// Its descriptor.
    pub fd: i32,
    /// Comes through a Unix socket.
    pub is_unix: bool,
    /// Comes from this machine.
    pub is_local: bool,
}

/// Whether replies are sent (CLIENT REPLY).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReplyMode {
    /// They are.
    #[default]
    On,
    /// They are not.
    Off,
    /// From the next command on, see [`ReplyMode::Skip`].
    SkipNext,
    /// Not for the present command.
    Skip,
}

/// When a connection is to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closing {
    /// When its output is sent.
    AfterReply,
    /// At once.
    Now,
}

/// The types that CLIENT LIST and CLIENT KILL tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientKind {
    /// Any other.
    Normal,
    /// Our primary.
    Primary,
    /// A replica of ours.
    Replica,
    /// A subscriber.
    PubSub,
}

impl ClientKind {
    /// The type of that name.
    pub fn by_name(name: &[u8]) -> Option<ClientKind> {
        Some(match name.to_ascii_lowercase().as_slice() {
            b"normal" => ClientKind::Normal,
            b"master" => ClientKind::Primary,
            b"slave" | b"replica" => ClientKind::Replica,
            b"pubsub" => ClientKind::PubSub,
            _ => return None,
        })
    }
}

/// The most output that has waited for a client at once of late.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReplyPeak {
    bytes: usize,
    /// When it was that much, on the monotonic clock in microseconds.
    at_us: u64,
}

impl ReplyPeak {
    /// Notes how much is about to be sent. A peak is forgotten after `reset_us`.
    #[inline]
    pub fn note(&mut self, bytes: usize, now: Now, reset_us: u64) {
        if bytes > self.bytes || self.is_past(now, reset_us) {
            *self = ReplyPeak { bytes, at_us: now.mono_us };
        }
    }

    /// The bytes, which are none once they are forgotten.
    pub fn bytes(&self, now: Now, reset_us: u64) -> usize {
        if self.is_past(now, reset_us) { 0 } else { self.bytes }
    }

    #[inline]
    fn is_past(&self, now: Now, reset_us: u64) -> bool {
        now.mono_us.saturating_sub(self.at_us) >= reset_us
    }
}

/// How far changes were at some moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Bytes of the stream for replicas.
    pub stream: u64,
    /// Bytes of the log.
    pub log: u64,
}

/// One connected client.
pub struct Client {
    /// Who it is.
    pub id: ClientId,
    /// How it is connected.
    pub connection: Connection,
    /// When it connected.
    pub connected: Now,
    /// When it last sent something.
    pub active: Now,
    /// Its database.
    pub db: DbIndex,
    /// Whose rights it has.
    pub user: UserId,
    /// Whether it has logged in, or need not when it came.
    pub authenticated: bool,
    /// What it may do, in short: worked out from its user, which may change.
    pub standing: Standing,
    /// Whether it gets replies.
    pub reply_mode: ReplyMode,
    /// Whether its look-ups leave no trace in the use of keys (CLIENT NO-TOUCH).
    pub no_touch: bool,
    /// What it is to us.
    pub side: Side,
    /// What it has said of itself as a replica.
    pub about: Option<Box<About>>,
    /// How far changes were after its latest command; what WAIT waits for.
    pub written: Written,
    /// Whether it is closed for having broken the protocol.
    pub has_broken_protocol: bool,
    /// Whether it is to be closed.
    pub closing: Option<Closing>,
    /// The name it gave itself.
    pub name: String,
    /// The name of its library.
    pub lib_name: String,
    /// The version of its library.
    pub lib_ver: String,
    /// What it listens to, if to anything.
    pub subscriptions: Option<Box<Subscriptions>>,
    /// Its number among those who track keys, if it ever did.
    pub tracker: Option<TrackerId>,
    /// Memory of the prefixes that it tracks, in bytes.
    pub prefix_bytes: usize,
    /// Its latest command.
    pub last_command: Option<CommandId>,
    /// Commands it has run.
    pub commands: u64,
    /// Bytes it has sent.
    pub net_in: u64,
    /// Bytes it was sent.
    pub net_out: u64,
    /// Whether it watches the commands of all clients (MONITOR).
    pub is_monitor: bool,
    /// Whether it is spared when clients take too much memory (CLIENT NO-EVICT).
    pub is_spared: bool,
    /// If its next request waits for the end of a pause (CLIENT PAUSE), its place among those that
    /// do.
    pub postponed: Option<u64>,
    /// What it has queued since MULTI.
    pub multi: Option<Box<Multi>>,
    /// Requests of the transaction that runs, if one does.
    pub running: Option<usize>,
    /// The keys that it watches.
    pub watching: Watching,
    /// What the command waits for that it has just run in vain.
    pub wait: Option<Wait>,
    /// The command with which it waits for keys.
    pub parked: Option<Box<Parked>>,
    /// Request bytes that wait.
    pub query_bytes: usize,
    /// Memory of its read buffer, in bytes.
    pub query_capacity: usize,
    /// Arguments of a request that has not all arrived, in bytes.
    pub argv_bytes: usize,
    /// The most output that has waited for it at once.
    pub reply_peak: ReplyPeak,
    /// When its waiting output went over the soft limit, on the monotonic clock in microseconds.
    pub over_soft_limit_since: Option<u64>,
}

impl Client {
    /// A client that has just connected.
    pub fn new(id: ClientId, connection: Connection, now: Now, standing: Standing) -> Client {
        Client {
            id,
            connection,
            connected: now,
            active: now,
            db: 0,
            user: UserId::DEFAULT,
            authenticated: standing != Standing::Locked,
            standing,
            reply_mode: ReplyMode::On,
            no_touch: false,
            side: Side::Client,
            about: None,
            written: Written::default(),
            has_broken_protocol: false,
            closing: None,
            name: String::new(),
            lib_name: String::new(),
            lib_ver: String::new(),
            subscriptions: None,
            tracker: None,
            prefix_bytes: 0,
            last_command: None,
            commands: 0,
            net_in: 0,
            net_out: 0,
            is_monitor: false,
            is_spared: false,
            postponed: None,
            multi: None,
            running: None,
            watching: Watching::default(),
            wait: None,
            parked: None,
            query_bytes: 0,
            query_capacity: 0,
            argv_bytes: 0,
            reply_peak: ReplyPeak::default(),
            over_soft_limit_since: None,
        }
    }

    /// Whether the reply to its present request is sent; moves on to the next request.
    pub(super) fn wants_reply(&mut self) -> bool {
        let mode = self.reply_mode;
        self.reply_mode = match mode {
            ReplyMode::SkipNext => ReplyMode::Skip,
            ReplyMode::Skip | ReplyMode::On => ReplyMode::On,
            ReplyMode::Off => ReplyMode::Off,
        };
        mode == ReplyMode::On
    }

    /// What type it is.
    pub fn kind(&self) -> ClientKind {
        match self.side {
            Side::Primary => ClientKind::Primary,
            Side::Replica => ClientKind::Replica,
            Side::Client if self.is_subscribed() => ClientKind::PubSub,
            Side::Client | Side::Log => ClientKind::Normal,
        }
    }

    /// Whose output limits hold for it.
    #[inline]
    pub fn limit_class(&self) -> LimitClass {
        if self.is_subscribed() { LimitClass::PubSub } else { LimitClass::Normal }
    }

    /// Memory that it takes with what waits for it in `out`, in bytes.
    pub fn memory_bytes(&self, out: &Output) -> usize {
        let names = self.name.capacity() + self.lib_name.capacity() + self.lib_ver.capacity();
        let topics = self.subscriptions.as_ref().map_or(0, |own| own.memory_bytes());
        let fixed = size_of::<Client>() + size_of::<Output>();
        let parked = self.parked.as_ref().map_or(0, |parked| parked.memory_bytes());
        let queued = self.multi.as_ref().map_or(0, |multi| multi.memory_bytes());
        let waiting = parked + queued + self.watching.memory_bytes();
        let listening = topics + self.prefix_bytes;
        fixed + names + listening + waiting + self.query_capacity + out.memory_bytes()
    }

    /// True if its silence means that it is idle: it does not wait, and listens to nobody.
    pub fn may_be_idle(&self) -> bool {
        self.side == Side::Client
            && !self.is_subscribed()
            && !self.is_monitor
            && self.postponed.is_none()
            && self.parked.is_none()
    }

    /// The address that it comes from, without the port.
    pub fn ip(&self) -> String {
        let ip = self.connection.addr.rsplit_once(':').map_or("", |(ip, _)| ip);
        ip.trim_start_matches('[').trim_end_matches(']').to_owned()
    }

    /// True if its queue is being run, so that nothing of it may wait.
    #[inline]
    pub fn is_in_transaction(&self) -> bool {
        self.running.is_some()
    }

    /// True if it listens to a channel.
    #[inline]
    pub fn is_subscribed(&self) -> bool {
        self.subscriptions.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_peak_of_replies_is_forgotten_in_time() {
        let start = Now::default();
        let later = |ms| start.after(Duration::from_millis(ms));
        let mut peak = ReplyPeak::default();
        peak.note(900, start, 100_000);
        peak.note(100, later(99), 100_000);
        assert_eq!(peak.bytes(later(99), 100_000), 900);
        assert_eq!(peak.bytes(later(100), 100_000), 0);
        assert_eq!(peak.bytes(later(100), u64::MAX), 900);
        peak.note(100, later(100), 100_000);
        assert_eq!(peak.bytes(later(199), 100_000), 100);
    }
}
