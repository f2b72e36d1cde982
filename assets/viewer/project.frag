#version 300 es
// Project splats to the image; one fragment per splat, in a table as wide as those of the scene.
//
// mean2d = K [R|t] mean,   cov2d = J W Σ Wᵀ Jᵀ + blur I                 [Zwicker 2001; Kerbl 2023, eq. 5]
//
// reads   centres (position, colour and opacity), shapes (rotation, scales), sh (4 × 4 bytes per layer);
//         in scenes that move, movers and motion (see motion.frag)
// writes  record0: centre of the footprint in pixels, its longer half axis in pixels
//         record1: shorter half axis; red, green; blue; opacity, 0 where nothing is to be drawn
//
// Everything stays quantized as it was stored until here. A footprint ends where alpha falls below one 8-bit step.
precision highp float;
precision highp int;
precision highp usampler2D;
precision highp usampler2DArray;

uniform usampler2D centres;
uniform usampler2D shapes;
uniform usampler2DArray sh;
uniform int shDegree;
uniform bool antialiased;
uniform vec4 viewRows[3];  // rows of world→camera: rotation, translation in w
uniform vec3 eye;
uniform vec2 focal;
uniform vec2 size;         // of the image, in pixels
uniform float near;

layout(location = 0) out uvec4 record0;
layout(location = 1) out uvec4 record1;

const float ALPHA_MIN = 1.0 / 255.0;
const float SH_C0 = 0.28209479;
// Footprint variance of a pixel, in px²; with antialiasing [Yu 2024, Mip-Splatting, eq. 9] opacity pays for it.
const float BLUR = 0.3;
const float BLUR_ANTIALIAS = 0.1;
const float COMPENSATION_MIN = 2.5e-5;
// How far outside the image, as a share of its size, the projection is still linearized in place.
const float GUARD_BAND = 0.15;

uint shWords[12];

// Coefficient k of the view-dependent colour, from three of the stored bytes.
vec3 coefficient(int k) {
    vec3 bytes;
    for (int channel = 0; channel < 3; channel++) {
        int at = 3 * k + channel;
        bytes[channel] = float((shWords[at >> 2] >> (8 * (at & 3))) & 255u);
    }
    return (bytes - 128.0) / 128.0;
}

void readLayer(ivec2 at, int layer) {
    uvec4 words = texelFetch(sh, ivec3(at, layer), 0);
    shWords[4 * layer] = words.x;
    shWords[4 * layer + 1] = words.y;
    shWords[4 * layer + 2] = words.z;
    shWords[4 * layer + 3] = words.w;
}

// Real spherical harmonics with the signs every splat format uses                                [Sloan 2008]
vec3 viewDependent(ivec2 at, vec3 d) {
    if (shDegree < 1) {
        return vec3(0.0);
    }
    readLayer(at, 0);
    float x = d.x, y = d.y, z = d.z;
    vec3 colour = 0.48860251 * (-y * coefficient(0) + z * coefficient(1) - x * coefficient(2));
    if (shDegree < 2) {
        return colour;
    }
    readLayer(at, 1);
    float xx = x * x, yy = y * y, zz = z * z;
    colour += 1.09254843 * (x * y * coefficient(3) - y * z * coefficient(4) - x * z * coefficient(6))
        + 0.31539157 * (2.0 * zz - xx - yy) * coefficient(5) + 0.54627421 * (xx - yy) * coefficient(7);
    if (shDegree < 3) {
        return colour;
    }
    readLayer(at, 2);
    return colour - 0.59004359 * (y * (3.0 * xx - yy) * coefficient(8) + x * (xx - 3.0 * yy) * coefficient(14))
        + 2.89061144 * x * y * z * coefficient(9) + 1.44530572 * z * (xx - yy) * coefficient(13)
        - 0.45704580 * (4.0 * zz - xx - yy) * (y * coefficient(10) + x * coefficient(12))
        + 0.37317633 * z * (2.0 * zz - 3.0 * xx - 3.0 * yy) * coefficient(11);
}

// The three smaller components, sign and 9 bits each in the order x y z w; two bits say which one is left out.
vec4 unpackQuat(uint word) {
    vec3 smaller;
    for (int i = 0; i < 3; i++) {
        uint bits = word >> (20 - 10 * i);
        float magnitude = float(bits & 511u) * (0.70710678 / 511.0);
        smaller[i] = (bits & 512u) != 0u ? -magnitude : magnitude;
    }
    float largest = sqrt(max(0.0, 1.0 - dot(smaller, smaller)));
    uint missing = word >> 30;
    if (missing == 0u) return vec4(largest, smaller);
    if (missing == 1u) return vec4(smaller.x, largest, smaller.yz);
    if (missing == 2u) return vec4(smaller.xy, largest, smaller.z);
    return vec4(smaller, largest);
}

