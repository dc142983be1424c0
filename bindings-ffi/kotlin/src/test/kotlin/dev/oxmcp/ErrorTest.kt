package dev.oxmcp

import kotlinx.coroutines.async
import kotlinx.coroutines.runBlocking
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.put
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertInstanceOf
import org.junit.jupiter.api.Assertions.assertNotNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.params.ParameterizedTest
import org.junit.jupiter.params.provider.CsvSource
import kotlin.time.Duration.Companion.milliseconds
import java.net.InetAddress
import java.net.ServerSocket

/** What goes wrong, and as what it comes out. */
class ErrorTest {
    @Test
    suspend fun `a command that cannot be started`() {
        val error = assertFails<McpException.Connect> { McpClient.connect(Stdio("/no/such/program")) }
        assertTrue("/no/such/program" in error.message, error.message)
    }

    @Test
    suspend fun `an address where nobody listens`() {
        val told = withDeadPort { port ->
            assertFails<McpException.Connect> { McpClient.connect("http://127.0.0.1:$port/mcp") }
        }
        assertNotNull(told)
    }

    @Test
    suspend fun `a URL that is none`() {
        assertFails<McpException.Misuse> { McpClient.connect("what is this") }
    }

    @Test
    suspend fun `a command that exits at once`() {
        assertFails<McpException.Connect> { McpClient.connect(Stdio("true")) }
    }

    @Test
    suspend fun `a command that speaks something else`() {
        assertFails<McpException.Connect> { McpClient.connect(Stdio("echo", "hello")) }
    }

    @Test
    suspend fun `a command that says nothing`() {
        assertFails<McpException.Timeout> {
            McpClient.connect(Stdio("sleep", "600"), ClientOptions(connectTimeout = 300.milliseconds))
        }
    }

    @Test
    suspend fun `a revision that nobody knows`() {
        testServer().use { server ->
            assertFails<McpException.Misuse> { McpClient.connect(server, ClientOptions(protocolVersion = "1999-01-01")) }
        }
    }

    @Test
    suspend fun `a path where no server is`() {
        testServer().use { server ->
            assertFails<McpException.Rpc> { McpClient.connect(server.listenHttp().url + "/elsewhere") }
        }
    }

    @Test
    fun `a message over the limit`() = withClient(testServer(), ClientOptions(maxMessageBytes = 100_000)) { client ->
        val long = buildJsonObject { put("text", "x".repeat(200_000)) }
        assertFails<McpException.TooLarge> { client.callTool("echo", long) }
    }

    @Test
    fun `a structured result that breaks its schema`() {
        val server = mcpServer("wrong") {
            tool("sum", json("""{"type":"object"}"""), outputSchema = jsonSchema<Sum>()) {
                ToolResult.structured(json("""{"sum":"three"}"""))
            }
        }
        withClient(server) { client -> assertFails<McpException.Rpc> { client.callTool("sum") } }
    }

    @Test
    fun `a server that dies during a call`() = runBlocking<Unit> {
        McpClient.connect(TestProcess.command()).use { client ->
            val hanging = async { runCatching { client.callTool("hang") } }
            client.ping()
            assertFails<McpException.Closed> { client.callTool("exit") }
            assertInstanceOf(McpException.Closed::class.java, hanging.await().exceptionOrNull())
            assertFails<McpException.Closed> { client.ping() }
        }
    }

    @Test
    suspend fun `a listener that is not allowed or not possible`() {
        mcpServer("bound").use { server ->
            assertFails<McpException.Misuse> { server.listenHttp(host = "0.0.0.0") }
            ServerSocket(0, 1, InetAddress.getLoopbackAddress()).use { taken ->
                assertFails<McpException.Connect> { server.listenHttp(port = taken.localPort) }
            }
        }
    }

    @ParameterizedTest
    @CsvSource(
        "Misuse", "Connect", "Closed", "Timeout", "Cancelled", "Rpc", "Protocol", "TooLarge", "UnsupportedVersion",
        "Unsupported", "Unauthorized", "Overloaded", "Internal",
    )
    fun `every kind has its class`(kind: String) {
        val error = WireError.read("""{"kind":"$kind","message":"m","code":-5,"data":[1]}""".encodeToByteArray())
        assertEquals("dev.oxmcp.McpException\$$kind", error.javaClass.name)
        assertEquals("m", error.message)
        if (error is McpException.Rpc) assertEquals(-5, error.code)
    }

    @Test
    fun `a kind that is not known is internal`() {
        val error = WireError.read("""{"kind":"Newer","message":"m"}""".encodeToByteArray())
        assertInstanceOf(McpException.Internal::class.java, error)
    }

    @Test
    fun `the stack trace leads to the caller`() = withClient(testServer()) { client ->
        val error = assertFails<McpException.Rpc> { client.callTool("nothing") }
        assertTrue(error.stackTrace.any { it.className.startsWith(ErrorTest::class.java.name) }, error.stackTraceToString())
    }
}
