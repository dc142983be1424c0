package dev.oxmcp

import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.put
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import java.util.concurrent.atomic.AtomicInteger

/** How calls wait, end and read their results. */
class CallTest {
    /** Work whose end no test waits for. */
    private val endless = Work(steps = Int.MAX_VALUE)

    @Test
    fun `silence past the timeout fails the call`() = withClient(testServer()) { client ->
        assertFails<McpException.Timeout> { client.callTool("hang", timeout = 100.milliseconds) }
        assertEquals(Sum(5), client.callTool<Args, Sum>("add", Args(2, 3)))
    }

    @Test
    fun `progress keeps a call alive until its longest time`() = withClient(testServer()) { client ->
        growing(200.milliseconds) { timeout ->
            // Three times as long as the timeout in all.
            val work = Work(steps = 15, milliseconds = timeout.inWholeMilliseconds / 5)
            try {
                assertEquals("did 15 steps", client.callTool<Work, String>("work", work, timeout) {})
                true
            } catch (_: McpException.Timeout) {
                false
            }
        }
        assertFails<McpException.Timeout> {
            client.callTool<Work, String>("work", endless, timeout = PATIENCE, maxTimeout = 250.milliseconds) {}
        }
    }

    @Test
    fun `the options' timeout is the default`() =
        withClient(testServer(), ClientOptions(timeout = 100.milliseconds)) { client ->
            assertFails<McpException.Timeout> { client.callTool("hang") }
        }

    @Test
    fun `a timeout must be longer than nothing`() = withClient(testServer()) { client ->
        assertFails<McpException.Misuse> { client.callTool("hang", timeout = Duration.ZERO) }
        assertFails<McpException.Misuse> { client.callTool("hang", maxTimeout = (-1).seconds) }
    }

    @Test
    fun `a timeout may be without end`() = withClient(testServer()) { client ->
        val sum = client.callTool<Args, Sum>("add", Args(1, 1), timeout = Duration.INFINITE, maxTimeout = Duration.INFINITE)
        assertEquals(Sum(2), sum)
    }

    @Test
    fun `cancelling the coroutine cancels the handler`() {
        val watched = Watched()
        withClient(watched.server()) { client ->
            val call = launch { client.callTool("hang") }
            watched.started.await()
            call.cancel()
            withTimeout(PATIENCE) { watched.cancelled.await() }
            call.join()
            client.ping()
        }
    }

    @Test
    fun `cancelling the coroutine cancels the handler over HTTP`() = runBlocking<Unit> {
        for (revision in listOf("2025-11-25", "2026-07-28")) {
            val watched = Watched()
            val server = watched.server()
            val client = McpClient.connect(server.listenHttp().url, options = ClientOptions(protocolVersion = revision))
            val call = launch { client.callTool("hang") }
            watched.started.await()
            call.cancel()
            withTimeout(PATIENCE) { watched.cancelled.await() }
            client.closeAndJoin()
            server.closeAndJoin()
        }
    }

    @Test
    fun `withTimeout works on a call as on anything`() = withClient(testServer()) { client ->
        assertFails<CancellationException> { withTimeout(100) { client.callTool("hang") } }
        client.ping()
    }

    @Test
    fun `what onProgress throws comes out of the call and cancels it`() = withClient(testServer()) { client ->
        val error = assertFails<IllegalStateException> {
            client.callTool<Work, String>("work", endless) { error("seen enough") }
        }
        assertEquals("seen enough", error.message)
    }

    @Test
    fun `onProgress may suspend and call the server`() = withClient(testServer()) { client ->
        val sums = mutableListOf<Int>()
        client.callTool<Work, String>("work", Work(3)) {
            sums += client.callTool<Args, Sum>("add", Args(it.progress.toInt(), 10)).sum
        }
        assertEquals(listOf(11, 12, 13), sums)
    }

    @Test
    fun `one hundred calls hang together and all settle when the client closes`() = runBlocking<Unit> {
        val client = McpClient.connect(testServer())
        val calls = List(100) { async { runCatching { client.callTool("hang") } } }
        client.ping()
        client.close()
        val failures = withTimeout(PATIENCE) { calls.awaitAll() }.map { it.exceptionOrNull() }
        assertTrue(failures.all { it is McpException.Closed }, failures.toString())
    }

    @Test
    fun `calls of several clients on several threads get their own answers`() = withClient(testServer()) { first ->
        val clients = listOf(first, McpClient.connect(testServer()), McpClient.connect(testServer()))
        val wrong = AtomicInteger()
        coroutineScope {
            repeat(1000) { n ->
                launch(kotlinx.coroutines.Dispatchers.Default) {
                    val sum = clients[n % 3].callTool<Args, Sum>("add", Args(n, 1))
                    if (sum != Sum(n + 1)) wrong.incrementAndGet()
                }
            }
        }
        assertEquals(0, wrong.get())
    }

    @Test
    fun `a closed client says so and closing again is fine`() = runBlocking<Unit> {
        val client = McpClient.connect(testServer())
        client.close()
        client.close()
        client.closeAndJoin()
        assertFails<McpException.Closed> { client.callTool("add") }
    }

    @Test
    fun `a tool that failed throws from a typed call`() = withClient(testServer()) { client ->
        val error = assertFails<McpException.Tool> { client.callTool<Unit, Sum>("fail", Unit) }
        assertEquals("it never works", error.message)
        assertTrue(error.result.isError)
    }

    @Test
    fun `an unknown tool is refused by the server`() = withClient(testServer()) { client ->
        val error = assertFails<McpException.Rpc> { client.callTool("nothing") }
        assertEquals(-32602, error.code)
    }

    @Test
    fun `arguments must be an object`() = withClient(testServer()) { client ->
        assertFails<McpException.Misuse> { client.callTool<List<Int>, Sum>("add", listOf(1, 2)) }
    }

    @Test
    fun `a result of another type is told apart`() = withClient(testServer()) { client ->
        val error = assertFails<McpException.Protocol> { client.callTool<Args, Args>("add", Args(1, 2)) }
        assertTrue("add" in error.message, error.message)
    }

    @Test
    fun `a typed call reads what any server may send`() {
        val server = mcpServer("any") {
            val any = buildJsonObject { put("type", "object") }
            tool("text", any) { ToolResult.text("plain words") }
            tool("json", any) { ToolResult.text("""{"sum": 7, "more": true}""") }
            tool("number", any) { ToolResult.text("12") }
            tool("wrapped", any) { ToolResult(structuredContent = buildJsonObject { put("result", 13) }) }
            tool("nothing", any) { ToolResult() }
        }
        withClient(server) { client ->
            assertEquals("plain words", client.callTool<Unit, String>("text", Unit))
            assertEquals(Sum(7), client.callTool<Unit, Sum>("json", Unit))
            assertEquals(12, client.callTool<Unit, Int>("number", Unit))
            assertEquals(13, client.callTool<Unit, Int>("wrapped", Unit))
            assertEquals(13, client.callTool<Unit, Int?>("wrapped", Unit))
            assertEquals(Unit, client.callTool<Unit, Unit>("nothing", Unit))
            assertEquals(ToolResult.text("12"), client.callTool<Unit, ToolResult>("number", Unit).copy(meta = null))
            assertEquals(JsonPrimitive(12), client.callTool<Unit, JsonElement>("number", Unit))
        }
    }
}
