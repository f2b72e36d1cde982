// import: common/frame
// import: common/grid
// import: common/time_basis
// As move, for splats without a speed of their own and bases of few functions; one invocation per four splats of the head.
//
// Four rows of any width are whole vectors, which is what memory is read by: values one at a time cost several times as
// much, most of all on CPUs. Everything is written out, so that sums and functions of time stay in registers.
//
// reads   base [N, WIDTH], coefficients [head, WIDTH, TERMS]; with room for whole blocks of rows
// writes  moved [N, WIDTH] (rows of the head, and those behind it in its last block, which are copied afterwards)
@group(0) @binding(1) var<storage, read> base: array<vec4f>;
@group(0) @binding(2) var<storage, read> coefficients: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> moved: array<vec4f>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
    let stride = groups.x * groups.y * WORKGROUP;
    evaluate_time_basis(frame.far.y);
    for (var block = linear_group(group, groups) * WORKGROUP + local; 4u * block < frame.rows.y; block += stride) {
        let at = block * WIDTH;
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
