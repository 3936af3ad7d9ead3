//! What a primary knows of its replicas: who they are, what they are being sent, how far they have
//! come; and when the next snapshot for them begins.

use crate::base::id::ClientId;
use crate::base::time::Now;

/// Microseconds in a second.
const SECOND: u64 = 1_000_000;

/// What a replica has said of itself before it asks for changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// The port that it listens on.
    pub port: u16,
    /// The address that it wants to be known by; empty for that of its connection.
    pub address: String,
    /// It understands a snapshot whose end is marked, not announced.
    pub takes_eof: bool,
    /// It understands that a history may get another name.
    pub takes_psync2: bool,
    /// It does not tell how far it is: it has come by SYNC.
    pub is_old: bool,
    /// It wants a snapshot and no changes.
    pub is_snapshot_only: bool,
    /// What the snapshot is to leave out.
    pub filter: Filter,
}

/// What a snapshot leaves out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// No keys.
    pub no_keys: bool,
    /// No functions.
    pub no_functions: bool,
}

impl Filter {
    /// True if nothing is left out.
    pub fn is_empty(self) -> bool {
        self == Filter::default()
    }
}

/// How far a replica has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Waits for a snapshot to begin.
    Waiting,
    /// The snapshot is being made; its bytes may be on their way already.
    Dumping,
    /// The snapshot is made and being sent.
    Sending,
    /// Follows the stream, once it has said that the snapshot is loaded.
    Loading,
    /// Follows the stream.
    Online,
}

impl Stage {
    /// Its name in INFO.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Waiting | Stage::Dumping => "wait_bgsave",
            Stage::Sending => "send_bulk",
            Stage::Loading | Stage::Online => "online",
        }
    }
}

/// Where a snapshot goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// To a file, which is then sent with its length in front.
    File,
    /// To the replicas as it is made, with a mark behind it.
    Sockets,
}

/// How the bytes of a snapshot are marked off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// There will be so many.
    Length(u64),
    /// These follow the last one.
    Mark(String),
}

impl Payload {
    /// The line in front of the bytes.
    pub fn header(&self) -> String {
        match self {
            Payload::Length(bytes) => format!("${bytes}\r\n"),
            Payload::Mark(mark) => format!("$EOF:{mark}\r\n"),
        }
    }
}

/// A snapshot that is being made for replicas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Where it goes.
    pub target: Target,
    /// What it leaves out.
    pub filter: Filter,
    /// The offset of the stream that it stands for.
    pub offset: u64,
}

/// What is to be done about a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Nobody waits for one.
    Nothing,
    /// Nothing before this moment, on the monotonic clock in microseconds.
    Later(u64),
    /// It is to begin.
    Begin(Target, Filter),
}

/// One replica.
#[derive(Clone, Debug)]
pub struct Replica {
    /// Its connection.
    pub client: ClientId,
    /// What it has said of itself.
    pub about: About,
    /// The address that it connects from.
    pub peer_ip: String,
    /// How far it has come.
    pub stage: Stage,
    /// When it has asked, on the monotonic clock in microseconds.
    pub since_us: u64,
    /// Offset in the stream of what it is sent next; none before its snapshot has begun.
    pub next: Option<u64>,
    /// What it says to have processed.
    pub acked: u64,
    /// What it says to have on its disk.
    pub acked_disk: u64,
    /// When it last said so, on the monotonic clock in microseconds; 0 for never.
    pub acked_us: u64,
    /// Bytes of memory that its output took when it was last filled from the stream.
    pub output_bytes: usize,
}

impl Replica {
    /// One that has asked just now.
    pub fn new(client: ClientId, about: About, peer_ip: String, now: Now) -> Replica {
        Replica {
            client,
            about,
            peer_ip,
            stage: Stage::Waiting,
            since_us: now.mono_us,
            next: None,
            acked: 0,
            acked_disk: 0,
            acked_us: now.mono_us,
            output_bytes: 0,
        }
    }

    /// The address that it is known by.
    pub fn address(&self) -> &str {
        if self.about.address.is_empty() { &self.peer_ip } else { &self.about.address }
    }

