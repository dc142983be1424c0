package dev.oxmcp

import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.asCoroutineDispatcher
import kotlinx.coroutines.delay
import kotlinx.coroutines.withTimeout
import kotlinx.serialization.Serializable
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.put
import kotlinx.serialization.modules.SerializersModule
import kotlinx.serialization.modules.contextual
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.util.concurrent.Executors

/** What servers make of tools, their arguments and what their handlers do. */
class ToolTest {
    @Test
    fun `what a handler returns becomes the result`() {
        val server = mcpServer("results") {
            tool<Unit, String>("string") { "text" }
            tool<Unit, Unit>("nothing") { }
            tool<Unit, Int>("int") { 42 }
            tool<Unit, List<Sum>>("list") { listOf(Sum(1), Sum(2)) }
            tool<Unit, Sum>("object") { Sum(3) }
            tool<Unit, Sum?>("null") { null }
            tool<Unit, Map<String, Int>>("map") { mapOf("a" to 1) }
            tool<Unit, ImageContent>("picture") { ImageContent(byteArrayOf(1, 2), "image/png") }
            tool<Unit, List<Content>>("contents") { listOf(TextContent("a"), TextContent("b")) }
            tool<Unit, List<TextContent>>("texts") { listOf(TextContent("c")) }
            tool<Unit, ToolResult>("result") { ToolResult.error("no") }
            tool<Unit, JsonElement>("json") { JsonPrimitive("x") }
        }
        withClient(server) { client ->
            suspend fun call(name: String) = client.callTool(name).copy(meta = null)
            assertEquals(ToolResult.text("text"), call("string"))
            assertEquals(ToolResult(), call("nothing"))
            assertEquals(ToolResult(listOf(TextContent("42")), json("""{"result":42}""")), call("int"))
            assertEquals("""[{"sum":1},{"sum":2}]""", call("list").text)
            assertEquals(json("""{"result":[{"sum":1},{"sum":2}]}"""), call("list").structuredContent)
            assertEquals(ToolResult(listOf(TextContent("""{"sum":3}""")), json("""{"sum":3}""")), call("object"))
            assertEquals(json("""{"result":null}"""), call("null").structuredContent)
            assertEquals(json("""{"a":1}"""), call("map").structuredContent)
            assertEquals(ToolResult.of(ImageContent("AQI=", "image/png")), call("picture"))
            assertEquals("a\nb", call("contents").text)
            assertEquals(ToolResult.text("c"), call("texts"))
            assertEquals(ToolResult.error("no"), call("result"))
            assertEquals(json("""{"result":"x"}"""), call("json").structuredContent)

            val schemas = client.listTools().associate { it.name to it.outputSchema }
            val unstructured = setOf("string", "nothing", "picture", "contents", "texts", "result")
            assertEquals(unstructured, schemas.filterValues { it == null }.keys)
            assertEquals(jsonSchema<Sum>(), schemas["object"])
            assertEquals(
                json("""{"type":"object","properties":{"result":{"type":"integer"}},"required":["result"]}"""),
                schemas["int"],
            )

            assertEquals(listOf(Sum(1), Sum(2)), client.callTool<Unit, List<Sum>>("list", Unit))
            assertNull(client.callTool<Unit, Sum?>("null", Unit))
        }
    }

    @Test
    fun `what a handler throws is the tool's error`() {
        val server = mcpServer("throwing") {
            tool<Unit, String>("message") { throw java.io.IOException("the disk is full") }
            tool<Unit, String>("silent") { throw NullPointerException() }
            tool<Unit, String>("error") { throw AssertionError("an assertion") }
            tool<Unit, String>("overflow") { overflow(0).toString() }
            tool<Unit, String>("timeout") { withTimeout(10) { delay(10_000) }.toString() }
            tool<Unit, String>("tool") { throw McpException.Tool(ToolResult.error("from elsewhere")) }
        }
        withClient(server) { client ->
            suspend fun errorOf(name: String) = client.callTool(name).also { assertTrue(it.isError) }.text
            assertEquals("the disk is full", errorOf("message"))
            assertEquals("NullPointerException", errorOf("silent"))
            assertEquals("an assertion", errorOf("error"))
            assertEquals("StackOverflowError", errorOf("overflow"))
            assertTrue("Timed out" in errorOf("timeout"))
            assertEquals("from elsewhere", errorOf("tool"))
        }
    }

