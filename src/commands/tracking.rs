//! CLIENT TRACKING and what belongs to it: who is told when keys change that it has read.

use super::clients::ABOUT_SELF;
use crate::base::id::ClientId;
use crate::exec::{Call, Command, Flow, Outcome, int};
use crate::hub::tracking::{Mode, Tracker};
use crate::resp::argv::Argv;
use crate::resp::error::Error;
use crate::spec::Spec;

pub(super) const TRACKING: Command = Command::new(
    Spec {
        name: "tracking",
        since: "6.0.0",
        arity: -3,
        complexity: "O(1); O(N) for N prefixes",
        summary: "Notes the keys that this connection reads, and tells it when they change.",
        syntax: "<status: ON | OFF> [REDIRECT client-id] [PREFIX prefix] ... \
                 [BCAST] [OPTIN] [OPTOUT] [NOLOOP]",
        ..ABOUT_SELF
    },
    tracking,
);

fn tracking(call: &mut Call<'_>) -> Outcome {
    let wish = Wish::parse(call)?;
    match call.argv.at(2).to_ascii_uppercase().as_slice() {
        b"ON" => {
            wish.check(call)?;
            let Wish { mode, prefixes } = wish;
            let (client, id) = (call.client.id, call.client.tracker);
            if !call.tracking.is_on() {
                // What has changed while nobody tracked is nothing to tell of.
                call.store.changes.note_told();
            }
            let id = call.tracking.enable(client, id, mode, &prefixes);
            call.client.tracker = Some(id);
            call.client.prefix_bytes = call.tracking.get(id).memory_bytes();
            call.store.changes.list_touched(true);
        }
        b"OFF" => {
            if let Some(id) = call.client.tracker {
                call.tracking.disable(id);
                call.client.prefix_bytes = 0;
            }
        }
        _ => return Err(Error::SYNTAX),
    }
    call.out.ok();
    Ok(Flow::Done)
}

/// What CLIENT TRACKING asks for.
struct Wish<'a> {
    mode: Mode,
    prefixes: Vec<&'a [u8]>,
}

