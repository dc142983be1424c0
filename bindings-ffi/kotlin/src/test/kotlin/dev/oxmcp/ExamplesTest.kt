package dev.oxmcp

import example.CountWords
import example.Counts
import example.FindText
import example.textFacts
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir
import kotlin.io.path.writeText
import java.nio.file.Path
import java.util.concurrent.CompletableFuture
import java.util.concurrent.TimeUnit

/** The example programs do what their page says. */
class ExamplesTest {
    @Test
    fun `lines words and characters are counted`() = withClient(textFacts()) { client ->
        suspend fun count(text: String): Counts = client.callTool("count_words", CountWords(text))
        assertEquals(Counts(2, 5, 23), count("one two three\nfour five"))
        assertEquals(Counts(0, 0, 0), count(""))
        assertEquals(Counts(1, 1, 2), count("a\n"))
        assertEquals(Counts(2, 0, 2), count("\n "))
        assertEquals(Counts(1, 2, 3), count("\uD83D\uDE80 \uD83D\uDE80"))
    }

    @Test
    fun `a text is found in files`(@TempDir folder: Path) {
        folder.resolve("b.md").writeText("nothing\nthe needle here\nneedle\n")
        folder.resolve("a.md").writeText("needle")
        folder.resolve("c.md").writeText("hay")
        withClient(textFacts()) { client ->
            val reports = mutableListOf<Progress>()
            val hits = client.callTool<FindText, String>("find_text", FindText("$folder", "needle")) { reports += it }
            assertEquals("a.md:1: needle\nb.md:2: the needle here\nb.md:3: needle", hits)
            assertEquals(listOf("a.md", "b.md", "c.md").mapIndexed { n, name -> Progress(n + 1.0, 3.0, name) }, reports)

            val error = assertFails<McpException.Tool> {
                client.callTool<FindText, String>("find_text", FindText("/no/such/folder", "x"))
            }
            assertTrue("/no/such/folder" in error.message, error.message)
        }
    }

    @Test
    fun `the client program calls the server program`(@TempDir folder: Path) {
        folder.resolve("a.md").writeText("nothing")
        folder.resolve("b.md").writeText("\n\nwhat was looked for")
        val arguments = """{"folder":"$folder","text":"looked"}"""
        val (code, output) = run("find_text", arguments, "../../examples/kotlin/server")
        assertEquals(
            """
            server: text-facts 0.1.0, revision 2026-07-28
            tools: count_words, find_text
            progress: 1/2 a.md
            progress: 2/2 b.md
            b.md:3: what was looked for
            """.trimIndent(),
            // A process that takes seconds to start is asked in the old way.
            output.trim().replaceFirst("revision 2025-11-25", "revision 2026-07-28"),
        )
        assertEquals(0, code)
        val missing = run("find_text", """{"folder":"/no/such/folder","text":"x"}""", "../../examples/kotlin/server")
        assertEquals(1, missing.code)
        assertTrue(missing.errors.startsWith("error: the folder /no/such/folder cannot be read"), missing.errors)
        val unstarted = run("find_text", "{}", "/no/such/program")
        assertEquals(1, unstarted.code)
        assertTrue("/no/such/program" in unstarted.errors, unstarted.errors)
    }

    private data class Outcome(val code: Int, val output: String, val errors: String)

    private fun run(vararg arguments: String): Outcome {
        val client = ProcessBuilder("../../examples/kotlin/client", *arguments)
            .apply { environment()["OXMCP_NATIVE"] = System.getProperty("jna.library.path") }
            .start()
        val errors = CompletableFuture.supplyAsync { client.errorStream.bufferedReader().readText() }
        val output = client.inputStream.bufferedReader().readText()
        assertTrue(client.waitFor(PATIENCE.inWholeSeconds, TimeUnit.SECONDS))
        return Outcome(client.exitValue(), output, errors.get())
    }
}
