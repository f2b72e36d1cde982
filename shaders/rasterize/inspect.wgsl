// import: common/tile_isects
// Look into the depth-sorted lists of splats that `blend` composites; same lanes, same lists.
//
// SOLID = 0, overdraw: how many splats are composited before the pixel is opaque.
// SOLID = 1, ellipsoids: the nearest splat within r standard deviations, as a solid lit from the camera:
//            C = c (a + (1 − a) √(1 − m²/r²)),   m² = dᵀ Σ₂⁻¹ d the squared Mahalanobis distance.
//
// reads   isect_offsets, row_of_isect, projected
// writes  rendered: overdraw (count, 0, 0, transmittance); ellipsoids (colour, 0), or (0, 0, 0, 1) beside all
// Departs from a ray tracer: the nearest is that with the nearest centre, and its outline includes the pixel filter.
@group(0) @binding(4) var<storage, read_write> rendered: array<vec4f>;

// r = 1.5: close to the surface people see of an opaque splat, and inside the footprint of opacity 0.99.
// The exponent of a record is m² ½ log2 e, so this is 1 / (r² ½ log2 e).
const EXPONENT_TO_SOLID: f32 = 0.61613082;
// Light on the rim, as a share of that in the middle.
const AMBIENT: f32 = 0.35;

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
            let form = r0.z * dx * dx + (r0.w * dx + r1.x * dy) * dy;
            let slope = r0.w * dx + 2.0 * r1.x * dy;
            let colour = vec3f(r1.z, r1.w, r2.x);
            //: repeat J PIXELS_PER_LANE
            {
                let exponent = form + $J.0 * slope + $J.0 * $J.0 * r1.x;
                if (SOLID != 0u) {
                    let inside = 1.0 - EXPONENT_TO_SOLID * exponent;
                    let hit = inside > 0.0 && t$J > 0.5;
                    c$J = select(c$J, colour * (AMBIENT + (1.0 - AMBIENT) * sqrt(max(inside, 0.0))), hit);
                    t$J = select(t$J, 0.0, hit);
                } else {
                    let alpha = min(ALPHA_MAX, exp2(r1.y - exponent));
                    let counted = alpha >= ALPHA_MIN && t$J >= TRANSMITTANCE_MIN;
                    c$J.x += select(0.0, 1.0, counted);
                    t$J -= select(0.0, alpha * t$J, counted);
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
            rendered[(lane.y + $Ju) * frame.size.x + lane.x] = vec4f(c$J, t$J);
        }
        //: end
    }
}
