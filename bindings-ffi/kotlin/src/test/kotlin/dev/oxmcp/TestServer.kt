package dev.oxmcp

import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.delay
import kotlinx.coroutines.runBlocking
import kotlinx.serialization.Serializable
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.add
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.put
import kotlinx.serialization.json.putJsonArray
import kotlinx.serialization.json.putJsonObject

@Serializable
data class Args(val a: Int, val b: Int)

@Serializable
data class Sum(val sum: Int)

@Serializable
data class Work(val steps: Int = 3, val milliseconds: Long = 5)

@Serializable
data class Caller(val version: String, val name: String?, val wantsProgress: Boolean)

/** JSON Schema of `{"text": string}`. */
val textSchema: JsonObject = buildJsonObject {
    put("type", "object")
    putJsonObject("properties") { putJsonObject("text") { put("type", "string") } }
    putJsonArray("required") { add("text") }
}

/** The server that most tests call, in this process or as a child. */
fun testServer(): McpServer = mcpServer("test-server", version = "2.0", title = "Test", instructions = "Be gentle") {
    tool<Args, Sum>("add", "Add two numbers") { Sum(it.a + it.b) }
    tool("echo", textSchema, "Say it again") { ToolResult.text(it.getValue("text").toString()) }
    tool<Work, String>("work", "Take a while") { work ->
        for (step in 1..work.steps) {
            delay(work.milliseconds)
            progress(step, work.steps, "step $step")
        }
        "did ${work.steps} steps"
    }
    tool<Unit, String>("fail", "Never works") { error("it never works") }
    tool<Unit, String>("hang", "Never answers") { awaitCancellation() }
    tool<Unit, Caller>("caller", "Who calls") { Caller(protocolVersion, clientInfo?.name, wantsProgress) }
    tool<Unit, String>("exit", "End the server's process") { Runtime.getRuntime().halt(3).toString() }
}

/** A tool that says when it starts and when it is cancelled, for tests in one process. */
class Watched {
    val started = CompletableDeferred<Unit>()
    val cancelled = CompletableDeferred<Unit>()

    fun server(): McpServer = mcpServer("watched") {
        tool<Unit, String>("hang") {
            started.complete(Unit)
            try {
                awaitCancellation()
            } finally {
                cancelled.complete(Unit)
            }
        }
    }
}

/** Serves [testServer] over stdio. */
object TestProcess {
    @JvmStatic
    fun main(args: Array<String>) = runBlocking {
        println("what a program prints must not disturb the connection")
        testServer().use { it.serveStdio() }
    }

    /** The command that starts this program with the class path of these tests. */
    fun command(): Stdio {
        val java = ProcessHandle.current().info().command().orElse("java")
        return Stdio(
            java,
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Djna.library.path=${System.getProperty("jna.library.path")}",
            "-cp",
            System.getProperty("java.class.path"),
            TestProcess::class.java.name,
        )
    }
}
