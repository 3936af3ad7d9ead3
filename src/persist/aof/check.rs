//! Whether the files of a log can be loaded, and where they end being whole.

use super::manifest::{Manifest, ManifestError, Part};
use super::reader::{Reader, Step};
use crate::persist::rdb;
use crate::sys::disk::{Disk, SystemDisk};
use crate::sys::files;
use std::path::Path;

/// What is to be done with a file that does not end well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Nothing.
    Never,
    /// What is not whole is cut off.
    Broken,
    /// So is what is later than this second since 1970.
    After(i64),
}

/// A file that has been read.
struct Found {
    /// Its bytes.
    len: u64,
    /// Bytes up to which it is whole.
    ok_up_to: u64,
    /// The line of the protocol that begins there.
    line: u64,
    /// What is wrong behind that, and at which offset.
    fault: Option<(u64, String)>,
    /// It goes on behind that, but later than wanted.
    is_later: bool,
}

/// Reads a manifest and all its files, or one file; what is in them, in lines.
///
/// # Errors
/// What is wrong, and where.
pub fn check(path: &str, cut: Cut) -> Result<String, String> {
    let text = std::fs::read(path)
        .map_err(|error| format!("Cannot open file {path}: {}", files::reason(&error)))?;
    let is_manifest = text
        .split(|byte| *byte == b'\n')
        .find(|line| !line.starts_with(b"#"))
        .is_some_and(|line| line.starts_with(b"file"));
    if !is_manifest {
        let mut lines = "Start checking Old-Style AOF\n".to_owned();
        lines.push_str(&check_file(path, "AOF", true, cut)?);
        return Ok(lines);
    }
    let manifest = Manifest::parse(&text).map_err(|ManifestError { line, reason }| {
        let place = line.map(|(number, text)| format!(" at line {number}: '{text}'"));
        format!("{path}: {reason}{}", place.unwrap_or_default())
    })?;
    let mut lines = "Start checking Multi Part AOF\n".to_owned();
    let folder = Path::new(path).parent().unwrap_or(Path::new(""));
    let count = manifest.parts().count();
    for (index, Part { name, .. }) in manifest.parts().enumerate() {
        let file = folder.join(name).to_string_lossy().into_owned();
        let is_base = index == 0 && manifest.base.is_some();
        let kind = if is_base { "BASE AOF" } else { "INCR AOF" };
        if is_base {
            let form = if is_snapshot(&file) { "RDB" } else { "RESP" };
            lines.push_str(&format!("Start to check BASE AOF ({form} format).\n"));
        } else if index == usize::from(manifest.base.is_some()) {
            lines.push_str("Start to check INCR files.\n");
        }
        match check_file(&file, kind, index + 1 == count, cut) {
            Ok(found) => lines.push_str(&found),
            Err(reason) => return Err(format!("{lines}{reason}")),
        }
    }
    lines.push_str("All AOF files and manifest are valid\n");
    Ok(lines)
}

fn is_snapshot(path: &str) -> bool {
    let reader = SystemDisk.open(path).map(|file| Reader::new(file, 0));
    reader.and_then(|mut reader| reader.begins_with(b"REDIS")).unwrap_or(false)
}

fn check_file(path: &str, kind: &str, is_last: bool, cut: Cut) -> Result<String, String> {
    let mut lines = String::new();
    let mut start = 0;
    if is_snapshot(path) {
        start = rdb::check::len(path).map_err(|reason| {
            format!("{reason}\nRDB preamble of AOF file is not sane, aborting.")
        })?;
        lines.push_str("RDB preamble is OK, proceeding with AOF tail...\n");
    }
    let found = read(path, start, cut)
        .map_err(|error| format!("Cannot read file {path}: {}", files::reason(&error)))?;
    let Found { len, ok_up_to, line, fault, is_later } = found;
    if let Some((at, what)) = &fault {
        lines.push_str(&format!("{what} at offset {at}\n"));
    }
    lines.push_str(&format!(
        "AOF analyzed: filename={path}, size={len}, ok_up_to={ok_up_to}, ok_up_to_line={line}, \
         diff={}\n",
        len - ok_up_to
    ));
    if len == 0 {
        return Ok(format!("{lines}{kind} {path} is empty\n"));
    }
    if ok_up_to == len {
        return Ok(format!("{lines}{kind} {path} is valid\n"));
    }
    let is_wanted = match cut {
        Cut::Never => false,
        Cut::Broken => true,
        Cut::After(_) => is_later,
    };
    if !is_wanted {
        return Err(format!(
            "{lines}AOF {path} is not valid. Use the --fix option to try fixing it."
        ));
    }
    if !is_last {
        let to = match cut {
            Cut::After(second) => format!(" to timestamp {second}"),
            Cut::Never | Cut::Broken => String::new(),
        };
        return Err(format!(
            "{lines}Failed to truncate AOF {path}{to} because it is not the last file"
        ));
    }
    if is_later && ok_up_to == 0 {
        return Err(format!("{lines}AOF {path} has nothing before that time, aborting..."));
    }
    SystemDisk.truncate(path, ok_up_to).map_err(|error| {
        format!("{lines}Failed to truncate AOF {path}: {}", files::reason(&error))
    })?;
    Ok(format!("{lines}Successfully truncated AOF {path}\n"))
}

/// Reads a file from an offset on.
fn read(path: &str, start: u64, cut: Cut) -> std::io::Result<Found> {
    let len = SystemDisk.len(path)?.unwrap_or(0);
    let mut file = SystemDisk.open(path)?;
    std::io::copy(&mut std::io::Read::take(&mut file, start), &mut std::io::sink())?;
    let mut reader = Reader::new(file, start);
    let (mut ok_up_to, mut is_in_group) = ((start, 1), false);
    let mut line = 1;
    let found =
        |(ok_up_to, line), fault, is_later| Ok(Found { len, ok_up_to, line, fault, is_later });
    loop {
        let from = reader.offset();
        match reader.step()? {
            Step::Requests(count) => {
                for _ in 0..count {
                    let at = reader.offset();
                    let request = reader.argv(0);
                    let name = request.at(0).to_ascii_uppercase();
                    line += 1 + 2 * request.len() as u64;
                    let is_wrong = match name.as_slice() {
                        b"MULTI" => std::mem::replace(&mut is_in_group, true),
                        b"EXEC" => !std::mem::replace(&mut is_in_group, false),
                        _ => false,
                    };
                    if is_wrong {
                        let what = format!("Unexpected {}", String::from_utf8_lossy(&name));
                        return found(ok_up_to, Some((at, what)), false);
                    }
                    reader.release(1);
                    if !is_in_group {
                        ok_up_to = (reader.offset(), line);
                    }
                }
            }
            Step::Second(second) => {
                if matches!(cut, Cut::After(last) if second > last) {
                    let ok_up_to = if ok_up_to.0 < from { ok_up_to } else { (from, line) };
                    return found(ok_up_to, None, true);
                }
                line += 1;
                if !is_in_group {
                    ok_up_to = (reader.offset(), line);
                }
            }
            Step::End if is_in_group => {
                let what = "Reached EOF before reading EXEC for MULTI".to_owned();
                return found(ok_up_to, Some((from, what)), false);
            }
            Step::End => return found(ok_up_to, None, false),
            Step::CutShort => {
                let what = "Expected more of a request than there is".to_owned();
                return found(ok_up_to, Some((from, what)), false);
            }
            Step::Bad(error) => {
                let what = String::from_utf8_lossy(error.as_bytes()).into_owned();
                return found(ok_up_to, Some((from, what)), false);
            }
        }
    }
}
