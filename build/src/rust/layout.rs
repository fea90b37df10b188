//! Initial size of a guest's memory.
//!
//! Pure functions: the arguments for the linker, and the use of its result. The memory of a handler
//! is `stack | data | heap`, and pages that were written to are reset after each request. A memory
//! that grows during a request costs far more (two system calls and page faults, 14 µs), so the
//! initial heap must be enough for an ordinary request.

/// Sizes in bytes that an author may set for a component, in its `Cargo.toml`:
/// `[package.metadata.rusm]` with `stack-kib` and `heap-kib`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryLayout {
    /// The stack, at the bottom of the memory: an overflow traps instead of reaching the data.
    pub stack: u32,
    /// The minimum heap within the initial memory.
    pub heap: u32,
}

impl Default for MemoryLayout {
    fn default() -> Self {
        Self {
            stack: DEFAULT_STACK,
            heap: DEFAULT_HEAP,
        }
    }
}

impl MemoryLayout {
    /// Returns the minimum initial memory, in bytes and whole pages, for a heap that starts at
    /// `heap_base`.
    pub fn initial_memory(self, heap_base: u32) -> u64 {
        (u64::from(heap_base) + u64::from(self.heap)).next_multiple_of(PAGE)
    }

    /// Returns the first arguments for the linker. It allocates the heap in whole pages only, above
    /// data whose size only the linker knows, so the memory may be one page above
    /// [`Self::initial_memory`]. The relocations list what depends on that.
    pub(crate) fn link_args(self) -> Vec<String> {
        let heap = u64::from(self.heap).next_multiple_of(PAGE);
        vec![
            self.stack_arg(),
            export_heap_base(),
            format!("--initial-heap={heap}"),
            "--emit-relocs".to_owned(),
        ]
    }

    /// Returns the arguments for linking again, when the size is known.
    pub(crate) fn exact_link_args(self, initial_memory: u64) -> Vec<String> {
        vec![
            self.stack_arg(),
            export_heap_base(),
            format!("--initial-memory={initial_memory}"),
        ]
    }

    fn stack_arg(self) -> String {
        format!("-zstack-size={}", self.stack.next_multiple_of(STACK_ALIGN))
    }
}

/// The linker's symbol for the end of stack and data, exported during the build.
pub(crate) const HEAP_BASE: &str = "__heap_base";

fn export_heap_base() -> String {
    format!("--export={HEAP_BASE}")
}

/// Enough for JSON nested as deeply as serde_json accepts it, 127 levels, which is 37 to 50 KiB, in
/// an action that also has a local variable of 64 KiB. Untouched pages cost nothing at a reset,
/// since the kernel reports which were written (`wasm-pool/src/pool/limits.rs`).
const DEFAULT_STACK: u32 = 128 * 1024;

/// Enough for a request of some kilobytes, its parsed form and its response.
const DEFAULT_HEAP: u32 = 16 * 1024;

const PAGE: u64 = 64 * 1024;

/// The stack pointer of the C ABI for WebAssembly is aligned to this.
const STACK_ALIGN: u32 = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_initial_memory_holds_the_heap_in_whole_pages() {
        let layout = MemoryLayout {
            stack: 32 * 1024,
            heap: 48 * 1024,
        };
        assert_eq!(layout.initial_memory(16 * 1024), 64 * 1024);
        assert_eq!(layout.initial_memory(16 * 1024 + 1), 128 * 1024);
        assert_eq!(layout.initial_memory(u32::MAX), (1 << 32) + 64 * 1024);
    }

    #[test]
    fn the_linker_gets_sizes_that_it_accepts() {
        let layout = MemoryLayout {
            stack: 10_001,
            heap: 1,
        };
        assert_eq!(
            layout.link_args(),
            [
                "-zstack-size=10016",
                "--export=__heap_base",
                "--initial-heap=65536",
                "--emit-relocs"
            ]
        );
        assert!(
            layout
                .exact_link_args(131_072)
                .contains(&"--initial-memory=131072".to_owned())
        );
    }
}
