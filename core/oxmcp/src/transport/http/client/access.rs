use crate::auth::Authorizer;

/// What gets a client in: goes with every request.
#[derive(Clone, Default)]
pub(crate) struct Access {
    /// Headers of the user's.
    pub(crate) headers: Vec<(String, String)>,
    /// What keeps the client authorized.
    pub(crate) authorizer: Option<Authorizer>,
}
