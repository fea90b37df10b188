//! The arena: blocks are cut from the end of what is in use, and freed blocks wait in a list of
//! their [size class](Class) for the next request of that class.
//!
//! A process that answers one request and is gone should pay for allocation what moving a
//! pointer costs, and must not grow its memory. So there is no search, splitting or merging.
//! One rule keeps a loop that allocates and frees bounded all the same, whatever its order:
//!
//! > A block of a class comes into being only when no block of that class is free.
//!
//! It follows that there are never more blocks of a class than were once in use together, and
//! that the space in use never exceeds the sum of those peaks.

use core::alloc::Layout;
use core::ptr;

pub(crate) use super::class::{Class, GRANULE};

/// Where an arena gets its memory.
///
/// # Safety
/// A region is readable and writable, starts at a multiple of [`GRANULE`] above zero, and nobody
/// else uses it ever after. If it starts where the region before it ended, both are one object.
pub(crate) unsafe trait Source {
    /// A region of at least `size` bytes; `None` if it is refused. `size` is above zero and a
    /// multiple of [`GRANULE`].
    fn grow(&mut self, size: usize) -> Option<Region>;
}

/// Memory that an arena was given.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Region {
    pub(crate) start: *mut u8,
    /// In bytes.
    pub(crate) len: usize,
}

/// An allocator over the regions of one [`Source`].
#[derive(Debug)]
pub(crate) struct Arena<S> {
    source: S,
    /// The first byte that is in no block; from here to `end` nothing is in use.
    next: *mut u8,
    /// The end of the current region.
    end: *mut u8,
    /// By class: the free block that was freed last, or null. Each free block begins with the
    /// pointer to the one before.
    free: [*mut u8; Class::COUNT],
}

impl<S: Source> Arena<S> {
    /// An arena that asks `source` for its first region when it first needs one.
    pub(crate) const fn new(source: S) -> Self {
        Self {
            source,
            next: ptr::null_mut(),
            end: ptr::null_mut(),
            free: [ptr::null_mut(); Class::COUNT],
        }
    }

    /// A block for `layout`, or null if the source refuses.
    #[inline]
    pub(crate) fn allocate(&mut self, layout: Layout) -> *mut u8 {
        if layout.align() <= GRANULE {
            return match Class::of(layout.size()) {
                Some(class) => self.take(class),
                None => ptr::null_mut(),
            };
        }
        self.allocate_overaligned(layout)
    }

    /// Gives the source up, with the memory that no block was cut from yet: its start is above
    /// every block. The arena only takes blocks back from now on.
    pub(super) fn hand_over(&mut self) -> (S, Region)
    where
        S: Clone,
    {
        let tail = Region {
            start: self.next,
            len: self.room(),
        };
        self.end = self.next;
        (self.source.clone(), tail)
    }

    /// Takes back a block.
    ///
    /// # Safety
    /// `block` came from this arena for this `layout` and was not taken back since.
    #[inline]
    pub(crate) unsafe fn release(&mut self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise; what was granted to the layout has a class.
        unsafe {
            let (base, size) = if layout.align() <= GRANULE {
                (block, layout.size())
            } else {
                (overaligned_base(block), overaligned_size(layout))
            };
            if let Some(class) = Class::of(size) {
                self.put(base, class);
            }
        }
    }

    /// Gives a block another size, moving its content if it must; or null, and nothing changes.
    ///
    /// # Safety
    /// As for [`Arena::release`]; and `size`, rounded up to the layout's alignment, does not
    /// exceed `isize::MAX`.
    pub(crate) unsafe fn resize(&mut self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if layout.align() <= GRANULE {
            let (Some(old), Some(new)) = (Class::of(layout.size()), Class::of(size)) else {
                return ptr::null_mut();
            };
            // SAFETY: the caller's promise.
            if old == new || unsafe { self.resize_in_place(block, old, new) } {
                return block;
            }
        }
        // SAFETY: the caller's promise, and the two blocks do not overlap.
        unsafe {
            let moved = self.allocate(Layout::from_size_align_unchecked(size, layout.align()));
            if !moved.is_null() {
                ptr::copy_nonoverlapping(block, moved, layout.size().min(size));
                self.release(block, layout);
            }
            moved
        }
    }

