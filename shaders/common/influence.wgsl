// import: common/lane_transmittance
// import: common/tile_isects
// What a splat gives to the pixels of one lane, shared by the reductions of both profiles.
//
// Wᵢ = Σ over pixels of αᵢ Tᵢ                                               [Girish 2024, EAGLES]
//
// Replays the forward pass with the alphas, transmittances and cut-offs of `blend`, so that the sum over splats of W is
// the sum over pixels of what `blend` covers.
@group(0) @binding(4) var<storage, read_write> slots: array<f32>;

// Opens the pixels of a lane; those outside the image take nothing.
fn open_pixels(lane: Lane) {
    let across = lane.exists && lane.x < frame.size.x;
    //: repeat J PIXELS_PER_LANE
    t$J = select(0.0, 1.0, across && lane.y + $Ju < frame.size.y);
    //: end
}

// Σ α T over the lane's pixels, which are that much darker for the splats behind.
fn influence_splat(lane: Lane, isect: u32) -> f32 {
    let record = 3u * row_of_isect[isect];
    let r0 = projected[record];
    let r1 = projected[record + 1u];
    let dx = f32(lane.x) + 0.5 - r0.x;
    let dy = f32(lane.y) + 0.5 - r0.y;
    let q = r0.z * dx * dx + (r0.w * dx + r1.x * dy) * dy - r1.y;
    let slope = r0.w * dx + 2.0 * r1.x * dy;
    var sum = 0.0;
    //: repeat J PIXELS_PER_LANE
    {
        let alpha = min(ALPHA_MAX, exp2(-(q + $J.0 * slope + $J.0 * $J.0 * r1.x)));
        let weight = select(0.0, alpha * t$J, alpha >= ALPHA_MIN && t$J >= TRANSMITTANCE_MIN);
        sum += weight;
        t$J -= weight;
    }
    //: end
    return sum;
}
