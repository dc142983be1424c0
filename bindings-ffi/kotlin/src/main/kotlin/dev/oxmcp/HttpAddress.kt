package dev.oxmcp

import kotlinx.serialization.Serializable

/**
 * Where a server listens.
 *
 * @property url what clients connect to.
 */
@Serializable
public data class HttpAddress(val url: String, val host: String, val port: Int)
