//! From what the rasterizer left in each pixel to a picture, on the host.

use super::columns::{robust_range, stride};
use super::{Colormap, Legend};
use crate::gpu::layout::ALPHA_MIN;
use crate::model::Rendered;
use crate::parallel::for_each_part;
use crate::render::{Image, byte};
use crate::scene::View;

/// Images with fewer pixels are done by one thread: starting others takes longer.
const PIXELS_PER_THREAD: usize = 1 << 16;
/// Pixels more covered than this say which depths there are.
const COVERED: f32 = 0.5;
/// A neighbour belongs to another surface when the way to it is steeper than this, as depth over width: 83 degrees.
const STEEPEST: f32 = 8.0;

/// Calls `pixel(x, y)` for every pixel, on several threads when there are many.
fn paint(width: u32, height: u32, pixel: impl Fn(usize, usize) -> [f32; 3] + Sync) -> Image {
    let (columns, rows) = (width as usize, height as usize);
    let mut rgba = vec![255; 4 * columns * rows];
    let unit = (4 * columns).max(4);
    let least = PIXELS_PER_THREAD.div_ceil(columns.max(1));
    for_each_part(&mut rgba, unit, least, |first, part| {
        for (i, bytes) in part.chunks_exact_mut(4).enumerate() {
            let rgb = pixel(i % columns, first + i / columns).map(byte);
            bytes[..3].copy_from_slice(&rgb);
        }
    });
    Image { width, height, rgba }
}

fn over(colour: [f32; 3], alpha: f32, background: [f32; 3]) -> [f32; 3] {
    [0, 1, 2].map(|c| background[c] + alpha * (colour[c] - background[c]))
}

/// Only background.
pub(super) fn empty(view: &View, background: [f32; 3]) -> Image {
    paint(view.width, view.height, |_, _| background)
}

/// Mean depth of each pixel that anything is drawn in, otherwise NaN.
fn mean_depths(rendered: &Rendered) -> Vec<f32> {
    let pairs = rendered.depth.iter().zip(&rendered.pixels);
    pairs.map(|(&depth, &[_, _, _, t])| if 1.0 - t >= ALPHA_MIN { depth / (1.0 - t) } else { f32::NAN }).collect()
}

/// Depth through a colormap, as far as the background is covered.
pub(super) fn depth(
    rendered: &Rendered,
    view: &View,
    background: [f32; 3],
    colours: Colormap,
) -> (Image, Option<Legend>) {
    let depths = mean_depths(rendered);
    let sampled = |least: f32| {
        let pairs = depths.iter().zip(&rendered.pixels).step_by(stride(depths.len()));
        robust_range(pairs.filter(|(_, pixel)| 1.0 - pixel[3] > least).map(|(&depth, _)| f64::from(depth)))
    };
    // A scene that is faint everywhere still has depths.
    let Some((low, high)) = sampled(COVERED).or_else(|| sampled(0.0)) else {
        return (empty(view, background), None);
    };
    let columns = view.width as usize;
    let image = paint(view.width, view.height, |x, y| {
        let i = y * columns + x;
        if depths[i].is_nan() {
            return background;
        }
        let t = (f64::from(depths[i]) - low) / (high - low);
        over(colours.colour(t as f32), 1.0 - rendered.pixels[i][3], background)
    });
    let legend = Legend { label: "Depth", unit: "scene units", min: low, max: high, logarithmic: false, colours };
    (image, Some(legend))
}

/// Coverage as a grey.
pub(super) fn alpha(rendered: &Rendered, view: &View) -> Image {
    let columns = view.width as usize;
    paint(view.width, view.height, |x, y| [1.0 - rendered.pixels[y * columns + x][3]; 3])
}

