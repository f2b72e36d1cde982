// import: common/lane_transmittance
// import: common/tile_isects
// Backward of blending for the pixels of one lane, shared by the reductions of both profiles.
//
// Replays the forward pass front to back. Per pixel only T and the scalar
// R = (light still to come) · (gradient of the pixel) are carried:
// ∂L/∂αᵢ = Tᵢ (cᵢ · g) − Rᵢ₊₁ / (1 − αᵢ),   h = αᵢ ∂L/∂αᵢ,   0 where α was held at its ceiling.
@group(0) @binding(4) var<storage, read> rendered: array<vec4f>;
@group(0) @binding(5) var<storage, read> grad_rendered: array<vec4f>;
@group(0) @binding(6) var<storage, read> depth: array<f32>;
@group(0) @binding(7) var<storage, read> grad_depth: array<f32>;
@group(0) @binding(8) var<storage, read_write> slots: array<f32>;

const LN_2: f32 = 0.69314718;

// Sums of one splat over a lane's pixels, in the order of a slot.
struct LaneSums {
    moments: vec3f,   // Σh, Σh dx, Σh dy
    second: vec3f,    // Σh dx², Σh dx dy, Σh dy²
    colour: vec3f,
    depth: f32,
    absolute: vec2f,  // Σ |∂L/∂mean2d| per axis [Ye 2024, AbsGS, eq. 4]
}

//: repeat J PIXELS_PER_LANE
var<private> rest$J: f32;
var<private> g$J: vec3f;
var<private> gd$J: f32;
//: end

// Loads the pixels of a lane; pixels outside the image carry no gradient.
fn load_pixels(lane: Lane) {
    //: repeat J PIXELS_PER_LANE
    t$J = 1.0;
    rest$J = 0.0;
    g$J = vec3f(0.0);
    gd$J = 0.0;
    if (lane.exists && lane.x < frame.size.x && lane.y + $Ju < frame.size.y) {
        let pixel = (lane.y + $Ju) * frame.size.x + lane.x;
        let grad = grad_rendered[pixel];
        let light = rendered[pixel];
        g$J = grad.xyz;
        rest$J = dot(light.xyz, grad.xyz) + light.w * grad.w;
        if (DEPTH != 0u) {
            gd$J = grad_depth[pixel];
            rest$J += depth[pixel] * gd$J;
        }
    }
    //: end
}

fn blend_bwd_splat(lane: Lane, isect: u32) -> LaneSums {
    let record = 3u * row_of_isect[isect];
    let r0 = projected[record];
    let r1 = projected[record + 1u];
    let r2 = projected[record + 2u];
    let dx = f32(lane.x) + 0.5 - r0.x;
    let dy = f32(lane.y) + 0.5 - r0.y;
    let q = r0.z * dx * dx + (r0.w * dx + r1.x * dy) * dy - r1.y;
    let slope = r0.w * dx + 2.0 * r1.x * dy;
    let colour = vec3f(r1.z, r1.w, r2.x);
    var h0 = 0.0;  // Σ h, Σ h j, Σ h j² over the lane's rows j
    var h1 = 0.0;
    var h2 = 0.0;
    var grad_colour = vec3f(0.0);
    var grad_z = 0.0;
    var absolute = vec2f(0.0);
    // Gradient of q along x and y at the first row, per ln 2.
    let across = 2.0 * r0.z * dx + r0.w * dy;
    //: repeat J PIXELS_PER_LANE
    {
        let open = exp2(-(q + $J.0 * slope + $J.0 * $J.0 * r1.x));
        let alpha = select(0.0, min(ALPHA_MAX, open), open >= ALPHA_MIN && t$J >= TRANSMITTANCE_MIN);
        let weight = alpha * t$J;
        var shade = dot(colour, g$J);
        if (DEPTH != 0u) {
            shade += r2.y * gd$J;
            grad_z += weight * gd$J;
        }
        rest$J -= weight * shade;
        let grad_alpha = t$J * shade - rest$J / (1.0 - alpha);
        t$J -= weight;
        let h = select(0.0, alpha * grad_alpha, open <= ALPHA_MAX);
        h0 += h;
        h1 += $J.0 * h;
        h2 += $J.0 * $J.0 * h;
        grad_colour += weight * g$J;
        if (ABS_GRAD != 0u) {
            absolute += abs(h) * abs(vec2f(across + $J.0 * r0.w, slope + $J.0 * 2.0 * r1.x));
        }
    }
    //: end
    let my = dy * h0 + h1;
    return LaneSums(
        vec3f(h0, dx * h0, my),
        vec3f(dx * dx * h0, dx * my, (dy * dy) * h0 + 2.0 * dy * h1 + h2),
        grad_colour,
        grad_z,
        absolute * LN_2,
    );
}
