/** A JSON Schema, as an object. */
export type JsonSchema = { readonly [key: string]: unknown }

/** An icon of a server or a tool. */
export interface Icon {
  src: string
  mimeType?: string
  sizes?: string[]
  theme?: 'light' | 'dark'
}

/** Who a client or a server is. */
export interface Implementation {
  name: string
  version: string
  title?: string
  description?: string
  websiteUrl?: string
  icons?: Icon[]
}

/** What a tool says of its behaviour. Hints: do not trust them from a server you do not trust. */
export interface ToolAnnotations {
  /** Its name, for people. */
  title?: string
  /** It changes nothing. */
  readOnlyHint?: boolean
  /** What it changes may be lost; of meaning when it is not read-only. */
  destructiveHint?: boolean
  /** Calling it again with the same arguments changes nothing more. */
  idempotentHint?: boolean
  /** It deals with things outside: the web, and not a memory. */
  openWorldHint?: boolean
}

/** A tool as a server lists it. */
export interface Tool {
  name: string
  title?: string
  description?: string
  inputSchema: JsonSchema
  outputSchema?: JsonSchema
  annotations?: ToolAnnotations
  icons?: Icon[]
  _meta?: { [key: string]: unknown }
}

/** For whom a content block is, and how much it matters (0 to 1). */
export interface Annotations {
  audience?: ('user' | 'assistant')[]
  priority?: number
  lastModified?: string
}

interface BlockBase {
  annotations?: Annotations
  _meta?: { [key: string]: unknown }
}

/** Text. */
export interface TextContent extends BlockBase {
  type: 'text'
  text: string
}

/** An image; `data` is base64. */
export interface ImageContent extends BlockBase {
  type: 'image'
  data: string
  mimeType: string
}

/** Sound; `data` is base64. */
export interface AudioContent extends BlockBase {
  type: 'audio'
  data: string
  mimeType: string
}

/** A link to a resource that can be read from the server. */
export interface ResourceLink extends BlockBase {
  type: 'resource_link'
  uri: string
  name: string
  title?: string
  description?: string
  mimeType?: string
  size?: number
  icons?: Icon[]
}

/** What a resource holds: `text`, or `blob` as base64. */
export interface ResourceContents {
  uri: string
  mimeType?: string
  text?: string
  blob?: string
  _meta?: { [key: string]: unknown }
}

/** A resource, contents included. */
export interface EmbeddedResource extends BlockBase {
  type: 'resource'
  resource: ResourceContents
}

/** One block of a tool's result. */
export type ContentBlock = TextContent | ImageContent | AudioContent | ResourceLink | EmbeddedResource

/** The result of a tool call as it goes over the wire. */
export interface CallToolResult {
  content: ContentBlock[]
  structuredContent?: unknown
  isError?: boolean
  _meta?: { [key: string]: unknown }
}

/** How far a call has come. */
export interface Progress {
  /** Grows from one report to the next. */
  progress: number
  /** What it grows towards, where that is known. */
  total?: number
  /** What is being done, for people. */
  message?: string
}
