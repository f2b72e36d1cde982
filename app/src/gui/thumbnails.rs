//! Small versions of the photos, decoded one at a time on a thread of their own and kept as textures.
//!
//! What was asked for last comes first, since that is what the person is looking at. Textures used longest ago are
//! let go. Not for the photo that is compared with its render: see `compare.rs`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use egui::{ColorImage, Context, TextureHandle, TextureId, TextureOptions, Vec2};
use splat_core::scene::{View, load_photo};

/// Longest edge of a thumbnail, pixels.
const EDGE: u32 = 96;

/// Thumbnails kept; 2,000 take about 70 MB on the device.
const KEPT: usize = 2000;

/// Textures made per frame, so that a burst of finished photos does not delay one.
const UPLOADS: usize = 4;

/// Photos waiting to be decoded; asking for more forgets what was asked for first and has scrolled away since.
const WAITING: usize = 256;

/// What is known of a thumbnail.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Thumbnail<'a> {
    /// Not asked for, or not there yet.
    Pending,
    /// A texture and its size in pixels.
    Ready(TextureId, Vec2),
    /// Why there is none.
    Failed(&'a str),
}

/// The thumbnails of one data set, by the place of the view in the list of all views.
pub(crate) struct Thumbnails {
    shared: Arc<Shared>,
    finished: Receiver<(usize, Decoded)>,
    entries: BTreeMap<usize, Entry>,
    /// Waiting, being decoded, or decoded and not yet a texture.
    asked: BTreeSet<usize>,
    views: usize,
    kept: usize,
    clock: u64,
    /// Why no photo can be decoded at all.
    broken: Option<String>,
}

struct Entry {
    used: u64,
    picture: Result<TextureHandle, String>,
}

type Decoded = Result<ColorImage, String>;

struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
    views: Vec<View>,
}

#[derive(Default)]
struct Queue {
    /// Newest last.
    waiting: VecDeque<usize>,
    closing: bool,
    gentle: bool,
}

impl Thumbnails {
    /// Starts the thread. It asks `ctx` to repaint when a picture is finished.
    pub(crate) fn new(views: impl IntoIterator<Item = View>, ctx: &Context) -> Self {
        Self::keeping(KEPT, views.into_iter().collect(), ctx)
    }

    fn keeping(kept: usize, views: Vec<View>, ctx: &Context) -> Self {
        let count = views.len();
        let shared = Arc::new(Shared { queue: Mutex::default(), changed: Condvar::new(), views });
        let (sender, finished) = channel();
        let worker = {
            let (shared, ctx) = (Arc::clone(&shared), ctx.clone());
            move || shared.work(&sender, &ctx)
        };
        let broken = std::thread::Builder::new()
            .name("thumbnails".into())
            .spawn(worker)
            .err()
            .map(|error| format!("the system refused a thread for thumbnails: {error}"));
        let (entries, asked) = (BTreeMap::new(), BTreeSet::new());
        Self { shared, finished, entries, asked, views: count, kept, clock: 0, broken }
    }

    /// Whether to leave the processor to a training: half of the time is then spent resting.
    pub(crate) fn set_gentle(&self, gentle: bool) {
        self.shared.lock().gentle = gentle;
    }

    /// Turns what has been decoded into textures. Once per frame.
    pub(crate) fn poll(&mut self, ctx: &Context) {
        for _ in 0..UPLOADS {
            let Ok((view, decoded)) = self.finished.try_recv() else { return };
            let upload = |image| ctx.load_texture(format!("thumbnail {view}"), image, TextureOptions::LINEAR);
            self.clock += 1;
            self.asked.remove(&view);
            self.entries.insert(view, Entry { used: self.clock, picture: decoded.map(upload) });
            if self.entries.len() > self.kept {
                let oldest = self.entries.iter().min_by_key(|(_, entry)| entry.used).map(|(&view, _)| view);
                oldest.and_then(|view| self.entries.remove(&view));
            }
        }
        // There may be more.
        ctx.request_repaint();
    }

