// import: common/grid
// Push opacities and sizes down a little, on every row, seen or not.
//
// L += weight · mean(f(value)),   f = sigmoid (opacity) or exp (scale)     [Kheradmand 2024, eq. 8]
//
// reads   order (halt flag), values
// writes  grad (adds)
struct Regularize { length: u32, halt_index: u32, is_opacity: u32, weight: f32 }
@group(0) @binding(0) var<uniform> regularize: Regularize;
@group(0) @binding(1) var<storage, read> order: array<u32>;
@group(0) @binding(2) var<storage, read> values: array<f32>;
@group(0) @binding(3) var<storage, read_write> grad: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
    let stride = groups.x * groups.y * WORKGROUP;
    let end = select(regularize.length, 0u, order[regularize.halt_index] != 0u);
    for (var i = linear_group(group, groups) * WORKGROUP + local; i < end; i += stride) {
        let value = values[i];
        let opacity = 1.0 / (1.0 + exp(-value));
        let slope = select(exp(value), opacity * (1.0 - opacity), regularize.is_opacity != 0u);
        grad[i] += regularize.weight * slope;
    }
}
