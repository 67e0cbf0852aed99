//! The memory in which passwords are hashed.

use argon2::Block;
use zeroize::Zeroize;

/// Blocks that an instance keeps from hash to hash.
#[derive(Default)]
pub(super) struct Memory(pub(super) Vec<Block>);

impl Memory {
    /// So many blocks. They hold anything: a hash writes them before it reads them.
    pub fn blocks(&mut self, count: usize) -> &mut [Block] {
        if self.0.capacity() < count {
            self.0 = Vec::new();
            self.0.reserve_exact(count);
            on_huge_pages(&mut self.0);
        }
        self.0.resize(count, Block::default());
        &mut self.0
    }

    /// Forgets what was hashed.
    pub fn wipe(&mut self) {
        self.0.iter_mut().for_each(Zeroize::zeroize);
    }
}

/// Asks the system for pages of 2 MiB, before the memory is first written: a hash reads its blocks in no order, and the
/// processor remembers too few pages of 4 KiB to find them. What the system does not have, it does without.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "it takes an address")]
fn on_huge_pages(blocks: &mut Vec<Block>) {
    use rustix::mm::{Advice, madvise};

    const PAGE: usize = 2 << 20;
    let free = blocks.spare_capacity_mut();
    let start = free.as_mut_ptr().cast::<u8>();
    let skipped = start.align_offset(PAGE);
    let length = size_of_val(free).saturating_sub(skipped) / PAGE * PAGE;
    if length > 0 {
        // SAFETY: these are whole pages of the vector's own memory, and the advice changes nothing that is in them.
        let _ = unsafe { madvise(start.add(skipped).cast(), length, Advice::LinuxHugepage) };
    }
}

#[cfg(not(target_os = "linux"))]
fn on_huge_pages(_: &mut Vec<Block>) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_of_any_size_follow_one_another() {
        let mut memory = Memory::default();
        for count in [8, 19_456, 1_024, 40_000, 40_000, 0] {
            let blocks = memory.blocks(count);
            assert_eq!(blocks.len(), count);
            for block in blocks {
                block.as_mut().fill(u64::MAX);
            }
        }
    }
}