    /// Whole seconds since it last told how far it is.
    pub fn lag_s(&self, now: Now) -> u64 {
        now.mono_us.saturating_sub(self.acked_us) / SECOND
    }

    /// Whether it has to tell now and then that it is there: by how far it is or, while it loads,
    /// by empty lines.
    fn tells(&self) -> bool {
        let is_on = matches!(self.stage, Stage::Online | Stage::Loading);
        is_on && !self.about.is_snapshot_only && !self.about.is_old
    }

    /// Whether it is kept alive by empty lines: nothing else may be sent yet.
    fn needs_lines(&self, target: Option<Target>) -> bool {
        match self.stage {
            Stage::Waiting => true,
            Stage::Dumping => target == Some(Target::File),
            Stage::Sending | Stage::Loading | Stage::Online => false,
        }
    }
}

/// All replicas, in the order in which they have asked.
#[derive(Debug, Default)]
pub struct Replicas {
    all: Vec<Replica>,
    /// The snapshot that is being made for some of them.
    pub snapshot: Option<Snapshot>,
    /// Since when there are none, on the monotonic clock in microseconds.
    pub none_since_us: u64,
    /// Since when those who wait have been sent nothing.
    lines_since_us: u64,
}

/// By what the next snapshot is decided.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Whether it goes to the sockets if all understand that.
    pub diskless: bool,
    /// How long to wait for others then, in microseconds.
    pub delay_us: u64,
    /// With how many to wait no longer; 0 for none.
    pub enough: usize,
}

