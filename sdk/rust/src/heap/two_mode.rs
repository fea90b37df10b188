//! Two-mode heap: an arena for a process that answers one call, a general allocator for one that
//! continues.
//!
//! A process starts on the [arena](super::arena), which is as fast as an allocator can be and never
//! merges free blocks: a long-running process with changing sizes would end up with the sum of each
//! size's peak. A process that continues after its first call switches to a general allocator,
//! dlmalloc. The guest knows which kind it is only when it is entered, and by then the host has put
//! the first arguments into the arena. So both are in use side by side, and a block's address tells
//! whose it is: all blocks of the arena are below the arena's end.
//!
//! ```text
//! heap base          arena end                          end of memory
//! | blocks of the arena | blocks of the general allocator | grows -> |
//! ```

use core::alloc::Layout;
use core::cell::{Cell, RefCell};
use core::ptr;

use dlmalloc::{Allocator, Dlmalloc};

use super::arena::{Arena, GRANULE, Region, Source};

/// The arena's end: the lowest address that the general allocator can have; 0 before the switch.
pub(crate) trait ArenaEnd {
    fn get(&self) -> usize;
    fn set(&self, arena_end: usize);
}

/// The arena and, after the switch, the general allocator over the rest of the memory.
pub(crate) struct Heap<S, B> {
    arena: Arena<S>,
    /// Owns the blocks from the arena's end on.
    general: Option<Dlmalloc<Tail<S>>>,
    arena_end: B,
}

impl<S: Source + Clone, B: ArenaEnd> Heap<S, B> {
    pub(crate) const fn new(source: S, arena_end: B) -> Self {
        Self {
            arena: Arena::new(source),
            general: None,
            arena_end,
        }
    }

    /// Allocates from the general allocator from now on, which merges free blocks and uses them
    /// again for any size. Calling it again changes nothing.
    #[cold]
    pub(crate) fn switch_to_general(&mut self) {
        if self.arena_end.get() != 0 {
            return;
        }
        let (source, tail) = self.arena.hand_over();
        self.arena_end.set(tail.start.addr().max(1));
        let mut general = Dlmalloc::new_with_allocator(Tail::new(source, tail));
        // What the source gives beyond that is used as well.
        general.set_granularity(GRANULARITY);
        // There is no memory to give back.
        general.set_max_release_check_rate(0);
        self.general = Some(general);
    }

    /// A block for `layout`, or null if the source refuses.
    #[inline]
    pub(crate) fn allocate(&mut self, layout: Layout) -> *mut u8 {
        match self.general_at(usize::MAX) {
            // SAFETY: the alignment is one.
            Some(general) => unsafe { general.malloc(layout.size(), layout.align()) },
            None => self.arena.allocate(layout),
        }
    }

    /// Takes back a block.
    ///
    /// # Safety
    /// `block` came from this heap for this `layout` and was not taken back since.
    #[inline]
    pub(crate) unsafe fn release(&mut self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe {
            match self.general_at(block.addr()) {
                Some(general) => general.free(block, layout.size(), layout.align()),
                None => self.arena.release(block, layout),
            }
        }
    }

    /// Gives a block another size, moving its content if it must; or null, and nothing changes.
    ///
    /// # Safety
    /// As for [`Heap::release`]; and `size`, rounded up to the layout's alignment, does not
    /// exceed `isize::MAX`.
    #[inline]
    pub(crate) unsafe fn resize(&mut self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's promise; a block that moves does not overlap with its new place.
        unsafe {
            if let Some(general) = self.general_at(block.addr()) {
                return general.realloc(block, layout.size(), layout.align(), size);
            }
            let Some(general) = self.general_at(usize::MAX) else {
                return self.arena.resize(block, layout, size);
            };
            let moved = general.malloc(size, layout.align());
            if !moved.is_null() {
                ptr::copy_nonoverlapping(block, moved, layout.size().min(size));
                self.arena.release(block, layout);
            }
            moved
        }
    }

    /// The general allocator, if what is at this address is its own.
    #[inline]
    fn general_at(&mut self, addr: usize) -> Option<&mut Dlmalloc<Tail<S>>> {
        let arena_end = self.arena_end.get();
        if arena_end == 0 || addr < arena_end {
            return None;
        }
        self.general.as_mut()
    }
}

