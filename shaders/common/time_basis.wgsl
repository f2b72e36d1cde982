// Functions of time that motion is composed of, and their derivatives: TERMS of them.
//
// KEYS = 0: φ = τ … τ^POLY, sin 2πlτ, cos 2πlτ for l = 1 … FOURIER       [Lin 2024, Gaussian-Flow, eq. 4, without n = 0]
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
        let inside = place > 0.0 && place < last;
        let held = clamp(place, 0.0, last);
        for (var k = 0u; k < KEYS; k++) {
            let distance = held - f32(k);
            phi[k] = max(0.0, 1.0 - abs(distance));
            slope[k] = select(0.0, -last * sign(distance), inside && abs(distance) < 1.0);
        }
        return;
    }
    var power = 1.0;
    for (var n = 0u; n < POLY; n++) {
        slope[n] = f32(n + 1u) * power;
        power *= tau;
        phi[n] = power;
    }
    if (FOURIER > 0u) {
        let x = tau - round(tau);
        let sine = quarter_sine(select(x, sign(x) * 0.5 - x, abs(x) > 0.25));
        let cosine = quarter_sine(0.25 - abs(x));
        // sin (l + 1) θ = 2 cos θ sin l θ − sin (l − 1) θ, and so the cosine.
        var before = vec2f(0.0, 1.0);
        var now = vec2f(sine, cosine);
        for (var l = 1u; l <= FOURIER; l++) {
            let rate = 6.28318531 * f32(l);
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
