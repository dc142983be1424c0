package dev.oxmcp

import dev.oxmcp.ffi.FfiClient
import dev.oxmcp.ffi.FfiOperation
import kotlinx.coroutines.channels.BufferOverflow
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.launch
import kotlinx.serialization.KSerializer
import kotlinx.serialization.Serializable
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonObjectBuilder
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.add
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.encodeToJsonElement
import kotlinx.serialization.json.put
import kotlinx.serialization.json.putJsonArray
import kotlinx.serialization.json.putJsonObject
import kotlinx.serialization.serializer
import kotlin.time.Duration

/**
 * A client of one MCP server, connected to a URL, a command or a server of this process. The protocol revision is
 * negotiated; nothing here depends on it.
 *
 * ```kotlin
 * McpClient.connect(url).use { client ->
 *     println("${client.serverInfo.name} speaks ${client.protocolVersion}")
 *     val sum = client.callTool<Args, Sum>("add", Args(1, 2))
 *     check(sum == Sum(3))
 * }
 * ```
 *
 * Use it from any thread and any number of coroutines at once. Every operation settles: with its result, an
 * [McpException], or [CancellationException][kotlin.coroutines.cancellation.CancellationException] when its coroutine
 * is cancelled, which cancels the operation on the wire too.
 *
 * @property serverInfo what the server says it is.
 * @property protocolVersion the revision that was negotiated.
 * @property capabilities what the server can do, as it declared it.
 * @property instructions how the server wants to be used, for the model.
 * @property json how typed arguments are written and typed results are read.
 */
