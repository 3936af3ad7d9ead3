//! The real world for the engine: clocks, listening sockets, the process.

use super::event_loop::CONNECTION_TOKENS;
use super::listener::{self, ListenError, Listener};
use super::pipe::Pipe;
use super::remote::Connected;
use super::title::Nameplate;
use crate::base::time::{Now, SystemClock};
use crate::config::kinds::{self, LogLevel};
use crate::config::{Config, checks};
use crate::exec::{Host, HostError, Job, ReadError, Remote};
use crate::persist::aof::Errand;
use crate::sys::disk::{Disk, SystemDisk};
use crate::sys::fork::{self, Child, End};
use crate::sys::helper::Helper;
use crate::sys::oom::{OomScore, Target};
use crate::sys::ticks::Stopwatch;
use crate::sys::{files, limits, random};
use mio::{Registry, Token, Waker};
use slab::Slab;
use std::io::{self, Write};
use std::os::fd::RawFd;
use std::path::Path;
use std::time::Duration;

/// Descriptors that are no clients: standard streams, poll, signals, listeners, files.
const DESCRIPTORS_RESERVED: u64 = 32;
/// The token of what is done beside the loop.
pub(super) const WAKER: Token = Token(CONNECTION_TOKENS - 1);
/// The first token of listeners.
pub(super) const LISTENER_TOKENS: usize = 1;

/// What is outside the engine.
pub(super) struct World {
    clock: SystemClock,
    watch: Stopwatch,
    registry: Registry,
    oom_score: OomScore,
    /// What a child's score is to be.
    child_score: Target,
    /// Whether this is a replica.
    is_replica: bool,
    disk: SystemDisk,
    /// The thread for work on the disk that nobody waits for, once there has been such work.
    helper: Option<Helper>,
    /// The child that runs or has run.
    child: Option<Child>,
    /// The title of the process, if it has one of ours.
    nameplate: Option<Nameplate>,
    /// By which it tells what it makes for replicas.
    pub(super) pipe: Option<Pipe>,
    /// By token.
    pub(super) listeners: Slab<Listener>,
}

impl World {
    /// Reads a file.
    pub(super) fn read(path: &Path) -> Result<Vec<u8>, ReadError> {
        std::fs::read(path).map_err(|error| ReadError {
            is_missing: error.kind() == io::ErrorKind::NotFound,
            reason: files::reason(&error),
        })
    }

    /// Starts the clocks; listens to nothing yet.
    pub(super) fn new(registry: Registry) -> World {
        World {
            clock: SystemClock::start(),
            watch: Stopwatch::start(),
            registry,
            oom_score: OomScore::default(),
            child_score: Target::Untouched,
            is_replica: false,
            disk: SystemDisk,
            helper: None,
            child: None,
            nameplate: None,
            pipe: None,
            listeners: Slab::new(),
        }
    }

    /// Has the process show what it serves, from now on.
    pub(super) fn show_title(&mut self, mut nameplate: Nameplate, config: &Config) {
        nameplate.follow(config);
        self.nameplate = Some(nameplate);
    }

    /// How the child has ended, if it has since the last time.
    pub(super) fn ended_child(&mut self) -> Option<End> {
        let waited = self.child.as_mut()?.try_wait();
        waited.unwrap_or_else(|error| {
            log::warn!("waiting for the child: {error}");
            None
        })
    }

    /// Listens on everything that the parameters name.
    pub(super) fn listen(&mut self, config: &Config) -> Result<(), String> {
        let sentence = |error: ListenError| {
            let ListenError { address, error } = error;
            format!("Failed listening on port {} (TCP), aborting: {address}: {error}", config.port)
        };
        let tcp = listener::listen_tcp(config).map_err(sentence)?;
        let unix = listener::listen_unix(config).map_err(|ListenError { address, error }| {
            format!("Failed opening Unix socket, aborting: {address}: {error}")
        })?;
        for listener in tcp.into_iter().chain(unix) {
            self.add(listener).map_err(|error| format!("Failed listening, aborting: {error}"))?;
        }
        if self.listeners.is_empty() {
            return Err("Configured to not listen anywhere, exiting.".to_owned());
        }
        Ok(())
    }

    /// Listens no more.
    pub(super) fn stop_listening(&mut self) {
        self.listeners.drain().for_each(|listener| listener.clean_up());
    }

    /// Watches a listener for connections; its key.
    fn add(&mut self, mut listener: Listener) -> io::Result<usize> {
        let entry = self.listeners.vacant_entry();
        let key = entry.key();
        listener.register(&self.registry, Token(LISTENER_TOKENS + key))?;
        entry.insert(listener);
        Ok(key)
    }

