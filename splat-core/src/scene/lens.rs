//! Lens distortion: from the ray of an ideal pinhole to where the real lens put it.
//!
//! A ray is given by its normalised coordinates (a, b) = (X/Z, Y/Z) in camera axes; a lens maps it to (a', b') and
//! the pixel is (fx a' + cx, fy b' + cy). Only this forward direction is needed: photographs are resampled once into
//! pinhole images by asking, for every pixel of the pinhole image, where the lens put that ray.
//!
//! The models and their numbering are COLMAP's [Schoenberger 2016]; the polynomial is [Brown 1966], the fisheye one
//! [Kannala 2006], the field-of-view one [Devernay 2001], the division one [Fitzgibbon 2001], EUCM [Khomutenko 2016].

/// Number of samples of the radial profile when looking for the radius where a model turns back.
const PROFILE_STEPS: usize = 2048;

/// A distortion model with its coefficients.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Lens {
    /// No distortion.
    Pinhole,
    /// Polynomial or rational radial factor plus decentring.
    Brown {
        /// Numerator coefficients of r^2, r^4, r^6, r^8.
        radial: [f64; 4],
        /// Denominator coefficients of r^2, r^4, r^6.
        denominator: [f64; 3],
        /// p1, p2.
        tangential: [f64; 2],
    },
    /// Equidistant fisheye with polynomial, decentring and thin-prism terms in the angle.
    Fisheye {
        /// Coefficients of theta^2, theta^4, theta^6, theta^8.
        radial: [f64; 4],
        /// p1, p2.
        tangential: [f64; 2],
        /// sx1, sy1.
        prism: [f64; 2],
    },
    /// The 12-coefficient fisheye of Project Aria.
    Fisheye624 {
        /// Coefficients of theta^2 .. theta^12.
        radial: [f64; 6],
        /// p0, p1.
        tangential: [f64; 2],
        /// s0 .. s3.
        prism: [f64; 4],
    },
    /// One-parameter field-of-view model.
    Fov {
        /// Field of view of the ideal lens, radians.
        omega: f64,
    },
    /// One-parameter division model.
    Division {
        /// Coefficient of the distorted r^2.
        k: f64,
    },
    /// Enhanced unified camera model.
    Eucm {
        /// Blend between pinhole (0) and ellipsoid (1).
        alpha: f64,
        /// Shape of the ellipsoid.
        beta: f64,
    },
}

impl Lens {
    /// A polynomial [`Lens::Brown`], or [`Lens::Pinhole`] when every coefficient is zero.
    pub fn brown(radial: [f64; 4], tangential: [f64; 2]) -> Self {
        if radial.iter().chain(&tangential).all(|&c| c == 0.0) {
            return Self::Pinhole;
        }
        Self::Brown { radial, denominator: [0.0; 3], tangential }
    }

    /// A fisheye without decentring.
    pub fn fisheye(radial: [f64; 4]) -> Self {
        Self::Fisheye { radial, tangential: [0.0; 2], prism: [0.0; 2] }
    }

    /// Whether every coefficient is a number.
    pub fn is_finite(&self) -> bool {
        let finite = |values: &[f64]| values.iter().all(|v| v.is_finite());
        match self {
            Self::Pinhole => true,
            Self::Brown { radial, denominator, tangential } => {
                finite(radial) && finite(denominator) && finite(tangential)
            }
            Self::Fisheye { radial, tangential, prism } => finite(radial) && finite(tangential) && finite(prism),
            Self::Fisheye624 { radial, tangential, prism } => finite(radial) && finite(tangential) && finite(prism),
            Self::Fov { omega } => omega.is_finite(),
            Self::Division { k } => k.is_finite(),
            Self::Eucm { alpha, beta } => alpha.is_finite() && beta.is_finite(),
        }
    }

    /// Whether the lens may see so wide that a pinhole image of the same focal length has to be cropped.
    pub fn is_wide(&self) -> bool {
        matches!(self, Self::Fisheye { .. } | Self::Fisheye624 { .. } | Self::Fov { .. } | Self::Eucm { .. })
    }

