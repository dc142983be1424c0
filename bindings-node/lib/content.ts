import type {
  AudioContent,
  Annotations,
  ContentBlock,
  EmbeddedResource,
  Icon,
  ImageContent,
  ResourceContents,
  ResourceLink,
  TextContent,
} from './types.js'

/** Bytes, or text that is base64 already. */
export type Binary = Uint8Array | ArrayBuffer | string

interface BlockOptions {
  annotations?: Annotations
  _meta?: { [key: string]: unknown }
}

/** A text block. */
export function text(text: string, options?: BlockOptions): TextContent {
  return { type: 'text', text, ...options }
}

/** An image block; `mimeType` is for example `image/png`. */
export function image(data: Binary, mimeType: string, options?: BlockOptions): ImageContent {
  return { type: 'image', data: base64(data), mimeType, ...options }
}

/** A sound block; `mimeType` is for example `audio/wav`. */
export function audio(data: Binary, mimeType: string, options?: BlockOptions): AudioContent {
  return { type: 'audio', data: base64(data), mimeType, ...options }
}

/** A resource with its contents: a string is its `text`, bytes are its `blob`. */
export function resource(
  uri: string,
  contents: string | Uint8Array | ArrayBuffer,
  mimeType?: string,
  options?: BlockOptions,
): EmbeddedResource {
  const held: ResourceContents = { uri }
  if (mimeType !== undefined) held.mimeType = mimeType
  if (typeof contents === 'string') held.text = contents
  else held.blob = base64(contents)
  return { type: 'resource', resource: held, ...options }
}

/** A link to a resource. */
export function resourceLink(
  uri: string,
  name: string,
  options?: BlockOptions & {
    title?: string
    description?: string
    mimeType?: string
    size?: number
    icons?: Icon[]
  },
): ResourceLink {
  return { type: 'resource_link', uri, name, ...options }
}

/** Whether a value is a content block. */
export function isContentBlock(value: unknown): value is ContentBlock {
  if (typeof value !== 'object' || value === null) return false
  const block = value as { [key: string]: unknown }
  switch (block.type) {
    case 'text':
      return typeof block.text === 'string'
    case 'image':
    case 'audio':
      return typeof block.data === 'string' && typeof block.mimeType === 'string'
    case 'resource_link':
      return typeof block.uri === 'string' && typeof block.name === 'string'
    case 'resource':
      return typeof block.resource === 'object' && block.resource !== null
    default:
      return false
  }
}

function base64(data: Binary): string {
  if (typeof data === 'string') return data
  const bytes =
    data instanceof Uint8Array ? Buffer.from(data.buffer, data.byteOffset, data.byteLength) : Buffer.from(data)
  return bytes.toString('base64')
}
