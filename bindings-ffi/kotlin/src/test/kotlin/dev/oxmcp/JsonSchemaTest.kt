package dev.oxmcp

import kotlinx.serialization.Polymorphic
import kotlinx.serialization.SerialName
import kotlinx.serialization.Serializable
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonNamingStrategy
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.modules.SerializersModule
import kotlinx.serialization.modules.contextual
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** Which JSON Schema a type has. */
class JsonSchemaTest {
    @Test
    fun `primitives`() {
        @Serializable
        class Primitives(
            val string: String, val char: Char, val boolean: Boolean, val byte: Byte, val short: Short, val int: Int,
            val long: Long, val float: Float, val double: Double, val uint: UInt,
        )
        val types = jsonSchema<Primitives>()["properties"]
        assertEquals(
            json(
                """{"string":{"type":"string"},"char":{"type":"string","minLength":1,"maxLength":1},
                "boolean":{"type":"boolean"},"byte":{"type":"integer"},"short":{"type":"integer"},
                "int":{"type":"integer"},"long":{"type":"integer"},"float":{"type":"number"},
                "double":{"type":"number"},"uint":{"type":"integer","minimum":0}}""",
            ),
            types,
        )
    }

    @Test
    fun `what is nullable or has a default is optional`() {
        @Serializable
        class Optional(val must: Int, val may: Int = 1, val nullable: Int?, val both: String? = null)
        assertEquals(
            json(
                """{"type":"object","properties":{"must":{"type":"integer"},"may":{"type":"integer"},
                "nullable":{"type":["integer","null"]},"both":{"type":["string","null"]}},"required":["must"]}""",
            ),
            jsonSchema<Optional>(),
        )
    }

    @Test
    fun `enums lists maps and nesting`() {
        assertEquals(
            json(
                """{"type":"object","properties":{
                "mood":{"type":"string","enum":["HAPPY","sad"]},
                "maybe":{"anyOf":[{"type":"string","enum":["HAPPY","sad"]},{"type":"null"}]},
                "moods":{"type":"array","items":{"type":"string","enum":["HAPPY","sad"]}},
                "counts":{"type":"object","additionalProperties":{"type":"integer"}},
                "byMood":{"type":"object","propertyNames":{"enum":["HAPPY","sad"]},"additionalProperties":{"type":"boolean"}},
                "inner":{"type":"object","properties":{"sum":{"type":"integer"}},"required":["sum"]}},
                "required":["mood","moods","counts","byMood","inner"]}""",
            ),
            jsonSchema<Nesting>(),
        )
    }

    @Test
    fun `descriptions of types and of properties`() {
        assertEquals(
            json(
                """{"type":"object","description":"Where to go","properties":{
                "city":{"type":"string","description":"Its name"}},"required":["city"]}""",
            ),
            jsonSchema<Destination>(),
        )
    }

    @Test
    fun `serial names and naming strategies`() {
        @Serializable
        class Named(@SerialName("x-count") val count: Int, val twoWords: Int)
        assertEquals(setOf("x-count", "twoWords"), (jsonSchema<Named>()["properties"] as JsonObject).keys)
        val snake = Json(McpJson) { namingStrategy = JsonNamingStrategy.SnakeCase }
        assertEquals(setOf("x-count", "two_words"), (jsonSchema<Named>(snake)["properties"] as JsonObject).keys)
    }

    @Test
    fun `a sealed class is one of its subclasses`() {
        assertEquals(
            json(
                """{"type":"object","oneOf":[
                {"type":"object","properties":{"type":{"const":"circle"},"radius":{"type":"number"}},"required":["type","radius"]},
                {"type":"object","properties":{"type":{"const":"nothing"}},"required":["type"]}]}""",
            ),
            jsonSchema<Shape>(),
        )
    }

