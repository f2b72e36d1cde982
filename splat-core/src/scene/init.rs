//! Where the first splats go, and how large they are.
//!
//! The points of the reconstruction if there are enough, otherwise random points where many cameras look. The size of
//! a first splat follows from the distances to its three nearest neighbours [Kerbl 2023, sec. 5.1].

use super::camera::View;
use super::dataset::{Dataset, Point};
use super::nearest::{KdTree, squared_distance};
use crate::parallel::for_each_part;
use glam::{DMat3, DVec3};

/// Fewer points than this say too little about the scene to start from.
const MIN_POINTS: usize = 100;
/// Half the edge of the start volume, as a share of the mean distance of cameras that look inwards: the cube of
/// +-1.5 seen from a distance of 4 that synthetic scenes use.
const CUBE_SHARE: f64 = 1.5 / 4.0;
/// Range of depths to start from when cameras look outwards or ahead, in units of their extent.
const NEAR_SHARE: f64 = 0.2;
const FAR_SHARE: f64 = 10.0;
/// Cameras that vote on a random point; more would not change the volume noticeably.
const MAX_VOTERS: usize = 64;
/// Candidates drawn per wanted point before the number of votes asked for is halved.
const PATIENCE: usize = 8;
/// Points below this many are handled on one thread.
const POINTS_PER_THREAD: usize = 4096;
/// Smallest neighbour distance, as a share of the median distance from the middle.
const MIN_DISTANCE_SHARE: f32 = 1e-4;

/// The points to start training from: the data set's own, or `random_count` random ones if it has fewer than 100.
///
/// The same data set, count and seed give the same points on every machine.
pub fn initial_points(dataset: &Dataset, random_count: usize, seed: u64) -> Vec<Point> {
    let usable = dataset.points.iter().filter(|point| point.position.iter().all(|c| c.is_finite()));
    let usable: Vec<Point> = usable.copied().collect();
    if usable.len() >= MIN_POINTS {
        return usable;
    }
    random_points(dataset, random_count, seed)
}

fn random_points(dataset: &Dataset, count: usize, seed: u64) -> Vec<Point> {
    let mut random = SplitMix(seed);
    let volume = Volume::of(dataset);
    let step = dataset.train.len().div_ceil(MAX_VOTERS).max(1);
    let voters: Vec<&View> = dataset.train.iter().step_by(step).collect();
    let mut needed = voters.len().div_ceil(2);
    let mut points = Vec::with_capacity(count);
    let mut drawn = 0;
    while points.len() < count {
        let position = volume.sample(&voters, &mut random);
        let votes = voters.iter().filter(|view| view.sees(position)).count();
        drawn += 1;
        if votes >= needed {
            let grey = (random.unit() * 255.0).round() as u8;
            points.push(Point { position: position.as_vec3().to_array(), rgb: [grey; 3] });
        } else if drawn >= PATIENCE * count {
            // With no vote needed every candidate is taken, so the loop ends.
            needed /= 2;
            drawn = 0;
        }
    }
    points
}

/// Where candidates are drawn from.
enum Volume {
    /// A cube around the point that all optical axes come closest to.
    Cube { centre: DVec3, half: f64 },
    /// Along random rays of random cameras, evenly in the logarithm of depth.
    Rays { near: f64, far: f64 },
}

impl Volume {
    fn of(dataset: &Dataset) -> Self {
        let extent = dataset.extent();
        let outward = Self::Rays { near: NEAR_SHARE * extent, far: FAR_SHARE * extent };
        let Some(centre) = axes_meet(&dataset.train) else {
            return outward;
        };
        let ahead = dataset.train.iter().filter(|view| (centre - view.position()).dot(view.forward()) > 0.0).count();
        let total = dataset.train.len().max(1);
        let distance = dataset.train.iter().map(|view| view.position().distance(centre)).sum::<f64>() / total as f64;
        // Nearly parallel axes meet at a far point that says nothing.
        if 10 * ahead < 9 * total || distance > FAR_SHARE * extent || distance <= 0.0 {
            return outward;
        }
        Self::Cube { centre, half: CUBE_SHARE * distance }
    }

