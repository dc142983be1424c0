package dev.oxmcp

import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.DynamicTest.dynamicTest
import org.junit.jupiter.api.TestFactory
import kotlin.io.path.extension
import kotlin.io.path.name
import kotlin.io.path.readText
import kotlin.io.path.walk
import java.nio.file.Path

/** Every Kotlin example of the documentation is code that runs: of [SamplesTest] or of the example programs. */
class DocsTest {
    private val sources = Path.of("src/main/kotlin").walk().filter { it.extension == "kt" } +
        sequenceOf(Path.of("../../docs/kotlin.md"))
    private val running = listOf("src/test/kotlin/dev/oxmcp/SamplesTest.kt", "../../examples/kotlin/Server.kt")
        .joinToString("\n") { lines(Path.of(it).readText()) }

    @TestFactory
    fun `examples of the documentation`(): List<DynamicTest> = sources.flatMap { source ->
        FENCE.findAll(source.readText()).mapIndexed { number, match ->
            dynamicTest("${source.name} ${number + 1}") {
                val example = lines(match.groupValues[1])
                assertTrue(example in running, "this example is in no test:\n$example")
            }
        }
    }.toList().also { check(it.size >= 20) { "only ${it.size} examples were found" } }

    /** The lines without indentation, comment stars and blank lines. */
    private fun lines(text: String): String =
        text.lines().map { it.trim().removePrefix("*").trim() }.filter { it.isNotEmpty() }.joinToString("\n", "\n", "\n")

    private companion object {
        val FENCE = Regex("""```kotlin\n(.*?)```""", RegexOption.DOT_MATCHES_ALL)
    }
}
