//! Starting and stopping: what is said, what is left, with which status.

use crate::support::client::Client;
use crate::support::server::{Server, eventually, free_port, spindle};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Runs the program where it is expected to give up.
fn fail(args: &[&str]) -> (String, i32) {
    let dir = tempfile::tempdir().unwrap();
    let Output { stdout, status, .. } =
        Command::new(spindle()).args(args).current_dir(dir.path()).output().unwrap();
    (String::from_utf8(stdout).unwrap(), status.code().unwrap())
}

#[test]
fn what_is_wrong_is_said_in_one_line_and_the_status_is_one() {
    let busy = Server::start(&[]);
    let port = busy.port.to_string();
    let cases: &[(&[&str], &str)] = &[
        (&["--port", &port], "Failed listening on port"),
        (&["--port", "0"], "Configured to not listen anywhere"),
        (&["--port", "70000"], "'port \"70000\"': argument must be between 0 and 65535 inclusive"),
        (&["--port", "6379", "6380"], "'port \"6379\" \"6380\"': wrong number of arguments"),
        (&["--port"], "'port': wrong number of arguments"),
        (&["--bind", "1.2.3.4", "--port", "7"], "1.2.3.4:7: "),
        (&["--bind", "no such host", "--port", "7"], "Failed listening on port"),
        (&["/no/such/redis.conf"], "can't open config file '/no/such/redis.conf'"),
        (&["--nosuch", "1"], "'nosuch \"1\"': Bad directive or wrong number of arguments"),
        (&["--rename-command", "nosuch", "x"], "No such command in rename-command"),
        (&["--rename-command", "get", "set"], "Target command name already exists"),
        (&["--logfile", "/no/such/dir/log"], "Can't open the log file '/no/such/dir/log': No such"),
        (&["--sentinel"], "--sentinel is not built"),
        (&["--test-memory", "100"], "--test-memory is not built"),
        (&["--check-system"], "--check-system is not built"),
        (&["--cluster-enabled", "yes"], "the cluster is not built yet"),
        (&["--dir", "/no/such/dir"], "Can't chdir to '/no/such/dir'"),
        (&["--appendonly", "yes", "--appenddirname", "a/b"], "appenddirname can't be a path"),
        (&["--unixsocket", "/no/such/dir/socket", "--port", "0"], "Failed opening Unix socket"),
    ];
    for (args, message) in cases {
        let (output, status) = fail(args);
        let lines: Vec<&str> = output.lines().filter(|line| line.contains(" # ")).collect();
        assert_eq!((lines.len(), status), (1, 1), "{args:?}: {output}");
        assert!(lines[0].contains(message), "{args:?}: {output}");
    }
}

#[test]
fn what_is_wrong_is_said_before_the_background() {
    let cases: &[(&[&str], &str)] = &[
        (&["--logfile", "/no/such/dir/log"], "Can't open the log file '/no/such/dir/log': No such"),
        (&["--dir", "/no/such/dir"], "Can't chdir to '/no/such/dir': No such file or directory"),
        (&["--dir", "/dev/null"], "Can't chdir to '/dev/null': "),
        (&["--rename-command", "nosuch", "x"], "No such command in rename-command"),
        (&["--rename-command", "get", "set"], "Target command name already exists"),
        (&["--maxmemory", "much"], "argument must be a memory value"),
    ];
    for (args, message) in cases {
        let args = [&["--daemonize", "yes", "--port", "0"], *args].concat();
        let (output, status) = fail(&args);
        let lines: Vec<&str> = output.lines().filter(|line| line.contains(" # ")).collect();
        assert_eq!((lines.len(), status), (1, 1), "{args:?}: {output}");
        assert!(lines[0].contains(message), "{args:?}: {output}");
    }
}

#[test]
fn help_and_version_are_told() {
    for flag in ["-h", "--help", "-v", "--version"] {
        let (output, status) = fail(&[flag]);
        let word = if flag.ends_with(['h', 'p']) { "Usage: spindle-server" } else { " v=" };
        assert!(output.contains(word) && status == 0, "{flag}: {output}");
    }
}

/// A process that is killed when the test ends, whatever comes of it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().expect("killed");
        self.0.wait().expect("ended");
    }
}

/// The program with its log in `dir`, not yet started.
fn program(dir: &Path, port: u16, args: &[&str]) -> Command {
    let mut command = Command::new(spindle());
    let logfile = ["--dir", dir.to_str().unwrap(), "--logfile", "log"];
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1"]);
    command.args(logfile).args(args).stdin(Stdio::null()).stdout(Stdio::piped());
    command
}

fn wait_until_ready(dir: &Path) {
    let log = || std::fs::read_to_string(dir.join("log")).unwrap_or_default();
    eventually("ready", || log().contains("Ready to accept connections"));
}

