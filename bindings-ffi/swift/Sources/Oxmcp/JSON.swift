import Foundation

/// How this package writes and reads JSON: dates as ISO 8601 text, data as base64, and the members of objects in the
/// order of their names, so that the same value is always the same text.
enum JSON {
    private static let encoder: JSONEncoder = {
        let encoder = JSONEncoder()
        encoder.dateEncodingStrategy = .iso8601
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return encoder
    }()

    private static let decoder: JSONDecoder = {
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .iso8601
        return decoder
    }()

    /// The JSON of a value that the caller gave.
    static func encode(_ value: some Encodable) throws -> Data {
        do {
            return try encoder.encode(value)
        } catch {
            throw MCPError(kind: .misuse, message: "A \(type(of: value)) cannot be written as JSON: \(explanation(of: error))")
        }
    }

    /// Reads JSON that the caller or the core wrote. Throws `DecodingError`.
    static func decode<T: Decodable>(_ type: T.Type, from json: Data) throws -> T {
        try decoder.decode(type, from: json)
    }

    /// Reads what a peer sent, where the core has checked that it is JSON of the right method.
    static func decodeAnswer<T: Decodable>(_ type: T.Type, from json: Data, of method: String) throws -> T {
        do {
            return try decoder.decode(type, from: json)
        } catch {
            throw MCPError(kind: .protocol, message: "The peer's answer to \(method) cannot be read: \(explanation(of: error))")
        }
    }

    /// The JSON string literal of UTF-8 text.
    static func quote(_ text: some Sequence<UInt8>) -> [UInt8] {
        let digits = Array("0123456789abcdef".utf8)
        var out: [UInt8] = []
        out.reserveCapacity(text.underestimatedCount + 2)
        out.append(UInt8(ascii: "\""))
        for byte in text {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                out += [UInt8(ascii: "\\"), byte]
            case 0..<0x20:
                out += "\\u00".utf8
                out += [digits[Int(byte >> 4)], digits[Int(byte & 0xf)]]
            default:
                out.append(byte)
            }
        }
        out.append(UInt8(ascii: "\""))
        return out
    }

    /// What an encoding or decoding error says, in one line with the place.
    static func explanation(of error: any Error) -> String {
        switch error {
        case DecodingError.keyNotFound(let key, let context):
            "\(place(context.codingPath))lacks \"\(key.stringValue)\""
        case DecodingError.typeMismatch(let type, let context):
            "\(place(context.codingPath))is not a \(type)"
        case DecodingError.valueNotFound(let type, let context):
            "\(place(context.codingPath))is null, not a \(type)"
        case DecodingError.dataCorrupted(let context):
            "\(place(context.codingPath))is wrong: \(context.debugDescription)"
        case EncodingError.invalidValue(let value, let context):
            "\(place(context.codingPath))holds \(value): \(context.debugDescription)"
        default:
            "\(error)"
        }
    }

    private static func place(_ path: [any CodingKey]) -> String {
        if path.isEmpty { return "it " }
        let names = path.map { key in key.intValue.map { "[\($0)]" } ?? ".\(key.stringValue)" }.joined()
        return names.drop { $0 == "." } + " "
    }
}
