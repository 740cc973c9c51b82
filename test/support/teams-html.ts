type Node = Readonly<Record<string, unknown>>

const STYLE = `
body{font:14px/1.4 "Segoe UI","Liberation Sans",Arial,sans-serif;color:#242424;background:#f5f5f5;margin:12px}
main{max-width:640px;background:#fff;border:1px solid #e0e0e0;border-radius:6px;padding:14px 16px;box-shadow:0 1px 3px #0002}
p{margin:8px 0 0;overflow-wrap:anywhere} p.close{margin-top:2px} .Small{font-size:12px} .Medium{font-size:17px}
.Bolder{font-weight:600} .Attention{color:#c4314b} .Monospace{font:12px/1.45 "Liberation Mono",monospace}
.subtle{color:#616161} .link{color:#5b5fc7;text-decoration:underline} .italic{font-style:italic}
.emphasis{background:#f0f0f0;margin:10px -16px 0;padding:6px 16px 8px}
.actions{margin-top:14px} button{font:600 13px "Liberation Sans";border:1px solid #d1d1d1;border-radius:4px;background:#fff;padding:6px 12px;margin:0 8px 8px 0}
.positive{background:#5b5fc7;color:#fff;border-color:#5b5fc7} .destructive{color:#c4314b;border-color:#c4314b}
.form{background:#fafafa;border-top:1px solid #e0e0e0;margin:4px -16px 8px;padding:4px 16px 8px}
label{display:block;margin-top:10px;font-weight:600} input,textarea,select{box-sizing:border-box;width:100%;padding:5px}
`

/** A card as HTML that looks about as Teams draws it, with nothing of its runs taken for markup. */
export function renderTeams(card: Node): string {
  return `<!doctype html><meta charset="utf-8"><style>${STYLE}</style><b>Countersign</b> <small>12:00</small><main>${inside(card)}</main>`
}

/** The body of a card and its buttons; the forms behind them are drawn open. */
function inside(card: Node): string {
  const actions = nodes(card.actions)
  const buttons = actions.map(
    (each) => `<button class="${each.style}">${text(each.title)}</button>`,
  )
  const forms = actions.flatMap(({ card: form }) =>
    form ? `<div class="form">${inside(form as Node)}</div>` : [],
  )
  return `${nodes(card.body).map(element).join('')}<div class="actions">${buttons.join('')}</div>${forms.join('')}`
}

function element(node: Node): string {
  const close = node.spacing === 'None' ? 'close' : ''
  switch (node.type) {
    case 'RichTextBlock':
      return `<p class="${close}">${nodes(node.inlines).map(run).join('')}</p>`
    case 'TextBlock':
      return `<p class="${close}">${text(dated(String(node.text)))}</p>`
    case 'Container':
      return `<div class="${node.style}">${nodes(node.items).map(element).join('')}</div>`
    case 'Input.Toggle':
      return `<div>□ ${text(node.title)}</div>`
    default:
      return `<label>${text(node.label)}</label>${input(node)}`
  }
}

function run(node: Node): string {
  const { weight, size, color, fontType, italic, isSubtle, selectAction, text: said } = node
  const marks = [italic && 'italic', isSubtle && 'subtle', selectAction && 'link']
  const kinds = [weight, size, color, fontType, ...marks]
  return `<span class="${kinds.filter(Boolean).join(' ')}">${text(said)}</span>`
}

function input(node: Node): string {
  const choices = nodes(node.choices).map(({ title }) => text(title))
  if (node.type === 'Input.ChoiceSet' && node.style === 'expanded') {
    return choices.map((each) => `<div>${node.isMultiSelect ? '□' : '○'} ${each}</div>`).join('')
  }
  if (node.type === 'Input.ChoiceSet') return `<select><option>${choices[1]}</option></select>`
  return node.isMultiline
    ? '<textarea rows="2"></textarea>'
    : `<input value="${text(node.value ?? '')}">`
}

/** What Teams makes of its two functions, for a reader in Copenhagen. */
function dated(said: string): string {
  return said.replace(/\{\{(DATE|TIME)\(([^,)]+)[^)]*\)\}\}/g, (_, kind: string, at: string) => {
    const style =
      kind === 'DATE' ? ({ dateStyle: 'medium' } as const) : { timeStyle: 'short' as const }
    return new Intl.DateTimeFormat('en-GB', { timeZone: 'Europe/Copenhagen', ...style }).format(
      new Date(at),
    )
  })
}

function nodes(value: unknown): readonly Node[] {
  return Array.isArray(value) ? value : []
}

function text(value: unknown): string {
  const signs: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
  }
  return String(value).replace(/[&<>"]/g, (sign) => signs[sign] ?? '')
}
