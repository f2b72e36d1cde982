// import: common/frame
// import: common/grid
// After the tile sort: which splat each sorted intersection shows, and where each slot went.
//
// reads   counters, slot_of_isect (sorted values), row_of_slot, isect_offsets
// writes  row_of_isect, isect_of_slot (NO_ISECT for what `emit` gave to no tile, which sorts last and which no tile sums)
@group(0) @binding(1) var<storage, read> counters: array<u32>;
@group(0) @binding(2) var<storage, read> slot_of_isect: array<u32>;
@group(0) @binding(3) var<storage, read> row_of_slot: array<u32>;
@group(0) @binding(4) var<storage, read> isect_offsets: array<u32>;
@group(0) @binding(5) var<storage, read_write> row_of_isect: array<u32>;
@group(0) @binding(6) var<storage, read_write> isect_of_slot: array<u32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
    let stride = groups.x * groups.y * WORKGROUP;
    let isects = counters[COUNTER_ISECTS];
    let end_of_tiles = isect_offsets[(frame.band.y - frame.band.x) * frame.size.z];
    for (var isect = linear_group(group, groups) * WORKGROUP + local; isect < isects; isect += stride) {
        let slot = slot_of_isect[isect];
        row_of_isect[isect] = row_of_slot[slot];
        isect_of_slot[slot] = select(NO_ISECT, isect, isect < end_of_tiles);
    }
}
