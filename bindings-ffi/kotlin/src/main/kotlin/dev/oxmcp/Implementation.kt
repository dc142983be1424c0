package dev.oxmcp

import kotlinx.serialization.Serializable

/**
 * Who a client or a server is.
 *
 * @property name for programs.
 * @property version of the program, not of the protocol.
 * @property title for people.
 * @property description what it is for.
 * @property websiteUrl where to read more.
 * @property icons pictures for people.
 */
@Serializable
public data class Implementation(
    val name: String,
    val version: String,
    val title: String? = null,
    val description: String? = null,
    val websiteUrl: String? = null,
    val icons: List<Icon>? = null,
)

/**
 * A picture for people.
 *
 * @property src an `https:` or `data:` URI.
 * @property mimeType of the picture, when its source does not say.
 * @property sizes for example `48x48`, or `any`.
 * @property theme `light` or `dark`, when it is made for one.
 */
@Serializable
public data class Icon(
    val src: String,
    val mimeType: String? = null,
    val sizes: List<String>? = null,
    val theme: String? = null,
)
