package dev.oxmcp

import java.nio.ByteBuffer

/** Texts longer than this get memory of their own instead of keeping the thread's buffer large. */
private const val KEPT_BYTES = 64 * 1024

private val buffers = ThreadLocal.withInitial { ByteBuffer.allocateDirect(KEPT_BYTES) }

/**
 * [text] as UTF-8 in memory that the core can borrow for one call. It is the thread's own buffer: use it before the
 * next [borrowed] on the same thread.
 */
internal fun borrowed(text: String): ByteBuffer {
    val bytes = text.encodeToByteArray()
    val buffer = if (bytes.size <= KEPT_BYTES) buffers.get().clear() else ByteBuffer.allocateDirect(bytes.size)
    return buffer.put(bytes).flip()
}
