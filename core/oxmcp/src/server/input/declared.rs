use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use oxmcp_proto::Era;
use oxmcp_proto::model::{CreateMessageResult, Root};
use serde::de::DeserializeOwned;

use super::{Elicit, Elicited, InputError, Sample};
use crate::Context;
use crate::server::HandlerFn;

/// Something to ask a client: an [`Elicit`], a [`Sample`], [`ListRoots`], or several of them as a tuple.
pub trait Input: Send + 'static {
    /// What a handler gets. Without it, the handler does not run.
    type Answer: Send;

    /// Asks.
    fn ask(self, context: &Context) -> impl Future<Output = Result<Self::Answer, InputError>> + Send;
}

/// Begins the handler of a tool, a prompt or a resource template that asks its client before it runs: the questions follow from the
/// arguments, and the handler runs once, with the answers, in every revision. If the user says no, or cannot be asked, it does not run at all.
///
/// ```
/// use oxmcp::Server;
/// use oxmcp::server::{Confirmed, Elicit, ask};
/// use schemars::JsonSchema;
/// use serde::Deserialize;
///
/// #[derive(Deserialize, JsonSchema)]
/// struct Delete {
///     path: String,
/// }
///
/// #[derive(Deserialize, JsonSchema)]
/// struct Reason {
///     why: String,
/// }
///
/// let server = Server::new("demo", "1.0.0").tool(
///     "delete",
///     "Delete a file.",
///     ask(|delete: &Delete| {
///         let path = &delete.path;
///         (Elicit::confirm(format!("Delete {path}?")), Elicit::<Reason>::form("Why?"))
///     })
///     .then(|delete: Delete, (Confirmed, reason): (Confirmed, Reason)| async move {
///         format!("{} is gone, because {}", delete.path, reason.why)
///     }),
/// );
/// ```
pub fn ask<A, I: Input, Q: Fn(&A) -> I>(questions: Q) -> Ask<A, Q> {
    Ask { questions, arguments: PhantomData }
}

/// Questions to ask before a handler runs; see [`ask`].
pub struct Ask<A, Q> {
    questions: Q,
    arguments: PhantomData<fn(A)>,
}

impl<A, Q> Ask<A, Q> {
    /// What runs with the answers: an async function of the arguments and the answers, and of a [`Context`] if it likes. It may return what
    /// every such handler may.
    pub fn then<H>(self, handler: H) -> Asked<A, Q, H> {
        Asked { ask: self, handler: Arc::new(handler) }
    }
}

/// A handler that asks before it runs; see [`ask`].
pub struct Asked<A, Q, H> {
    ask: Ask<A, Q>,
    handler: Arc<H>,
}

/// Marks functions of their arguments and answers.
pub struct OfAnswers;

/// Marks functions of their arguments, answers and a context.
pub struct OfAnswersAndContext;

impl<A, I, Q, H, Fut> HandlerFn<A, OfAnswers> for Asked<A, Q, H>
where
    A: DeserializeOwned + Send + 'static,
    I: Input,
    Q: Fn(&A) -> I + Send + Sync + 'static,
    H: Fn(A, I::Answer) -> Fut + Send + Sync + 'static,
    Fut: Future + Send + 'static,
{
    type Output = Result<Fut::Output, InputError>;
    type Future = BoxFuture<'static, Self::Output>;

    fn run(&self, arguments: A, context: Context) -> Self::Future {
        let questions = (self.ask.questions)(&arguments);
        let handler = self.handler.clone();
        Box::pin(async move {
            let answers = questions.ask(&context).await?;
            Ok(handler(arguments, answers).await)
        })
    }
}

impl<A, I, Q, H, Fut> HandlerFn<A, OfAnswersAndContext> for Asked<A, Q, H>
where
    A: DeserializeOwned + Send + 'static,
    I: Input,
    Q: Fn(&A) -> I + Send + Sync + 'static,
    H: Fn(A, I::Answer, Context) -> Fut + Send + Sync + 'static,
    Fut: Future + Send + 'static,
{
    type Output = Result<Fut::Output, InputError>;
    type Future = BoxFuture<'static, Self::Output>;

    fn run(&self, arguments: A, context: Context) -> Self::Future {
        let questions = (self.ask.questions)(&arguments);
        let handler = self.handler.clone();
        Box::pin(async move {
            let answers = questions.ask(&context).await?;
            Ok(handler(arguments, answers, context).await)
        })
    }
}

/// Only a yes is an answer.
impl<T: Send + 'static> Input for Elicit<T> {
    type Answer = T;

    async fn ask(self, context: &Context) -> Result<T, InputError> {
        context.elicit(self).await?.accepted()
    }
}

/// A question to a user that may be answered with a no: [`Elicit::optional`].
#[derive(Clone, Debug)]
pub struct OptionalElicit<T>(pub(super) Elicit<T>);

impl<T: Send + 'static> Input for OptionalElicit<T> {
    type Answer = Elicited<T>;

    async fn ask(self, context: &Context) -> Result<Elicited<T>, InputError> {
        context.elicit(self.0).await
    }
}

impl Input for Sample {
    type Answer = CreateMessageResult;

    async fn ask(self, context: &Context) -> Result<CreateMessageResult, InputError> {
        context.sample(self).await
    }
}

/// Asks for a client's roots: [`Context::list_roots`].
#[derive(Clone, Copy, Debug, Default)]
pub struct ListRoots;

impl Input for ListRoots {
    type Answer = Vec<Root>;

    async fn ask(self, context: &Context) -> Result<Vec<Root>, InputError> {
        context.list_roots().await
    }
}

/// Both in one round where there are rounds; in a session one after the other, so that nobody is asked in vain after a no.
impl<I: Input, J: Input> Input for (I, J) {
    type Answer = (I::Answer, J::Answer);

    async fn ask(self, context: &Context) -> Result<Self::Answer, InputError> {
        let (first, second) = self;
        match context.era() {
            Era::Handshake => Ok((first.ask(context).await?, second.ask(context).await?)),
            Era::Stateless => futures_util::future::try_join(first.ask(context), second.ask(context)).await,
        }
    }
}

/// See the pair.
impl<I: Input, J: Input, K: Input> Input for (I, J, K) {
    type Answer = (I::Answer, J::Answer, K::Answer);

    async fn ask(self, context: &Context) -> Result<Self::Answer, InputError> {
        let (first, second, third) = self;
        let (first, (second, third)) = (first, (second, third)).ask(context).await?;
        Ok((first, second, third))
    }
}
