/** Blocks as HTML that looks about as Slack draws them, with nothing of theirs taken for markup. */
export function renderSlack(blocks: readonly unknown[]): string {
  return `<!doctype html><meta charset="utf-8"><style>${STYLE}</style><main><b>Countersign</b> <i class="app">APP</i> <small>12:00</small>${blocks.map((each) => block(each as Node)).join('')}</main>`
}

interface Node {
  readonly type: string
  readonly text?: string | { readonly text: string }
  readonly elements?: readonly Node[]
  readonly element?: Node
  readonly label?: { readonly text: string }
  readonly options?: readonly { readonly text: { readonly text: string } }[]
  readonly style?:
    | string
    | { readonly bold?: boolean; readonly italic?: boolean; readonly code?: boolean }
  readonly fallback?: string
  readonly initial_value?: string
  readonly initial_option?: { readonly text: { readonly text: string } }
  readonly optional?: boolean
}

const STYLE = `
body{font:15px/1.46 Lato,"Liberation Sans",Arial,sans-serif;color:#1d1c1d;margin:12px}
main{max-width:660px} small,.context,.optional{color:#616061;font-size:12px}
.app{background:#eee;border-radius:2px;font-size:10px;padding:1px 3px;font-style:normal}
h3{font-size:18px;margin:8px 0 4px} .block{margin:8px 0;white-space:pre-wrap;overflow-wrap:anywhere}
pre{font:12px/1.5 "Liberation Mono",monospace;background:#f8f8f8;border:1px solid #ddd;border-radius:4px;padding:8px;margin:4px 0;white-space:pre-wrap;overflow-wrap:anywhere}
code{font:12px "Liberation Mono",monospace;color:#c01343;background:#f6f6f6;border:1px solid #ddd;border-radius:3px;padding:1px 3px}
ul{margin:2px 0 2px 0;padding-left:24px;white-space:normal}
button{font:bold 13px Arial;border:1px solid #bbb;border-radius:4px;background:#fff;padding:6px 12px;margin:0 8px 8px 0}
button.primary{background:#007a5a;color:#fff;border-color:#007a5a} button.danger{background:#e01e5a;color:#fff;border-color:#e01e5a}
input[type=text],textarea,select{width:100%;box-sizing:border-box;padding:6px} label{display:block}
`

function block(node: Node): string {
  switch (node.type) {
    case 'header':
      return `<h3>${escaped(textOf(node))}</h3>`
    case 'context':
      return `<div class="block context">${(node.elements ?? []).map((each) => escaped(textOf(each))).join(' ')}</div>`
    case 'rich_text':
      return `<div class="block">${(node.elements ?? []).map(rich).join('')}</div>`
    case 'actions':
      return `<div class="block">${(node.elements ?? []).map((each) => `<button class="${String(each.style ?? '')}">${escaped(textOf(each))}</button>`).join('')}</div>`
    case 'input':
      return `<div class="block"><b>${escaped(node.label?.text ?? '')}</b>${node.optional ? ' <span class="optional">(optional)</span>' : ''}${input(node.element)}</div>`
    default:
      return `<div class="block">${escaped(JSON.stringify(node))}</div>`
  }
}

function rich(node: Node): string {
  const inner = (node.elements ?? []).map((each) => (each.elements ? rich(each) : inline(each)))
  if (node.type === 'rich_text_preformatted') return `<pre>${inner.join('')}</pre>`
  if (node.type === 'rich_text_list') {
    return `<ul>${inner.map((each) => `<li>${each}</li>`).join('')}</ul>`
  }
  return inner.join('')
}

function inline(node: Node): string {
  if (node.type === 'date') return escaped(`Today at ${String(node.fallback).slice(11, 16)}`)
  const text = escaped(textOf(node))
  if (node.type === 'link') return `<a href="#">${text}</a>`
  const style = typeof node.style === 'object' ? node.style : {}
  const coded = style.code ? `<code>${text}</code>` : text
  const slanted = style.italic ? `<i>${coded}</i>` : coded
  return style.bold ? `<b>${slanted}</b>` : slanted
}

function input(element: Node | undefined): string {
  const options = (element?.options ?? []).map((each) => escaped(each.text.text))
  switch (element?.type) {
    case 'radio_buttons':
      return options.map((each) => `<label><input type="radio"> ${each}</label>`).join('')
    case 'checkboxes':
      return options.map((each) => `<label><input type="checkbox"> ${each}</label>`).join('')
    case 'static_select':
      return `<select>${options.map((each) => `<option${each === element.initial_option?.text.text ? ' selected' : ''}>${each}</option>`).join('')}</select>`
    case 'number_input':
      return `<input type="text" value="${escaped(element.initial_value ?? '')}">`
    default:
      return '<textarea rows="2"></textarea>'
  }
}

function textOf({ text }: Node): string {
  return typeof text === 'string' ? text : (text?.text ?? '')
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`)
}
