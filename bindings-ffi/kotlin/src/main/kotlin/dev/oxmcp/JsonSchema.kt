package dev.oxmcp

import kotlinx.serialization.descriptors.PolymorphicKind
import kotlinx.serialization.descriptors.PrimitiveKind
import kotlinx.serialization.descriptors.SerialDescriptor
import kotlinx.serialization.descriptors.SerialKind
import kotlinx.serialization.descriptors.StructureKind
import kotlinx.serialization.descriptors.elementDescriptors
import kotlinx.serialization.descriptors.elementNames
import kotlinx.serialization.descriptors.getContextualDescriptor
import kotlinx.serialization.descriptors.nonNullOriginal
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonClassDiscriminator
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.add
import kotlinx.serialization.json.buildJsonArray
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.put
import kotlinx.serialization.json.putJsonArray
import kotlinx.serialization.json.putJsonObject
import kotlinx.serialization.serializer

/**
 * The JSON Schema of a serializable type, in the way [json] writes it.
 *
 * Properties that are nullable or have a default are optional. Sealed classes become `oneOf`, recursive classes
 * `$ref`. Throws [McpException.Misuse] for a type whose form cannot be known beforehand: an open polymorphic class, or
 * a map whose keys are not primitive.
 *
 * ```kotlin
 * val schema = jsonSchema<Search>()
 * check(schema["required"] == JsonArray(listOf(JsonPrimitive("query"))))
 * ```
 */
public inline fun <reified T> jsonSchema(json: Json = McpJson): JsonObject =
    jsonSchema(json.serializersModule.serializer<T>().descriptor, json)

/** The JSON Schema of the type that [descriptor] describes, in the way [json] writes it. */
public fun jsonSchema(descriptor: SerialDescriptor, json: Json = McpJson): JsonObject =
    SchemaWriter(json).document(descriptor)

/** The JSON Schema of an object whose one property, [name], has the type that [descriptor] describes. */
internal fun jsonSchemaOfProperty(name: String, descriptor: SerialDescriptor, json: Json): JsonObject =
    SchemaWriter(json).documentOfProperty(name, descriptor)

/** Whether values of this type are always JSON objects. */
internal fun SerialDescriptor.isAlwaysObject(json: Json): Boolean {
    val resolved = resolve(json)
    return when {
        isNullable || resolved.isNullable || resolved.isUnsigned -> false
        resolved.isJsonElement -> resolved.jsonElementName == "JsonObject"
        else -> resolved.kind == StructureKind.CLASS || resolved.kind == StructureKind.OBJECT ||
            resolved.kind == StructureKind.MAP || resolved.kind == PolymorphicKind.SEALED
    }
}

private class SchemaWriter(private val json: Json) {
    /** The classes being described, outermost first. A class that is met again while it is here is recursive. */
    private val open = mutableListOf<SerialDescriptor>()
    private val names = mutableMapOf<SerialDescriptor, String>()
    private val definitions = linkedMapOf<String, JsonObject>()

    /** The class that the whole document describes; it refers to itself as `#`. */
    private var root: SerialDescriptor? = null

    fun document(descriptor: SerialDescriptor): JsonObject {
        if (descriptor.isAlwaysObject(json)) root = descriptor.resolve(json)
        return withDefinitions(schema(descriptor))
    }

    fun documentOfProperty(name: String, descriptor: SerialDescriptor): JsonObject = withDefinitions(
        typed(
            "object",
            "properties" to JsonObject(mapOf(name to schema(descriptor))),
            "required" to strings(listOf(name)),
        ),
    )

    private fun withDefinitions(schema: JsonObject): JsonObject =
        if (definitions.isEmpty()) schema else JsonObject(schema + ("\$defs" to JsonObject(definitions)))

    private fun schema(descriptor: SerialDescriptor): JsonObject {
        val resolved = descriptor.resolve(json)
        val schema = notNull(resolved.nonNullOriginal)
        return if (descriptor.isNullable || resolved.isNullable) orNull(schema) else schema
    }

