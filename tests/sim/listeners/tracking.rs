//! Who must be told what of keys that have changed, worked out in the plainest way.

use super::model::{Model, Notice, Tracks};

impl Model {
    /// CLIENT TRACKING with these arguments.
    pub(super) fn track(&mut self, party: usize, args: &[String]) -> String {
        if args[0] == "OFF" {
            self.disable(party);
            return "+OK".to_owned();
        }
        let has = |word: &str| args.iter().any(|arg| arg == word);
        let behind = |word: &str| {
            let at = args.iter().position(|arg| arg == word)?;
            Some(args[at + 1].clone())
        };
        let redirect = behind("REDIRECT").map(|id| id.parse::<usize>().unwrap() - 1);
        let mode = Tracks {
            broadcasts: has("BCAST"),
            opts_in: has("OPTIN"),
            opts_out: has("OPTOUT"),
            skips_own: has("NOLOOP"),
            redirect,
        };
        let own = &mut self.parties[party];
        let switches = |what: &str| {
            format!(
                "-ERR You can't switch {what} before disabling tracking for this client, and then \
                 re-enabling it with a different mode."
            )
        };
        if let Some(old) = own.tracking {
            if old.broadcasts != mode.broadcasts {
                return switches("BCAST mode on/off");
            }
            if old.opts_in && mode.opts_out || old.opts_out && mode.opts_in {
                return switches("OPTIN/OPTOUT mode");
            }
        }
        if let Some(prefix) = behind("PREFIX") {
            let mut existing = own.prefixes.iter();
            let overlaps = |old: &&String| old.starts_with(&prefix) || prefix.starts_with(*old);
            if let Some(old) = existing.find(overlaps) {
                return format!(
                    "-ERR Prefix '{prefix}' overlaps with an existing prefix '{old}'. Prefixes \
                     for a single client must not overlap."
                );
            }
            own.prefixes.insert(prefix);
        } else if mode.broadcasts {
            own.prefixes.insert(String::new());
        }
        own.tracking = Some(mode);
        if own.place.is_none() {
            own.place = Some(self.places.len());
            self.places.push(party);
        }
        "+OK".to_owned()
    }

    /// CLIENT CACHING.
    pub(super) fn choose(&mut self, party: usize, choice: &str) -> String {
        let own = &mut self.parties[party];
        let Some(mode) = own.tracking else {
            return "-ERR CLIENT CACHING can be called only when the client is in tracking mode \
                    with OPTIN or OPTOUT mode enabled"
                .to_owned();
        };
        let (is_right, option) =
            if choice == "YES" { (mode.opts_in, "OPTIN") } else { (mode.opts_out, "OPTOUT") };
        if !is_right {
            return format!(
                "-ERR CLIENT CACHING {choice} is only valid when tracking is enabled in {option} \
                 mode."
            );
        }
        own.has_chosen = true;
        "+OK".to_owned()
    }

    pub(super) fn disable(&mut self, party: usize) {
        let own = &mut self.parties[party];
        (own.tracking, own.has_chosen) = (None, false);
        own.prefixes.clear();
        let parties = &self.parties;
        let is_wanted = |prefix: &String| parties.iter().any(|own| own.prefixes.contains(prefix));
        self.changed.retain(|prefix, _| is_wanted(prefix));
    }

    /// Those who may hold copies are told of what has changed.
    pub(super) fn tell_changes(&mut self, by: Option<usize>) {
        for key in std::mem::take(&mut self.untold) {
            match key {
                Some(key) => self.tell_of_key(&key, by),
                None => {
                    self.readers.clear();
                    for party in self.places.clone() {
                        if self.parties[party].tracking.is_some() {
                            self.tell(party, Notice::All);
                        }
                    }
                }
            }
        }
    }

    pub(super) fn tell_of_key(&mut self, key: &str, by: Option<usize>) {
        let all = self.parties.iter().flat_map(|party| &party.prefixes);
        let prefixes: Vec<String> =
            all.filter(|prefix| key.starts_with(*prefix)).cloned().collect();
        for prefix in prefixes {
            // Who does not track is not known.
            let by = by.filter(|by| self.parties[*by].place.is_some());
            self.changed.entry(prefix).or_default().insert(key.to_owned(), by);
        }
        for party in self.readers.remove(key).unwrap_or_default() {
            let Some(mode) = self.parties[party].tracking else { continue };
            let is_own = self.running == Some(party);
            if !(mode.broadcasts || mode.skips_own && is_own) {
                self.tell(party, Notice::Keys(vec![key.to_owned()]));
            }
        }
    }

    /// Tells a party, or the one in its place; later, if that runs a command.
    pub(super) fn tell(&mut self, party: usize, notice: Notice) {
        let redirect = self.parties[party].tracking.and_then(|mode| mode.redirect);
        let recipient = redirect.unwrap_or(party);
        if self.running.is_some_and(|running| running == recipient || running == party) {
            self.postponed.push((party, notice));
            return;
        }
        let is_limited = self.is_limited(recipient);
        let to = &mut self.parties[recipient];
        let what = match (notice, to.is_resp3) {
            (Notice::Keys(keys), _) => {
                let keys: Vec<String> = keys.iter().map(|key| format!("\"{key}\"")).collect();
                format!("[{}]", keys.join(", "))
            }
            (Notice::All, true) => "_".to_owned(),
            (Notice::All, false) => "nil".to_owned(),
        };
        if to.is_resp3 {
            to.inbox.push(format!(">[\"invalidate\", {what}]"));
        } else if redirect.is_some() && is_limited {
            to.inbox.push(format!("[\"message\", \"__redis__:invalidate\", {what}]"));
        }
    }
}
