//! Splats that turn out to rest: what they do over the clip, against what photos can show of it.
//!
//! Departs from Ex4DGS [Lee 2024], where all splats rest at first and few are promoted: here all may move at first, and
//! those that come to rest lose their coefficients for good. It needs no second model of motion to be promoted by.

use glam::{DQuat, DVec3};

use super::Trainer;
use crate::density::Observation;
use crate::error::Result;
use crate::params::{ColumnWrite, RowEdit};
use crate::scene::{SplatCloud, View, colour};
use crate::schedule::Phase;

/// Moments at which splats are looked at; where the photos have more, those in between tell little else.
const MOST_MOMENTS: u32 = 32;
/// Moments where the number of times in the photos is not known.
const UNKNOWN_MOMENTS: u32 = 16;
/// Most change of a colour channel, of 1.
const COLOUR_TOLERANCE: f64 = 2.0 / 255.0;
/// Least share of its own greatest opacity that a splat must keep.
const OPACITY_KEPT: f64 = 0.95;
/// Rotations are judged by how far the end of a splat goes, at so many of its half axes.
const ENDS: f64 = 2.0;

/// Which splats rest, and as what.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Resting {
    /// Whether each splat rests. [N]
    pub(crate) rests: Vec<bool>,
    /// Mean over the clip of what moves: positions, rotations, colours, logits of opacity; of the splats that rest.
    pub(crate) writes: Vec<ColumnWrite>,
}

impl Resting {
    /// The edit of a table of `rows`, of which these are the first, that puts those that rest behind the others; and
    /// how many do not. `None` when none rests.
    pub(crate) fn edit(self, rows: usize) -> Option<(RowEdit, u64)> {
        let of_head = self.rests.len() as u32;
        let (resting, moving): (Vec<u32>, Vec<u32>) = (0..of_head).partition(|&row| self.rests[row as usize]);
        let head = moving.len() as u64;
        let src: Vec<u32> = moving.into_iter().chain(resting).chain(of_head..rows as u32).collect();
        let order = RowEdit { fresh: vec![false; rows], src, writes: Vec::new() };
        let written = RowEdit { writes: self.writes, ..RowEdit::identity(rows) };
        (head < u64::from(of_head)).then(|| (written.then(&order), head))
    }
}

/// What one splat does over the clip, and its mean.
struct Course {
    mean: [f64; 3],
    quat: DQuat,
    sh0: [f64; 3],
    logit: f64,
    /// Farthest from its mean place, in world units, its ends included.
    way: f64,
    /// Farthest of a colour channel from its mean.
    colour: f64,
    /// Least opacity over greatest.
    kept: f64,
}

impl SplatCloud {
    /// Which of the splats move by at most `pixels` in any of the views, and neither change their colour nor fade as far
    /// as an 8-bit photo could tell; and what they are when they rest.
    ///
    /// # Errors
    /// Those of [`SplatCloud::check`].
    pub(crate) fn resting(&self, views: &[View], pixels: f64) -> Result<Resting> {
        self.check()?;
        let frames = self.motion.map_or(0, |motion| motion.frames);
        let moments = if frames < 2 { UNKNOWN_MOMENTS } else { frames.min(MOST_MOMENTS) };
        let clip: Vec<SplatCloud> =
            (0..moments).map(|moment| self.at(f64::from(moment) / f64::from(moments - 1))).collect();
        let courses: Vec<Course> = (0..self.len()).map(|row| Course::of(&clip, row)).collect();
        let eyes: Vec<(DVec3, f64)> = views.iter().map(|view| (view.position(), view.fx.max(view.fy))).collect();
        let rests: Vec<bool> = courses.iter().map(|course| course.rests(&eyes, pixels)).collect();
        let rows: Vec<u32> = (0..self.len() as u32).filter(|&row| rests[row as usize]).collect();
        let write = |column, values: &dyn Fn(&Course) -> Vec<f64>| ColumnWrite {
            column,
            rows: rows.clone(),
            values: rows.iter().flat_map(|&row| values(&courses[row as usize])).map(|value| value as f32).collect(),
            fresh: false,
        };
        let writes = vec![
            write("means", &|course| course.mean.to_vec()),
            write("quats", &|course| vec![course.quat.w, course.quat.x, course.quat.y, course.quat.z]),
            write("sh0", &|course| course.sh0.to_vec()),
            write("opacity_logits", &|course| vec![course.logit]),
        ];
        Ok(Resting { rests, writes })
    }
}

impl Trainer {
    /// Lets rows of the head rest that stages take to rest in this phase, for good.
    pub(super) fn come_to_rest(&mut self, phase: &Phase) -> Result<bool> {
        let Some(pixels) = self.model.rest_tolerance(phase).filter(|_| self.params.head() > 0) else {
            return Ok(false);
        };
        self.land_all()?;
        self.adam.settle(&self.gpu, &self.params, phase.step);
        // Spherical harmonics above the first stay as they are.
        let moving = self.preview_of(self.params.head() as usize, 0).cloud()?;
        let resting = moving.resting(&self.dataset.train, pixels)?;
        let Some((mut edit, head)) = resting.edit(self.splats()) else { return Ok(false) };
        let observed = self.observation.read(&self.gpu)?;
        self.apply(&mut edit, Some(head), phase.step)?;
        self.observation = Observation::new(&self.gpu, self.params.rows());
        self.observation.restore(&self.gpu, &observed.gathered(&edit.src));
        Ok(true)
    }
}

