// import: common/grid
// import: common/time_bend
// import: common/track
// Functions of time as the losses on motion see them: at the time of the view, or where splats have speeds of their own
// (DILATES = 1), e^dilation as fast. Call `evaluate_for_all` first, and `evaluate_for` for each splat.
@group(0) @binding(3) var<storage, read> dilations: array<f32>;

fn evaluate_at(tau: f32) {
    evaluate_time_basis(tau);
    evaluate_time_bend(tau);
}

fn evaluate_for_all() {
    if (DILATES == 0u) {
        evaluate_at(track.time);
    }
}

// Returns how much faster than the clip a splat's time runs.
fn evaluate_for(row: u32) -> f32 {
    if (DILATES == 0u) {
        return 1.0;
    }
    let rate = exp(dilations[row]);
    evaluate_at(rate * track.time);
    return rate;
}