    @Test
    fun `half of a surrogate pair stops no answer`() {
        val server = mcpServer("halves") {
            tool<Unit, String>("text") {
                progress(1, message = "\uD83D")
                "a\uD83Db"
            }
            tool<Unit, String>("error") { error("a\uDE80") }
            tool<Unit, String>("refusal") { throw McpException.Rpc(-32001, "\uD83D!") }
        }
        withClient(server) { client ->
            val reports = mutableListOf<String?>()
            assertEquals("a\uFFFDb", client.callTool("text") { reports += it.message }.text)
            assertEquals(listOf<String?>("\uFFFD"), reports)
            assertEquals("a\uFFFD", client.callTool("error").text)
            assertEquals("\uFFFD!", assertFails<McpException.Rpc> { client.callTool("refusal") }.message)
            assertFails<McpException.Misuse> { server.tool<Unit, Int>("\uD83D") { 0 } }
        }
        assertFails<McpException.Misuse> { mcpServer("\uD83D") }
    }

    @Test
    fun `a handler can fail the request`() {
        val server = mcpServer("refusing") {
            tool<Unit, String>("refuse") { throw McpException.Rpc(-32001, "closed on Sundays", json("""{"day":7}""")) }
        }
        withClient(server) { client ->
            val error = assertFails<McpException.Rpc> { client.callTool("refuse") }
            assertEquals(-32001, error.code)
            assertEquals("closed on Sundays", error.message)
            assertEquals(json("""{"day":7}"""), error.data)
        }
    }

    @Test
    fun `arguments that break the schema do not reach the handler`() {
        val server = mcpServer("strict") {
            tool<Args, Int>("add") { error("reached with $it") }
            tool("raw", textSchema) { error("reached with $it") }
        }
        withClient(server) { client ->
            suspend fun refusal(tool: String, arguments: String): String =
                client.callTool(tool, json(arguments)).also { assertTrue(it.isError) }.text
            for (arguments in listOf("""{"a":1}""", """{"a":1,"b":"two"}""", """{"a":1,"b":2.5}""")) {
                val why = refusal("add", arguments)
                assertFalse("reached" in why, why)
            }
            assertFalse("reached" in refusal("raw", "{}"))
        }
    }

    @Test
    fun `arguments that the schema cannot refuse are still explained`() {
        @Serializable
        class Small(val count: Byte)
        val server = mcpServer("small") { tool<Small, String>("small") { "reached" } }
        withClient(server) { client ->
            val result = client.callTool("small", buildJsonObject { put("count", 300) })
            assertTrue(result.isError)
            assertTrue(result.text.startsWith("Invalid arguments for the tool small: "), result.text)
            assertEquals(1, result.text.lines().size)
        }
    }

    @Test
    fun `arguments use defaults and ignore what is unknown`() {
        val server = mcpServer("lenient") {
            tool<Work, String>("work") { "${it.steps} ${it.milliseconds}" }
        }
        withClient(server) { client ->
            assertEquals("3 5", client.callTool("work").text)
            assertEquals("9 5", client.callTool("work", json("""{"steps":9,"colour":"red"}""")).text)
        }
    }

