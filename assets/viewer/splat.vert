#version 300 es
// Place the rectangle around a splat's footprint; one instance per splat, from far to near.
//
// reads   splat (its number), record0 and record1 (see project.frag)
precision highp float;
precision highp int;
precision highp usampler2D;

uniform usampler2D record0;
uniform usampler2D record1;
uniform vec2 size;
uniform int tableWidth;

layout(location = 0) in uint splat;

out vec2 deviation;      // from the centre, in standard deviations
flat out vec4 colour;    // with opacity in a

void main() {
    int row = int(splat) / tableWidth;
    ivec2 at = ivec2(int(splat) - row * tableWidth, row);
    uvec4 second = texelFetch(record1, at, 0);
    float opacity = uintBitsToFloat(second.w);
    deviation = vec2(0.0);
    colour = vec4(0.0);
    // A single point has no area: nothing is drawn.
    gl_Position = vec4(0.0, 0.0, 2.0, 1.0);
    if (opacity > 0.0) {
        vec4 first = uintBitsToFloat(texelFetch(record0, at, 0));
        vec2 corner = vec2(float(gl_VertexID & 1), float(gl_VertexID >> 1)) * 2.0 - 1.0;
        vec2 shorter = normalize(vec2(-first.w, first.z)) * uintBitsToFloat(second.x);
        vec2 pixel = first.xy + corner.x * first.zw + corner.y * shorter;
        deviation = corner * sqrt(2.0 * log(opacity * 255.0));
        colour = vec4(unpackHalf2x16(second.y), unpackHalf2x16(second.z).x, opacity);
        // Pixel rows count downwards, clip space upwards.
        gl_Position = vec4((2.0 * pixel / size - 1.0) * vec2(1.0, -1.0), 0.0, 1.0);
    }
}
