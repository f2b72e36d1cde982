//! Stable least-significant-digit radix sort of (key, value) pairs on the device.
//!
//! Two back-ends with identical output: `lane` for CPUs (a serial range per lane, no barriers) and
//! `block` for GPUs (ranking in workgroup memory). Neither uses atomics, and equal keys keep their
//! order, so the result depends on nothing but the keys.

use super::scan::{Scan, Total};
use crate::gpu::layout::{SORT_ITEMS, SORT_THREADS, counter};
use crate::gpu::{Binding, Buf, Gpu, Pass};

/// How many keys there are.
#[derive(Clone, Copy, Debug)]
pub enum KeyCount {
    /// Known to the host.
    Fixed(u32),
    /// In a counter on the device.
    Counter(u32),
}

/// One sort.
#[derive(Clone, Copy, Debug)]
pub struct SortJob {
    /// Bits of the keys.
    pub bits: u32,
    /// Number of keys at the start.
    pub count: KeyCount,
    /// Drop keys of all ones in the first pass; the rest are counted in this counter.
    pub compact_to: Option<u32>,
}

/// Buffers a sort goes back and forth between. Keys start in `keys[0]`.
pub struct SortBuffers<'a> {
    /// Keys, two sides.
    pub keys: [Binding<'a>; 2],
    /// Values of the two sides; the first pass makes them up (positions).
    pub values: [Binding<'a>; 2],
    /// Where the values end up, if not in `values`.
    pub result: Option<Binding<'a>>,
}

/// Scratch of sorts up to a number of keys.
#[derive(Debug)]
pub struct Sort {
    histogram: Buf<u32>,
    scan: Scan,
    lanes: u32,
    bins_log2: u32,
}

impl Sort {
    /// Prepares sorts of up to `capacity` keys.
    pub fn new(gpu: &Gpu, capacity: u64) -> Self {
        let (lanes, bins_log2) = if gpu.profile().serial_lanes {
            // Enough lanes to keep the cores even, few enough that histograms stay small.
            ((capacity / 1024).next_power_of_two().clamp(64, 1024) as u32, 8)
        } else {
            (capacity.div_ceil(u64::from(SORT_THREADS * SORT_ITEMS)).max(1) as u32, 4)
        };
        let cells = u64::from(lanes) << bins_log2;
        Sort { histogram: Buf::new(gpu, "histogram", cells), scan: Scan::new(gpu, cells), lanes, bins_log2 }
    }

    /// Passes needed for keys of `bits` bits.
    pub fn passes(&self, bits: u32) -> u32 {
        bits.div_ceil(self.bins_log2).max(1)
    }

    /// Which side the sorted keys and values end on.
    pub fn final_side(&self, bits: u32) -> usize {
        (self.passes(bits) % 2) as usize
    }

    /// Records the sort.
    pub fn run(&self, pass: &mut Pass<'_>, job: SortJob, buffers: &SortBuffers<'_>, counters: &Buf<u32>) {
        let gpu = pass.gpu();
        let name = if gpu.profile().serial_lanes { "lane" } else { "block" };
        let groups = if gpu.profile().serial_lanes { self.lanes / gpu.profile().lanes } else { self.lanes };
        let passes = self.passes(job.bits);
        let mut count = job.count;
        for number in 0..passes {
            let first = number == 0;
            let drops = first && job.compact_to.is_some();
            let constants =
                [("BINS", 1 << self.bins_log2), ("DROPS", u32::from(drops)), ("FIRST_PASS", u32::from(first))];
            let (counter_index, length) = match count {
                KeyCount::Fixed(length) => (u32::MAX, length),
                KeyCount::Counter(index) => (index, 0),
            };
            let uniform = [number * self.bins_log2, counter_index, length, self.lanes];
            let (from, to) = ((number % 2) as usize, ((number + 1) % 2) as usize);
            let values_to = buffers.result.filter(|_| number + 1 == passes).unwrap_or(buffers.values[to]);
            gpu.kernel(&format!("rasterize/sort_{name}_count"), &constants).run(
                pass,
                groups,
                &uniform,
                &[("counters", counters.bind()), ("keys", buffers.keys[from]), ("histogram", self.histogram.bind())],
            );
            let total =
                Total { counter: job.compact_to.filter(|_| drops).unwrap_or(counter::UNUSED), capacity: u32::MAX };
            self.scan.run(pass, &self.histogram, u64::from(self.lanes) << self.bins_log2, counters, total);
            gpu.kernel(&format!("rasterize/sort_{name}_scatter"), &constants).run(
                pass,
                groups,
                &uniform,
                &[
                    ("counters", counters.bind()),
                    ("keys", buffers.keys[from]),
                    ("values", buffers.values[from]),
                    ("histogram", self.histogram.bind()),
                    ("sorted_keys", buffers.keys[to]),
                    ("sorted_values", values_to),
                ],
            );
            if let (true, Some(index)) = (drops, job.compact_to) {
                count = KeyCount::Counter(index);
            }
        }
    }
}
