package dev.oxmcp

import kotlinx.serialization.DeserializationStrategy
import kotlinx.serialization.EncodeDefault
import kotlinx.serialization.KSerializer
import kotlinx.serialization.SerialName
import kotlinx.serialization.Serializable
import kotlinx.serialization.descriptors.SerialDescriptor
import kotlinx.serialization.encoding.Decoder
import kotlinx.serialization.encoding.Encoder
import kotlinx.serialization.json.JsonContentPolymorphicSerializer
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.contentOrNull
import java.util.Base64

/**
 * A block of a tool's result.
 *
 * ```kotlin
 * val lines = result.content.map { block ->
 *     when (block) {
 *         is TextContent -> block.text
 *         is ImageContent -> "a picture of ${block.bytes.size} bytes"
 *         is AudioContent -> "a sound of ${block.bytes.size} bytes"
 *         is ResourceLink -> "see ${block.uri}"
 *         is EmbeddedResource -> block.resource.text ?: block.resource.uri
 *         is UnknownContent -> "something of a newer revision: ${block.json}"
 *     }
 * }
 * ```
 */
@Serializable(with = ContentSerializer::class)
public sealed interface Content

/**
 * Whom a block is for and when it changed.
 *
 * @property audience `user`, `assistant` or both.
 * @property priority from 0 (optional) to 1 (required).
 * @property lastModified ISO 8601.
 */
@Serializable
public data class Annotations(
    val audience: List<String>? = null,
    val priority: Double? = null,
    val lastModified: String? = null,
)

/** Text. */
@Serializable
public data class TextContent(
    val text: String,
    val annotations: Annotations? = null,
    @SerialName("_meta") val meta: JsonObject? = null,
) : Content {
    @EncodeDefault
    private val type: String = "text"
}

/**
 * A picture.
 *
 * @property data the file in base64.
 * @property mimeType for example `image/png`.
 */
@Serializable
public data class ImageContent(
    val data: String,
    val mimeType: String,
    val annotations: Annotations? = null,
    @SerialName("_meta") val meta: JsonObject? = null,
) : Content {
    /** A picture from the bytes of its file. */
    public constructor(bytes: ByteArray, mimeType: String) : this(base64(bytes), mimeType)

    /** The file, decoded anew at each use; throws [IllegalArgumentException] when [data] is not base64. */
    public val bytes: ByteArray get() = Base64.getDecoder().decode(data)

    @EncodeDefault
    private val type: String = "image"
}

/**
 * A sound.
 *
 * @property data the file in base64.
 * @property mimeType for example `audio/wav`.
 */
@Serializable
public data class AudioContent(
    val data: String,
    val mimeType: String,
    val annotations: Annotations? = null,
    @SerialName("_meta") val meta: JsonObject? = null,
) : Content {
    /** A sound from the bytes of its file. */
    public constructor(bytes: ByteArray, mimeType: String) : this(base64(bytes), mimeType)

    /** The file, decoded anew at each use; throws [IllegalArgumentException] when [data] is not base64. */
    public val bytes: ByteArray get() = Base64.getDecoder().decode(data)

    @EncodeDefault
    private val type: String = "audio"
}

/**
 * Where a resource can be read; its contents are not here.
 *
 * @property size of the resource in bytes, if known.
 */
@Serializable
public data class ResourceLink(
    val uri: String,
    val name: String,
    val title: String? = null,
    val description: String? = null,
    val mimeType: String? = null,
    val size: Long? = null,
    val icons: List<Icon>? = null,
    val annotations: Annotations? = null,
    @SerialName("_meta") val meta: JsonObject? = null,
) : Content {
    @EncodeDefault
    private val type: String = "resource_link"
}

/** A resource with its contents. */
@Serializable
public data class EmbeddedResource(
    val resource: ResourceContents,
    val annotations: Annotations? = null,
    @SerialName("_meta") val meta: JsonObject? = null,
) : Content {
    @EncodeDefault
    private val type: String = "resource"
}

/**
 * The contents of a resource.
 *
 * @property text the contents, when they are text.
 * @property blob the contents in base64, when they are not.
 */
@Serializable
public data class ResourceContents(
    val uri: String,
    val mimeType: String? = null,
    val text: String? = null,
    val blob: String? = null,
    @SerialName("_meta") val meta: JsonObject? = null,
)

/**
 * A block of a type that this library does not know, as it came.
 *
 * @property json the whole block.
 */
@Serializable(with = UnknownContentSerializer::class)
public data class UnknownContent(val json: JsonObject) : Content

internal object ContentSerializer : JsonContentPolymorphicSerializer<Content>(Content::class) {
    override fun selectDeserializer(element: JsonElement): DeserializationStrategy<Content> =
        when (((element as? JsonObject)?.get("type") as? JsonPrimitive)?.contentOrNull) {
            "text" -> TextContent.serializer()
            "image" -> ImageContent.serializer()
            "audio" -> AudioContent.serializer()
            "resource_link" -> ResourceLink.serializer()
            "resource" -> EmbeddedResource.serializer()
            else -> UnknownContent.serializer()
        }
}

internal object UnknownContentSerializer : KSerializer<UnknownContent> {
    private val objects = JsonObject.serializer()
    override val descriptor: SerialDescriptor = SerialDescriptor("dev.oxmcp.UnknownContent", objects.descriptor)
    override fun serialize(encoder: Encoder, value: UnknownContent) = objects.serialize(encoder, value.json)
    override fun deserialize(decoder: Decoder): UnknownContent = UnknownContent(objects.deserialize(decoder))
}

private fun base64(bytes: ByteArray): String = Base64.getEncoder().encodeToString(bytes)
