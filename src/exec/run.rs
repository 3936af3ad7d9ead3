//! The one caller of handlers.

use super::client::{Client, Closing, ReplyMode};
use super::client_line::client_line;
use super::command::Flow;
use super::engine::{Engine, Served, Turn};
use super::gate::{self, Applicant, Refusal};
use super::host::Host;
use super::hotkeys::{Before, Cost};
use super::peers::Peer;
use super::propagate::Propagated;
use super::replication::Side;
use super::slowlog;
use super::state::State;
use super::table::{CommandId, Row};
use super::timed::Timed;
use crate::base::id::{ClientId, DbIndex};
use crate::base::{num, short};
use crate::config::replication::Divergence;
use crate::resp::argv::Argv;
use crate::resp::error::Error;
use crate::resp::output::Mark;
use crate::spec::flags::Flags;
use crate::sys::probes;
use std::time::Duration;

/// Output after which the rest of a burst waits, so that it is sent before more is made.
const BURST_OUTPUT_BYTES: usize = 1024 * 1024;
/// Requests that are looked at ahead; more are run without that.
pub(super) const AHEAD_REQUESTS: usize = 16;
/// Keys that are fetched together; more would push each other out of the nearest cache.
const AHEAD_KEYS: usize = 32;

/// What is known of a request before it runs.
#[derive(Clone, Copy)]
pub(super) struct Planned {
    /// Its command.
    pub(super) command: CommandId,
    /// [`Row::is_plain`] of that.
    is_plain: bool,
    /// The hash of its key, if it takes one key and no more; zero otherwise.
    key_hash: u64,
    /// [`Store::hashers`](crate::store::Store::hashers) when it was made.
    hashers: u32,
}

/// What is known of the first requests of a burst; nothing of those that name no command.
pub(super) type Plan = [Option<Planned>; AHEAD_REQUESTS];

/// Keys that are being fetched into the cache.
struct Ahead<'a> {
    db: DbIndex,
    hashes: [u64; AHEAD_KEYS],
    keys: usize,
    /// The last key and its hash: requests that follow each other may well be about the same one.
    last: (&'a [u8], u64),
}

impl Ahead<'_> {
    #[inline]
    fn new(db: DbIndex) -> Self {
        Ahead { db, hashes: [0; AHEAD_KEYS], keys: 0, last: (&[], 0) }
    }
}

