// import: common/sort_block
// import: common/grid
// Radix sort for GPUs, scattering one block.
//
// reads   counters, keys, values (in the first pass a key's value is its position), histogram (prefix sums)
// writes  sorted_keys, sorted_values
@group(0) @binding(1) var<storage, read> counters: array<u32>;
@group(0) @binding(2) var<storage, read_write> keys: array<u32>;
@group(0) @binding(3) var<storage, read_write> values: array<u32>;
@group(0) @binding(4) var<storage, read> histogram: array<u32>;
@group(0) @binding(5) var<storage, read_write> sorted_keys: array<u32>;
@group(0) @binding(6) var<storage, read_write> sorted_values: array<u32>;

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
    // Turn places within the block into places within the digit, then add the digit's global start.
    if (local < BINS && block < sort.lanes) {
        partial[local] = histogram[local * sort.lanes + block] - counts[local * SORT_THREADS];
    }
    workgroupBarrier();
    for (var i = start; i < end; i++) {
        let key = keys[i];
        if (!is_dropped(key)) {
            let digit = digit_of(key);
            let at = digit * SORT_THREADS + local;
            let place = counts[at] + partial[digit];
            counts[at] += 1u;
            sorted_keys[place] = key;
            if (FIRST_PASS != 0u) {
                sorted_values[place] = i;
            } else {
                sorted_values[place] = values[i];
            }
        }
    }
}
