// The test server in a process of its own: `test-server stdio`, or `test-server http`, which prints its URL.

import Foundation
import Oxmcp
import TestTools

let server = try makeTestServer()
try server.tool("exit", "Ends this process in the middle of the call") { exit(3) }
switch CommandLine.arguments.dropFirst().first {
case "stdio":
    print("what a server prints does not disturb the protocol")
    try await server.serveStdio()
case "http":
    let http = try await server.listenHTTP()
    print(http.url)
    fflush(nil)
    try await http.waitUntilClosed()
default:
    fatalError("usage: test-server stdio | http")
}
