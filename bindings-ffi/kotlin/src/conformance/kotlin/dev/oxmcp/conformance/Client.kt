package dev.oxmcp.conformance

import dev.oxmcp.ClientOptions
import dev.oxmcp.Implementation
import dev.oxmcp.McpClient
import kotlinx.serialization.Serializable
import kotlin.system.exitProcess

/** Does what a scenario of the conformance suite wants: `client-kotlin URL`. */
internal suspend fun main(args: Array<String>) {
    require(args.size == 1) { "usage: client-kotlin URL" }
    val scenario = System.getenv("MCP_CONFORMANCE_SCENARIO")
    val play = scenarios[scenario]
    if (play == null) {
        System.err.println("the scenario $scenario is not covered")
        exitProcess(1)
    }
    val options = ClientOptions(clientInfo = Implementation("oxmcp-kotlin-conformance", "0.1.0"))
    McpClient.connect(args.single(), options = options).use { play(it) }
}

private val scenarios: Map<String, suspend (McpClient) -> Unit> = mapOf(
    "initialize" to { it.listTools() },
    "request-metadata" to { it.listTools() },
    "json-schema-ref-no-deref" to { it.listTools() },
    "tools_call" to { client ->
        client.listTools()
        client.callTool<AddNumbers, String>("add_numbers", AddNumbers(5.0, 3.0))
    },
)

@Serializable
private data class AddNumbers(val a: Double, val b: Double)
