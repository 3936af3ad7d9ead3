//! The operating system and the machine: what needs a system call or an instruction of its own.

pub mod cache;
pub mod crash;
pub mod limits;
pub mod memory;
pub mod process;
pub mod ticks;
