//! When the views of a scene that moves were taken.
//!
//! Sources count as they like: frames from 1, fractions of a clip, identifiers. What leaves here is 0 for the first
//! view and 1 for the last, over training and held-out views together, with the source's own numbers kept beside it.

use super::detect::Source;
use super::names;
use crate::error::{Error, Result};
use crate::settings::TimeSource;
use std::fmt;

/// What sources count that give numbers without a unit.
pub(crate) const TIMES: &str = "times";
/// What sources count that number their frames.
pub(crate) const FRAMES: &str = "frames";

/// Times closer than this share of the whole are one: some files hold them rounded, some do not.
const SAME_TIME: f64 = 1e-9;

/// The times of a scene that moves, as its source counts them.
///
/// `View::time` of every view of such a scene is `(time - first) / (last - first)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Times {
    /// The first time, which became 0.
    pub first: f64,
    /// The last time, which became 1; larger than `first`.
    pub last: f64,
    /// Number of distinct times; at least 2.
    pub count: usize,
    /// What the source counts: `frames`, or `times` where it gives numbers without a unit.
    pub unit: &'static str,
    /// Fewest and most views that share one time: 1 and 1 for a clip from one camera.
    pub cameras: [usize; 2],
    /// Frames per second, where the source says so.
    pub frame_rate: Option<f64>,
}

impl fmt::Display for Times {
    /// One line for people, such as `16 frames from 0 to 15, 9 cameras each`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, last, count, unit, cameras: [fewest, most], .. } = self;
        write!(formatter, "{count} {unit} from {first} to {last}, ")?;
        match (fewest, most) {
            (1, 1) => formatter.write_str("one camera each"),
            (fewest, most) if fewest == most => write!(formatter, "{most} cameras each"),
            (fewest, most) => write!(formatter, "{fewest} to {most} cameras each"),
        }
    }
}

/// Brings the times of all views into [0, 1]; a scene with no time, or one alone, is static and keeps none.
pub(crate) fn settle(source: &mut Source, from: TimeSource) -> Result<Option<Times>> {
    match from {
        TimeSource::Auto => {}
        TimeSource::None => source.views.iter_mut().for_each(|view| view.time = None),
        TimeSource::Names => take_from_names(source),
    }
    let total = source.views.len();
    let timed = source.views.iter().filter(|view| view.time.is_some()).count();
    if timed == 0 {
        return Ok(None);
    }
    let mut times = Vec::with_capacity(total);
    for view in &source.views {
        let problem = match view.time {
            Some(time) if time.is_finite() => {
                times.push(time);
                continue;
            }
            Some(time) => format!("{}: the time is {time}", view.name),
            None => format!("{}: no time, but {timed} of {total} images have one", view.name),
        };
        let remedy = "give every image a time, or none; `data.time = \"none\"` trains on them as if nothing moved";
        return Err(Error::input(&view.origin, problem, remedy));
    }
    times.sort_by(f64::total_cmp);
    let (Some(&first), Some(&last)) = (times.first(), times.last()) else {
        return Ok(None);
    };
    let span = last - first;
    if !span.is_finite() {
        return Err(Error::input(
            &source.root,
            format!("the times reach from {first:e} to {last:e}"),
            "one of them must be wrong: correct it in the pose file",
        ));
    }
    if span <= 0.0 {
        source.views.iter_mut().for_each(|view| view.time = None);
        return Ok(None);
    }
    for view in &mut source.views {
        view.time = view.time.map(|time| (time - first) / span);
    }
    let groups = times.chunk_by(|a, b| b - a <= SAME_TIME * span).map(<[f64]>::len);
    let (count, fewest, most) = groups.fold((0, total, 0), |(n, low, high), len| (n + 1, low.min(len), high.max(len)));
    let (unit, frame_rate) = (source.time_unit, source.frame_rate);
    Ok(Some(Times { first, last, count, unit, cameras: [fewest, most], frame_rate }))
}

/// Numbers the images of every folder by their names.
fn take_from_names(source: &mut Source) {
    let names: Vec<&str> = source.views.iter().map(|view| view.name.as_str()).collect();
    let frames = names::frames(&names);
    source.time_unit = FRAMES;
    for (view, frame) in source.views.iter_mut().zip(frames) {
        view.time = Some(frame);
    }
}
