// import: common/photometric
// Add up the loss: a fixed number of invocations, each a fixed share of the strips.
//
// No barriers: some software adapters compile kernels that have them beside much arithmetic in minutes.
//
// reads   loss_map
// writes  loss_parts: LOSS_PARTS sums
@group(0) @binding(1) var<storage, read> loss_map: array<f32>;
@group(0) @binding(2) var<storage, read_write> loss_parts: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let strips = (loss.height + SSIM_STRIP - 1u) / SSIM_STRIP * loss.width;
    var sum = 0.0;
    for (var strip = id.x; strip < strips; strip += LOSS_PARTS) {
        sum += loss_map[strip];
    }
    loss_parts[id.x] = sum;
}
