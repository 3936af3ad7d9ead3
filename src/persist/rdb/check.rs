//! Whether a file is a snapshot that can be loaded, and what is in it.

use super::load::{Loader, Loading};
use super::read::Forms;
use crate::base::hash::KeyHasher;
use crate::base::time::Now;
use crate::config::Config;
use crate::data::list::PLAIN_BYTES;
use crate::store::{Store, Usage};
use std::fs::File;

/// Databases that a file may use.
const DATABASES: usize = 1 << 16;

/// The bytes of the snapshot that a file begins with.
///
/// # Errors
/// What is wrong with it, and where.
pub fn len(path: &str) -> Result<u64, String> {
    let loader = load(path)?.0;
    Ok(loader.offset())
}

/// Loads a file into nothing that stays, with all checks; what is in it, in lines.
///
/// # Errors
/// What is wrong with it, and where.
pub fn check(path: &str) -> Result<String, String> {
    let (loader, store, len) = load(path)?;
    let loaded = loader.loaded();
    let (version, keys, empty) = (loaded.version, loaded.keys, loaded.empty);
    let mut lines =
        format!("{path}: RDB version {version}, {keys} keys, all of it can be loaded\n");
    for (name, value) in &loaded.aux {
        lines.push_str(&format!("  {name}: {value}\n"));
    }
    for db in 0..DATABASES {
        let (keys, timed) = store.lens(db);
        if keys > 0 {
            lines.push_str(&format!("  database {db}: {keys} keys, {timed} with a deadline\n"));
        }
    }
    if empty > 0 {
        lines.push_str(&format!("  {empty} keys without elements\n"));
    }
    if !loaded.functions.is_empty() {
        lines.push_str(&format!("  {} libraries of functions\n", loaded.functions.len()));
    }
    let behind = len - loader.offset();
    if behind > 0 {
        lines.push_str(&format!("  {behind} bytes stand behind it\n"));
    }
    Ok(lines)
}

/// Loads a file into nothing that stays; how that went, what was in it, and the bytes of the file.
fn load(path: &str) -> Result<(Loader<'static>, Store, u64), String> {
    let fault = |error: std::io::Error| format!("{path}: {}", crate::sys::files::reason(&error));
    let file = File::open(path).map_err(fault)?;
    let len = file.metadata().map_err(fault)?.len();
    let config = Config::default();
    let hasher = KeyHasher::new(&mut fastrand::Rng::with_seed(0));
    let forms = Forms::new(&config, &hasher, PLAIN_BYTES, true);
    let loading = Loading { forms, due_ms: None, replaces: false, checks_sum: true };
    let mut usage = Usage::new(&config, 0);
    usage.set_now(Now::default());
    let mut store = Store::new(DATABASES, hasher, usage);
    let mut loader = Loader::new(Box::new(file), Some(len), loading);
    if let Err(fault) = loader.step(&mut store, u64::MAX, u64::MAX) {
        let (version, keys) = (loader.loaded().version, loader.loaded().keys);
        return Err(format!("{path}: {fault}; {keys} keys of version {version} were fine"));
    }
    Ok((loader, store, len))
}
