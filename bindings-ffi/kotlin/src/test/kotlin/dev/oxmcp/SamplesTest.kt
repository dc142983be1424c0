package dev.oxmcp

import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.flow.filter
import kotlinx.coroutines.flow.map
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withContext
import kotlinx.coroutines.withTimeoutOrNull
import kotlinx.serialization.Serializable
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.jsonPrimitive
import kotlinx.serialization.json.put
import kotlinx.serialization.json.putJsonObject
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import java.nio.file.Files
import java.nio.file.Path

@Serializable
data class Search(
    @Description("Words to look for") val query: String,
    @Description("The most results wanted") val limit: Int = 10,
)

@Serializable
data class Batch(val files: List<String>)

@Serializable
data class Read(val path: String)

/** The code of the documentation; [DocsTest] holds the documentation to it. */
class SamplesTest {
    private val notes = listOf("buy milk", "milk the cow", "sleep")
    private val forecasts = mapOf("Oslo" to "snow")

    @Test
    fun `a client of a URL`() = runBlocking<Unit> {
        val server = mcpServer("demo", version = "1.0") {
            tool<Args, Sum>("add", "Add two numbers") { Sum(it.a + it.b) }
        }
        val http = server.listenHttp(port = 0)
        println("listening on ${http.url}")

        val url = http.url
        McpClient.connect(url).use { client ->
            println("${client.serverInfo.name} speaks ${client.protocolVersion}")
            val sum = client.callTool<Args, Sum>("add", Args(1, 2))
            check(sum == Sum(3))
        }
        server.closeAndJoin()
    }

    @Test
    fun `a server in memory`() = runBlocking<Unit> {
        val server = mcpServer("demo", version = "1.0") {
            tool<Args, Int>("add", "Add two numbers") { it.a + it.b }
        }
        McpClient.connect(server).use { client ->
            val sum: Int = client.callTool("add", Args(1, 2))
            check(sum == 3)
        }
        server.close()
    }

    @Test
    fun `the type of a result inferred`() = withClient(testServer()) { client ->
        val sum: Sum = client.callTool("add", Args(1, 2))
        assertEquals(Sum(3), sum)
    }

    @Test
    fun `commands`() {
        val server = Stdio("npx", "-y", "@modelcontextprotocol/server-everything", env = mapOf("LOG" to "1"))
        assertEquals(listOf("-y", "@modelcontextprotocol/server-everything"), server.args)
    }

    @Test
    fun `a client of a command`() = runBlocking<Unit> {
        val command = TestProcess.command()
        McpClient.connect(command).use { client ->
            client.listTools().forEach { println("${it.name}: ${it.description}") }
        }
    }

    @Test
    fun `tools of the documentation`() = runBlocking<Unit> {
        val server = mcpServer("samples")
        val schema = buildJsonObject {
            put("type", "object")
            putJsonObject("properties") { putJsonObject("city") { put("type", "string") } }
        }
        server.tool("forecast", schema, "The weather tomorrow") { arguments ->
            progress(1, 2, "asking")
            ToolResult.text(forecasts.getValue(arguments.getValue("city").jsonPrimitive.content))
        }
        server.tool<Search, List<String>>("search", "Search the notes") { search ->
            notes.filter { search.query in it }.take(search.limit)
        }
        server.tool<Unit, String>("motto") { "Carpe diem" }
        server.apply {
            tool<Batch, String>("import", "Import files") { batch ->
                batch.files.forEachIndexed { done, file ->
                    progress(done + 1, batch.files.size, file)
                }
                "imported for ${clientInfo?.name}"
            }
            tool<Read, String>("read", "Read a file", annotations = ToolAnnotations(readOnlyHint = true)) { read ->
                withContext(Dispatchers.IO) { Files.readString(Path.of(read.path)) }
            }
            tool<Unit, String>("closed") { throw McpException.Rpc(-32001, "closed on Sundays") }
        }
        withClient(server, ClientOptions(clientInfo = Implementation("samples", "1"))) { client ->
            val result = client.callTool("forecast", buildJsonObject { put("city", "Oslo") }, timeout = 30.seconds) {
                println("${it.progress} of ${it.total}")
            }
            check(result.text == "snow")

            val readers = client.tools().filter { it.annotations?.readOnlyHint == true }.map { it.name }.toList()
            assertEquals(listOf("read"), readers)

            assertEquals(listOf("buy milk"), client.callTool<Search, List<String>>("search", Search("milk", 1)))
            assertEquals("Carpe diem", client.callTool("motto").text)
            assertEquals("imported for samples", client.callTool<Batch, String>("import", Batch(listOf("a", "b"))))
            assertTrue("/no/such/file" in client.callTool("read", buildJsonObject { put("path", "/no/such/file") }).text)
            assertFails<McpException.Rpc> { client.callTool("closed") }
        }
    }

    @Test
    fun `what goes wrong`() {
        val server = mcpServer("slow") {
            tool("forecast", json("""{"type":"object"}""")) { awaitCancellation() }
        }
        withClient(server) { client ->
            val outcome = try {
                client.callTool("forecast", buildJsonObject { put("city", "Oslo") }, timeout = 100.milliseconds).text
            } catch (e: McpException.Timeout) {
                "no forecast in time"
            } catch (e: McpException.Rpc) {
                "refused with ${e.code}: ${e.message}"
            }
            assertEquals("no forecast in time", outcome)

            val forecast = withTimeoutOrNull(2.seconds) { client.callTool("forecast") }
            assertNull(forecast)
        }
    }

    @Test
    fun `the schema of a class`() {
        val schema = jsonSchema<Search>()
        check(schema["required"] == JsonArray(listOf(JsonPrimitive("query"))))
    }

    @Test
    fun `blocks of content`() {
        val result = ToolResult.of(
            TextContent("hello"),
            ImageContent(byteArrayOf(1, 2), "image/png"),
            AudioContent(byteArrayOf(1), "audio/wav"),
            ResourceLink("file:///a", "a"),
            EmbeddedResource(ResourceContents("file:///b", text = "b")),
            UnknownContent(json("""{"type":"new"}""")),
        )
        val lines = result.content.map { block ->
            when (block) {
                is TextContent -> block.text
                is ImageContent -> "a picture of ${block.bytes.size} bytes"
                is AudioContent -> "a sound of ${block.bytes.size} bytes"
                is ResourceLink -> "see ${block.uri}"
                is EmbeddedResource -> block.resource.text ?: block.resource.uri
                is UnknownContent -> "something of a newer revision: ${block.json}"
            }
        }
        assertEquals(listOf("hello", "a picture of 2 bytes", "a sound of 1 bytes", "see file:///a", "b"), lines.dropLast(1))
    }
}