impl Replicas {
    /// Number of replicas.
    #[inline]
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// True without replicas.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Replica> {
        self.all.iter()
    }

    /// All of them, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Replica> {
        self.all.iter_mut()
    }

    /// The one of a connection.
    pub fn get(&self, client: ClientId) -> Option<&Replica> {
        self.all.iter().find(|replica| replica.client == client)
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, client: ClientId) -> Option<&mut Replica> {
        self.all.iter_mut().find(|replica| replica.client == client)
    }

    /// Takes one in.
    pub fn add(&mut self, replica: Replica) {
        if !self.all.iter().any(|other| other.needs_lines(Some(Target::File))) {
            self.lines_since_us = replica.since_us;
        }
        self.all.push(replica);
    }

    /// Forgets the one of a connection.
    pub fn remove(&mut self, client: ClientId, now: Now) -> Option<Replica> {
        let index = self.all.iter().position(|replica| replica.client == client)?;
        let removed = self.all.remove(index);
        if self.all.is_empty() {
            self.none_since_us = now.mono_us;
        }
        Some(removed)
    }

    /// Their connections.
    pub fn clients(&self) -> Vec<ClientId> {
        self.all.iter().map(|replica| replica.client).collect()
    }

    /// What is to be done for those who wait for a snapshot.
    pub fn plan(&self, rules: Rules, now: Now) -> Plan {
        let waiting = || self.all.iter().filter(|replica| replica.stage == Stage::Waiting);
        let Some(first) = waiting().next() else { return Plan::Nothing };
        let filter = first.about.filter;
        let same = || waiting().filter(|replica| replica.about.filter == filter);
        if !rules.diskless || !same().all(|replica| replica.about.takes_eof) {
            return Plan::Begin(Target::File, filter);
        }
        let due_us = first.since_us.saturating_add(rules.delay_us);
        let are_enough = rules.enough > 0 && same().count() >= rules.enough;
        if are_enough || due_us <= now.mono_us {
            return Plan::Begin(Target::Sockets, filter);
        }
        Plan::Later(due_us)
    }

    /// A snapshot of the present offset begins: those who wait for one like it get it. Their
    /// connections.
    pub fn begin_snapshot(&mut self, target: Target, filter: Filter, offset: u64) -> Vec<ClientId> {
        self.snapshot = Some(Snapshot { target, filter, offset });
        let mut members = Vec::new();
        for replica in &mut self.all {
            let fits = replica.about.filter == filter
                && (target == Target::File || replica.about.takes_eof);
            if replica.stage == Stage::Waiting && fits {
                replica.stage = Stage::Dumping;
                replica.next = Some(offset);
                members.push(replica.client);
            }
        }
        members
    }

    /// Has one that waits share the snapshot that is being made, if it is for a file and leaves out
    /// the same; the offset that it stands for.
    pub fn join_snapshot(&mut self, client: ClientId) -> Option<u64> {
        let snapshot = self.snapshot.as_ref().filter(|made| made.target == Target::File)?;
        // Without another replica that is sent it, the stream since then is not kept.
        let (filter, offset) = (snapshot.filter, snapshot.offset);
        self.all.iter().find(|other| other.stage == Stage::Dumping)?;
        let replica = self.get_mut(client).filter(|replica| replica.about.filter == filter)?;
        replica.stage = Stage::Dumping;
        replica.next = Some(offset);
        Some(offset)
    }

    /// Those for whom the present snapshot is made.
    pub fn members(&self) -> Vec<ClientId> {
        let members = self.all.iter().filter(|replica| replica.stage == Stage::Dumping);
        members.map(|replica| replica.client).collect()
    }

    /// Notes what a replica has told.
    pub fn note_ack(&mut self, client: ClientId, offset: u64, disk: Option<u64>, now: Now) {
        if let Some(replica) = self.get_mut(client) {
            replica.acked = replica.acked.max(offset);
            replica.acked_disk = replica.acked_disk.max(disk.unwrap_or(0));
            replica.acked_us = now.mono_us;
        }
    }

    /// How many have processed the stream up to an offset.
    pub fn count_acked(&self, offset: u64) -> usize {
        self.online().filter(|replica| replica.acked >= offset).count()
    }

    /// How many have the stream up to an offset on their disk.
    pub fn count_on_disk(&self, offset: u64) -> usize {
        self.online().filter(|replica| replica.acked_disk >= offset).count()
    }

    /// How many have told within so many seconds how far they are.
    pub fn count_good(&self, lag_max_s: u64, now: Now) -> usize {
        self.online().filter(|replica| replica.lag_s(now) <= lag_max_s).count()
    }

    /// Bytes of memory that their outputs take.
    pub fn output_bytes(&self) -> usize {
        self.all.iter().map(|replica| replica.output_bytes).sum()
    }

    fn online(&self) -> impl Iterator<Item = &Replica> {
        self.all.iter().filter(|replica| matches!(replica.stage, Stage::Online | Stage::Loading))
    }

    /// Offset from which on the stream is needed for those that are behind; the end of time if
    /// there are none.
    pub fn needed_from(&self) -> u64 {
        self.all.iter().filter_map(|replica| replica.next).min().unwrap_or(u64::MAX)
    }

    /// Those who have been silent for so long that they count as gone.
    pub fn silent(&self, timeout_us: u64, now: Now) -> Vec<ClientId> {
        let is_silent = |replica: &&Replica| {
            replica.tells() && now.mono_us.saturating_sub(replica.acked_us) > timeout_us
        };
        self.all.iter().filter(is_silent).map(|replica| replica.client).collect()
    }

    /// When the first may have been silent for so long, on the monotonic clock in microseconds.
    pub fn first_silent_us(&self, timeout_us: u64) -> Option<u64> {
        self.all
            .iter()
            .filter(|replica| replica.tells())
            .map(|replica| replica.acked_us.saturating_add(timeout_us + 1))
            .min()
    }

    /// When those who wait for a snapshot are due an empty line, which shows that we are there.
    pub fn lines_due_us(&self) -> Option<u64> {
        let target = self.snapshot.as_ref().map(|snapshot| snapshot.target);
        let due = self.lines_since_us + SECOND;
        self.all.iter().any(|replica| replica.needs_lines(target)).then_some(due)
    }

    /// Those who are to be sent an empty line now.
    pub fn take_lines_due(&mut self, now: Now) -> Vec<ClientId> {
        if self.lines_due_us().is_none_or(|at| at > now.mono_us) {
            return Vec::new();
        }
        self.lines_since_us = now.mono_us;
        let target = self.snapshot.as_ref().map(|snapshot| snapshot.target);
        let waiting = self.all.iter().filter(|replica| replica.needs_lines(target));
        waiting.map(|replica| replica.client).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules { diskless: true, delay_us: 5 * SECOND, enough: 2 };

    fn at(seconds: u64) -> Now {
        Now { unix_us: 0, mono_us: seconds * SECOND }
    }

    fn replica(slot: usize, takes_eof: bool, now: Now) -> Replica {
        let client = ClientId { serial: slot as u64, slot };
        let about = About { takes_eof, port: 1, ..About::default() };
        Replica::new(client, about, "127.0.0.1".to_owned(), now)
    }

    fn id(slot: usize) -> ClientId {
        ClientId { serial: slot as u64, slot }
    }

    #[test]
    fn a_snapshot_waits_for_others_only_if_all_can_take_it_from_the_socket() {
        let mut replicas = Replicas::default();
        assert_eq!(replicas.plan(RULES, at(11)), Plan::Nothing);
        replicas.add(replica(1, true, at(10)));
        assert_eq!(replicas.plan(RULES, at(11)), Plan::Later(15 * SECOND));
        let to_file = Plan::Begin(Target::File, Filter::default());
        assert_eq!(replicas.plan(Rules { diskless: false, ..RULES }, at(11)), to_file);
        let now_due = Plan::Begin(Target::Sockets, Filter::default());
        assert_eq!(replicas.plan(RULES, at(15)), now_due);
        replicas.add(replica(2, true, at(11)));
        assert_eq!(replicas.plan(RULES, at(11)), Plan::Begin(Target::Sockets, Filter::default()));
        replicas.add(replica(3, false, at(12)));
        assert_eq!(replicas.plan(RULES, at(11)), to_file);
    }

    #[test]
    fn who_comes_while_a_file_is_written_shares_it() {
        let mut replicas = Replicas::default();
        replicas.add(replica(1, false, at(1)));
        assert_eq!(replicas.begin_snapshot(Target::File, Filter::default(), 70), [id(1)]);
        replicas.add(replica(2, false, at(2)));
        assert_eq!(replicas.join_snapshot(id(2)), Some(70));
        assert_eq!((replicas.members(), replicas.needed_from()), (vec![id(1), id(2)], 70));
        let mut other = replica(3, false, at(2));
        other.about.filter.no_keys = true;
        replicas.add(other);
        assert_eq!(replicas.join_snapshot(id(3)), None);
        replicas.remove(id(1), at(3));
        replicas.remove(id(2), at(3));
        replicas.add(replica(4, false, at(4)));
        assert_eq!(replicas.join_snapshot(id(4)), None);
    }

    #[test]
    fn acknowledgements_count_for_those_who_follow() {
        let mut replicas = Replicas::default();
        replicas.add(replica(1, true, at(1)));
        replicas.add(replica(2, true, at(1)));
        replicas.note_ack(id(1), 50, Some(20), at(2));
        assert_eq!(replicas.count_acked(0), 0);
        replicas.iter_mut().for_each(|replica| replica.stage = Stage::Online);
        assert_eq!((replicas.count_acked(0), replicas.count_acked(50)), (2, 1));
        assert_eq!((replicas.count_on_disk(20), replicas.count_on_disk(21)), (1, 0));
        replicas.note_ack(id(1), 40, None, at(9));
        assert_eq!((replicas.count_acked(50), replicas.count_good(5, at(10))), (1, 1));
        assert_eq!(replicas.silent(5 * SECOND, at(10)), [id(2)]);
        assert_eq!(replicas.first_silent_us(60 * SECOND), Some(61 * SECOND + 1));
    }

    #[test]
    fn empty_lines_go_to_those_who_wait_and_to_nobody_else() {
        let mut replicas = Replicas::default();
        assert_eq!(replicas.lines_due_us(), None);
        replicas.add(replica(1, true, at(5)));
        assert_eq!(replicas.lines_due_us(), Some(6 * SECOND));
        assert_eq!(replicas.take_lines_due(at(5)), []);
        assert_eq!(replicas.take_lines_due(at(6)), [id(1)]);
        assert_eq!(replicas.take_lines_due(at(6)), []);
        replicas.begin_snapshot(Target::Sockets, Filter::default(), 0);
        assert_eq!(replicas.lines_due_us(), None);
    }
}
