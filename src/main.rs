//! Arguments, log, parameters; then the server runs. The only place that ends the process.

use spindle::commands::{GROUPS, REDIS_VERSION};
use spindle::config::args::{self, Sources, Wanted};
use spindle::config::kinds::{Choice, Supervised};
use spindle::config::{Config, file};
use spindle::exec::Facts;
use spindle::persist::aof::{self, check::Cut};
use spindle::persist::rdb::check;
use spindle::server::process::{self, Origin, PidFile, Supervisor};
use spindle::server::title::Nameplate;
use spindle::server::{Server, journal};
use spindle::sys::title::Title;
use spindle::sys::{self, crash, files};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{Read, Write};
use std::process::ExitCode;
use std::sync::Arc;

/// What is known before the server starts.
struct Start {
    config: Config,
    facts: Facts,
    origin: Origin,
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match prepare(&args) {
        Ok(Some(start)) => serve(start),
        Ok(None) => Ok(()),
        Err(message) => journal::start(&Config::default()).and(Err(message)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            log::error!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// Reads what is to be done and starts the log; nothing is left to do if help was wanted or if
/// another process goes on in the background.
fn prepare(args: &[String]) -> Result<Option<Start>, String> {
    let sources = match args::parse(args)? {
        Wanted::Help => return print(args::HELP).map(|()| None),
        Wanted::Version => return print(&version()).map(|()| None),
        Wanted::CheckLog { path, fixes, until } => {
            let cut = match until {
                Some(second) => Cut::After(second),
                None if fixes => Cut::Broken,
                None => Cut::Never,
            };
            return print(&aof::check::check(&path, cut)?).map(|()| None);
        }
        Wanted::CheckRdb(path) => return print(&check::check(&path)?).map(|()| None),
        Wanted::Server(sources) => sources,
    };
    let exe = std::env::current_exe();
    let exe = exe.map_err(|error| format!("cannot find the program: {error}"))?;
    let origin = Origin::from_env();
    let input = read_input(&sources)?;
    let config = read_parameters(&sources, &input)?;
    let mut facts = Facts {
        pid: std::process::id(),
        executable: exe.to_string_lossy().into_owned(),
        os: sys::process::os(),
        machine_bytes: sys::memory::machine_bytes(),
        ..Facts::default()
    };
    if let Some(path) = &sources.file {
        let full = std::fs::canonicalize(path).map_err(|error| format!("{path}: {error}"))?;
        facts.config_file = full.to_string_lossy().into_owned();
    }
    let is_supervised = origin.supervisor(config.supervised).is_some();
    if config.daemonize && !is_supervised && !origin.is_in_background {
        // What is wrong with the parameters is to be seen on the terminal.
        Server::check(GROUPS, &config)?;
        let started = process::go_to_background(&exe, args, &input);
        started.map_err(|error| format!("cannot go to the background: {error}"))?;
        return Ok(None);
    }
    journal::start(&config)?;
    Ok(Some(Start { config, facts, origin }))
}

fn read_input(sources: &Sources) -> Result<Vec<u8>, String> {
    let mut input = Vec::new();
    if sources.has_input {
        let read = std::io::stdin().read_to_end(&mut input);
        read.map_err(|error| format!("cannot read standard input: {error}"))?;
    }
    Ok(input)
}

fn read_parameters(sources: &Sources, input: &[u8]) -> Result<Config, String> {
    let mut config = Config::default();
    if let Some(path) = &sources.file {
        file::read_file(&mut config, path)?;
    }
    file::read(&mut config, "standard input", input)?;
    file::read(&mut config, "command line", sources.flags.as_bytes())?;
    Ok(config)
}

fn version() -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "spindle server v={version} redis={REDIS_VERSION} malloc=jemalloc bits={}\n",
        usize::BITS
    )
}

fn print(text: &str) -> Result<(), String> {
    let written = std::io::stdout().write_all(text.as_bytes());
    written.map_err(|error| format!("cannot write: {error}"))
}

/// The title of the process, if it is to have one of ours.
fn take_title(config: &Config, facts: &Facts) -> Option<Nameplate> {
    if !config.set_proc_title {
        return None;
    }
    let program = std::env::args().next()?;
    let memory = Title::take(std::env::args_os())?;
    Some(Nameplate::new(memory, program, facts.config_file.clone()))
}

fn serve(start: Start) -> Result<(), String> {
    let Start { config, mut facts, origin } = start;
    // Before there are other threads.
    let nameplate = take_title(&config, &facts);
    log::info!("spindle {} starts. PID: {}", env!("CARGO_PKG_VERSION"), facts.pid);
    if config.disable_thp
        && let Err(error) = sys::memory::forgo_huge_pages()
    {
        log::warn!("The kernel goes on giving huge pages: {}", files::reason(&error));
    }
    if origin.is_in_background {
        let settled = sys::process::leave_terminal();
        settled.map_err(|error| format!("cannot leave the terminal: {error}"))?;
    }
    let supervisor = origin.supervisor(config.supervised);
    facts.supervisor = supervisor.as_ref().map(Supervisor::name);
    if supervisor.is_none()
        && matches!(config.supervised, Supervised::Upstart | Supervised::Systemd)
    {
        log::warn!("supervised {}: it has not started this process", config.supervised.name());
    }
    // The standard library's hasher is seeded by the operating system.
    let seed = RandomState::new().build_hasher().finish();
    let mut server = Server::start(GROUPS, config.clone(), facts, seed)?;
    nameplate.into_iter().for_each(|nameplate| server.show_title(nameplate));
    let pid_file = PidFile::write(&config, origin.is_in_background);
    let _reports = crash::install(Arc::clone(server.black_box()))
        .map_err(|error| format!("cannot handle signals: {error}"))?;
    log::info!("Server initialized");
    let end = server.run(|server| {
        log::info!("Ready to accept connections on {}", server.addresses().join(", "));
        supervisor.iter().for_each(Supervisor::ready);
    });
    supervisor.iter().for_each(Supervisor::stopping);
    pid_file.into_iter().for_each(PidFile::remove);
    // The system takes all memory back at once; freeing key by key would hold up the end.
    std::mem::forget(server);
    end
}
