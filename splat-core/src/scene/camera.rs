//! One posed photograph: where the camera stood, how it projects, which files belong to it.
//!
//! Camera axes are OpenCV's (x right, y down, z forward); pixel (0, 0) is the top-left *corner* of the image, so the
//! centre of the first pixel is (0.5, 0.5). A [`View`] always describes an ideal pinhole image at working size;
//! what the file on disk looks like is kept beside it, for the code that resamples the one into the other.

use super::lens::Lens;
use glam::{DAffine3, DMat3, DVec2, DVec3};
use std::path::PathBuf;

/// tan of half the widest field of view a pinhole image made from a fisheye may have (120 degrees): beyond it, a
/// planar image stretches its border so much that most pixels carry no information.
const MAX_HALF_FOV_TAN: f64 = 1.732_050_807_568_877_2;

/// Focal lengths, principal point and size of an image, all in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Intrinsics {
    /// Width of the image.
    pub width: u32,
    /// Height of the image.
    pub height: u32,
    /// Horizontal focal length.
    pub fx: f64,
    /// Vertical focal length.
    pub fy: f64,
    /// Principal point, from the left border.
    pub cx: f64,
    /// Principal point, from the top border.
    pub cy: f64,
}

impl Intrinsics {
    /// The same camera with its image resampled to `width` x `height`.
    pub fn resized(&self, width: u32, height: u32) -> Self {
        let sx = f64::from(width) / f64::from(self.width.max(1));
        let sy = f64::from(height) / f64::from(self.height.max(1));
        Self { width, height, fx: self.fx * sx, fy: self.fy * sy, cx: self.cx * sx, cy: self.cy * sy }
    }

    /// The pinhole image that a photograph taken through `lens` is resampled into at full size, and its offset.
    ///
    /// Focal lengths and size stay; only wide lenses are cropped, to at most 120 degrees. The second value is the
    /// number of columns and rows cut off at the left and top.
    pub fn undistorted(&self, lens: &Lens) -> (Self, [u32; 2]) {
        if !lens.is_wide() {
            return (*self, [0, 0]);
        }
        let crop = |size: u32, focal: f64, centre: f64| {
            let reach = focal * MAX_HALF_FOV_TAN;
            let end = f64::from(size);
            let low = (centre - reach).ceil().clamp(0.0, (end - 1.0).max(0.0));
            let high = (centre + reach).floor().clamp(low + 1.0, end.max(low + 1.0));
            (low as u32, (high - low) as u32)
        };
        let (left, width) = crop(self.width, self.fx, self.cx);
        let (top, height) = crop(self.height, self.fy, self.cy);
        let cx = self.cx - f64::from(left);
        let cy = self.cy - f64::from(top);
        (Self { width, height, cx, cy, ..*self }, [left, top])
    }

    /// The size with its longer edge at most `max_resolution` (0 = unlimited), aspect kept, never 0.
    pub fn limited_size(&self, max_resolution: u32) -> (u32, u32) {
        let long = self.width.max(self.height);
        if max_resolution == 0 || long <= max_resolution {
            return (self.width, self.height);
        }
        let scale = f64::from(max_resolution) / f64::from(long);
        let shrink = |edge: u32| ((f64::from(edge) * scale).round() as u32).max(1);
        (shrink(self.width), shrink(self.height))
    }
}

/// A posed image: pinhole camera at working size, its pose, and the files it is made from.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// Image name relative to the data set, as the source writes it.
    pub name: String,
    /// World to camera, rigid, OpenCV axes.
    pub viewmat: DAffine3,
    /// Horizontal focal length of the pinhole image, pixels.
    pub fx: f64,
    /// Vertical focal length of the pinhole image, pixels.
    pub fy: f64,
    /// Principal point from the left border, pixels.
    pub cx: f64,
    /// Principal point from the top border, pixels.
    pub cy: f64,
    /// Width of the pinhole image at working size.
    pub width: u32,
    /// Height of the pinhole image at working size.
    pub height: u32,
    /// Distortion of the photograph.
    pub lens: Lens,
    /// Camera of the photograph as it is on disk, after [`View::orientation`].
    pub source: Intrinsics,
    /// EXIF orientation (1..=8) to apply when decoding; 1 leaves the pixels as they are.
    pub orientation: u8,
    /// The photograph.
    pub image_path: PathBuf,
    /// Mask beside it, black = ignore.
    pub mask_path: Option<PathBuf>,
    /// Which physical camera took it; views with equal intrinsics share a number.
    pub camera_id: u32,
    /// When it was taken, from 0 (first view of the scene) to 1 (last); `None` where nothing moves.
    pub time: Option<f64>,
}

