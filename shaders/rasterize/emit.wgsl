// import: common/tiles
// import: common/visible
// Write one (tile, splat) pair per intersection, in depth order and within a splat by tile.
//
// reads   counters, projected, slot_base
// writes  tile_keys, row_of_slot (at the splat's slots), order (visible count and halt flag)
// The tiles are derived again instead of stored. Should the compiler round differently here than in
// intersect, the splat keeps the number of slots counted there: extra tiles are dropped, missing
// ones are filled with a tile that does not exist and sorts last.
@group(0) @binding(1) var<storage, read> counters: array<u32>;
@group(0) @binding(2) var<storage, read> projected: array<vec4f>;
@group(0) @binding(3) var<storage, read> slot_base: array<u32>;
@group(0) @binding(4) var<storage, read_write> order: array<u32>;
@group(0) @binding(5) var<storage, read_write> tile_keys: array<u32>;
@group(0) @binding(6) var<storage, read_write> row_of_slot: array<u32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
    let stride = groups.x * groups.y * WORKGROUP;
    let first = linear_group(group, groups) * WORKGROUP + local;
    let visible = counters[COUNTER_VISIBLE];
    let capacity = frame.rows.w;
    if (first == 0u) {
        let halted = counters[COUNTER_OVERFLOW];
        order[frame.rows.z] = select(visible, 0u, halted != 0u);
        order[frame.rows.z + 1u] = halted;
    }
    for (var rank = first; rank < visible; rank += stride) {
        let row = order[rank];
        let e = ellipse_from_record(projected[3u * row], projected[3u * row + 1u], projected[3u * row + 2u]);
        let rows = tile_rows(e);
        var slot = slot_base[rank];
        let end = min(slot_base[rank + 1u], capacity);
        for (var tile_row = rows.x; tile_row < rows.y; tile_row++) {
            let columns = tile_columns(e, tile_row);
            let base = (tile_row - frame.band.x) * frame.size.z;
            for (var column = columns.x; column < columns.y && slot < end; column++) {
                tile_keys[slot] = base + column;
                row_of_slot[slot] = row;
                slot++;
            }
        }
        for (; slot < end; slot++) {
            tile_keys[slot] = (frame.band.y - frame.band.x) * frame.size.z;
            row_of_slot[slot] = row;
        }
    }
}
