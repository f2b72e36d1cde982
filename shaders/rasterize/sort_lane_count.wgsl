// import: common/sort
// Radix sort for CPUs, counting: every lane owns a contiguous range and a private histogram column,
// so there are no barriers, no atomics and no shared memory.
//
// reads   counters, keys
// writes  histogram[digit · lanes + lane]
@group(0) @binding(1) var<storage, read> counters: array<u32>;
@group(0) @binding(2) var<storage, read_write> keys: array<u32>;
@group(0) @binding(3) var<storage, read_write> histogram: array<u32>;

@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let lane = id.x;
    let lanes = sort.lanes;
    if (lane >= lanes) {
        return;
    }
    for (var digit = 0u; digit < BINS; digit++) {
        histogram[digit * lanes + lane] = 0u;
    }
    var length = sort.length;
    if (sort.counter != FIXED_LENGTH) {
        length = counters[sort.counter];
    }
    let run = (length + lanes - 1u) / lanes;
    let end = min((lane + 1u) * run, length);
    for (var i = lane * run; i < end; i++) {
        let key = keys[i];
        let at = digit_of(key) * lanes + lane;
        histogram[at] += select(1u, 0u, is_dropped(key));
    }
}
