// import: common/influence
// Sum what each splat gives to the pixels of each tile where subgroups cannot be relied on: lanes leave their shares of
// a batch of splats in workgroup memory, and then each adds one splat's over all lanes in a fixed order.
//
// reads   isect_offsets, row_of_isect, projected
// writes  slots: one sum per intersection

// One splat for each lane to add up.
const BATCH: u32 = LANES;
// One more than a row's lanes, so that the adding invocations read different banks.
const ROW: u32 = LANES + 1u;

var<workgroup> parts: array<f32, BATCH * ROW>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
    let lane = locate_lane(group, groups, local);
    // Of the workgroup's tile, not the lane's: equal, but known to be uniform, and barriers below depend on it.
    let isects = isects_of(linear_group(group, groups));
    open_pixels(lane);
    for (var start = isects.x; start < isects.y; start += BATCH) {
        let count = min(BATCH, isects.y - start);
        for (var k = 0u; k < count; k++) {
            parts[k * ROW + local] = influence_splat(lane, start + k);
        }
        workgroupBarrier();
        if (local < count) {
            var sum = 0.0;
            for (var other = 0u; other < LANES; other++) {
                sum += parts[local * ROW + other];
            }
            slots[start + local] = sum;
        }
        workgroupBarrier();
    }
}
