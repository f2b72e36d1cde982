//! Exclusive prefix sums on the device: serial runs, summed level by level.

use crate::gpu::{Buf, Gpu, Pass};

/// Where the total of a scan goes.
#[derive(Clone, Copy, Debug)]
pub struct Total {
    /// Counter index.
    pub counter: u32,
    /// Largest value stored there.
    pub capacity: u32,
}

/// Scratch of prefix sums up to a length.
#[derive(Debug)]
pub struct Scan {
    levels: Vec<Buf<u32>>,
}

impl Scan {
    /// Prepares scans of up to `length` values.
    pub fn new(gpu: &Gpu, length: u64) -> Self {
        let fan = u64::from(gpu.profile().scan_fan);
        let mut levels = Vec::new();
        let mut left = length;
        while left > fan {
            left = left.div_ceil(fan);
            levels.push(Buf::new(gpu, "scan", left));
        }
        Scan { levels }
    }

    /// Replaces the first `length` values of `data` by their exclusive prefix sums.
    pub fn run(&self, pass: &mut Pass<'_>, data: &Buf<u32>, length: u64, counters: &Buf<u32>, total: Total) {
        let gpu = pass.gpu();
        let fan = u64::from(gpu.profile().scan_fan);
        let up = gpu.kernel("rasterize/scan_up", &[]);
        let down = gpu.kernel("rasterize/scan_down", &[]);
        let mut lengths = vec![length];
        let mut level = data;
        for next in &self.levels {
            let left = *lengths.last().unwrap_or(&length);
            if left <= fan {
                break;
            }
            let runs = left.div_ceil(fan);
            up.run(
                pass,
                gpu.profile().flat_groups(runs),
                &[left as u32, 0, 0, 0],
                &[("data", level.bind()), ("up", next.bind())],
            );
            lengths.push(runs);
            level = next;
        }
        let top = [*lengths.last().unwrap_or(&length) as u32, total.counter, total.capacity, 0];
        gpu.kernel("rasterize/scan_top", &[]).run(
            pass,
            1,
            &top,
            &[("data", level.bind()), ("counters", counters.bind())],
        );
        for depth in (1..lengths.len()).rev() {
            let target = if depth == 1 { data } else { &self.levels[depth - 2] };
            let length = lengths[depth - 1];
            down.run(
                pass,
                gpu.profile().flat_groups(length.div_ceil(fan)),
                &[length as u32, 0, 0, 0],
                &[("data", target.bind()), ("up", self.levels[depth - 1].bind())],
            );
        }
    }
}