    private fun notNull(descriptor: SerialDescriptor): JsonObject = when (val kind = descriptor.kind) {
        // The JSON types describe themselves as sealed classes and maps of each other.
        else if descriptor.isJsonElement -> jsonElement(descriptor)
        else if descriptor.isUnsigned -> typed("integer", "minimum" to JsonPrimitive(0))
        PrimitiveKind.STRING -> typed("string")
        PrimitiveKind.CHAR -> typed("string", "minLength" to JsonPrimitive(1), "maxLength" to JsonPrimitive(1))
        PrimitiveKind.BOOLEAN -> typed("boolean")
        PrimitiveKind.FLOAT, PrimitiveKind.DOUBLE -> typed("number")
        is PrimitiveKind -> typed("integer")
        SerialKind.ENUM -> typed("string", "enum" to strings(descriptor.elementNames))
        StructureKind.LIST -> typed("array", "items" to schema(descriptor.getElementDescriptor(0)))
        StructureKind.MAP -> map(descriptor)
        StructureKind.CLASS, StructureKind.OBJECT -> named(descriptor) { fields(descriptor) }
        PolymorphicKind.SEALED -> named(descriptor) { sealed(descriptor) }
        else -> throw McpException.Misuse(
            "No JSON Schema can be made for ${descriptor.serialName} ($kind): its form is not known beforehand. " +
                "Use a sealed class or JsonObject, or give the schema yourself",
        )
    }

    private fun fields(descriptor: SerialDescriptor, discriminator: Pair<String, String>? = null) = buildJsonObject {
        put("type", "object")
        descriptor.annotations.description()?.let { put("description", it) }
        val count = descriptor.elementsCount
        val fields = (0 until count).associate { index -> nameOf(descriptor, index) to field(descriptor, index) }
        if (count > 0 || discriminator != null) {
            putJsonObject("properties") {
                discriminator?.let { (name, value) -> putJsonObject(name) { put("const", value) } }
                fields.forEach { (name, schema) -> put(name, schema) }
            }
        }
        val required = listOfNotNull(discriminator?.first) + (0 until count)
            .filter { !descriptor.isElementOptional(it) && !descriptor.getElementDescriptor(it).isNullable }
            .map { nameOf(descriptor, it) }
        if (required.isNotEmpty()) put("required", strings(required))
    }

    private fun field(descriptor: SerialDescriptor, index: Int): JsonObject {
        val schema = schema(descriptor.getElementDescriptor(index))
        val description = descriptor.getElementAnnotations(index).description() ?: return schema
        return JsonObject(schema + ("description" to JsonPrimitive(description)))
    }

    private fun nameOf(descriptor: SerialDescriptor, index: Int): String {
        val name = descriptor.getElementName(index)
        return json.configuration.namingStrategy?.serialNameForJson(descriptor, index, name) ?: name
    }

    private fun map(descriptor: SerialDescriptor): JsonObject {
        val key = descriptor.getElementDescriptor(0).resolve(json)
        val value = schema(descriptor.getElementDescriptor(1))
        return when (key.kind) {
            SerialKind.ENUM -> typed(
                "object",
                "propertyNames" to JsonObject(mapOf("enum" to strings(key.elementNames))),
                "additionalProperties" to value,
            )
            is PrimitiveKind -> typed("object", "additionalProperties" to value)
            else -> throw McpException.Misuse(
                "No JSON Schema can be made for a map with keys of ${key.serialName}: JSON has only strings as keys",
            )
        }
    }

