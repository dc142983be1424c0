package dev.oxmcp

import kotlinx.serialization.SerialInfo

/**
 * What an argument, a result or a whole type means, for the model. It becomes `description` in the JSON Schema.
 *
 * ```kotlin
 * @Serializable
 * data class Search(
 *     @Description("Words to look for") val query: String,
 *     @Description("The most results wanted") val limit: Int = 10,
 * )
 * ```
 */
@SerialInfo
@Target(AnnotationTarget.PROPERTY, AnnotationTarget.CLASS)
public annotation class Description(val value: String)
