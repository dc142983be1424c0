/// How far a client goes to have one request let in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Effort {
    /// Somebody waits for the answer: as far as it takes, to a visit of the user too.
    #[default]
    Full,
    /// Nobody has asked for it just now: as far as no user notices.
    Quiet,
    /// It is the last of a client that ends: it is sent with what there is, and nothing new is asked for.
    AsIs,
}
