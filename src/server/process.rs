//! The process among others: in the background, watched by a supervisor, known by a file of its id.

use crate::config::Config;
use crate::config::kinds::Supervised;
use crate::sys::{self, files, supervisor};
use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::{self, Path, PathBuf};
use std::process::{Command, Stdio};

/// Set in the environment of a server that has been put into the background.
const IN_BACKGROUND: &str = "SPINDLE_IN_BACKGROUND";
/// The file of the id of a server in the background that names no other.
const PID_FILE: &str = "/var/run/redis.pid";

/// What the environment tells of who has started the process.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// `NOTIFY_SOCKET`: where systemd listens.
    pub notify_socket: Option<OsString>,
    /// Whether Upstart has named a job.
    pub is_upstart_job: bool,
    /// Whether this process is the one in the background.
    pub is_in_background: bool,
}

impl Origin {
    /// Reads the environment.
    pub fn from_env() -> Origin {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        Origin {
            notify_socket: variable("NOTIFY_SOCKET"),
            is_upstart_job: variable("UPSTART_JOB").is_some(),
            is_in_background: variable(IN_BACKGROUND).is_some(),
        }
    }

    /// The supervisor that the parameters want and that is there.
    pub fn supervisor(&self, wanted: Supervised) -> Option<Supervisor> {
        let upstart = self.is_upstart_job.then_some(Supervisor::Upstart);
        let systemd = || self.notify_socket.clone().map(Supervisor::Systemd);
        match wanted {
            Supervised::No => None,
            Supervised::Upstart => upstart,
            Supervised::Systemd => systemd(),
            Supervised::Auto => upstart.or_else(systemd),
        }
    }
}

/// Who watches over the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Supervisor {
    /// Upstart.
    Upstart,
    /// systemd, at its socket.
    Systemd(OsString),
}

impl Supervisor {
    /// Its name, as INFO tells it.
    pub fn name(&self) -> &'static str {
        match self {
            Supervisor::Upstart => "upstart",
            Supervisor::Systemd(_) => "systemd",
        }
    }

    /// Tells it that clients are served.
    pub fn ready(&self) {
        let told = match self {
            Supervisor::Upstart => sys::process::stop_self(),
            Supervisor::Systemd(socket) => {
                supervisor::notify(socket, "STATUS=Ready to accept connections\nREADY=1\n")
            }
        };
        self.complain(told);
    }

    /// Tells it that the end has come.
    pub fn stopping(&self) {
        let told = match self {
            Supervisor::Upstart => Ok(()),
            Supervisor::Systemd(socket) => supervisor::notify(socket, "STOPPING=1\n"),
        };
        self.complain(told);
    }

    fn complain(&self, told: std::io::Result<()>) {
        if let Err(error) = told {
            log::warn!("cannot tell {}: {error}", self.name());
        }
    }
}

/// The file that holds the process's id; it goes with the process.
#[derive(Debug)]
pub struct PidFile(PathBuf);

impl PidFile {
    /// Writes the file if the parameters name one, or in the background. One that cannot be written
    /// is complained of; the server does without it.
    pub fn write(config: &Config, is_in_background: bool) -> Option<PidFile> {
        let name = match config.pidfile.as_str() {
            "" if is_in_background => PID_FILE,
            "" => return None,
            name => name,
        };
        let path = path::absolute(name).ok()?;
        match fs::write(&path, format!("{}\n", std::process::id())) {
            Ok(()) => Some(PidFile(path)),
            Err(error) => {
                log::warn!("Failed to write PID file: {}", files::reason(&error));
                None
            }
        }
    }

    /// Removes the file.
    pub fn remove(self) {
        if let Err(error) = fs::remove_file(&self.0) {
            log::warn!("cannot remove {}: {error}", self.0.display());
        }
    }
}

/// Starts the program once more, in the background: with the same arguments and the same standard
/// input, and without a terminal. The process that has called this is to end.
///
/// # Errors
/// What the system says.
pub fn go_to_background(program: &Path, args: &[String], input: &[u8]) -> std::io::Result<()> {
    let mut child = Command::new(program)
        .args(args)
        .env(IN_BACKGROUND, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    match child.stdin.take() {
        Some(mut pipe) => pipe.write_all(input),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_supervisor_is_the_one_that_is_wanted_and_there() {
        let systemd = Supervisor::Systemd("@x".into());
        let both = Origin {
            notify_socket: Some("@x".into()),
            is_upstart_job: true,
            is_in_background: false,
        };
        let only_systemd = Origin { is_upstart_job: false, ..both.clone() };
        let cases = [
            (&both, Supervised::No, None),
            (&both, Supervised::Systemd, Some(&systemd)),
            (&both, Supervised::Auto, Some(&Supervisor::Upstart)),
            (&only_systemd, Supervised::Auto, Some(&systemd)),
            (&only_systemd, Supervised::Upstart, None),
            (&Origin::default(), Supervised::Auto, None),
        ];
        for (origin, wanted, expected) in cases {
            assert_eq!(origin.supervisor(wanted).as_ref(), expected, "{origin:?} {wanted:?}");
        }
    }
}