    /// A short name for people.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Pinhole => "pinhole",
            Self::Brown { .. } => "radial and tangential",
            Self::Fisheye { .. } => "fisheye",
            Self::Fisheye624 { .. } => "fisheye with 12 coefficients",
            Self::Fov { .. } => "field of view",
            Self::Division { .. } => "division",
            Self::Eucm { .. } => "enhanced unified",
        }
    }

    /// Where the lens puts the ray (a, b); not finite where the model is undefined.
    pub fn distort(&self, a: f64, b: f64) -> (f64, f64) {
        let r2 = a * a + b * b;
        match *self {
            Self::Pinhole => (a, b),
            Self::Brown { radial, denominator: [d1, d2, d3], tangential } => {
                let factor = (1.0 + series(&radial, r2)) / (1.0 + series(&[d1, d2, d3], r2));
                let (da, db) = decentring(tangential, a, b);
                (a * factor + da, b * factor + db)
            }
            Self::Fisheye { radial, tangential, prism: [sx, sy] } => {
                let (x, y) = equidistant(a, b);
                let theta2 = x * x + y * y;
                let factor = 1.0 + series(&radial, theta2);
                let (dx, dy) = decentring(tangential, x, y);
                (x * factor + dx + sx * theta2, y * factor + dy + sy * theta2)
            }
            Self::Fisheye624 { radial, tangential: [p0, p1], prism: [s0, s1, s2, s3] } => {
                let (u, v) = equidistant(a, b);
                let factor = 1.0 + series(&radial, u * u + v * v);
                let (x, y) = (u * factor, v * factor);
                let q2 = x * x + y * y;
                let dx = 2.0 * p1 * x * y + p0 * (q2 + 2.0 * x * x) + (s0 + s1 * q2) * q2;
                let dy = 2.0 * p0 * x * y + p1 * (q2 + 2.0 * y * y) + (s2 + s3 * q2) * q2;
                (x + dx, y + dy)
            }
            Self::Fov { omega } => {
                let factor = fov_factor(omega, r2.sqrt());
                (a * factor, b * factor)
            }
            Self::Division { k } => {
                let factor = 2.0 / (1.0 + (1.0 - 4.0 * k * r2).sqrt());
                (a * factor, b * factor)
            }
            Self::Eucm { alpha, beta } => {
                let depth = alpha * (beta * r2 + 1.0).sqrt() + (1.0 - alpha);
                (a / depth, b / depth)
            }
        }
    }

    /// The radius `hypot(a, b)` up to which the lens is usable, at most `limit`.
    ///
    /// Fitted polynomials mean nothing outside the image they were fitted on: further out they turn back and would
    /// show the middle of the photograph a second time. Rays beyond the turning point must be masked.
    pub fn valid_radius(&self, limit: f64) -> f64 {
        if matches!(self, Self::Pinhole) {
            return limit;
        }
        let radial_only = self.without_decentring();
        let mut previous = 0.0;
        for i in 1..=PROFILE_STEPS {
            let r = limit * i as f64 / PROFILE_STEPS as f64;
            let (distorted, _) = radial_only.distort(r, 0.0);
            // The negated comparison also stops at NaN, where the model ends.
            if !distorted.is_finite() || distorted <= previous {
                return limit * (i - 1) as f64 / PROFILE_STEPS as f64;
            }
            previous = distorted;
        }
        limit
    }

    fn without_decentring(&self) -> Self {
        let mut lens = *self;
        match &mut lens {
            Self::Brown { tangential, .. } => *tangential = [0.0; 2],
            Self::Fisheye { tangential, prism, .. } => {
                *tangential = [0.0; 2];
                *prism = [0.0; 2];
            }
            Self::Fisheye624 { tangential, prism, .. } => {
                *tangential = [0.0; 2];
                *prism = [0.0; 4];
            }
            Self::Pinhole | Self::Fov { .. } | Self::Division { .. } | Self::Eucm { .. } => {}
        }
        lens
    }
}

/// c0 x + c1 x^2 + c2 x^3 + ..
fn series(coefficients: &[f64], x: f64) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, c| (sum + c) * x)
}

/// Brown's decentring displacement at (a, b), OpenCV's order of p1 and p2.
fn decentring([p1, p2]: [f64; 2], a: f64, b: f64) -> (f64, f64) {
    let r2 = a * a + b * b;
    let da = 2.0 * p1 * a * b + p2 * (r2 + 2.0 * a * a);
    let db = 2.0 * p2 * a * b + p1 * (r2 + 2.0 * b * b);
    (da, db)
}

/// (a, b) scaled so that its length is the angle from the optical axis.
fn equidistant(a: f64, b: f64) -> (f64, f64) {
    let r = a.hypot(b);
    // atan(r)/r = 1 - r^2/3 + ..; below this radius the next term is lost in rounding anyway.
    let factor = if r < 1e-8 { 1.0 } else { r.atan() / r };
    (a * factor, b * factor)
}

/// Ratio of distorted to ideal radius of the field-of-view model, with its limits for small omega and r.
fn fov_factor(omega: f64, r: f64) -> f64 {
    if omega.abs() < 1e-6 {
        return 1.0;
    }
    let stretch = 2.0 * (0.5 * omega).tan();
    if r < 1e-8 {
        return stretch / omega;
    }
    (r * stretch).atan() / (r * omega)
}
