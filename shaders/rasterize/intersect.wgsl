// import: common/tiles
// import: common/grid
// Count the tiles each visible splat touches in the current band; one invocation per depth rank.
//
// reads   counters, order, projected
// writes  slot_base: tile counts by rank, zero behind the last visible; a prefix sum makes them offsets
@group(0) @binding(1) var<storage, read> counters: array<u32>;
@group(0) @binding(2) var<storage, read> order: array<u32>;
@group(0) @binding(3) var<storage, read> projected: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> slot_base: array<u32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
    let stride = groups.x * groups.y * WORKGROUP;
    let first = linear_group(group, groups) * WORKGROUP + local;
    let visible = counters[COUNTER_VISIBLE];
    for (var rank = first; rank <= frame.rows.z; rank += stride) {
        slot_base[rank] = 0u;
    }
    for (var rank = first; rank < visible; rank += stride) {
        let row = order[rank];
        let e = ellipse_from_record(projected[3u * row], projected[3u * row + 1u], projected[3u * row + 2u]);
        let rows = tile_rows(e);
        var count = 0u;
        for (var tile_row = rows.x; tile_row < rows.y; tile_row++) {
            let columns = tile_columns(e, tile_row);
            count += columns.y - columns.x;
        }
        slot_base[rank] = count;
    }
}
