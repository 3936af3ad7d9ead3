//! The one loop: poll, tick, turns, writes.

use super::conn::{Conn, TurnEnd};
use super::journal;
use super::listener::Listener;
use super::outbound::{self, Outbound};
use super::pipe;
use super::sleep;
use super::stream::Stream;
use super::title::Nameplate;
use super::world::{LISTENER_TOKENS, WAKER, World};
use crate::base::id::ClientId;
use crate::base::time::Now;
use crate::config::Config;
use crate::exec::{Closing, Command, Connection, Engine, Facts, Host, LinkTurn};
use crate::persist::leftovers;
use crate::sys::crash::BlackBox;
use crate::sys::{files, process};
use mio::event::Event;
use mio::{Events, Poll, Token};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook_mio::v1_0::Signals;
use slab::Slab;
use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// The token of signals.
const SIGNALS: Token = Token(0);
/// The first token of connections; below are listeners.
pub(super) const CONNECTION_TOKENS: usize = 1 << 16;
/// Events taken from one poll.
const EVENTS: usize = 1_024;
/// Connections accepted from one listener in one tick.
const ACCEPTS_PER_TICK: usize = 1_000;
/// Requests of one tick after which no more turns are given; then replies are sent, time moves on,
/// and those who wait are first.
const REQUESTS_PER_TICK: u64 = 8_192;
/// The same by the stopwatch: some four milliseconds, ten at the most.
const TICKS_PER_TICK: u64 = 10_000_000;
/// The same for sending messages, some tenth of a millisecond: it waits behind replies, and goes on
/// in the next tick, so that what is published meanwhile leaves in the same write. It has as much
/// time as the tick's requests took if that is more.
const MESSAGE_TICKS_PER_TICK: u64 = 250_000;
/// Messages for so many subscribers are sent between two looks at the stopwatch.
const SUBSCRIBERS_PER_LOOK: usize = 4;
/// Bytes of messages that may wait; while there are more they are sent without a pause.
const MESSAGE_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Microseconds after which INFO is noted again for reports of crashes.
const INFO_EVERY_US: u64 = 10_000_000;
/// Reads in one tick of what a child writes for replicas.
const PIPE_READS_PER_TICK: usize = 16;
/// Output after which a client that goes on is sent what it has.
const SEND_EARLY_BYTES: usize = 256 * 1024;

/// A running server.
pub struct Server {
    poll: Poll,
    signals: Signals,
    engine: Engine,
    world: World,
    conns: Slab<Conn>,
    /// Connections by slot of their client, to find the one that has output.
    tokens: Vec<usize>,
    /// Connections that want a turn, first come first served.
    ready: VecDeque<usize>,
    /// Connections that want to read again, in the next tick.
    unread: Vec<usize>,
    /// Listeners that may have connections waiting.
    accepting: Vec<usize>,
    /// Listeners that could not accept for want of descriptors.
    starved: Vec<usize>,
    /// Connections whose other side is gone.
    over: Vec<usize>,
    /// Clients whose requests need wait no more, while they are given turns.
    resumed: Vec<ClientId>,
    /// Clients with output, while it is being sent.
    sending: Vec<ClientId>,
    /// How long the requests of this tick took, by the stopwatch.
    served_ticks: u64,
    /// When INFO is to be noted again, on the monotonic clock in microseconds.
    info_due_us: u64,
    /// Memory for reading, lent to connections.
    pool: Vec<Vec<u8>>,
    /// The connection to a primary while it is being opened.
    outbound: Option<Outbound>,
}

fn no_dir(config: &Config, error: &io::Error) -> String {
    format!("Can't chdir to '{}': {}", config.dir, files::reason(error))
}

fn no_more(error: io::Error) -> String {
    format!("cannot go on: {error}")
}