    /// A block of `class`: one that is free, else one cut from the end.
    #[inline]
    fn take(&mut self, class: Class) -> *mut u8 {
        let Some(free) = self.free.get_mut(class.index()) else {
            return ptr::null_mut();
        };
        let block = *free;
        if !block.is_null() {
            // SAFETY: a block in a list begins with the pointer to the next.
            *free = unsafe { block.cast::<*mut u8>().read() };
            return block;
        }
        if self.room() < class.size() && !self.extend(class.size()) {
            return ptr::null_mut();
        }
        let block = self.next;
        self.next = block.wrapping_add(class.size());
        block
    }

    /// Takes back a block of `class`. If it is the last one, the space is unused again.
    ///
    /// # Safety
    /// The block is in use, of that class, and its user has done with it.
    #[inline]
    unsafe fn put(&mut self, block: *mut u8, class: Class) {
        if self.is_last(block, class) {
            self.next = block;
        } else if let Some(free) = self.free.get_mut(class.index()) {
            // SAFETY: nobody uses the block, and it is large and aligned enough for a pointer.
            unsafe { block.cast::<*mut u8>().write(*free) };
            *free = block;
        }
    }

    /// Makes the last block one of class `new`, unless there is a free one of that class.
    ///
    /// # Safety
    /// The block is in use and of class `old`.
    unsafe fn resize_in_place(&mut self, block: *mut u8, old: Class, new: Class) -> bool {
        if !self.is_last(block, old) || self.has_free(new) {
            return false;
        }
        if let Some(more) = new.size().checked_sub(old.size())
            && self.room() < more
        {
            // A region elsewhere is of no use to this block, which then is no longer the last.
            if !self.extend(more) || !self.is_last(block, old) {
                return false;
            }
        }
        self.next = block.wrapping_add(new.size());
        true
    }

    /// Blocks begin at granules; so an alignment above that takes a larger block, with the
    /// pointer to its base just before the part that is used.
    #[cold]
    fn allocate_overaligned(&mut self, layout: Layout) -> *mut u8 {
        let Some(class) = Class::of(overaligned_size(layout)) else {
            return ptr::null_mut();
        };
        let base = self.take(class);
        if base.is_null() {
            return base;
        }
        let first = base.wrapping_add(GRANULE);
        let block = first.wrapping_add(first.align_offset(layout.align()));
        // SAFETY: the granule before `block` is within the block that begins at `base`.
        unsafe { block.sub(GRANULE).cast::<*mut u8>().write(base) };
        block
    }

    /// Makes room for `size` bytes.
    #[cold]
    fn extend(&mut self, size: usize) -> bool {
        let missing = size - self.room();
        if !self.add_region(missing) {
            return false;
        }
        // The new region may lie elsewhere, and then it must hold all of it.
        self.room() >= size || self.add_region(size)
    }

    /// Adds a region of at least `size` bytes to the current one, or puts it in its place if
    /// somebody else's memory lies between; the rest of the old region is then lost.
    fn add_region(&mut self, size: usize) -> bool {
        let Some(region) = self.source.grow(size) else {
            return false;
        };
        if region.start != self.end {
            self.next = region.start;
        }
        self.end = region.start.wrapping_add(region.len);
        true
    }

    #[inline]
    fn room(&self) -> usize {
        self.end.addr() - self.next.addr()
    }

    #[inline]
    fn is_last(&self, block: *mut u8, class: Class) -> bool {
        block.wrapping_add(class.size()) == self.next
    }

    #[inline]
    fn has_free(&self, class: Class) -> bool {
        self.free
            .get(class.index())
            .is_some_and(|block| !block.is_null())
    }
}

/// What a block must hold so that `layout` fits in it wherever it begins.
fn overaligned_size(layout: Layout) -> usize {
    layout.size().saturating_add(layout.align())
}

