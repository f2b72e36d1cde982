// import: common/frame
// import: common/grid
// Where each tile's intersections begin: a binary search per tile, so empty tiles need no care.
//
// reads   counters, tile_keys (sorted)
// writes  isect_offsets: tiles of the band + 1 entries
@group(0) @binding(1) var<storage, read> counters: array<u32>;
@group(0) @binding(2) var<storage, read> tile_keys: array<u32>;
@group(0) @binding(3) var<storage, read_write> isect_offsets: array<u32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
    let stride = groups.x * groups.y * WORKGROUP;
    let tiles = (frame.band.y - frame.band.x) * frame.size.z;
    for (var tile = linear_group(group, groups) * WORKGROUP + local; tile <= tiles; tile += stride) {
        var low = 0u;
        var high = counters[COUNTER_ISECTS];
        while (low < high) {
            let middle = (low + high) / 2u;
            if (tile_keys[middle] < tile) {
                low = middle + 1u;
            } else {
                high = middle;
            }
        }
        isect_offsets[tile] = low;
    }
}
