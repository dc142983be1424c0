package dev.oxmcp

import kotlinx.serialization.json.Json
import kotlin.time.Duration

/**
 * How a client connects and waits. Whatever is null is the core's default.
 *
 * @property clientInfo what the server is told of this program.
 * @property protocolVersion one revision to speak, for example `2025-11-25`, instead of negotiating.
 * @property timeout the longest silence: an operation fails when neither its answer nor progress has come for this
 *   long. One minute by default.
 * @property maxTimeout the longest an operation may take in all. One hour by default.
 * @property connectTimeout the longest that connecting may take. Half a minute by default.
 * @property maxMessageBytes the largest message that is taken from the server. 16 MiB by default.
 * @property json how typed arguments are written and typed results are read.
 */
public data class ClientOptions(
    val clientInfo: Implementation? = null,
    val protocolVersion: String? = null,
    val timeout: Duration? = null,
    val maxTimeout: Duration? = null,
    val connectTimeout: Duration? = null,
    val maxMessageBytes: Long? = null,
    val json: Json = McpJson,
)

/** Whole milliseconds, at least one; null stays null. */
internal fun Duration.toMilliseconds(name: String): Long {
    if (!isPositive()) throw McpException.Misuse("$name is $this, but must be longer than nothing")
    return inWholeMilliseconds.coerceAtLeast(1)
}
