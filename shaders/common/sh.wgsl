// Real spherical harmonics up to degree 3 with the signs every splat format uses: basis functions
// 1 to 15 (the constant one is SH_C0) of a unit direction.            [Sloan 2008; formats.md §0]
//
// Values live in named variables, not in an array or a switch: kernels use all of them, unrolled.
const SH_C0: f32 = 0.28209479;

//: repeat K 15
var<private> basis$K: f32;
var<private> slope$K: vec3f;
//: end

fn evaluate_basis(d: vec3f) {
    let x = d.x;
    let y = d.y;
    let z = d.z;
    basis0 = -0.48860251 * y;
    basis1 = 0.48860251 * z;
    basis2 = -0.48860251 * x;
    basis3 = 1.09254843 * x * y;
    basis4 = -1.09254843 * y * z;
    basis5 = 0.31539157 * (2.0 * z * z - x * x - y * y);
    basis6 = -1.09254843 * x * z;
    basis7 = 0.54627421 * (x * x - y * y);
    basis8 = -0.59004359 * y * (3.0 * x * x - y * y);
    basis9 = 2.89061144 * x * y * z;
    basis10 = -0.45704580 * y * (4.0 * z * z - x * x - y * y);
    basis11 = 0.37317633 * z * (2.0 * z * z - 3.0 * x * x - 3.0 * y * y);
    basis12 = -0.45704580 * x * (4.0 * z * z - x * x - y * y);
    basis13 = 1.44530572 * z * (x * x - y * y);
    basis14 = -0.59004359 * x * (x * x - 3.0 * y * y);
}

// Gradients of the basis functions along x, y, z, the direction taken as a free vector.
fn evaluate_slopes(d: vec3f) {
    let x = d.x;
    let y = d.y;
    let z = d.z;
    slope0 = vec3f(0.0, -0.48860251, 0.0);
    slope1 = vec3f(0.0, 0.0, 0.48860251);
    slope2 = vec3f(-0.48860251, 0.0, 0.0);
    slope3 = 1.09254843 * vec3f(y, x, 0.0);
    slope4 = -1.09254843 * vec3f(0.0, z, y);
    slope5 = 0.31539157 * vec3f(-2.0 * x, -2.0 * y, 4.0 * z);
    slope6 = -1.09254843 * vec3f(z, 0.0, x);
    slope7 = 0.54627421 * vec3f(2.0 * x, -2.0 * y, 0.0);
    slope8 = -0.59004359 * vec3f(6.0 * x * y, 3.0 * x * x - 3.0 * y * y, 0.0);
    slope9 = 2.89061144 * vec3f(y * z, x * z, x * y);
    slope10 = -0.45704580 * vec3f(-2.0 * x * y, 4.0 * z * z - x * x - 3.0 * y * y, 8.0 * y * z);
    slope11 = 0.37317633 * vec3f(-6.0 * x * z, -6.0 * y * z, 6.0 * z * z - 3.0 * x * x - 3.0 * y * y);
    slope12 = -0.45704580 * vec3f(4.0 * z * z - 3.0 * x * x - y * y, -2.0 * x * y, 8.0 * x * z);
    slope13 = 1.44530572 * vec3f(2.0 * x * z, -2.0 * y * z, x * x - y * y);
    slope14 = -0.59004359 * vec3f(3.0 * x * x - 3.0 * y * y, -6.0 * x * y, 0.0);
}
