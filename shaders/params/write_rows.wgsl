// import: common/grid
// Replace whole rows of a column; one invocation per value.
//
// reads   rows, replacements
// writes  values
struct Write { first: u32, chunk_rows: u32, width: u32, count: u32 }
@group(0) @binding(0) var<uniform> write: Write;
@group(0) @binding(1) var<storage, read> rows: array<u32>;
@group(0) @binding(2) var<storage, read> replacements: array<f32>;
@group(0) @binding(3) var<storage, read_write> values: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
    let stride = groups.x * groups.y * WORKGROUP;
    let end = write.count * write.width;
    for (var at = linear_group(group, groups) * WORKGROUP + local; at < end; at += stride) {
        let i = rows[at / write.width] - write.first;
        if (i < write.chunk_rows) {
            values[i * write.width + at % write.width] = replacements[at];
        }
    }
}
