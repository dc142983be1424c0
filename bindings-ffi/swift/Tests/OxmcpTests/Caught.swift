import Testing

/// The error of type `type` that `body` throws; anything else fails the test.
func caught<E: Error, Value: Sendable>(
    _ type: E.Type,
    sourceLocation: SourceLocation = #_sourceLocation,
    from body: () async throws -> Value
) async -> E? {
    do {
        let value = try await body()
        Issue.record("there should be an error, not \(value)", sourceLocation: sourceLocation)
    } catch let error as E {
        return error
    } catch {
        Issue.record("there should be a \(type), not \(Swift.type(of: error)): \(error)", sourceLocation: sourceLocation)
    }
    return nil
}
