//! Reading parameters at start: lines of redis.conf, and flags in the same words.

use super::Config;
use super::kinds::Refusal;
use super::table::Parameter;
use crate::base::quoted;

/// Reads the text of a redis.conf; `name` is for messages.
///
/// # Errors
/// One line that names the file, the line and what is wrong with it.
pub fn read(config: &mut Config, name: &str, text: &[u8]) -> Result<(), Refusal> {
    for (number, line) in (1..).zip(text.split(|byte| *byte == b'\n')) {
        read_line(config, line).map_err(|refusal| {
            let shown = String::from_utf8_lossy(line);
            format!("{name}, line {number}: '{}': {refusal}", shown.trim())
        })?;
    }
    Ok(())
}

fn read_line(config: &mut Config, line: &[u8]) -> Result<(), Refusal> {
    let mut line = line.trim_ascii().to_vec();
    if line.is_empty() || line[0] == b'#' {
        return Ok(());
    }
    let mut spans = Vec::new();
    let split = quoted::split(&mut line, |start, len| spans.push(start..start + len));
    split.map_err(|_| "Unbalanced quotes in configuration line".to_owned())?;
    let text = |span: std::ops::Range<usize>| String::from_utf8_lossy(&line[span]).into_owned();
    let words: Vec<String> = spans.into_iter().map(text).collect();
    match &words[..] {
        [] => Ok(()),
        [name, values @ ..] => set(config, name, values),
    }
}

/// Reads flags such as `--port 7000 --bind 127.0.0.1 ::1`: a word with two dashes names a
/// parameter, the words up to the next one are its value.
///
/// # Errors
/// One line that names the flag and what is wrong with it.
pub fn read_flags(config: &mut Config, flags: &[String]) -> Result<(), Refusal> {
    let mut rest = flags;
    while let [flag, after @ ..] = rest {
        let Some(name) = flag.strip_prefix("--") else {
            return Err(format!("'{flag}' is no flag: flags begin with two dashes"));
        };
        let len = after.iter().take_while(|word| !word.starts_with("--")).count();
        let values = &after[..len];
        // A flag for a list may be given without words, for an empty one.
        let none = [String::new()];
        let values = if values.is_empty() && name == "save" { &none } else { values };
        set(config, name, values).map_err(|refusal| format!("'{flag}': {refusal}"))?;
        rest = &after[len..];
    }
    Ok(())
}

fn set(config: &mut Config, name: &str, words: &[String]) -> Result<(), Refusal> {
    let Some(parameter) = Parameter::named(name).filter(|_| !words.is_empty()) else {
        return Err("Bad directive or wrong number of arguments".to_owned());
    };
    parameter.set(config, words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_sets_what_it_names() {
        let mut config = Config::default();
        let text =
            b"# comment\n\n\0 not read\nport 7000\r\n  BIND 127.0.0.1 -::1 \nrequirepass \"a b\"\n\
            save \"\"\nclient-output-buffer-limit normal 1mb 0 0\n";
        read(&mut config, "redis.conf", text).unwrap();
        assert_eq!((config.port, config.requirepass.as_str()), (7_000, "a b"));
        assert_eq!(config.bind, ["127.0.0.1", "-::1"]);
    }

    #[test]
    fn a_fault_is_told_in_one_line() {
        let cases = [
            ("port\n", "x, line 1: 'port': Bad directive or wrong number of arguments"),
            ("\nnosuch 1", "x, line 2: 'nosuch 1': Bad directive or wrong number of arguments"),
            ("dir \"a", "x, line 1: 'dir \"a': Unbalanced quotes in configuration line"),
            (
                "port 70000",
                "x, line 1: 'port 70000': argument must be between 0 and 65535 inclusive",
            ),
        ];
        for (text, message) in cases {
            let refusal = read(&mut Config::default(), "x", text.as_bytes()).unwrap_err();
            assert_eq!(refusal, message);
        }
    }

    #[test]
    fn flags_are_lines_too() {
        let flags = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let mut config = Config::default();
        read_flags(&mut config, &flags("--port 7001 --bind 127.0.0.1 ::1 --save  --timeout 5"))
            .unwrap();
        assert_eq!((config.port, config.timeout, config.bind.len()), (7_001, 5, 2));
        assert!(read_flags(&mut config, &flags("--port")).is_err());
        assert!(read_flags(&mut config, &flags("port 7001")).is_err());
    }
}
