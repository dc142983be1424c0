package example

import dev.oxmcp.McpClient
import dev.oxmcp.McpException
import dev.oxmcp.Stdio
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.jsonObject
import kotlin.system.exitProcess

/** Calls a tool of any server: `client TOOL ARGUMENTS TARGET...`, where the target is a URL or a command. */
suspend fun main(args: Array<String>) {
    if (args.size < 3) {
        System.err.println("usage: client TOOL ARGUMENTS URL|COMMAND...")
        exitProcess(2)
    }
    val (tool, arguments, target) = args
    val succeeded = try {
        connect(target, args.drop(3)).use { client -> call(client, tool, arguments) }
    } catch (e: McpException) {
        System.err.println("error: ${e.message}")
        false
    }
    if (!succeeded) exitProcess(1)
}

private suspend fun connect(target: String, rest: List<String>): McpClient =
    if (target.startsWith("http://") || target.startsWith("https://")) {
        McpClient.connect(target)
    } else {
        McpClient.connect(Stdio(target, *rest.toTypedArray()))
    }

private suspend fun call(client: McpClient, tool: String, arguments: String): Boolean {
    println("server: ${client.serverInfo.name} ${client.serverInfo.version}, revision ${client.protocolVersion}")
    println("tools: ${client.listTools().joinToString { it.name }}")
    val result = client.callTool(tool, Json.parseToJsonElement(arguments).jsonObject) { report ->
        val total = report.total?.let(::plain) ?: "?"
        println("progress: ${plain(report.progress)}/$total ${report.message.orEmpty()}".trimEnd())
    }
    if (result.isError) System.err.println("error: ${result.text}") else println(result.text)
    return !result.isError
}

/** The number without a decimal point where it is whole. */
private fun plain(number: Double): String = if (number % 1.0 == 0.0) number.toLong().toString() else number.toString()