impl Server {
    /// Finds what would keep a server of these parameters from starting, before it does; whether
    /// its addresses are free shows then.
    ///
    /// # Errors
    /// One line that says what cannot be had.
    pub fn check(groups: &[&[&'static Command]], config: &Config) -> Result<(), String> {
        files::check_enter(&config.dir).map_err(|error| no_dir(config, &error))?;
        journal::check(config)?;
        let facts = Facts::default();
        let mut engine = Engine::new(groups, config.clone(), facts, Now::default(), 0);
        engine.rename_commands()?;
        engine.load_users(|path| World::read(&Path::new(&config.dir).join(path)))
    }

    /// Takes the parameters into effect and listens.
    ///
    /// # Errors
    /// One line that says what cannot be had.
    pub fn start(
        groups: &[&[&'static Command]],
        mut config: Config,
        facts: Facts,
        seed: u64,
    ) -> Result<Server, String> {
        let fault = |error: io::Error| format!("cannot start: {error}");
        let poll = Poll::new().map_err(fault)?;
        let mut signals =
            Signals::new([SIGTERM, SIGINT, SIGHUP, SIGCHLD, SIGXFSZ]).map_err(fault)?;
        poll.registry().register(&mut signals, SIGNALS, mio::Interest::READABLE).map_err(fault)?;
        let interrupted = Arc::clone(&facts.interrupted);
        signal_hook::flag::register(SIGINT, interrupted).map_err(fault)?;
        let mut world = World::new(poll.registry().try_clone().map_err(fault)?);
        let dir = world.change_dir(&config.dir);
        config.dir = dir.map_err(|error| no_dir(&config, &error))?;
        let room = world.make_room_for(config.maxclients);
        if room < config.maxclients {
            log::warn!(
                "maxclients has been reduced from {} to {room} for want of descriptors",
                config.maxclients
            );
            config.maxclients = room;
        }
        if let Err(reason) = world.set_oom_score(&config) {
            log::warn!("Unable to write oom_score_adj: {reason}");
        }
        world.listen(&config)?;
        let now = world.now();
        let mut engine = Engine::new(groups, config, facts, now, seed);
        engine.rename_commands()?;
        engine.load_users(|path| World::read(Path::new(path)))?;
        Ok(Server {
            poll,
            signals,
            engine,
            world,
            conns: Slab::new(),
            tokens: Vec::new(),
            ready: VecDeque::new(),
            unread: Vec::new(),
            accepting: Vec::new(),
            starved: Vec::new(),
            over: Vec::new(),
            resumed: Vec::new(),
            sending: Vec::new(),
            served_ticks: 0,
            info_due_us: 0,
            pool: Vec::new(),
            outbound: None,
        })
    }

    /// Has the process show what it serves, from now on.
    pub fn show_title(&mut self, nameplate: Nameplate) {
        self.world.show_title(nameplate, &self.engine.state().config);
    }

    /// What it listens on, for the log.
    pub fn addresses(&self) -> Vec<String> {
        self.world.listeners.iter().map(|(_, listener)| listener.describe()).collect()
    }

    /// Loads what was kept when the server last ran, and serves until told to stop. `ready` is
    /// called when everything is loaded.
    ///
    /// # Errors
    /// Why it cannot go on, in a line: what is kept cannot be loaded, or the system lets it poll no
    /// more.
    pub fn run(&mut self, mut ready: impl FnMut(&Server)) -> Result<(), String> {
        // Nothing is ours yet, though who crashed may have had our number.
        let is_alive = |pid| pid != std::process::id() && process::is_alive(pid);
        leftovers::remove(self.world.disk(), is_alive);
        let state = self.engine.state();
        for file in [&state.facts.config_file, &state.config.aclfile] {
            if !file.is_empty() {
                files::remove_leftovers(Path::new(file), is_alive);
            }
        }
        self.engine.begin_loading(&mut self.world)?;
        let mut is_ready = false;
        let mut events = Events::with_capacity(EVENTS);
        while !self.engine.state().is_stopping {
            if !is_ready && !self.engine.state().persistence.is_loading() {
                is_ready = true;
                ready(self);
            }
            let idle_us = self.idle_us();
            sleep::wait(&mut self.poll, &mut events, idle_us).map_err(no_more)?;
            let now = self.world.now();
            self.engine.tick(now, &mut self.world);
            self.resume();
            for event in &events {
                self.note(event);
            }
            self.tend_link();
            self.tend_pipe();
            self.accept();
            self.serve()?;
            self.engine.end_round();
            self.resume();
            self.write_log()?;
            if self.engine.state().is_stopping {
                // Nobody is let in who would only be turned out.
                self.world.stop_listening();
            }
            self.send();
            self.close_over();
            self.note_info(now);
        }
        self.engine.close_log(&mut self.world);
        self.engine.close_replication(&mut self.world);
        self.world.stop_listening();
        if let Some(failure) = self.engine.state_mut().persistence.failure.take() {
            return Err(failure);
        }
        log::info!("spindle is now ready to exit, bye bye...");
        Ok(())
    }

    /// Nothing is told to anyone before it is in the log.
    fn write_log(&mut self) -> Result<(), String> {
        self.engine.write_log(&mut self.world)
    }

    /// How long to sleep: not at all while someone waits for a turn, forever if nothing is due.
    fn idle_us(&mut self) -> Option<u64> {
        let is_busy = !self.ready.is_empty()
            || !self.accepting.is_empty()
            || self.engine.peers().has_messages()
            || self.has_snapshot_bytes();
        if is_busy { Some(0) } else { self.engine.idle_us(&mut self.world) }
    }

    /// Whether bytes of a snapshot wait, of our primary or of the child, that may be handed on.
    fn has_snapshot_bytes(&self) -> bool {
        let comes = self.outbound.as_ref().is_some_and(|outbound| outbound.is_readable);
        let goes = self.world.pipe.as_ref().is_some_and(|pipe| pipe.is_readable);
        comes && !self.engine.is_link_loading() || goes && self.engine.wants_snapshot_bytes()
    }

    /// Hands on what the child writes that makes a snapshot for replicas, as they take it.
    fn tend_pipe(&mut self) {
        if self.world.pipe.is_none() {
            return;
        }
        if !self.engine.has_pipe() {
            self.world.pipe = None;
            return;
        }
        let mut room = self.pool.pop().unwrap_or_default();
        for _ in 0..PIPE_READS_PER_TICK {
            let Some(pipe) = &mut self.world.pipe else { break };
            if !pipe.is_readable || !self.engine.wants_snapshot_bytes() {
                break;
            }
            match pipe.read(&mut room) {
                Ok(true) => self.engine.take_snapshot_bytes(&room),
                Ok(false) => {
                    self.world.pipe = None;
                    self.engine.end_snapshot_bytes();
                }
                Err(error) => {
                    log::warn!("reading from the child: {error}");
                    self.world.pipe = None;
                    self.engine.end_snapshot_bytes();
                }
            }
        }
        self.pool.push(room);
    }

    fn note(&mut self, event: &Event) {
        match event.token() {
            SIGNALS => self.note_signals(),
            // What has been done beside the loop shows in the tick that it wakes up for.
            WAKER => {}
            pipe::TOKEN => {
                if let Some(pipe) = &mut self.world.pipe {
                    pipe.is_readable = true;
                }
            }
            outbound::TOKEN => {
                if let Some(outbound) = &mut self.outbound {
                    outbound.is_readable = true;
                }
            }
            Token(token) if token < CONNECTION_TOKENS => {
                self.accepting.push(token - LISTENER_TOKENS);
            }
            Token(token) => self.note_connection(token - CONNECTION_TOKENS, event),
        }
    }

    fn note_signals(&mut self) {
        for signal in self.signals.pending() {
            match signal {
                SIGTERM | SIGINT => {
                    let name = if signal == SIGINT { "SIGINT" } else { "SIGTERM" };
                    log::warn!("Received {name} scheduling shutdown...");
                    self.engine.stop_by_signal(signal == SIGINT, &mut self.world);
                }
                SIGCHLD => {
                    if let Some(end) = self.world.ended_child() {
                        self.engine.child_ended(end, &mut self.world);
                    }
                }
                // SIGHUP is listened to so that it does nothing, and SIGXFSZ so that a write beyond
                // the system's limit fails like one to a full disk.
                _ => {}
            }
        }
    }

    fn note_connection(&mut self, key: usize, event: &Event) {
        let Some(conn) = self.conns.get_mut(key) else { return };
        if conn.is_stopped && (event.is_error() || event.is_write_closed()) {
            // Nobody is there to be sent what waits.
            self.over.push(key);
            return;
        }
        if conn.is_waiting && event.is_read_closed() {
            // It has given up; a long pause is not to collect such as these.
            self.over.push(key);
            return;
        }
        conn.is_readable |= event.is_readable() || event.is_error();
        conn.is_half_closed |= event.is_read_closed() || event.is_error();
        if event.is_writable() && !conn.is_writable {
            conn.is_writable = true;
            self.sending.push(conn.client);
        }
        self.enqueue(key);
    }

    /// Lists a connection for a turn, if it has use for one.
    fn enqueue(&mut self, key: usize) {
        let Some(conn) = self.conns.get_mut(key) else { return };
        let pause = self.engine.state().config.client_output_pause;
        if conn.is_queued || !conn.wants_turn() || is_paused(&mut self.engine, conn.client, pause) {
            return;
        }
        conn.is_queued = true;
        self.ready.push_back(key);
    }

    /// Notes what INFO says, for the report of a crash, if that is some time ago and wanted.
    fn note_info(&mut self, now: Now) {
        let is_wanted = self.engine.state().config.crash_log_enabled;
        self.engine.black_box().want_report(is_wanted);
        if is_wanted && now.mono_us >= self.info_due_us {
            self.info_due_us = now.mono_us + INFO_EVERY_US;
            let info = self.engine.describe(&mut self.world);
            self.engine.black_box().note_info(info);
        }
    }

    /// What a report of a crash needs to know.
    pub fn black_box(&self) -> &Arc<BlackBox> {
        self.engine.black_box()
    }

    /// Gives turns to the connections whose requests need wait no more.
    fn resume(&mut self) {
        self.engine.take_resumed(&mut self.resumed);
        for at in 0..self.resumed.len() {
            let Some(key) = self.key_of(self.resumed[at]) else { continue };
            self.conns[key].is_waiting = false;
            self.enqueue(key);
        }
        self.resumed.clear();
    }

    fn accept(&mut self) {
        let mut again = Vec::new();
        for key in std::mem::take(&mut self.accepting) {
            if self.accept_from(key) {
                again.push(key);
            }
        }
        self.accepting = again;
    }

    /// Accepts what waits at a listener; true if there may be more.
    fn accept_from(&mut self, key: usize) -> bool {
        for _ in 0..ACCEPTS_PER_TICK {
            let Some(listener) = self.world.listeners.get(key) else { return false };
            match accept_one(listener, &self.engine.state().config) {
                Ok(Some((stream, connection))) => self.welcome(stream, connection),
                Ok(None) => return false,
                Err(error) => {
                    // Without descriptors it is no use to try again before one is given back.
                    log::warn!("Error accepting a client connection: {error}");
                    self.starved.push(key);
                    return false;
                }
            }
        }
        true
    }

    fn welcome(&mut self, mut stream: Stream, connection: Connection) {
        let id = match self.engine.connect(connection) {
            Ok(id) => id,
            Err(error) => {
                let line = [b"-", error.as_bytes(), b"\r\n"].concat();
                if let Err(error) = stream.write(&line) {
                    log::debug!("turning a client away: {error}");
                }
                return;
            }
        };
        let entry = self.conns.vacant_entry();
        let token = Token(CONNECTION_TOKENS + entry.key());
        if let Err(error) = stream.register(self.poll.registry(), token) {
            log::warn!("cannot watch a connection: {error}");
            self.engine.disconnect(id);
            return;
        }
        let key = entry.key();
        entry.insert(Conn::new(stream, id));
        self.note_token(id, key);
    }

    /// Sees to it that there is the connection to a primary that the engine wants, and no other.
    fn tend_link(&mut self) {
        let Some((attempt, host, port)) = self.engine.wanted_link() else {
            self.outbound = None;
            return;
        };
        if self.outbound.as_ref().is_none_or(|outbound| outbound.attempt != attempt) {
            let source = &self.engine.state().config.repl.source;
            let opened = Outbound::connect(attempt, (host, port), source, self.poll.registry());
            match opened {
                Ok(outbound) => self.outbound = Some(outbound),
                Err(error) => {
                    return self.engine.cut_link(&error.to_string(), &mut self.world);
                }
            }
        }
        if self.engine.is_link_ready() {
            return self.adopt_link();
        }
        let Some(outbound) = &mut self.outbound else { return };
        if self.engine.is_link_loading() {
            if let Err(error) = outbound.send(&mut self.engine) {
                log::debug!("the link to the primary: {error}");
            }
            return;
        }
        if !outbound.is_readable {
            return;
        }
        let mut room = self.pool.pop().unwrap_or_default();
        let turn = outbound
            .finish(&mut self.engine)
            .and_then(|()| outbound.send(&mut self.engine))
            .and_then(|()| outbound.receive(&mut self.engine, &mut self.world, &mut room));
        self.pool.push(room);
        match turn {
            Ok(LinkTurn::Goes) => {}
            Ok(LinkTurn::Over) => self.outbound = None,
            Ok(LinkTurn::Follows) => self.adopt_link(),
            Err(error) => {
                self.outbound = None;
                self.engine.cut_link(&error.to_string(), &mut self.world);
            }
        }
    }

    /// Makes the connection to the primary that of a client.
    fn adopt_link(&mut self) {
        let Some(outbound) = self.outbound.take() else { return };
        let (connection, mut stream) = outbound.into_stream();
        let Some((id, begun)) = self.engine.adopt_link(connection) else { return };
        let entry = self.conns.vacant_entry();
        let key = entry.key();
        let token = Token(CONNECTION_TOKENS + key);
        if let Err(error) = stream.reregister(self.poll.registry(), token) {
            log::warn!("cannot watch the connection of the primary: {error}");
            self.engine.disconnect(id);
            return;
        }
        entry.insert(Conn::of_primary(stream, id, &begun));
        self.note_token(id, key);
        self.enqueue(key);
    }

    /// Notes which connection is that of a client.
    fn note_token(&mut self, id: ClientId, key: usize) {
        if self.tokens.len() <= id.slot {
            self.tokens.resize(id.slot + 1, usize::MAX);
        }
        self.tokens[id.slot] = key;
    }

    /// Gives turns to those who want one, around and around, until what has been read is served or
    /// the tick is long enough. A connection reads once in a tick, so that no stream keeps the
    /// others from being polled.
    #[inline(never)] // A name of its own in profiles; called once a tick.
    fn serve(&mut self) -> Result<(), String> {
        let served = |engine: &Engine| engine.state().stats.commands_processed;
        let (before, start) = (served(&self.engine), self.world.ticks());
        while let Some(key) = self.ready.pop_front() {
            let Some(conn) = self.conns.get_mut(key) else { continue };
            conn.is_queued = false;
            let id = conn.client;
            match conn.turn(&mut self.engine, &mut self.world, &mut self.pool) {
                TurnEnd::Idle => {}
                TurnEnd::HasRequests => {
                    if self.engine.output(id).is_some_and(|out| out.len() >= SEND_EARLY_BYTES) {
                        self.write_log()?;
                        self.send_to(id);
                    }
                    self.enqueue(key);
                }
                TurnEnd::HasInput => self.unread.push(key),
                TurnEnd::Over => self.over.push(key),
            }
            let count = served(&self.engine).saturating_sub(before);
            let is_long = self.world.ticks() - start >= TICKS_PER_TICK;
            if count >= REQUESTS_PER_TICK || is_long || self.engine.state().is_stopping {
                break;
            }
        }
        self.served_ticks = self.world.ticks() - start;
        let mut unread = std::mem::take(&mut self.unread);
        unread.drain(..).for_each(|key| self.enqueue(key));
        self.unread = unread;
        Ok(())
    }

    /// One write for each client that has output.
    #[inline(never)] // As above.
    fn send(&mut self) {
        self.engine.feed_replicas();
        self.delay_packets();
        self.engine.peers().take_with_output(&mut self.sending);
        while let Some(id) = self.sending.pop() {
            self.send_to(id);
        }
        if self.engine.peers().has_messages() {
            self.send_messages();
        }
        for id in self.engine.peers().take_doomed() {
            if let Some(key) = self.key_of(id) {
                self.close(key);
            }
        }
    }

    /// Has the system collect what goes to new replicas, if that is wanted.
    fn delay_packets(&mut self) {
        for id in self.engine.state_mut().replication.take_delayed() {
            let Some(key) = self.key_of(id) else { continue };
            if let Err(error) = self.conns[key].stream.delay_packets() {
                log::debug!("collecting packets for a replica: {error}");
            }
        }
    }

    /// One write for each subscriber that has messages, as many as there is time for.
    #[inline(never)] // As above.
    fn send_messages(&mut self) {
        let (start, time) = (self.world.ticks(), self.served_ticks.max(MESSAGE_TICKS_PER_TICK));
        for count in 1.. {
            let Some(id) = self.engine.peers().next_with_messages() else { return };
            self.send_to(id);
            if count % SUBSCRIBERS_PER_LOOK == 0
                && self.world.ticks() - start >= time
                && self.engine.peers().message_bytes() <= MESSAGE_BYTES_MAX
                && !self.engine.state().is_stopping
            {
                return;
            }
        }
    }

    /// Writes until everything is sent or the socket takes no more.
    fn send_to(&mut self, id: ClientId) {
        let Some(key) = self.key_of(id) else { return };
        let conn = &mut self.conns[key];
        let Some(output) = self.engine.output(id) else { return };
        let waiting = output.len();
        let mut sent = 0;
        while !output.is_empty() && conn.is_writable {
            match conn.stream.write_output(output) {
                Ok((offered, taken)) => {
                    output.consume(taken);
                    sent += taken;
                    conn.is_writable = taken == offered;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    conn.is_writable = false;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    log::debug!("writing to client id={}: {error}", id.serial);
                    self.engine.peers().doom(id);
                    return;
                }
            }
        }
        let is_done = output.is_empty();
        self.note_sent(id, waiting, sent);
        // Most of what waits for a replica waits elsewhere.
        if is_done && self.conns[key].is_writable && self.engine.fill_replica(id) {
            self.sending.push(id);
            return;
        }
        let closing = self.engine.client(id).and_then(|client| client.closing);
        if is_done {
            self.engine.peers().reclaim(id);
            if closing == Some(Closing::AfterReply) {
                self.over.push(key);
            }
        }
        self.enqueue(key);
    }

    /// Of what waited for a client, so much has been sent.
    fn note_sent(&mut self, id: ClientId, waiting: usize, sent: usize) {
        if sent == 0 {
            return;
        }
        let state = self.engine.state_mut();
        state.stats.writes += 1;
        state.stats.net_out += sent as u64;
        let (now, reset_us) = (state.now, state.reply_peak_reset_us);
        if let Some(client) = self.engine.client_mut(id) {
            client.reply_peak.note(waiting, now, reset_us);
            client.net_out += sent as u64;
            // One that reads slowly is not idle.
            client.active = now;
        }
    }

    fn key_of(&self, id: ClientId) -> Option<usize> {
        let key = *self.tokens.get(id.slot)?;
        self.conns.get(key).filter(|conn| conn.client == id)?;
        Some(key)
    }

    /// Closes the connections whose other side is gone or that have got their last reply.
    fn close_over(&mut self) {
        while let Some(key) = self.over.pop() {
            self.close(key);
        }
    }

    fn close(&mut self, key: usize) {
        if let Some(conn) = self.conns.try_remove(key) {
            self.engine.disconnect(conn.client);
            // A descriptor has become free.
            self.accepting.append(&mut self.starved);
        }
    }
}

/// One connection that waits, if there is one.
fn accept_one(listener: &Listener, config: &Config) -> io::Result<Option<(Stream, Connection)>> {
    loop {
        match listener.accept(config) {
            Ok(accepted) => return Ok(Some(accepted)),
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock => return Ok(None),
                // The other side has gone already; the next one may not have.
                io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted => {}
                _ => return Err(error),
            },
        }
    }
}

/// True if so much output waits for a client that its requests have to wait.
fn is_paused(engine: &mut Engine, id: ClientId, pause_bytes: i64) -> bool {
    let Ok(pause_bytes @ 1..) = usize::try_from(pause_bytes) else { return false };
    engine.output(id).is_some_and(|out| out.len() > pause_bytes)
}