/// Normals of the depth image as colours, as far as the background is covered.
pub(super) fn normals(rendered: &Rendered, view: &View, background: [f32; 3]) -> Image {
    let surface = Surface::new(mean_depths(rendered), view);
    paint(view.width, view.height, |x, y| match surface.normal(x, y) {
        None => background,
        Some(normal) => {
            // Camera axes have y down and z forward; readers expect y up and z towards them.
            let [nx, ny, nz] = normal;
            let colour = [nx, -ny, -nz].map(|axis| 0.5 * axis + 0.5);
            over(colour, 1.0 - rendered.pixels[y * surface.columns + x][3], background)
        }
    })
}

/// Splats per pixel through a colormap. Where there are none, the background.
pub(super) fn overdraw(
    rendered: &Rendered,
    view: &View,
    background: [f32; 3],
    colours: Colormap,
) -> (Image, Option<Legend>) {
    let counts = rendered.pixels.iter().step_by(stride(rendered.pixels.len())).map(|pixel| f64::from(pixel[0]));
    let Some((_, high)) = robust_range(counts.filter(|&count| count > 0.0)) else {
        return (empty(view, background), None);
    };
    let high = high.ceil().max(1.0);
    let columns = view.width as usize;
    let image = paint(view.width, view.height, |x, y| {
        let count = rendered.pixels[y * columns + x][0];
        if count > 0.0 { colours.colour(count / high as f32) } else { background }
    });
    let unit = "splats per pixel";
    (image, Some(Legend { label: "Overdraw", unit, min: 0.0, max: high, logarithmic: false, colours }))
}

/// A depth image with the camera that saw it.
struct Surface {
    depths: Vec<f32>,
    columns: usize,
    rows: usize,
    focal: [f32; 2],
    centre: [f32; 2],
}

impl Surface {
    fn new(depths: Vec<f32>, view: &View) -> Self {
        Surface {
            depths,
            columns: view.width as usize,
            rows: view.height as usize,
            focal: [view.fx as f32, view.fy as f32],
            centre: [view.cx as f32, view.cy as f32],
        }
    }

    /// The surface point of a pixel in camera axes; `None` outside the image and where nothing is.
    fn point(&self, x: usize, y: usize) -> Option<[f32; 3]> {
        if x >= self.columns || y >= self.rows {
            return None;
        }
        let depth = self.depths[y * self.columns + x];
        let slope = |at: usize, axis: usize| (at as f32 + 0.5 - self.centre[axis]) / self.focal[axis];
        (!depth.is_nan()).then(|| [depth * slope(x, 0), depth * slope(y, 1), depth])
    }

    /// How the surface runs along an axis, from the neighbours that belong to it; as if it faced the camera where
    /// none does.
    fn tangent(&self, x: usize, y: usize, here: [f32; 3], axis: usize) -> [f32; 3] {
        let width = here[2] / self.focal[axis];
        let belongs = |there: &[f32; 3]| (there[2] - here[2]).abs() <= STEEPEST * width;
        let (ahead, behind) = match axis {
            0 => (self.point(x + 1, y), self.point(x.wrapping_sub(1), y)),
            _ => (self.point(x, y + 1), self.point(x, y.wrapping_sub(1))),
        };
        match (ahead.filter(belongs), behind.filter(belongs)) {
            (None, None) => {
                let mut across = [0.0; 3];
                across[axis] = width;
                across
            }
            (ahead, behind) => subtract(ahead.unwrap_or(here), behind.unwrap_or(here)),
        }
    }

    /// Unit normal in camera axes, on the side that the camera sees.
    fn normal(&self, x: usize, y: usize) -> Option<[f32; 3]> {
        let here = self.point(x, y)?;
        let normal = cross(self.tangent(x, y, here, 1), self.tangent(x, y, here, 0));
        let length = dot(normal, normal).sqrt();
        if !(length > 0.0 && length.is_finite()) {
            return Some([0.0, 0.0, -1.0]);
        }
        let sign = if dot(normal, here) > 0.0 { -1.0 } else { 1.0 };
        Some(normal.map(|axis| sign * axis / length))
    }
}

