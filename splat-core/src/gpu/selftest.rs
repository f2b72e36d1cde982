//! Start-up test of what the adapter reports about subgroups.
//!
//! The reported size is not enough: drivers may pick another size per kernel, or map invocations to
//! lanes in another order. A profile is used only if a kernel saw exactly the layout it relies on.

use super::buffer::Buf;
use super::device::Gpu;
use super::pass::Pass;

/// Whether workgroups of `lanes` invocations run as one subgroup with lane = local index, and
/// whether `subgroupShuffleXor` exchanges values between them.
pub(super) fn subgroup_matches(gpu: &Gpu, lanes: u32) -> bool {
    const GROUPS: u32 = 16;
    let (smallest, largest) = gpu.info().subgroup_size;
    if lanes < smallest || lanes > largest {
        return false;
    }
    let kernel = gpu.kernel("common/selftest", &[("TEST_LANES", lanes)]);
    let verdict: Buf<u32> = Buf::new(gpu, "selftest", u64::from(GROUPS * lanes));
    let mut pass = Pass::new(gpu, "selftest");
    kernel.run(&mut pass, GROUPS, &[0_u32; 4], &[("verdict", verdict.bind())]);
    pass.submit();
    verdict.read(gpu).is_ok_and(|lanes| lanes.iter().all(|&ok| ok == 1))
}
