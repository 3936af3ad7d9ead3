//! The connection to a primary until it is that of a client: opened without waiting, fed to the
//! engine, which says what is to be said.

use super::stream::Stream;
use crate::exec::{Connection, Engine, Host, LinkTurn};
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

/// The token of the connection to a primary.
pub(super) const TOKEN: Token = Token(usize::MAX - 1);
/// Room for one read.
const READ_BYTES: usize = 64 * 1024;
/// Reads in one tick; then clients are served.
const READS_PER_TICK: usize = 16;

/// A connection that is being opened, or by which a snapshot comes.
pub(super) struct Outbound {
    /// The engine's number of this try.
    pub(super) attempt: u64,
    stream: TcpStream,
    is_connected: bool,
    /// There may be bytes to read.
    pub(super) is_readable: bool,
}

impl Outbound {
    /// Begins to connect to a host; from an address of our own, if one is named.
    pub(super) fn connect(
        attempt: u64,
        (host, port): (&str, u16),
        source: &str,
        registry: &Registry,
    ) -> io::Result<Outbound> {
        let addresses: Vec<SocketAddr> = (host, port).to_socket_addrs()?.collect();
        // A host with several addresses gets its chance by each, one after the other.
        let turn = usize::try_from(attempt).unwrap_or(0) % addresses.len().max(1);
        let address = *addresses.get(turn).ok_or(io::ErrorKind::AddrNotAvailable)?;
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        if let Ok(ip) = source.parse::<IpAddr>() {
            socket.bind(&SocketAddr::new(ip, 0).into())?;
        }
        match socket.connect(&address.into()) {
            Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => return Err(error),
            _ => {}
        }
        let mut stream = TcpStream::from_std(socket.into());
        registry.register(&mut stream, TOKEN, Interest::READABLE | Interest::WRITABLE)?;
        Ok(Outbound { attempt, stream, is_connected: false, is_readable: false })
    }

    /// Finds out whether it is connected now.
    ///
    /// # Errors
    /// Why it never will be.
    pub(super) fn finish(&mut self, engine: &mut Engine) -> io::Result<()> {
        if self.is_connected {
            return Ok(());
        }
        if let Some(error) = self.stream.take_error()? {
            return Err(error);
        }
        match self.stream.peer_addr() {
            Ok(_) => {
                self.is_connected = true;
                engine.link_connected();
                self.send(engine)
            }
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Sends what is to be sent: a few requests, which a socket takes at once or later.
    pub(super) fn send(&mut self, engine: &mut Engine) -> io::Result<()> {
        let Some(output) = engine.link_output() else { return Ok(()) };
        while self.is_connected && !output.is_empty() {
            match rustix::io::write(&self.stream, output) {
                Ok(count) => drop(output.drain(..count)),
                Err(rustix::io::Errno::AGAIN) => return Ok(()),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Reads for a bounded time and hands on what has come; what is to become of the connection.
    pub(super) fn receive(
        &mut self,
        engine: &mut Engine,
        host: &mut dyn Host,
        room: &mut Vec<u8>,
    ) -> io::Result<LinkTurn> {
        for _ in 0..READS_PER_TICK {
            if !self.is_readable || !self.is_connected {
                break;
            }
            room.clear();
            room.reserve(READ_BYTES);
            match rustix::io::read(&self.stream, rustix::buffer::spare_capacity(room)) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => {
                    let turn = engine.link_input(room, host);
                    if turn != LinkTurn::Goes {
                        return Ok(turn);
                    }
                    self.send(engine)?;
                    if engine.state().persistence.loading.is_some() {
                        // What has come is loaded at once; clients are served in between.
                        break;
                    }
                }
                Err(rustix::io::Errno::AGAIN) => self.is_readable = false,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(LinkTurn::Goes)
    }

    /// How it is connected, and the socket, to be that of a client.
    pub(super) fn into_stream(self) -> (Connection, Stream) {
        let address = |address: io::Result<SocketAddr>| {
            address.map_or_else(|_| String::new(), |address| address.to_string())
        };
        let (addr, local_addr) =
            (address(self.stream.peer_addr()), address(self.stream.local_addr()));
        let stream = Stream::Tcp(self.stream);
        let fd = stream.number();
        (Connection { addr, local_addr, fd, is_unix: false, is_local: false }, stream)
    }
}
