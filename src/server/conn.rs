//! One connection: its socket, what has arrived on it, and how far that has been read.

use super::stream::Stream;
use crate::base::buf::ReadBuffer;
use crate::base::id::ClientId;
use crate::exec::{Engine, Host, Pending, Served, Turn};
use crate::resp::request::Parser;
use std::io;

/// Room for one read; memory of this size is lent to connections while they have something to read.
pub(super) const READ_BYTES: usize = 64 * 1024;
/// Room for one read of a long argument.
const LONG_READ_BYTES: usize = 1024 * 1024;
/// An incomplete request up to this long waits in memory of its own size, not in that of a whole
/// read.
const PARKED_BYTES: usize = 4 * 1024;
/// Pieces of memory for reading that are kept; connections that are served one after the other
/// share one.
const POOL_MAX: usize = 16;
/// Requests that are read ahead, so that their keys can be fetched together.
const BATCH_REQUESTS: usize = 16;
/// Batches of one turn; then other connections have theirs.
const TURN_BATCHES: usize = 16;
/// What comes of a burst without requests.
const NOTHING: Served = Served { count: 0, turn: Turn::Next };

/// A connection.
pub(super) struct Conn {
    pub(super) stream: Stream,
    pub(super) client: ClientId,
    input: ReadBuffer,
    parser: Parser,
    /// There may be bytes to read: none of the reads since the last event was short.
    pub(super) is_readable: bool,
    /// The socket takes bytes: no write since the last event was short.
    pub(super) is_writable: bool,
    /// The other side sends no more.
    pub(super) is_half_closed: bool,
    /// There may be whole requests in the input.
    has_requests: bool,
    /// Nothing more is to be read: the connection is being closed.
    pub(super) is_stopped: bool,
    /// Whole requests wait until the engine lets them go on.
    pub(super) is_waiting: bool,
    /// Stands in the list of those that want a turn.
    pub(super) is_queued: bool,
    /// What comes is the stream of our primary.
    is_primary: bool,
}

/// How a turn ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TurnEnd {
    /// Nothing to do before the next event.
    Idle,
    /// There may be more whole requests in the input; other connections come first.
    HasRequests,
    /// There may be more to read; other connections, and new events, come first.
    HasInput,
    /// The connection is gone.
    Over,
}

impl Conn {
    pub(super) fn new(stream: Stream, client: ClientId) -> Conn {
        Conn {
            stream,
            client,
            input: ReadBuffer::default(),
            parser: Parser::default(),
            is_readable: false,
            is_writable: true,
            is_half_closed: false,
            has_requests: false,
            is_stopped: false,
            is_waiting: false,
            is_queued: false,
            is_primary: false,
        }
    }

    /// The connection of our primary, by which the beginning of its stream has come already.
    pub(super) fn of_primary(stream: Stream, client: ClientId, begun: &[u8]) -> Conn {
        let mut conn = Conn::new(stream, client);
        conn.input.extend(begun);
        (conn.is_primary, conn.has_requests, conn.is_readable) = (true, true, true);
        conn
    }

    /// True if a turn has something to do.
    pub(super) fn wants_turn(&self) -> bool {
        (self.is_readable || self.has_requests) && !self.is_stopped && !self.is_waiting
    }

    /// One turn: at most one read, and a bounded number of requests.
    #[inline(never)] // A name of its own in profiles.
    pub(super) fn turn(
        &mut self,
        engine: &mut Engine,
        host: &mut dyn Host,
        pool: &mut Vec<Vec<u8>>,
    ) -> TurnEnd {
        if !self.has_requests {
            match self.fill(engine, pool) {
                Ok(true) => {}
                Ok(false) => {
                    // What it has been answered is sent before it is closed.
                    engine.peers().finish(self.client);
                    return self.stop();
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.is_readable = false;
                    self.park_input(pool);
                    return TurnEnd::Idle;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                    return TurnEnd::HasInput;
                }
                Err(error) => {
                    log::debug!("reading from client id={}: {error}", self.client.serial);
                    return TurnEnd::Over;
                }
            }
        }
        // Memory that is lent for a read is not the client's.
        let is_own = self.input.capacity() > READ_BYTES;
        let own_bytes = if is_own { self.input.capacity() } else { self.input.len() };
        engine.begin_turn(self.client, self.input.len(), own_bytes);
        let end = self.run_requests(engine, host);
        self.park_input(pool);
        let argv_bytes = self.parser.pending_bytes();
        engine.end_turn(
            self.client,
            Pending {
                argv_bytes,
                query_bytes: self.input.len() - argv_bytes,
                capacity: self.input.capacity(),
            },
        );
        end
    }

