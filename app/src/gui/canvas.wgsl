// What fills the viewport: the picture of the splats, and thin lines over it.
//
// The window's own shader looks up a texture for every pixel it touches, in two ways, and picks one; a software adapter
// computes both. A picture needs one of them, a line none.
//
// reads   at: place on the screen, -1 to 1; value: a premultiplied colour, or the place in the picture
// writes  the colour, gamma-encoded unless the target encodes by itself

override encodes: bool = false;

@group(0) @binding(0) var picture: texture_2d<f32>;
@group(0) @binding(1) var filtering: sampler;

struct Corner {
    @builtin(position) position: vec4<f32>,
    @location(0) value: vec4<f32>,
}

@vertex
fn corner(@location(0) at: vec2<f32>, @location(1) value: vec4<f32>) -> Corner {
    return Corner(vec4<f32>(at, 0.0, 1.0), value);
}

fn for_target(colour: vec4<f32>) -> vec4<f32> {
    if !encodes {
        return colour;
    }
    let low = colour.rgb / 12.92;
    let high = pow((colour.rgb + 0.055) / 1.055, vec3<f32>(2.4));
    return vec4<f32>(select(high, low, colour.rgb < vec3<f32>(0.04045)), colour.a);
}

@fragment
fn line(in: Corner) -> @location(0) vec4<f32> {
    return for_target(in.value);
}

@fragment
fn image(in: Corner) -> @location(0) vec4<f32> {
    return for_target(textureSample(picture, filtering, in.value.xy));
}
