//! Longer work of the drawing thread, cut into units short enough that pictures do not wait.

use std::collections::VecDeque;
use std::path::PathBuf;

use anyhow::Result;
use splat_core::look::{Look, Viewer};
use splat_core::metrics::{compare, photo_over};
use splat_core::run::comparison::write_render;
use splat_core::scene::{View, load_photo};

use super::worker::{Teller, Told};
use crate::video::VideoWriter;

/// Longer work.
pub(crate) enum Task {
    /// Compare views with their photos.
    Score {
        /// Places in the list of all views, and the views at working size.
        views: VecDeque<(usize, View)>,
        /// How many there were at first.
        total: usize,
        /// How splats are shown: in colour, over the background of evaluations.
        look: Look,
    },
    /// Write a picture.
    Shot {
        /// From where, and how large.
        view: Box<View>,
        /// How splats are shown.
        look: Look,
        /// Where to.
        path: PathBuf,
    },
    /// Write the pictures of a camera path.
    Film {
        /// One per picture.
        views: VecDeque<View>,
        /// How many there were at first.
        total: usize,
        /// How splats are shown.
        look: Look,
        /// Takes the pictures; none once it is finished.
        writer: Option<Box<VideoWriter>>,
    },
}

impl Task {
    /// Does one unit; true when there is none left.
    ///
    /// # Errors
    /// What drawing, photos or files return; the task is over then.
    pub(super) fn advance(&mut self, viewer: &mut Viewer, tell: &Teller) -> Result<bool> {
        match self {
            Self::Score { views, total, look } => {
                let Some((index, view)) = views.pop_front() else { return Ok(true) };
                let render = viewer.draw(&view, look)?.image;
                let photo = load_photo(&view, view.width, view.height)?;
                let (psnr, ssim) = compare(&render, &photo_over(&photo, look.background), photo.mask.as_deref());
                // The last score ends what progress tells.
                if *total > 1 {
                    tell.tell(progress("Scoring photos", views.len(), *total));
                }
                tell.tell(Told::Score { index, psnr, ssim });
                Ok(views.is_empty())
            }
            Self::Shot { view, look, path } => {
                write_render(path, &viewer.draw(view, look)?.image)?;
                tell.tell(Told::Done(format!("Wrote {}", path.display())));
                Ok(true)
            }
            Self::Film { views, total, look, writer } => {
                if let (Some(view), Some(writer)) = (views.pop_front(), writer.as_mut()) {
                    writer.write(&viewer.draw(&view, look)?.image)?;
                    tell.tell(progress("Rendering the path", views.len(), *total));
                }
                if !views.is_empty() {
                    return Ok(false);
                }
                if let Some(writer) = writer.take() {
                    let path = writer.finish()?;
                    tell.tell(Told::Done(format!("Wrote {}", path.display())));
                }
                Ok(true)
            }
        }
    }
}

fn progress(label: &str, left: usize, total: usize) -> Told {
    Told::Progress { label: label.into(), share: (total - left) as f32 / total.max(1) as f32 }
}
