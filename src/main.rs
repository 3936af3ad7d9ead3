//! Arguments, logger, parameters; then the server runs. The only place that ends the process.

use spindle::commands::GROUPS;
use spindle::config::{Config, file};
use spindle::exec::Facts;
use spindle::server::Server;
use spindle::sys::crash;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

fn main() -> ExitCode {
    init_logger();
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            log::error!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let mut config = Config::default();
    let mut facts = Facts { pid: std::process::id(), ..Facts::default() };
    let exe =
        std::env::current_exe().map_err(|error| format!("cannot find the program: {error}"))?;
    facts.executable = exe.to_string_lossy().into_owned();
    let mut flags = &args[..];
    if let [path, rest @ ..] = &args[..]
        && !path.starts_with("--")
    {
        let text = std::fs::read(path)
            .map_err(|error| format!("can't open config file '{path}': {error}"))?;
        file::read(&mut config, path, &text)?;
        let full = std::fs::canonicalize(path).map_err(|error| format!("{path}: {error}"))?;
        facts.config_file = full.to_string_lossy().into_owned();
        flags = rest;
    }
    file::read_flags(&mut config, flags)?;
    log::info!("spindle {} starts. PID: {}", env!("CARGO_PKG_VERSION"), facts.pid);
    // The standard library's hasher is seeded by the operating system.
    let seed = RandomState::new().build_hasher().finish();
    let mut server = Server::start(GROUPS, config, facts, seed)?;
    let _reports = crash::install(Arc::clone(server.black_box()))
        .map_err(|error| format!("cannot handle signals: {error}"))?;
    log::info!("Server initialized");
    log::info!("Ready to accept connections on {}", server.addresses().join(", "));
    let end = server.run();
    // The system takes all memory back at once; freeing key by key would hold up the end.
    std::mem::forget(server);
    end.map_err(|error| format!("cannot go on: {error}"))
}

/// Lines such as `4711:M 2026-11-23T10:00:00.000Z * Ready to accept connections` on standard
/// output; the mark is the level: `.` debug, `-` verbose, `*` notice, `#` warning. RUST_LOG chooses
/// modules while developing.
fn init_logger() {
    let pid = std::process::id();
    let env = env_logger::Env::default().default_filter_or("trace");
    let mut builder = env_logger::Builder::from_env(env);
    builder.filter_module("mio", log::LevelFilter::Off);
    builder.target(env_logger::Target::Stdout);
    builder.format(move |line, record| {
        let mark = match record.level() {
            log::Level::Error | log::Level::Warn => '#',
            log::Level::Info => '*',
            log::Level::Debug => '-',
            log::Level::Trace => '.',
        };
        writeln!(line, "{pid}:M {} {mark} {}", line.timestamp_millis(), record.args())
    });
    builder.init();
    log::set_max_level(log::LevelFilter::Info);
}
