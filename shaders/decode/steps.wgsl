// import: common/grid
// import: common/random
// Decoding of a column that is stored in steps; one invocation per value.
//
// decoded = step · round(value / step)                                     ROUNDS = 1
// decoded = value + step · u, u uniform in (−½, ½]: rounding as noise      ROUNDS = 0   [Balle 2017]
//
// reads   values, table (the step)
// writes  decoded
struct Codes {
    rows: vec4u,      // first row of the chunk, its rows, rows in all, values per row
    update: u32,      // numbers the noise
    column: u32,
    _a: u32,
    _b: u32,
}
@group(0) @binding(0) var<uniform> codes: Codes;
@group(0) @binding(1) var<storage, read> values: array<f32>;
@group(0) @binding(2) var<storage, read> table: array<f32>;
@group(0) @binding(3) var<storage, read_write> decoded: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
    let stride = groups.x * groups.y * WORKGROUP;
    let step = table[0];
    let end = codes.rows.y * codes.rows.w;
    for (var at = linear_group(group, groups) * WORKGROUP + local; at < end; at += stride) {
        if (ROUNDS != 0u) {
            decoded[at] = step * round(values[at] / step);
        } else {
            let bits = random_bits(vec4u(codes.rows.x * codes.rows.w + at, codes.update, codes.column, 0x5eedu));
            decoded[at] = values[at] + step * (unit_interval(bits.x) - 0.5);
        }
    }
}
