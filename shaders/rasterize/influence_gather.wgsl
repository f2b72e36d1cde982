// import: common/visible
// Add up what each visible splat gives to all tiles, serially and in slot order; one invocation per depth rank.
//
// reads   order, slot_base, isect_of_slot, slots
// writes  influence (adds), by row
// With several bands of tile rows a sum continues from band to band, so that their number does not change a bit.
@group(0) @binding(1) var<storage, read> order: array<u32>;
@group(0) @binding(2) var<storage, read> slot_base: array<u32>;
@group(0) @binding(3) var<storage, read> isect_of_slot: array<u32>;
@group(0) @binding(4) var<storage, read> slots: array<f32>;
@group(0) @binding(5) var<storage, read_write> influence: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
    let stride = groups.x * groups.y * WORKGROUP;
    let visible = order[frame.rows.z];
    for (var rank = linear_group(group, groups) * WORKGROUP + local; rank < visible; rank += stride) {
        let row = order[rank];
        var sum = influence[row];
        let end = slot_base[rank + 1u];
        for (var slot = slot_base[rank]; slot < end; slot++) {
            let isect = isect_of_slot[slot];
            if (isect != NO_ISECT) {
                sum += slots[isect];
            }
        }
        influence[row] = sum;
    }
}
