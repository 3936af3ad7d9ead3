//! Servers that follow each other over wires that are slow, cut packets anywhere, and break.

use crate::support::client::encode;
use crate::world::{Follower, Sim};
use fastrand::Rng;
use spindle::config::Config;
use spindle::exec::{Connection, LinkTurn};
use std::collections::VecDeque;
use std::time::Duration;

/// Port of the first node; the next ones follow.
const FIRST_PORT: u16 = 7_000;
/// Requests that are read ahead.
const BATCH: usize = 16;

/// Bytes on their way, each piece with the moment at which it arrives.
type Pieces = VecDeque<(u64, Vec<u8>)>;

/// The connection of a replica to its primary.
struct Wire {
    /// The replica's number of this try.
    attempt: u64,
    /// The node of the primary, and its connection there.
    to: usize,
    conn: usize,
    up: Pieces,
    down: Pieces,
    /// The replica's client, once the stream comes.
    follows: Option<Follower>,
}

/// A server.
pub struct Node {
    pub sim: Sim,
    wire: Option<Wire>,
    /// False for one whose machine is off.
    pub is_on: bool,
}

/// Servers and the wires between them.
pub struct Net {
    pub nodes: Vec<Node>,
    pub rng: Rng,
    /// Most microseconds that a piece is on its way.
    pub delay_us: u64,
    /// Whether nothing can be connected at present.
    pub is_dark: bool,
    config: Config,
}

impl Net {
    pub fn new(seed: u64, count: usize, config: Config) -> Net {
        let mut net = Net {
            nodes: Vec::new(),
            rng: Rng::with_seed(seed),
            delay_us: 20_000,
            is_dark: false,
            config,
        };
        for index in 0..count {
            let sim = net.boot(index);
            net.nodes.push(Node { sim, wire: None, is_on: true });
        }
        net
    }

    fn boot(&mut self, index: usize) -> Sim {
        let port = FIRST_PORT + u16::try_from(index).expect("few");
        let config = Config { port: i64::from(port), ..self.config.clone() };
        Sim::new(self.rng.u64(..), config)
    }

    /// The words by which a node is followed.
    pub fn follow_words(index: usize) -> [String; 3] {
        let port = FIRST_PORT + u16::try_from(index).expect("few");
        ["REPLICAOF".to_owned(), "host".to_owned(), port.to_string()]
    }

    /// Stops a node at once.
    pub fn kill(&mut self, index: usize) {
        self.cut(index);
        for other in 0..self.nodes.len() {
            if self.nodes[other].wire.as_ref().is_some_and(|wire| wire.to == index) {
                self.cut(other);
            }
        }
        self.nodes[index].is_on = false;
    }

    /// Starts a node again that was stopped, with what is on its disk.
    pub fn start(&mut self, index: usize) {
        let mut sim = self.boot(index);
        let old = &self.nodes[index].sim.world;
        (sim.world.disk, sim.world.now) = (old.disk.clone(), old.now);
        sim.engine.begin_loading(&mut sim.world).expect("the disk works");
        while sim.engine.state().persistence.is_loading() {
            sim.advance(Duration::ZERO);
        }
        self.nodes[index] = Node { sim, wire: None, is_on: true };
    }

    /// Breaks the wire of a replica; what is on its way is lost.
    pub fn cut(&mut self, index: usize) {
        let Some(wire) = self.nodes[index].wire.take() else { return };
        let other = &mut self.nodes[wire.to].sim;
        if !other.conns[wire.conn].is_closed {
            other.conns[wire.conn].is_closed = true;
            other.engine.disconnect(other.conns[wire.conn].id);
        }
        let sim = &mut self.nodes[index].sim;
        match wire.follows {
            Some(follower) => sim.engine.disconnect(follower.id),
            None => sim.engine.cut_link("the wire is cut", &mut sim.world),
        }
    }