impl Engine {
    /// Runs requests of a client in order; the replies appear in its output. Stops early where the
    /// client is to have no more.
    #[inline(never)] // A name of its own in profiles; called once a burst.
    pub fn submit_all<'a>(
        &mut self,
        id: ClientId,
        requests: impl Iterator<Item = Argv<'a>> + Clone,
        host: &mut dyn Host,
    ) -> Served {
        let mut served = Served { count: 0, turn: Turn::Stop };
        let Some(mut peer) = self.check_out(id) else { return served };
        if peer.client.closing.is_some() {
            self.peers.check_in(peer);
            return served;
        }
        let output_max = self.burst_output_max();
        // A note in every key that is read would be a copied page for a child.
        let is_shared = self.state.children.current().is_some();
        self.store.usage.set_quiet(peer.client.no_touch || is_shared);
        let plan = self.look_ahead(peer.client.db, requests.clone());
        let mut timed = Timed::start(self, host);
        served.turn = Turn::Next;
        let mut is_calm = self.is_calm(&peer);
        for argv in requests {
            let planned = plan.get(served.count).copied().flatten();
            if is_calm && planned.is_some_and(|planned| planned.is_plain) {
                self.run::<true>(&mut peer, planned, argv, &mut timed, host);
            } else if self.state.pause.is_some() && self.must_wait(&peer, argv) {
                peer.client.postponed = Some(self.peers.next_postponed());
                served.turn = Turn::Wait;
                break;
            } else {
                self.run_watched(&mut peer, planned, argv, &mut timed, host);
                is_calm = self.is_calm(&peer);
            }
            served.count += 1;
            if peer.client.parked.is_some() {
                served.turn = Turn::Wait;
                break;
            }
            if !is_calm && self.is_over_limit(&mut peer) {
                peer.client.closing = Some(Closing::Now);
                // It is not sent a part of what it was too slow to take, as in Redis.
                peer.out.clear();
            }
            if peer.client.closing.is_some() || self.state.is_stopping {
                served.turn = Turn::Stop;
                break;
            }
            if self.has_effects() {
                // Others may be told of it, and the client itself.
                self.peers.check_in(peer);
                self.settle(host);
                match self.check_out(id) {
                    Some(back) => peer = back,
                    None => {
                        self.store.expect_none();
                        return Served { turn: Turn::Stop, ..served };
                    }
                }
            }
            if peer.out.len() >= output_max {
                served.turn = Turn::Pause;
                break;
            }
        }
        self.store.expect_none();
        timed.stop(&peer.client, self, host);
        self.peers.check_in(peer);
        self.settle(host);
        served
    }

    /// True if a request that would run has to wait for the end of a pause.
    #[cold]
    fn must_wait(&mut self, peer: &Peer, argv: Argv<'_>) -> bool {
        if peer.client.side == Side::Replica {
            return false;
        }
        let Ok(id) = self.resolve(argv) else { return false };
        let row = self.table.row(id);
        let mut flags = row.command.spec.flags;
        if flags.contains(Flags::RUNS_QUEUE) {
            flags |= peer.client.multi.as_ref().map_or(Flags::empty(), |multi| multi.flags);
        }
        let changes = flags.intersects(Flags::WRITE | Flags::MAY_REPLICATE);
        let holds_all = self.state.pause.is_some_and(|pause| pause.holds_all);
        (holds_all || changes) && self.admit((id, row), peer, argv, false).is_ok()
    }

    #[inline]
    fn admit(
        &self,
        command: (CommandId, &Row),
        peer: &Peer,
        argv: Argv<'_>,
        is_out_of_memory: bool,
    ) -> Result<(), Refusal> {
        let applicant = Applicant {
            client: &peer.client,
            protocol: peer.out.protocol,
            state: &self.state,
            is_out_of_memory,
        };
        gate::admit(command, argv, &applicant)
    }

    #[inline]
    pub(super) fn check_out(&mut self, id: ClientId) -> Option<Box<Peer>> {
        self.peers.check_out(id, &self.state.config.client_output_buffer_limit)
    }

    /// Output after which the rest of a burst waits: until it is sent or, if the operator wants it
    /// so, until it is read.
    #[inline]
    fn burst_output_max(&self) -> usize {
        match usize::try_from(self.state.config.client_output_pause) {
            Ok(pause @ 1..) => pause.min(BURST_OUTPUT_BYTES),
            _ => BURST_OUTPUT_BYTES,
        }
    }

    /// Finds the commands of the first requests, and fetches into the cache the keys that they will
    /// look at, all of them at once, so that waiting for memory is done once and not key by key.
    #[inline(never)] // As above.
    pub(super) fn look_ahead<'a>(
        &mut self,
        db: DbIndex,
        requests: impl Iterator<Item = Argv<'a>>,
    ) -> Plan {
        let mut plan = [None; AHEAD_REQUESTS];
        let mut ahead = Ahead::new(db);
        for (planned, argv) in plan.iter_mut().zip(requests) {
            let Ok(command) = self.resolve(argv) else { continue };
            *planned = Some(self.plan_one(&mut ahead, command, argv));
        }
        self.fetch_entries(&ahead);
        plan
    }

    /// The same for requests whose commands are known.
    pub(super) fn plan<'a>(
        &self,
        db: DbIndex,
        requests: impl Iterator<Item = (CommandId, Argv<'a>)>,
    ) -> Plan {
        let mut plan = [None; AHEAD_REQUESTS];
        let mut ahead = Ahead::new(db);
        for (planned, (command, argv)) in plan.iter_mut().zip(requests) {
            *planned = Some(self.plan_one(&mut ahead, command, argv));
        }
        self.fetch_entries(&ahead);
        plan
    }

    #[inline(always)] // On the path of every command; the other caller is cold.
    fn plan_one<'a>(&self, ahead: &mut Ahead<'a>, command: CommandId, argv: Argv<'a>) -> Planned {
        let (row, hashers) = (self.table.row(command), self.store.hashers());
        let key_hash = self.fetch_lines(ahead, row, argv);
        Planned { command, is_plain: row.is_plain, key_hash, hashers }
    }

    /// Fetches the lines of the table in which the keys of a request stand; the hash of its key, if
    /// it takes one key and no more, and zero otherwise.
    #[inline(always)] // As above.
    fn fetch_lines<'a>(&self, ahead: &mut Ahead<'a>, row: &Row, argv: Argv<'a>) -> u64 {
        // Most commands have one key, or none at all.
        if row.only_key == 0 {
            if !row.command.spec.keys.is_empty() {
                self.fetch_all_lines(ahead, row, argv);
            }
            0
        } else if row.only_key < argv.len() {
            self.fetch_line(ahead, argv.at(row.only_key))
        } else {
            0
        }
    }

    #[inline(never)] // Of requests for several keys; the others are not to make room for it.
    fn fetch_all_lines<'a>(&self, ahead: &mut Ahead<'a>, row: &Row, argv: Argv<'a>) {
        for index in row.key_indexes(argv).take(AHEAD_KEYS) {
            self.fetch_line(ahead, argv.at(index));
        }
    }

    /// The hash of a key whose line is being fetched; zero if there are too many.
    #[inline(always)] // As above.
    fn fetch_line<'a>(&self, ahead: &mut Ahead<'a>, key: &'a [u8]) -> u64 {
        let (last, last_hash) = ahead.last;
        if last_hash != 0 && short::equal(key, last) {
            return last_hash;
        }
        let Some(place) = ahead.hashes.get_mut(ahead.keys) else { return 0 };
        let hash = self.store.key_hash(key);
        self.store.prefetch_line(ahead.db, hash);
        *place = hash;
        ahead.keys += 1;
        ahead.last = (key, hash);
        hash
    }

    /// Fetches the keys themselves. A single one gains nothing: its look-up begins right after
    /// this.
    #[inline(always)] // As above.
    fn fetch_entries(&self, ahead: &Ahead<'_>) {
        if ahead.keys > 1 {
            let hashes = &ahead.hashes[..ahead.keys];
            hashes.iter().for_each(|hash| self.store.prefetch_entry(ahead.db, *hash));
        }
    }

    /// Whether nothing refuses a plain request of a client but its own arguments and want of
    /// memory, nobody is told of it but who tracks its keys, and no bound is set to what waits for
    /// the client. Plain requests do not change that, so it need not be asked of each.
    pub(super) fn is_calm(&self, peer: &Peer) -> bool {
        let state = &self.state;
        let limit = state.config.client_output_buffer_limit.of(peer.client.limit_class());
        !state.feed.is_on()
            && self.monitors.is_empty()
            && state.hotkeys.is_none()
            && state.pause.is_none()
            && limit.is_none()
            && gate::is_open(&peer.client, state)
    }

    /// Runs a request and has it watched by who watches keys.
    fn run_watched<'a>(
        &mut self,
        peer: &mut Peer,
        planned: Option<Planned>,
        argv: Argv<'a>,
        timed: &mut Timed<'a>,
        host: &mut dyn Host,
    ) {
        if self.state.hotkeys.is_some() {
            self.begin_watch(peer, host);
        }
        self.run::<false>(peer, planned, argv, timed, host);
        if self.state.hotkeys.is_some() {
            self.end_watch(peer, argv, host);
        }
    }

    /// Runs a request for a client that is checked out: finds the command, admits it, calls its
    /// handler, and sees to it that one reply is written. Where all is [calm](Engine::is_calm) a
    /// plain request is not asked what is known.
    #[inline(always)] // Once for those, and once for all others.
    fn run<'a, const CALM: bool>(
        &mut self,
        peer: &mut Peer,
        planned: Option<Planned>,
        argv: Argv<'a>,
        timed: &mut Timed<'a>,
        host: &mut dyn Host,
    ) {
        peer.out.close_chunk();
        let mut mark = peer.out.mark();
        let found = match planned {
            Some(planned) => Ok(self.begin_planned(planned, argv)),
            None => self.resolve(argv),
        };
        let id = found.as_ref().ok().copied();
        let flow = match found {
            Ok(id) => {
                peer.client.last_command = Some(id);
                self.call::<CALM>(id, peer, argv, &mut mark, timed, host)
            }
            Err(_) if is_http(argv.at(0)) => {
                log::warn!("closing client id={}: it speaks HTTP", peer.client.id.serial);
                peer.client.closing = Some(Closing::Now);
                return;
            }
            Err(error) => {
                peer.client.last_command = None;
                Err(self.fail_transaction(peer, Flags::empty(), error))
            }
        };
        if peer.client.tracker.is_some() {
            self.end_choice(&peer.client, id);
        }
        self.finish_reply(peer, mark, &flow);
    }

    /// The command of a request, whose key is about to be looked up. `argv` stays where it is until
    /// [`Store::expect_none`](crate::store::Store::expect_none).
    #[inline]
    pub(super) fn begin_planned(&mut self, planned: Planned, argv: Argv<'_>) -> CommandId {
        if planned.key_hash != 0 {
            let key = argv.at(self.table.row(planned.command).only_key);
            self.store.expect(key, planned.key_hash, planned.hashers);
        }
        planned.command
    }

    /// Sees to it that what stands behind `mark` is one reply, or none if none is wanted.
    #[inline(always)] // As `invoke`.
    pub(super) fn finish_reply(&mut self, peer: &mut Peer, mark: Mark, flow: &Result<Flow, Error>) {
        if let Err(error) = flow {
            self.state.stats.errored(error);
            peer.out.rollback(mark);
            peer.out.error(error);
            if peer.client.side != Side::Client {
                self.note_divergence(peer.client.side, peer.client.last_command, error);
            }
        }
        if peer.client.reply_mode != ReplyMode::On {
            // The reply to a request that waits comes later.
            let is_over = !matches!(flow, Ok(Flow::Block));
            let is_reply = !matches!(flow, Ok(Flow::Pushed));
            if is_over && !peer.client.wants_reply() && is_reply {
                peer.out.rollback(mark);
                if peer.client.side == Side::Replica {
                    self.disown(peer);
                }
            }
        }
    }

    /// A replica has sent what has a reply: it does not behave like one.
    #[cold]
    fn disown(&mut self, peer: &mut Peer) {
        let name = self.name_of(peer.client.last_command);
        let Peer { client, out, .. } = peer;
        let line = client_line((client, out), &self.tracking, &self.state, &self.table);
        log::warn!("Replica generated a reply to command '{name}', disconnecting it: {line}");
        peer.client.closing = Some(Closing::Now);
    }

    /// What has been run elsewhere fails here: the data may differ.
    #[cold]
    pub(super) fn note_divergence(&mut self, side: Side, id: Option<CommandId>, error: &Error) {
        let (from, to) = match side {
            Side::Primary => ("replica", "master"),
            Side::Log => ("server", "AOF-loading-client"),
            Side::Client | Side::Replica => ("master", "replica"),
        };
        let (name, text) = (self.name_of(id), String::from_utf8_lossy(error.as_bytes()));
        log::warn!(
            "== CRITICAL == This {from} is sending an error to its {to}: '-{text}' after \
             processing the command '{name}'"
        );
        self.state.stats.errors_between_servers += 1;
        let repl = &self.state.config.repl;
        let is_fatal = match side {
            Side::Primary => repl.divergence != Divergence::Ignored && repl.is_read_only,
            Side::Log => repl.divergence == Divergence::Fatal,
            Side::Client | Side::Replica => false,
        };
        if is_fatal {
            self.fail(format!(
                "This {from} panicked sending an error to its {to} after processing the command \
                 '{name}'"
            ));
        }
    }

    fn name_of(&self, id: Option<CommandId>) -> String {
        id.map_or_else(|| "<unknown>".to_owned(), |id| self.table.row(id).name.to_string())
    }

    /// A request begins while someone watches keys.
    #[cold]
    fn begin_watch(&mut self, peer: &Peer, host: &mut dyn Host) {
        if let Some(watch) = &mut self.state.hotkeys {
            watch.before = Some(Before { ticks: host.ticks(), output: peer.out.len() });
        }
    }

    /// It has ended: tells the watch what it has cost.
    #[cold]
    fn end_watch(&mut self, peer: &Peer, argv: Argv<'_>, host: &mut dyn Host) {
        let Ok(id) = self.resolve(argv) else { return };
        let State { hotkeys: Some(watch), rng, now, .. } = &mut self.state else { return };
        let Some(before) = watch.before.take().filter(|_| watch.is_active(*now)) else { return };
        let ticks = num::float(host.ticks().saturating_sub(before.ticks));
        let time = Duration::from_secs_f64(ticks / host.ticks_per_us() / 1e6);
        let ns = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let replied = peer.out.len().saturating_sub(before.output);
        let bytes = replied + argv.from(0).map(<[u8]>::len).sum::<usize>();
        let indexes = self.table.row(id).key_indexes(argv);
        let keys: Vec<&[u8]> = indexes.map(|index| argv.at(index)).collect();
        watch.note(&keys, Cost { ns, bytes: bytes as u64 }, rng);
    }

    /// Finds the command; requests that follow each other mostly name the same one.
    #[inline(always)] // On the path of every command.
    pub(super) fn resolve(&mut self, argv: Argv<'_>) -> Result<CommandId, Error> {
        match self.recent.get(argv.at(0)) {
            Some(id) => Ok(id),
            None => self.resolve_anew(argv),
        }
    }

    #[inline(never)] // Most are found without it.
    fn resolve_anew(&mut self, argv: Argv<'_>) -> Result<CommandId, Error> {
        let id = self.table.resolve(argv)?;
        let row = self.table.row(id);
        if !row.is_subcommand && row.command.subcommands.is_empty() {
            self.recent.set(argv.at(0), id);
        }
        Ok(id)
    }

    #[inline(always)] // As above.
    fn call<'a, const CALM: bool>(
        &mut self,
        id: CommandId,
        peer: &mut Peer,
        argv: Argv<'a>,
        mark: &mut Mark,
        timed: &mut Timed<'a>,
        host: &mut dyn Host,
    ) -> Result<Flow, Error> {
        let is_out_of_memory = self.is_out_of_memory(host);
        if self.tracking.is_on() && !self.store.changes.untold().is_empty() {
            self.tell_evictions(peer, mark);
        }
        let row = self.table.row(id);
        let needs_admission = !CALM || is_out_of_memory || !row.command.spec.takes(argv.len());
        if needs_admission && let Err(refusal) = self.admit((id, row), peer, argv, is_out_of_memory)
        {
            return Err(self.refuse_request(refusal, id, peer, argv));
        }
        if !CALM && peer.client.multi.is_some() && self.is_queued(id) {
            self.queue(peer, id, argv);
            return Ok(Flow::Done);
        }
        timed.begin(id, argv, &peer.client, self, host);
        let mut outcome = self.invoke::<CALM>(id, peer, argv, host);
        match outcome {
            Ok(Flow::Block) if peer.client.side == Side::Primary => {
                // The stream of a primary waits for nothing.
                peer.client.wait = None;
                outcome = Ok(Flow::Done);
            }
            Ok(Flow::Block) => {
                self.show(id, &peer.client, argv);
                self.park(peer, id, argv, timed.withdraw(host));
                return outcome;
            }
            Ok(Flow::Exec) => self.run_queue(peer, host),
            Ok(Flow::LoadLog) => {
                outcome = self.reload_log(host).map(|()| {
                    peer.out.ok();
                    Flow::Done
                });
            }
            Ok(Flow::Done | Flow::Pushed) | Err(_) => {}
        }
        if !CALM {
            self.show(id, &peer.client, argv);
        }
        self.count_run(id, peer, outcome.is_err());
        outcome
    }

    /// Counts and notes that a request is not admitted; what its client is told.
    #[cold]
    fn refuse_request(
        &mut self,
        refusal: Refusal,
        id: CommandId,
        peer: &mut Peer,
        argv: Argv<'_>,
    ) -> Error {
        self.state.stats.commands[id.index()].rejected += 1;
        let error = match refusal {
            Refusal::Error(error) => error,
            Refusal::Denied(denial) => self.deny(denial, (id, argv), peer),
        };
        self.fail_transaction(peer, self.table.row(id).command.spec.flags, error)
    }

    /// Whether a command waits in the queue if there is one.
    pub(super) fn is_queued(&self, id: CommandId) -> bool {
        !self.table.row(id).command.spec.flags.contains(Flags::NOT_QUEUED)
    }

    /// Counts a command that has run.
    #[inline]
    pub(super) fn count_run(&mut self, id: CommandId, peer: &mut Peer, failed: bool) {
        self.state.stats.ran(id, failed);
        peer.client.commands += 1;
    }

    /// Calls the handler of a command that has been admitted, and hands on what has changed to
    /// those who replay it, of whom there are none where all is calm, and to those who track.
    #[inline(always)] // On the path of every command; the other callers are cold.
    pub(super) fn invoke<const CALM: bool>(
        &mut self,
        id: CommandId,
        peer: &mut Peer,
        argv: Argv<'_>,
        host: &mut dyn Host,
    ) -> Result<Flow, Error> {
        let row = self.table.row(id);
        let (command, name) = (row.command, probes::Name::of(&row.name));
        self.black_box.note_command(id.index(), peer.client.id.serial);
        probes::command_start(peer.client.id.serial, name);
        let dirty = self.store.changes.dirty;
        let db = peer.client.db;
        if !CALM && self.state.feed.is_on() {
            self.state.feed.enter();
        }
        let mut call = self.open_call(id, argv, &mut peer.client, &mut peer.out, host);
        let outcome = (command.run)(&mut call);
        probes::command_end(peer.client.id.serial, name, outcome.is_err());
        if !CALM && self.state.feed.is_on() {
            self.feed_changes(dirty, (db, argv), command.spec.flags);
            if outcome != Ok(Flow::Block) {
                peer.client.written = self.state.written();
            }
        }
        if self.tracking.is_on() {
            self.track(&peer.client, id, argv);
        }
        if !CALM && self.state.restricts_clients() && !self.state.config.repl.is_read_only {
            self.note_own(&peer.client, id, argv);
        }
        outcome
    }

    /// Hands on which keys have died since this was done last.
    pub(super) fn feed_deaths(&mut self) {
        let State { feed, config, .. } = &mut self.state;
        feed.append_deaths(self.store.changes.unfed(), config);
        self.store.changes.note_fed();
    }

    /// Hands on what a command has changed since the count of changes was `dirty`.
    #[inline]
    fn feed_changes(&mut self, dirty: u64, (db, argv): (DbIndex, Argv<'_>), flags: Flags) {
        if !self.store.changes.unfed().is_empty() {
            self.feed_deaths();
        }
        let feed = &mut self.state.feed;
        let propagated = feed.take_propagated();
        if self.store.changes.dirty != dirty {
            match &propagated {
                Propagated::Instead(instead) => feed.append(db, instead.borrow()),
                Propagated::Each(all) => {
                    all.iter().for_each(|instead| feed.append(db, instead.borrow()));
                }
                Propagated::AsReceived | Propagated::ToReplicas => feed.append(db, argv),
            }
        } else if propagated == Propagated::ToReplicas {
            feed.append_for_replicas(db, argv);
        }
        feed.leave(flags.contains(Flags::TOUCHES_ANY));
    }

    /// Shows a request that has run, or waits, to those who watch.
    #[inline]
    pub(super) fn show(&mut self, id: CommandId, client: &Client, argv: Argv<'_>) {
        if !self.monitors.is_empty() {
            self.show_to_monitors(id, client, argv);
        }
    }

    /// The same where someone watches; an operator's requests are not shown.
    #[cold]
    fn show_to_monitors(&mut self, id: CommandId, client: &Client, argv: Argv<'_>) {
        let flags = self.table.row(id).command.spec.flags;
        if flags.intersects(Flags::ADMIN | Flags::SKIP_MONITOR) {
            return;
        }
        let argv = slowlog::copy_args(argv, &self.state.redacted);
        let addr = &client.connection.addr;
        let unix = addr.strip_suffix(":0").filter(|_| client.connection.is_unix);
        let from = unix.map_or_else(|| addr.clone(), |path| format!("unix:{path}"));
        self.monitors.show(self.state.now.unix_us, client.db, &from, &argv);
    }
}

/// True for words that begin lines of HTTP: a browser has been tricked into sending requests here.
fn is_http(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"POST") || name.eq_ignore_ascii_case(b"Host:")
}

/// The command found last, by its name as it was sent.
#[derive(Default)]
pub(super) struct Recent {
    name: Vec<u8>,
    id: Option<CommandId>,
}

impl Recent {
    #[inline]
    fn get(&self, name: &[u8]) -> Option<CommandId> {
        self.id.filter(|_| short::equal(&self.name, name))
    }

    fn set(&mut self, name: &[u8], id: CommandId) {
        self.id = Some(id);
        self.name.clear();
        self.name.extend_from_slice(name);
    }
}
