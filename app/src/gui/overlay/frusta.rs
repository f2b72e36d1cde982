//! The cameras of the photos as pyramids, with the photos on their far ends.
//!
//! Thousands of cameras are usual. Each costs five transformed points; those outside the picture end there, those that
//! are tiny become a dot, and only the nearest few hundred get lines and photos.

use super::ink::Ink;
use super::lines::Lines;
use super::projection::Projection;
use egui::{Color32, Mesh, Painter, PointerButton, Pos2, Rect, Response, Shape, TextureId};
use glam::{DMat3, DVec2, DVec3};
use splat_core::scene::View;

/// Pyramids smaller than this many points on the screen are dots.
const SMALL: f32 = 7.0;
/// At most so many are pyramids, the nearest ones.
const MOST_PYRAMIDS: usize = 700;
/// At most so many carry their photo.
const MOST_PHOTOS: usize = 200;
/// A photo narrower than this many points cannot be recognised.
const PHOTO_SIZE: f32 = 26.0;
/// A photo is drawn in so many strips each way, since triangles alone would bend it.
const STRIPS: usize = 4;
/// Distance from the pointer at which a camera is still hit, points.
const HIT: f32 = 7.0;
/// A camera nearer to the eye than this part of its size would fill the picture: it is the one looked through.
const TOO_NEAR: f64 = 0.6;
/// Radius of a dot, points.
const DOT: f32 = 2.5;

/// A photo's camera, ready to be drawn at any size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Frustum {
    /// Where the camera stands.
    apex: DVec3,
    /// From there to the corners of the image at unit size: top left, top right, bottom right, bottom left.
    corners: [DVec3; 4],
    /// From there to the tip that marks the top of the image.
    tip: DVec3,
    /// Whether it is held out for testing.
    test: bool,
}

impl Frustum {
    /// The pyramid of a view. Its longer edge is as long as its size, so that all cameras look equally large.
    pub(crate) fn of(view: &View, test: bool) -> Self {
        let world_from_cam: DMat3 = view.viewmat.matrix3.transpose();
        let (width, height) = (f64::from(view.width), f64::from(view.height));
        let slope = |x: f64, y: f64| DVec3::new((x - view.cx) / view.fx, (y - view.cy) / view.fy, 1.0);
        let longer = (width / view.fx).max(height / view.fy);
        // A pyramid of a telephoto lens would become a needle, one of a wide lens a plate.
        let unit = if longer > 0.0 && longer.is_finite() { 1.0 / longer.clamp(0.4, 3.0) } else { 1.0 };
        let place = |x, y| world_from_cam * (slope(x, y) * unit);
        Self {
            apex: view.position(),
            corners: [place(0.0, 0.0), place(width, 0.0), place(width, height), place(0.0, height)],
            tip: place(0.5 * width, -0.22 * height),
            test,
        }
    }
}

/// How cameras are drawn.
pub(crate) struct Frusta<'a> {
    /// All of them.
    pub(crate) all: &'a [Frustum],
    /// Size in world units.
    pub(crate) size: f64,
    /// Which one is selected.
    pub(crate) selected: Option<usize>,
    /// Which one is marked because the pointer is on it elsewhere, such as in a list.
    pub(crate) marked: Option<usize>,
    /// The photo of a camera, if it is at hand and photos are wanted.
    pub(crate) photo: &'a dyn Fn(usize) -> Option<TextureId>,
}

/// Which camera the pointer is at, by its place among all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FrustumReply {
    /// The one under the pointer.
    pub(crate) hovered: Option<usize>,
    /// The one that was clicked.
    pub(crate) clicked: Option<usize>,
}

/// A camera inside the picture.
struct Visible {
    /// Its place among all.
    index: usize,
    /// Its depth, for the order of drawing.
    depth: f64,
    /// Its five points and the tip in camera axes: apex, corners, tip.
    points: [DVec3; 6],
    /// The same on the screen, unless one is behind the camera.
    places: Option<[Pos2; 6]>,
    /// Whether it is drawn as a dot.
    dot: bool,
}

