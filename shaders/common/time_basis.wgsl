// Functions of time that motion is composed of, and their derivatives: TERMS of them.
//
// KEYS = 0: φ = T₁(2τ) … T_POLY(2τ), sin 2πlsτ, cos 2πlsτ for l = 1 … FOURIER     [after Lin 2024, Gaussian-Flow, eq. 4]
//           T: Chebyshev polynomials, which span what powers do; s = 1, or 0.8 without them (`scene/motion.rs`)
// KEYS > 0: linear interpolation between KEYS keyframes at equal distances from τ = −½ to ½
var<private> phi: array<f32, TERMS>;
var<private> slope: array<f32, TERMS>;

// sin 2πx for |x| ≤ ¼. Adapters need not know the sine better than to three digits.
fn quarter_sine(x: f32) -> f32 {
    let a = 6.28318531 * x;
    let s = a * a;
    return a * (1.0 - s / 6.0 * (1.0 - s / 20.0 * (1.0 - s / 42.0 * (1.0 - s / 72.0 * (1.0 - s / 110.0 * (1.0 - s / 156.0))))));
}

fn evaluate_time_basis(tau: f32) {
    if (KEYS > 0u) {
        let last = f32(KEYS - 1u);
        let place = (tau + 0.5) * last;
        let held = clamp(place, 0.0, last);
        // At a keyframe the slope is that of the interval after it; beyond the ends nothing moves.
        let interval = min(u32(held), KEYS - 2u);
        let speed = select(0.0, last, place == held);
        for (var k = 0u; k < KEYS; k++) {
            phi[k] = max(0.0, 1.0 - abs(held - f32(k)));
            slope[k] = select(0.0, -speed, k == interval) + select(0.0, speed, k == interval + 1u);
        }
        return;
    }
    // Tₙ₊₁ = 2x Tₙ − Tₙ₋₁ and Tₙ' = n Uₙ₋₁, where U has the same recurrence.
    let x = 2.0 * tau;
    var first = vec2f(1.0, x);
    var second = vec2f(0.0, 1.0);
    for (var n = 0u; n < POLY; n++) {
        phi[n] = first.y;
        slope[n] = 2.0 * f32(n + 1u) * second.y;
        first = vec2f(first.y, 2.0 * x * first.y - first.x);
        second = vec2f(second.y, 2.0 * x * second.y - second.x);
    }
    if (FOURIER > 0u) {
        let span = select(1.0, 0.8, POLY == 0u);
        let turn = span * tau - round(span * tau);
        let sine = quarter_sine(select(turn, sign(turn) * 0.5 - turn, abs(turn) > 0.25));
        let cosine = quarter_sine(0.25 - abs(turn));
        // sin (l + 1) θ = 2 cos θ sin l θ − sin (l − 1) θ, and so the cosine.
        var before = vec2f(0.0, 1.0);
        var now = vec2f(sine, cosine);
        for (var l = 1u; l <= FOURIER; l++) {
            let rate = 6.28318531 * span * f32(l);
            phi[POLY + l - 1u] = now.x;
            phi[POLY + FOURIER + l - 1u] = now.y;
            slope[POLY + l - 1u] = rate * now.y;
            slope[POLY + FOURIER + l - 1u] = -rate * now.x;
            let next = 2.0 * cosine * now - before;
            before = now;
            now = next;
        }
    }
}
