// import: common/influence
// import: common/sum_lanes
// Sum what each splat gives to the pixels of each tile, where a tile is one subgroup: shuffles add the lanes' shares in a
// fixed order, and the (tile, splat) pair has a slot of its own. No atomics, hence the same bits every time.
//
// reads   isect_offsets, row_of_isect, projected
// writes  slots: one sum per intersection
// Departs from the paper, whose threads add to one total per splat at the same time and lose some of it.
@compute @workgroup_size(LANES * TILES_PER_GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
    let lane = locate_lane(group, groups, local);
    let number = local % LANES;
    let isects = isects_of(lane.tile);
    var isect = isects.x;
    let end = isects.y;
    open_pixels(lane);
    while (isect < end) {
        let stop = min(isect + SPLATS_PER_LOOK, end);
        for (; isect < stop; isect++) {
            let sum = sum_lanes(influence_splat(lane, isect));
            if (number == 0u) {
                slots[isect] = sum;
            }
        }
        if (!subgroupAny(lane_is_alive())) {
            break;
        }
    }
    // What no pixel saw gives nothing, but its slots will be read.
    for (var i = isect + number; i < end; i += LANES) {
        slots[i] = 0.0;
    }
}
