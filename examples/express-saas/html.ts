/** HTML in which whatever was put between the tags is text: nobody's input becomes markup. */
export class Html {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

type Part = Html | string | number | null | readonly Html[]

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

/** `` html`<p>${text}</p>` ``: escapes each part that was not made by `html` itself. Attributes go in double quotes. */
export function html(markup: TemplateStringsArray, ...parts: Part[]): Html {
  return new Html(String.raw({ raw: markup }, ...parts.map(written)))
}

function written(part: Part): string {
  if (part instanceof Html) return part.text
  if (part === null) return ''
  if (typeof part === 'object') return part.map(written).join('\n')
  return String(part).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
}