impl Frusta<'_> {
    /// Draws all cameras and says which one the pointer is at. `response` is the viewport's, or `None` while the
    /// pointer does something else.
    pub(crate) fn show(
        &self,
        painter: &Painter,
        projection: &Projection<'_>,
        ink: &Ink,
        response: Option<&Response>,
    ) -> FrustumReply {
        let visible = self.visible(projection);
        let free = |response: &&Response| response.hovered() && !response.dragged();
        let pointer = response.filter(free).and_then(Response::hover_pos);
        let hovered = pointer.and_then(|at| hit(&visible, at)).map(|found| found.index);
        self.draw(painter, projection, ink, &visible, hovered);
        let click = |response: &Response| response.clicked_by(PointerButton::Primary);
        FrustumReply { hovered, clicked: hovered.filter(|_| response.is_some_and(click)) }
    }

    /// The cameras inside the picture, far ones first.
    fn visible(&self, projection: &Projection<'_>) -> Vec<Visible> {
        let bounds = projection.fit().rect().expand(DOT);
        let mut visible: Vec<_> = (0..self.all.len()).filter_map(|i| self.place(i, projection, bounds)).collect();
        visible.sort_by(|a, b| b.depth.total_cmp(&a.depth));
        let special = |index| Some(index) == self.selected || Some(index) == self.marked;
        let mut left = MOST_PYRAMIDS;
        for camera in visible.iter_mut().rev().filter(|camera| !camera.dot) {
            camera.dot = left == 0 && !special(camera.index);
            left = left.saturating_sub(1);
        }
        visible
    }

    /// Places one camera; `None` outside the picture.
    fn place(&self, index: usize, projection: &Projection<'_>, bounds: Rect) -> Option<Visible> {
        let frustum = &self.all[index];
        let apex = projection.in_camera(frustum.apex);
        if !apex.is_finite() || apex.length() < TOO_NEAR * self.size {
            return None;
        }
        let point = |offset: DVec3| projection.in_camera(frustum.apex + offset * self.size);
        let [a, b, c, d] = frustum.corners.map(point);
        let points = [apex, a, b, c, d, point(frustum.tip)];
        if points.iter().all(|point| point.z <= 0.0) {
            return None;
        }
        let mut places = Some([Pos2::ZERO; 6]);
        for (i, point) in points.iter().enumerate() {
            let at = projection.place(*point);
            places = places.zip(at).map(|(mut places, at)| {
                places[i] = at;
                places
            });
        }
        let mut dot = false;
        if let Some(places) = &places {
            let around = Rect::from_points(places);
            if !around.intersects(bounds) {
                return None;
            }
            dot = around.width().max(around.height()) < SMALL;
        }
        Some(Visible { index, depth: apex.z, points, places, dot })
    }

    /// Draws far ones first and the marked ones last.
    fn draw(
        &self,
        painter: &Painter,
        projection: &Projection<'_>,
        ink: &Ink,
        visible: &[Visible],
        hovered: Option<usize>,
    ) {
        let marked = |camera: &&Visible| {
            let index = Some(camera.index);
            index == hovered || index == self.selected || index == self.marked
        };
        let with_photo = visible.len().saturating_sub(MOST_PHOTOS);
        let mut lines = Lines::new(painter);
        for (i, camera) in visible.iter().enumerate().filter(|(_, camera)| !marked(camera)) {
            let colour = if self.all[camera.index].test { ink.test } else { ink.train };
            if i >= with_photo
                && let Some(photo) = self.photo_mesh(camera, projection, 0.9)
            {
                // What lies behind the photo is drawn before it.
                std::mem::replace(&mut lines, Lines::new(painter)).draw(painter);
                painter.add(photo);
            }
            add(&mut lines, projection, camera, 1.0, colour.gamma_multiply(0.85), None);
        }
        lines.draw(painter);
        let mut lines = Lines::new(painter);
        for camera in visible.iter().filter(marked) {
            if let Some(photo) = self.photo_mesh(camera, projection, 1.0) {
                painter.add(photo);
            }
            let colour = if Some(camera.index) == self.selected { ink.accent } else { ink.line };
            add(&mut lines, projection, camera, 2.0, colour, Some(ink.shade));
        }
        lines.draw(painter);
    }

    /// The photo on the far end of a pyramid, when it is at hand and large enough.
    fn photo_mesh(&self, camera: &Visible, projection: &Projection<'_>, opacity: f32) -> Option<Shape> {
        let places = camera.places.filter(|_| !camera.dot)?;
        if Rect::from_points(&places[1..5]).width() < PHOTO_SIZE {
            return None;
        }
        let mut mesh = Mesh::with_texture((self.photo)(camera.index)?);
        let [_, a, b, c, d, _] = camera.points;
        let tint = Color32::WHITE.gamma_multiply(opacity);
        for row in 0..=STRIPS {
            for column in 0..=STRIPS {
                let uv = DVec2::new(column as f64, row as f64) / STRIPS as f64;
                let point = a.lerp(b, uv.x).lerp(d.lerp(c, uv.x), uv.y);
                let uv = Pos2::new(uv.x as f32, uv.y as f32);
                mesh.vertices.push(egui::epaint::Vertex { pos: projection.place(point)?, uv, color: tint });
            }
        }
        let across = STRIPS as u32 + 1;
        for row in 0..STRIPS as u32 {
            for column in 0..STRIPS as u32 {
                let first = row * across + column;
                mesh.add_triangle(first, first + 1, first + across);
                mesh.add_triangle(first + 1, first + across, first + across + 1);
            }
        }
        Some(Shape::mesh(mesh))
    }
}

