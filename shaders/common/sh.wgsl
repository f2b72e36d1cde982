// Real spherical harmonics up to degree 3 with the signs every splat format uses: basis functions
// 1 to 15 (the constant one is SH_C0) of a unit direction.            [Sloan 2008; formats.md §0]
const SH_C0: f32 = 0.28209479;

fn sh_rows(degree: u32) -> u32 {
    return (degree + 1u) * (degree + 1u) - 1u;
}

fn sh_basis(k: u32, d: vec3f) -> f32 {
    let x = d.x;
    let y = d.y;
    let z = d.z;
    switch k {
        case 0u: { return -0.48860251 * y; }
        case 1u: { return 0.48860251 * z; }
        case 2u: { return -0.48860251 * x; }
        case 3u: { return 1.09254843 * x * y; }
        case 4u: { return -1.09254843 * y * z; }
        case 5u: { return 0.31539157 * (2.0 * z * z - x * x - y * y); }
        case 6u: { return -1.09254843 * x * z; }
        case 7u: { return 0.54627421 * (x * x - y * y); }
        case 8u: { return -0.59004359 * y * (3.0 * x * x - y * y); }
        case 9u: { return 2.89061144 * x * y * z; }
        case 10u: { return -0.45704580 * y * (4.0 * z * z - x * x - y * y); }
        case 11u: { return 0.37317633 * z * (2.0 * z * z - 3.0 * x * x - 3.0 * y * y); }
        case 12u: { return -0.45704580 * x * (4.0 * z * z - x * x - y * y); }
        case 13u: { return 1.44530572 * z * (x * x - y * y); }
        default: { return -0.59004359 * x * (x * x - 3.0 * y * y); }
    }
}

// Gradient of a basis function along x, y, z, the direction taken as a free vector.
fn sh_basis_grad(k: u32, d: vec3f) -> vec3f {
    let x = d.x;
    let y = d.y;
    let z = d.z;
    switch k {
        case 0u: { return vec3f(0.0, -0.48860251, 0.0); }
        case 1u: { return vec3f(0.0, 0.0, 0.48860251); }
        case 2u: { return vec3f(-0.48860251, 0.0, 0.0); }
        case 3u: { return 1.09254843 * vec3f(y, x, 0.0); }
        case 4u: { return -1.09254843 * vec3f(0.0, z, y); }
        case 5u: { return 0.31539157 * vec3f(-2.0 * x, -2.0 * y, 4.0 * z); }
        case 6u: { return -1.09254843 * vec3f(z, 0.0, x); }
        case 7u: { return 0.54627421 * vec3f(2.0 * x, -2.0 * y, 0.0); }
        case 8u: { return -0.59004359 * vec3f(6.0 * x * y, 3.0 * x * x - 3.0 * y * y, 0.0); }
        case 9u: { return 2.89061144 * vec3f(y * z, x * z, x * y); }
        case 10u: { return -0.45704580 * vec3f(-2.0 * x * y, 4.0 * z * z - x * x - 3.0 * y * y, 8.0 * y * z); }
        case 11u: { return 0.37317633 * vec3f(-6.0 * x * z, -6.0 * y * z, 6.0 * z * z - 3.0 * x * x - 3.0 * y * y); }
        case 12u: { return -0.45704580 * vec3f(4.0 * z * z - 3.0 * x * x - y * y, -2.0 * x * y, 8.0 * x * z); }
        case 13u: { return 1.44530572 * vec3f(2.0 * x * z, -2.0 * y * z, x * x - y * y); }
        default: { return -0.59004359 * vec3f(3.0 * x * x - 3.0 * y * y, -6.0 * x * y, 0.0); }
    }
}
