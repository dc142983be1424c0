package dev.oxmcp

import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Assertions.assertInstanceOf
import org.junit.jupiter.api.Assertions.fail
import kotlin.time.Duration
import kotlin.time.Duration.Companion.seconds
import java.net.BindException
import java.net.InetAddress
import java.net.InetSocketAddress
import java.net.Socket

/** How long the tests wait for what must come: until then a slow machine is taken for slow, after it for wrong. */
val PATIENCE: Duration = 60.seconds

/** Tries with longer and longer times what a busy machine may be too slow for, until [inTime] says that it was not. */
inline fun growing(first: Duration, inTime: (Duration) -> Boolean) {
    var timeout = first
    while (!inTime(timeout)) {
        timeout *= 2
        check(timeout < PATIENCE) { "it was too slow even with $timeout" }
    }
}

/** What [holds] becomes true of, sooner or later. */
suspend fun eventually(holds: () -> Boolean) {
    withTimeout(PATIENCE) { while (!holds()) delay(10) }
}

/**
 * Runs [block] with an address of this process where nobody listens, and nobody else can. At [port] if it is to be had;
 * null when it is not.
 */
suspend fun <T> withDeadPort(port: Int = 0, block: suspend (Int) -> T): T? = Socket().use { held ->
    try {
        // What is left of connections to the port that were closed does not count.
        held.reuseAddress = true
        held.bind(InetSocketAddress(InetAddress.getLoopbackAddress(), port))
    } catch (_: BindException) {
        return null
    }
    block(held.localPort)
}

/** Runs [block] with a client of [server] in memory, and closes both. */
fun withClient(
    server: McpServer,
    options: ClientOptions = ClientOptions(),
    block: suspend CoroutineScope.(McpClient) -> Unit,
) {
    runBlocking {
        val client = McpClient.connect(server, options)
        try {
            block(client)
        } finally {
            client.closeAndJoin()
            server.closeAndJoin()
        }
    }
}

/** What [block] throws, which must be an [E]. */
inline fun <reified E : Throwable> assertFails(block: () -> Unit): E {
    val thrown = try {
        block()
        null
    } catch (e: Throwable) {
        e
    }
    return assertInstanceOf(E::class.java, thrown ?: fail("nothing was thrown, but a ${E::class.simpleName} was due"))
}
