// import: common/blend_bwd
// import: common/sum_lanes
// Backward of blend where a tile is one subgroup: gradients of each (tile, splat) pair are summed by
// shuffles in a fixed order and written to the pair's own slot. No atomics, hence the same bits
// every time.                                                       [rasterizer-design.md §7, K10a]
//
// reads   isect_offsets, row_of_isect, projected, rendered, grad_rendered, depth, grad_depth
// writes  slots: SLOT_FLOATS per intersection

// Sums eight values over all lanes at once: lane l gets value l % 8. Halving the set at each
// exchange takes 7 shuffles where eight separate sums take 24.
fn sum_and_deal(first: vec4f, second: vec4f, lane: u32) -> f32 {
    var low = first;
    var high = second;
    for (var mask = 8u; mask < LANES; mask = mask << 1u) {
        low += subgroupShuffleXor(low, mask);
        high += subgroupShuffleXor(high, mask);
    }
    let upper = (lane & 4u) != 0u;
    let four = select(low, high, upper) + subgroupShuffleXor(select(high, low, upper), 4u);
    let middle = (lane & 2u) != 0u;
    let two = select(four.xy, four.zw, middle) + subgroupShuffleXor(select(four.zw, four.xy, middle), 2u);
    let odd = (lane & 1u) != 0u;
    return select(two.x, two.y, odd) + subgroupShuffleXor(select(two.y, two.x, odd), 1u);
}

@compute @workgroup_size(LANES * TILES_PER_GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
    let lane = locate_lane(group, groups, local);
    let number = local % LANES;
    let isects = isects_of(lane.tile);
    var isect = isects.x;
    let end = isects.y;
    load_pixels(lane);
    while (isect < end) {
        let stop = min(isect + SPLATS_PER_LOOK, end);
        for (; isect < stop; isect++) {
            let sums = blend_bwd_splat(lane, isect);
            let dealt = sum_and_deal(
                vec4f(sums.moments, sums.second.x),
                vec4f(sums.second.yz, sums.colour.xy),
                number,
            );
            let slot = isect * SLOT_FLOATS;
            if (number < 8u) {
                slots[slot + number] = dealt;
            }
            var last = sum_lanes(sums.colour.z);
            if (number == 0u) {
                slots[slot + 8u] = last;
            }
            if (DEPTH != 0u) {
                last = sum_lanes(sums.depth);
                if (number == 1u) {
                    slots[slot + 9u] = last;
                }
            }
            if (ABS_GRAD != 0u) {
                let across = sum_lanes(sums.absolute.x);
                let down = sum_lanes(sums.absolute.y);
                if (number == 2u) {
                    slots[slot + 9u + DEPTH] = across;
                    slots[slot + 10u + DEPTH] = down;
                }
            }
        }
        if (!subgroupAny(lane_is_alive())) {
            break;
        }
    }
    // What no pixel saw has no gradient, but its slots will be read.
    for (var i = isect * SLOT_FLOATS + number; i < end * SLOT_FLOATS; i += LANES) {
        slots[i] = 0.0;
    }
}
