// import: common/visible
// Add up each visible splat's slots, serially and in slot order; one invocation per depth rank.
//
// reads   order, slot_base, isect_of_slot, slots, opacity_logits
// writes  sums: SUM_FLOATS per rank; grad_features (replaces, visible rows); grad_opacity_logits (adds)
// With several bands of tile rows the sums continue from band to band, so that their number does not
// change a bit. ∂L/∂logit = m0 (1 − opacity), also with antialiasing, where m0 is Σh of the
// compensated opacity.
@group(0) @binding(1) var<storage, read> order: array<u32>;
@group(0) @binding(2) var<storage, read> slot_base: array<u32>;
@group(0) @binding(3) var<storage, read> isect_of_slot: array<u32>;
@group(0) @binding(4) var<storage, read> slots: array<f32>;
@group(0) @binding(5) var<storage, read> opacity_logits: array<f32>;
@group(0) @binding(6) var<storage, read_write> sums: array<f32>;
@group(0) @binding(7) var<storage, read_write> grad_features: array<f32>;
@group(0) @binding(8) var<storage, read_write> grad_opacity_logits: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
    let stride = groups.x * groups.y * WORKGROUP;
    let visible = order[frame.rows.z];
    let is_first_band = frame.band.x == 0u;
    let is_last_band = frame.band.y == frame.size.w;
    for (var rank = linear_group(group, groups) * WORKGROUP + local; rank < visible; rank += stride) {
        let i = order[rank] - frame.rows.x;
        if (i < frame.rows.y) {
            let s = rank * SUM_FLOATS;
            //: repeat J SUM_FLOATS
            var sum$J = select(sums[s + $Ju], 0.0, is_first_band);
            //: end
            let end = slot_base[rank + 1u];
            for (var slot = slot_base[rank]; slot < end; slot++) {
                let isect = isect_of_slot[slot];
                if (isect == NO_ISECT) {
                    continue;
                }
                let source = isect * SLOT_FLOATS;
                //: repeat J 9
                sum$J += slots[source + $Ju];
                //: end
                if (DEPTH != 0u) {
                    sum9 += slots[source + 9u];
                }
                if (ABS_GRAD != 0u) {
                    sum10 += slots[source + 9u + DEPTH];
                    sum11 += slots[source + 10u + DEPTH];
                }
            }
            //: repeat J 6
            sums[s + $Ju] = sum$J;
            //: end
            sums[s + 9u] = sum9;
            if (!(is_first_band && is_last_band)) {
                sums[s + 6u] = sum6;
                sums[s + 7u] = sum7;
                sums[s + 8u] = sum8;
            }
            if (ABS_GRAD != 0u) {
                sums[s + 10u] = sum10;
                sums[s + 11u] = sum11;
            }
            grad_features[3u * i] = sum6;
            grad_features[3u * i + 1u] = sum7;
            grad_features[3u * i + 2u] = sum8;
            if (is_last_band) {
                grad_opacity_logits[i] += sum0 / (1.0 + exp(opacity_logits[i]));
            }
        }
    }
}