#[test]
fn parameters_come_from_standard_input_and_flags_win() {
    let (dir, port) = (tempfile::tempdir().unwrap(), free_port());
    let mut command = program(dir.path(), port, &["--timeout", "6", "-"]);
    let mut server = Running(command.stdin(Stdio::piped()).spawn().unwrap());
    let mut input = server.0.stdin.take().unwrap();
    input.write_all(b"maxclients 77\ntimeout 5\n").unwrap();
    drop(input);
    wait_until_ready(dir.path());
    let mut client = Client::tcp(&format!("127.0.0.1:{port}")).unwrap();
    assert_eq!(client.run("CONFIG GET maxclients").to_string(), "[\"maxclients\", \"77\"]");
    assert_eq!(client.run("CONFIG GET timeout").to_string(), "[\"timeout\", \"6\"]");
}

#[test]
fn a_log_file_is_appended_to_and_may_be_moved_away() {
    let (dir, port) = (tempfile::tempdir().unwrap(), free_port());
    let (log, moved) = (dir.path().join("log"), dir.path().join("moved"));
    std::fs::write(&log, "before\n").unwrap();
    let _server = Running(program(dir.path(), port, &[]).spawn().unwrap());
    wait_until_ready(dir.path());
    std::fs::rename(&log, &moved).unwrap();
    let mut client = Client::tcp(&format!("127.0.0.1:{port}")).unwrap();
    client.run("BGSAVE");
    assert!(std::fs::read_to_string(&moved).unwrap().starts_with("before\n"));
    eventually("a new file", || {
        std::fs::read_to_string(&log).is_ok_and(|text| text.contains("Background saving started"))
    });
}

#[test]
fn a_server_in_the_background_has_a_session_and_a_pid_file() {
    let (dir, port) = (tempfile::tempdir().unwrap(), free_port());
    let pid_file = dir.path().join("pid");
    let args = ["--daemonize", "yes", "--pidfile", "pid", "-"];
    let mut command = program(dir.path(), port, &args);
    let mut parent = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut input = parent.stdin.take().unwrap();
    input.write_all(b"timeout 5\n").unwrap();
    drop(input);
    assert!(parent.wait().unwrap().success());
    wait_until_ready(dir.path());
    let mut client = Client::tcp(&format!("127.0.0.1:{port}")).unwrap();
    assert_eq!(client.run("CONFIG GET timeout").to_string(), "[\"timeout\", \"5\"]");
    let pid = std::fs::read_to_string(&pid_file).unwrap();
    let info = client.run("INFO server").text();
    assert!(info.contains(&format!("process_id:{}\r\n", pid.trim())), "{info}");
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap();
    let session = stat.rsplit(") ").next().unwrap().split(' ').nth(3).unwrap();
    assert_eq!(session, pid.trim());
    client.request(&["SHUTDOWN"]);
    eventually("the file goes", || !pid_file.exists());
}

#[test]
fn systemd_is_told_of_the_start_and_of_the_end() {
    let (dir, port) = (tempfile::tempdir().unwrap(), free_port());
    let path = dir.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let received = || {
        let mut buffer = [0; 100];
        let len = socket.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..len].to_vec()).unwrap()
    };
    // It is not put into the background: systemd watches the process that it has started.
    let mut command = program(dir.path(), port, &["--supervised", "auto", "--daemonize", "yes"]);
    let command = command.env("NOTIFY_SOCKET", &path).env_remove("UPSTART_JOB");
    let _server = Running(command.spawn().unwrap());
    assert!(received().contains("READY=1\n"));
    let mut client = Client::tcp(&format!("127.0.0.1:{port}")).unwrap();
    let info = client.run("INFO server").text();
    assert!(info.contains("process_supervised:systemd\r\n"), "{info}");
    assert!(info.contains(&format!("listener0:name=tcp,bind=127.0.0.1,port={port}\r\n")));
    client.request(&["SHUTDOWN"]);
    assert_eq!(received(), "STOPPING=1\n");
}

#[test]
fn upstart_sees_it_stop_itself_when_it_is_ready() {
    let (dir, port) = (tempfile::tempdir().unwrap(), free_port());
    let mut command = program(dir.path(), port, &["--supervised", "upstart"]);
    let server = Running(command.env("UPSTART_JOB", "spindle").spawn().unwrap());
    let stat = format!("/proc/{}/stat", server.0.id());
    let is_stopped = || std::fs::read_to_string(&stat).unwrap().contains(") T ");
    eventually("it has stopped itself", is_stopped);
    wait_until_ready(dir.path());
    let sent = Command::new("kill").args(["-CONT", &server.0.id().to_string()]).status();
    assert!(sent.unwrap().success());
    let mut client = Client::tcp(&format!("127.0.0.1:{port}")).unwrap();
    assert!(client.run("INFO server").text().contains("process_supervised:upstart\r\n"));
}

#[test]
fn what_is_missing_around_the_process_is_complained_of() {
    let (dir, port) = (tempfile::tempdir().unwrap(), free_port());
    let args = ["--pidfile", "/no/such/dir/pid", "--supervised", "systemd"];
    let mut command = program(dir.path(), port, &args);
    let _server = Running(command.env_remove("NOTIFY_SOCKET").spawn().unwrap());
    wait_until_ready(dir.path());
    let log = std::fs::read_to_string(dir.path().join("log")).unwrap();
    assert!(log.contains(" # supervised systemd: it has not started this process"), "{log}");
    assert!(log.contains(" # Failed to write PID file: No such file or directory"), "{log}");
}