    /// Lets time pass for all, and bytes arrive.
    pub fn step(&mut self, by: Duration) {
        for index in 0..self.nodes.len() {
            let node = &mut self.nodes[index];
            if !node.is_on {
                node.sim.world.now = node.sim.world.now.after(by);
                continue;
            }
            node.sim.advance(by);
            self.tend_snapshot(index);
            self.tend_wire(index);
            self.nodes[index].sim.engine.feed_replicas();
            self.nodes[index].sim.advance(Duration::ZERO);
        }
        for index in 0..self.nodes.len() {
            self.gather(index);
        }
    }

    /// What the child of a node has written goes on, a part of it at a time.
    fn tend_snapshot(&mut self, index: usize) {
        let sim = &mut self.nodes[index].sim;
        while sim.engine.has_pipe() && sim.engine.wants_snapshot_bytes() {
            let mut pipe = sim.world.pipe.0.lock().expect("alone");
            let count = self.rng.usize(0..=pipe.len()).max(pipe.len().min(64));
            let bytes: Vec<u8> = pipe.drain(..count).collect();
            drop(pipe);
            if bytes.is_empty() {
                sim.engine.end_snapshot_bytes();
            } else {
                sim.engine.take_snapshot_bytes(&bytes);
            }
            if self.rng.bool() {
                break;
            }
        }
        if self.rng.u8(0..3) == 0 {
            sim.end_child();
        }
    }

    /// Sees to it that there is the wire that a node wants, and hands on what arrives by it.
    fn tend_wire(&mut self, index: usize) {
        let sim = &mut self.nodes[index].sim;
        let wanted = sim.engine.wanted_link().map(|(attempt, _, port)| (attempt, port));
        let attempt = self.nodes[index].wire.as_ref().map(|wire| wire.attempt);
        let follows = self.nodes[index].wire.as_ref().is_some_and(|wire| wire.follows.is_some());
        match wanted {
            Some((wanted, port)) if attempt != Some(wanted) => {
                self.cut_quietly(index);
                self.connect(index, wanted, usize::from(port - FIRST_PORT));
            }
            None if !follows => self.cut_quietly(index),
            None | Some(_) => {}
        }
        self.deliver_up(index);
        self.deliver_down(index);
    }

    /// Closes a connection that the replica has given up.
    fn cut_quietly(&mut self, index: usize) {
        let Some(wire) = self.nodes[index].wire.take() else { return };
        let other = &mut self.nodes[wire.to].sim;
        if !other.conns[wire.conn].is_closed {
            other.conns[wire.conn].is_closed = true;
            other.engine.disconnect(other.conns[wire.conn].id);
        }
        if let Some(follower) = wire.follows {
            self.nodes[index].sim.engine.disconnect(follower.id);
        }
    }

    fn connect(&mut self, index: usize, attempt: u64, to: usize) {
        if self.is_dark || to == index || !self.nodes[to].is_on {
            let sim = &mut self.nodes[index].sim;
            return sim.engine.cut_link("nobody answers", &mut sim.world);
        }
        let conn = self.nodes[to].sim.connect();
        let (up, down) = (VecDeque::new(), VecDeque::new());
        self.nodes[index].wire = Some(Wire { attempt, to, conn, up, down, follows: None });
        self.nodes[index].sim.engine.link_connected();
    }

    /// What has arrived at the primary is run there.
    fn deliver_up(&mut self, index: usize) {
        let now_us = self.nodes[index].sim.world.now.mono_us;
        let Some(wire) = &mut self.nodes[index].wire else { return };
        let (to, conn) = (wire.to, wire.conn);
        let mut bytes = Vec::new();
        while wire.up.front().is_some_and(|(at_us, _)| *at_us <= now_us) {
            bytes.extend(wire.up.pop_front().map(|(_, piece)| piece).unwrap_or_default());
        }
        if !bytes.is_empty() {
            self.nodes[to].sim.arrive(conn, &bytes, BATCH, |_| {});
        }
    }

