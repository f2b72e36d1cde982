// import: common/frame
// import: common/grid
// Which pixels a lane owns. A tile is 8 × 16; a lane owns PIXELS_PER_LANE consecutive rows of one
// column, so that its x offset to a splat is one number and the exponent along its rows is a
// parabola: q_j = q_0 + j · slope + j² · conic_yy.
struct Lane {
    tile: u32,     // number within the band
    exists: bool,  // false for lanes of surplus workgroups
    x: u32,        // column in the image
    y: u32,        // first row in the image
}

fn locate_lane(group: vec3u, groups: vec3u, local: u32) -> Lane {
    let tile = linear_group(group, groups) * TILES_PER_GROUP + local / LANES;
    let lane = local % LANES;
    let column = tile % frame.size.z;
    let row = tile / frame.size.z + frame.band.x;
    return Lane(
        tile,
        row < frame.band.y,
        column * TILE_WIDTH + lane % TILE_WIDTH,
        row * TILE_HEIGHT + (lane / TILE_WIDTH) * PIXELS_PER_LANE,
    );
}
