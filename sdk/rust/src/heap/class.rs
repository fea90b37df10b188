//! Size classes: the few sizes that blocks of the [arena](super::arena) come in.

/// The smallest block, and what the start and size of every block are a multiple of.
pub(crate) const GRANULE: usize = 16;

/// A size that blocks come in: multiples of [`GRANULE`] up to eight of them, then four sizes to
/// each doubling. So a block is at most a quarter larger than what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Class {
    index: usize,
    size: usize,
}

impl Class {
    /// How many classes there are.
    pub(crate) const COUNT: usize =
        LINEAR + STEPS * (MAX_SIZE / (LINEAR * GRANULE)).ilog2() as usize;

    /// The smallest class that holds `size` bytes; `None` above 2 GiB.
    #[inline]
    pub(crate) fn of(size: usize) -> Option<Self> {
        // The granule that the last byte is in, counted from zero.
        let last = size.saturating_sub(1) / GRANULE;
        if last < LINEAR {
            let size = (last + 1) * GRANULE;
            return Some(Self { index: last, size });
        }
        if size > MAX_SIZE {
            return None;
        }
        // The doubling that starts after 2^log granules is divided into STEPS equal steps.
        let log = last.ilog2();
        let step_log = log - STEPS.ilog2();
        let steps = last >> step_log;
        let index = LINEAR + (log - LINEAR.ilog2()) as usize * STEPS + (steps - STEPS);
        let size = ((steps + 1) << step_log) * GRANULE;
        Some(Self { index, size })
    }

    /// Its place among the classes, below [`Class::COUNT`].
    #[inline]
    pub(crate) fn index(self) -> usize {
        self.index
    }

    /// The size of its blocks in bytes.
    #[inline]
    pub(crate) fn size(self) -> usize {
        self.size
    }
}

/// Up to this many granules each multiple is a class.
const LINEAR: usize = 8;
/// Classes to a doubling after that.
const STEPS: usize = 4;
/// Of a block; on wasm32 no Rust allocation is larger.
const MAX_SIZE: usize = 1 << 31;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_dense_and_ascending() {
        let mut last = Class::of(0).unwrap();
        assert_eq!((last.index, last.size), (0, GRANULE));
        while last.size < MAX_SIZE {
            let next = Class::of(last.size + 1).unwrap();
            assert_eq!(next.index, last.index + 1);
            assert!(next.size > last.size);
            assert_eq!(
                Class::of(next.size),
                Some(next),
                "a class holds its own size"
            );
            last = next;
        }
        assert_eq!(last.index + 1, Class::COUNT);
        assert_eq!(Class::of(MAX_SIZE + 1), None);
    }

    #[test]
    fn a_block_wastes_at_most_a_quarter() {
        for size in (LINEAR * GRANULE..1 << 20).step_by(7) {
            let block = Class::of(size).unwrap().size();
            assert!(
                block >= size && block - size <= size / 4 + GRANULE,
                "{size} -> {block}"
            );
        }
    }
}
