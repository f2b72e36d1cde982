// Rotation matrix of a unit quaternion (w, x, y, z), columns first.
fn rotation_from_quat(q: vec4f) -> mat3x3f {
    let w = q.x;
    let v = q.yzw;
    return mat3x3f(
        vec3f(1.0 - 2.0 * (v.y * v.y + v.z * v.z), 2.0 * (v.x * v.y + w * v.z), 2.0 * (v.x * v.z - w * v.y)),
        vec3f(2.0 * (v.x * v.y - w * v.z), 1.0 - 2.0 * (v.x * v.x + v.z * v.z), 2.0 * (v.y * v.z + w * v.x)),
        vec3f(2.0 * (v.x * v.z + w * v.y), 2.0 * (v.y * v.z - w * v.x), 1.0 - 2.0 * (v.x * v.x + v.y * v.y)),
    );
}

// Gradient of a loss with respect to the unnormalized quaternion, from the gradient of the rotation
// matrix of its direction.
fn grad_quat(unnormalized: vec4f, grad: mat3x3f) -> vec4f {
    let inverse_norm = inverseSqrt(dot(unnormalized, unnormalized));
    let q = unnormalized * inverse_norm;
    let w = q.x;
    let x = q.y;
    let y = q.z;
    let z = q.w;
    // grad[c][r] is the gradient of row r, column c.
    let gw = 2.0 * (x * (grad[1].z - grad[2].y) + y * (grad[2].x - grad[0].z) + z * (grad[0].y - grad[1].x));
    let gx = 2.0 * (-2.0 * x * (grad[1].y + grad[2].z) + y * (grad[0].y + grad[1].x) + z * (grad[0].z + grad[2].x) + w * (grad[1].z - grad[2].y));
    let gy = 2.0 * (x * (grad[0].y + grad[1].x) - 2.0 * y * (grad[0].x + grad[2].z) + z * (grad[1].z + grad[2].y) + w * (grad[2].x - grad[0].z));
    let gz = 2.0 * (x * (grad[0].z + grad[2].x) + y * (grad[1].z + grad[2].y) - 2.0 * z * (grad[0].x + grad[1].y) + w * (grad[0].y - grad[1].x));
    let g = vec4f(gw, gx, gy, gz);
    // Only the part across the quaternion changes its direction.
    return (g - q * dot(q, g)) * inverse_norm;
}
