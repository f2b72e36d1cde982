//! Sessions obey, survive and resume, with a trainer that needs no adapter.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use glam::DVec3;

use super::{Brief, Command, Each, Event, Loaded, Session, Summary, Train};
use crate::error::{Error, Result};
use crate::preview::Preview;
use crate::render::{Evaluation, Image, ViewScore};
use crate::run::{Header, RunFolder, SCHEMA};
use crate::scene::{Photo, View};
use crate::settings::Settings;
use crate::train::StepReport;

/// Counts steps, mixes them into a state, and fails on demand.
#[derive(Default)]
struct Fake {
    step: u64,
    state: u64,
    panic_at: u64,
    lost_at: u64,
    save_fails: std::ops::Range<u64>,
    pace: Duration,
    profiling: bool,
    /// Photos to evaluate, each at the pace of a step.
    photos: usize,
}

fn io(source: std::io::Error) -> Error {
    Error::Io { path: "fake".into(), action: "write", source }
}

impl Train for Fake {
    fn step(&mut self) -> Result<StepReport> {
        self.step += 1;
        assert_ne!(self.step, self.panic_at, "a bug");
        if self.step == self.lost_at {
            return Err(Error::DeviceLost { problem: "unplugged".into() });
        }
        std::thread::sleep(self.pace);
        self.state = self.state.wrapping_mul(31).wrapping_add(self.step);
        Ok(StepReport { step: self.step, splats: 7, refined: self.step.is_multiple_of(4), resolution: (8, 6) })
    }
    fn step_index(&self) -> u64 {
        self.step
    }
    fn loss(&self) -> Option<f32> {
        Some(0.5)
    }
    fn splats(&self) -> usize {
        7
    }
    fn evaluate(&mut self, each: Each<'_>) -> Result<Evaluation> {
        let view = View::look_at(DVec3::X, DVec3::ZERO, DVec3::Z, 50.0, 1, 1)?;
        for _ in 0..self.photos {
            std::thread::sleep(self.pace);
            let photo = Photo { width: 1, height: 1, rgba: vec![9; 4], has_alpha: false, mask: None };
            each(&view, &photo, &Image { width: 1, height: 1, rgba: vec![9; 4] })?;
        }
        let views = vec![ViewScore { name: "a".into(), psnr: 20.0, ssim: 0.5 }];
        Ok(Evaluation { psnr: 20.0, ssim: 0.5, views, splats: 7 })
    }
    fn save(&mut self, to: &mut dyn Write) -> Result<()> {
        if self.save_fails.contains(&self.step) {
            return Err(io(std::io::ErrorKind::StorageFull.into()));
        }
        to.write_all(&self.step.to_le_bytes()).and_then(|()| to.write_all(&self.state.to_le_bytes())).map_err(io)
    }
    fn restore(&mut self, from: &mut dyn Read) -> Result<()> {
        let mut word = [0; 8];
        from.read_exact(&mut word).map_err(io)?;
        self.step = u64::from_le_bytes(word);
        from.read_exact(&mut word).map_err(io)?;
        self.state = u64::from_le_bytes(word);
        Ok(())
    }
    fn finish(&mut self) -> Result<()> {
        self.state ^= 1;
        Ok(())
    }
    fn write_ply(&mut self, path: &Path, comments: &[String]) -> Result<()> {
        std::fs::write(path, format!("{} {comments:?}", self.state)).map_err(io)
    }
    fn write_archive(&mut self, path: &Path) -> Result<Option<String>> {
        std::fs::write(path, self.state.to_string()).map_err(io)?;
        Ok(None)
    }
    fn params_sha256(&mut self) -> Result<String> {
        Ok(self.state.to_string())
    }
    fn peak_bytes(&self) -> u64 {
        1
    }
    fn used_bytes(&self) -> u64 {
        1
    }
    fn preview(&self) -> Option<Preview> {
        None
    }
    fn set_profiling(&mut self, on: bool) {
        self.profiling = on;
    }
    fn take_profile(&mut self) -> BTreeMap<&'static str, f64> {
        if self.profiling { BTreeMap::from([("stage", 20.0)]) } else { BTreeMap::new() }
    }
}

fn settings(steps: u64) -> Settings {
    let mut settings = Settings::default();
    settings.train.steps = steps;
    settings.train.eval_every = 20;
    settings.train.checkpoint_every = 10;
    settings
}

