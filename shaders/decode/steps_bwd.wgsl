// import: common/grid
// import: common/read_code
// Gradient of the step of a column, in parts: visible rows are dealt to BLOCKS blocks by rank, one invocation adds up
// one block, serially. Values get theirs unchanged (straight through), so nothing else is to be done.
//
// ∂decoded/∂ln step = step · (read_code(v / step) − v / step)                                [Esser 2020, LSQ, eq. 3]
//
// reads   order (see common/visible), values, table (the step), grads
// writes  parts [BLOCKS, 2]: Σ ∂L/∂ln step, Σ |v / step| (adds, but for the first chunk)
@group(0) @binding(1) var<storage, read> order: array<u32>;
@group(0) @binding(2) var<storage, read> values: array<f32>;
@group(0) @binding(3) var<storage, read> table: array<f32>;
@group(0) @binding(4) var<storage, read> grads: array<f32>;
@group(0) @binding(5) var<storage, read_write> parts: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
    let stride = groups.x * groups.y * WORKGROUP;
    let visible = order[codes.rows.z];
    let share = (visible + BLOCKS - 1u) / BLOCKS;
    let step = table[0];
    for (var block = linear_group(group, groups) * WORKGROUP + local; block < BLOCKS; block += stride) {
        let last = min((block + 1u) * share, visible);
        var slope = 0.0;
        var magnitude = 0.0;
        for (var rank = block * share; rank < last; rank++) {
            let row = order[rank] - codes.rows.x;
            if (row < codes.rows.y) {
                for (var c = 0u; c < WIDTH; c++) {
                    let at = row * WIDTH + c;
                    let q = values[at] / step;
                    slope += grads[at] * step * (read_code(q, codes.rows.x * WIDTH + at) - q);
                    magnitude += abs(q);
                }
            }
        }
        let keep = select(1.0, 0.0, codes.rows.x == 0u);
        parts[2u * block] = keep * parts[2u * block] + slope;
        parts[2u * block + 1u] = keep * parts[2u * block + 1u] + magnitude;
    }
}
