package dev.oxmcp

import java.nio.file.Path

/**
 * A server that is started as a child process and spoken to over its stdin and stdout.
 *
 * ```kotlin
 * val server = Stdio("npx", "-y", "@modelcontextprotocol/server-everything", env = mapOf("LOG" to "1"))
 * ```
 *
 * @property command the program, looked up on the `PATH`.
 * @property env added to the environment of this process.
 * @property directory where it runs; this process's own when null.
 * @property inheritStderr whether its stderr goes to this process's, or nowhere.
 */
public class Stdio(
    public val command: String,
    vararg args: String,
    public val env: Map<String, String> = emptyMap(),
    public val directory: Path? = null,
    public val inheritStderr: Boolean = true,
) {
    /** The arguments of [command]. */
    public val args: List<String> = args.toList()
}
