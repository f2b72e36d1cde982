//! From the world to the screen and back, for the picture that is shown.

use super::fit::Fit;
use egui::{Pos2, Rect};
use glam::DVec3;
use splat_core::scene::View;

/// Nothing nearer than this part of the distance to the pivot is drawn; lines are cut there.
const NEAR: f64 = 1e-3;
/// Lines are cut this many points outside the picture: farther coordinates lose precision in single floats.
const MARGIN: f32 = 50.0;

/// The camera and the place of the shown picture.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Projection<'a> {
    /// The camera that the picture was made with.
    view: &'a View,
    /// Where the picture is.
    fit: Fit,
    /// Depth at which lines are cut, world units.
    near: f64,
}

impl<'a> Projection<'a> {
    /// The projection of a picture in an area of the screen; `distance` is the usual distance to what is looked at.
    pub(crate) fn new(view: &'a View, area: Rect, distance: f64) -> Self {
        let near = if distance.is_finite() { (NEAR * distance).max(1e-9) } else { 1e-9 };
        Self { view, fit: Fit::new(area, view.width, view.height), near }
    }

    /// Where the picture is.
    pub(crate) fn fit(&self) -> &Fit {
        &self.fit
    }

    /// Where the camera stands.
    pub(crate) fn eye(&self) -> DVec3 {
        self.view.position()
    }

    /// A world point in the camera's axes.
    pub(crate) fn in_camera(&self, point: DVec3) -> DVec3 {
        self.view.viewmat.transform_point3(point)
    }

    /// The world direction of a direction in the camera's axes.
    pub(crate) fn to_world(self, direction: DVec3) -> DVec3 {
        self.view.viewmat.matrix3.transpose() * direction
    }

    /// The place of a world point on the screen; `None` behind the near plane.
    pub(crate) fn point(&self, point: DVec3) -> Option<Pos2> {
        self.place(self.in_camera(point))
    }

    /// The place of a point in camera axes; `None` behind the near plane.
    pub(crate) fn place(&self, point: DVec3) -> Option<Pos2> {
        (point.z >= self.near).then(|| self.divide(point)).filter(|at| at.x.is_finite() && at.y.is_finite())
    }

    /// A line between two world points, cut at the near plane and a little outside the picture, with the parts of it
    /// where it begins and ends.
    pub(crate) fn segment(&self, a: DVec3, b: DVec3) -> Option<([Pos2; 2], [f32; 2])> {
        self.segment_in_camera(self.in_camera(a), self.in_camera(b))
    }

    /// The same for points in camera axes.
    pub(crate) fn segment_in_camera(&self, a: DVec3, b: DVec3) -> Option<([Pos2; 2], [f32; 2])> {
        if !a.is_finite() || !b.is_finite() || (a.z < self.near && b.z < self.near) {
            return None;
        }
        let (mut from, mut to) = (0.0, 1.0);
        let cut = (self.near - a.z) / (b.z - a.z);
        if a.z < self.near {
            from = cut;
        } else if b.z < self.near {
            to = cut;
        }
        let at = |part: f64| {
            let mut point = a.lerp(b, part);
            point.z = point.z.max(self.near);
            point
        };
        let (near_a, near_b) = (at(from), at(to));
        let cut = cut_to(self.fit.rect().expand(MARGIN), self.pixel(near_a), self.pixel(near_b))?;
        // Equal steps on the screen are not equal steps in the world: a part s of the way on the screen is the part
        // s za / (s za + (1 - s) zb) in the world.
        let world = |s: f64| {
            let (low, high) = (s * near_a.z, (1.0 - s) * near_b.z);
            let part = low / (low + high);
            (from + (to - from) * part) as f32
        };
        Some((cut.1, [world(cut.0[0]), world(cut.0[1])]))
    }

    /// The ray through a place of the screen: eye and direction, whose depth is 1.
    pub(crate) fn ray(&self, at: Pos2) -> (DVec3, DVec3) {
        let pixel = self.fit.to_pixel(at);
        let slope = DVec3::new((pixel.x - self.view.cx) / self.view.fx, (pixel.y - self.view.cy) / self.view.fy, 1.0);
        (self.eye(), self.to_world(slope))
    }

    /// The world point under a place of the screen that is as deep as `point`; `None` for a point behind the camera.
    pub(crate) fn beside(&self, at: Pos2, point: DVec3) -> Option<DVec3> {
        let depth = self.in_camera(point).z;
        let (eye, direction) = self.ray(at);
        (depth >= self.near).then(|| eye + direction * depth)
    }