impl View {
    /// A pinhole camera at `eye` that looks at `target`, with a vertical field of view in degrees.
    ///
    /// # Errors
    /// [`Error::Settings`](crate::Error::Settings) when the directions do not span a view, or a size is zero.
    pub fn look_at(
        eye: DVec3,
        target: DVec3,
        up: DVec3,
        fov_y_deg: f64,
        width: u32,
        height: u32,
    ) -> crate::Result<Self> {
        let forward = (target - eye).normalize_or_zero();
        let right = forward.cross(up).normalize_or_zero();
        let spans = forward != DVec3::ZERO && right != DVec3::ZERO && right.is_finite() && eye.is_finite();
        if !spans || width == 0 || height == 0 || !(fov_y_deg > 0.0 && fov_y_deg < 180.0) {
            return Err(crate::Error::settings(
                format!(
                    "eye {eye}, target {target}, up {up}, {fov_y_deg} degrees and {width}x{height} pixels make no view"
                ),
                "eye and target must differ, up must not point along the view, 0 < fov < 180, and the size must not be zero",
            ));
        }
        let down = forward.cross(right);
        let world_to_cam = DMat3::from_cols(right, down, forward).transpose();
        let focal = 0.5 * f64::from(height) / (0.5 * fov_y_deg.to_radians()).tan();
        let intrinsics =
            Intrinsics { width, height, fx: focal, fy: focal, cx: 0.5 * f64::from(width), cy: 0.5 * f64::from(height) };
        Ok(Self {
            name: "look_at".into(),
            viewmat: DAffine3 { matrix3: world_to_cam, translation: -(world_to_cam * eye) },
            fx: focal,
            fy: focal,
            cx: intrinsics.cx,
            cy: intrinsics.cy,
            width,
            height,
            lens: Lens::Pinhole,
            source: intrinsics,
            orientation: 1,
            image_path: PathBuf::new(),
            mask_path: None,
            camera_id: 0,
            time: None,
        })
    }

    /// Camera centre in the world.
    pub fn position(&self) -> DVec3 {
        -(self.viewmat.matrix3.transpose() * self.viewmat.translation)
    }

    /// The viewing direction in the world, unit length.
    pub fn forward(&self) -> DVec3 {
        self.viewmat.matrix3.row(2)
    }

    /// The pinhole camera at working size.
    pub fn intrinsics(&self) -> Intrinsics {
        Intrinsics { width: self.width, height: self.height, fx: self.fx, fy: self.fy, cx: self.cx, cy: self.cy }
    }

    /// The same view with its pinhole image resampled to `width` x `height`.
    pub fn resized(&self, width: u32, height: u32) -> Self {
        let mut view = self.clone();
        view.set_intrinsics(self.intrinsics().resized(width, height));
        view
    }

    /// Replaces the pinhole camera at working size.
    pub(crate) fn set_intrinsics(&mut self, pinhole: Intrinsics) {
        self.width = pinhole.width;
        self.height = pinhole.height;
        self.fx = pinhole.fx;
        self.fy = pinhole.fy;
        self.cx = pinhole.cx;
        self.cy = pinhole.cy;
    }

    /// Pixel of a world point in the pinhole image; `None` behind the camera. The pixel may lie outside the image.
    pub fn project(&self, point: DVec3) -> Option<DVec2> {
        let p = self.viewmat.transform_point3(point);
        (p.z > 0.0).then(|| DVec2::new(self.fx * p.x / p.z + self.cx, self.fy * p.y / p.z + self.cy))
    }

    /// Whether a world point lies in front of the camera and inside its image.
    pub fn sees(&self, point: DVec3) -> bool {
        self.project(point).is_some_and(|uv| {
            uv.x >= 0.0 && uv.y >= 0.0 && uv.x <= f64::from(self.width) && uv.y <= f64::from(self.height)
        })
    }
}