public class McpClient private constructor(
    private val core: FfiClient,
    session: Session,
    public val json: Json,
    /** Kept so that a server in memory lives as long as its client. */
    @Suppress("unused") private val server: McpServer?,
) : AutoCloseable {
    public val serverInfo: Implementation = session.serverInfo
    public val protocolVersion: String = session.protocolVersion
    public val capabilities: JsonObject = session.capabilities
    public val instructions: String? = session.instructions

    /** Every tool of the server, in its order. */
    public suspend fun listTools(): List<Tool> =
        Wire.read<ToolsPage>(submit(FfiOperation.LIST_TOOLS, "{}", Waiting.DEFAULT)).tools

    /**
     * The tools of the server, in its order. Each page is fetched when it is collected.
     *
     * ```kotlin
     * val readers = client.tools().filter { it.annotations?.readOnlyHint == true }.map { it.name }.toList()
     * ```
     */
    public fun tools(): Flow<Tool> = flow {
        var cursor: String? = null
        do {
            val params = buildJsonObject { cursor?.let { put("cursor", it) } }
            val page = Wire.read<ToolsPage>(submit(FfiOperation.LIST_TOOLS_PAGE, params.toString(), Waiting.DEFAULT))
            page.tools.forEach { emit(it) }
            cursor = page.nextCursor
        } while (cursor != null)
    }

    /**
     * Calls a tool. A tool that failed is a result too: look at [ToolResult.isError].
     *
     * ```kotlin
     * val result = client.callTool("forecast", buildJsonObject { put("city", "Oslo") }, timeout = 30.seconds) {
     *     println("${it.progress} of ${it.total}")
     * }
     * check(result.text == "snow")
     * ```
     *
     * @param timeout the longest silence: neither the answer nor progress has come for this long.
     * @param maxTimeout the longest it may take in all.
     * @param onProgress called for each progress report, in order and before this returns; what it throws cancels the
     *   call. A report may be left out when they come faster than it takes them.
     */
    public suspend fun callTool(
        name: String,
        arguments: JsonObject = JsonObject(emptyMap()),
        timeout: Duration? = null,
        maxTimeout: Duration? = null,
        onProgress: (suspend (Progress) -> Unit)? = null,
    ): ToolResult = Wire.read(call(name, arguments.toString(), Waiting(timeout, maxTimeout), onProgress))

    /**
     * Calls a tool with arguments of the class [A] and reads an [R] from its result.
     *
     * [R] is read from the structured content, from its property `result` where [R] is not an object; without
     * structured content, from the text. Throws [McpException.Tool] when the tool failed and
     * [McpException.Protocol] when its result is not an [R].
     *
     * ```kotlin
     * val sum: Sum = client.callTool("add", Args(1, 2))
     * ```
     */
    public suspend inline fun <reified A, reified R> callTool(
        name: String,
        arguments: A,
        timeout: Duration? = null,
        maxTimeout: Duration? = null,
        noinline onProgress: (suspend (Progress) -> Unit)? = null,
    ): R = callTool(
        name,
        arguments,
        json.serializersModule.serializer<A>(),
        json.serializersModule.serializer<R>(),
        timeout,
        maxTimeout,
        onProgress,
    )

    /** The typed [callTool] for serializers that are known only at run time. */
    public suspend fun <A, R> callTool(
        name: String,
        arguments: A,
        argumentsSerializer: KSerializer<A>,
        resultSerializer: KSerializer<R>,
        timeout: Duration? = null,
        maxTimeout: Duration? = null,
        onProgress: (suspend (Progress) -> Unit)? = null,
    ): R {
        val written = json.encodeToString(argumentsSerializer, arguments)
        if (!written.startsWith('{')) {
            val type = argumentsSerializer.descriptor.serialName
            throw McpException.Misuse("The arguments of a tool must be a JSON object, but a $type is not")
        }
        val result = Wire.read<ToolResult>(call(name, written, Waiting(timeout, maxTimeout), onProgress))
        return result.read(name, resultSerializer, json)
    }

    /** Whether the server answers: returns when it does. */
    public suspend fun ping(timeout: Duration? = null) {
        submit(FfiOperation.PING, "{}", Waiting(timeout))
    }

    /**
     * Starts to end the connection and returns at once. Outstanding operations fail with [McpException.Closed], a child
     * process is asked to exit, then made to. Closing again is fine. A client that is forgotten is closed when it is
     * collected.
     */
    override fun close(): Unit = failingAsMcp { core.closeConnection(Events.freshId()) }

    /** Ends the connection and suspends until everything is released: the child process gone, the sockets closed. */
    public suspend fun closeAndJoin() {
        Events.await { id -> core.closeConnection(id) }
    }

    private suspend fun call(
        name: String,
        arguments: String,
        waiting: Waiting,
        onProgress: (suspend (Progress) -> Unit)?,
    ): ByteArray {
        val params = """{"name":${JsonPrimitive(name)},"arguments":$arguments}"""
        if (onProgress == null) return submit(FfiOperation.CALL_TOOL, params, waiting)
        return Events.offEventThread {
            coroutineScope {
                val reports = Channel<ByteArray>(PROGRESS_BUFFER, BufferOverflow.DROP_OLDEST)
                launch { for (report in reports) onProgress(Wire.read(report)) }
                submit(FfiOperation.CALL_TOOL, params, waiting, reports::trySend).also { reports.close() }
            }
        }
    }

    private suspend fun submit(
        operation: FfiOperation,
        params: String,
        waiting: Waiting,
        onProgress: ((ByteArray) -> Unit)? = null,
    ): ByteArray = Events.await(onProgress, abandon = { core.cancel(it) }) { id ->
        core.submit(operation.value, borrowed(params), waiting.silence, waiting.inAll, onProgress != null, id)
    }

    public companion object {
        private const val PROGRESS_BUFFER = 1024

        /**
         * Connects to a server at an `http:` or `https:` URL.
         *
         * @param headers sent with every request, for example `Authorization`.
         */
        public suspend fun connect(
            url: String,
            headers: Map<String, String> = emptyMap(),
            options: ClientOptions = ClientOptions(),
        ): McpClient = open(options, null) {
            put("url", url)
            if (headers.isNotEmpty()) putStrings("headers", headers)
        }

        /**
         * Starts a server as a child process and connects to it.
         *
         * ```kotlin
         * McpClient.connect(command).use { client ->
         *     client.listTools().forEach { println("${it.name}: ${it.description}") }
         * }
         * ```
         */
        public suspend fun connect(command: Stdio, options: ClientOptions = ClientOptions()): McpClient =
            open(options, null) {
                put("command", command.command)
                putJsonArray("args") { command.args.forEach { add(it) } }
                if (command.env.isNotEmpty()) putStrings("env", command.env)
                command.directory?.let { put("cwd", it.toString()) }
                if (!command.inheritStderr) put("stderr", "null")
            }

        /** Connects to a server of this process, in memory: for tests, and for hosts with servers of their own. */
        public suspend fun connect(server: McpServer, options: ClientOptions = ClientOptions()): McpClient =
            open(options, server) {}

        private suspend fun open(
            options: ClientOptions,
            server: McpServer?,
            target: JsonObjectBuilder.() -> Unit,
        ): McpClient {
            val config = buildJsonObject {
                target()
                options.clientInfo?.let { put("clientInfo", Wire.json.encodeToJsonElement(it)) }
                options.protocolVersion?.let { put("protocolVersion", it) }
                options.timeout?.let { put("timeoutMs", it.toMilliseconds("timeout")) }
                options.maxTimeout?.let { put("maxTimeoutMs", it.toMilliseconds("maxTimeout")) }
                options.connectTimeout?.let { put("connectTimeoutMs", it.toMilliseconds("connectTimeout")) }
                options.maxMessageBytes?.let { put("maxMessageBytes", it) }
            }.toString()
            var core: FfiClient? = null
            try {
                val session = Events.await { id ->
                    core = when (server) {
                        null -> FfiClient.open(config, id, Events.queue)
                        else -> FfiClient.openInMemory(server.core, config, id, Events.queue)
                    }
                }
                return McpClient(core!!, Wire.read(session), options.json, server)
            } catch (e: Throwable) {
                core?.closeConnection(Events.freshId())
                throw e
            }
        }

        private fun JsonObjectBuilder.putStrings(name: String, values: Map<String, String>) {
            putJsonObject(name) { values.forEach { (key, value) -> put(key, value) } }
        }
    }

    /** How long an operation may take, in milliseconds; -1 leaves it to the client's options. */
    private class Waiting(timeout: Duration? = null, maxTimeout: Duration? = null) {
        val silence: Long = timeout?.toMilliseconds("timeout") ?: -1
        val inAll: Long = maxTimeout?.toMilliseconds("maxTimeout") ?: -1

        companion object {
            val DEFAULT = Waiting()
        }
    }

    @Serializable
    private class Session(
        val protocolVersion: String,
        val serverInfo: Implementation,
        val capabilities: JsonObject,
        val instructions: String? = null,
    )

    @Serializable
    private class ToolsPage(val tools: List<Tool>, val nextCursor: String? = null)
}