    @Test
    fun `tools can be added, replaced and removed while clients are there`() {
        val server = mcpServer("changing") { tool<Unit, Int>("version") { 1 } }
        withClient(server) { client ->
            assertEquals(1, client.callTool<Unit, Int>("version", Unit))
            server.tool<Unit, Int>("version") { 2 }
            assertEquals(2, client.callTool<Unit, Int>("version", Unit))
            server.tool<Unit, String>("late") { "better than never" }
            assertEquals(setOf("version", "late"), client.listTools().map { it.name }.toSet())
            assertTrue(server.removeTool("version"))
            assertFalse(server.removeTool("version"))
            assertFails<McpException.Rpc> { client.callTool("version") }
        }
    }

    @Test
    fun `a tool that cannot be described is refused at once`() {
        mcpServer("refusing").use { server ->
            assertFails<McpException.Misuse> { server.tool<List<Int>, Int>("list") { it.sum() } }
            assertFails<McpException.Misuse> { server.tool<Args?, Int>("nullable") { 0 } }
            assertFails<McpException.Misuse> { server.tool("schema", json("""{"type":"array"}""")) { ToolResult() } }
            assertFails<McpException.Misuse> { server.tool<Unit, Int>("") { 0 } }
        }
    }

    @Test
    fun `a tool tells all about itself`() {
        val annotations = ToolAnnotations(readOnlyHint = true, openWorldHint = false)
        val server = mcpServer("telling") {
            tool<Args, Sum>("add", "Add", "Adder", annotations, listOf(Icon("https://example.org/add.png"))) { Sum(0) }
        }
        withClient(server) { client ->
            val tool = client.listTools().single()
            assertEquals("Adder", tool.title)
            assertEquals(annotations, tool.annotations)
            assertEquals(listOf(Icon("https://example.org/add.png")), tool.icons)
            assertEquals(jsonSchema<Sum>(), tool.outputSchema)
        }
    }

    @Test
    fun `many tools come over many pages`() {
        val server = mcpServer("large", pageSize = 7) {
            repeat(50) { n -> tool<Unit, Int>("tool-$n") { n } }
        }
        withClient(server) { client ->
            assertEquals(50, client.listTools().size)
            val names = mutableListOf<String>()
            client.tools().collect { names += it.name }
            assertEquals(List(50) { "tool-$it" }, names)
        }
    }

    @Test
    fun `handlers run on the server's dispatcher`() {
        Executors.newSingleThreadExecutor { Thread(it, "mine") }.asCoroutineDispatcher().use { mine ->
            val server = mcpServer("threads", dispatcher = mine) {
                tool<Unit, String>("thread") { Thread.currentThread().name.substringBefore(' ') }
            }
            withClient(server) { client -> assertEquals("mine", client.callTool("thread").text) }
        }
    }

    @Test
    fun `a dispatcher that is gone still lets calls settle`() {
        val executor = Executors.newSingleThreadExecutor()
        val server = mcpServer("gone", dispatcher = executor.asCoroutineDispatcher()) {
            tool<Unit, String>("never") { "reached" }
        }
        executor.shutdownNow()
        withClient(server) { client -> assertTrue(client.callTool("never").isError) }
    }

    @Test
    fun `a server's own Json reads and writes`() {
        val custom = Json(McpJson) {
            serializersModule = SerializersModule { contextual(HexSerializer) }
        }
        val server = mcpServer("contextual", json = custom) {
            tool<Colours, Colours>("invert") { Colours(it.list.map { hex -> Hex(0xffffff - hex.value) }) }
        }
        withClient(server, ClientOptions(json = custom)) { client ->
            val inverted = client.callTool<Colours, Colours>("invert", Colours(listOf(Hex(0xff0000))))
            assertEquals(Colours(listOf(Hex(0x00ffff))), inverted)
        }
    }

    @Test
    fun `a server that cannot be is refused`() {
        assertFails<McpException.Misuse> { mcpServer("x", pageSize = -1) }
        assertFails<McpException.Misuse> { mcpServer("x", dispatcher = Dispatchers.Unconfined) }
    }

    private fun overflow(depth: Int): Int = overflow(depth + 1) + 1
}

fun json(text: String): JsonObject = Json.parseToJsonElement(text) as JsonObject
