// import: common/sort_block
// import: common/grid
// Radix sort for GPUs, counting: keys per digit of one block.
//
// reads   counters, keys
// writes  histogram[digit · blocks + block]
@group(0) @binding(1) var<storage, read> counters: array<u32>;
@group(0) @binding(2) var<storage, read_write> keys: array<u32>;
@group(0) @binding(3) var<storage, read_write> histogram: array<u32>;

@compute @workgroup_size(SORT_THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
    let block = linear_group(group, groups);
    var length = sort.length;
    if (sort.counter != FIXED_LENGTH) {
        length = counters[sort.counter];
    }
    for (var digit = 0u; digit < BINS; digit++) {
        counts[digit * SORT_THREADS + local] = 0u;
    }
    let start = (block * SORT_THREADS + local) * SORT_ITEMS;
    let end = min(start + SORT_ITEMS, length);
    for (var i = start; i < end; i++) {
        let key = keys[i];
        counts[digit_of(key) * SORT_THREADS + local] += select(1u, 0u, is_dropped(key));
    }
    scan_counts(local);
    // The last invocation of a digit's row knows the row's end; its own last count is re-added
    // through the next row's start.
    if (local < BINS && block < sort.lanes) {
        var next = partial[SORT_THREADS - 1u];
        if (local + 1u < BINS) {
            next = counts[(local + 1u) * SORT_THREADS];
        }
        histogram[local * sort.lanes + block] = next - counts[local * SORT_THREADS];
    }
}
