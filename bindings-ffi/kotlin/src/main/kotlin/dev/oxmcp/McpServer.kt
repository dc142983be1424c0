package dev.oxmcp

import dev.oxmcp.ffi.FfiServer
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.cancel
import kotlinx.serialization.KSerializer
import kotlinx.serialization.SerializationException
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonArrayBuilder
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.add
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.encodeToJsonElement
import kotlinx.serialization.json.put
import kotlinx.serialization.json.putJsonArray
import kotlinx.serialization.serializer
import kotlin.reflect.KType
import kotlin.reflect.typeOf
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.atomic.AtomicLong

/**
 * Makes a server and its tools.
 *
 * ```kotlin
 * val server = mcpServer("demo", version = "1.0") {
 *     tool<Args, Int>("add", "Add two numbers") { it.a + it.b }
 * }
 * ```
 *
 * @param title for people.
 * @param instructions how to use the server, for the model.
 * @param pageSize how many tools a page of `tools/list` has; 100 when null.
 * @param maxMessageBytes the largest message that is taken from a client; 16 MiB when null.
 * @param dispatcher where handlers run. They share its threads: wrap blocking work in
 *   `withContext(Dispatchers.IO) { ... }`, or give that here.
 * @param json how arguments are read and results are written.
 * @throws McpException.Misuse when what is given makes no server.
 */
public fun mcpServer(
    name: String,
    version: String = "1.0.0",
    title: String? = null,
    description: String? = null,
    websiteUrl: String? = null,
    icons: List<Icon> = emptyList(),
    instructions: String? = null,
    pageSize: Int? = null,
    maxMessageBytes: Long? = null,
    dispatcher: CoroutineDispatcher = Dispatchers.Default,
    json: Json = McpJson,
    tools: McpServer.() -> Unit = {},
): McpServer {
    if (dispatcher === Dispatchers.Unconfined) {
        throw McpException.Misuse("Handlers cannot run in Dispatchers.Unconfined: they need threads of their own")
    }
    val config = buildJsonObject {
        put("name", name)
        put("version", version)
        title?.let { put("title", it) }
        description?.let { put("description", it) }
        websiteUrl?.let { put("websiteUrl", it) }
        if (icons.isNotEmpty()) put("icons", Wire.json.encodeToJsonElement(icons))
        instructions?.let { put("instructions", it) }
        pageSize?.let { put("pageSize", it) }
        maxMessageBytes?.let { put("maxMessageBytes", it) }
    }
    return McpServer(config.toString(), json, dispatcher).apply(tools)
}

/**
 * A server of tools, over stdio, HTTP or in memory, on several of them at once if you like. Make one with [mcpServer].
 *
 * Handlers run at the same time, each call in a coroutine of its own. What a handler returns becomes the result:
 *
 * * a [String] one text block, [Unit] no block;
 * * a [Content], a list of them or a [ToolResult] as it is;
 * * any other serializable type structured content, with its schema as the tool's `outputSchema`, and the same as JSON
 *   text. What is not an object goes into one: `{"result": 3}`.
 *
 * What it throws becomes a result with `isError` and the exception's message, which the model sees; throw
 * [McpException.Rpc] to fail the request instead.
 *
 * @property json how arguments are read and results are written.
 */
