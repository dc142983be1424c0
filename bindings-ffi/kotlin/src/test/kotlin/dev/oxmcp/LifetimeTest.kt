package dev.oxmcp

import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.delay
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withContext
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import kotlin.coroutines.Continuation
import kotlin.coroutines.EmptyCoroutineContext
import kotlin.coroutines.startCoroutine
import kotlin.streams.asSequence
import java.util.concurrent.CompletableFuture
import java.util.concurrent.TimeUnit

/** What is left when clients and servers are closed, or forgotten. */
class LifetimeTest {
    @Test
    fun `closing a client ends its child process`() = runBlocking<Unit> {
        val before = children()
        val client = McpClient.connect(TestProcess.command())
        val child = (children() - before).single()
        client.closeAndJoin()
        assertFalse(child.isAlive)
    }

    @Test
    fun `a client that is forgotten ends its child process`() = runBlocking<Unit> {
        val before = children()
        forget()
        val child = (children() - before).single()
        eventually {
            System.gc()
            !child.isAlive
        }
    }

    private suspend fun forget() {
        McpClient.connect(TestProcess.command()).ping()
    }

    @Test
    fun `cancelling connect ends the child process`() = runBlocking<Unit> {
        val before = children()
        val connecting = async { McpClient.connect(Stdio("sleep", "600"), ClientOptions(connectTimeout = PATIENCE * 2)) }
        eventually { (children() - before).isNotEmpty() }
        val child = (children() - before).single()
        connecting.cancel()
        eventually { !child.isAlive }
    }

    @Test
    fun `closing a server frees its port`() = runBlocking<Unit> {
        suspend fun isFreed(): Boolean {
            val server = testServer()
            val http = server.listenHttp()
            McpClient.connect(http.url).use { it.ping() }
            server.closeAndJoin()
            // Taken at once, so that no other process answers there.
            return withDeadPort(http.port) { assertFails<McpException.Connect> { McpClient.connect(http.url) } } != null
        }
        // Another process may be given the port in between; not ten times.
        assertTrue((1..10).any { isFreed() })
    }

    @Test
    fun `a server that listens is kept although nobody holds it`() = runBlocking<Unit> {
        val http = testServer().listenHttp()
        repeat(5) {
            System.gc()
            delay(20)
        }
        McpClient.connect(http.url).use { assertEquals(Sum(3), it.callTool<Args, Sum>("add", Args(1, 2))) }
    }

    @Test
    fun `a server in memory is kept by its client`() = runBlocking<Unit> {
        McpClient.connect(testServer()).use { client ->
            repeat(5) {
                System.gc()
                delay(20)
            }
            assertEquals(Sum(3), client.callTool<Args, Sum>("add", Args(1, 2)))
        }
    }

    @Test
    fun `closing a server cancels its handlers and settles its calls`() = runBlocking<Unit> {
        val watched = Watched()
        val server = watched.server()
        val client = McpClient.connect(server)
        val call = async { runCatching { client.callTool("hang") } }
        watched.started.await()
        server.closeAndJoin()
        withTimeout(PATIENCE) {
            watched.cancelled.await()
            val outcome = call.await()
            assertTrue(outcome.isFailure || outcome.getOrThrow().isError, outcome.toString())
        }
        client.closeAndJoin()
    }

    /** In a context without a dispatcher, as in `suspend fun main`, a coroutine goes on where it is resumed. */
    @Test
    fun `user code never runs on the event thread`() {
        val server = testServer()
        val threads = inNoDispatcher {
            val client = McpClient.connect(server)
            val afterConnect = Thread.currentThread().name
            client.ping()
            val afterPing = Thread.currentThread().name
            // A call that blocks the thread it goes on with: were that the event thread, nothing would ever come.
            runBlocking { client.callTool<Args, Sum>("add", Args(1, 1)) }
            client.callTool<Work, String>("work", Work()) { runBlocking { client.ping() } }
            client.closeAndJoin()
            listOf(afterConnect, afterPing, Thread.currentThread().name)
        }
        assertTrue(threads.none { it.startsWith("oxmcp") }, threads.toString())
        runBlocking(Dispatchers.Unconfined) {
            val client = McpClient.connect(server)
            client.ping()
            assertFalse(Thread.currentThread().name.startsWith("oxmcp"))
            client.callTool<Work, String>("work", Work()) {
                assertFalse(Thread.currentThread().name.startsWith("oxmcp"))
            }
            client.closeAndJoin()
            withContext(Dispatchers.Default) { server.closeAndJoin() }
        }
    }

    private fun <T> inNoDispatcher(block: suspend () -> T): T {
        val done = CompletableFuture<T>()
        block.startCoroutine(
            Continuation(EmptyCoroutineContext) { result ->
                result.fold(done::complete, done::completeExceptionally)
            },
        )
        return done.get(PATIENCE.inWholeSeconds, TimeUnit.SECONDS)
    }

    /** The server processes of this one. Each has a guardian beside it, a shell. */
    private fun children(): Set<ProcessHandle> =
        ProcessHandle.current().children().asSequence()
            .filterNot { child -> child.info().command().map { it.endsWith("sh") }.orElse(true) }.toSet()
}
