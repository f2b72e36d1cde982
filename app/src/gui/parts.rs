//! Small pieces that several panels share: numbers for people, fields that stay finite, buttons that say why not.

use std::ops::RangeInclusive;

use egui::{Button, DragValue, Response, Ui};

/// What stands where a number is not known.
pub(crate) const UNKNOWN: &str = "–";

/// A number with four significant digits, short enough for a label.
pub(crate) fn number(value: f64) -> String {
    if !value.is_finite() {
        return UNKNOWN.into();
    }
    let size = value.abs();
    if size > 0.0 && !(1e-3..1e6).contains(&size) {
        return format!("{value:.2e}");
    }
    let magnitude = if size > 0.0 { size.log10().floor() as i32 } else { 0 };
    let text = format!("{value:.*}", (3 - magnitude).max(0) as usize);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A button; when it cannot be pressed, hovering says why.
pub(crate) fn button(ui: &mut Ui, blocked: Option<&str>, text: &str, about: &str) -> bool {
    let response = ui.add_enabled(blocked.is_none(), Button::new(text));
    match blocked {
        Some(reason) => {
            response.on_disabled_hover_text(reason);
            false
        }
        None => response.on_hover_text(about).clicked(),
    }
}

/// A number to drag or type, called `name` by screen readers. Whatever is typed, it stays finite and in range.
pub(crate) fn drag(
    ui: &mut Ui,
    name: &str,
    value: &mut f64,
    range: RangeInclusive<f64>,
    build: impl FnOnce(DragValue<'_>) -> DragValue<'_>,
) -> Response {
    ui.add(build(DragValue::new(value).range(range))).accessible_name(name)
}

/// Every number a coordinate may be; beyond, single precision on the device has nothing left to tell.
pub(crate) const COORDINATES: RangeInclusive<f64> = -1e9..=1e9;

/// A label and three numbers, X Y Z. True when one of them changed.
pub(crate) fn xyz(
    ui: &mut Ui,
    name: &str,
    values: &mut [f64; 3],
    range: RangeInclusive<f64>,
    speed: f64,
    suffix: &str,
) -> bool {
    let mut changed = false;
    ui.horizontal(|ui| {
        ui.label(name);
        for (axis, value) in ["X", "Y", "Z"].into_iter().zip(values) {
            let before = *value;
            drag(ui, &format!("{name} {axis}"), value, range.clone(), |field| {
                field.prefix(format!("{axis} ")).suffix(suffix.to_owned()).speed(speed.max(1e-6)).max_decimals(4)
            });
            changed |= *value != before;
        }
    });
    changed
}

#[cfg(test)]
mod tests {
    use super::{UNKNOWN, drag, number};
    use egui_kittest::Harness;
    use egui_kittest::kittest::Queryable;

    #[test]
    fn numbers_are_short_and_never_lose_their_size() {
        let short = [0.0, 1.0, -1.5, 12.3456, 999.96, 1234.5, 0.001_234, 2.5e-4, -3.0e7].map(number).join(" ");
        assert_eq!(short, "0 1 -1.5 12.35 1000 1234 0.001234 2.50e-4 -3.00e7");
        assert_eq!([f64::NAN, f64::INFINITY].map(number), [UNKNOWN, UNKNOWN]);
    }

    #[test]
    fn a_field_stays_finite_and_in_range() {
        let mut harness = Harness::new_ui_state(
            |ui, value: &mut f64| {
                drag(ui, "Weight", value, 0.0..=10.0, |field| field);
            },
            1.0,
        );
        for (typed, kept) in
            [(3.0, 3.0), (f64::INFINITY, 10.0), (f64::NEG_INFINITY, 0.0), (f64::NAN, 10.0), (-4.0, 0.0)]
        {
            harness.get_by_label("Weight").set_value_accesskit(typed);
            harness.run();
            assert_eq!(*harness.state(), kept, "after {typed}");
        }
    }
}
