// Check that a workgroup of TEST_LANES invocations is one subgroup whose lanes are in local order.
//
// reads   nothing
// writes  verdict: 1 where size, lane number and an exchange with every xor partner are as expected
@group(0) @binding(0) var<uniform> params: vec4u;
@group(0) @binding(1) var<storage, read_write> verdict: array<u32>;

@compute @workgroup_size(TEST_LANES)
fn main(
    @builtin(workgroup_id) group: vec3u,
    @builtin(local_invocation_index) local: u32,
    @builtin(subgroup_invocation_id) lane: u32,
    @builtin(subgroup_size) size: u32,
) {
    var ok = size == TEST_LANES && lane == local && params.x == 0u;
    let value = group.x * 1000u + local;
    for (var mask = 1u; mask < TEST_LANES; mask = mask << 1u) {
        ok = ok && subgroupShuffleXor(value, mask) == group.x * 1000u + (local ^ mask);
    }
    verdict[group.x * TEST_LANES + local] = select(0u, 1u, ok);
}
