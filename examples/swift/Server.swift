import Foundation
import Oxmcp

struct CountWords: Codable {
    var text: String
}

struct Counts: Codable {
    var lines: Int
    var words: Int
    var characters: Int
}

struct FindText: Codable {
    var folder: String
    var text: String
}

/// A server that knows facts about text, on its standard streams, or over HTTP with `--port N`.
@main
struct Server {
    static func main() async throws {
        let server = try textFacts()
        let arguments = CommandLine.arguments
        if let flag = arguments.firstIndex(of: "--port"), let port = arguments.dropFirst(flag + 1).first.flatMap({ Int($0) }) {
            let http = try await server.listenHTTP(port: port)
            FileHandle.standardError.write(Data("listening on \(http.url)\n".utf8))
            try await http.waitUntilClosed()
        } else {
            try await server.serveStdio()
        }
    }
}

func textFacts() throws -> MCPServer {
    let server = MCPServer(name: "text-facts", version: "0.1.0")
    let readOnly = ToolAnnotations(readOnlyHint: true)

    try server.tool(
        "count_words", "How much text it is: lines, words and characters",
        schema: .object(["text": .string("The text to count")]), annotations: readOnly
    ) { (arguments: CountWords) in
        count(arguments.text)
    }

    try server.tool(
        "find_text", "Where the files of a folder hold a text",
        schema: .object([
            "folder": .string("The folder to look in"),
            "text": .string("The text to look for"),
        ]), annotations: readOnly
    ) { (arguments: FindText, context) in
        let files = try filesOf(arguments.folder)
        var hits: [String] = []
        for (done, file) in files.enumerated() {
            context.progress(Double(done + 1), total: Double(files.count), message: file.lastPathComponent)
            for (number, line) in lines(of: try String(contentsOf: file, encoding: .utf8)).enumerated()
            where line.contains(arguments.text) {
                hits.append("\(file.lastPathComponent):\(number + 1): \(line)")
            }
        }
        return hits.joined(separator: "\n")
    }
    return server
}

func count(_ text: String) -> Counts {
    Counts(
        lines: lines(of: text).count,
        words: text.unicodeScalars.split(whereSeparator: \.properties.isWhitespace).count,
        characters: text.unicodeScalars.count)
}

/// What line feeds end, and what comes after the last. Not `Character` by `Character`: those take "\r\n" for one.
func lines(of text: String) -> [String] {
    var lines = text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false).map { String($0) }
    if lines.last == "" { lines.removeLast() }
    return lines
}

/// The files of a folder, by name.
func filesOf(_ folder: String) throws -> [URL] {
    let url = URL(fileURLWithPath: folder, isDirectory: true)
    do {
        return try FileManager.default.contentsOfDirectory(at: url, includingPropertiesForKeys: [.isRegularFileKey])
            .filter { try $0.resourceValues(forKeys: [.isRegularFileKey]).isRegularFile == true }
            .sorted { $0.lastPathComponent < $1.lastPathComponent }
    } catch {
        throw ToolError("The folder \(folder) cannot be read: \(error.localizedDescription)")
    }
}
