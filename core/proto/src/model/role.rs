names! {
    /// Who says something in a conversation, or for whom it is.
    Role {
        /// The user.
        User "user",
        /// The model.
        Assistant "assistant",
    }
}
