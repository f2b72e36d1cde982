// import: common/grid
// import: common/track
// Pressure on neighbours to move as one body; one invocation per visible splat, which gathers from its neighbours and
// from those whose neighbour it is.
//
// Each splat has a velocity v and an angular velocity ω = 2 Im(q̇ q̄) / |q|². Where it is fixed to a body, a neighbour at
// the offset d = x_j − x_i goes along with v_i + ω_i × d; by how much it strays is      [limit of dynamic.md §2.5 c]
//
//   e_ij = v_j − v_i − ω_i × d,   L = ½ w Σ_i Σ_{j ∈ N(i)} u_ij |e_ij|²,   u_ij = exp(−r |d|²)
//
// ∂L/∂v_j = w Σ_i u_ij e_ij,   ∂L/∂v_i = −w Σ_j u_ij e_ij,   ∂L/∂ω_i = −w Σ_j u_ij d × e_ij
//
// and with q = (q₀, u):   ∂ω·g/∂q̇ = 2 (−g·u, q₀ g + g × u) / |q|². Offsets and rotations are held.
//
// reads   order (see common/visible), links: neighbours [head, NEAR], starts [head + 1], and from each start on the splats
//         whose neighbour a splat is; paths, turns [head, 2]: positions and rotations with their speeds
// writes  pulls [head, 2]: gradients of the speeds (visible rows)
@group(0) @binding(1) var<storage, read> order: array<u32>;
@group(0) @binding(2) var<storage, read> links: array<u32>;
@group(0) @binding(3) var<storage, read> paths: array<vec4f>;
@group(0) @binding(4) var<storage, read> turns: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> pulls: array<vec4f>;

const NOBODY: u32 = 0xffffffffu;

fn angular_velocity(row: u32) -> vec3f {
    let q = turns[2u * row];
    let speed = turns[2u * row + 1u];
    let square = dot(q, q);
    if (square <= 0.0) {
        return vec3f();
    }
    return 2.0 / square * (q.x * speed.yzw - speed.x * q.yzw + cross(q.yzw, speed.yzw));
}

// u e of a pair.
fn stray(from_row: u32, to_row: u32, turning: vec3f, offset: vec3f) -> vec3f {
    let apart = paths[2u * to_row + 1u].xyz - paths[2u * from_row + 1u].xyz - cross(turning, offset);
    return exp(-track.weights.y * dot(offset, offset)) * apart;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
    let stride = groups.x * groups.y * WORKGROUP;
    let visible = order[track.rows.z];
    let starts = track.rows.w * NEAR;
    let sources = starts + track.rows.w + 1u;
    for (var rank = linear_group(group, groups) * WORKGROUP + local; rank < visible; rank += stride) {
        let row = order[rank];
        if (row < track.rows.w) {
            let place = paths[2u * row].xyz;
            let turning = angular_velocity(row);
            var pull = vec3f();
            var twist = vec3f();
            for (var at = row * NEAR; at < (row + 1u) * NEAR; at++) {
                let other = links[at];
                if (other != NOBODY) {
                    let offset = paths[2u * other].xyz - place;
                    let strays = stray(row, other, turning, offset);
                    pull -= strays;
                    twist -= cross(offset, strays);
                }
            }
            for (var at = links[starts + row]; at < links[starts + row + 1u]; at++) {
                let other = links[sources + at];
                pull += stray(other, row, angular_velocity(other), place - paths[2u * other].xyz);
            }
            let q = turns[2u * row];
            let square = dot(q, q);
            let scale = select(0.0, 2.0 / square, square > 0.0);
            let turn = scale * vec4f(-dot(twist, q.yzw), q.x * twist + cross(twist, q.yzw));
            pulls[2u * row] = track.weights.x * vec4f(pull, 0.0);
            pulls[2u * row + 1u] = track.weights.x * turn;
        }
    }
}
