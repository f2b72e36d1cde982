//! Numbers that look random and follow from the number of a case.

use splat_core::scene::SplatCloud;

/// A counter, hashed [Steele 2014].
pub(crate) struct Random(u64);

impl Random {
    /// The numbers of a case.
    pub(crate) fn new(case: u64) -> Self {
        Random(case.wrapping_mul(0xd134_2543_de82_ef95))
    }

    /// The next 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ x >> 31
    }

    /// One of so many; 0 of none.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        (self.next() % count.max(1) as u64) as usize
    }

    /// Whether something happens that does once in so many times.
    pub(crate) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// A number between two.
    pub(crate) fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * (self.next() >> 40) as f32 / (1 << 24) as f32
    }

    /// One of a list that is not empty.
    pub(crate) fn of<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }
}

/// Splats with the values that trained ones have: positions in a room, needles and discs, unit quaternions times any
/// length, colours a little beyond what can be shown.
pub(crate) fn cloud(count: usize, sh_degree: u8) -> SplatCloud {
    let mut random = Random::new(count as u64 * 4 + u64::from(sh_degree));
    let width = 3 * ((usize::from(sh_degree) + 1).pow(2) - 1);
    let mut cloud = SplatCloud { sh_degree, ..SplatCloud::default() };
    for _ in 0..count {
        cloud.means.push([(); 3].map(|()| random.between(-8.0, 12.0)));
        cloud.quats.push([(); 4].map(|()| random.between(-2.0, 2.0)));
        cloud.log_scales.push([(); 3].map(|()| random.between(-7.0, 0.5)));
        cloud.opacity_logits.push(random.between(-4.5, 7.0));
        cloud.sh0.push([(); 3].map(|()| random.between(-1.7, 1.7)));
        cloud.sh_rest.extend((0..width).map(|_| random.between(-0.4, 0.4)));
    }
    cloud
}
