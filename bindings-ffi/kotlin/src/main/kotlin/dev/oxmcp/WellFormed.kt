package dev.oxmcp

import java.nio.CharBuffer
import java.nio.charset.CharacterCodingException
import java.nio.charset.CodingErrorAction

/**
 * Gives [text] to [use], which puts it into UTF-8. Half of a surrogate pair has no form there, and fails it; then it
 * gets the text again, with U+FFFD in such places.
 */
internal inline fun <T> wellFormed(text: String, use: (String) -> T): T = try {
    use(text)
} catch (_: CharacterCodingException) {
    use(text.mended())
}

internal fun String.mended(): String {
    val encoder = Charsets.UTF_8.newEncoder()
        .onMalformedInput(CodingErrorAction.REPLACE)
        .replaceWith("\uFFFD".encodeToByteArray())
    return Charsets.UTF_8.decode(encoder.encode(CharBuffer.wrap(this))).toString()
}
