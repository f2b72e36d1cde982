#version 300 es
// Alpha of a splat in one pixel, and its colour premultiplied by it.                       [Kerbl 2023, eq. 3]
precision highp float;

in vec2 deviation;
flat in vec4 colour;
out vec4 premultiplied;

void main() {
    // As in training: at most 0.99, and nothing below one 8-bit step.
    float alpha = min(0.99, colour.a * exp(-0.5 * dot(deviation, deviation)));
    if (alpha < 1.0 / 255.0) {
        discard;
    }
    premultiplied = vec4(colour.rgb * alpha, alpha);
}