fn brief(folder: RunFolder, resume: bool, settings: Settings) -> Brief {
    let header = Header {
        schema: SCHEMA,
        splat: "0".into(),
        command: String::new(),
        scene: "/scene".into(),
        images: None,
        dataset_fingerprint: "d".into(),
        has_alpha: false,
        extent: 1.0,
        gpu: serde_json::Value::Null,
        gpu_fingerprint: "g".into(),
        seed: 42,
        started: String::new(),
    };
    let loaded = Loaded { steps: settings.train.steps, ..Loaded::default() };
    Brief { settings, folder, resume, header, loaded, warnings: vec![], preview: None }
}

fn start(root: &Path, fake: Fake) -> Session {
    Session::start(brief(RunFolder::create(root, false).unwrap(), false, settings(50)), |_| Ok(fake)).unwrap()
}

fn resume(root: &Path, fake: Fake) -> Session {
    Session::start(brief(RunFolder::open(root).unwrap(), true, settings(50)), |_| Ok(fake)).unwrap()
}

fn run(session: Session) -> (Vec<Event>, Result<Summary>) {
    let events = session.events().iter().collect();
    (events, session.join())
}

fn warnings(events: &[Event]) -> Vec<String> {
    let message = |event: &Event| match event {
        Event::Warning { message } => Some(message.clone()),
        _ => None,
    };
    events.iter().filter_map(message).collect()
}

/// Waits for a progress event of at least this step.
fn wait_for(session: &Session, step: u64) {
    let reached = |event: Event| matches!(event, Event::Progress(stats) if stats.step >= step);
    assert!(session.events().iter().any(reached), "ended before step {step}");
}

fn slow() -> Fake {
    Fake { pace: Duration::from_millis(4), ..Fake::default() }
}

/// The steps logged in metrics.jsonl, evaluations left out.
fn logged(root: &Path) -> Vec<u64> {
    let text = std::fs::read_to_string(root.join("metrics.jsonl")).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    lines.filter(|line| line["event"] == "progress").map(|line| line["step"].as_u64().unwrap()).collect()
}

#[test]
fn a_run_tells_its_story_in_order_and_leaves_its_files() {
    let temp = tempfile::tempdir().unwrap();
    let (events, summary) = run(start(temp.path(), Fake::default()));
    let summary = summary.unwrap();
    assert!(matches!(events.first(), Some(Event::Loaded(_))));
    assert!(matches!(events.last(), Some(Event::Finished(_))));
    assert_eq!(events.iter().filter(|event| matches!(event, Event::Evaluated(_))).count(), 3);
    assert_eq!(events.iter().filter(|event| matches!(event, Event::Refined { .. })).count(), 12);
    assert_eq!((summary.steps, summary.interrupted, summary.psnr), (50, false, Some(20.0)));
    for name in
        ["settings.toml", "run.json", "metrics.jsonl", "splats.ply", "summary.json", "checkpoints/step_0000050.ckpt"]
    {
        assert!(temp.path().join(name).is_file(), "{name}");
    }
    assert_eq!(logged(temp.path()), [10, 20, 30, 40, 50]);
    let last = serde_json::to_value(events.last().unwrap()).unwrap();
    for key in ["event", "psnr", "ssim", "splats", "steps", "seconds", "steps_per_second", "ply"] {
        assert!(!last[key].is_null(), "{key}: {last}");
    }
    assert_eq!(last["event"], "finished");
}

#[test]
fn stopped_and_resumed_ends_in_the_same_bytes() {
    let (whole, parts) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let expected = run(start(whole.path(), Fake::default())).1.unwrap();
    let session = start(parts.path(), slow());
    wait_for(&session, 5);
    session.send(Command::Stop);
    let stopped = run(session).1.unwrap();
    assert!(stopped.interrupted && stopped.steps < 50 && stopped.psnr.is_none());
    assert!(parts.path().join("splats.ply").is_file());
    let resumed = run(resume(parts.path(), Fake::default())).1.unwrap();
    assert_eq!(resumed.params_sha256, expected.params_sha256);
    let ply = |root: &Path| std::fs::read(root.join("splats.ply")).unwrap();
    assert_eq!(ply(whole.path()), ply(parts.path()));
    assert_eq!(logged(parts.path()), logged(whole.path()));
    let again = run(resume(parts.path(), Fake::default())).1.unwrap();
    assert_eq!(again.params_sha256, expected.params_sha256, "resuming a finished run changes nothing");
}

#[test]
fn abandoning_writes_nothing() {
    let temp = tempfile::tempdir().unwrap();
    let session = start(temp.path(), Fake { pace: Duration::from_millis(100), ..Fake::default() });
    wait_for(&session, 1);
    session.send(Command::Abandon);
    let (events, result) = run(session);
    assert!(matches!(events.last(), Some(Event::Finished(Summary { interrupted: true, .. }))), "{events:?}");
    assert!(result.unwrap().steps < 10, "it went on to the first checkpoint");
    let folder = RunFolder::open(temp.path()).unwrap();
    assert!(folder.checkpoints().unwrap().is_empty() && folder.summary().is_none() && !folder.ply().exists());
}

