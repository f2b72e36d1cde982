//! Photographs on time: worker threads decode ahead, a bounded cache keeps what fits.
//!
//! Two kinds of photos are cached: those at the size asked for, and, while there is room to spare, those at working
//! size, so that the next level of a coarse-to-fine schedule need not decode again. Which of them are there never
//! changes a byte of the result, see [`load_photo`](super::load_photo).

use super::camera::View;
use super::image::{Photo, check_size, load_working_size};
use crate::error::{Error, Result};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// Delivers photos, decoding ahead what was announced.
///
/// One loader serves one data set. Shared by reference between threads; dropping it stops and joins its workers.
#[derive(Debug)]
pub struct PhotoLoader {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    budget: usize,
}

/// A photo at one size. Camera and mask belong to the key because one file may be used by several views.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Key {
    image: PathBuf,
    mask: Option<PathBuf>,
    camera_id: u32,
    size: (u32, u32),
}

impl Key {
    fn new(view: &View, width: u32, height: u32) -> Self {
        Self {
            image: view.image_path.clone(),
            mask: view.mask_path.clone(),
            camera_id: view.camera_id,
            size: (width, height),
        }
    }
}

#[derive(Debug)]
struct Job {
    key: Key,
    view: Arc<View>,
}

#[derive(Debug)]
enum Slot {
    Loading,
    Ready { photo: Arc<Photo>, rank: Rank, ahead: bool },
    Failed(Error),
}

/// Order of eviction: spare working-size photos first, then what was used longest ago.
type Rank = (bool, u64);

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Job>,
    slots: HashMap<Key, Slot>,
    ranks: BTreeMap<Rank, Key>,
    bytes: usize,
    ahead_bytes: usize, // announced, loaded and not yet fetched
    clock: u64,
    closing: bool,
}

impl PhotoLoader {
    /// A loader with `threads` workers (0 = decode on the calling thread only) and a cache of `cache_bytes`.
    pub fn new(threads: usize, cache_bytes: usize) -> Self {
        let shared = Arc::new(Shared { state: Mutex::default(), changed: Condvar::new(), budget: cache_bytes });
        let spawn = |index: usize| {
            let shared = Arc::clone(&shared);
            // A system that refuses a thread costs speed only: photos are then decoded by the caller.
            std::thread::Builder::new().name(format!("photo-{index}")).spawn(move || shared.work()).ok()
        };
        let workers = (0..threads).filter_map(spawn).collect();
        Self { shared, workers }
    }

    /// Announces the photos needed next, in order; replaces what was announced before and not begun.
    ///
    /// Workers pause when half of the cache holds photos that were announced and not yet fetched.
    pub fn prefetch(&self, photos: impl IntoIterator<Item = (Arc<View>, u32, u32)>) {
        let mut state = self.shared.lock();
        state.forget_ahead();
        let mut queued = BTreeSet::new();
        state.queue.clear();
        for (view, width, height) in photos {
            let key = Key::new(&view, width, height);
            if width > 0 && height > 0 && !state.slots.contains_key(&key) && queued.insert(key.clone()) {
                state.queue.push_back(Job { key, view });
            }
        }
        drop(state);
        self.shared.changed.notify_all();
    }

    /// The photo of a view, averaged down to `width` x `height`: from the cache, from a worker, or decoded here.
    ///
    /// # Errors
    /// Those of [`load_photo`](super::load_photo), also when a worker met them. Asking again tries again.
    pub fn get(&self, view: &View, width: u32, height: u32) -> Result<Arc<Photo>> {
        check_size(width, height)?;
        let key = Key::new(view, width, height);
        let mut state = self.shared.lock();
        loop {
            match state.take(&key) {
                Some(result) => {
                    drop(state);
                    // A fetched photo may let the workers go on.
                    self.shared.changed.notify_all();
                    return result;
                }
                None if state.slots.contains_key(&key) => {
                    state = self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
                None => break,
            }
        }
        state.queue.retain(|job| job.key != key);
        state.slots.insert(key.clone(), Slot::Loading);
        drop(state);
        let result = self.shared.load(view, &key);
        let mut state = self.shared.lock();
        match &result {
            Ok(photo) => state.store(key, Arc::clone(photo), false, self.shared.budget),
            Err(_) => drop(state.slots.remove(&key)),
        }
        drop(state);
        self.shared.changed.notify_all();
        result
    }

    /// Bytes of pixels in the cache.
    pub fn cached_bytes(&self) -> usize {
        self.shared.lock().bytes
    }
}

impl Drop for PhotoLoader {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.closing = true;
        state.queue.clear();
        drop(state);
        self.shared.changed.notify_all();
        for worker in self.workers.drain(..) {
            // Workers catch the panics of decoders, so there is nothing to pass on.
            let _ = worker.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is consistent between any two statements, whoever panicked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        let mut state = self.lock();
        while !state.closing {
            let may_go_on = state.ahead_bytes == 0 || state.ahead_bytes < self.budget / 2;
            let Some(job) = may_go_on.then(|| state.queue.pop_front()).flatten() else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            if state.slots.contains_key(&job.key) {
                continue;
            }
            state.slots.insert(job.key.clone(), Slot::Loading);
            drop(state);
            let result = self.load(&job.view, &job.key);
            state = self.lock();
            match result {
                Ok(photo) => state.store(job.key, photo, true, self.budget),
                Err(error) => drop(state.slots.insert(job.key, Slot::Failed(error))),
            }
            self.changed.notify_all();
        }
    }

