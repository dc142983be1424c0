package dev.oxmcp

import kotlinx.serialization.KSerializer
import kotlinx.serialization.SerializationException
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlin.reflect.KClass
import kotlin.reflect.KType

/** What a tool's handler answers a call with, ready to cross. */
internal sealed interface ToolAnswer {
    /** One text block. */
    class Text(val text: String) : ToolAnswer

    /** A `CallToolResult` as JSON. */
    class Result(val json: String) : ToolAnswer
}

/** The property that holds a structured result which is not an object: structured content is one. */
private const val RESULT = "result"

/** How the values that a tool's handler returns become answers; decided once, from the handler's return type. */
internal class AnswerForm<R>(val outputSchema: JsonObject?, val answer: (R) -> ToolAnswer) {
    companion object {
        fun <R> of(type: KType, serializer: KSerializer<R>, json: Json): AnswerForm<R> {
            val kind = type.classifier as? KClass<*>
            return when {
                type.isMarkedNullable -> structured(serializer, json)
                kind == String::class -> AnswerForm(null) { ToolAnswer.Text(it as String) }
                kind == Unit::class -> AnswerForm(null) { result(ToolResult()) }
                kind == ToolResult::class -> AnswerForm(null) { result(it as ToolResult) }
                kind.isContent() -> AnswerForm(null) { result(ToolResult(listOf(it as Content))) }
                kind.isList() && (type.arguments.single().type?.classifier as? KClass<*>).isContent() ->
                    AnswerForm(null) { blocks -> result(ToolResult((blocks as Collection<*>).map { it as Content })) }
                else -> structured(serializer, json)
            }
        }

        private fun result(result: ToolResult) = ToolAnswer.Result(Wire.write(result))

        private fun <R> structured(serializer: KSerializer<R>, json: Json): AnswerForm<R> {
            val descriptor = serializer.descriptor
            if (descriptor.isAlwaysObject(json)) {
                return AnswerForm(jsonSchema(descriptor, json)) {
                    val value = json.encodeToString(serializer, it)
                    ToolAnswer.Result(structuredResult(text = value, structured = value))
                }
            }
            return AnswerForm(jsonSchemaOfProperty(RESULT, descriptor, json)) {
                val value = json.encodeToString(serializer, it)
                ToolAnswer.Result(structuredResult(text = value, structured = """{"$RESULT":$value}"""))
            }
        }

        private fun structuredResult(text: String, structured: String) =
            """{"content":[{"type":"text","text":${JsonPrimitive(text)}}],"structuredContent":$structured}"""

        private fun KClass<*>?.isContent() = this != null && Content::class.java.isAssignableFrom(java)

        private fun KClass<*>?.isList() = this != null && Collection::class.java.isAssignableFrom(java)
    }
}

/** Reads the value of a typed call from the result of the tool [name]. */
internal fun <R> ToolResult.read(name: String, serializer: KSerializer<R>, json: Json): R {
    if (isError) throw McpException.Tool(this)
    val descriptor = serializer.descriptor
    @Suppress("UNCHECKED_CAST")
    return when {
        descriptor == ToolResult.serializer().descriptor -> this as R
        descriptor.serialName == "kotlin.Unit" -> Unit as R
        else -> {
            val structured = structuredContent?.let { if (descriptor.isAlwaysObject(json)) it else it.unwrapped() }
            try {
                when {
                    structured != null -> json.decodeFromJsonElement(serializer, structured)
                    descriptor.serialName == "kotlin.String" -> text as R
                    else -> json.decodeFromString(serializer, text)
                }
            } catch (e: SerializationException) {
                throw McpException.Protocol(
                    "The result of the tool $name is not a ${descriptor.serialName}, which this call asked for: " +
                        e.firstLine(),
                    e,
                )
            }
        }
    }
}

/** The value in `{"result": value}`; anything else as it is. */
private fun JsonElement.unwrapped(): JsonElement =
    if (this is JsonObject && keys == setOf(RESULT)) this[RESULT] ?: JsonNull else this

/** What was wrong, without the JSON that follows it. */
internal fun SerializationException.firstLine(): String = message.orEmpty().lineSequence().first()
