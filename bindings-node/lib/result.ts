import type { CallToolResult, ContentBlock } from './types.js'

/** What a tool call gave. `isError` is a tool's own failure, told in `content` for the model to read. */
export class ToolResult<Structured = any> {
  /** The blocks of the result. */
  readonly content: ContentBlock[]
  /** The structured result, where the tool gives one. */
  readonly structuredContent: Structured | undefined
  /** Whether the tool failed. */
  readonly isError: boolean
  /** Metadata of the result. */
  readonly _meta: { [key: string]: unknown } | undefined

  constructor(result: CallToolResult) {
    this.content = result.content ?? []
    this.structuredContent = result.structuredContent as Structured | undefined
    this.isError = result.isError === true
    this._meta = result._meta
  }

  /** The text blocks, a newline between each two. */
  get text(): string {
    const { content } = this
    if (content.length === 1 && content[0]!.type === 'text') return content[0]!.text
    return content.flatMap((block) => (block.type === 'text' ? [block.text] : [])).join('\n')
  }
}