fn subtract(a: [f32; 3], b: [f32; 3]) -> [f32; 3] {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

fn cross(a: [f32; 3], b: [f32; 3]) -> [f32; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

fn dot(a: [f32; 3], b: [f32; 3]) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

#[cfg(test)]
mod tests {
    use glam::DVec3;

    use super::{Surface, alpha, depth, empty, normals, overdraw, paint};
    use crate::look::Colormap;
    use crate::model::Rendered;
    use crate::scene::View;

    fn view(width: u32, height: u32) -> View {
        View::look_at(DVec3::ZERO, DVec3::Z, DVec3::NEG_Y, 50.0, width, height).unwrap()
    }

    /// The direction through a pixel, z = 1.
    fn ray(view: &View, x: usize, y: usize) -> DVec3 {
        DVec3::new((x as f64 + 0.5 - view.cx) / view.fx, (y as f64 + 0.5 - view.cy) / view.fy, 1.0)
    }

    fn surface(view: &View, depth: impl Fn(DVec3) -> f64) -> Surface {
        let (columns, rows) = (view.width as usize, view.height as usize);
        let at = |i: usize| depth(ray(view, i % columns, i / columns)) as f32;
        Surface::new((0..columns * rows).map(at).collect(), view)
    }

    /// Wholly covered, at one depth.
    fn wall(view: &View, depth: f32, alpha: f32) -> Rendered {
        let pixels = (view.width * view.height) as usize;
        Rendered { pixels: vec![[0.0, 0.0, 0.0, 1.0 - alpha]; pixels], depth: vec![depth * alpha; pixels] }
    }

    fn normal(surface: &Surface, x: usize, y: usize) -> DVec3 {
        DVec3::from_array(surface.normal(x, y).unwrap().map(f64::from))
    }

    #[test]
    fn normals_of_a_plane_are_its_normal_everywhere() {
        let view = view(40, 30);
        for tilt in [DVec3::new(0.0, 0.0, -1.0), DVec3::new(0.5, -0.2, -1.0), DVec3::new(-0.7, 0.3, -1.0)] {
            let expected = tilt.normalize();
            let surface = surface(&view, |ray| 3.0 * tilt.z / tilt.dot(ray));
            for (x, y) in [(0, 0), (39, 29), (20, 15), (0, 29), (7, 3)] {
                let found = normal(&surface, x, y);
                assert!((found - expected).length() < 1e-3, "{tilt} at {x}, {y}: {found}");
            }
        }
    }

    #[test]
    fn normals_of_a_sphere_point_away_from_its_centre() {
        let view = view(200, 200);
        let (centre, radius) = (DVec3::new(0.0, 0.0, 5.0), 1.5);
        let hit = |ray: DVec3| {
            let along = ray.dot(centre) / ray.length_squared();
            let inside = radius * radius - (centre - along * ray).length_squared();
            if inside < 0.0 { f64::NAN } else { along - (inside / ray.length_squared()).sqrt() }
        };
        let surface = surface(&view, hit);
        let mut compared = 0;
        for (x, y) in (0..200).flat_map(|y| (0..200).map(move |x| (x, y))) {
            let ray = ray(&view, x, y);
            let along = hit(ray);
            if along.is_nan() {
                assert_eq!(surface.normal(x, y), None);
                continue;
            }
            let expected = (along * ray - centre) / radius;
            // Near the rim one pixel spans much of the sphere.
            if expected.dot(-ray.normalize()) > 0.4 {
                let found = normal(&surface, x, y);
                assert!((found - expected).length() < 0.06, "{x}, {y}: {found}, expected {expected}");
                compared += 1;
            }
        }
        assert!(compared > 5000, "only {compared} pixels");
    }

    #[test]
    fn a_step_in_depth_does_not_bend_the_surfaces_beside_it() {
        let view = view(40, 30);
        let surface = surface(&view, |ray| if ray.x < 0.0 { 2.0 } else { 4.0 });
        for x in 0..40 {
            assert!((normal(&surface, x, 10) - DVec3::NEG_Z).length() < 1e-4, "column {x}");
        }
    }

    #[test]
    fn a_single_pixel_has_a_normal_and_a_depth() {
        let view = view(1, 1);
        let wall = wall(&view, 2.0, 1.0);
        assert_eq!(normals(&wall, &view, [0.0; 3]).rgba, [128, 128, 255, 255]);
        let (image, legend) = depth(&wall, &view, [0.0; 3], Colormap::Viridis);
        assert_eq!((image.width, image.height, image.rgba.len()), (1, 1, 4));
        assert_eq!(legend.unwrap().min, 2.0);
    }

    #[test]
    fn depth_fades_into_the_background_and_its_range_comes_from_what_is_covered() {
        let view = view(100, 1);
        let mut rendered = wall(&view, 3.0, 1.0);
        for x in 0..50 {
            rendered.depth[x] = 3.0 + x as f32 * 0.02;
        }
        // Half covered and far away; and nothing at all.
        (rendered.depth[98], rendered.pixels[98][3]) = (0.4 * 900.0, 0.6);
        (rendered.depth[99], rendered.pixels[99][3]) = (0.0, 1.0);
        let (image, legend) = depth(&rendered, &view, [0.0, 0.0, 1.0], Colormap::Turbo);
        let legend = legend.unwrap();
        assert!((legend.min - 3.0).abs() < 1e-6 && (legend.max - 3.98).abs() < 0.05, "{legend:?}");
        assert_eq!(image.rgba[4 * 99..], [0, 0, 255, 255]);
        let [r, g, b] = Colormap::Turbo.colour(1.0).map(|channel| 0.4 * channel);
        let faded = [r, g, b + 0.6].map(|channel| (255.0 * channel).round() as u8);
        assert_eq!(image.rgba[4 * 98..4 * 98 + 3], faded);
    }

    #[test]
    fn nothing_drawn_is_background_without_a_legend() {
        let view = view(9, 7);
        let nothing = wall(&view, 0.0, 0.0);
        let grey = [0.5; 3];
        let plain = empty(&view, grey);
        assert!(plain.rgba.chunks_exact(4).all(|pixel| pixel == [128, 128, 128, 255]));
        assert_eq!(depth(&nothing, &view, grey, Colormap::Turbo), (plain.clone(), None));
        assert_eq!(overdraw(&nothing, &view, grey, Colormap::Turbo), (plain.clone(), None));
        assert_eq!(normals(&nothing, &view, grey), plain);
        assert!(alpha(&nothing, &view).rgba.chunks_exact(4).all(|pixel| pixel == [0, 0, 0, 255]));
    }

    #[test]
    fn overdraw_counts_from_zero_to_the_busiest_pixels() {
        let view = view(10, 10);
        let mut rendered = wall(&view, 0.0, 1.0);
        (0..100).for_each(|i| rendered.pixels[i][0] = i as f32);
        let (image, legend) = overdraw(&rendered, &view, [1.0; 3], Colormap::Viridis);
        assert_eq!(image.rgba[..4], [255; 4]);
        let legend = legend.unwrap();
        assert_eq!((legend.min, legend.max), (0.0, 98.0));
    }

    #[test]
    fn many_threads_paint_what_one_does() {
        let (width, height) = (701, 499);
        let pixel = |x: usize, y: usize| [x as f32 / 701.0, y as f32 / 499.0, ((x * y) % 97) as f32 / 97.0];
        let image = paint(width, height, pixel);
        for (i, found) in image.rgba.chunks_exact(4).enumerate() {
            let expected = pixel(i % 701, i / 701).map(|channel| (255.0 * channel).round() as u8);
            assert_eq!(found[..3], expected, "pixel {i}");
        }
    }
}
