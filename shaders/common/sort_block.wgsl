// import: common/sort
// Ranking inside a block of SORT_THREADS · SORT_ITEMS keys, in workgroup memory.
//
// Each invocation owns SORT_ITEMS consecutive keys and counts them per digit in its own column; a
// prefix sum over (digit, invocation) then gives every key its stable place in the block. Plain
// stores and barriers only: shared atomics would rank equal digits in arrival order.
var<workgroup> counts: array<u32, SORT_CELLS>;
var<workgroup> partial: array<u32, SORT_THREADS>;

const SORT_CELLS: u32 = BINS * SORT_THREADS;

// Exclusive prefix sum over `counts`, which holds BINS rows of SORT_THREADS; BINS cells per invocation.
fn scan_counts(local: u32) {
    workgroupBarrier();
    var sum = 0u;
    for (var k = 0u; k < BINS; k++) {
        sum += counts[local * BINS + k];
    }
    partial[local] = sum;
    workgroupBarrier();
    for (var step = 1u; step < SORT_THREADS; step = step << 1u) {
        var before = 0u;
        if (local >= step) {
            before = partial[local - step];
        }
        workgroupBarrier();
        partial[local] += before;
        workgroupBarrier();
    }
    var running = partial[local] - sum;
    for (var k = 0u; k < BINS; k++) {
        let value = counts[local * BINS + k];
        counts[local * BINS + k] = running;
        running += value;
    }
    workgroupBarrier();
}
