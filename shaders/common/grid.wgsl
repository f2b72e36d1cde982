// Flat numbering of workgroups that the host may have spread over two axes.
fn linear_group(group: vec3u, groups: vec3u) -> u32 {
    return group.y * groups.x + group.x;
}
