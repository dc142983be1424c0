package dev.oxmcp

import kotlinx.serialization.Contextual
import kotlinx.serialization.KSerializer
import kotlinx.serialization.Serializable
import kotlinx.serialization.descriptors.PrimitiveKind
import kotlinx.serialization.descriptors.PrimitiveSerialDescriptor
import kotlinx.serialization.descriptors.SerialDescriptor
import kotlinx.serialization.encoding.Decoder
import kotlinx.serialization.encoding.Encoder

/** A type whose serializer only the Json knows. */
data class Hex(val value: Int)

@Serializable
data class Colours(val list: List<@Contextual Hex>)

object HexSerializer : KSerializer<Hex> {
    override val descriptor: SerialDescriptor = PrimitiveSerialDescriptor("Hex", PrimitiveKind.STRING)
    override fun serialize(encoder: Encoder, value: Hex) = encoder.encodeString(value.value.toString(16))
    override fun deserialize(decoder: Decoder): Hex = Hex(decoder.decodeString().toInt(16))
}
