// What kernels that decode a column are told.
struct Codes {
    rows: vec4u,      // first row of the chunk, its rows, rows in all, values per row
    update: u32,      // numbers the noise
    column: u32,
    _a: u32,
    _b: u32,
}
@group(0) @binding(0) var<uniform> codes: Codes;
