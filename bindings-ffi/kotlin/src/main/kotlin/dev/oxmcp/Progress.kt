package dev.oxmcp

import kotlinx.serialization.Serializable

/**
 * How far a call has come.
 *
 * @property progress grows with every report; in the tool's own unit.
 * @property total what [progress] will be at the end, if known.
 * @property message what is being done, for people.
 */
@Serializable
public data class Progress(val progress: Double, val total: Double? = null, val message: String? = null)