/// Adds the lines of a camera, or its dot.
fn add(
    lines: &mut Lines,
    projection: &Projection<'_>,
    camera: &Visible,
    width: f32,
    colour: Color32,
    shade: Option<Color32>,
) {
    if camera.dot {
        if let Some(places) = camera.places {
            lines.add_dot(places[0], DOT * width.sqrt(), colour);
        }
        return;
    }
    // Apex to corners, around the image, and the two edges of the tip.
    const EDGES: [(usize, usize); 10] =
        [(0, 1), (0, 2), (0, 3), (0, 4), (1, 2), (2, 3), (3, 4), (4, 1), (1, 5), (2, 5)];
    for (from, to) in EDGES {
        if let Some((ends, _)) = projection.segment_in_camera(camera.points[from], camera.points[to]) {
            match shade {
                Some(shade) => lines.add_shaded(ends, width, colour, shade),
                None => lines.add(ends, width, [colour; 2]),
            }
        }
    }
}

/// The nearest camera at a place of the screen: inside its pyramid, or close to its apex.
fn hit(visible: &[Visible], at: Pos2) -> Option<&Visible> {
    // Nearest last: the first hit from behind is the one on top.
    visible.iter().rev().find(|camera| {
        let Some([apex, a, b, c, d, _]) = camera.places else { return false };
        if apex.distance(at) < HIT {
            return true;
        }
        let triangles = [[a, b, c], [a, c, d], [apex, a, b], [apex, b, c], [apex, c, d], [apex, d, a]];
        !camera.dot && triangles.into_iter().any(|triangle| contains(triangle, at))
    })
}

/// Whether a triangle of either winding contains a place.
fn contains([a, b, c]: [Pos2; 3], at: Pos2) -> bool {
    let side = |from: Pos2, to: Pos2| (to - from).rot90().dot(at - from);
    let sides = [side(a, b), side(b, c), side(c, a)];
    sides.iter().all(|side| *side >= 0.0) || sides.iter().all(|side| *side <= 0.0)
}

#[cfg(test)]
mod tests {
    use super::{Frusta, Frustum, MOST_PYRAMIDS, hit};
    use crate::gui::overlay::Projection;
    use egui::{Rect, pos2, vec2};
    use glam::DVec3;
    use splat_core::scene::View;

