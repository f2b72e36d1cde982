// The view being rasterized; twin of `FrameUniform` in gpu/layout.rs.
struct Frame {
    view0: vec4f,       // rows of world→camera: rotation, translation in w
    view1: vec4f,
    view2: vec4f,
    intrinsics: vec4f,  // fx, fy, cx, cy in pixels
    eye: vec4f,         // camera position in the world; w: near plane
    guard: vec4f,       // range of x/z and y/z where the projection is linearized in place
    size: vec4u,        // width, height, tiles across, tiles down
    rows: vec4u,        // first row of the bound chunk, its rows, rows in all, isect capacity
    band: vec4u,        // first and one-past-last tile row, bits of near, antialias flag
    far: f32,           // far plane
    time: f32,          // from −½ to ½, 0 in scenes that do not move
    head: u32,          // rows of the bound chunk that are of the head, where the stage says so
    spare: u32,
}
@group(0) @binding(0) var<uniform> frame: Frame;
