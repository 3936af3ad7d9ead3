//! Servers on free ports: spindle, or a real redis-server.
#![allow(clippy::disallowed_methods, reason = "tests wait for real")]

use super::client::{Client, PATIENCE};
use std::io::Read;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// A server process; killed when dropped.
pub struct Server {
    child: Child,
    pub port: u16,
    dir: tempfile::TempDir,
}

/// The program under test.
pub fn spindle() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_spindle-server"))
}

/// A real redis-server, if there is one on the PATH, or the one that REDIS_SERVER names.
pub fn redis() -> Option<PathBuf> {
    std::env::var_os("REDIS_SERVER").map(PathBuf::from).or_else(|| on_path("redis-server"))
}

/// A redis-server of version 7.2 or later, if SPINDLE_REDIS_NEWER names one.
pub fn newer_redis() -> Option<PathBuf> {
    std::env::var_os("SPINDLE_REDIS_NEWER").map(PathBuf::from)
}

/// A program, if there is one of that name on the PATH.
pub fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.exists())
}

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("an address").port()
}

impl Server {
    /// Starts spindle with flags.
    pub fn start(flags: &[&str]) -> Server {
        Server::start_program(&spindle(), flags)
    }

    /// Starts spindle on a certain port, at the first try.
    pub fn start_on(port: u16) -> Server {
        let dir = tempfile::tempdir().expect("a directory");
        let mut server = Server::spawn(&spindle(), port, dir, &[], &[]);
        assert!(server.wait_until_ready(), "{}", server.log());
        server
    }

    /// Starts spindle where there are files already, and does not wait.
    pub fn begin_in(dir: tempfile::TempDir, flags: &[&str]) -> Server {
        Server::spawn(&spindle(), free_port(), dir, &[], flags)
    }

    /// Kills it, and hands its directory over.
    pub fn kill(mut self) -> tempfile::TempDir {
        self.end();
        std::mem::replace(&mut self.dir, tempfile::tempdir().expect("a directory"))
    }

    /// Starts spindle with a file of parameters, which comes first, and flags.
    pub fn start_with_file(flags: &[&str]) -> Server {
        Server::start_args(&spindle(), &flags[..1], &flags[1..])
    }

    /// Starts a program that understands Redis's flags, and waits until it accepts.
    pub fn start_program(program: &Path, flags: &[&str]) -> Server {
        Server::start_args(program, &[], flags)
    }

    /// Stops the process as a crash would, and starts it again where it was.
    pub fn crash_and_restart(mut self, flags: &[&str]) -> Server {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
        self.restart(flags)
    }

    /// Starts a program again where one that has ended was.
    pub fn restart(mut self, flags: &[&str]) -> Server {
        assert!(!self.is_running());
        let empty = tempfile::tempdir().expect("a directory");
        let dir = std::mem::replace(&mut self.dir, empty);
        Server::start_in(dir, &spindle(), flags)
    }

    /// Starts a program again where one that has ended was, on the same port.
    pub fn start_again(mut self, program: &Path, flags: &[&str]) -> Server {
        self.revive(program, flags);
        self
    }

    /// Starts it again where it has ended, on the same port.
    pub fn revive(&mut self, program: &Path, flags: &[&str]) {
        assert!(!self.is_running());
        let empty = tempfile::tempdir().expect("a directory");
        let dir = std::mem::replace(&mut self.dir, empty);
        *self = Server::spawn(program, self.port, dir, &[], flags);
        assert!(self.wait_until_ready(), "{}", self.log());
    }

    /// Starts a program where there is data.
    pub fn start_in(dir: tempfile::TempDir, program: &Path, flags: &[&str]) -> Server {
        let mut dir = dir;
        for _ in 0..20 {
            let mut server = Server::spawn(program, free_port(), dir, &[], flags);
            if server.wait_until_ready() {
                return server;
            }
            assert!(server.log().contains("ailed listening"), "{}", server.log());
            let empty = tempfile::tempdir().expect("a directory");
            dir = std::mem::replace(&mut server.dir, empty);
        }
        panic!("{} does not start", program.display());
    }

    fn start_args(program: &Path, file: &[&str], flags: &[&str]) -> Server {
        // Another process may take the port between the choice and the start.
        for _ in 0..20 {
            let port = free_port();
            let dir = tempfile::tempdir().expect("a directory");
            let mut server = Server::spawn(program, port, dir, file, flags);
            if server.wait_until_ready() {
                return server;
            }
        }
        panic!("{} does not start", program.display());
    }

    fn spawn(
        program: &Path,
        port: u16,
        dir: tempfile::TempDir,
        file: &[&str],
        flags: &[&str],
    ) -> Server {
        let log = std::fs::File::create(dir.path().join("log")).expect("a log file");
        let child = Command::new(program)
            .args(file)
            .args(["--port", &port.to_string(), "--save", ""])
            .args(flags)
            // SORT ALPHA follows it.
            .env("LC_ALL", "C")
            .current_dir(dir.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .spawn()
            .expect("started");
        Server { child, port, dir }
    }

    fn wait_until_ready(&mut self) -> bool {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if self.child.try_wait().expect("a state").is_some() {
                return false;
            }
            // Not by a connection: it might reach another server that has taken the port.
            if self.log().contains("Ready to accept connections") {
                return true;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        false
    }

    pub fn client(&self) -> Client {
        Client::tcp(&format!("127.0.0.1:{}", self.port)).expect("connected")
    }

    /// The directory of one that has ended.
    pub fn into_dir(mut self) -> tempfile::TempDir {
        assert!(!self.is_running());
        std::mem::replace(&mut self.dir, tempfile::tempdir().expect("a directory"))
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        let mut text = String::new();
        let mut file = std::fs::File::open(self.dir.path().join("log")).expect("a log file");
        file.read_to_string(&mut text).expect("text");
        text
    }

    /// Sends a signal by name.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args([name, &self.pid().to_string()]).status();
        assert!(status.expect("kill runs").success());
    }

    /// Waits for the end of the process.
    pub fn wait(&mut self) -> ExitStatus {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("a state") {
                return status;
            }
            assert!(Instant::now() < end, "the server does not end");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a state").is_none()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

impl Server {
    fn end(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            self.child.kill().expect("killed");
            self.child.wait().expect("ended");
        }
    }
}

/// Waits until something holds.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "never: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
