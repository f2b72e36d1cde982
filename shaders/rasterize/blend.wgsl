// import: common/tile_isects
// Alpha-composite depth-sorted splats; LANES invocations per tile, PIXELS_PER_LANE pixels each.
//
// C = Σ cᵢ αᵢ Tᵢ,   Tᵢ = Π_{j<i} (1 − αⱼ)                              [Kerbl 2023, eq. 3]
//
// reads   isect_offsets, row_of_isect, projected
// writes  rendered (colour without background, final transmittance), depth (Σ zᵢ αᵢ Tᵢ) if DEPTH
// Departs from the paper: stops *before* a splat when T < 1e-4, so the last contribution is kept.
@group(0) @binding(4) var<storage, read_write> rendered: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> depth: array<f32>;

@compute @workgroup_size(LANES * TILES_PER_GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
    let lane = locate_lane(group, groups, local);
    let isects = isects_of(lane.tile);
    var i = isects.x;
    let end = isects.y;
    let px = f32(lane.x) + 0.5;
    let py = f32(lane.y) + 0.5;
    //: repeat J PIXELS_PER_LANE
    var t$J = 1.0;
    var c$J = vec3f(0.0);
    var d$J = 0.0;
    //: end
    while (i < end) {
        let stop = min(i + SPLATS_PER_LOOK, end);
        for (; i < stop; i++) {
            let record = 3u * row_of_isect[i];
            let r0 = projected[record];
            let r1 = projected[record + 1u];
            let r2 = projected[record + 2u];
            let dx = px - r0.x;
            let dy = py - r0.y;
            let q = r0.z * dx * dx + (r0.w * dx + r1.x * dy) * dy - r1.y;
            let slope = r0.w * dx + 2.0 * r1.x * dy;
            let colour = vec3f(r1.z, r1.w, r2.x);
            //: repeat J PIXELS_PER_LANE
            {
                let alpha = min(ALPHA_MAX, exp2(-(q + $J.0 * slope + $J.0 * $J.0 * r1.x)));
                let weight = select(0.0, alpha * t$J, alpha >= ALPHA_MIN && t$J >= TRANSMITTANCE_MIN);
                c$J += weight * colour;
                t$J -= weight;
                if (DEPTH != 0u) {
                    d$J += weight * r2.y;
                }
            }
            //: end
        }
        var most = 0.0;
        //: repeat J PIXELS_PER_LANE
        most = max(most, t$J);
        //: end
        if (most < TRANSMITTANCE_MIN) {
            break;
        }
    }
    if (lane.exists && lane.x < frame.size.x) {
        //: repeat J PIXELS_PER_LANE
        if (lane.y + $Ju < frame.size.y) {
            let pixel = (lane.y + $Ju) * frame.size.x + lane.x;
            rendered[pixel] = vec4f(c$J, t$J);
            if (DEPTH != 0u) {
                depth[pixel] = d$J;
            }
        }
        //: end
    }
}
