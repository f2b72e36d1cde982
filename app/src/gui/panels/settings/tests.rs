//! The settings as a person meets them.

use egui::accesskit::Role;
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use splat_core::settings::{Kind, Settings, Table, Value};

use super::{SetupState, count, interval, names, show};

/// The panel with what it works on.
#[derive(Default)]
struct Bench {
    setup: SetupState,
    live: bool,
    patches: Vec<Table>,
}

fn harness(bench: Bench) -> Harness<'static, Bench> {
    let panel = |ui: &mut egui::Ui, bench: &mut Bench| {
        bench.patches.extend(show(ui, &mut bench.setup, bench.live));
    };
    Harness::builder().with_size([380.0, 900.0]).build_ui_state(panel, bench)
}

fn searching(text: &str) -> SetupState {
    SetupState { search: text.into(), ..SetupState::default() }
}

fn value(setup: &SetupState, key: &str) -> Value {
    setup.at(setup.find(key).unwrap()).1
}

#[test]
fn a_search_lists_what_matches_and_nothing_else() {
    let mut harness = harness(Bench::default());
    assert!(harness.query_by_label("init.opacity").is_none(), "sections are closed at first");
    harness.get_by_role_and_label(Role::TextInput, "Search settings").focus();
    harness.run();
    harness.get_by_role_and_label(Role::TextInput, "Search settings").type_text("OPACITY");
    harness.run();
    assert_eq!(harness.state().setup.search, "OPACITY");
    for key in ["loss.opacity_reg", "optim.opacity_rate", "density.min_opacity"] {
        harness.get_by_role_and_label(Role::SpinButton, key);
    }
    assert!(harness.query_all_by_label("init.opacity").count() > 0);
    assert!(harness.query_by_label("train.steps").is_none());
    harness.get_by_label("Clear").click();
    harness.run();
    assert!(harness.query_by_label("loss.opacity_reg").is_none(), "closed again after the search");
    harness.state_mut().setup.search = "no such thing".into();
    harness.run();
    harness.get_by_label("No setting matches.");
}

#[test]
fn a_change_is_marked_and_a_reset_restores_it() {
    let mut harness = harness(Bench { setup: searching("train.steps"), ..Bench::default() });
    assert!(harness.query_by_label("Reset train.steps").is_none());
    assert!(harness.get_by_label("Reset all").accesskit_node().is_disabled());
    harness.get_by_role_and_label(Role::SpinButton, "train.steps").set_value_accesskit(123.0);
    harness.run();
    harness.get_by_label("Train (1 changed)");
    assert_eq!(harness.state().setup.sets(), [("train.steps".to_owned(), "123".to_owned())]);
    assert_eq!(harness.state().setup.resolve().unwrap().train.steps, 123);
    assert!(harness.state().patches.is_empty(), "nothing to tell without a run");
    harness.get_by_label("Reset train.steps").click();
    harness.run();
    assert!(harness.state().setup.sets().is_empty());
    harness.get_by_label("Train");
    assert_eq!(harness.state().setup.settings(), &Settings::default());
}

#[test]
fn reset_all_restores_the_preset() {
    let mut setup = SetupState::default();
    setup.set_preset(Settings::PRESETS.iter().find(|preset| preset.name == "fast").unwrap());
    let place = setup.find("model.sh_degree").unwrap();
    setup.set(place, Value::Integer(1));
    let mut harness = harness(Bench { setup, ..Bench::default() });
    harness.get_by_label("Changed only (1)").click();
    harness.run();
    harness.get_by_label("Reset model.sh_degree");
    harness.get_by_label("Reset all").click();
    harness.run();
    let setup = &harness.state().setup;
    assert_eq!(setup.resolve().unwrap(), Settings::resolve("fast", None, &[]).unwrap());
}

#[test]
fn every_setting_has_a_control_that_leaves_its_value_alone() {
    let panel = |ui: &mut egui::Ui, bench: &mut Bench| {
        bench.patches.extend(show(ui, &mut bench.setup, bench.live));
    };
    // Every key has a dot.
    let bench = Bench { setup: searching("."), ..Bench::default() };
    let mut harness = Harness::builder().with_size([380.0, 4000.0]).build_ui_state(panel, bench);
    harness.run();
    for field in Settings::fields() {
        assert!(harness.query_all_by_label(&field.key()).count() > 0, "{} has no control", field.key());
    }
    assert!(harness.state().setup.sets().is_empty());
}

