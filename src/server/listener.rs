//! Sockets that accept: TCP on every address of `bind`, and a Unix socket.

use super::stream::Stream;
use crate::config::Config;
use crate::exec::Connection;
use mio::net::{TcpListener, UnixListener};
use mio::{Interest, Registry, Token};
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A socket that accepts.
pub(super) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener, PathBuf),
}

/// An address that cannot be listened on.
pub(super) struct ListenError {
    pub(super) address: String,
    pub(super) error: io::Error,
}

/// Listens on every address of `bind`; those with a leading `-` may be missing on this machine.
pub(super) fn listen_tcp(config: &Config) -> Result<Vec<Listener>, ListenError> {
    let port = u16::try_from(config.port).unwrap_or(0);
    if port == 0 {
        return Ok(Vec::new());
    }
    let mut listeners = Vec::new();
    for word in &config.bind {
        let (name, is_optional) = match word.strip_prefix('-') {
            Some(name) => (name, true),
            None => (word.as_str(), false),
        };
        match bind_all(name, port, config.tcp_backlog) {
            Ok(bound) => listeners.extend(bound),
            Err(error) if is_optional && is_missing(&error) => {}
            Err(error) => return Err(ListenError { address: format!("{name}:{port}"), error }),
        }
    }
    Ok(listeners)
}

fn bind_all(name: &str, port: u16, backlog: i64) -> io::Result<Vec<Listener>> {
    let addresses: Vec<SocketAddr> = match name {
        "*" => vec![(IpAddr::from([0u8; 4]), port).into()],
        "::*" => vec![(IpAddr::from([0u16; 8]), port).into()],
        name => (name, port).to_socket_addrs()?.collect(),
    };
    addresses.into_iter().map(|address| bind(address, backlog)).collect()
}

fn bind(address: SocketAddr, backlog: i64) -> io::Result<Listener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // A server that is started again finds its port still in TIME_WAIT.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
    socket.set_nonblocking(true)?;
    Ok(Listener::Tcp(TcpListener::from_std(socket.into())))
}

/// True if the machine has no such address, or does not know such addresses at all.
fn is_missing(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let missing = [Errno::ADDRNOTAVAIL, Errno::AFNOSUPPORT, Errno::PROTONOSUPPORT];
    missing.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

/// Listens on the Unix socket of `unixsocket`, if there is one; a socket left behind by an earlier
/// run is replaced.
pub(super) fn listen_unix(config: &Config) -> Result<Option<Listener>, ListenError> {
    if config.unixsocket.is_empty() {
        return Ok(None);
    }
    let path = Path::new(&config.unixsocket);
    let result = bind_unix(path, config.unixsocketperm);
    let address = config.unixsocket.clone();
    result.map(Some).map_err(|error| ListenError { address, error })
}

fn bind_unix(path: &Path, permissions: u32) -> io::Result<Listener> {
    if std::fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_socket()) {
        std::fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    if permissions != 0 {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(permissions))?;
    }
    Ok(Listener::Unix(listener, path.to_owned()))
}

impl Listener {
    /// Watches for connections.
    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        match self {
            Listener::Tcp(listener) => registry.register(listener, token, Interest::READABLE),
            Listener::Unix(listener, _) => registry.register(listener, token, Interest::READABLE),
        }
    }

    /// Accepts one connection.
    pub(super) fn accept(&self, config: &Config) -> io::Result<(Stream, Connection)> {
        match self {
            Listener::Tcp(listener) => {
                let (stream, peer) = listener.accept()?;
                // A connection that is gone again already is found out when it is read.
                let local = stream.local_addr().unwrap_or(peer);
                let mut connection = Connection {
                    addr: peer.to_string(),
                    local_addr: local.to_string(),
                    is_local: peer.ip().to_canonical().is_loopback(),
                    ..Connection::default()
                };
                set_options(&stream, config);
                let stream = Stream::Tcp(stream);
                connection.fd = stream.number();
                Ok((stream, connection))
            }
            Listener::Unix(listener, path) => {
                let stream = Stream::Unix(listener.accept()?.0);
                let addr = format!("{}:0", path.display());
                let connection = Connection {
                    local_addr: addr.clone(),
                    addr,
                    fd: stream.number(),
                    is_unix: true,
                    is_local: true,
                };
                Ok((stream, connection))
            }
        }
    }

    /// What it listens on, for the log.
    pub(super) fn describe(&self) -> String {
        match self {
            Listener::Tcp(listener) => match listener.local_addr() {
                Ok(address) => format!("{address}"),
                Err(error) => format!("({error})"),
            },
            Listener::Unix(_, path) => format!("{}", path.display()),
        }
    }

    /// Removes what would stay behind in the file system.
    pub(super) fn clean_up(&self) {
        if let Listener::Unix(_, path) = self
            && let Err(error) = std::fs::remove_file(path)
        {
            log::warn!("cannot remove {}: {error}", path.display());
        }
    }
}

fn set_options(stream: &mio::net::TcpStream, config: &Config) {
    let socket = SockRef::from(stream);
    let mut result = socket.set_tcp_nodelay(true);
    if let Ok(seconds) = u64::try_from(config.tcp_keepalive)
        && seconds > 0
    {
        // First probe after the whole time, the next ones after a third, dead after three.
        let keepalive = TcpKeepalive::new()
            .with_time(Duration::from_secs(seconds))
            .with_interval(Duration::from_secs((seconds / 3).max(1)))
            .with_retries(3);
        result = result.and_then(|()| socket.set_tcp_keepalive(&keepalive));
    }
    if let Err(error) = result {
        log::debug!("socket options: {error}");
    }
}
