package dev.oxmcp

import kotlinx.serialization.EncodeDefault
import kotlinx.serialization.SerialName
import kotlinx.serialization.Serializable
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonObject

/**
 * What a tool answered.
 *
 * @property content what the model should see.
 * @property structuredContent the same for programs, in the form of [Tool.outputSchema].
 * @property isError whether the tool failed; [content] says why.
 * @property meta what does not belong to MCP (`_meta`).
 */
@Serializable
public data class ToolResult(
    @EncodeDefault val content: List<Content> = emptyList(),
    val structuredContent: JsonElement? = null,
    val isError: Boolean = false,
    @SerialName("_meta") val meta: JsonObject? = null,
) {
    /** The text blocks of [content], one a line. */
    val text: String get() = content.filterIsInstance<TextContent>().joinToString("\n") { it.text }

    public companion object {
        /** A result of one text block. */
        public fun text(text: String): ToolResult = ToolResult(listOf(TextContent(text)))

        /** A result of these blocks. */
        public fun of(vararg content: Content): ToolResult = ToolResult(content.toList())

        /** A failure that the model should see: one text block, and [isError]. */
        public fun error(text: String): ToolResult = ToolResult(listOf(TextContent(text)), isError = true)

        /** A result for programs, which the model sees as JSON text. */
        public fun structured(value: JsonElement): ToolResult =
            ToolResult(listOf(TextContent(value.toString())), structuredContent = value)
    }
}