    private fun sealed(descriptor: SerialDescriptor) = buildJsonObject {
        put("type", "object")
        descriptor.annotations.description()?.let { put("description", it) }
        val annotation = descriptor.annotations.filterIsInstance<JsonClassDiscriminator>().firstOrNull()
        val discriminator = annotation?.discriminator ?: json.configuration.classDiscriminator
        // A sealed class is described as a pair of the discriminator and a structure with one element a subclass.
        val subclasses = descriptor.getElementDescriptor(1)
        putJsonArray("oneOf") {
            subclasses.elementDescriptors.forEach { add(fields(it, discriminator to it.serialName)) }
        }
    }

    /** Writes a class in place, or once under `$defs` when it contains itself. */
    private fun named(descriptor: SerialDescriptor, write: () -> JsonObject): JsonObject {
        names[descriptor]?.let { return reference(descriptor) }
        if (descriptor in open) {
            if (descriptor == root) return JsonObject(mapOf("\$ref" to JsonPrimitive("#")))
            names[descriptor] = freshName(descriptor)
            return reference(descriptor)
        }
        open += descriptor
        val schema = write()
        open.removeAt(open.lastIndex)
        val name = names[descriptor] ?: return schema
        definitions[name] = schema
        return reference(descriptor)
    }

    private fun reference(descriptor: SerialDescriptor) =
        JsonObject(mapOf("\$ref" to JsonPrimitive("#/\$defs/${names.getValue(descriptor)}")))

    private fun freshName(descriptor: SerialDescriptor): String {
        val short = descriptor.serialName.substringAfterLast('.').filter { it.isLetterOrDigit() || it == '_' }
        return generateSequence(1) { it + 1 }.map { if (it == 1) short else "$short$it" }.first { it !in names.values }
    }

    private fun orNull(schema: JsonObject): JsonObject {
        val type = schema["type"]
        return when {
            schema.isEmpty() -> schema
            type is JsonPrimitive && "enum" !in schema ->
                JsonObject(schema + ("type" to strings(listOf(type.content, "null"))))
            else -> buildJsonObject {
                putJsonArray("anyOf") {
                    add(schema)
                    add(typed("null"))
                }
            }
        }
    }

    private fun jsonElement(descriptor: SerialDescriptor): JsonObject = when (descriptor.jsonElementName) {
        "JsonObject" -> typed("object")
        "JsonArray" -> typed("array")
        "JsonNull" -> typed("null")
        "JsonPrimitive" -> buildJsonObject { put("type", strings(listOf("string", "number", "boolean", "null"))) }
        else -> JsonObject(emptyMap())
    }
}

/** The descriptor that says how the type is written: without contextual lookups and inline wrappers. */
private fun SerialDescriptor.resolve(json: Json): SerialDescriptor = when {
    kind == SerialKind.CONTEXTUAL -> json.serializersModule.getContextualDescriptor(this)?.resolve(json)
        ?: throw McpException.Misuse("No JSON Schema can be made for $serialName: the Json has no serializer for it")
    isInline && !isUnsigned -> getElementDescriptor(0).resolve(json)
    else -> this
}

private val SerialDescriptor.isUnsigned: Boolean
    get() = isInline && nonNullOriginal.serialName in UNSIGNED

private val UNSIGNED = setOf("kotlin.UByte", "kotlin.UShort", "kotlin.UInt", "kotlin.ULong")

private const val JSON_ELEMENTS = "kotlinx.serialization.json."

private val SerialDescriptor.isJsonElement: Boolean
    get() = nonNullOriginal.serialName.startsWith(JSON_ELEMENTS)

private val SerialDescriptor.jsonElementName: String
    get() = nonNullOriginal.serialName.removePrefix(JSON_ELEMENTS)

private fun List<Annotation>.description(): String? = filterIsInstance<Description>().firstOrNull()?.value

private fun typed(type: String, vararg more: Pair<String, JsonElement>): JsonObject =
    JsonObject(linkedMapOf<String, JsonElement>("type" to JsonPrimitive(type)) + more)

private fun strings(values: Iterable<String>): JsonArray = buildJsonArray { values.forEach { add(it) } }
