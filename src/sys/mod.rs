//! The operating system and the machine: what needs a system call or an instruction of its own.

pub mod cache;
pub mod crash;
pub mod disk;
pub mod files;
pub mod fork;
pub mod helper;
pub mod limits;
pub mod memory;
pub mod oom;
pub mod probes;
pub mod process;
pub mod random;
pub mod supervisor;
pub mod syslog;
pub mod ticks;
pub mod title;
