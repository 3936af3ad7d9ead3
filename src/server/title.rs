//! What the title of the process says, by `proc-title-template`.

use crate::config::Config;
use crate::sys::title::Title;

/// The title of this process.
pub struct Nameplate {
    memory: Title,
    /// The program, as it was called.
    program: String,
    /// The file of parameters; empty without one.
    config_file: String,
    shown: String,
}

impl Nameplate {
    /// A title of a program, called like this, of a server with this file of parameters.
    pub fn new(memory: Title, program: String, config_file: String) -> Nameplate {
        Nameplate { memory, program, config_file, shown: String::new() }
    }

    /// Shows what the parameters want.
    pub(super) fn follow(&mut self, config: &Config) {
        let text = text(config, &self.program, &self.config_file);
        if text != self.shown {
            self.memory.show(&text);
            self.shown = text;
        }
    }
}

/// The template with its fields filled in.
fn text(config: &Config, program: &str, config_file: &str) -> String {
    let fields = [
        ("{title}", program.to_owned()),
        ("{listen-addr}", address(config)),
        ("{server-mode}", String::new()),
        ("{port}", config.port.to_string()),
        ("{tls-port}", "0".to_owned()),
        ("{unixsocket}", config.unixsocket.clone()),
        ("{config-file}", config_file.to_owned()),
    ];
    let mut text = String::new();
    let mut rest = config.proc_title_template.as_str();
    while !rest.is_empty() {
        // A value is not looked at again, whatever is in it.
        let found = fields.iter().find_map(|(name, value)| Some((value, rest.strip_prefix(name)?)));
        match found {
            Some((value, behind)) => {
                text.push_str(value);
                rest = behind;
            }
            None => {
                let len = rest.chars().next().map_or(rest.len(), char::len_utf8);
                text.push_str(&rest[..len]);
                rest = &rest[len..];
            }
        }
    }
    text.truncate(text.trim_end().len());
    text
}

/// The first address and the port; the Unix socket if there is no port.
fn address(config: &Config) -> String {
    if config.port == 0 && !config.unixsocket.is_empty() {
        return config.unixsocket.clone();
    }
    match config.bind.first().map(|first| first.trim_start_matches('-')) {
        Some(first) if first.contains(':') => format!("[{first}]:{}", config.port),
        Some(first) => format!("{first}:{}", config.port),
        None => format!("*:{}", config.port),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_filled_in() {
        let mut config = Config { bind: vec!["127.0.0.1".to_owned()], ..Config::default() };
        let shown = |config: &Config| text(config, "bin/{port}", "/etc/x.conf");
        assert_eq!(shown(&config), "bin/{port} 127.0.0.1:6379");
        config.proc_title_template = "a{port} {tls-port}|{unixsocket}|{config-file} ".to_owned();
        assert_eq!(shown(&config), "a6379 0||/etc/x.conf");
        (config.port, config.unixsocket) = (0, "/tmp/s".to_owned());
        config.proc_title_template = "{listen-addr}".to_owned();
        assert_eq!(shown(&config), "/tmp/s");
        (config.port, config.bind) = (1, vec!["-::1".to_owned()]);
        assert_eq!(shown(&config), "[::1]:1");
    }
}
