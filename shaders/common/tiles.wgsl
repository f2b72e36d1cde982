// import: common/frame
// Which tiles of a tile row an ellipse touches, exactly.
//
// The ellipse q(d) <= tau cut by the row's band of pixel centres is convex, so its extent along x is
// one interval, and a tile is hit iff its columns meet it. The extreme x of the whole ellipse is
// reached at dy*; if that lies outside the band, at the band's nearest edge.
// `projected` records hold q in base-2 exponents: alpha = exp2(log_opacity - q).
struct Ellipse {
    mean: vec2f,
    conic: vec3f,   // q = x dx² + y dx dy + z dy²
    tau: f32,       // q on the boundary, where alpha falls to ALPHA_MIN
    extent: vec2f,  // half width and half height of the bounding box
}

fn ellipse_from_record(a: vec4f, b: vec4f, c: vec4f) -> Ellipse {
    return Ellipse(a.xy, vec3f(a.zw, b.x), b.y - log2(ALPHA_MIN), c.zw);
}

// First and one-past-last tile row of the current band that the bounding box touches.
fn tile_rows(e: Ellipse) -> vec2u {
    let height = f32(TILE_HEIGHT);
    let first = ceil((e.mean.y - e.extent.y - (height - 0.5)) / height);
    let last = floor((e.mean.y + e.extent.y - 0.5) / height) + 1.0;
    let low = f32(frame.band.x);
    let high = f32(frame.band.y);
    return vec2u(u32(clamp(first, low, high)), u32(clamp(last, low, high)));
}

// First and one-past-last tile column hit in a tile row; empty when the second is not larger.
fn tile_columns(e: Ellipse, row: u32) -> vec2u {
    let top = f32(row * TILE_HEIGHT) + 0.5 - e.mean.y;
    let bottom = top + f32(TILE_HEIGHT - 1u);
    let low = max(top, -e.extent.y);
    let high = min(bottom, e.extent.y);
    if (low > high) {
        return vec2u(0u, 0u);
    }
    let extreme = e.conic.y * e.extent.x / (2.0 * e.conic.z);
    let dy_right = clamp(-extreme, low, high);
    let dy_left = clamp(extreme, low, high);
    let inverse_height = 1.0 / e.extent.y;
    let reach = 4.0 * e.conic.x * e.tau;
    let half_right = sqrt(max(reach * (1.0 - (dy_right * inverse_height) * (dy_right * inverse_height)), 0.0));
    let half_left = sqrt(max(reach * (1.0 - (dy_left * inverse_height) * (dy_left * inverse_height)), 0.0));
    let right = e.mean.x + (-e.conic.y * dy_right + half_right) / (2.0 * e.conic.x);
    let left = e.mean.x + (-e.conic.y * dy_left - half_left) / (2.0 * e.conic.x);
    let width = f32(TILE_WIDTH);
    let columns = f32(frame.size.z);
    let first = clamp(ceil((left - (width - 0.5)) / width), 0.0, columns);
    let last = clamp(floor((right - 0.5) / width) + 1.0, 0.0, columns);
    return vec2u(u32(first), u32(max(last, first)));
}