/// The memory that the arena has not used, and what more the source has.
struct Tail<S> {
    source: RefCell<S>,
    unused: Cell<Region>,
}

impl<S> Tail<S> {
    fn new(source: S, unused: Region) -> Self {
        Self {
            source: RefCell::new(source),
            unused: Cell::new(unused),
        }
    }
}

// SAFETY: the trait asks for it, and a guest has one thread.
unsafe impl<S> Send for Tail<S> {}

// SAFETY: what it gives is the source's, each byte once; and it takes nothing back.
unsafe impl<S: Source> Allocator for Tail<S> {
    fn alloc(&self, size: usize) -> (*mut u8, usize, u32) {
        const REFUSED: (*mut u8, usize, u32) = (ptr::null_mut(), 0, 0);
        let unused = self.unused.replace(NONE);
        if unused.len >= size {
            return (unused.start, unused.len, 0);
        }
        let grow = |size: usize| {
            let size = size.checked_next_multiple_of(GRANULE)?;
            self.source.borrow_mut().grow(size)
        };
        // What is missing, so that the last page of a limit can be used; the two are one object
        // if they touch, so says the source.
        let grown = grow(size - unused.len);
        match grown {
            Some(grown) if unused.start.wrapping_add(unused.len) == grown.start => {
                (unused.start, unused.len + grown.len, 0)
            }
            Some(grown) if grown.len >= size => (grown.start, grown.len, 0),
            // It lies elsewhere, and then it must hold all of it.
            Some(grown) => match grow(size) {
                Some(more) if grown.start.wrapping_add(grown.len) == more.start => {
                    (grown.start, grown.len + more.len, 0)
                }
                Some(more) => (more.start, more.len, 0),
                None => {
                    self.unused.set(grown);
                    REFUSED
                }
            },
            None => {
                self.unused.set(unused);
                REFUSED
            }
        }
    }

    fn remap(&self, _: *mut u8, _: usize, _: usize, _can_move: bool) -> *mut u8 {
        ptr::null_mut()
    }

    fn free_part(&self, _: *mut u8, _: usize, _: usize) -> bool {
        false
    }

    fn free(&self, _: *mut u8, _: usize) -> bool {
        false
    }

    fn can_release_part(&self, _flags: u32) -> bool {
        false
    }

    fn allocates_zeros(&self) -> bool {
        false
    }

    fn page_size(&self) -> usize {
        GRANULARITY
    }
}

const NONE: Region = Region {
    start: ptr::null_mut(),
    len: 0,
};

