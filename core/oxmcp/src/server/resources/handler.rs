use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde::de::DeserializeOwned;

use super::output::{IntoResourceOutput, ResourceOutput};
use crate::server::handler_fn::Typed;
use crate::server::texts::read_texts;
use crate::server::{Context, HandlerError, HandlerFn, Texts};

/// A request for a resource.
#[derive(Clone, Debug)]
pub struct ResourceRead {
    /// What the client asks for.
    pub uri: String,
    /// The variables of the template that the URI comes from, decoded; none for a resource with a URI of its own.
    pub variables: Texts,
    /// The request it came in.
    pub context: Context,
}

/// What reads a resource, or every resource of a template. Functions and fixed contents are made one by
/// [`Server::resource`](crate::Server::resource); implement it for resources that are not known when the program is written.
///
/// What [`ToolHandler`](super::ToolHandler) says of where it runs and of panics is true here too.
pub trait ResourceHandler: Send + Sync + 'static {
    /// Reads. When the caller no longer waits, the future is dropped.
    fn read(&self, read: ResourceRead) -> BoxFuture<'static, Result<ResourceOutput, HandlerError>>;
}

/// Where the contents of a resource come from: an async function of nothing or of a [`Context`], or the contents themselves, as text or
/// bytes.
///
/// `M` tells these apart and is always inferred.
pub trait ResourceSource<M> {
    /// How many bytes there are, if that is known.
    fn size(&self) -> Option<u64>;

    /// What reads it.
    fn into_handler(self) -> impl ResourceHandler;
}

/// Marks contents.
pub struct IsContents;

/// Marks functions.
pub struct IsFunction<M>(std::marker::PhantomData<M>);

macro_rules! contents {
    ($($type:ty, $convert:expr;)*) => {$(
        impl ResourceSource<IsContents> for $type {
            fn size(&self) -> Option<u64> {
                Some(self.len() as u64)
            }

            fn into_handler(self) -> impl ResourceHandler {
                let convert: fn($type) -> ResourceOutput = $convert;
                Contents(convert(self))
            }
        }
    )*};
}

contents! {
    &'static str, |text| ResourceOutput::Text(text.to_owned());
    String, ResourceOutput::Text;
    &'static [u8], |bytes| ResourceOutput::Blob(Bytes::from_static(bytes));
    Vec<u8>, |bytes| ResourceOutput::Blob(bytes.into());
    Bytes, ResourceOutput::Blob;
}

struct Contents(ResourceOutput);

impl ResourceHandler for Contents {
    fn read(&self, _: ResourceRead) -> BoxFuture<'static, Result<ResourceOutput, HandlerError>> {
        Box::pin(std::future::ready(Ok(self.0.clone())))
    }
}

impl<F, M> ResourceSource<IsFunction<M>> for F
where
    F: HandlerFn<(), M>,
    F::Output: IntoResourceOutput,
    M: 'static,
{
    fn size(&self) -> Option<u64> {
        None
    }

    fn into_handler(self) -> impl ResourceHandler {
        template_handler(self)
    }
}

/// Makes a function of the variables of a template what reads its resources.
pub(super) fn template_handler<F, A, M>(function: F) -> impl ResourceHandler
where
    F: HandlerFn<A, M>,
    A: DeserializeOwned + 'static,
    F::Output: IntoResourceOutput,
    M: 'static,
{
    Typed::<F, A, M>::new(function)
}

impl<F, A, M> ResourceHandler for Typed<F, A, M>
where
    F: HandlerFn<A, M>,
    A: DeserializeOwned + 'static,
    F::Output: IntoResourceOutput,
    M: 'static,
{
    fn read(&self, read: ResourceRead) -> BoxFuture<'static, Result<ResourceOutput, HandlerError>> {
        match read_texts(&read.variables) {
            Ok(variables) => {
                let future = self.0.run(variables, read.context);
                Box::pin(async move { future.await.into_resource_output() })
            }
            // The template has room for more than the type, so to this type there is no such resource.
            Err(error) => {
                tracing::debug!(uri = read.uri, "the variables do not fit: {error}");
                Box::pin(std::future::ready(Err(HandlerError::NotFound)))
            }
        }
    }
}
