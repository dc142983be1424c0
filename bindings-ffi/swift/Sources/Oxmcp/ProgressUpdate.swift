/// How far a call has come.
public struct ProgressUpdate: Sendable, Hashable, Codable {
    /// Grows from one report to the next.
    public var progress: Double
    /// What ``progress`` will be at the end, if the server knows.
    public var total: Double?
    /// What is being done, for people.
    public var message: String?

    public init(progress: Double, total: Double? = nil, message: String? = nil) {
        self.progress = progress
        self.total = total
        self.message = message
    }
}
