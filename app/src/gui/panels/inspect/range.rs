//! Two bounds on an axis, moved with the pointer or the keyboard. Pure.

/// A piece of a number line, drawn from left to right.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Axis {
    min: f64,
    max: f64,
    log: bool,
}

impl Axis {
    /// From `min` to `max`; logarithmic if asked for and possible. Bounds that make no axis are replaced.
    pub(super) fn new(min: f64, max: f64, log: bool) -> Self {
        let min = if min.is_finite() { min } else { 0.0 };
        // One value in all splats still needs an axis with two ends.
        let max = if max.is_finite() && max > min { max } else { min + min.abs().max(1.0) * 1e-3 };
        Self { min, max, log: log && min > 0.0 }
    }

    /// The left end.
    pub(super) fn min(&self) -> f64 {
        self.min
    }

    /// The right end.
    pub(super) fn max(&self) -> f64 {
        self.max
    }

    /// Where a value stands: 0 at the left end, 1 at the right.
    pub(super) fn place(&self, value: f64) -> f64 {
        let value = value.clamp(self.min, self.max);
        if self.log {
            (value / self.min).ln() / (self.max / self.min).ln()
        } else {
            (value - self.min) / (self.max - self.min)
        }
    }

    /// The value at a place.
    pub(super) fn value(&self, place: f64) -> f64 {
        let place = place.clamp(0.0, 1.0);
        let value = if self.log {
            self.min * (self.max / self.min).powf(place)
        } else {
            self.min + place * (self.max - self.min)
        };
        value.clamp(self.min, self.max)
    }
}

/// Which bound is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Handle {
    /// The lower one.
    Low,
    /// The upper one.
    High,
}

impl Handle {
    /// The bound nearer to a place. Of two in the same place, the one that can go on in that direction.
    pub(super) fn nearest(axis: &Axis, range: (f64, f64), place: f64) -> Self {
        let (low, high) = (axis.place(range.0), axis.place(range.1));
        let (to_low, to_high) = ((place - low).abs(), (place - high).abs());
        if to_low < to_high || (to_low == to_high && place < low) { Handle::Low } else { Handle::High }
    }

    /// The range with this bound moved to a place; bounds meet but never cross.
    pub(super) fn moved(self, axis: &Axis, range: (f64, f64), place: f64) -> (f64, f64) {
        let value = axis.value(place);
        match self {
            Handle::Low => (value.min(range.1), range.1),
            Handle::High => (range.0, value.max(range.0)),
        }
    }
}

/// A range fitted to an axis: inside it, in order.
pub(super) fn fitted(axis: &Axis, (low, high): (f64, f64)) -> (f64, f64) {
    let clamp = |value: f64, otherwise: f64| {
        if value.is_nan() { otherwise } else { value.clamp(axis.min, axis.max) }
    };
    let low = clamp(low, axis.min);
    (low, clamp(high, axis.max).max(low))
}

#[cfg(test)]
mod tests {
    use super::{Axis, Handle, fitted};

    #[test]
    fn places_and_values_are_inverse() {
        for axis in [Axis::new(-2.0, 6.0, false), Axis::new(1e-4, 10.0, true)] {
            for i in 0..=10 {
                let place = f64::from(i) / 10.0;
                assert!((axis.place(axis.value(place)) - place).abs() < 1e-12, "{axis:?} {place}");
            }
            assert_eq!(axis.value(-1.0), axis.min());
            assert_eq!(axis.value(2.0), axis.max());
        }
        assert!((Axis::new(0.01, 100.0, true).value(0.5) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn any_bounds_make_an_axis() {
        for (min, max) in [(3.0, 3.0), (0.0, 0.0), (5.0, 1.0), (f64::NAN, 1.0), (0.0, f64::INFINITY), (-1.0, -1.0)] {
            for log in [false, true] {
                let axis = Axis::new(min, max, log);
                assert!(axis.min() < axis.max(), "{axis:?}");
                assert!(axis.place(0.5).is_finite() && axis.value(0.5).is_finite(), "{axis:?}");
            }
        }
        assert_eq!(Axis::new(0.0, 1.0, true).value(0.5), 0.5, "no logarithm of zero");
    }

    #[test]
    fn the_nearer_bound_is_taken_and_none_gets_stuck() {
        let axis = Axis::new(0.0, 10.0, false);
        assert_eq!(Handle::nearest(&axis, (2.0, 8.0), 0.3), Handle::Low);
        assert_eq!(Handle::nearest(&axis, (2.0, 8.0), 0.9), Handle::High);
        assert_eq!(Handle::nearest(&axis, (10.0, 10.0), 0.4), Handle::Low);
        assert_eq!(Handle::nearest(&axis, (0.0, 0.0), 0.4), Handle::High);
        assert_eq!(Handle::nearest(&axis, (5.0, 5.0), 0.5), Handle::High);
    }

    #[test]
    fn bounds_meet_but_never_cross() {
        let axis = Axis::new(0.0, 10.0, false);
        assert_eq!(Handle::Low.moved(&axis, (2.0, 8.0), 0.5), (5.0, 8.0));
        assert_eq!(Handle::Low.moved(&axis, (2.0, 8.0), 0.95), (8.0, 8.0));
        assert_eq!(Handle::High.moved(&axis, (2.0, 8.0), 0.0), (2.0, 2.0));
        assert_eq!(Handle::High.moved(&axis, (2.0, 8.0), 7.0), (2.0, 10.0));
    }

    #[test]
    fn a_range_is_fitted_to_another_axis() {
        let axis = Axis::new(0.0, 10.0, false);
        assert_eq!(fitted(&axis, (-5.0, 50.0)), (0.0, 10.0));
        assert_eq!(fitted(&axis, (20.0, 3.0)), (10.0, 10.0));
        assert_eq!(fitted(&axis, (f64::NAN, 3.0)), (0.0, 3.0));
    }
}
