//! Lays the program out so that perf finds its static probes.
//!
//! perf takes the addresses in a binary for places in the file. lld, which links on this target,
//! shifts one against the other unless segments are kept apart.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("TARGET").is_ok_and(|target| target == "x86_64-unknown-linux-gnu") {
        println!("cargo:rustc-link-arg-bins=-Wl,-z,separate-loadable-segments");
    }
}