#[test]
fn the_log_says_what_is_served() {
    let server = Server::start(&["--bind", "127.0.0.1"]);
    eventually("ready", || server.log().contains("Ready to accept connections"));
    let log = server.log();
    assert!(log.contains(&format!(" PID: {}", server.pid())), "{log}");
    assert!(log.contains("Server initialized"), "{log}");
    assert!(log.contains(&format!("127.0.0.1:{}", server.port)), "{log}");
}

#[test]
fn signals_and_shutdown_stop_it_cleanly_within_a_second() {
    for how in ["-TERM", "-INT", "SHUTDOWN", "SHUTDOWN NOSAVE", "SHUTDOWN NOW FORCE"] {
        let mut server = Server::start(&[]);
        // Stopping must not wait for clients, idle ones or such that never read.
        let _idle = server.client();
        let mut busy = server.client();
        busy.call(&["SET", "big", &"x".repeat(1 << 20)]);
        (0..64).for_each(|_| busy.request(&["GET", "big"]));
        let start = Instant::now();
        if how.starts_with('-') {
            server.signal(how);
        } else {
            let mut client = server.client();
            client.request(&how.split(' ').collect::<Vec<_>>());
            assert!(client.rest().is_empty(), "no reply to SHUTDOWN");
        }
        assert!(server.wait().success(), "{how}");
        // A loaded machine may be slow to schedule; the server's own work takes milliseconds.
        assert!(start.elapsed() < Duration::from_secs(5), "{how}");
        assert!(server.log().contains("bye bye"), "{how}");
    }
}

#[test]
fn a_hangup_is_not_heeded() {
    let mut server = Server::start(&[]);
    server.signal("-HUP");
    assert_eq!(server.client().run("PING").to_string(), "+PONG");
    assert!(server.is_running());
}

#[test]
fn memory_goes_back_to_the_system() {
    fn resident_kib(pid: u32) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
    let server = Server::start(&[]);
    let mut client = server.client();
    let value = "x".repeat(10_000);
    for i in 0..8_000 {
        assert_eq!(client.call(&["SET", &format!("k{i}"), &value]).to_string(), "+OK");
    }
    let full = resident_kib(server.pid());
    assert!(full > 80_000, "{full}");
    client.run("FLUSHALL");
    eventually("most of it is given back", || resident_kib(server.pid()) < full / 2);
}

#[test]
fn a_unix_socket_is_served_and_removed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("spindle.sock");
    let flags = ["--unixsocket", path.to_str().unwrap(), "--unixsocketperm", "700"];
    let mut server = Server::start(&flags);
    let mut client = Client::unix(path.to_str().unwrap()).unwrap();
    assert_eq!(client.run("PING").to_string(), "+PONG");
    assert!(client.run("CLIENT INFO").text().contains(" flags=U "));
    let mode = path.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    server.signal("-KILL");
    server.wait();
    // What a crash leaves behind is in nobody's way.
    assert!(path.exists());
    let mut server = Server::start(&flags);
    server.signal("-TERM");
    server.wait();
    assert!(!path.exists());
}

#[test]
fn a_file_that_is_no_socket_is_not_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("precious");
    std::fs::write(&path, "data").unwrap();
    let port = free_port().to_string();
    let (_, status) = fail(&["--port", &port, "--unixsocket", path.to_str().unwrap()]);
    assert_eq!(status, 1);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "data");
}

#[test]
fn huge_pages_are_used_only_where_they_are_wanted() {
    for (wish, expected) in [("yes", "0"), ("no", "1")] {
        let server = Server::start(&["--disable-thp", wish]);
        let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("THP_enabled:"));
        assert_eq!(line.map(str::trim), Some(expected), "{wish}");
    }
}

#[test]
fn the_title_tells_what_is_served() {
    let server = Server::start(&["--proc-title-template", "{title} {port}!"]);
    let mut client = server.client();
    let title = || {
        let shown = std::fs::read(format!("/proc/{}/cmdline", server.pid())).unwrap();
        String::from_utf8(shown).unwrap().trim_end_matches('\0').to_owned()
    };
    let program = spindle();
    assert_eq!(title(), format!("{} {}!", program.display(), server.port));
    let long = "{config-file}x".repeat(40);
    assert_eq!(client.call(&["CONFIG", "SET", "proc-title-template", &long]).to_string(), "+OK");
    assert_eq!(title(), "x".repeat(40));
    // A title longer than the arguments goes on where the environment was.
    let longer = "{title}".repeat(20);
    assert_eq!(client.call(&["CONFIG", "SET", "proc-title-template", &longer]).to_string(), "+OK");
    assert!(title().starts_with(&format!("{}{}", program.display(), program.display())));
    let plain = Server::start(&["--set-proc-title", "no", "--proc-title-template", "x"]);
    let shown = std::fs::read(format!("/proc/{}/cmdline", plain.pid())).unwrap();
    assert!(String::from_utf8(shown).unwrap().contains("--set-proc-title\0no"));
}
