package dev.oxmcp

import dev.oxmcp.ffi.FfiServer
import kotlinx.serialization.SerialName
import kotlinx.serialization.Serializable
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive

/**
 * The call that a tool's handler answers; it is the handler's receiver.
 *
 * ```kotlin
 * tool<Batch, String>("import", "Import files") { batch ->
 *     batch.files.forEachIndexed { done, file ->
 *         progress(done + 1, batch.files.size, file)
 *     }
 *     "imported for ${clientInfo?.name}"
 * }
 * ```
 *
 * The handler is a coroutine. It is cancelled when the peer no longer waits: when it cancelled, disconnected or the
 * server was closed.
 */
@McpDsl
public class ToolContext internal constructor(private val core: FfiServer, private val call: ULong) {
    private val facts: Facts by lazy {
        val json = core.callContext(call)
            ?: throw McpException.Cancelled("The peer no longer waits for this call: nothing is known of it any more")
        Wire.read(json)
    }

    /** The id that the peer gave the request: a string or a number. */
    public val requestId: JsonPrimitive get() = facts.requestId

    /** The revision that the peer speaks in this call. */
    public val protocolVersion: String get() = facts.protocolVersion

    /** Who the peer says it is. */
    public val clientInfo: Implementation? get() = facts.clientInfo

    /** Whether the peer asked for progress. */
    public val wantsProgress: Boolean get() = facts.progress

    /** What the request carries beside its arguments (`_meta`). */
    public val meta: JsonObject? get() = facts.meta

    /**
     * Tells the peer how far the call has come. Does nothing when it did not ask.
     *
     * @param progress must grow from one report to the next.
     * @param total what [progress] will be at the end, if known.
     * @param message what is being done, for people.
     * @return whether it was sent: false when the peer did not ask, or no longer waits.
     */
    public fun progress(progress: Number, total: Number? = null, message: String? = null): Boolean =
        wellFormed(message.orEmpty()) {
            core.progress(call, progress.toDouble(), total?.toDouble() ?: Double.NaN, it)
        }

    @Serializable
    private class Facts(
        val requestId: JsonPrimitive,
        val protocolVersion: String,
        val clientInfo: Implementation? = null,
        val progress: Boolean,
        @SerialName("_meta") val meta: JsonObject? = null,
    )
}

/** Keeps the functions of a server out of sight in the handlers of its tools. */
@DslMarker
@Target(AnnotationTarget.CLASS)
public annotation class McpDsl
