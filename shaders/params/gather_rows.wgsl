// import: common/grid
// The one way the population changes: new row i copies old row src[i]; one invocation per value.
//
// Old rows may lie in several chunks; each dispatch serves the new rows whose source is in the bound
// one. Rows marked fresh start with `fresh_value` instead (optimizer moments: zero).
//
// reads   src (top bit: fresh), old
// writes  new
struct Gather { new_first: u32, new_rows: u32, old_first: u32, old_rows: u32, width: u32, restart_fresh: u32, fresh_value: u32, _a: u32 }
@group(0) @binding(0) var<uniform> gather: Gather;
@group(0) @binding(1) var<storage, read> src: array<u32>;
@group(0) @binding(2) var<storage, read> old_values: array<u32>;
@group(0) @binding(3) var<storage, read_write> new_values: array<u32>;

const FRESH: u32 = 0x80000000u;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
    let stride = groups.x * groups.y * WORKGROUP;
    let end = gather.new_rows * gather.width;
    for (var at = linear_group(group, groups) * WORKGROUP + local; at < end; at += stride) {
        let source = src[gather.new_first + at / gather.width];
        let i = (source & ~FRESH) - gather.old_first;
        if (i < gather.old_rows) {
            let is_fresh = gather.restart_fresh != 0u && (source & FRESH) != 0u;
            new_values[at] = select(old_values[i * gather.width + at % gather.width], gather.fresh_value, is_fresh);
        }
    }
}