    /// One read. False at the end of the stream.
    fn fill(&mut self, engine: &mut Engine, pool: &mut Vec<Vec<u8>>) -> io::Result<bool> {
        if self.input.capacity() < READ_BYTES {
            let memory = pool.pop().unwrap_or_else(|| Vec::with_capacity(READ_BYTES));
            let parked = std::mem::replace(&mut self.input, ReadBuffer::with(memory));
            self.input.extend(parked.unread());
        }
        let room = match self.input.len() {
            0..=PARKED_BYTES => 1,
            // A client that has sent much of a long argument has room for much more made at once,
            // so that little of it is moved; one that has only announced it has not. It has no
            // more than it needs, as growth is geometric, and a little over the bound, as room
            // that ends just before the argument would be doubled.
            len => self.parser.missing().clamp(1, LONG_READ_BYTES.max(len * 16) + READ_BYTES),
        };
        let memory = self.input.spare(room);
        let offered = memory.capacity() - memory.len();
        let count = self.stream.read(memory)?;
        // A short read has emptied the socket, and an event will tell when more comes; but not the
        // end, if it was there before the read.
        self.is_readable = count == offered || self.is_half_closed;
        engine.state_mut().stats.reads += 1;
        engine.state_mut().stats.net_in += count as u64;
        if let Some(client) = engine.client_mut(self.client) {
            client.net_in += count as u64;
        }
        Ok(count > 0)
    }

    fn run_requests(&mut self, engine: &mut Engine, host: &mut dyn Host) -> TurnEnd {
        for _ in 0..TURN_BATCHES {
            let limits = engine.limits(self.client);
            // What a client may send changes when it authenticates.
            let ahead = if limits.authenticated { BATCH_REQUESTS } else { 1 };
            if let Err(error) = self.parser.read(self.input.unread_mut(), limits, ahead) {
                engine.refuse(self.client, &error.0);
                return self.stop();
            }
            let count = self.parser.len();
            let served = if count == 0 { NOTHING } else { self.run_batch(engine, host) };
            let used = self.parser.release(served.count);
            if count == 0 && used > 0 {
                if self.is_primary {
                    engine.hand_on(self.client, &self.input.unread()[..used]);
                } else {
                    engine.hear_replica(self.client);
                }
            }
            self.input.consume(used);
            match served.turn {
                Turn::Stop => return self.stop(),
                Turn::Pause => break,
                Turn::Wait => {
                    let client = engine.client(self.client);
                    if self.is_half_closed && client.is_some_and(|it| it.parked.is_some()) {
                        // Nobody is there to be given what it waits for.
                        engine.peers().finish(self.client);
                        return self.stop();
                    }
                    self.is_waiting = true;
                    self.has_requests = true;
                    return TurnEnd::Idle;
                }
                Turn::Next if count == 0 => {
                    self.has_requests = false;
                    return self.wait(engine);
                }
                Turn::Next => {}
            }
        }
        self.has_requests = true;
        TurnEnd::HasRequests
    }

    /// Runs the requests that have been read.
    fn run_batch(&mut self, engine: &mut Engine, host: &mut dyn Host) -> Served {
        let (parser, bytes) = (&self.parser, self.input.unread());
        if self.is_primary {
            let requests = (0..parser.len())
                .map(|index| (parser.argv(bytes, index), parser.raw(bytes, index)));
            return engine.follow_all(self.client, requests, host);
        }
        let requests = (0..parser.len()).map(|index| parser.argv(bytes, index));
        engine.submit_all(self.client, requests, host)
    }

    /// Reads no more, ever; what has been read is dropped.
    fn stop(&mut self) -> TurnEnd {
        self.is_stopped = true;
        self.has_requests = false;
        self.input = ReadBuffer::default();
        self.parser = Parser::default();
        TurnEnd::Idle
    }

    /// Ends a turn that has run out of requests.
    fn wait(&mut self, engine: &mut Engine) -> TurnEnd {
        let limit = engine.state().config.client_query_buffer_limit;
        if i64::try_from(self.input.len()).unwrap_or(i64::MAX) > limit {
            log::warn!("closing client id={}: query buffer limit", self.client.serial);
            engine.state_mut().stats.closed_for_query += 1;
            engine.peers().doom(self.client);
            return self.stop();
        }
        if self.is_readable { TurnEnd::HasInput } else { TurnEnd::Idle }
    }

    /// Gives the memory of a read back, unless much of it is in use: connections that wait hold
    /// next to nothing.
    fn park_input(&mut self, pool: &mut Vec<Vec<u8>>) {
        if self.has_requests
            || self.input.len() > PARKED_BYTES
            || self.input.capacity() < READ_BYTES
        {
            return;
        }
        let mut parked = ReadBuffer::default();
        parked.extend(self.input.unread());
        let memory = std::mem::replace(&mut self.input, parked).into_memory();
        if memory.capacity() == READ_BYTES && pool.len() < POOL_MAX {
            pool.push(memory);
        }
        self.parser.trim();
    }
}
