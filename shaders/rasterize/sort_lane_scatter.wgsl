// import: common/sort
// Radix sort for CPUs, scattering: every lane places its range in order, which makes the pass stable.
//
// reads   counters, keys, values (in the first pass a key's value is its position)
// writes  sorted_keys, sorted_values; histogram holds prefix sums and is consumed
@group(0) @binding(1) var<storage, read> counters: array<u32>;
@group(0) @binding(2) var<storage, read_write> keys: array<u32>;
@group(0) @binding(3) var<storage, read_write> values: array<u32>;
@group(0) @binding(4) var<storage, read_write> histogram: array<u32>;
@group(0) @binding(5) var<storage, read_write> sorted_keys: array<u32>;
@group(0) @binding(6) var<storage, read_write> sorted_values: array<u32>;

@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let lane = id.x;
    let lanes = sort.lanes;
    if (lane >= lanes) {
        return;
    }
    var length = sort.length;
    if (sort.counter != FIXED_LENGTH) {
        length = counters[sort.counter];
    }
    let run = (length + lanes - 1u) / lanes;
    let end = min((lane + 1u) * run, length);
    for (var i = lane * run; i < end; i++) {
        let key = keys[i];
        if (!is_dropped(key)) {
            let at = digit_of(key) * lanes + lane;
            let place = histogram[at];
            histogram[at] = place + 1u;
            sorted_keys[place] = key;
            if (FIRST_PASS != 0u) {
                sorted_values[place] = i;
            } else {
                sorted_values[place] = values[i];
            }
        }
    }
}
