package dev.oxmcp

import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.flow.map
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.runBlocking
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.put
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNotNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.TestInstance
import org.junit.jupiter.params.AfterParameterizedClassInvocation
import org.junit.jupiter.params.BeforeParameterizedClassInvocation
import org.junit.jupiter.params.Parameter
import org.junit.jupiter.params.ParameterizedClass
import org.junit.jupiter.params.provider.CsvSource

enum class Transport { MEMORY, STDIO, HTTP }

/** The same behaviour over every transport and in every revision. */
@ParameterizedClass(name = "{0} {1}")
@CsvSource(
    "MEMORY, negotiated", "MEMORY, 2024-11-05", "MEMORY, 2025-03-26", "MEMORY, 2025-06-18", "MEMORY, 2025-11-25",
    "MEMORY, 2026-07-28",
    "STDIO, negotiated", "STDIO, 2025-11-25", "STDIO, 2026-07-28",
    "HTTP, negotiated", "HTTP, 2025-03-26", "HTTP, 2025-06-18", "HTTP, 2025-11-25", "HTTP, 2026-07-28",
)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class EveryTransportTest {
    private lateinit var server: McpServer
    private lateinit var client: McpClient

    @Parameter(0)
    lateinit var transport: Transport

    @Parameter(1)
    lateinit var revision: String

    @BeforeParameterizedClassInvocation
    fun connect(): Unit = runBlocking {
        server = testServer()
        val options = ClientOptions(
            clientInfo = Implementation("test-client", "1.2.3"),
            protocolVersion = revision.takeIf { it != "negotiated" },
            connectTimeout = PATIENCE,
        )
        client = when (transport) {
            Transport.MEMORY -> McpClient.connect(server, options)
            Transport.STDIO -> McpClient.connect(TestProcess.command(), options)
            Transport.HTTP -> McpClient.connect(server.listenHttp().url, options = options)
        }
    }

    @AfterParameterizedClassInvocation
    fun close(): Unit = runBlocking {
        client.closeAndJoin()
        server.closeAndJoin()
    }

    @Test
    fun `the client knows its server`() {
        assertEquals("test-server", client.serverInfo.name)
        assertEquals("2.0", client.serverInfo.version)
        val expected = when {
            revision != "negotiated" -> setOf(revision)
            // Where a process takes seconds to start, the client tries the handshake, which it understands too.
            transport == Transport.STDIO -> setOf("2026-07-28", "2025-11-25")
            else -> setOf("2026-07-28")
        }
        assertTrue(client.protocolVersion in expected, client.protocolVersion)
        assertEquals("Be gentle", client.instructions)
        assertNotNull(client.capabilities["tools"])
    }

    @Test
    suspend fun `tools are listed in order with their schemas`() {
        val tools = client.listTools()
        assertEquals(listOf("add", "echo", "work", "fail", "hang", "caller", "exit"), tools.map { it.name })
        val add = tools.first()
        assertEquals("Add two numbers", add.description)
        assertEquals(jsonSchema<Args>(), add.inputSchema)
        assertEquals(textSchema, tools[1].inputSchema)
        assertEquals(tools.map { it.name }, client.tools().map { it.name }.toList())
    }

    @Test
    suspend fun `a typed call returns its type`() {
        assertEquals(Sum(3), client.callTool<Args, Sum>("add", Args(1, 2)))
    }

    @Test
    suspend fun `a call returns the result as the server sent it`() {
        val text = "quotes \" and \\ and ünïcödé \uD83D\uDE80 and a line\nfeed"
        val result = client.callTool("echo", buildJsonObject { put("text", text) })
        assertFalse(result.isError)
        assertEquals(JsonPrimitive(text).toString(), result.text)
    }

    @Test
    suspend fun `progress comes in order and before the result`() {
        val reports = mutableListOf<Progress>()
        val text = client.callTool<Work, String>("work", Work(4)) { reports += it }
        assertEquals("did 4 steps", text)
        assertEquals((1..4).map { Progress(it.toDouble(), 4.0, "step $it") }, reports)
    }

    @Test
    suspend fun `a tool that fails is a result with its reason`() {
        val result = client.callTool("fail")
        assertTrue(result.isError)
        assertEquals("it never works", result.text)
    }

    @Test
    suspend fun `the handler knows who calls`() {
        val caller = client.callTool<Unit, Caller>("caller", Unit) {}
        assertEquals(Caller(client.protocolVersion, "test-client", wantsProgress = true), caller)
    }

    @Test
    suspend fun `the server answers a ping`() {
        client.ping()
    }

    @Test
    suspend fun `many calls run at the same time and get their own answers`() = coroutineScope {
        val sums = (1..100).map { n -> async { client.callTool<Args, Sum>("add", Args(n, n)).sum } }.awaitAll()
        assertEquals((1..100).map { it * 2 }, sums)
    }
}