mat3 rotationFromQuat(vec4 q) {
    vec3 v = q.xyz, twice = 2.0 * v;
    vec3 s = v * twice;
    float xy = twice.x * v.y, xz = twice.x * v.z, yz = twice.y * v.z;
    vec3 w = twice * q.w;
    return mat3(
        1.0 - s.y - s.z, xy + w.z, xz - w.y,
        xy - w.z, 1.0 - s.x - s.z, yz + w.x,
        xz + w.y, yz - w.x, 1.0 - s.x - s.y
    );
}

//MOTION

void main() {
    record0 = uvec4(0u);
    record1 = uvec4(0u);
    ivec2 at = ivec2(gl_FragCoord.xy);
    uvec4 stored = texelFetch(centres, at, 0);
    vec3 mean = uintBitsToFloat(stored.xyz);
    vec3 constant = (vec3(uvec3(stored.w, stored.w >> 8, stored.w >> 16) & 255u) / 255.0 - 0.5) / 0.15;
    float opacity = float(stored.w >> 24) / 255.0;
    uvec2 shape = texelFetch(shapes, at, 0).xy;
    vec4 quat = unpackQuat(shape.x);
#ifdef MOVES
    move(at, mean, quat, constant, opacity);
#endif
    vec3 inCam = vec3(
        dot(viewRows[0].xyz, mean) + viewRows[0].w,
        dot(viewRows[1].xyz, mean) + viewRows[1].w,
        dot(viewRows[2].xyz, mean) + viewRows[2].w
    );
    if (!(inCam.z > near) || opacity <= ALPHA_MIN) {
        return;
    }

    // U = J W R S, so that the covariance in the image is U Uᵀ.
    vec3 scales = exp(vec3(uvec3(shape.y, shape.y >> 8, shape.y >> 16) & 255u) / 16.0 - 10.0);
    mat3 axes = rotationFromQuat(quat);
    axes = mat3(axes[0] * scales.x, axes[1] * scales.y, axes[2] * scales.z);
    vec2 reach = (0.5 + GUARD_BAND) * size / focal;
    vec2 slope = clamp(inCam.xy / inCam.z, -reach, reach);
    vec3 u0 = focal.x / inCam.z * (viewRows[0].xyz - slope.x * viewRows[2].xyz) * axes;
    vec3 u1 = focal.y / inCam.z * (viewRows[1].xyz - slope.y * viewRows[2].xyz) * axes;
    float blur = antialiased ? BLUR_ANTIALIAS : BLUR;
    float xx = dot(u0, u0), xy = dot(u0, u1), yy = dot(u1, u1);
    // As a cross product, the determinant of a thin splat survives rounding.
    vec3 area = cross(u0, u1);
    float sharp = dot(area, area);
    float determinant = sharp + blur * (xx + yy) + blur * blur;
    if (antialiased) {
        opacity *= sqrt(max(sharp / determinant, COMPENSATION_MIN));
    }
    xx += blur;
    yy += blur;

    // The footprint: an ellipse along the eigenvectors of the covariance.
    vec2 centre = focal * inCam.xy / inCam.z + 0.5 * size;
    float sigmas = sqrt(2.0 * max(log(opacity / ALPHA_MIN), 0.0));
    vec2 extent = sigmas * sqrt(vec2(xx, yy));
    bool outside = any(lessThan(centre + extent, vec2(0.5))) || any(greaterThan(centre - extent, size - 0.5));
    if (opacity <= ALPHA_MIN || outside || !(determinant < 1.0e30)) {
        return;
    }
    float longer = 0.5 * (xx + yy) + sqrt(0.25 * (xx - yy) * (xx - yy) + xy * xy);
    float shorter = determinant / longer;
    vec2 along = xx >= yy ? vec2(longer - yy, xy) : vec2(xy, longer - xx);
    float norm = length(along);
    vec2 axis = sigmas * sqrt(longer) * (norm > 0.0 ? along / norm : vec2(1.0, 0.0));

    vec3 colour = max(0.5 + SH_C0 * constant + viewDependent(at, normalize(mean - eye)), 0.0);
    record0 = floatBitsToUint(vec4(centre, axis));
    record1 = uvec4(
        floatBitsToUint(sigmas * sqrt(shorter)),
        packHalf2x16(colour.rg),
        packHalf2x16(vec2(colour.b, 0.0)),
        floatBitsToUint(opacity)
    );
}
