// Splats at a time: values at rest plus coefficients times functions of time, and a window in which each is seen.
//                                                        [Lin 2024, Gaussian-Flow, eq. 3; Wang 2025, FreeTimeGS]
// reads   movers (1 + its place among those that move, 0 for splats that rest), motion (their values as half floats,
//         eight per texel: position, rotation and colour, function by function, then speed, then centre and fade)
uniform usampler2D movers;
uniform usampler2D motion;
uniform int motionTexels;      // of one splat
uniform ivec3 meansBasis;      // highest degree, harmonics, keyframes
uniform ivec3 quatsBasis;
uniform ivec3 sh0Basis;
uniform bool dilates;
uniform bool fades;
uniform float tau;             // from −½ to ½ over the clip

// Without polynomials the lowest harmonic lasts longer than the clip, so that its ends are not tied to each other.
const float FREE_SPAN = 0.8;

int firstTexel;

float motionValue(int at) {
    int texel = firstTexel + at / 8;
    int width = textureSize(motion, 0).x;
    uvec4 words = texelFetch(motion, ivec2(texel % width, texel / width), 0);
    return unpackHalf2x16(words[(at & 7) >> 1])[at & 1];
}

vec4 motionValues(int at, int width) {
    vec4 values = vec4(0.0);
    for (int k = 0; k < width; k++) {
        values[k] = motionValue(at + k);
    }
    return values;
}

int termsOf(ivec3 basis) {
    return basis.x + 2 * basis.y + basis.z;
}

// What `width` values change by, whose coefficients begin at `at`.
vec4 change(int at, ivec3 basis, int width, float time) {
    vec4 sum = vec4(0.0);
    if (basis.z > 0) {
        float last = float(basis.z - 1);
        float place = clamp((time + 0.5) * last, 0.0, last);
        int key = min(int(place), basis.z - 2);
        vec4 from = motionValues(at + key * width, width), to = motionValues(at + (key + 1) * width, width);
        return mix(from, to, place - float(key));
    }
    float x = 2.0 * time, before = 1.0, now = x;
    for (int n = 0; n < basis.x; n++) {
        sum += now * motionValues(at + n * width, width);
        float next = 2.0 * x * now - before;
        before = now;
        now = next;
    }
    float angle = 6.28318531 * (basis.x == 0 ? FREE_SPAN : 1.0) * time;
    int sines = at + basis.x * width, cosines = sines + basis.y * width;
    for (int l = 0; l < basis.y; l++) {
        float turned = float(l + 1) * angle;
        sum += sin(turned) * motionValues(sines + l * width, width);
        sum += cos(turned) * motionValues(cosines + l * width, width);
    }
    return sum;
}

void move(ivec2 splat, inout vec3 mean, inout vec4 quat, inout vec3 sh0, inout float opacity) {
    int mover = int(texelFetch(movers, splat, 0).x);
    float centre = 0.0, fade = 0.0;
    if (mover > 0) {
        firstTexel = (mover - 1) * motionTexels;
        int quatsAt = 3 * termsOf(meansBasis);
        int sh0At = quatsAt + 4 * termsOf(quatsBasis);
        int at = sh0At + 3 * termsOf(sh0Basis);
        float time = tau;
        if (dilates) {
            time *= exp(motionValue(at));
            at++;
        }
        mean += change(0, meansBasis, 3, time).xyz;
        quat = normalize(quat + change(quatsAt, quatsBasis, 4, time));
        sh0 += change(sh0At, sh0Basis, 3, time).xyz;
        if (fades) {
            centre = motionValue(at);
            fade = motionValue(at + 1);
        }
    }
    if (fades) {
        float z = exp(fade) * (tau - centre) / 3.0;
        opacity *= exp(-0.5 * z * z);
    }
}
