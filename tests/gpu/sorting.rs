//! The device's prefix sum and radix sort against the host's, at block edges and beyond. The profile
//! decides the back-end: `cpu8` sorts by lanes, the others by blocks.

use splat_core::gpu::layout::counter;
use splat_core::gpu::{Buf, Gpu, Pass};
use splat_core::stage::rasterize::scan::{Scan, Total};
use splat_core::stage::rasterize::sort::{KeyCount, Sort, SortBuffers, SortJob};

const SIZES: [usize; 13] = [0, 1, 2, 63, 64, 65, 1000, 2047, 2048, 2049, 4097, 30_000, 100_000];
const DROPPED: u32 = u32::MAX;

fn hash(index: usize) -> u32 {
    let x = (index as u32).wrapping_add(0x9e37_79b9).wrapping_mul(0x85eb_ca6b);
    (x ^ (x >> 13)).wrapping_mul(0xc2b2_ae35) ^ (x >> 16)
}

fn counters(gpu: &Gpu) -> Buf<u32> {
    Buf::new(gpu, "counters", u64::from(counter::COUNT))
}

/// Sorts on the device; returns values, keys and how many remained.
fn sorted(
    gpu: &Gpu,
    keys: &[u32],
    bits: u32,
    compact: bool,
    counted: bool,
    room: usize,
) -> (Vec<u32>, Vec<u32>, usize) {
    let len = room.max(1) as u64;
    let buffer = |name: &str| Buf::<u32>::new(gpu, name, len);
    let (sides, values) = ([buffer("keys"), buffer("other keys")], [buffer("values"), buffer("other values")]);
    let result = buffer("result");
    let counters = counters(gpu);
    sides[0].write(gpu, 0, keys);
    let count = if counted { KeyCount::Counter(counter::ISECTS) } else { KeyCount::Fixed(keys.len() as u32) };
    counters.write(gpu, u64::from(counter::ISECTS), &[keys.len() as u32]);
    let sort = Sort::new(gpu, room as u64);
    let buffers = SortBuffers {
        keys: [sides[0].bind(), sides[1].bind()],
        values: [values[0].bind(), values[1].bind()],
        result: compact.then(|| result.bind()),
    };
    let job = SortJob { bits, count, compact_to: compact.then_some(counter::VISIBLE) };
    let mut pass = Pass::new(gpu, "sort");
    sort.run(&mut pass, job, &buffers, &counters);
    pass.submit();
    let side = sort.final_side(bits);
    let left = if compact { counters.read(gpu).unwrap()[counter::VISIBLE as usize] as usize } else { keys.len() };
    let order = if compact { &result } else { &values[side] };
    (order.read(gpu).unwrap()[..left].to_vec(), sides[side].read(gpu).unwrap()[..left].to_vec(), left)
}

/// Positions of the kept keys in the order of a stable sort.
fn expected(keys: &[u32], compact: bool) -> Vec<u32> {
    let mut order: Vec<u32> = (0..keys.len() as u32).filter(|&i| !compact || keys[i as usize] != DROPPED).collect();
    order.sort_by_key(|&i| keys[i as usize]);
    order
}

#[track_caller]
fn check(gpu: &Gpu, what: &str, keys: &[u32], bits: u32, compact: bool, counted: bool, room: usize) {
    let (order, found_keys, left) = sorted(gpu, keys, bits, compact, counted, room);
    let expected = expected(keys, compact);
    let what = format!("{what}: {} keys of {bits} bits, compact {compact}, counted {counted}, room {room}", keys.len());
    assert_eq!(left, expected.len(), "{what}: number of keys left");
    assert!(order == expected, "{what}: order differs from a stable sort");
    assert!(
        found_keys.iter().zip(&expected).all(|(&key, &i)| key == keys[i as usize]),
        "{what}: keys and values parted"
    );
}

pub(super) fn sorting_equals_a_stable_sort_at_every_block_edge(gpu: &Gpu) {
    for size in SIZES {
        let keys: Vec<u32> = (0..size).map(|i| hash(i) >> 8).collect();
        check(gpu, "random", &keys, 24, false, false, size);
        check(gpu, "room to spare", &keys, 24, false, true, size + 5000);
    }
}

pub(super) fn sorting_with_compaction_drops_what_is_marked(gpu: &Gpu) {
    for size in SIZES {
        for share in [0, 3, 10] {
            let key = |i: usize| if hash(i + 77) % 10 < share { DROPPED } else { hash(i) >> 8 };
            let keys: Vec<u32> = (0..size).map(key).collect();
            check(gpu, "compaction", &keys, 24, true, false, size);
        }
    }
}

/// Few different keys: almost everything is a tie. Odd numbers of bits and passes as well.
pub(super) fn sorting_keeps_equal_keys_in_order(gpu: &Gpu) {
    for bits in [1, 3, 4, 5, 8, 9, 13, 16, 17] {
        let mask = (1 << bits.min(6)) - 1;
        let keys: Vec<u32> = (0..5000).map(|i| (hash(i) & mask) << (bits - bits.min(6))).collect();
        check(gpu, "ties", &keys, bits, false, true, 6000);
    }
    check(gpu, "all equal", &vec![5; 10_000], 24, false, false, 10_000);
    let falling: Vec<u32> = (0..10_000).rev().collect();
    check(gpu, "falling", &falling, 14, false, false, 10_000);
}

pub(super) fn prefix_sums_equal_the_hosts(gpu: &Gpu) {
    for size in SIZES.into_iter().chain([255, 256, 257, 65_535, 65_536, 65_537]) {
        let values: Vec<u32> = (0..size).map(|i| hash(i) % 9).collect();
        let data = Buf::from_slice(gpu, "data", &values);
        let counters = counters(gpu);
        let scan = Scan::new(gpu, size as u64 + 300);
        let total: u32 = values.iter().sum();
        let capacity = total.saturating_sub(1);
        let mut pass = Pass::new(gpu, "scan");
        scan.run(&mut pass, &data, size as u64, &counters, Total { counter: counter::ISECTS, capacity });
        pass.submit();
        let mut sum = 0;
        let expected: Vec<u32> = values
            .iter()
            .map(|v| {
                sum += v;
                sum - v
            })
            .collect();
        assert!(data.read(gpu).unwrap() == expected, "{size} values");
        let counters = counters.read(gpu).unwrap();
        let found = [counter::ISECTS, counter::OVERFLOW, counter::NEEDED].map(|index| counters[index as usize]);
        assert_eq!(found, [capacity, u32::from(total > capacity), total], "{size} values: counters");
    }
}