    /// A camera that looks along +Z, y down.
    fn view(eye: DVec3, width: u32) -> View {
        View::look_at(eye, eye + DVec3::Z, DVec3::NEG_Y, 60.0, width, 600).unwrap()
    }

    /// The cameras without photos.
    fn frusta(all: &[Frustum]) -> Frusta<'_> {
        Frusta { all, size: 0.5, selected: None, marked: None, photo: &|_| None }
    }

    #[test]
    fn a_pyramid_has_the_shape_of_its_image() {
        let photo = view(DVec3::new(1.0, 2.0, 3.0), 1200);
        let frustum = Frustum::of(&photo, false);
        let expected = [(0.0, 0.0), (1200.0, 0.0), (1200.0, 600.0), (0.0, 600.0)];
        for (corner, (x, y)) in frustum.corners.into_iter().zip(expected) {
            let pixel = photo.project(frustum.apex + corner).unwrap();
            assert!((pixel.x - x).abs() < 1e-9 && (pixel.y - y).abs() < 1e-9, "{pixel}");
        }
        assert!((frustum.corners[0].distance(frustum.corners[1]) - 1.0).abs() < 1e-9);
        assert!(photo.project(frustum.apex + frustum.tip).unwrap().y < 0.0, "the tip is not above the image");
    }

    #[test]
    fn the_nearest_camera_under_the_pointer_is_hit() {
        let eye = view(DVec3::ZERO, 800);
        let projection = Projection::new(&eye, Rect::from_min_size(pos2(0.0, 0.0), vec2(800.0, 600.0)), 1.0);
        let places = [DVec3::Z * 8.0, DVec3::Z * 4.0, DVec3::Z * -4.0, DVec3::new(2.0, 0.0, 5.0), DVec3::Z * 0.1];
        let all: Vec<_> = places.map(|at| Frustum::of(&view(at, 800), false)).into();
        let visible = frusta(&all).visible(&projection);
        let found = |at| hit(&visible, at).map(|camera| camera.index);
        // The third is behind, the last is the one looked through.
        assert_eq!(visible.iter().map(|camera| camera.index).collect::<Vec<_>>(), [0, 3, 1]);
        assert_eq!(found(pos2(400.0, 300.0)), Some(1));
        assert_eq!(found(projection.point(places[3]).unwrap()), Some(3));
        assert_eq!(found(pos2(700.0, 30.0)), None);
    }

    #[test]
    fn of_many_cameras_only_the_nearest_are_pyramids() {
        let eye = view(DVec3::ZERO, 800);
        let projection = Projection::new(&eye, Rect::from_min_size(pos2(0.0, 0.0), vec2(800.0, 600.0)), 1.0);
        let all: Vec<_> =
            (0..3000).map(|i| Frustum::of(&view(DVec3::Z * (3.0 + f64::from(i) * 0.01), 800), false)).collect();
        let selected = Frusta { selected: Some(2999), ..frusta(&all) };
        let visible = selected.visible(&projection);
        assert_eq!(visible.len(), 3000);
        let pyramids: Vec<_> = visible.iter().filter(|camera| !camera.dot).map(|camera| camera.index).collect();
        assert_eq!(pyramids.len(), MOST_PYRAMIDS + 1);
        assert!(pyramids.contains(&0) && pyramids.contains(&2999));
    }

    #[test]
    fn a_camera_that_straddles_the_near_plane_is_kept() {
        let eye = view(DVec3::ZERO, 800);
        let projection = Projection::new(&eye, Rect::from_min_size(pos2(0.0, 0.0), vec2(800.0, 600.0)), 1.0);
        let mut big = frusta(&[]);
        big.size = 2.0;
        let all = [Frustum::of(&view(DVec3::new(0.5, 0.0, -1.2), 800), true)];
        big.all = &all;
        let visible = big.visible(&projection);
        assert_eq!(visible.len(), 1);
        assert!(visible[0].places.is_none());
    }
}
