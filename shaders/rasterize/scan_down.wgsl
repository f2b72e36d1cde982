// import: common/grid
// Prefix sum, way down: each invocation turns its run into exclusive prefix sums.
//
// reads   up: exclusive prefix sums of the runs
// writes  data
struct Scan { length: u32, _a: u32, _b: u32, _c: u32 }
@group(0) @binding(0) var<uniform> scan: Scan;
@group(0) @binding(1) var<storage, read_write> data: array<u32>;
@group(0) @binding(2) var<storage, read> up: array<u32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
    let stride = groups.x * groups.y * WORKGROUP;
    let runs = (scan.length + SCAN_FAN - 1u) / SCAN_FAN;
    for (var run = linear_group(group, groups) * WORKGROUP + local; run < runs; run += stride) {
        var sum = up[run];
        let end = min((run + 1u) * SCAN_FAN, scan.length);
        for (var i = run * SCAN_FAN; i < end; i++) {
            let value = data[i];
            data[i] = sum;
            sum += value;
        }
    }
}