    /// Asks for a thumbnail, ahead of those asked for earlier; cheap to repeat every frame.
    pub(crate) fn request(&mut self, view: usize) {
        if view >= self.views || self.broken.is_some() || self.entries.contains_key(&view) {
            return;
        }
        let mut queue = self.shared.lock();
        if let Some(place) = queue.waiting.iter().position(|&waiting| waiting == view) {
            queue.waiting.remove(place);
        } else if !self.asked.insert(view) {
            return;
        }
        queue.waiting.push_back(view);
        if queue.waiting.len() > WAITING
            && let Some(forgotten) = queue.waiting.pop_front()
        {
            self.asked.remove(&forgotten);
        }
        drop(queue);
        self.shared.changed.notify_one();
    }

    /// What is known of a thumbnail; counts as a use.
    pub(crate) fn get(&mut self, view: usize) -> Thumbnail<'_> {
        if let Some(reason) = &self.broken {
            return Thumbnail::Failed(reason);
        }
        self.clock += 1;
        let Some(entry) = self.entries.get_mut(&view) else { return Thumbnail::Pending };
        entry.used = self.clock;
        match &entry.picture {
            Ok(texture) => Thumbnail::Ready(texture.id(), texture.size_vec2()),
            Err(reason) => Thumbnail::Failed(reason),
        }
    }

    /// The texture of a thumbnail, if it is there; counts as a use.
    pub(crate) fn texture(&mut self, view: usize) -> Option<TextureId> {
        match self.get(view) {
            Thumbnail::Ready(texture, _) => Some(texture),
            Thumbnail::Pending | Thumbnail::Failed(_) => None,
        }
    }
}

impl Drop for Thumbnails {
    /// Lets the thread end by itself after the photo it is decoding: waiting for that here would hold up the window.
    fn drop(&mut self) {
        let mut queue = self.shared.lock();
        queue.closing = true;
        queue.waiting.clear();
        drop(queue);
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Consistent between any two statements, whoever panicked.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self, sender: &Sender<(usize, Decoded)>, ctx: &Context) {
        while let Some(view) = self.next() {
            let began = Instant::now();
            let decoded = self.decode(view);
            let seconds = began.elapsed();
            if sender.send((view, decoded)).is_err() {
                return;
            }
            let queue = self.lock();
            if !queue.closing {
                ctx.request_repaint();
            }
            if queue.gentle && !queue.closing {
                // Being woken early is fine.
                drop(self.changed.wait_timeout_while(queue, seconds, |queue| !queue.closing));
            }
        }
    }

