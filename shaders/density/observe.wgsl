// import: common/visible
// Add this view's screen-space gradient to each visible row's statistics.
//
// reads   order, sums (its mean2d gradient and absolute sums)
// writes  statistics: (Σ norm, Σ norm of absolute sums, views), in units of half the image size so
//         that thresholds do not depend on resolution            [Kerbl 2023, §5.2; Ye 2024, AbsGS]
@group(0) @binding(1) var<storage, read> order: array<u32>;
@group(0) @binding(2) var<storage, read> sums: array<f32>;
@group(0) @binding(3) var<storage, read_write> statistics: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
    let stride = groups.x * groups.y * WORKGROUP;
    let visible = order[frame.rows.z];
    let half_size = 0.5 * vec2f(f32(frame.size.x), f32(frame.size.y));
    for (var rank = linear_group(group, groups) * WORKGROUP + local; rank < visible; rank += stride) {
        let at = 3u * order[rank];
        let s = rank * SUM_FLOATS;
        statistics[at] += length(vec2f(sums[s + 1u], sums[s + 2u]) * half_size);
        statistics[at + 1u] += length(vec2f(sums[s + 10u], sums[s + 11u]) * half_size);
        statistics[at + 2u] += 1.0;
    }
}