/// # Safety
/// `block` came from `allocate_overaligned`.
unsafe fn overaligned_base(block: *mut u8) -> *mut u8 {
    // SAFETY: the caller's promise.
    unsafe { block.sub(GRANULE).cast::<*mut u8>().read() }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::ops::Range;

    use proptest::prelude::*;

    use super::super::buffer::{Buffer, TestPages, TestSource};
    use super::*;

    impl Arena<Buffer> {
        /// How far into the buffer blocks have been cut, at this moment.
        fn extent(&self) -> usize {
            if self.next.is_null() {
                0
            } else {
                self.next.addr() - self.source.start()
            }
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Allocate { size: usize, align: usize },
        Release(prop::sample::Index),
        Resize(prop::sample::Index, usize),
    }

    fn size() -> impl Strategy<Value = usize> {
        prop_oneof![6 => 1usize..300, 3 => 1usize..5_000, 1 => 1usize..60_000]
    }

    fn step() -> impl Strategy<Value = Step> {
        let align = prop_oneof![8 => 0u32..5, 1 => 5u32..9].prop_map(|log| 1 << log);
        prop_oneof![
            4 => (size(), align).prop_map(|(size, align)| Step::Allocate { size, align }),
            3 => any::<prop::sample::Index>().prop_map(Step::Release),
            2 => (any::<prop::sample::Index>(), size()).prop_map(|(at, size)| Step::Resize(at, size)),
        ]
    }

    struct Block {
        start: *mut u8,
        layout: Layout,
        /// What every one of its bytes should be.
        mark: u8,
    }

    impl Block {
        fn range(&self) -> Range<usize> {
            self.start.addr()..self.start.addr() + self.layout.size()
        }

        fn fill(&self) {
            // SAFETY: the block is in use and that large.
            unsafe { self.start.write_bytes(self.mark, self.layout.size()) }
        }

        fn is_intact(&self, len: usize) -> bool {
            // SAFETY: the block is in use, that large, and was filled.
            unsafe { core::slice::from_raw_parts(self.start, len) }
                .iter()
                .all(|&b| b == self.mark)
        }
    }

    fn class_of(layout: Layout) -> Class {
        let over = layout.align() > GRANULE;
        Class::of(if over {
            overaligned_size(layout)
        } else {
            layout.size()
        })
        .unwrap()
    }

    /// An arena, the blocks in use, and the most of each class that ever were at once.
    struct Model<S> {
        arena: Arena<S>,
        blocks: Vec<Block>,
        peaks: HashMap<usize, (usize, usize)>,
        mark: u8,
    }

    impl<S: TestSource> Model<S> {
        fn new(arena: Arena<S>) -> Self {
            Self {
                arena,
                blocks: Vec::new(),
                peaks: HashMap::new(),
                mark: 0,
            }
        }

        fn run(&mut self, step: &Step) {
            match *step {
                Step::Allocate { size, align } => {
                    let layout = Layout::from_size_align(size, align).unwrap();
                    let start = self.arena.allocate(layout);
                    self.admit(start, layout);
                }
                Step::Release(at) if !self.blocks.is_empty() => {
                    let block = self.blocks.swap_remove(at.index(self.blocks.len()));
                    self.release(block);
                }
                Step::Resize(at, size) if !self.blocks.is_empty() => {
                    let block = self.blocks.swap_remove(at.index(self.blocks.len()));
                    let layout = Layout::from_size_align(size, block.layout.align()).unwrap();
                    // Both are in use while the content moves.
                    self.note_peak(&[layout, block.layout]);
                    // SAFETY: the block is in use and has this layout.
                    let start = unsafe { self.arena.resize(block.start, block.layout, size) };
                    assert!(!start.is_null(), "the buffer is large enough");
                    let kept = Block { start, ..block };
                    assert!(
                        kept.is_intact(kept.layout.size().min(size)),
                        "the content moved along"
                    );
                    self.admit(start, layout);
                }
                Step::Release(_) | Step::Resize(..) => {}
            }
        }

        fn admit(&mut self, start: *mut u8, layout: Layout) {
            assert!(!start.is_null(), "the buffer is large enough");
            assert_eq!(start.addr() % layout.align(), 0, "aligned");
            self.mark = self.mark.wrapping_add(1);
            let block = Block {
                start,
                layout,
                mark: self.mark,
            };
            let range = block.range();
            assert!(self.arena.source.has_given(&range));
            for other in &self.blocks {
                let other = other.range();
                assert!(
                    range.end <= other.start || other.end <= range.start,
                    "no overlap"
                );
            }
            block.fill();
            self.blocks.push(block);
            self.note_peak(&[]);
        }

        /// Counts the blocks in use and those of `moving`, which are in use for the moment.
        fn note_peak(&mut self, moving: &[Layout]) {
            let mut counts: HashMap<usize, (usize, usize)> = HashMap::new();
            for layout in self.blocks.iter().map(|block| &block.layout).chain(moving) {
                let class = class_of(*layout);
                counts.entry(class.index()).or_insert((class.size(), 0)).1 += 1;
            }
            for (class, (size, count)) in counts {
                let peak = self.peaks.entry(class).or_insert((size, 0));
                peak.1 = peak.1.max(count);
            }
        }

        fn release(&mut self, block: Block) {
            assert!(
                block.is_intact(block.layout.size()),
                "nobody else wrote into it"
            );
            // SAFETY: the block is in use and has this layout.
            unsafe { self.arena.release(block.start, block.layout) }
        }

        fn release_all(&mut self) {
            for block in std::mem::take(&mut self.blocks) {
                self.release(block);
            }
        }
    }

    const BIG: usize = 64 << 20;

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 256,
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn blocks_are_aligned_apart_and_keep_their_content(
            steps in prop::collection::vec(step(), 1..200),
            hole in prop_oneof![Just(0usize), Just(64)],
        ) {
            let mut model = Model::new(Arena::new(Buffer::new(BIG, hole)));
            for step in &steps {
                model.run(step);
            }
            model.release_all();
        }

        /// The same over a linear memory, which begins with a piece whose size nobody asked for.
        #[test]
        fn a_linear_memory_of_any_size_serves_any_first_block(
            steps in prop::collection::vec(step(), 1..200),
            free in prop_oneof![0usize..64, 0usize..200_000],
        ) {
            let mut model = Model::new(Arena::new(TestPages::source(BIG, free)));
            for step in &steps {
                model.run(step);
            }
            model.release_all();
        }

        /// The bound of the module's documentation.
        #[test]
        fn a_loop_stays_within_the_peaks_of_its_classes(
            steps in prop::collection::vec(step(), 1..60),
        ) {
            let mut model = Model::new(Arena::new(Buffer::new(BIG, 0)));
            for _ in 0..30 {
                for step in &steps {
                    model.run(step);
                    let bound: usize = model.peaks.values().map(|(size, count)| size * count).sum();
                    prop_assert!(model.arena.extent() <= bound);
                }
                model.release_all();
            }
        }
    }

    fn arena(capacity: usize) -> Arena<Buffer> {
        Arena::new(Buffer::new(capacity, 0))
    }

    fn bytes(size: usize) -> Layout {
        Layout::from_size_align(size, 1).unwrap()
    }

    #[test]
    fn the_last_block_grows_shrinks_and_is_freed_in_place() {
        let mut arena = arena(1 << 20);
        let block = arena.allocate(bytes(10));
        // SAFETY: the block is in use, and each call names its size at the time.
        unsafe {
            assert_eq!(arena.resize(block, bytes(10), 100_000), block);
            assert_eq!(arena.resize(block, bytes(100_000), 20), block);
            assert_eq!(arena.extent(), 32);
            arena.release(block, bytes(20));
        }
        assert_eq!(arena.extent(), 0);
    }

    #[test]
    fn a_freed_block_is_used_again_however_big() {
        let mut arena = arena(4 << 20);
        let block = arena.allocate(bytes(1 << 20));
        let after = arena.allocate(bytes(1));
        // SAFETY: the block is in use.
        unsafe { arena.release(block, bytes(1 << 20)) };
        assert_eq!(arena.allocate(bytes((1 << 20) - 5)), block);
        assert_ne!(arena.allocate(bytes(1)), after);
    }

    /// Growing in place although a block of the larger class is free would leak one each round.
    #[test]
    fn a_growing_buffer_before_a_lasting_block_is_bounded() {
        let mut arena = arena(1 << 20);
        let mut extents = Vec::new();
        for _ in 0..1_000 {
            let buffer = arena.allocate(bytes(1));
            // SAFETY: both blocks are in use, and each call names their size at the time.
            unsafe {
                let buffer = arena.resize(buffer, bytes(1), 1_000);
                let other = arena.allocate(bytes(1));
                arena.release(buffer, bytes(1_000));
                arena.release(other, bytes(1));
            }
            extents.push(arena.extent());
        }
        assert_eq!(extents[1], extents[999]);
    }

    #[test]
    fn a_refusal_is_null_and_changes_nothing() {
        let mut arena = arena(4096);
        let block = arena.allocate(bytes(100));
        assert!(arena.allocate(bytes(5_000)).is_null());
        assert!(arena.allocate(bytes(usize::MAX / 4)).is_null());
        // SAFETY: the block is in use.
        assert!(unsafe { arena.resize(block, bytes(100), 5_000) }.is_null());
        assert_eq!(arena.allocate(bytes(100)).addr(), block.addr() + 112);
    }
}
