package dev.oxmcp

import dev.oxmcp.ffi.FfiServer
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Job
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.isActive
import kotlinx.coroutines.launch
import java.util.concurrent.atomic.AtomicBoolean

/** Answers the calls of one tool. */
internal fun interface ToolHandler {
    /** The answer to a call with these arguments, a JSON object. What it throws is answered as the tool's error. */
    suspend fun answer(context: ToolContext, arguments: ByteArray): ToolAnswer
}

/** A call in flight: a coroutine that runs the handler and answers the core exactly once, however it ends. */
internal class ToolCall(private val core: FfiServer, private val id: ULong) {
    private val answered = AtomicBoolean()
    private var job: Job? = null

    /** Runs [handler] in [scope]. */
    fun start(scope: CoroutineScope, handler: ToolHandler, arguments: ByteArray) {
        val job = scope.launch { answer(handler, arguments) }
        this.job = job
        // The coroutine may end before it began: its scope is cancelled, or its dispatcher takes no work.
        job.invokeOnCompletion { refuse("The call was cancelled before it was answered") }
    }

    /** Answers without running anything. */
    fun refuse(message: String) = once { fail(message) }

    /** The peer no longer waits. */
    fun cancel() {
        job?.cancel(CancellationException("The peer no longer waits for this call"))
    }

    /** Runs [action] when the call has ended, at once if it has. */
    fun onEnd(action: () -> Unit) {
        job?.invokeOnCompletion { action() } ?: action()
    }

    private suspend fun answer(handler: ToolHandler, arguments: ByteArray) {
        try {
            when (val answer = handler.answer(ToolContext(core, id), arguments)) {
                is ToolAnswer.Text -> once { wellFormed(answer.text) { core.respondText(id, it) } }
                is ToolAnswer.Result -> once { core.respondResult(id, borrowed(answer.json)) }
            }
        } catch (e: CancellationException) {
            if (!currentCoroutineContext().isActive) throw e
            // Not this call was cancelled, but something in it: a timeout of its own, for example.
            once { fail(e.explanation) }
        } catch (e: McpException.Tool) {
            once { core.respondResult(id, borrowed(Wire.write(e.result))) }
        } catch (e: McpException.Rpc) {
            once {
                val data = e.data?.toString()?.encodeToByteArray()
                wellFormed(e.message) { core.respondError(id, e.code, it, data) }
            }
        } catch (e: Throwable) {
            once { fail(e.explanation) }
        }
    }

    private fun fail(message: String) = wellFormed(message) { core.respondToolError(id, it) }

    private fun once(respond: () -> Unit) {
        if (!answered.compareAndSet(false, true)) return
        try {
            respond()
        } catch (e: Throwable) {
            // No memory for it, for example. The caller is not left waiting.
            fail("The answer could not be sent: ${e.explanation}")
        }
    }
}

private val Throwable.explanation: String get() = message ?: javaClass.simpleName