#[test]
fn a_live_run_enables_only_live_settings_and_tells_their_changes() {
    let mut harness = harness(Bench { setup: searching("train."), live: true, ..Bench::default() });
    assert!(harness.get_by_role_and_label(Role::SpinButton, "train.steps").accesskit_node().is_disabled());
    assert!(harness.get_by_role_and_label(Role::ComboBox, "train.recipe").accesskit_node().is_disabled());
    let every = harness.get_by_role_and_label(Role::SpinButton, "train.eval_every");
    assert!(!every.accesskit_node().is_disabled());
    every.set_value_accesskit(250.0);
    harness.run();
    let expected: Table = Settings::default().to_table();
    let patch = harness.state().patches.first().expect("a patch").clone();
    assert_eq!(patch.len(), 1);
    assert_eq!(Settings::default().patch(&patch).unwrap().train.eval_every, 250);
    assert_ne!(patch.get("train"), expected.get("train"));
    assert_eq!(harness.state().patches.len(), 1, "told once");
    harness.get_by_label("Reset train.eval_every").click();
    harness.run();
    let patch = harness.state().patches.last().unwrap();
    let changed = Settings::resolve("default", None, &[("train.eval_every".into(), "250".into())]).unwrap();
    assert_eq!(changed.patch(patch).unwrap(), Settings::default());
}

#[test]
fn a_drag_tells_a_live_run_only_where_it_ends() {
    let mut harness = harness(Bench { setup: searching("train.eval_every"), live: true, ..Bench::default() });
    let from = harness.get_by_role_and_label(Role::SpinButton, "train.eval_every").rect().center();
    harness.drag_at(from);
    harness.step();
    for distance in [10.0, 20.0, 30.0] {
        harness.hover_at(from + egui::vec2(distance, 0.0));
        harness.step();
    }
    assert_ne!(value(&harness.state().setup, "train.eval_every"), Value::Integer(1000));
    assert!(harness.state().patches.is_empty());
    harness.drop_at(from + egui::vec2(30.0, 0.0));
    harness.run();
    assert_eq!(harness.state().patches.len(), 1);
    let patched = Settings::default().patch(&harness.state().patches[0]).unwrap();
    assert_eq!(patched, harness.state().setup.resolve().unwrap());
}

#[test]
fn contradicting_choices_are_told_where_they_are_made() {
    let mut setup = searching("density.st");
    let place = setup.find("density.start").unwrap();
    setup.set(place, Value::Number(0.9));
    assert!(setup.resolve().is_err());
    assert_eq!(setup.settings(), &Settings::default(), "the newest settings that were fine");
    let problem = setup.problem().unwrap().to_owned();
    assert!(names(&problem, "density.start") && names(&problem, "density.stop"), "{problem}");
    let harness = harness(Bench { setup, ..Bench::default() });
    harness.get_by_label(&problem);
}

#[test]
fn another_preset_keeps_what_was_changed_by_hand() {
    let mut setup = SetupState::default();
    let place = setup.find("init.scale").unwrap();
    setup.set(place, Value::Number(2.0));
    let quality = Settings::PRESETS.iter().find(|preset| preset.name == "quality").unwrap();
    setup.set_preset(quality);
    assert_eq!(value(&setup, "init.scale"), Value::Number(2.0));
    assert_eq!(value(&setup, "train.steps"), Value::Integer(30_000));
    assert_eq!(setup.sets().len(), 1);
}

#[test]
fn settings_of_a_run_are_adopted_under_the_nearest_preset() {
    let sets = [("train.seed".to_owned(), "7".to_owned())];
    let run = Settings::resolve("mcmc", None, &sets).unwrap();
    let mut setup = SetupState::default();
    setup.adopt(&run);
    assert_eq!((setup.preset().name, setup.sets().len()), ("mcmc", 1));
    assert_eq!(setup.resolve().unwrap(), run);
}

#[test]
fn intervals_lie_in_their_ranges_as_they_are_stored() {
    for field in Settings::fields() {
        let Some(range) = field.range else { continue };
        let interval = interval(field);
        for end in [*interval.start(), *interval.end()] {
            let stored = if field.kind == Kind::Number { f64::from(end as f32) } else { end };
            assert!(range.contains(stored), "{}: {end}", field.key());
        }
    }
}

#[test]
fn counts_are_read_as_people_type_them() {
    assert_eq!(["30000", "30,000", "30 000", "30k", "0.03M"].map(count), [Some(30_000.0); 5]);
    assert_eq!([count(""), count("many"), count("k")], [None; 3]);
}

#[test]
fn a_message_names_whole_keys_only() {
    assert!(names("train.steps = 0 is not allowed", "train.steps"));
    assert!(names("give train.steps.", "train.steps"));
    assert!(!names("train.steps_total = 0", "train.steps"));
}
