//! What is loaded, of whatever type, through one piece of code.
//!
//! Leptos compiles a resource and all that waits for it anew for every type that it holds. Here
//! each of them holds a [`Parcel`], and whoever asked for it knows what is inside.

use std::any::Any;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use leptos::prelude::*;
use leptos::server::codee::{Decoder, Encoder};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A resource of any type.
pub type ParcelResource = Resource<Parcel, Sealed>;

/// Loads what the key asks for, and again when the key is another one.
///
/// The server sends it along, so that hydration asks for nothing; where it is `blocking`, the
/// page waits for it.
pub fn parcel<Key, T, Loaded>(
    key: impl Fn() -> Key + Send + Sync + 'static,
    load: impl Fn(Key) -> Loaded + Send + Sync + 'static,
    blocking: bool,
) -> ParcelResource
where
    Key: PartialEq + Clone + Send + Sync + 'static,
    T: Send + Sync + Serialize + 'static,
    Loaded: Future<Output = T> + Send + 'static,
{
    let key: KeyOf = Box::new(move || AnyKey::new(key()));
    let load: Load = Box::new(move |key| {
        let loading = load(key.get());
        Box::pin(async move { Parcel::pack(loading.await) })
    });
    Resource::new_with_options(key, load, blocking)
}

type KeyOf = Box<dyn Fn() -> AnyKey + Send + Sync>;
type Load = Box<dyn Fn(AnyKey) -> Pin<Box<dyn Future<Output = Parcel> + Send>> + Send + Sync>;

/// A key of any type, compared as what it is.
#[derive(Clone)]
struct AnyKey {
    key: Arc<dyn Any + Send + Sync>,
    equal: fn(&dyn Any, &dyn Any) -> bool,
}

impl AnyKey {
    fn new<Key: PartialEq + Send + Sync + 'static>(key: Key) -> Self {
        Self {
            key: Arc::new(key),
            equal: |left, right| left.downcast_ref::<Key>() == right.downcast_ref::<Key>(),
        }
    }

    fn get<Key: Clone + 'static>(&self) -> Key {
        let key = self.key.downcast_ref::<Key>();
        key.expect("a key is what it was made of").clone()
    }
}

impl PartialEq for AnyKey {
    fn eq(&self, other: &Self) -> bool {
        (self.equal)(&*self.key, &*other.key)
    }
}

/// A value of any type, or its JSON as the page brought it along.
#[derive(Clone)]
pub struct Parcel(Inside);

#[derive(Clone)]
enum Inside {
    Value {
        value: Arc<dyn Any + Send + Sync>,
        /// Written at once, while the type is known. A browser sends nothing along.
        #[cfg(feature = "ssr")]
        json: Arc<str>,
    },
    Json(Arc<str>),
}

impl Parcel {
    /// Puts a value in.
    #[must_use]
    pub fn pack<T: Send + Sync + Serialize + 'static>(value: T) -> Self {
        Self(Inside::Value {
            #[cfg(feature = "ssr")]
            json: serde_json::to_string(&value).unwrap_or_default().into(),
            value: Arc::new(value),
        })
    }

    /// A copy of what was put in; none where it is of another type.
    #[must_use]
    pub fn open<T: Clone + DeserializeOwned + 'static>(&self) -> Option<T> {
        match &self.0 {
            Inside::Value { value, .. } => value.downcast_ref().cloned(),
            Inside::Json(json) => crate::json::read(json).ok(),
        }
    }
}

/// Writes and reads a parcel as the JSON of what it holds.
pub struct Sealed;

impl Encoder<Parcel> for Sealed {
    type Error = Infallible;
    type Encoded = String;

    fn encode(parcel: &Parcel) -> Result<String, Infallible> {
        Ok(match &parcel.0 {
            #[cfg(feature = "ssr")]
            Inside::Value { json, .. } => json.to_string(),
            #[cfg(not(feature = "ssr"))]
            Inside::Value { .. } => String::new(),
            Inside::Json(json) => json.to_string(),
        })
    }
}

impl Decoder<Parcel> for Sealed {
    type Error = Infallible;
    type Encoded = str;

    fn decode(json: &str) -> Result<Parcel, Infallible> {
        Ok(Parcel(Inside::Json(json.into())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parcel_gives_back_what_was_put_in() {
        let parcel = Parcel::pack(vec![(7, "seven".to_owned())]);
        assert_eq!(parcel.open(), Some(vec![(7, "seven".to_owned())]));
        assert_eq!(parcel.open::<String>(), None);
    }

    #[cfg(feature = "ssr")]
    #[test]
    fn a_parcel_survives_the_way_through_the_page() {
        let Ok(json) = Sealed::encode(&Parcel::pack(Some(7)));
        assert_eq!(json, "7");
        let Ok(parcel) = Sealed::decode(&json);
        assert_eq!(parcel.open(), Some(Some(7)));
        assert_eq!(parcel.open::<String>(), None);
    }

    #[test]
    fn keys_are_compared_as_what_they_are() {
        assert!(AnyKey::new(7) == AnyKey::new(7));
        assert!(AnyKey::new(7) != AnyKey::new(8));
        assert!(AnyKey::new(7) != AnyKey::new("7"));
    }
}
