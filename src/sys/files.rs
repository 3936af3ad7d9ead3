//! Files: found by pattern, replaced as a whole.

use crate::base::{glob, num};
use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Permissions of a new file.
const MODE: u32 = 0o644;
/// What the name of a file ends with that is not whole yet; the process that writes it stands in
/// front of that.
const UNFINISHED: &str = ".tmp";

/// What has gone wrong, in the system's own words without its number.
pub fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

/// Finds out whether the process may go to a directory.
///
/// # Errors
/// Why it may not.
pub fn check_enter(dir: &str) -> io::Result<()> {
    if !fs::metadata(dir)?.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    Ok(rustix::fs::access(dir, rustix::fs::Access::EXEC_OK)?)
}

/// The paths that a pattern such as `conf.d/*.conf` stands for, in order; what has nothing of a
/// pattern in it stands for itself. A name that begins with a dot is found only by one that does.
pub fn matching(pattern: &str) -> Vec<String> {
    if !is_pattern(pattern) {
        return vec![pattern.to_owned()];
    }
    let mut found = vec![PathBuf::from(if pattern.starts_with('/') { "/" } else { "" })];
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        found = if is_pattern(part) {
            found.iter().flat_map(|folder| entries(folder, part)).collect()
        } else {
            found.into_iter().map(|folder| folder.join(part)).collect()
        };
    }
    found.retain(|path| path.exists());
    found.sort();
    found.into_iter().map(|path| path.to_string_lossy().into_owned()).collect()
}

fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

fn entries(folder: &Path, pattern: &str) -> Vec<PathBuf> {
    let place = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let Ok(entries) = fs::read_dir(place) else { return Vec::new() };
    let names = entries.filter_map(|entry| Some(entry.ok()?.file_name()));
    let fits = |name: &std::ffi::OsString| {
        let name = name.as_encoded_bytes();
        name.starts_with(b".") == pattern.starts_with('.')
            && glob::matches(pattern.as_bytes(), name)
    };
    names.filter(fits).map(|name| folder.join(name)).collect()
}

/// Replaces a file by one with this text, or makes it. Whatever happens meanwhile, the old or the
/// new one is there as a whole; it keeps its permissions. Costs two syncs.
///
/// # Errors
/// What the system refuses; then the old file is there.
pub fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    // A link stays one: what it points to is replaced.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut name = path.as_os_str().to_owned();
    name.push(format!("-{}{UNFINISHED}", std::process::id()));
    let temporary = PathBuf::from(name);
    let outcome = write_new(&temporary, path, text).and_then(|()| fs::rename(&temporary, path));
    if let Err(error) = outcome {
        if let Err(error) = fs::remove_file(&temporary) {
            log::debug!("{}: {error}", temporary.display());
        }
        return Err(error);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Removes what processes have left behind that ended while they replaced this file. `is_alive`
/// tells whether one does anything yet.
pub fn remove_leftovers(path: &Path, is_alive: impl Fn(u32) -> bool) {
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let (Some(name), Ok(entries)) =
        (path.file_name(), fs::read_dir(folder.unwrap_or(Path::new("."))))
    else {
        return;
    };
    let start = [name.as_encoded_bytes(), b"-"].concat();
    for entry in entries.flatten() {
        let other = entry.file_name();
        let Some(writer) = writer_of(other.as_encoded_bytes(), &start) else { continue };
        if is_alive(writer) {
            continue;
        }
        match fs::remove_file(entry.path()) {
            Ok(()) => log::info!("{} was left behind; it is removed", entry.path().display()),
            Err(error) => log::warn!("{}: {}", entry.path().display(), reason(&error)),
        }
    }
}

/// The process that writes a file whose name begins like this; `None` if it is not named so.
fn writer_of(name: &[u8], start: &[u8]) -> Option<u32> {
    let number = name.strip_prefix(start)?.strip_suffix(UNFINISHED.as_bytes())?;
    num::parse_u64(number).and_then(|number| u32::try_from(number).ok())
}

fn write_new(temporary: &Path, path: &Path, text: &[u8]) -> io::Result<()> {
    let permissions = fs::metadata(path).map(|metadata| metadata.permissions());
    let mut file = File::create(temporary)?;
    file.set_permissions(permissions.unwrap_or(Permissions::from_mode(MODE)))?;
    file.write_all(text)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_find_paths_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().to_str().unwrap();
        for folder in ["b", "a", "c"] {
            fs::create_dir(dir.path().join(folder)).unwrap();
        }
        for file in ["a/2.conf", "a/1.conf", "a/.hidden.conf", "b/3.conf", "a/x.txt"] {
            fs::write(dir.path().join(file), "").unwrap();
        }
        let found = |pattern: &str| {
            let paths = matching(&format!("{root}/{pattern}"));
            let names = paths.iter().map(|path| path[root.len() + 1..].to_owned());
            names.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(found("a/*.conf"), "a/1.conf a/2.conf");
        assert_eq!(found("*/?.conf"), "a/1.conf a/2.conf b/3.conf");
        assert_eq!(found("[bc]/3.conf"), "b/3.conf");
        assert_eq!(found("a/.*"), "a/.hidden.conf");
        assert_eq!(found("x/*"), "");
        assert_eq!(matching("no/such.conf"), ["no/such.conf"]);
    }

    #[test]
    fn a_file_is_replaced_as_a_whole_and_keeps_its_permissions() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        replace(&path, b"one").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        replace(&link, b"two").unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
        assert!(replace(&dir.path().join("no/file"), b"x").is_err());
    }

    #[test]
    fn what_is_left_of_a_replacement_goes_once_its_process_has_ended() {
        let dir = tempfile::tempdir().unwrap();
        let names =
            ["conf", "conf-1.tmp", "conf-2.tmp", "conf-x.tmp", "conf-01.tmp", "other-1.tmp"];
        names.iter().for_each(|name| fs::write(dir.path().join(name), "").unwrap());
        remove_leftovers(&dir.path().join("conf"), |process| process == 2);
        let is_there = |name: &&&str| dir.path().join(name).exists();
        assert_eq!(
            names.iter().filter(|name| !is_there(name)).collect::<Vec<_>>(),
            [&"conf-1.tmp"]
        );
        remove_leftovers(Path::new("/no/such/file"), |_| false);
    }

    #[test]
    fn reasons_have_no_numbers() {
        let error = fs::read("/no/such/file").unwrap_err();
        assert_eq!(reason(&error), "No such file or directory");
    }
}
