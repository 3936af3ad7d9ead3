//! Memory figures: what the allocator has handed out, and what the system has given the process.
#![allow(unsafe_code, reason = "one of the allocator's controls has no safe wrapper")]

use rustix::thread::disable_transparent_huge_pages;
use std::io;
use tikv_jemalloc_ctl::{epoch, stats, stats_print, thread};

/// The allocator's settings, which it looks for under this name: small allocations of a size come
/// in groups of four pages and more, where they would come in one or three.
///
/// Groups of less than 16 KiB that have become free are joined with their neighbours when pages are
/// next given back, all at once; larger ones are joined as they become free. The byte is the first
/// of a text that ends with a NUL.
#[unsafe(export_name = "_rjem_malloc_conf")]
static SETTINGS: &u8 =
    &b"slab_sizes:16-16:2|32-32:4|48-48:6|64-64:4|96-96:6|128-128:4|192-192:6|256-256:4|384-384:6|\
512-512:4|768-768:6|1024-1024:4|1536-1536:6|2048-2048:4|3072-3072:6|4096-4096:4\0"[0];

/// Bytes handed out and not taken back, read from the allocator's own counters: two loads, no lock.
///
/// Counts what the thread that made it allocates and frees, so make it on the loop's thread.
pub struct MemoryMeter {
    counters: Option<(thread::ThreadLocal<u64>, thread::ThreadLocal<u64>)>,
}

impl MemoryMeter {
    /// A meter for the calling thread.
    pub fn start() -> MemoryMeter {
        let allocated = thread::allocatedp::read().ok();
        let freed = thread::deallocatedp::read().ok();
        MemoryMeter { counters: allocated.zip(freed) }
    }

    /// Bytes in use by this thread's allocations; zero where the allocator keeps no counters.
    pub fn used_bytes(&self) -> u64 {
        match &self.counters {
            Some((allocated, freed)) => allocated.get().saturating_sub(freed.get()),
            None => 0,
        }
    }
}

/// Lets the allocator give pages back that have been free for a while (its `dirty_decay_ms`, ten
/// seconds). It does so by itself only in the course of many allocations, which an idle process
/// does not make.
pub fn give_back() {
    // SAFETY: the control takes no value and returns none; the name ends with a NUL. Failure means
    // that nothing is given back, which harms nobody.
    unsafe {
        tikv_jemalloc_sys::mallctl(
            c"arena.4096.decay".as_ptr(),
            std::ptr::null_mut(),
            std::ptr::null_mut(),
            std::ptr::null_mut(),
            0,
        );
    }
}

/// Keeps the kernel from giving the process, and those that it forks, huge pages from now on.
///
/// # Errors
/// The system's.
pub fn forgo_huge_pages() -> io::Result<()> {
    Ok(disable_transparent_huge_pages(true)?)
}

/// Gives all free pages back to the system at once.
pub fn purge() {
    // SAFETY: as for `give_back`.
    unsafe {
        tikv_jemalloc_sys::mallctl(
            c"arena.4096.purge".as_ptr(),
            std::ptr::null_mut(),
            std::ptr::null_mut(),
            std::ptr::null_mut(),
            0,
        );
    }
}

/// What the allocator tells of itself, for people; empty where it tells nothing.
pub fn allocator_report() -> String {
    let mut text = Vec::new();
    match stats_print::stats_print(&mut text, stats_print::Options::default()) {
        Ok(()) => String::from_utf8_lossy(&text).into_owned(),
        Err(error) => {
            log::warn!("the allocator reports nothing: {error}");
            String::new()
        }
    }
}

/// What the allocator knows of the whole process, in bytes.
#[derive(Default)]
pub struct AllocatorStats {
    /// Handed out to the program.
    pub allocated: usize,
    /// In pages that hold at least one allocation.
    pub active: usize,
    /// In pages that are resident.
    pub resident: usize,
}

/// The allocator's figures now; costs some microseconds. Zeros where it keeps none.
pub fn allocator_stats() -> AllocatorStats {
    if epoch::advance().is_err() {
        return AllocatorStats::default();
    }
    AllocatorStats {
        allocated: stats::allocated::read().unwrap_or(0),
        active: stats::active::read().unwrap_or(0),
        resident: stats::resident::read().unwrap_or(0),
    }
}

/// Bytes of the process that are in memory (VmRSS); zero where /proc is missing.
pub fn resident_bytes() -> u64 {
    proc_kb("/proc/self/status", "VmRSS:") * 1024
}

/// Bytes of the process that it shares with no other one and has written to; zero where /proc is
/// missing. Takes time with the memory of the process.
pub fn private_bytes() -> u64 {
    proc_kb("/proc/self/smaps_rollup", "Private_Dirty:") * 1024
}

/// The allocator's size for `size` bytes: multiples of 16 up to 128, then four steps to each
/// doubling (jemalloc's classes). A value that stays in its class is overwritten in place.
#[inline]
pub fn size_class(size: usize) -> usize {
    if size <= 128 {
        return size.max(1).next_multiple_of(16);
    }
    let step = 1usize << ((size - 1).ilog2() - 2);
    size.next_multiple_of(step)
}

/// Bytes of memory in the machine; zero where /proc is missing.
pub fn machine_bytes() -> u64 {
    proc_kb("/proc/meminfo", "MemTotal:") * 1024
}

fn proc_kb(path: &str, field: &str) -> u64 {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(field)).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_allocated_is_counted() {
        let meter = MemoryMeter::start();
        let before = meter.used_bytes();
        let block = std::hint::black_box(vec![1u8; 1 << 20]);
        // Other threads of the test may have freed a little of what this one allocated.
        let half = block.len() as u64 / 2;
        assert!(meter.used_bytes() >= before + half);
        drop(block);
        assert!(meter.used_bytes() < before + half);
    }

    #[test]
    fn the_settings_are_in_force() {
        // The second smallest size, of 16 bytes.
        let name = b"arenas.bin.1.slab_size\0";
        // SAFETY: the value is a `size_t`, as the allocator's manual has it.
        let bytes: usize = unsafe { tikv_jemalloc_ctl::raw::read(name) }.expect("a size");
        assert_eq!(bytes, 2 * 4_096);
    }

    #[test]
    fn the_system_tells_its_figures() {
        assert!(resident_bytes() > 1 << 20);
        assert!(machine_bytes() > resident_bytes());
        assert!(allocator_stats().resident > 0);
    }

    #[test]
    fn classes_are_the_allocators() {
        let cases = [(0, 16), (1, 16), (16, 16), (17, 32), (128, 128), (129, 160), (160, 160)];
        for (size, class) in cases.into_iter().chain([(161, 192), (257, 320), (1_025, 1_280)]) {
            assert_eq!(size_class(size), class);
        }
    }
}
