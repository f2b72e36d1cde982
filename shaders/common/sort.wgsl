// One pass of a stable least-significant-digit radix sort of (key, value) pairs. Both sides may lie in
// one buffer, which is why kernels bind also what they only read as writable.
struct Sort {
    shift: u32,     // lowest bit of this pass's digit
    counter: u32,   // which counter holds the number of keys; all ones: `length` does
    length: u32,
    lanes: u32,     // lane sort: serial ranges; block sort: blocks
}
@group(0) @binding(0) var<uniform> sort: Sort;

const FIXED_LENGTH: u32 = 0xffffffffu;
// Keys of splats that are not drawn: the first pass drops them, which compacts the list for free.
const DROPPED: u32 = 0xffffffffu;

fn digit_of(key: u32) -> u32 {
    return (key >> sort.shift) & (BINS - 1u);
}

fn is_dropped(key: u32) -> bool {
    return DROPS != 0u && key == DROPPED;
}
