// import: common/grid
// import: common/read_code
// Decoding of a column that is stored in steps; one invocation per value.
//
// decoded = step · q,   q = value / step as `read_code` reads it
//
// reads   values, table (the step)
// writes  decoded
@group(0) @binding(1) var<storage, read> values: array<f32>;
@group(0) @binding(2) var<storage, read> table: array<f32>;
@group(0) @binding(3) var<storage, read_write> decoded: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
    let stride = groups.x * groups.y * WORKGROUP;
    let step = table[0];
    let end = codes.rows.y * codes.rows.w;
    for (var at = linear_group(group, groups) * WORKGROUP + local; at < end; at += stride) {
        decoded[at] = step * read_code(values[at] / step, codes.rows.x * codes.rows.w + at);
    }
}