#[test]
fn a_lost_device_costs_only_the_steps_since_the_checkpoint() {
    let temp = tempfile::tempdir().unwrap();
    let (events, result) = run(start(temp.path(), Fake { lost_at: 38, ..Fake::default() }));
    assert!(matches!(result, Err(Error::DeviceLost { .. })));
    assert!(matches!(events.last(), Some(Event::Failed { exit_code: 1, lost_device: true, .. })));
    assert!(warnings(&events).last().unwrap().contains("--resume"));
    let (events, result) = run(resume(temp.path(), Fake::default()));
    assert!(matches!(&events[0], Event::Loaded(loaded) if loaded.step == 30));
    assert!(result.is_ok());
    assert_eq!(logged(temp.path()), [10, 20, 30, 40, 50], "no step is logged twice");
}

#[test]
fn a_panic_is_a_failure_and_not_a_hang() {
    let temp = tempfile::tempdir().unwrap();
    let (events, result) = run(start(temp.path(), Fake { panic_at: 3, ..Fake::default() }));
    let Some(Event::Failed { message, exit_code: 1, .. }) = events.last() else { panic!("{events:?}") };
    assert!(message.contains("a bug") && message.contains("report"), "{message}");
    assert_eq!(result.unwrap_err().exit_code(), 1);
}

#[test]
fn a_paused_session_does_the_steps_it_is_granted_and_then_waits() {
    let temp = tempfile::tempdir().unwrap();
    let session = start(temp.path(), slow());
    session.send(Command::Pause);
    session.send(Command::Step(3));
    // The first steps may have been done before the pause arrived.
    while session.events().recv_timeout(Duration::from_millis(300)).is_ok() {}
    session.send(Command::Save);
    let Ok(Event::Saved { step, .. }) = session.events().recv_timeout(Duration::from_secs(10)) else {
        panic!("no checkpoint while paused")
    };
    assert!((3..50).contains(&step), "{step}");
    session.send(Command::Step(2));
    let told = session.events().iter().find(|event| matches!(event, Event::Paused { .. }));
    assert!(matches!(told, Some(Event::Paused { step: at }) if at == step + 2), "{told:?}");
    assert!(session.events().recv_timeout(Duration::from_millis(100)).is_err(), "it went on");
    session.send(Command::Resume);
    assert_eq!(run(session).1.unwrap().steps, 50);
}

#[test]
fn stage_times_are_told_while_asked_for() {
    let temp = tempfile::tempdir().unwrap();
    let session = start(temp.path(), slow());
    session.send(Command::Profile(true));
    let stages = session.events().iter().find_map(|event| match event {
        Event::Profiled { stages, .. } => Some(stages),
        _ => None,
    });
    // The fake measures 20 ms since the last call, and calls are ten steps apart.
    assert_eq!(stages.unwrap(), [("stage".to_owned(), 2.0)]);
    session.send(Command::Profile(false));
    run(session).1.unwrap();
}

#[test]
fn a_stop_does_not_wait_for_a_long_evaluation() {
    let temp = tempfile::tempdir().unwrap();
    let session = start(temp.path(), Fake { photos: 2_000, pace: Duration::from_millis(2), ..Fake::default() });
    assert!(session.events().iter().any(|event| matches!(event, Event::Saved { step: 10, .. })));
    // Ten more steps, and it is in the evaluation at step 20, which would take seconds.
    std::thread::sleep(Duration::from_millis(200));
    session.send(Command::Stop);
    let (events, summary) = run(session);
    let summary = summary.unwrap();
    assert!(summary.interrupted && summary.steps <= 20, "{summary:?}");
    assert!(!events.iter().any(|event| matches!(event, Event::Evaluated(_))), "it waited");
}

#[test]
fn pictures_of_held_out_photos_are_written_at_the_end() {
    let temp = tempfile::tempdir().unwrap();
    run(start(temp.path(), Fake { photos: 2, ..Fake::default() })).1.unwrap();
    assert_eq!(std::fs::read_dir(temp.path().join("test")).unwrap().count(), 2);
}

#[test]
fn a_dropped_session_stops_with_a_checkpoint() {
    let temp = tempfile::tempdir().unwrap();
    let session = start(temp.path(), slow());
    wait_for(&session, 1);
    session.send(Command::Pause);
    drop(session);
    let folder = RunFolder::open(temp.path()).unwrap();
    assert!(!folder.checkpoints().unwrap().is_empty());
    assert!(folder.lock().is_ok(), "the thread is gone");
}

