// import: common/bits
// import: common/grid
// Pressure on stored numbers to take few bits; one invocation per value of a visible row.
//
// As b is the mean of |q| itself, the gradient of the whole code's length is exact without any model to be learned:
// ∂ bits / ∂ q = sign(q) ∂ bits / ∂ b (see common/bits).
//
// reads   order (see common/visible), values, table (the step, STEPS = 1), stats: b from index 1 on
// writes  grads (adds, visible rows of this chunk)
struct Rate {
    rows: vec4u,      // first row of the chunk, its rows, rows in all, values per row
    weight: f32,
    _a: u32,
    _b: u32,
    _c: u32,
}
@group(0) @binding(0) var<uniform> rate: Rate;
@group(0) @binding(1) var<storage, read> order: array<u32>;
@group(0) @binding(2) var<storage, read> values: array<f32>;
@group(0) @binding(3) var<storage, read> table: array<f32>;
@group(0) @binding(4) var<storage, read> stats: array<f32>;
@group(0) @binding(5) var<storage, read_write> grads: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
    let stride = groups.x * groups.y * WORKGROUP;
    let visible = order[rate.rows.z];
    for (var rank = linear_group(group, groups) * WORKGROUP + local; rank < visible; rank += stride) {
        let row = order[rank] - rate.rows.x;
        if (row < rate.rows.y) {
            for (var c = 0u; c < WIDTH; c++) {
                let at = row * WIDTH + c;
                var b = stats[1u + c];
                var unit = 1.0;
                if (STEPS != 0u) {
                    b = stats[1];
                    unit = table[0];
                }
                // Beyond half a step there is something to gain; nearer, the number is zero already.
                let pull = clamp(2.0 * values[at] / unit, -1.0, 1.0);
                grads[at] += rate.weight * pull * bits_slope(b) / unit;
            }
        }
    }
}
