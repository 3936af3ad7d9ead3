//! A way between servers, or between clients and a server, that is slow, cut, or dark at will, and
//! by which what was sent later may arrive earlier.
#![allow(clippy::disallowed_methods, reason = "tests wait for real")]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Between two looks whether what is held may go on.
const LOOK: Duration = Duration::from_millis(1);

/// A port behind which there is a server. Connections are numbered as they come.
pub struct Way {
    pub port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// The port of the server.
    to: AtomicU16,
    /// For how long each piece is on its way, in microseconds.
    delay_us: AtomicU64,
    /// Whether nothing passes.
    is_dark: AtomicBool,
    /// By connections before this one nothing passes.
    held_below: AtomicU64,
    /// Connections so far.
    count: AtomicU64,
    /// Both ends of those that may be open.
    open: Mutex<Vec<TcpStream>>,
    /// Whether the way is no more.
    is_over: AtomicBool,
}

impl Way {
    /// A way that leads nowhere yet.
    pub fn new() -> Way {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let state: Arc<State> = Arc::default();
        let way = Way { port, state: Arc::clone(&state) };
        std::thread::spawn(move || {
            for from in listener.incoming() {
                let Ok(from) = from else { return };
                let number = state.count.fetch_add(1, Ordering::SeqCst);
                let state = Arc::clone(&state);
                std::thread::spawn(move || state.carry(number, from));
            }
        });
        way
    }

    /// A way to a server.
    pub fn to(port: u16) -> Way {
        let way = Way::new();
        way.lead_to(port);
        way
    }

    /// Connections go to this port from now on.
    pub fn lead_to(&self, port: u16) {
        self.state.to.store(port, Ordering::SeqCst);
    }

    /// Each piece takes so long from now on.
    pub fn delay(&self, delay_us: u64) {
        self.state.delay_us.store(delay_us, Ordering::SeqCst);
    }

    /// Breaks all connections, which both sides see at once.
    pub fn cut(&self) {
        for stream in self.state.open.lock().expect("the list").drain(..) {
            // It may be gone.
            stream.shutdown(Shutdown::Both).unwrap_or_default();
        }
    }

    /// Nothing passes, not even the end of a connection, until there is light again; then what was
    /// sent by connections of before arrives after all. New ones come to nothing.
    pub fn darken(&self) {
        self.state.is_dark.store(true, Ordering::SeqCst);
    }

    /// The end of the darkness.
    pub fn light(&self) {
        self.state.is_dark.store(false, Ordering::SeqCst);
    }

    /// What is sent by present connections, and by so many new ones, waits for [`Way::release`];
    /// later ones overtake it.
    pub fn hold(&self, new: u64) {
        let present = self.state.count.load(Ordering::SeqCst);
        self.state.held_below.store(present + new, Ordering::SeqCst);
    }

    /// What was held arrives.
    pub fn release(&self) {
        self.state.held_below.store(0, Ordering::SeqCst);
    }

    /// How many connections there have been.
    pub fn count(&self) -> u64 {
        self.state.count.load(Ordering::SeqCst)
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        self.state.is_over.store(true, Ordering::SeqCst);
        self.cut();
    }
}

impl State {
    fn is_dark(&self) -> bool {
        self.is_dark.load(Ordering::SeqCst) && !self.is_over.load(Ordering::SeqCst)
    }

    fn holds(&self, number: u64) -> bool {
        let is_held = number < self.held_below.load(Ordering::SeqCst);
        self.is_dark() || is_held && !self.is_over.load(Ordering::SeqCst)
    }

    /// Carries what one connection sends, both ways.
    fn carry(self: Arc<State>, number: u64, from: TcpStream) {
        if self.is_dark() {
            while self.is_dark() {
                std::thread::sleep(LOOK);
            }
            return;
        }
        let Ok(to) = TcpStream::connect(("127.0.0.1", self.to.load(Ordering::SeqCst))) else {
            return;
        };
        let copy = |stream: &TcpStream| stream.try_clone().expect("a second handle");
        for stream in [&from, &to] {
            stream.set_nodelay(true).expect("no delay");
            self.open.lock().expect("the list").push(copy(stream));
        }
        let (back, state) = ((copy(&to), copy(&from)), Arc::clone(&self));
        std::thread::spawn(move || state.pass_on(number, back.0, back.1));
        self.pass_on(number, from, to);
    }

    fn pass_on(&self, number: u64, mut from: TcpStream, mut to: TcpStream) {
        let mut bytes = vec![0; 4096];
        loop {
            let read = from.read(&mut bytes);
            std::thread::sleep(Duration::from_micros(self.delay_us.load(Ordering::SeqCst)));
            while self.holds(number) {
                std::thread::sleep(LOOK);
            }
            match read {
                Ok(count @ 1..) if to.write_all(&bytes[..count]).is_ok() => {}
                Ok(_) | Err(_) => break,
            }
        }
        for stream in [from, to] {
            stream.shutdown(Shutdown::Both).unwrap_or_default();
        }
    }
}
