//! Where a picture lies on the screen, and which pixel is under which point.

use egui::{Pos2, Rect, Vec2};
use glam::DVec2;

/// A picture fitted into an area with its aspect kept, in the middle, with bars at two sides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Fit {
    /// The picture on the screen, points.
    rect: Rect,
    /// Its size in pixels.
    size: DVec2,
}

impl Fit {
    /// Fits a picture of `width` x `height` pixels into an area. Empty pictures and areas count as one pixel or point.
    pub(crate) fn new(area: Rect, width: u32, height: u32) -> Self {
        let size = DVec2::new(f64::from(width.max(1)), f64::from(height.max(1)));
        let room = area.size().max(Vec2::splat(1.0));
        let scale = (room.x / size.x as f32).min(room.y / size.y as f32);
        let rect = Rect::from_center_size(area.center(), Vec2::new(size.x as f32, size.y as f32) * scale);
        Self { rect, size }
    }

    /// The picture on the screen.
    pub(crate) fn rect(&self) -> Rect {
        self.rect
    }

    /// Size of the picture in pixels.
    pub(crate) fn size(&self) -> DVec2 {
        self.size
    }

    /// Points per pixel.
    pub(crate) fn scale(&self) -> f64 {
        f64::from(self.rect.width()) / self.size.x
    }

    /// The place of a pixel on the screen.
    pub(crate) fn to_screen(self, pixel: DVec2) -> Pos2 {
        let at = pixel * self.scale();
        self.rect.min + Vec2::new(at.x as f32, at.y as f32)
    }

    /// The pixel at a place on the screen, which may lie outside the picture.
    pub(crate) fn to_pixel(self, at: Pos2) -> DVec2 {
        let offset = at - self.rect.min;
        DVec2::new(f64::from(offset.x), f64::from(offset.y)) / self.scale()
    }

    /// The pixel at a place on the screen; `None` on the bars and beyond.
    pub(crate) fn inside(&self, at: Pos2) -> Option<DVec2> {
        self.rect.contains(at).then(|| self.to_pixel(at).clamp(DVec2::ZERO, self.size))
    }
}

#[cfg(test)]
mod tests {
    use super::Fit;
    use egui::{Rect, pos2, vec2};
    use glam::DVec2;

    #[test]
    fn a_wide_picture_has_bars_above_and_below() {
        let fit = Fit::new(Rect::from_min_size(pos2(100.0, 50.0), vec2(400.0, 400.0)), 800, 400);
        assert_eq!(fit.rect(), Rect::from_min_size(pos2(100.0, 150.0), vec2(400.0, 200.0)));
        assert_eq!(fit.to_screen(DVec2::new(800.0, 400.0)), pos2(500.0, 350.0));
        assert_eq!(fit.inside(pos2(300.0, 250.0)), Some(DVec2::new(400.0, 200.0)));
        assert_eq!(fit.inside(pos2(300.0, 100.0)), None);
        assert_eq!(fit.to_pixel(pos2(90.0, 150.0)), DVec2::new(-20.0, 0.0));
    }

    #[test]
    fn empty_areas_and_pictures_give_numbers() {
        for (size, width, height) in [(vec2(0.0, 0.0), 640, 480), (vec2(-5.0, 10.0), 0, 0)] {
            let fit = Fit::new(Rect::from_min_size(pos2(3.0, 4.0), size), width, height);
            assert!(fit.scale() > 0.0 && fit.to_pixel(pos2(1.0, 2.0)).is_finite());
        }
    }
}
