package dev.oxmcp

import kotlinx.serialization.SerialName
import kotlinx.serialization.Serializable
import kotlinx.serialization.json.JsonObject

/**
 * A tool as its server describes it.
 *
 * @property name what to give [McpClient.callTool].
 * @property title for people.
 * @property description for the model.
 * @property inputSchema JSON Schema of the arguments; its type is object.
 * @property outputSchema JSON Schema of [ToolResult.structuredContent], when the server promises one.
 * @property annotations hints about what it does.
 * @property icons pictures for people.
 * @property meta what does not belong to MCP (`_meta`).
 */
@Serializable
public data class Tool(
    val name: String,
    val title: String? = null,
    val description: String? = null,
    val inputSchema: JsonObject,
    val outputSchema: JsonObject? = null,
    val annotations: ToolAnnotations? = null,
    val icons: List<Icon>? = null,
    @SerialName("_meta") val meta: JsonObject? = null,
)

/**
 * What a tool says of itself. They are hints: do not trust them from a server that you do not trust.
 *
 * @property title for people.
 * @property readOnlyHint it changes nothing.
 * @property destructiveHint it may destroy, not only add; means something only when it is not read-only.
 * @property idempotentHint calling again with the same arguments does nothing more.
 * @property openWorldHint it deals with things outside a closed set, like the web.
 */
@Serializable
public data class ToolAnnotations(
    val title: String? = null,
    val readOnlyHint: Boolean? = null,
    val destructiveHint: Boolean? = null,
    val idempotentHint: Boolean? = null,
    val openWorldHint: Boolean? = null,
)
