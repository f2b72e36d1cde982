//! Buffers of stages that live as long as a scratch.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// What stages keep in a scratch, by type: made when a stage first asks, dropped with the scratch. So the rasterizer,
/// whose capacity the buffers follow, need not know the stages beside it.
#[derive(Default)]
pub struct OwnBuffers(Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>);

impl OwnBuffers {
    /// The one `T` of this scratch, made by `make` when there is none.
    pub fn get_or_make<T: Any + Send + Sync>(&self, make: impl FnOnce() -> T) -> Arc<T> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = kept.entry(TypeId::of::<T>()).or_insert_with(|| Arc::new(make())).clone();
        drop(kept);
        own.downcast().unwrap_or_else(|_| unreachable!("kept by its type"))
    }
}

impl fmt::Debug for OwnBuffers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("OwnBuffers").finish_non_exhaustive()
    }
}
