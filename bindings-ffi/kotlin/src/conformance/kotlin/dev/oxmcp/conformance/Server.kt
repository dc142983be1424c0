package dev.oxmcp.conformance

import dev.oxmcp.AudioContent
import dev.oxmcp.Content
import dev.oxmcp.EmbeddedResource
import dev.oxmcp.ImageContent
import dev.oxmcp.McpServer
import dev.oxmcp.ResourceContents
import dev.oxmcp.TextContent
import dev.oxmcp.mcpServer
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.delay

/** A PNG of one red pixel. */
private const val PNG =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"

/** A WAV of one sample of silence. */
private const val WAV = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQIAAAAAAA=="

/** What the conformance suite wants of a server, as far as oxmcp has it. */
internal fun everythingServer(): McpServer = mcpServer("oxmcp-kotlin-everything") {
    tool<Unit, String>("test_simple_text", "Returns a text") { "This is a simple text response for testing." }

    tool<Unit, Content>("test_image_content", "Returns a picture") { ImageContent(PNG, "image/png") }

    tool<Unit, Content>("test_audio_content", "Returns a sound") { AudioContent(WAV, "audio/wav") }

    tool<Unit, Content>("test_embedded_resource", "Returns a resource") {
        EmbeddedResource(
            ResourceContents("test://embedded-resource", "text/plain", text = "This is an embedded resource content."),
        )
    }

    tool<Unit, List<Content>>("test_multiple_content_types", "Returns a text, a picture and a resource") {
        listOf(
            TextContent("Multiple content types test:"),
            ImageContent(PNG, "image/png"),
            EmbeddedResource(
                ResourceContents(
                    "test://mixed-content-resource",
                    "application/json",
                    text = """{"test":"data","value":123}""",
                ),
            ),
        )
    }

    tool<Unit, String>("test_tool_with_progress", "Reports progress three times") {
        for (done in listOf(0, 50, 100)) {
            progress(done, 100, "Completed step $done of 100")
            if (done < 100) delay(50)
        }
        "done"
    }

    tool<Unit, String>("test_error_handling", "Fails") {
        error("This tool intentionally returns an error for testing")
    }
}

/** Serves `http://127.0.0.1:N/mcp` until it is killed: `server-kotlin --port N`. */
internal suspend fun main(args: Array<String>) {
    require(args.size == 2 && args[0] == "--port") { "usage: server-kotlin --port N" }
    println("listening on ${everythingServer().listenHttp(port = args[1].toInt()).url}")
    awaitCancellation()
}
