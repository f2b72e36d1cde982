// import: common/time_basis
// Second derivatives of the functions of time, from their values and slopes: evaluate these first, at the same τ.
//
// From Tₙ₊₁ = 2x Tₙ − Tₙ₋₁ it follows that Tₙ₊₁'' = 4 Tₙ' + 2x Tₙ'' − Tₙ₋₁''. Keyframes have none: motion between them is
// straight.
var<private> bend: array<f32, TERMS>;

fn evaluate_time_bend(tau: f32) {
    if (KEYS > 0u) {
        for (var k = 0u; k < KEYS; k++) {
            bend[k] = 0.0;
        }
        return;
    }
    var before = 0.0;
    var now = 0.0;
    for (var n = 0u; n < POLY; n++) {
        bend[n] = now;
        let next = 8.0 * slope[n] + 4.0 * tau * now - before;
        before = now;
        now = next;
    }
    let span = select(1.0, 0.8, POLY == 0u);
    for (var l = 1u; l <= FOURIER; l++) {
        let rate = 6.28318531 * span * f32(l);
        bend[POLY + l - 1u] = -rate * rate * phi[POLY + l - 1u];
        bend[POLY + FOURIER + l - 1u] = -rate * rate * phi[POLY + FOURIER + l - 1u];
    }
}