    /// Makes a photo, from the one at working size if that is still there.
    fn load(&self, view: &View, key: &Key) -> Result<Arc<Photo>> {
        let working = Key { size: (view.width, view.height), ..key.clone() };
        let cached = if working == *key { None } else { self.lock().peek(&working) };
        let made = catch_unwind(AssertUnwindSafe(|| {
            let full = match cached {
                Some(photo) => photo,
                None => Arc::new(load_working_size(view)?),
            };
            let photo =
                if working == *key { Arc::clone(&full) } else { Arc::new(full.resized(key.size.0, key.size.1)) };
            Ok((full, photo))
        }));
        // A decoder that panics must not leave others waiting for a photo that never comes.
        let (full, photo) = made.unwrap_or_else(|_| {
            Err(Error::input(&view.image_path, "the image decoder failed on this file", "convert the image to PNG"))
        })?;
        if working != *key {
            self.lock().store_spare(working, full, self.budget);
        }
        Ok(photo)
    }
}

impl State {
    /// Fetches what is ready, or the error that stands in its place; `None` if it is being loaded or unknown.
    fn take(&mut self, key: &Key) -> Option<Result<Arc<Photo>>> {
        if let Some(Slot::Failed(_)) = self.slots.get(key)
            && let Some(Slot::Failed(error)) = self.slots.remove(key)
        {
            return Some(Err(error));
        }
        self.clock += 1;
        let fresh = (true, self.clock);
        let Some(Slot::Ready { photo, rank, ahead }) = self.slots.get_mut(key) else {
            return None;
        };
        let photo = Arc::clone(photo);
        if std::mem::take(ahead) {
            self.ahead_bytes = self.ahead_bytes.saturating_sub(photo.byte_len());
        }
        let old = std::mem::replace(rank, fresh);
        self.ranks.remove(&old);
        self.ranks.insert(fresh, key.clone());
        Some(Ok(photo))
    }

    /// What is ready, without counting as a use.
    fn peek(&self, key: &Key) -> Option<Arc<Photo>> {
        match self.slots.get(key) {
            Some(Slot::Ready { photo, .. }) => Some(Arc::clone(photo)),
            _ => None,
        }
    }

    /// Puts a photo in place of its `Loading` mark, making room first.
    fn store(&mut self, key: Key, photo: Arc<Photo>, ahead: bool, budget: usize) {
        let size = photo.byte_len();
        while self.bytes + size > budget {
            let Some((_, victim)) = self.ranks.pop_first() else {
                break;
            };
            self.remove(&victim);
        }
        // A photo that was announced is kept even if it alone exceeds the cache: someone is about to fetch it.
        if self.bytes + size > budget && !ahead {
            self.slots.remove(&key);
            return;
        }
        self.clock += 1;
        self.insert(key, photo, (true, self.clock), ahead);
    }

    /// Keeps a working-size photo if that evicts nothing.
    fn store_spare(&mut self, key: Key, photo: Arc<Photo>, budget: usize) {
        if self.bytes + photo.byte_len() <= budget && !self.slots.contains_key(&key) {
            self.clock += 1;
            self.insert(key, photo, (false, self.clock), false);
        }
    }

    fn insert(&mut self, key: Key, photo: Arc<Photo>, rank: Rank, ahead: bool) {
        let size = photo.byte_len();
        self.bytes += size;
        self.ahead_bytes += if ahead { size } else { 0 };
        self.ranks.insert(rank, key.clone());
        self.slots.insert(key, Slot::Ready { photo, rank, ahead });
    }

    fn remove(&mut self, key: &Key) {
        if let Some(Slot::Ready { photo, rank, ahead }) = self.slots.remove(key) {
            self.ranks.remove(&rank);
            self.bytes = self.bytes.saturating_sub(photo.byte_len());
            if ahead {
                self.ahead_bytes = self.ahead_bytes.saturating_sub(photo.byte_len());
            }
        }
    }

    /// Lets everything announced earlier count as ordinary cache content; old failures are tried again.
    fn forget_ahead(&mut self) {
        self.ahead_bytes = 0;
        self.slots.retain(|_, slot| !matches!(slot, Slot::Failed(_)));
        for key in self.ranks.values() {
            if let Some(Slot::Ready { ahead, .. }) = self.slots.get_mut(key) {
                *ahead = false;
            }
        }
    }
}
