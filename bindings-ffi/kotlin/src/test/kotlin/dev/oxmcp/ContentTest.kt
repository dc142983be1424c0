package dev.oxmcp

import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonPrimitive
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test

/** How blocks of content are written and read. */
class ContentTest {
    private val blocks = mapOf(
        """{"text":"hi","type":"text"}""" to TextContent("hi"),
        """{"data":"AQI=","mimeType":"image/png","type":"image"}""" to ImageContent("AQI=", "image/png"),
        """{"data":"AQI=","mimeType":"audio/wav","type":"audio"}""" to AudioContent("AQI=", "audio/wav"),
        """{"uri":"file:///a","name":"a","size":7,"type":"resource_link"}""" to ResourceLink("file:///a", "a", size = 7),
        """{"resource":{"uri":"file:///a","text":"A"},"type":"resource"}""" to
            EmbeddedResource(ResourceContents("file:///a", text = "A")),
        """{"type":"hologram","depth":3}""" to UnknownContent(json("""{"type":"hologram","depth":3}""")),
    )

    @Test
    fun `every block is written and read with its type`() {
        for ((text, block) in blocks) {
            assertEquals(Json.parseToJsonElement(text), Json.parseToJsonElement(Wire.write<Content>(block)))
            assertEquals(block, Wire.read<Content>(text.encodeToByteArray()))
        }
    }

    @Test
    fun `every block survives the way through a server and a client`() {
        val server = mcpServer("blocks") { tool<Unit, List<Content>>("all") { blocks.values.toList() } }
        withClient(server) { client -> assertEquals(blocks.values.toList(), client.callTool("all").content) }
    }

    @Test
    fun `annotations and meta survive`() {
        val block = TextContent("x", Annotations(listOf("user"), 0.5, "2026-01-01T00:00:00Z"), json("""{"k":1}"""))
        val server = mcpServer("meta") {
            tool<Unit, ToolResult>("meta") { ToolResult(listOf(block), meta = json("""{"trace":"t"}""")) }
        }
        withClient(server) { client ->
            val result = client.callTool("meta")
            assertEquals(block, result.content.single())
            assertEquals(JsonPrimitive("t"), result.meta?.get("trace"))
        }
    }

    @Test
    fun `files go in and come out as bytes`() {
        val bytes = ByteArray(300) { it.toByte() }
        assertArrayEquals(bytes, ImageContent(bytes, "image/png").bytes)
        assertArrayEquals(bytes, AudioContent(bytes, "audio/wav").bytes)
    }
}
