package dev.oxmcp

import dev.oxmcp.McpException.Protocol
import kotlinx.serialization.SerializationException
import kotlinx.serialization.encodeToString
import kotlinx.serialization.json.Json

/**
 * How arguments and results are turned into JSON and back unless another [Json] is given: unknown keys are ignored,
 * a missing nullable property is null, defaults are written, nulls are not.
 *
 * Start from it when a type of yours needs a serializers module: `Json(McpJson) { serializersModule = ... }`.
 */
public val McpJson: Json = Json {
    ignoreUnknownKeys = true
    explicitNulls = false
    encodeDefaults = true
}

/** How the types of MCP itself are read and written. */
internal object Wire {
    val json: Json = Json {
        ignoreUnknownKeys = true
        explicitNulls = false
    }

    inline fun <reified T> read(bytes: ByteArray): T = try {
        json.decodeFromString(bytes.decodeToString())
    } catch (e: SerializationException) {
        throw Protocol("The peer sent something that is not what MCP has in this place: ${e.message}", e)
    }

    inline fun <reified T> write(value: T): String = json.encodeToString(value)
}
