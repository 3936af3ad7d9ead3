//! How a command may run.

use bitflags::bitflags;

bitflags! {
    /// Flags of a command. All but the last group are shown by COMMAND INFO, in this order.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Flags: u32 {
        /// May change keys.
        const WRITE = 1 << 0;
        /// Only reads keys.
        const READONLY = 1 << 1;
        /// Refused when memory is used up.
        const DENYOOM = 1 << 2;
        /// For operators.
        const ADMIN = 1 << 3;
        /// Publishes or subscribes.
        const PUBSUB = 1 << 4;
        /// Not from scripts.
        const NOSCRIPT = 1 << 5;
        /// May make its client wait.
        const BLOCKING = 1 << 6;
        /// Runs while data is being loaded.
        const LOADING = 1 << 7;
        /// Runs on a replica with old data.
        const STALE = 1 << 8;
        /// Not shown to MONITOR.
        const SKIP_MONITOR = 1 << 9;
        /// Not in the slow log.
        const SKIP_SLOWLOG = 1 << 10;
        /// Takes constant or logarithmic time.
        const FAST = 1 << 11;
        /// Runs before authentication.
        const NO_AUTH = 1 << 12;
        /// Not while data is loaded beside old data.
        const NO_ASYNC_LOADING = 1 << 13;
        /// Not inside MULTI.
        const NO_MULTI = 1 << 14;
        /// Runs while a script is stuck.
        const ALLOW_BUSY = 1 << 15;
        /// Where its keys stand depends on an argument.
        const MOVABLEKEYS = 1 << 16;
        /// May use a slot that is on its way here.
        const ASKING = 1 << 17;

        /// Allowed to a RESP2 client that is subscribed.
        const SUBSCRIBED = 1 << 24;
        /// Refused unless a parameter allows it (`enable-module-command`).
        const LOADS_CODE = 1 << 23;
        /// Refused unless a parameter allows it (`enable-debug-command`).
        const PROTECTED = 1 << 25;
        /// Runs at once inside MULTI.
        const NOT_QUEUED = 1 << 26;
        /// Runs what MULTI has queued.
        const RUNS_QUEUE = 1 << 27;
        /// May have effects elsewhere without changing keys.
        const MAY_REPLICATE = 1 << 28;
        /// Tells whether the server is well, and not if changes are refused.
        const TELLS_HEALTH = 1 << 30;
        /// Looks at keys that it does not name; those of them that are due die one by one.
        const TOUCHES_ANY = 1 << 29;
        /// Leaves standing what CLIENT CACHING has said of the next command.
        const KEEPS_CHOICE = 1 << 31;
    }
}

/// The names that COMMAND INFO shows.
const SHOWN: [(Flags, &str); 18] = [
    (Flags::WRITE, "write"),
    (Flags::READONLY, "readonly"),
    (Flags::DENYOOM, "denyoom"),
    (Flags::ADMIN, "admin"),
    (Flags::PUBSUB, "pubsub"),
    (Flags::NOSCRIPT, "noscript"),
    (Flags::BLOCKING, "blocking"),
    (Flags::LOADING, "loading"),
    (Flags::STALE, "stale"),
    (Flags::SKIP_MONITOR, "skip_monitor"),
    (Flags::SKIP_SLOWLOG, "skip_slowlog"),
    (Flags::FAST, "fast"),
    (Flags::NO_AUTH, "no_auth"),
    (Flags::NO_ASYNC_LOADING, "no_async_loading"),
    (Flags::NO_MULTI, "no_multi"),
    (Flags::ALLOW_BUSY, "allow_busy"),
    (Flags::MOVABLEKEYS, "movablekeys"),
    (Flags::ASKING, "asking"),
];

impl Flags {
    /// The names of those that COMMAND INFO shows.
    pub fn names(self) -> Vec<&'static str> {
        let set = SHOWN.iter().filter(|(flag, _)| self.contains(*flag));
        set.map(|(_, name)| *name).collect()
    }
}
