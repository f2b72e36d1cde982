//! The table resolves, refuses and prints as promised.

use std::collections::HashSet;

use super::{Background, DensityMethod, Kind, Settings, field::nearest};
use toml::Table;

fn set(pairs: &[(&str, &str)]) -> crate::error::Result<Settings> {
    let pairs: Vec<_> = pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
    Settings::resolve("default", None, &pairs)
}

fn refusal(pairs: &[(&str, &str)]) -> String {
    let error = set(pairs).unwrap_err();
    assert_eq!(error.exit_code(), 2, "{error}");
    error.to_string()
}

#[test]
fn defaults_lie_in_their_own_ranges() {
    for (field, value) in Settings::default().values() {
        assert_eq!(value, (field.default)(), "{}", field.key());
        assert!(field.accept(&value.to_toml()).is_ok(), "{} = {value} is out of {}", field.key(), field.allowed());
    }
}

#[test]
fn every_field_has_a_unique_key_a_doc_and_a_range() {
    let mut seen = HashSet::new();
    for field in Settings::fields() {
        assert!(seen.insert(field.key()), "{} twice", field.key());
        assert!(field.doc.trim().len() > 8 && field.doc.trim().ends_with('.'), "{}: {:?}", field.key(), field.doc);
        let bounded = match field.kind {
            Kind::Bool => true,
            Kind::Choice => !field.choices.is_empty(),
            Kind::Integer | Kind::Number => field.range.is_some(),
        };
        assert!(bounded, "{} has no range", field.key());
    }
    assert!(seen.len() > 40);
}

#[test]
fn live_and_inert_keys_exist() {
    for key in super::resolve::LIVE.iter().chain(super::resolve::INERT) {
        assert!(Settings::fields().any(|field| field.key() == *key), "{key}");
    }
}

#[test]
fn every_preset_resolves_and_says_what_it_is_for() {
    for preset in Settings::PRESETS {
        let resolved = Settings::resolve(preset.name, None, &[]);
        assert!(resolved.is_ok(), "{}: {resolved:?}", preset.name);
        assert!(preset.about().len() > 10, "{}", preset.name);
    }
    assert_eq!(Settings::resolve("default", None, &[]).unwrap(), Settings::default());
    assert_eq!(Settings::resolve("vanilla", None, &[]).unwrap().density.method, DensityMethod::Adc);
}

#[test]
fn later_layers_win_and_leave_the_rest() {
    let file: Table = "[train]\nsteps = 5\nseed = 1\n[init]\nscale = 2".parse().unwrap();
    let sets = [("train.steps".to_owned(), "6".to_owned())];
    let settings = Settings::resolve("fast", Some(&file), &sets).unwrap();
    assert_eq!((settings.train.steps, settings.train.seed), (6, 1));
    assert_eq!(settings.init.scale, 2.0, "an integer is welcome where a number is expected");
    assert_eq!(settings.output, Settings::default().output);
}

#[test]
fn toml_text_reads_back_as_the_same_settings() {
    let settings = set(&[("optim.means_rate", "1.7e-5"), ("loss.ssim_weight", "0.3"), ("raster.antialias", "true")]);
    let settings = settings.unwrap();
    let text = settings.to_toml();
    assert!(text.contains("means_rate = 1.7e-5\n") && text.contains("ssim_weight = 0.3\n"), "{text}");
    let table: Table = text.parse().unwrap();
    assert_eq!(Settings::resolve("mcmc", Some(&table), &[]).unwrap(), settings);
    assert_eq!(settings.to_table(), table);
}

#[test]
fn changes_alone_repeat_the_settings() {
    let settings = Settings::resolve("compact", None, &[("loss.ssim_weight".into(), "0.3".into())]).unwrap();
    let text = settings.changes_to_toml();
    assert!(text.contains("ssim_weight = 0.3\n") && text.len() < settings.to_toml().len() / 5, "{text}");
    assert_eq!(Settings::resolve("default", Some(&text.parse().unwrap()), &[]).unwrap(), settings);
    assert_eq!(Settings::default().changes_to_toml(), "");
}

#[test]
fn words_need_no_quotes_on_the_command_line() {
    assert_eq!(set(&[("model.background", "white")]).unwrap().model.background, Background::White);
    assert_eq!(set(&[("model.background", "\"white\"")]).unwrap().model.background, Background::White);
}

#[test]
fn unknown_keys_are_refused_with_the_nearest_one() {
    assert!(refusal(&[("train.step", "5")]).contains("did you mean \"train.steps\"?"));
    assert!(refusal(&[("steps", "5")]).contains("did you mean \"train.steps\"?"));
    assert!(refusal(&[("density.max_splat", "5")]).contains("\"density.max_splats\""));
    assert!(!refusal(&[("zzz.qqqqqqqqqqqq", "5")]).contains("did you mean"));
    let file: Table = "[trian]\nsteps = 5".parse().unwrap();
    let text = Settings::resolve("default", Some(&file), &[]).unwrap_err().to_string();
    assert!(text.contains("[trian]") && text.contains("\"train\""), "{text}");
    let bare: Table = "steps = 5".parse().unwrap();
    let text = Settings::resolve("default", Some(&bare), &[]).unwrap_err().to_string();
    assert!(text.contains("train.steps"), "{text}");
    let text = Settings::resolve("qualty", None, &[]).unwrap_err().to_string();
    assert!(text.contains("did you mean \"quality\""), "{text}");
}

#[test]
fn values_out_of_range_name_key_found_and_allowed() {
    let text = refusal(&[("train.steps", "0")]);
    assert!(text.contains("train.steps = 0") && text.contains("[1, 1000000]"), "{text}");
    for (key, value) in [
        ("init.opacity", "0"),
        ("init.opacity", "1.0"),
        ("init.opacity", "nan"),
        ("init.scale", "inf"),
        ("schedule.coarse_start", "0"),
        ("train.steps", "-1"),
        ("train.steps", "1.5"),
        ("train.steps", "many"),
        ("raster.antialias", "1"),
        ("model.background", "grey"),
        ("train.seed", "9007199254740992"),
    ] {
        assert!(refusal(&[(key, value)]).contains(key), "{key}={value}");
    }
    assert!(set(&[("schedule.coarse_start", "1")]).is_ok());
}

#[test]
fn contradicting_fractions_are_refused() {
    assert!(refusal(&[("density.start", "0.9")]).contains("density.stop"));
}

#[test]
fn a_session_may_change_only_what_the_trainer_does_not_read() {
    let settings = Settings::default();
    let patch: Table = "[train]\neval_every = 7".parse().unwrap();
    assert_eq!(settings.patch(&patch).unwrap().train.eval_every, 7);
    let patch: Table = "[train]\nsteps = 7".parse().unwrap();
    assert!(settings.patch(&patch).unwrap_err().to_string().contains("train.steps cannot change"));
}

#[test]
fn differences_ignore_what_cannot_change_the_result() {
    let run = Settings::default();
    let mut asked = run.clone();
    asked.train.eval_every = 3;
    asked.data.loader_threads = 2;
    assert!(run.differences(&asked).is_empty());
    asked.train.steps = 9;
    assert_eq!(run.differences(&asked), ["train.steps: 4000, 9"]);
}

#[test]
fn suggestions_stop_at_a_third_of_the_word() {
    let words = || ["alpha", "beta"].into_iter().map(str::to_owned);
    assert_eq!(nearest("alhpa", words()).as_deref(), Some("alpha"));
    assert_eq!(nearest("gamma", words()), None);
}