    /// Replaces the TCP listeners of the `old` parameters by those of the `new` ones; if these
    /// cannot be had, those stay.
    fn listen_anew(&mut self, old: &Config, new: &Config) -> Result<(), HostError> {
        if (new.port, &new.bind) == (old.port, &old.bind) {
            return Ok(());
        }
        let is_tcp = |listener: &Listener| matches!(listener, Listener::Tcp(_));
        let is_old = |(key, listener): (usize, &Listener)| is_tcp(listener).then_some(key);
        let keys: Vec<usize> = self.listeners.iter().filter_map(is_old).collect();
        if new.port != old.port {
            self.listen_tcp(new).map_err(|()| HostError {
                parameter: "port",
                reason: "Unable to listen on this port. Check server logs.".to_owned(),
            })?;
            keys.into_iter().for_each(|key| drop(self.listeners.remove(key)));
            return Ok(());
        }
        // Sockets of the old addresses would be in the way of new ones on the same port.
        keys.into_iter().for_each(|key| drop(self.listeners.remove(key)));
        self.listen_tcp(new).map_err(|()| {
            if self.listen_tcp(old).is_err() {
                log::error!("cannot listen again on what was listened on before");
            }
            let reason = "Failed to bind to specified addresses.".to_owned();
            HostError { parameter: "bind", reason }
        })
    }

    /// Listens on all TCP addresses, or on none and says in the log why.
    fn listen_tcp(&mut self, config: &Config) -> Result<(), ()> {
        let listeners = listener::listen_tcp(config).map_err(|error| {
            log::warn!("Failed listening on {}: {}", error.address, error.error)
        })?;
        let mut keys = Vec::new();
        for listener in listeners {
            match self.add(listener) {
                Ok(key) => keys.push(key),
                Err(error) => {
                    log::warn!("Failed listening: {error}");
                    keys.into_iter().for_each(|key| drop(self.listeners.remove(key)));
                    return Err(());
                }
            }
        }
        Ok(())
    }

    /// Changes the directory, and tells its full path.
    pub(super) fn change_dir(&self, dir: &str) -> io::Result<String> {
        std::env::set_current_dir(dir)?;
        Ok(std::env::current_dir()?.to_string_lossy().into_owned())
    }

    /// Tells the kernel what the parameters want it told.
    pub(super) fn set_oom_score(&mut self, config: &Config) -> Result<(), String> {
        let [primary, replica, child] = checks::oom_values(&config.oom_score_adj_values)?;
        let target = |value| match config.oom_score_adj {
            kinds::OomScore::No => Target::Untouched,
            kinds::OomScore::Yes | kinds::OomScore::Relative => Target::Relative(value),
            kinds::OomScore::Absolute => Target::Absolute(value),
        };
        self.child_score = target(child);
        self.oom_score.set(target(if self.is_replica { replica } else { primary }))
    }

    /// Raises the limit on descriptors for so many clients; how many clients there can be.
    pub(super) fn make_room_for(&self, clients: i64) -> i64 {
        let wanted =
            u64::try_from(clients).unwrap_or(u64::MAX).saturating_add(DESCRIPTORS_RESERVED);
        let room = limits::raise_open_files(wanted).saturating_sub(DESCRIPTORS_RESERVED);
        i64::try_from(room).unwrap_or(i64::MAX).clamp(1, clients)
    }
}

impl Host for World {
    fn now(&mut self) -> Now {
        self.clock.sample()
    }

    #[inline]
    fn ticks(&mut self) -> u64 {
        self.watch.read()
    }

    fn ticks_per_us(&mut self) -> f64 {
        self.watch.ticks_per_us()
    }

    fn sleep(&mut self, duration: Duration) {
        std::thread::sleep(duration);
    }

    fn note_role(&mut self, config: &Config, is_replica: bool) {
        self.is_replica = is_replica;
        if let Err(reason) = self.set_oom_score(config) {
            log::warn!("Unable to write oom_score_adj: {reason}");
        }
    }

    fn reconfigure(&mut self, old: &Config, new: &mut Config) -> Result<(), HostError> {
        let followed = self.follow(old, new).and_then(|()| self.listen_anew(old, new));
        if followed.is_ok() {
            log::set_max_level(level_filter(new.loglevel));
            self.nameplate.iter_mut().for_each(|nameplate| nameplate.follow(new));
            return Ok(());
        }
        // All or nothing: what has changed goes back to what it was.
        let mut back = old.clone();
        if let Err(error) = self.follow(new, &mut back) {
            log::error!("cannot go back: {}: {}", error.parameter, error.reason);
        }
        followed
    }