    @Test
    fun `a recursive class refers to itself`() {
        assertEquals(
            json(
                """{"type":"object","properties":{"name":{"type":"string"},
                "children":{"type":"array","items":{"${'$'}ref":"#"}}},"required":["name"]}""",
            ),
            jsonSchema<Tree>(),
        )
        assertEquals(
            json(
                """{"type":"object","properties":{"tree":{"${'$'}ref":"#/${'$'}defs/Tree"}},"required":["tree"],
                "${'$'}defs":{"Tree":{"type":"object","properties":{"name":{"type":"string"},
                "children":{"type":"array","items":{"${'$'}ref":"#/${'$'}defs/Tree"}}},"required":["name"]}}}""",
            ),
            jsonSchema<Planted>(),
        )
    }

    @Test
    fun `recursive types work as arguments and as results`() {
        val server = mcpServer("trees") {
            tool<Tree, List<Tree>>("children") { it.children }
            tool<Planted, Tree>("dig") { it.tree }
        }
        val tree = Tree("root", listOf(Tree("a", listOf(Tree("b")))))
        withClient(server) { client ->
            assertEquals(tree.children, client.callTool<Tree, List<Tree>>("children", tree))
            assertEquals(tree, client.callTool<Planted, Tree>("dig", Planted(tree)))
            val bad = json("""{"name":"root","children":[{"name":"a","children":[{"children":[]}]}]}""")
            assertTrue(client.callTool("children", bad).isError)
        }
    }

    @Test
    fun `generic classes are not taken for recursion`() {
        assertEquals(
            json(
                """{"type":"object","properties":{"value":{"type":"object","properties":{"value":{"type":"integer"}},
                "required":["value"]}},"required":["value"]}""",
            ),
            jsonSchema<Box<Box<Int>>>(),
        )
    }

    @Test
    fun `value classes and contextual types are what they are written as`() {
        @Serializable
        class Wrapped(val id: Id, val ids: List<Id>, val maybe: Id?)
        assertEquals(
            json(
                """{"id":{"type":"string"},"ids":{"type":"array","items":{"type":"string"}},
                "maybe":{"type":["string","null"]}}""",
            ),
            jsonSchema<Wrapped>()["properties"],
        )
        val custom = Json(McpJson) { serializersModule = SerializersModule { contextual(HexSerializer) } }
        assertEquals(
            json("""{"list":{"type":"array","items":{"type":"string"}}}"""),
            jsonSchema<Colours>(custom)["properties"],
        )
        assertFails<McpException.Misuse> { jsonSchema<Colours>() }
    }

    @Test
    fun `JSON types`() {
        @Serializable
        class Any(val any: JsonElement, val obj: JsonObject, val array: JsonArray, val primitive: JsonPrimitive)
        assertEquals(
            json(
                """{"any":{},"obj":{"type":"object"},"array":{"type":"array"},
                "primitive":{"type":["string","number","boolean","null"]}}""",
            ),
            jsonSchema<Any>()["properties"],
        )
        assertEquals(json("""{"type":"object"}"""), jsonSchema<Unit>())
        assertEquals(json("""{"type":"object"}"""), jsonSchema<JsonObject>())
    }

    @Test
    fun `types without a form are refused with a reason`() {
        @Serializable
        class Open(@Polymorphic val any: kotlin.Any)

        @Serializable
        class Keys(val map: Map<Sum, Int>)
        assertFails<McpException.Misuse> { jsonSchema<Open>() }
        assertFails<McpException.Misuse> { jsonSchema<Keys>() }
    }
}

@Serializable
enum class Mood { HAPPY, @SerialName("sad") SAD }

@Serializable
class Nesting(
    val mood: Mood,
    val maybe: Mood?,
    val moods: List<Mood>,
    val counts: Map<String, Int>,
    val byMood: Map<Mood, Boolean>,
    val inner: Sum,
)

@Serializable
@Description("Where to go")
class Destination(@Description("Its name") val city: String)

@Serializable
sealed interface Shape

@Serializable
@SerialName("circle")
class Circle(val radius: Double) : Shape

@Serializable
@SerialName("nothing")
object Nothing : Shape

@Serializable
data class Tree(val name: String, val children: List<Tree> = emptyList())

@Serializable
class Planted(val tree: Tree)

@Serializable
class Box<T>(val value: T)

@Serializable
@JvmInline
value class Id(val text: String)
