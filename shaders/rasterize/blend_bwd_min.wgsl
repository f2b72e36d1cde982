// import: common/blend_bwd
// Backward of blend where subgroups cannot be relied on: lanes leave their sums in workgroup memory,
// a batch of splats at a time, and then each adds one value over all lanes in a fixed order.
//
// reads   isect_offsets, row_of_isect, projected, rendered, grad_rendered, depth, grad_depth
// writes  slots: SLOT_FLOATS per intersection

// Splats per batch: two barriers are shared by them, within 16 KiB of workgroup memory.
const BATCH: u32 = 8u;
// One more than a row's lanes, so that the adding invocations read different banks.
const ROW: u32 = LANES + 1u;

var<workgroup> parts: array<f32, BATCH * SLOT_FLOATS * ROW>;

fn leave(batch: u32, value: u32, lane: u32, part: f32) {
    parts[(batch * SLOT_FLOATS + value) * ROW + lane] = part;
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
    let lane = locate_lane(group, groups, local);
    // Of the workgroup's tile, not the lane's: equal, but known to be uniform, and barriers below depend on it.
    let isects = isects_of(linear_group(group, groups));
    load_pixels(lane);
    for (var start = isects.x; start < isects.y; start += BATCH) {
        let count = min(BATCH, isects.y - start);
        for (var k = 0u; k < count; k++) {
            let sums = blend_bwd_splat(lane, start + k);
            leave(k, 0u, local, sums.moments.x);
            leave(k, 1u, local, sums.moments.y);
            leave(k, 2u, local, sums.moments.z);
            leave(k, 3u, local, sums.second.x);
            leave(k, 4u, local, sums.second.y);
            leave(k, 5u, local, sums.second.z);
            leave(k, 6u, local, sums.colour.x);
            leave(k, 7u, local, sums.colour.y);
            leave(k, 8u, local, sums.colour.z);
            if (DEPTH != 0u) {
                leave(k, 9u, local, sums.depth);
            }
            if (ABS_GRAD != 0u) {
                leave(k, 9u + DEPTH, local, sums.absolute.x);
                leave(k, 10u + DEPTH, local, sums.absolute.y);
            }
        }
        workgroupBarrier();
        for (var cell = local; cell < count * SLOT_FLOATS; cell += LANES) {
            var sum = 0.0;
            for (var other = 0u; other < LANES; other++) {
                sum += parts[cell * ROW + other];
            }
            slots[start * SLOT_FLOATS + cell] = sum;
        }
        workgroupBarrier();
    }
}