    fn fill_random(&mut self, buffer: &mut [u8]) -> Result<(), String> {
        random::fill(buffer).map_err(|error| files::reason(&error))
    }

    fn read_file(&mut self, path: &str) -> Result<Vec<u8>, ReadError> {
        World::read(Path::new(path))
    }

    fn replace_file(&mut self, path: &str, text: &[u8]) -> Result<(), String> {
        files::replace(Path::new(path), text).map_err(|error| files::reason(&error))
    }

    fn disk(&mut self) -> &mut dyn Disk {
        &mut self.disk
    }

    fn spawn(&mut self, keeps: &[RawFd], job: Job<'_>) -> io::Result<i32> {
        let (score, target) = (&mut self.oom_score, self.child_score);
        let child = fork::fork(keeps, &mut |progress| {
            // What the parent has told the kernel of itself is known here, too.
            if let Err(reason) = score.set(target) {
                log::warn!("Unable to write oom_score_adj: {reason}");
            }
            let done = job(&mut SystemDisk, progress);
            done.map_err(|reason| log::warn!("{reason}")).is_ok()
        })?;
        let pid = child.pid();
        self.child = Some(child);
        Ok(pid)
    }

    fn pipe(&mut self) -> io::Result<Box<dyn Write>> {
        let (pipe, writer) = Pipe::open(&self.registry)?;
        self.pipe = Some(pipe);
        Ok(writer)
    }

    fn kill_child(&mut self) {
        self.child.iter_mut().for_each(Child::kill);
    }

    fn aside(&mut self, errand: Errand) {
        if self.helper.is_none() {
            self.helper = self.start_helper();
        }
        match &self.helper {
            Some(helper) => helper.submit(Box::new(move || errand(&mut SystemDisk))),
            None => errand(&mut SystemDisk),
        }
    }

    fn connect(&mut self, host: &str, port: u16, timeout: Duration) -> io::Result<Box<dyn Remote>> {
        Ok(Box::new(Connected::to(host, port, timeout)?))
    }

    fn child_progress(&self) -> (u64, u64) {
        let progress = self.child.as_ref().map(Child::progress);
        progress.map_or((0, 0), |progress| (progress.done(), progress.copied_bytes()))
    }
}

impl World {
    /// Starts the helper; without one its work is done at once.
    fn start_helper(&self) -> Option<Helper> {
        let waker = Waker::new(&self.registry, WAKER);
        let started = waker.and_then(|waker| {
            Helper::start(move || {
                // If it cannot be woken it hears of it when it wakes for something else.
                waker.wake().unwrap_or_default();
            })
        });
        started.map_err(|error| log::warn!("cannot start a thread: {error}")).ok()
    }

    /// Takes parameters into effect, one after the other up to the first that cannot be.
    fn follow(&mut self, old: &Config, new: &mut Config) -> Result<(), HostError> {
        if new.maxclients > old.maxclients {
            let room = self.make_room_for(new.maxclients);
            if room < new.maxclients {
                let reason = format!(
                    "The operating system is not able to handle the specified number of clients, \
                     try with {room}"
                );
                return Err(HostError { parameter: "maxclients", reason });
            }
        }
        if new.dir != old.dir {
            let refused =
                |error: io::Error| HostError { parameter: "dir", reason: files::reason(&error) };
            new.dir = self.change_dir(&new.dir).map_err(refused)?;
        }
        self.follow_oom_score(old, new)
    }

    fn follow_oom_score(&mut self, old: &Config, new: &Config) -> Result<(), HostError> {
        let is_same_mode = new.oom_score_adj == old.oom_score_adj;
        if is_same_mode && new.oom_score_adj_values == old.oom_score_adj_values {
            return Ok(());
        }
        self.set_oom_score(new).map_err(|reason| {
            log::warn!("Unable to write oom_score_adj: {reason}");
            let parameter = if is_same_mode { "oom-score-adj-values" } else { "oom-score-adj" };
            let reason = "Failed to set current oom_score_adj. Check server logs.".to_owned();
            HostError { parameter, reason }
        })
    }
}

/// The logger's name for a level.
pub(super) fn level_filter(level: LogLevel) -> log::LevelFilter {
    match level {
        LogLevel::Debug => log::LevelFilter::Trace,
        LogLevel::Verbose => log::LevelFilter::Debug,
        LogLevel::Notice => log::LevelFilter::Info,
        LogLevel::Warning => log::LevelFilter::Warn,
        LogLevel::Nothing => log::LevelFilter::Off,
    }
}
