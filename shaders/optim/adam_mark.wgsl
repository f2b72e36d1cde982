// import: common/grid
// Remember for every visible row that it has been brought up to this step.
//
// reads   order
// writes  last_step
struct Mark { rows: u32, step: u32, _a: u32, _b: u32 }
@group(0) @binding(0) var<uniform> mark: Mark;
@group(0) @binding(1) var<storage, read> order: array<u32>;
@group(0) @binding(2) var<storage, read_write> last_step: array<u32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
    let stride = groups.x * groups.y * WORKGROUP;
    let visible = order[mark.rows];
    for (var rank = linear_group(group, groups) * WORKGROUP + local; rank < visible; rank += stride) {
        last_step[order[rank]] = mark.step;
    }
}
