package dev.oxmcp

import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertInstanceOf
import org.junit.jupiter.api.Assertions.fail

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
