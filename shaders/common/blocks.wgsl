// import: common/frame
// import: common/grid
// The blocks of four rows of the bound chunk that an invocation works through: the first, and one past the last. They lie
// side by side, since CPUs read a few long streams far faster than many short pieces.
fn own_blocks(group: vec3u, groups: vec3u, local: u32) -> vec2u {
    let lanes = groups.x * groups.y * WORKGROUP;
    let blocks = (frame.rows.y + 3u) / 4u;
    let each = (blocks + lanes - 1u) / lanes;
    let first = (linear_group(group, groups) * WORKGROUP + local) * each;
    return vec2u(first, min(first + each, blocks));
}
