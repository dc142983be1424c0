package example

import dev.oxmcp.Description
import dev.oxmcp.McpServer
import dev.oxmcp.ToolAnnotations
import dev.oxmcp.mcpServer
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.withContext
import kotlinx.serialization.Serializable
import kotlin.io.path.isRegularFile
import kotlin.io.path.listDirectoryEntries
import kotlin.io.path.name
import kotlin.io.path.readLines
import java.io.IOException
import java.nio.file.Path

@Serializable
data class CountWords(@Description("The text to count") val text: String)

@Serializable
data class Counts(val lines: Int, val words: Int, val characters: Int)

@Serializable
data class FindText(
    @Description("The folder to look in") val folder: String,
    @Description("The text to look for") val text: String,
)

private val readOnly = ToolAnnotations(readOnlyHint = true)

/** A server that knows facts about text. */
fun textFacts(): McpServer = mcpServer("text-facts", version = "0.1.0") {
    tool<CountWords, Counts>("count_words", "How much text it is: lines, words, characters", annotations = readOnly) {
        Counts(
            lines = it.text.count { char -> char == '\n' } + if (it.text.isEmpty() || it.text.endsWith('\n')) 0 else 1,
            words = it.text.split(Regex("\\s+")).count(String::isNotEmpty),
            characters = it.text.codePointCount(0, it.text.length),
        )
    }

    tool<FindText, String>("find_text", "Where the files of a folder hold a text", annotations = readOnly) { search ->
        withContext(Dispatchers.IO) {
            val files = filesOf(Path.of(search.folder))
            files.withIndex().flatMap { (index, file) ->
                progress(index + 1, files.size, file.name)
                file.readLines().withIndex()
                    .filter { (_, line) -> search.text in line }
                    .map { (number, line) -> "${file.name}:${number + 1}: $line" }
            }.joinToString("\n")
        }
    }
}

private fun filesOf(folder: Path): List<Path> = try {
    folder.listDirectoryEntries().filter { it.isRegularFile() }.sortedBy { it.name }
} catch (e: IOException) {
    throw IOException("the folder $folder cannot be read: $e", e)
}

suspend fun main(args: Array<String>) {
    val port = args.indexOf("--port").takeIf { it >= 0 }?.let { args[it + 1].toInt() }
    textFacts().use { server ->
        if (port == null) {
            server.serveStdio()
        } else {
            System.err.println("listening on ${server.listenHttp(port = port).url}")
            awaitCancellation()
        }
    }
}