    fn sample(&self, views: &[&View], random: &mut SplitMix) -> DVec3 {
        match *self {
            Self::Cube { centre, half } => {
                let mut signed = || 2.0 * random.unit() - 1.0;
                centre + half * DVec3::new(signed(), signed(), signed())
            }
            Self::Rays { near, far } => {
                let index = (random.unit() * views.len() as f64) as usize;
                let depth = near * (far / near).powf(random.unit());
                let (u, v) = (random.unit(), random.unit());
                let Some(view) = views.get(index) else {
                    return DVec3::ZERO;
                };
                let a = (u * f64::from(view.width) - view.cx) / view.fx;
                let b = (v * f64::from(view.height) - view.cy) / view.fy;
                view.viewmat.inverse().transform_point3(depth * DVec3::new(a, b, 1.0))
            }
        }
    }
}

/// The point with the least sum of squared distances to all optical axes; `None` if they are (nearly) parallel.
pub(crate) fn axes_meet(views: &[View]) -> Option<DVec3> {
    let mut normal = DMat3::ZERO;
    let mut right = DVec3::ZERO;
    for view in views {
        let d = view.forward();
        // I - d d^T measures the distance from the axis only.
        let across = DMat3::IDENTITY - DMat3::from_cols(d * d.x, d * d.y, d * d.z);
        normal += across;
        right += across * view.position();
    }
    // The determinant of the mean is sin^2 of the spread of the axes, up to a factor: 0 for parallel ones.
    let mean = normal * (1.0 / views.len().max(1) as f64);
    if mean.determinant() < 1e-3 {
        return None;
    }
    Some(normal.inverse() * right).filter(|point| point.is_finite())
}

/// The generator of Steele, Lea and Flood (2014): small, seedable, the same everywhere.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform in [0, 1).
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Root mean square distance of every point to its three nearest neighbours (fewer if there are fewer): `[N]`.
///
/// Never zero: duplicates count as 1e-4 of the size of the cloud, the median distance from its middle.
pub fn nearest_distances(points: &[Point]) -> Vec<f32> {
    let positions: Vec<[f32; 3]> = points.iter().map(|point| point.position).collect();
    let floor = MIN_DISTANCE_SHARE * typical_radius(&positions);
    let tree = KdTree::new(&positions);
    let mut distances = vec![floor; positions.len()];
    for_each_part(&mut distances, 1, POINTS_PER_THREAD, |first, out| {
        for (at, distance) in (first..).zip(out) {
            *distance = rms_of_nearest(&tree.nearest(positions[at], at as u32)).max(floor);
        }
    });
    distances
}

/// Root mean square of the distances that are known; their squares come ascending, each with a point.
fn rms_of_nearest(nearest: &[(f32, u32); 3]) -> f32 {
    let found = nearest.iter().filter(|(square, _)| square.is_finite()).count();
    let sum: f32 = nearest.iter().map(|(square, _)| square).filter(|square| square.is_finite()).sum();
    if found == 0 { 0.0 } else { (sum / found as f32).sqrt() }
}

/// Median distance from the component-wise median, so that a few stray points do not count; 1 for a single place.
fn typical_radius(positions: &[[f32; 3]]) -> f32 {
    let median = |mut values: Vec<f32>| {
        let middle = values.len() / 2;
        if values.is_empty() { 0.0 } else { *values.select_nth_unstable_by(middle, f32::total_cmp).1 }
    };
    let centre = [0, 1, 2].map(|axis| median(positions.iter().map(|p| p[axis]).collect()));
    let radius = median(positions.iter().map(|&p| squared_distance(p, centre).sqrt()).collect());
    if radius > 0.0 && radius.is_finite() { radius } else { 1.0 }
}