    /// What has arrived at the replica is followed.
    fn deliver_down(&mut self, index: usize) {
        loop {
            let Node { sim, wire: Some(wire), .. } = &mut self.nodes[index] else { return };
            if wire.follows.is_none() && sim.engine.is_link_ready() {
                adopt(sim, wire);
                continue;
            }
            if sim.engine.is_link_loading() {
                return;
            }
            let now_us = sim.world.now.mono_us;
            if wire.down.front().is_none_or(|(at_us, _)| *at_us > now_us) {
                return;
            }
            let bytes = wire.down.pop_front().map(|(_, piece)| piece).unwrap_or_default();
            match &mut wire.follows {
                Some(follower) => follower.take(sim, &bytes),
                None => match sim.engine.link_input(&bytes, &mut sim.world) {
                    LinkTurn::Goes => {}
                    LinkTurn::Follows => adopt(sim, wire),
                    LinkTurn::Over => {
                        self.cut_quietly(index);
                        return;
                    }
                },
            }
        }
    }

    /// What both ends of a wire have written is on its way.
    fn gather(&mut self, index: usize) {
        let now_us = self.nodes[index].sim.world.now.mono_us;
        let Node { sim, wire: Some(wire), .. } = &mut self.nodes[index] else { return };
        let up = match &wire.follows {
            None => sim.engine.link_output().map(std::mem::take).unwrap_or_default(),
            Some(follower) => match sim.engine.output(follower.id) {
                Some(output) => drain(output),
                // The replica has closed it.
                None => return self.cut_quietly(index),
            },
        };
        send(&mut wire.up, &up, now_us, self.delay_us, &mut self.rng);
        let (to, conn) = (wire.to, wire.conn);
        let other = &mut self.nodes[to].sim;
        let down = other.conns[conn].take_output();
        let is_closed = other.conns[conn].is_closed;
        let Some(wire) = &mut self.nodes[index].wire else { return };
        send(&mut wire.down, &down, now_us, self.delay_us, &mut self.rng);
        if is_closed {
            self.cut(index);
        }
    }

    /// Sends a request by a connection; the replies that have come.
    pub fn run(&mut self, index: usize, conn: usize, words: &[impl AsRef<[u8]>]) -> Vec<String> {
        let sim = &mut self.nodes[index].sim;
        sim.arrive(conn, &encode(words), BATCH, |_| {});
        sim.replies(conn).iter().map(ToString::to_string).collect()
    }
}

/// The stream begins.
fn adopt(sim: &mut Sim, wire: &mut Wire) {
    let Some((id, begun)) = sim.engine.adopt_link(Connection::default()) else { return };
    let mut follower = Follower::new(id);
    follower.take(sim, &begun);
    wire.follows = Some(follower);
}

fn drain(output: &mut spindle::resp::output::Output) -> Vec<u8> {
    let mut bytes = Vec::new();
    while !output.is_empty() {
        let mut slices = [std::io::IoSlice::new(&[]); 8];
        let filled = output.fill_slices(&mut slices);
        let count = slices[..filled].iter().map(|slice| slice.len()).sum();
        slices[..filled].iter().for_each(|slice| bytes.extend_from_slice(slice));
        output.consume(count);
    }
    bytes
}

/// Puts bytes on their way in pieces, in order.
fn send(pieces: &mut Pieces, mut bytes: &[u8], now_us: u64, delay_us: u64, rng: &mut Rng) {
    let mut at_us = pieces.back().map_or(now_us, |(at_us, _)| *at_us).max(now_us);
    while !bytes.is_empty() {
        let count = if rng.bool() { bytes.len() } else { rng.usize(1..=bytes.len()) };
        let (now, later) = bytes.split_at(count);
        at_us += rng.u64(0..=delay_us);
        pieces.push_back((at_us, now.to_vec()));
        bytes = later;
    }
}