    /// Waits for a photo to decode; `None` ends the thread.
    fn next(&self) -> Option<usize> {
        let mut queue = self.lock();
        loop {
            if queue.closing {
                return None;
            }
            if let Some(view) = queue.waiting.pop_back() {
                return Some(view);
            }
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn decode(&self, view: usize) -> Decoded {
        let view = self.views.get(view).ok_or("there is no such photo")?;
        let (width, height) = small(view.width, view.height);
        let photo = catch_unwind(AssertUnwindSafe(|| load_photo(view, width, height)))
            // A decoder that panics must not take the other thumbnails with it.
            .map_err(|_| format!("{}: the image decoder failed on this file", view.image_path.display()))?
            .map_err(|error| error.to_string())?;
        Ok(ColorImage::from_rgba_premultiplied([photo.width as usize, photo.height as usize], &photo.rgba))
    }
}

/// The size of a thumbnail: same shape, longest edge [`EDGE`], never larger than the photo.
fn small(width: u32, height: u32) -> (u32, u32) {
    let scale = (f64::from(EDGE) / f64::from(width.max(height).max(1))).min(1.0);
    let edge = |length: u32| ((f64::from(length) * scale).round() as u32).max(1);
    (edge(width), edge(height))
}

#[cfg(test)]
mod tests {
    use super::{Thumbnail, Thumbnails, UPLOADS, WAITING, small};
    use egui::Context;
    use splat_core::scene::{Dataset, LoadOptions, View};
    use std::path::Path;
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    fn views() -> Vec<View> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../datasets/still-life");
        Dataset::load(folder, &LoadOptions::default()).unwrap().test
    }

    fn wait(what: &str, mut done: impl FnMut() -> bool) {
        let began = Instant::now();
        while !done() {
            assert!(began.elapsed() < Duration::from_secs(60), "still no {what}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn sizes_keep_the_shape_and_never_vanish() {
        assert_eq!(small(200, 200), (96, 96));
        assert_eq!(small(4000, 3000), (96, 72));
        assert_eq!(small(50, 20), (50, 20));
        assert_eq!(small(100_000, 1), (96, 1));
    }

    #[test]
    fn a_photo_becomes_a_texture_and_a_missing_one_a_reason() {
        let ctx = Context::default();
        let mut views = views();
        views[1].image_path = "/nowhere/photo.png".into();
        let mut thumbnails = Thumbnails::new(views, &ctx);
        assert_eq!(thumbnails.get(0), Thumbnail::Pending);
        thumbnails.request(0);
        thumbnails.request(1);
        wait("thumbnail", || {
            thumbnails.poll(&ctx);
            thumbnails.get(0) != Thumbnail::Pending && thumbnails.get(1) != Thumbnail::Pending
        });
        let Thumbnail::Ready(texture, size) = thumbnails.get(0) else { panic!("no picture") };
        assert_eq!(size, egui::vec2(96.0, 96.0));
        assert_eq!(thumbnails.texture(0), Some(texture));
        let Thumbnail::Failed(reason) = thumbnails.get(1) else { panic!("no reason") };
        assert!(reason.contains("/nowhere/photo.png"), "{reason}");
        thumbnails.request(1_000_000);
        assert_eq!(thumbnails.get(1_000_000), Thumbnail::Pending);
    }

    #[test]
    fn what_was_used_longest_ago_is_let_go_and_can_be_asked_for_again() {
        let ctx = Context::default();
        let mut thumbnails = Thumbnails::keeping(2, views(), &ctx);
        let fetch = |thumbnails: &mut Thumbnails, view| {
            wait("thumbnail", || {
                thumbnails.request(view);
                thumbnails.poll(&ctx);
                thumbnails.texture(view).is_some()
            });
        };
        fetch(&mut thumbnails, 0);
        fetch(&mut thumbnails, 1);
        assert!(thumbnails.texture(0).is_some(), "now 1 is the oldest");
        fetch(&mut thumbnails, 2);
        assert!(thumbnails.texture(0).is_some());
        assert_eq!(thumbnails.texture(1), None);
        fetch(&mut thumbnails, 1);
    }

    #[test]
    fn a_frame_uploads_a_few_only() {
        let ctx = Context::default();
        let mut thumbnails = Thumbnails::new(views(), &ctx);
        (0..10).for_each(|view| thumbnails.request(view));
        wait("end of the queue", || thumbnails.shared.lock().waiting.is_empty());
        thumbnails.poll(&ctx);
        assert_eq!(thumbnails.entries.len(), UPLOADS, "although at least nine are finished");
        // Asking again while they wait for their upload must not decode them again.
        (0..10).for_each(|view| thumbnails.request(view));
        assert!(thumbnails.shared.lock().waiting.is_empty());
        wait("last thumbnail", || {
            thumbnails.poll(&ctx);
            thumbnails.entries.len() == 10
        });
    }

    #[test]
    fn scrolling_far_forgets_what_is_out_of_sight() {
        let ctx = Context::default();
        let template = views().remove(0);
        let mut thumbnails = Thumbnails::new(vec![template; 5000], &ctx);
        (0..5000).for_each(|view| thumbnails.request(view));
        assert!(thumbnails.shared.lock().waiting.len() <= WAITING);
        assert!(thumbnails.asked.contains(&4999));
        assert!(thumbnails.asked.len() < 5000, "early ones may be asked for again");
    }

    #[test]
    fn dropping_ends_the_thread() {
        let ctx = Context::default();
        let mut thumbnails = Thumbnails::new(views(), &ctx);
        (0..10).for_each(|view| thumbnails.request(view));
        thumbnails.set_gentle(true);
        let shared = Arc::downgrade(&thumbnails.shared);
        drop(thumbnails);
        wait("end of the thread", || shared.upgrade().is_none());
    }
}