/// What the general allocator rounds up what it asks for.
const GRANULARITY: usize = 1024;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::buffer::{Buffer, TestPages, TestSource};
    use super::super::linear_memory::PAGE;
    use super::*;

    impl ArenaEnd for Cell<usize> {
        fn get(&self) -> usize {
            Cell::get(self)
        }

        fn set(&self, arena_end: usize) {
            Cell::set(self, arena_end);
        }
    }

    struct Block {
        start: *mut u8,
        layout: Layout,
        /// What its first and last byte should be.
        mark: u8,
    }

    /// A heap, and the blocks that are in use.
    struct Model<S> {
        heap: Heap<S, Cell<usize>>,
        source: S,
        blocks: Vec<Block>,
        /// The sum of the sizes of the blocks.
        live: usize,
        mark: u8,
    }

    impl Model<Buffer> {
        fn with_buffer(capacity: usize) -> Self {
            Self::new(Buffer::new(capacity, 0))
        }
    }

    impl<S: TestSource> Model<S> {
        fn new(source: S) -> Self {
            Self {
                heap: Heap::new(source.clone(), Cell::new(0)),
                source,
                blocks: Vec::new(),
                live: 0,
                mark: 0,
            }
        }

        fn allocate(&mut self, size: usize, align: usize) {
            let layout = Layout::from_size_align(size, align).unwrap();
            let start = self.heap.allocate(layout);
            self.admit(start, layout);
        }

        fn release(&mut self, index: usize) {
            let block = self.blocks.swap_remove(index);
            self.live -= block.layout.size();
            self.check(&block, block.layout.size());
            // SAFETY: the block is in use and has this layout.
            unsafe { self.heap.release(block.start, block.layout) };
        }

        fn resize(&mut self, index: usize, size: usize) {
            let block = self.blocks.swap_remove(index);
            self.live -= block.layout.size();
            // SAFETY: the block is in use and has this layout.
            let start = unsafe { self.heap.resize(block.start, block.layout, size) };
            let layout = Layout::from_size_align(size, block.layout.align()).unwrap();
            assert!(!start.is_null());
            // SAFETY: the block has at least one byte.
            let first = unsafe { start.read() };
            assert_eq!(first, block.mark, "the content moved along");
            self.admit(start, layout);
        }

        fn admit(&mut self, start: *mut u8, layout: Layout) {
            assert!(!start.is_null(), "the buffer is large enough");
            assert_eq!(start.addr() % layout.align(), 0, "aligned");
            let range = start.addr()..start.addr() + layout.size();
            assert!(self.source.has_given(&range));
            self.mark = self.mark.wrapping_add(1);
            // SAFETY: the block is in use and that large.
            unsafe {
                start.write(self.mark);
                start.add(layout.size() - 1).write(self.mark);
            }
            self.live += layout.size();
            self.blocks.push(Block {
                start,
                layout,
                mark: self.mark,
            });
        }

        fn check(&self, block: &Block, len: usize) {
            // SAFETY: the block is in use, that large, and was written to.
            let (first, last) = unsafe { (block.start.read(), block.start.add(len - 1).read()) };
            assert_eq!(
                (first, last),
                (block.mark, block.mark),
                "nobody else wrote into it"
            );
        }

        fn run(&mut self, steps: &[Step]) {
            for step in steps {
                let count = self.blocks.len();
                match *step {
                    Step::Allocate { size, align } => self.allocate(size, align),
                    Step::Release(at) if count > 0 => self.release(at.index(count)),
                    Step::Resize(at, size) if count > 0 => self.resize(at.index(count), size),
                    Step::SwitchToGeneral => self.heap.switch_to_general(),
                    Step::Release(_) | Step::Resize(..) => {}
                }
                assert!(!self.has_overlaps());
            }
            while !self.blocks.is_empty() {
                self.release(0);
            }
        }

        fn has_overlaps(&self) -> bool {
            let mut ranges: Vec<_> = self
                .blocks
                .iter()
                .map(|b| (b.start.addr(), b.start.addr() + b.layout.size()))
                .collect();
            ranges.sort_unstable();
            ranges.windows(2).any(|pair| pair[0].1 > pair[1].0)
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Allocate { size: usize, align: usize },
        Release(prop::sample::Index),
        Resize(prop::sample::Index, usize),
        SwitchToGeneral,
    }

    fn step() -> impl Strategy<Value = Step> {
        let size = || prop_oneof![6 => 1usize..300, 3 => 1usize..5_000, 1 => 1usize..60_000];
        let align = prop_oneof![8 => 0u32..5, 1 => 5u32..9].prop_map(|log| 1 << log);
        prop_oneof![
            20 => (size(), align).prop_map(|(size, align)| Step::Allocate { size, align }),
            15 => any::<prop::sample::Index>().prop_map(Step::Release),
            10 => (any::<prop::sample::Index>(), size()).prop_map(|(at, size)| Step::Resize(at, size)),
            1 => Just(Step::SwitchToGeneral),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 256,
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        /// Whenever the process begins to live on, blocks of both kinds keep their content.
        #[test]
        fn blocks_are_aligned_apart_and_keep_their_content(
            steps in prop::collection::vec(step(), 1..300),
            hole in prop_oneof![Just(0usize), Just(64)],
        ) {
            Model::new(Buffer::new(64 << 20, hole)).run(&steps);
        }

        /// The same over a linear memory, which begins with a piece whose size nobody asked for.
        #[test]
        fn a_linear_memory_of_any_size_serves_any_first_block(
            steps in prop::collection::vec(step(), 1..300),
            free in free(),
        ) {
            Model::new(TestPages::source(64 << 20, free)).run(&steps);
        }
    }

    fn free() -> impl Strategy<Value = usize> {
        prop_oneof![0usize..64, 0usize..200_000]
    }

    #[test]
    fn the_first_block_of_a_process_may_have_any_size() {
        for size in [1, 28 << 10, 29 << 10, 64 << 10, 1 << 20] {
            for general in [false, true] {
                let mut model = Model::new(TestPages::source(4 << 20, 29_000));
                if general {
                    model.heap.switch_to_general();
                }
                model.allocate(size, 1);
                model.allocate(size, 8);
            }
        }
    }

    #[test]
    fn the_first_block_that_is_refused_leaves_the_memory_to_the_next() {
        for general in [false, true] {
            let mut model = Model::new(TestPages::source(128 << 10, 100_000));
            if general {
                model.heap.switch_to_general();
            }
            let large = Layout::from_size_align(1 << 20, 1).unwrap();
            assert!(model.heap.allocate(large).is_null());
            model.allocate(90_000, 1);
        }
    }

    /// Asking for the whole block, where only a part is missing, would be refused.
    #[test]
    fn the_last_page_within_the_limit_is_used() {
        for general in [false, true] {
            let mut model = Model::new(TestPages::source(4 * PAGE, PAGE / 2));
            if general {
                model.heap.switch_to_general();
            }
            model.allocate(3 * PAGE + 10_000, 8);
        }
    }

    /// Numbers that look random, the same in every run (xorshift64).
    struct Numbers(u64);

    impl Numbers {
        fn below(&mut self, end: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 >> 16) as usize % end
        }
    }

    /// A life in phases, each with sizes of its own: what one phase has left is to serve the next.
    /// Gives how much memory it took, with never more than `bound` bytes in use at once.
    fn long_life(model: &mut Model<Buffer>, steps: usize, bound: usize) -> usize {
        let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
        for step in 0..steps {
            let scale = match step / (steps / 40) % 5 {
                0 => 64,
                1 => 1_000,
                2 => 20_000,
                3 => 300_000,
                // All at once, small ones most.
                _ => 16 << numbers.below(15),
            };
            let size = 1 + numbers.below(scale);
            let count = model.blocks.len();
            // The last third of each phase frees more than it takes.
            let shrinks = step % (steps / 40) > steps / 60;
            match numbers.below(10) {
                0..4 if count > 0 => model.release(numbers.below(count)),
                4..6 if count > 0 && model.live + size <= bound => {
                    model.resize(numbers.below(count), size);
                }
                6 if shrinks && count > 0 => model.release(numbers.below(count)),
                _ if model.live + size <= bound => model.allocate(size, 8),
                _ => model.release(numbers.below(count)),
            }
        }
        model.source.used()
    }

    #[test]
    fn a_long_life_stays_within_a_small_factor_of_what_is_in_use() {
        let steps = if cfg!(debug_assertions) {
            1_000_000
        } else {
            10_000_000
        };
        let bound = 4 << 20;
        let mut model = Model::with_buffer(256 << 20);
        model.heap.switch_to_general();
        let half = long_life(&mut model, steps / 2, bound);
        let whole = long_life(&mut model, steps / 2, bound);
        assert!(whole < 2 * bound, "{whole} bytes for {bound}");
        assert!(whole - half < bound / 4, "{half} bytes, then {whole}");
        eprintln!("{whole} bytes for at most {bound} in use");
    }

    #[test]
    fn what_the_arena_has_not_used_is_not_lost() {
        let mut model = Model::with_buffer(1 << 20);
        model.allocate(100, 1);
        let used = model.source.used();
        model.heap.switch_to_general();
        model.allocate(100, 1);
        assert!(model.source.used() <= used + GRANULARITY);
        let [one, other] = [0, 1].map(|index| model.blocks[index].start.addr());
        assert!(other - one < 512, "{one:#x} {other:#x}");
    }

    #[test]
    fn a_refusal_is_null_and_changes_nothing() {
        let mut model = Model::with_buffer(64 << 10);
        model.heap.switch_to_general();
        model.allocate(1000, 8);
        let large = Layout::from_size_align(1 << 20, 8).unwrap();
        assert!(model.heap.allocate(large).is_null());
        let block = &model.blocks[0];
        // SAFETY: the block is in use and has this layout.
        assert!(unsafe { model.heap.resize(block.start, block.layout, 1 << 20) }.is_null());
        model.allocate(30_000, 8);
        model.release(0);
    }
}
