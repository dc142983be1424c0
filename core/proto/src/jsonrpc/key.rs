use std::borrow::Cow;

use serde::Deserialize;

/// Text that borrows where it can; serde's own `Cow` always copies.
#[derive(Deserialize)]
pub(crate) struct Key<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);