impl<'a> Wish<'a> {
    fn parse(call: &Call<'a>) -> Result<Wish<'a>, Error> {
        let argv: Argv<'a> = call.argv;
        let mut wish = Wish { mode: Mode::default(), prefixes: Vec::new() };
        let mode = &mut wish.mode;
        let mut at = 3;
        while let Some(option) = argv.get(at) {
            match (option.to_ascii_uppercase().as_slice(), argv.get(at + 1)) {
                (b"REDIRECT", Some(id)) => {
                    if mode.redirect.is_some() {
                        let message = "ERR A client can only redirect to a single other client";
                        return Err(Error::new(message));
                    }
                    mode.redirect = Some(find_client(call, int(id)?)?);
                    at += 1;
                }
                (b"PREFIX", Some(prefix)) => {
                    wish.prefixes.push(prefix);
                    at += 1;
                }
                (b"BCAST", _) => mode.broadcasts = true,
                (b"OPTIN", _) => mode.opts_in = true,
                (b"OPTOUT", _) => mode.opts_out = true,
                (b"NOLOOP", _) => mode.skips_own = true,
                _ => return Err(Error::SYNTAX),
            }
            at += 1;
        }
        Ok(wish)
    }

    /// Whether the options go together, and with what the client has asked for before.
    fn check(&self, call: &Call<'_>) -> Result<(), Error> {
        let new = self.mode;
        if !new.broadcasts && !self.prefixes.is_empty() {
            return Err(Error::new("ERR PREFIX option requires BCAST mode to be enabled"));
        }
        let tracker = call.client.tracker.map(|id| call.tracking.get(id));
        let old = tracker.and_then(|tracker| tracker.mode());
        if old.is_some_and(|old| old.broadcasts != new.broadcasts) {
            return Err(switch_error("BCAST mode on/off"));
        }
        if new.broadcasts && (new.opts_in || new.opts_out) {
            return Err(Error::new("ERR OPTIN and OPTOUT are not compatible with BCAST"));
        }
        if new.opts_in && new.opts_out {
            return Err(Error::new("ERR You can't specify both OPTIN mode and OPTOUT mode"));
        }
        let switches = |old: Mode| new.opts_in && old.opts_out || new.opts_out && old.opts_in;
        if old.is_some_and(switches) {
            return Err(switch_error("OPTIN/OPTOUT mode"));
        }
        for (at, prefix) in self.prefixes.iter().enumerate() {
            let overlaps = |other: &&[u8]| other.starts_with(prefix) || prefix.starts_with(other);
            if let Some(other) = tracker.and_then(|tracker| tracker.overlapping(prefix)) {
                return Err(overlap_error(prefix, "an existing", other));
            }
            if let Some(other) = self.prefixes[at + 1..].iter().find(|other| overlaps(other)) {
                return Err(overlap_error(prefix, "another provided", other));
            }
        }
        Ok(())
    }
}

fn switch_error(what: &str) -> Error {
    Error::text(format!(
        "ERR You can't switch {what} before disabling tracking for this client, and then \
         re-enabling it with a different mode."
    ))
}

fn overlap_error(prefix: &[u8], which: &str, other: &[u8]) -> Error {
    let parts = [
        b"ERR Prefix '",
        prefix,
        b"' overlaps with ",
        which.as_bytes(),
        b" prefix '",
        other,
        b"'. Prefixes for a single client must not overlap.",
    ];
    Error::text(parts.concat())
}

/// The client of a number.
fn find_client(call: &Call<'_>, serial: i64) -> Result<ClientId, Error> {
    let serial = u64::try_from(serial).unwrap_or(0);
    let own = Some(call.client.id).filter(|own| own.serial == serial);
    let found = own.or_else(|| call.peers.find(serial));
    found.ok_or(Error::new("ERR The client ID you want redirect to does not exist"))
}

pub(super) const CACHING: Command = Command::new(
    Spec {
        name: "caching",
        since: "6.0.0",
        arity: 3,
        summary: "Says whether the keys of the next request are noted.",
        syntax: "<mode: YES | NO>",
        ..ABOUT_SELF
    },
    caching,
);

fn caching(call: &mut Call<'_>) -> Outcome {
    let tracker = call.client.tracker;
    let Some((id, mode)) = tracker.and_then(|id| Some((id, call.tracking.get(id).mode()?))) else {
        return Err(Error::new(
            "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN \
             or OPTOUT mode enabled",
        ));
    };
    match call.argv.at(2).to_ascii_uppercase().as_slice() {
        b"YES" if !mode.opts_in => {
            return Err(Error::new(
                "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.",
            ));
        }
        b"NO" if !mode.opts_out => {
            return Err(Error::new(
                "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.",
            ));
        }
        b"YES" | b"NO" => call.tracking.get_mut(id).has_chosen = true,
        _ => return Err(Error::SYNTAX),
    }
    call.out.ok();
    Ok(Flow::Done)
}

pub(super) const GETREDIR: Command = Command::new(
    Spec {
        name: "getredir",
        since: "6.0.0",
        arity: 2,
        summary: "Tells who gets the invalidations of this connection; -1 for nobody.",
        ..ABOUT_SELF
    },
    getredir,
);

fn getredir(call: &mut Call<'_>) -> Outcome {
    let tracker = call.client.tracker.map(|id| call.tracking.get(id));
    call.out.int(tracker.map_or(-1, Tracker::redirect_serial));
    Ok(Flow::Done)
}

pub(super) const TRACKINGINFO: Command = Command::new(
    Spec {
        name: "trackinginfo",
        since: "6.2.0",
        arity: 2,
        summary: "Tells how the keys that this connection reads are tracked.",
        ..ABOUT_SELF
    },
    trackinginfo,
);

fn trackinginfo(call: &mut Call<'_>) -> Outcome {
    let tracker = call.client.tracker.map(|id| call.tracking.get(id));
    let mode = tracker.and_then(Tracker::mode);
    let has_chosen = tracker.is_some_and(|tracker| tracker.has_chosen);
    let is_broken = tracker.is_some_and(|tracker| tracker.is_broken);
    let has = |is_set: fn(Mode) -> bool| mode.is_some_and(is_set);
    let (opts_in, opts_out) = (has(|mode| mode.opts_in), has(|mode| mode.opts_out));
    let flags: [(bool, &[u8]); 9] = [
        (mode.is_none(), b"off"),
        (mode.is_some(), b"on"),
        (has(|mode| mode.broadcasts), b"bcast"),
        (opts_in, b"optin"),
        (opts_in && has_chosen, b"caching-yes"),
        (opts_out, b"optout"),
        (opts_out && has_chosen, b"caching-no"),
        (has(|mode| mode.skips_own), b"noloop"),
        (is_broken, b"broken_redirect"),
    ];
    let set: Vec<&[u8]> =
        flags.iter().filter(|(is_set, _)| *is_set).map(|(_, flag)| *flag).collect();
    call.out.map(3);
    call.out.bulk(b"flags");
    call.out.set(set.len());
    set.iter().for_each(|flag| call.out.bulk(flag));
    call.out.bulk(b"redirect");
    call.out.int(tracker.map_or(-1, Tracker::redirect_serial));
    call.out.bulk(b"prefixes");
    call.out.array(tracker.map_or(0, |tracker| tracker.prefixes().len()));
    tracker.into_iter().flat_map(Tracker::prefixes).for_each(|prefix| call.out.bulk(prefix));
    Ok(Flow::Done)
}