@McpDsl
public class McpServer internal constructor(
    config: String,
    public val json: Json,
    dispatcher: CoroutineDispatcher,
) : AutoCloseable {
    internal val core: FfiServer = failingAsMcp { FfiServer(config, Events.queue) }

    private val key = lastKey.incrementAndGet().toULong()
    private val scope = CoroutineScope(SupervisorJob() + dispatcher)
    private val targets = ConcurrentHashMap<String, ULong>()
    private val handlers = ConcurrentHashMap<ULong, ToolHandler>()
    private val lastTool = AtomicLong()

    init {
        Events.register(key, this)
    }

    /**
     * Adds a tool with arguments of the class [A], or replaces the one of that name. The JSON Schema comes from [A]
     * (see [jsonSchema] and [Description]); a tool without arguments takes [Unit].
     *
     * ```kotlin
     * server.tool<Search, List<String>>("search", "Search the notes") { search ->
     *     notes.filter { search.query in it }.take(search.limit)
     * }
     * server.tool<Unit, String>("motto") { "Carpe diem" }
     * ```
     *
     * @param description what it does, for the model.
     * @param title for people.
     * @throws McpException.Misuse when [A] is not written as a JSON object, or has no JSON Schema.
     */
    public inline fun <reified A, reified R> tool(
        name: String,
        description: String? = null,
        title: String? = null,
        annotations: ToolAnnotations? = null,
        icons: List<Icon> = emptyList(),
        noinline handler: suspend ToolContext.(A) -> R,
    ) {
        val module = json.serializersModule
        addTool(
            ToolHead(name, description, title, annotations, icons),
            module.serializer<A>(),
            module.serializer<R>(),
            typeOf<R>(),
            handler,
        )
    }

    /**
     * Adds a tool with a JSON Schema of your own, or replaces the one of that name. Arguments that break the schema
     * never reach the handler.
     *
     * ```kotlin
     * val schema = buildJsonObject {
     *     put("type", "object")
     *     putJsonObject("properties") { putJsonObject("city") { put("type", "string") } }
     * }
     * server.tool("forecast", schema, "The weather tomorrow") { arguments ->
     *     progress(1, 2, "asking")
     *     ToolResult.text(forecasts.getValue(arguments.getValue("city").jsonPrimitive.content))
     * }
     * ```
     *
     * @param outputSchema JSON Schema of [ToolResult.structuredContent], when the tool promises one.
     */
    public fun tool(
        name: String,
        inputSchema: JsonObject,
        description: String? = null,
        title: String? = null,
        outputSchema: JsonObject? = null,
        annotations: ToolAnnotations? = null,
        icons: List<Icon> = emptyList(),
        handler: suspend ToolContext.(JsonObject) -> ToolResult,
    ) {
        add(ToolHead(name, description, title, annotations, icons), inputSchema, outputSchema) { context, arguments ->
            ToolAnswer.Result(Wire.write(context.handler(Wire.read(arguments))))
        }
    }

    /** Removes a tool; false when there is none of that name. */
    public fun removeTool(name: String): Boolean {
        val removed = failingAsMcp { core.removeTool(name) }
        targets.remove(name)?.let(handlers::remove)
        return removed
    }

    /**
     * Serves this process's stdin and stdout, and suspends until the peer has closed them or the server is closed.
     * While it serves, what the process itself prints to stdout goes to stderr. Cancelling closes the server.
     */
    public suspend fun serveStdio() {
        Events.await(abandon = { close() }) { id -> core.serveStdio(id) }
    }

    /**
     * Serves Streamable HTTP from now until the server is closed, and returns where.
     *
     * ```kotlin
     * val http = server.listenHttp(port = 0)
     * println("listening on ${http.url}")
     * ```
     *
     * @param host a loopback address unless [allowedHosts] is given.
     * @param port 0 takes any that is free.
     * @param allowedHosts accepted in the `Host` header, beside the loopback names.
     * @param allowedOrigins accepted in the `Origin` header, beside the loopback names.
     */
    public suspend fun listenHttp(
        host: String = "127.0.0.1",
        port: Int = 0,
        path: String = "/mcp",
        allowedHosts: List<String> = emptyList(),
        allowedOrigins: List<String> = emptyList(),
    ): HttpAddress {
        val config = buildJsonObject {
            put("host", host)
            put("port", port)
            put("path", path)
            if (allowedHosts.isNotEmpty()) putJsonArray("allowedHosts") { addAll(allowedHosts) }
            if (allowedOrigins.isNotEmpty()) putJsonArray("allowedOrigins") { addAll(allowedOrigins) }
        }
        val address = Events.await(abandon = { close() }) { id -> core.listenHttp(config.toString(), id) }
        listening += this
        return Wire.read(address)
    }

    /**
     * Starts to stop serving, on every transport, and returns at once. Calls in flight are cancelled. Closing again is
     * fine.
     */
    override fun close() {
        try {
            failingAsMcp { core.closeServer(Events.freshId()) }
        } finally {
            release()
        }
    }

    /** Stops serving and suspends until everything is released, its port for example. */
    public suspend fun closeAndJoin() {
        Events.await { id ->
            core.closeServer(id)
            release()
        }
    }

    @PublishedApi
    internal fun <A, R> addTool(
        head: ToolHead,
        argumentsSerializer: KSerializer<A>,
        resultSerializer: KSerializer<R>,
        resultType: KType,
        handler: suspend ToolContext.(A) -> R,
    ) {
        if (!argumentsSerializer.descriptor.isAlwaysObject(json)) {
            throw McpException.Misuse(
                "The tool ${head.name} cannot take a ${argumentsSerializer.descriptor.serialName}: the arguments of " +
                    "a tool are a JSON object. Use a serializable class, Unit for no arguments, or JsonObject",
            )
        }
        val form = AnswerForm.of(resultType, resultSerializer, json)
        add(head, jsonSchema(argumentsSerializer.descriptor, json), form.outputSchema) { context, arguments ->
            form.answer(context.handler(readArguments(head.name, argumentsSerializer, arguments)))
        }
    }

    /** Starts to answer a call that came out of the queue. */
    internal fun receive(id: ULong, target: ULong, arguments: ByteArray): ToolCall {
        val call = ToolCall(core, id)
        val handler = handlers[target] ?: return call.apply { refuse("This tool was removed") }
        try {
            call.start(scope, handler, arguments)
        } catch (e: Throwable) {
            call.refuse("The server's dispatcher takes no work: $e")
        }
        return call
    }

    private fun add(head: ToolHead, inputSchema: JsonObject, outputSchema: JsonObject?, handler: ToolHandler) {
        val target = targets.computeIfAbsent(head.name) { (key shl TARGET_BITS) + lastTool.incrementAndGet().toULong() }
        val before = handlers.put(target, handler)
        try {
            failingAsMcp { core.addTool(head.definition(inputSchema, outputSchema), target) }
        } catch (e: McpException) {
            // The tool of that name, if there was one, is still the core's.
            if (before != null) handlers[target] = before else targets.remove(head.name)?.let(handlers::remove)
            throw e
        }
    }

    private fun <A> readArguments(name: String, serializer: KSerializer<A>, arguments: ByteArray): A = try {
        json.decodeFromString(serializer, arguments.decodeToString())
    } catch (e: SerializationException) {
        throw IllegalArgumentException("Invalid arguments for the tool $name: ${e.firstLine()}", e)
    }

    private fun release() {
        scope.cancel()
        listening -= this
        Events.unregister(key)
    }

    internal companion object {
        /** A target is the server's key and, in these low bits, the tool's number. */
        private const val TARGET_BITS = 32
        private val lastKey = AtomicLong()

        /** Servers that serve HTTP live until they are closed, held by nobody else or not. */
        private val listening: MutableSet<McpServer> = ConcurrentHashMap.newKeySet()

        /** The key of the server whose tool has this target. */
        fun keyOf(target: ULong): ULong = target shr TARGET_BITS
    }
}

/** What a tool says of itself beside its schemas. */
@PublishedApi
internal class ToolHead(
    val name: String,
    private val description: String?,
    private val title: String?,
    private val annotations: ToolAnnotations?,
    private val icons: List<Icon>,
) {
    /** The spec's `Tool` object as JSON. */
    fun definition(inputSchema: JsonObject, outputSchema: JsonObject?): String = Wire.write(
        Tool(name, title, description, inputSchema, outputSchema, annotations, icons.ifEmpty { null }),
    )
}

private fun JsonArrayBuilder.addAll(values: List<String>) = values.forEach { add(it) }
