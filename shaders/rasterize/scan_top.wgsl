// Prefix sum, top: one invocation scans what is left and reports the total.
//
// reads   data (at most SCAN_FAN values)
// writes  data: exclusive prefix sums; counters: the total, clamped to capacity, and overflow
struct Scan { length: u32, total_counter: u32, capacity: u32, _a: u32 }
@group(0) @binding(0) var<uniform> scan: Scan;
@group(0) @binding(1) var<storage, read_write> data: array<u32>;
@group(0) @binding(2) var<storage, read_write> counters: array<u32>;

@compute @workgroup_size(1)
fn main(@builtin(workgroup_id) group: vec3u) {
    var sum = 0u;
    for (var i = 0u; i < scan.length; i++) {
        let value = data[i];
        data[i] = sum;
        sum += value;
    }
    counters[scan.total_counter] = min(sum, scan.capacity);
    if (scan.total_counter == COUNTER_ISECTS) {
        counters[COUNTER_NEEDED] = max(counters[COUNTER_NEEDED], sum);
        if (sum > scan.capacity) {
            counters[COUNTER_OVERFLOW] = 1u;
        }
    }
}
