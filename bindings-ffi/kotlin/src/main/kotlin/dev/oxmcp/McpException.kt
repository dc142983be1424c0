package dev.oxmcp

import dev.oxmcp.ffi.FfiException
import dev.oxmcp.ffi.InternalException
import kotlinx.serialization.Serializable
import kotlinx.serialization.json.JsonElement
import java.nio.charset.CharacterCodingException

/**
 * What can go wrong with MCP: one subclass for each kind of failure, the same kinds in every oxmcp language.
 *
 * ```kotlin
 * val outcome = try {
 *     client.callTool("forecast", buildJsonObject { put("city", "Oslo") }, timeout = 100.milliseconds).text
 * } catch (e: McpException.Timeout) {
 *     "no forecast in time"
 * } catch (e: McpException.Rpc) {
 *     "refused with ${e.code}: ${e.message}"
 * }
 * ```
 *
 * A coroutine that is cancelled while it waits sees the usual
 * [CancellationException][kotlin.coroutines.cancellation.CancellationException], not one of these.
 *
 * @property message what happened, which side erred and what to do; for people.
 */
public sealed class McpException(override val message: String, cause: Throwable? = null) :
    RuntimeException(message, cause) {

    /** The caller erred: a malformed configuration or argument, or something that was closed. */
    public class Misuse(message: String, cause: Throwable? = null) : McpException(message, cause)

    /** No connection came to be: the command could not be started, the address could not be reached, TLS failed. */
    public class Connect(message: String) : McpException(message)

    /** The connection ended before the answer: the peer exited, closed or broke it, or this side closed it. */
    public class Closed(message: String) : McpException(message)

    /** No answer within the time allowed. */
    public class Timeout(message: String) : McpException(message)

    /** This side cancelled the operation by other means than cancelling the coroutine that waits for it. */
    public class Cancelled(message: String) : McpException(message)

    /**
     * The peer answered with a JSON-RPC error. Throw it in a tool handler to answer the call with that error.
     *
     * @property code the JSON-RPC code, for example -32602 for invalid parameters.
     * @property data what the peer added, if anything.
     */
    public class Rpc(public val code: Long, message: String, public val data: JsonElement? = null) :
        McpException(message)

    /** The peer broke MCP, JSON-RPC or HTTP, or its result is not what was asked to be read from it. */
    public class Protocol(message: String, cause: Throwable? = null) : McpException(message, cause)

    /** A message is larger than the limit. */
    public class TooLarge(message: String) : McpException(message)

    /** The two sides have no protocol revision in common. */
    public class UnsupportedVersion(message: String) : McpException(message)

    /** The peer did not declare the capability that the operation needs. */
    public class Unsupported(message: String) : McpException(message)

    /** The server wants authorization that was not given (HTTP 401 or 403). */
    public class Unauthorized(message: String) : McpException(message)

    /** A limit of this side is reached, or the server cannot serve now (HTTP 429 and 5xx); try again later. */
    public class Overloaded(message: String) : McpException(message)

    /** A fault of this library. */
    public class Internal(message: String, cause: Throwable? = null) : McpException(message, cause)

    /**
     * A tool ran and reported that it failed (`isError`). Only the typed `callTool<A, R>` throws it: there is no `R`
     * to return. The plain `callTool` returns such a result.
     *
     * @property result what the tool answered; [message] is its text.
     */
    public class Tool(public val result: ToolResult) : McpException(result.text.ifEmpty { "the tool failed" })
}

/** Runs a call into the core, whose errors come out as [McpException]. */
internal inline fun <T> failingAsMcp(call: () -> T): T = try {
    call()
} catch (e: FfiException.Failed) {
    throw WireError.read(e.error)
} catch (e: InternalException) {
    throw McpException.Internal("The oxmcp library failed: ${e.message}", e)
} catch (e: CharacterCodingException) {
    throw McpException.Misuse("A text that was given holds half of a surrogate pair, which UTF-8 has no form for", e)
}

/** The form in which errors come out of the core. */
@Serializable
internal class WireError(
    private val kind: String,
    private val message: String,
    private val code: Long? = null,
    private val data: JsonElement? = null,
) {
    fun toException(): McpException = when (kind) {
        "Misuse" -> McpException.Misuse(message)
        "Connect" -> McpException.Connect(message)
        "Closed" -> McpException.Closed(message)
        "Timeout" -> McpException.Timeout(message)
        "Cancelled" -> McpException.Cancelled(message)
        "Rpc" -> McpException.Rpc(code ?: INTERNAL_ERROR, message, data)
        "Protocol" -> McpException.Protocol(message)
        "TooLarge" -> McpException.TooLarge(message)
        "UnsupportedVersion" -> McpException.UnsupportedVersion(message)
        "Unsupported" -> McpException.Unsupported(message)
        "Unauthorized" -> McpException.Unauthorized(message)
        "Overloaded" -> McpException.Overloaded(message)
        else -> McpException.Internal(message)
    }

    companion object {
        /** JSON-RPC's code for a fault of the side that answers. */
        const val INTERNAL_ERROR = -32603L

        fun read(json: ByteArray): McpException = Wire.read<WireError>(json).toException()
    }
}