    /// World units per point of the screen, at the depth of a point; `None` behind the camera.
    pub(crate) fn world_per_point(&self, point: DVec3) -> Option<f64> {
        let depth = self.in_camera(point).z;
        (depth >= self.near).then(|| depth / (self.view.fy * self.fit.scale()))
    }

    /// Screen coordinates of a point in front of the camera.
    fn pixel(&self, point: DVec3) -> [f64; 2] {
        let scale = self.fit.scale();
        let min = self.fit.rect().min;
        [
            (self.view.fx * point.x / point.z + self.view.cx) * scale + f64::from(min.x),
            (self.view.fy * point.y / point.z + self.view.cy) * scale + f64::from(min.y),
        ]
    }

    /// The same as a place for egui.
    fn divide(&self, point: DVec3) -> Pos2 {
        let [x, y] = self.pixel(point);
        Pos2::new(x as f32, y as f32)
    }
}

/// Cuts a line to a rectangle [Liang and Barsky 1984]: which parts of it begin and end, and where.
fn cut_to(rect: Rect, a: [f64; 2], b: [f64; 2]) -> Option<([f64; 2], [Pos2; 2])> {
    let (mut from, mut to) = (0.0_f64, 1.0_f64);
    let by = [b[0] - a[0], b[1] - a[1]];
    let sides = [
        (-by[0], a[0] - f64::from(rect.min.x)),
        (by[0], f64::from(rect.max.x) - a[0]),
        (-by[1], a[1] - f64::from(rect.min.y)),
        (by[1], f64::from(rect.max.y) - a[1]),
    ];
    for (towards, room) in sides {
        if towards == 0.0 {
            if room < 0.0 {
                return None;
            }
        } else if towards < 0.0 {
            from = from.max(room / towards);
        } else {
            to = to.min(room / towards);
        }
    }
    if from > to || !from.is_finite() || !to.is_finite() {
        return None;
    }
    let at = |part: f64| Pos2::new((a[0] + part * by[0]) as f32, (a[1] + part * by[1]) as f32);
    Some(([from, to], [at(from), at(to)]))
}

#[cfg(test)]
mod tests {
    use super::Projection;
    use egui::{Rect, pos2, vec2};
    use glam::DVec3;
    use splat_core::scene::View;

    /// A camera at the origin that looks along +Z, y down.
    fn view() -> View {
        View::look_at(DVec3::ZERO, DVec3::Z, DVec3::NEG_Y, 60.0, 800, 600).unwrap()
    }

    /// The area that the picture fills.
    fn area() -> Rect {
        Rect::from_min_size(pos2(10.0, 20.0), vec2(400.0, 300.0))
    }

    #[test]
    fn points_and_rays_are_inverse_to_each_other() {
        let view = view();
        let projection = Projection::new(&view, area(), 1.0);
        let point = DVec3::new(0.3, -0.4, 2.0);
        let at = projection.point(point).unwrap();
        let pixel = view.project(point).unwrap();
        assert!((projection.fit().to_pixel(at) - pixel).length() < 1e-3);
        let (eye, direction) = projection.ray(at);
        assert!((eye + direction * 2.0 - point).length() < 1e-5);
        assert!((projection.beside(at, point).unwrap() - point).length() < 1e-5);
        assert!(projection.point(DVec3::new(0.0, 0.0, -1.0)).is_none());
    }

    #[test]
    fn lines_are_cut_at_the_near_plane_and_at_the_border() {
        let view = view();
        let projection = Projection::new(&view, area(), 1.0);
        // From behind the camera to the middle of the picture.
        let ([a, b], [from, to]) = projection.segment(DVec3::new(0.0, 0.5, -1.0), DVec3::new(0.0, 0.0, 1.0)).unwrap();
        assert!(area().expand(51.0).contains(a) && (b - area().center()).length() < 1e-3, "{a} {b}");
        assert!(from > 0.5 && from < 1.0 && (to - 1.0).abs() < 1e-6, "{from} {to}");
        // The place of the cut is where it says.
        let world = DVec3::new(0.0, 0.5, -1.0).lerp(DVec3::new(0.0, 0.0, 1.0), f64::from(from));
        assert!((projection.point(world).unwrap() - a).length() < 0.1);
        // All behind, all beside.
        assert!(projection.segment(DVec3::NEG_Z, DVec3::new(1.0, 0.0, -2.0)).is_none());
        assert!(projection.segment(DVec3::new(9.0, 0.0, 1.0), DVec3::new(9.0, 5.0, 1.0)).is_none());
        assert!(projection.segment(DVec3::NAN, DVec3::Z).is_none());
    }
}
