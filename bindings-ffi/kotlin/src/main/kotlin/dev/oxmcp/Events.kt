package dev.oxmcp

import dev.oxmcp.ffi.FfiEvent
import dev.oxmcp.ffi.FfiEventKind
import dev.oxmcp.ffi.FfiQueue
import kotlinx.coroutines.CancellableContinuation
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.suspendCancellableCoroutine
import kotlinx.coroutines.withContext
import kotlin.concurrent.thread
import kotlin.coroutines.ContinuationInterceptor
import kotlin.coroutines.resume
import java.lang.ref.WeakReference
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.atomic.AtomicLong

/**
 * Everything the core has to say to this process: one queue, drained in batches by one daemon thread, which resumes
 * the coroutine that waits for each event or hands it to the server it is for. No user code runs on that thread.
 */
internal object Events {
    val queue: FfiQueue = try {
        FfiQueue()
    } catch (e: UnsatisfiedLinkError) {
        val explanation = "The oxmcp library (oxmcp_ffi) was not found: start Java with -Djna.library.path=FOLDER"
        throw UnsatisfiedLinkError(explanation).apply { initCause(e) }
    }

    private val lastId = AtomicLong()
    private val operations = ConcurrentHashMap<ULong, Operation>()
    private val servers = ConcurrentHashMap<ULong, WeakReference<McpServer>>()
    private val calls = ConcurrentHashMap<ULong, ToolCall>()

    /** Set when the thread has ended, which only a fault of the library does. */
    @Volatile
    private var fault: Throwable? = null

    init {
        thread(name = "oxmcp-events", isDaemon = true) { dispatch() }
    }

    /** A number for an operation whose outcome nobody waits for. */
    fun freshId(): ULong = lastId.incrementAndGet().toULong()

    /**
     * Starts an operation and suspends until it settles: the JSON of its result, or the core's error as an exception.
     *
     * @param onProgress takes the JSON of each progress event; it runs on the event thread.
     * @param abandon tells the core when the coroutine is cancelled.
     */
    suspend fun await(
        onProgress: ((ByteArray) -> Unit)? = null,
        abandon: (ULong) -> Unit = {},
        start: (ULong) -> Unit,
    ): ByteArray = offEventThread {
        val outcome = suspendCancellableCoroutine { waiter ->
            val id = freshId()
            operations[id] = Operation(waiter, onProgress)
            try {
                failingAsMcp { start(id) }
            } catch (e: Throwable) {
                operations.remove(id)
                throw e
            }
            fault?.let { settle(id, Outcome.Faulted(it)) }
            waiter.invokeOnCancellation {
                operations.remove(id)
                abandon(id)
            }
        }
        // Thrown here, not where the event came, so that the stack trace is the caller's.
        when (outcome) {
            is Outcome.Completed -> outcome.json
            is Outcome.Failed -> throw WireError.read(outcome.error)
            is Outcome.Faulted ->
                throw McpException.Internal("The oxmcp library failed: ${outcome.cause}", outcome.cause)
        }
    }

    /** Makes the calls of the server with this key reach it as long as it lives. */
    fun register(key: ULong, server: McpServer) {
        servers.values.removeIf { it.get() == null }
        servers[key] = WeakReference(server)
    }

    fun unregister(key: ULong) {
        servers.remove(key)
    }

    private fun dispatch() {
        try {
            while (true) queue.waitDrain(BATCH, WITHOUT_LIMIT).forEach(::deliver)
        } catch (e: Throwable) {
            fault = e
            operations.keys.forEach { settle(it, Outcome.Faulted(e)) }
        }
    }

    private fun deliver(event: FfiEvent) {
        when (event.kind) {
            FfiEventKind.COMPLETED -> settle(event.id, Outcome.Completed(event.json))
            FfiEventKind.FAILED -> settle(event.id, Outcome.Failed(event.json))
            FfiEventKind.PROGRESS -> operations[event.id]?.onProgress?.invoke(event.json)
            FfiEventKind.TOOL_CALL -> {
                val server = servers[McpServer.keyOf(event.target)]?.get() ?: return
                val call = server.receive(event.id, event.target, event.json)
                calls[event.id] = call
                call.onEnd { calls.remove(event.id) }
            }
            FfiEventKind.CALL_CANCELLED -> calls[event.id]?.cancel()
        }
    }

    private fun settle(id: ULong, outcome: Outcome) {
        operations.remove(id)?.waiter?.resume(outcome)
    }

    /**
     * Runs [block] so that what follows it does not run on the event thread, where it could block every other call of
     * the process: in a context that resumes in place (`suspend fun main`, `Dispatchers.Unconfined`), [block] moves to
     * a pool.
     */
    suspend fun <T> offEventThread(block: suspend () -> T): T {
        val context = currentCoroutineContext()
        val dispatcher = context[ContinuationInterceptor] as? CoroutineDispatcher
        if (dispatcher != null && dispatcher.isDispatchNeeded(context)) return block()
        return withContext(Dispatchers.Default) { block() }
    }

    private class Operation(val waiter: CancellableContinuation<Outcome>, val onProgress: ((ByteArray) -> Unit)?)

    private sealed interface Outcome {
        class Completed(val json: ByteArray) : Outcome
        class Failed(val error: ByteArray) : Outcome
        class Faulted(val cause: Throwable) : Outcome
    }

    private const val BATCH = 256u
    private const val WITHOUT_LIMIT = -1L
}