impl Course {
    fn of(clip: &[SplatCloud], row: usize) -> Course {
        let count = clip.len() as f64;
        let quat = |cloud: &SplatCloud| {
            let [w, x, y, z] = cloud.quats[row].map(f64::from);
            DQuat::from_xyzw(x, y, z, w)
        };
        let place = |cloud: &SplatCloud| DVec3::from_array(cloud.means[row].map(f64::from));
        let centre = clip.iter().map(place).sum::<DVec3>() / count;
        let first = quat(&clip[0]);
        let turned = clip.iter().map(|cloud| {
            let quat = quat(cloud).normalize();
            if quat.dot(first) < 0.0 { -quat } else { quat }
        });
        let sum = turned.clone().fold(DQuat::from_xyzw(0.0, 0.0, 0.0, 0.0), |sum, quat| sum + quat);
        let mean_quat = sum.normalize();
        let scales = clip[0].log_scales[row].map(|log| f64::from(log).exp());
        // A ball may turn as it likes.
        let arm =
            ENDS * (scales.iter().fold(0.0, |a: f64, &b| a.max(b)) - scales.iter().fold(f64::MAX, |a, &b| a.min(b)));
        let angle = turned.map(|quat| 2.0 * quat.dot(mean_quat).abs().min(1.0).acos()).fold(0.0, f64::max);
        let way = clip.iter().map(|cloud| place(cloud).distance(centre)).fold(0.0, f64::max);
        let mut sh0 = [0.0; 3];
        for cloud in clip {
            sh0.iter_mut().zip(cloud.sh0[row]).for_each(|(sum, value)| *sum += f64::from(value) / count);
        }
        let strays = |cloud: &SplatCloud| {
            sh0.iter().zip(cloud.sh0[row]).map(|(mean, value)| (f64::from(value) - mean).abs()).fold(0.0, f64::max)
        };
        let logits = || clip.iter().map(|cloud| f64::from(cloud.opacity_logits[row]));
        let opacity = |logit: f64| 1.0 / (1.0 + (-logit).exp());
        let (least, most) = logits().fold((f64::MAX, f64::MIN), |(low, high), logit| (low.min(logit), high.max(logit)));
        Course {
            mean: centre.to_array(),
            quat: mean_quat,
            sh0,
            logit: logits().sum::<f64>() / count,
            way: way + arm * angle.min(1.0),
            colour: f64::from(colour::SH_C0) * clip.iter().map(strays).fold(0.0, f64::max),
            kept: opacity(least) / opacity(most),
        }
    }

    fn rests(&self, eyes: &[(DVec3, f64)], pixels: f64) -> bool {
        if !(self.way.is_finite() && self.colour <= COLOUR_TOLERANCE && self.kept >= OPACITY_KEPT) {
            return false;
        }
        let centre = DVec3::from_array(self.mean);
        eyes.iter().all(|&(eye, focal)| self.way * focal <= pixels * centre.distance(eye))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::{Motion, TimeBasis};

    fn cloud() -> SplatCloud {
        let still = SplatCloud {
            means: vec![[0.0; 3]; 5],
            quats: vec![[1.0, 0.0, 0.0, 0.0]; 5],
            log_scales: vec![[-3.0, -3.0, -5.0]; 5],
            opacity_logits: vec![1.0; 5],
            sh0: vec![[0.2; 3]; 5],
            ..SplatCloud::default()
        };
        let line = TimeBasis::Flow { poly: 1, fourier: 0 };
        let motion = Motion { means: line, quats: line, sh0: line, dilates: false, fades: true, frames: 9 };
        let mut cloud = still.with_motion(motion);
        let mut set = |name: &str, row: usize, at: usize, value: f32| {
            let column = cloud.more.iter_mut().find(|column| column.name == name);
            column.into_iter().for_each(|column| column.values[row * column.width + at] = value);
        };
        // One wanders, one turns, one changes colour, one fades; the last hardly moves.
        set("flow_means", 0, 0, 0.5);
        set("flow_quats", 1, 1, 0.5);
        set("flow_sh0", 2, 0, 0.3);
        set("flow_lifetimes", 3, 1, 3.0);
        set("flow_means", 4, 2, 1e-4);
        cloud
    }

    fn views() -> Result<Vec<View>> {
        let view = |x: f64| View::look_at(DVec3::new(x, 0.0, -4.0), DVec3::ZERO, DVec3::NEG_Y, 40.0, 256, 256);
        [-1.0, 1.0].into_iter().map(view).collect()
    }

    #[test]
    fn what_no_photo_shows_is_rest() -> Result<()> {
        let found = cloud().resting(&views()?, 0.25)?;
        assert_eq!(found.rests, [false, false, false, false, true]);
        assert_eq!(found.writes[0].rows, [4]);
        // With all the pixels in the world, places and turns do not count, but colour and opacity do.
        assert_eq!(cloud().resting(&views()?, 1e9)?.rests, [true, true, false, false, true]);
        Ok(())
    }

    #[test]
    fn those_that_rest_go_behind_the_others() {
        let write = ColumnWrite { column: "opacity_logits", rows: vec![1], values: vec![7.0], fresh: false };
        let resting = Resting { rests: vec![false, true, false], writes: vec![write] };
        let (edit, head) = resting.edit(5).expect("one rests");
        assert_eq!((edit.src, head), (vec![0, 2, 1, 3, 4], 2));
        assert_eq!(edit.writes[0].rows, [2]);
        assert!(Resting { rests: vec![false; 3], writes: vec![] }.edit(5).is_none());
    }
}