#[test]
fn a_full_disk_costs_a_checkpoint_and_not_the_run() {
    let temp = tempfile::tempdir().unwrap();
    let (events, result) = run(start(temp.path(), Fake { save_fails: 20..45, ..Fake::default() }));
    assert!(result.is_ok());
    let warnings = warnings(&events);
    assert_eq!(warnings.len(), 3, "{warnings:?}");
    assert!(warnings.iter().all(|warning| warning.contains("step 10 is kept")), "{warnings:?}");
}

#[test]
fn a_disk_full_to_the_end_fails_after_writing_the_scene() {
    let temp = tempfile::tempdir().unwrap();
    let (_, result) = run(start(temp.path(), Fake { save_fails: 20..51, ..Fake::default() }));
    assert_eq!(result.unwrap_err().exit_code(), 1);
    assert!(temp.path().join("splats.ply").is_file());
    assert!(RunFolder::open(temp.path()).unwrap().checkpoints().unwrap().iter().any(|(step, _)| *step == 10));
}

#[test]
fn a_damaged_newest_checkpoint_is_told_and_survived() {
    let temp = tempfile::tempdir().unwrap();
    let expected = run(start(temp.path(), Fake::default())).1.unwrap();
    std::fs::write(temp.path().join("checkpoints/step_0000050.ckpt"), "rubbish").unwrap();
    let (events, result) = run(resume(temp.path(), Fake::default()));
    assert!(matches!(&events[0], Event::Loaded(loaded) if loaded.step == 40));
    assert!(warnings(&events)[0].contains("step_0000050.ckpt"));
    assert_eq!(result.unwrap().params_sha256, expected.params_sha256);
}

#[test]
fn a_run_killed_before_its_first_checkpoint_starts_over() {
    let temp = tempfile::tempdir().unwrap();
    let (_, result) = run(start(temp.path(), Fake { lost_at: 5, ..Fake::default() }));
    assert!(result.is_err());
    let (events, result) = run(resume(temp.path(), Fake::default()));
    assert!(warnings(&events)[0].contains("no checkpoint yet"));
    assert_eq!(result.unwrap().steps, 50);
}

#[test]
fn what_would_change_the_bytes_is_not_resumed() {
    let temp = tempfile::tempdir().unwrap();
    run(start(temp.path(), Fake::default())).1.unwrap();
    let attempt = |change: &dyn Fn(&mut Brief)| {
        let mut brief = brief(RunFolder::open(temp.path()).unwrap(), true, settings(50));
        change(&mut brief);
        run(Session::start(brief, |_| Ok(Fake::default())).unwrap()).1
    };
    let refused = |change: &dyn Fn(&mut Brief)| attempt(change).unwrap_err();
    let error = refused(&|brief| brief.settings.train.steps = 60);
    assert!(error.to_string().contains("train.steps: 50, 60"), "{error}");
    let error = refused(&|brief| brief.header.gpu_fingerprint = "other".into());
    assert!(error.to_string().contains("--device"), "{error}");
    let error = refused(&|brief| brief.header.dataset_fingerprint = "other".into());
    assert_eq!(error.exit_code(), 3);
    assert!(attempt(&|brief| brief.settings.train.eval_every = 5).is_ok());
}

#[test]
fn only_safe_settings_change_while_training() {
    let temp = tempfile::tempdir().unwrap();
    let session = start(temp.path(), slow());
    session.send(Command::Set("[train]\nsteps = 3".parse().unwrap()));
    session.send(Command::Set("[train]\neval_every = 0".parse().unwrap()));
    let (events, result) = run(session);
    assert_eq!(result.unwrap().steps, 50);
    assert!(warnings(&events)[0].contains("train.steps cannot change"));
    assert_eq!(events.iter().filter(|event| matches!(event, Event::Evaluated(_))).count(), 1);
}

#[test]
fn a_trainer_that_cannot_be_made_is_a_failure() {
    let temp = tempfile::tempdir().unwrap();
    let folder = RunFolder::create(temp.path(), false).unwrap();
    let make = |_: &Settings| -> Result<Fake> {
        Err(Error::OutOfMemory { what: "splats".into(), remedy: "lower density.max_splats".into() })
    };
    let (events, result) = run(Session::start(brief(folder, false, settings(5)), make).unwrap());
    assert!(matches!(events.last(), Some(Event::Failed { exit_code: 5, .. })));
    assert_eq!(result.unwrap_err().exit_code(), 5);
}
