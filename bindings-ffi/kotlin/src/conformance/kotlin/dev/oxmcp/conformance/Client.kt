package dev.oxmcp.conformance

import dev.oxmcp.ClientOptions
import dev.oxmcp.Implementation
import dev.oxmcp.McpClient
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.put
import kotlin.system.exitProcess

/** Does what a scenario of the conformance suite wants: `client-kotlin URL`. */
internal suspend fun main(args: Array<String>) {
    require(args.size == 1) { "usage: client-kotlin URL" }
    val scenario = System.getenv("MCP_CONFORMANCE_SCENARIO")
    val options = ClientOptions(clientInfo = Implementation("oxmcp-kotlin-conformance", "0.1.0"))
    McpClient.connect(args.single(), options = options).use { client ->
        when (scenario) {
            "initialize", "request-metadata" -> client.listTools()
            "tools_call" -> {
                client.listTools()
                client.callTool(
                    "add_numbers",
                    buildJsonObject {
                        put("a", 5)
                        put("b", 3)
                    },
                )
            }
            else -> {
                System.err.println("the scenario $scenario is not covered")
                exitProcess(1)
            }
        }
    }
}
