// Draws the triangles of the window: colour times texture, both gamma-encoded and premultiplied.
//
// The toolkit's own shader looks every pixel up a second time, by hand, for tests that want the same bits everywhere,
// and then picks one of both. A software adapter computes both for every pixel: some two hundred integer divisions.
//
// reads   at: place on the screen, -1 to 1; uv: place in the texture; colour
// writes  the colour, gamma-encoded unless the target encodes by itself

override encodes: bool = false;

@group(0) @binding(0) var picture: texture_2d<f32>;
@group(0) @binding(1) var filtering: sampler;

struct Corner {
    @builtin(position) position: vec4<f32>,
    @location(0) uv: vec2<f32>,
    @location(1) colour: vec4<f32>,
}

@vertex
fn corner(@location(0) at: vec2<f32>, @location(1) uv: vec2<f32>, @location(2) colour: vec4<f32>) -> Corner {
    return Corner(vec4<f32>(at, 0.0, 1.0), uv, colour);
}

@fragment
fn paint(in: Corner) -> @location(0) vec4<f32> {
    let colour = in.colour * textureSample(picture, filtering, in.uv);
    if !encodes {
        return colour;
    }
    let low = colour.rgb / 12.92;
    let high = pow((colour.rgb + 0.055) / 1.055, vec3<f32>(2.4));
    return vec4<f32>(select(high, low, colour.rgb < vec3<f32>(0.04045)), colour.a);
}
