//! What the parts above the transport keep with a client. The transport carries it and knows
//! nothing of it.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

type Values = HashMap<TypeId, Arc<dyn Any + Send + Sync>>;

/// One value of each type: settings, set while the client is built, and what its clones share,
/// made when it is first asked for.
#[derive(Default)]
pub(crate) struct Kept(Mutex<Values>);

impl Kept {
    pub(crate) fn set<T: Any + Send + Sync>(&mut self, value: T) {
        self.values().insert(TypeId::of::<T>(), Arc::new(value));
    }

    pub(crate) fn get<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        let value = self.values().get(&TypeId::of::<T>()).cloned()?;
        value.downcast().ok()
    }

    pub(crate) fn get_or_make<T: Any + Send + Sync>(&self, make: impl FnOnce() -> T) -> Arc<T> {
        if let Some(value) = self.get() {
            return value;
        }
        // Not under the lock: making it may ask for another. Whoever is first wins.
        let made = Arc::new(make());
        let value = self
            .values()
            .entry(TypeId::of::<T>())
            .or_insert(made.clone())
            .clone();
        value.downcast().unwrap_or(made)
    }

    fn values(&self) -> MutexGuard<'_, Values> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clone for Kept {
    fn clone(&self) -> Self {
        Self(Mutex::new(self.values().clone()))
    }
}

/// Is told of calls that were refused, perhaps for something that they name, and when they began. A
/// feature above sets it up.
pub(crate) struct OnRefusal(pub(crate) fn(&Kept, Instant));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_of_each_type_whoever_asks() {
        let mut settings = Kept::default();
        settings.set(7_u8);
        let kept = settings.clone();
        assert_eq!(kept.get::<u8>().as_deref(), Some(&7));
        assert_eq!(kept.get::<u16>(), None);
        let made = kept.get_or_make(|| String::from("first"));
        assert!(Arc::ptr_eq(
            &made,
            &kept.get_or_make(|| String::from("second"))
        ));
        // What is made for one client is not of another.
        assert_eq!(settings.get::<String>(), None);
    }
}
