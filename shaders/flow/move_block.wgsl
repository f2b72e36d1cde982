// import: common/blocks
// import: common/time_basis
// As move, where splats have no speed of their own and a basis has few functions; blocks of four splats of the head.
//
// Four rows of any width are whole vectors, and vectors are read in less than half the time of their values one by one.
// All is written out, so that sums and functions of time stay in registers.
//
// reads   base [N, WIDTH], coefficients [head, WIDTH, TERMS]; with room for whole blocks of rows
// writes  moved [N, WIDTH] (rows of the head, and those behind it in its last block, which are copied afterwards)
@group(0) @binding(1) var<storage, read> base: array<vec4f>;
@group(0) @binding(2) var<storage, read> coefficients: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> moved: array<vec4f>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
    evaluate_time_basis(frame.time);
    let own = own_blocks(group, groups, local);
    for (var block = own.x; block < own.y; block++) {
        let at = block * WIDTH;
        // In the order of memory, as is everything that follows: number n of the coefficients is that of function
        // n % TERMS for value n / TERMS.
        var sums: array<f32, 4u * WIDTH>;
        //: repeat K WIDTH
        {
            let values = base[at + $Ku];
            sums[4u * $Ku] = values.x;
            sums[4u * $Ku + 1u] = values.y;
            sums[4u * $Ku + 2u] = values.z;
            sums[4u * $Ku + 3u] = values.w;
        }
        //: end
        //: repeat J VECTORS
        {
            let c = coefficients[at * TERMS + $Ju];
            sums[(4u * $Ju) / TERMS] += c.x * phi[(4u * $Ju) % TERMS];
            sums[(4u * $Ju + 1u) / TERMS] += c.y * phi[(4u * $Ju + 1u) % TERMS];
            sums[(4u * $Ju + 2u) / TERMS] += c.z * phi[(4u * $Ju + 2u) % TERMS];
            sums[(4u * $Ju + 3u) / TERMS] += c.w * phi[(4u * $Ju + 3u) % TERMS];
        }
        //: end
        //: repeat K WIDTH
        moved[at + $Ku] = vec4f(sums[4u * $Ku], sums[4u * $Ku + 1u], sums[4u * $Ku + 2u], sums[4u * $Ku + 3u]);
        //: end
    }
}
