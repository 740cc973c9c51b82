/*
 * What Slack says of blocks and modals that break its rules (docs.slack.dev, "Blocks", "Block
 * elements", "Composition objects", "Views"), as far as an app of ours could break them.
 */

/** Slack refuses blocks beyond some 13,200 characters (msg_blocks_too_long). */
const BLOCKS_LIMIT = 13_200

type Node = Readonly<Record<string, unknown>>

/** Why a message is refused, or null. */
export function messageProblem(args: Node, most = BLOCKS_LIMIT): string | null {
  const blocks = args.blocks
  if (blocks === undefined) return text(args.text) === '' ? 'no_text' : null
  if (JSON.stringify(blocks).length > most) return 'msg_blocks_too_long'
  return problemOf(() => checkBlocks(blocks, 50, MESSAGE_BLOCKS))
}

/** Why a modal is refused, or null. */
export function viewProblem(view: unknown): string | null {
  return problemOf(() => {
    const modal = node(view, 'view')
    need(modal.type === 'modal', 'view.type')
    plainText(modal.title, 24, 'title')
    plainText(modal.close, 24, 'close')
    const inputs = list(modal.blocks, 'blocks').some(
      (block) => node(block, 'block').type === 'input',
    )
    if (inputs || modal.submit !== undefined) plainText(modal.submit, 24, 'submit')
    within(modal.private_metadata, 3_000, 'private_metadata')
    within(modal.callback_id, 255, 'callback_id')
    checkBlocks(modal.blocks, 100, MODAL_BLOCKS)
  })
}

class Refused extends Error {}

function problemOf(check: () => void): string | null {
  try {
    check()
    return null
  } catch (error) {
    if (error instanceof Refused) return `invalid_blocks: ${error.message}`
    throw error
  }
}

const RICH_ELEMENTS = new Set([
  'rich_text_section',
  'rich_text_preformatted',
  'rich_text_list',
  'rich_text_quote',
])

const BLOCKS: Readonly<Record<string, (block: Node) => void>> = {
  header: (block) => plainText(block.text, 150, 'header'),
  section: (block) => {
    if (block.text !== undefined) anyText(block.text, 3_000)
    for (const field of list(block.fields ?? [], 'fields', 10)) anyText(field, 2_000)
  },
  context: (block) => {
    for (const element of list(block.elements, 'context', 10, 1)) anyText(element, 3_000)
  },
  rich_text: (block) => {
    for (const element of list(block.elements, 'rich_text', 100, 1)) richElement(element)
  },
  actions: (block) => {
    const seen = new Set<unknown>()
    for (const element of list(block.elements, 'actions', 25, 1)) {
      const { action_id } = node(element, 'element')
      need(!seen.has(action_id), 'action_id twice')
      seen.add(action_id)
      button(node(element, 'element'))
    }
  },
  input: (block) => {
    plainText(block.label, 2_000, 'label')
    inputElement(node(block.element, 'element'))
  },
}

const MESSAGE_BLOCKS = new Set(['header', 'section', 'context', 'rich_text', 'actions'])
const MODAL_BLOCKS = new Set([...MESSAGE_BLOCKS, 'input'])

function checkBlocks(blocks: unknown, most: number, allowed: ReadonlySet<string>): void {
  const ids = new Set<unknown>()
  for (const each of list(blocks, 'blocks', most, 1)) {
    const block = node(each, 'block')
    const check = BLOCKS[String(block.type)]
    need(check !== undefined && allowed.has(String(block.type)), `block ${block.type}`)
    if (block.block_id !== undefined) {
      within(block.block_id, 255, 'block_id')
      need(!ids.has(block.block_id), 'block_id twice')
      ids.add(block.block_id)
    }
    check?.(block)
  }
}

function richElement(value: unknown): void {
  const element = node(value, 'rich text')
  need(RICH_ELEMENTS.has(String(element.type)), `rich text ${element.type}`)
  for (const each of list(element.elements, String(element.type), 10_000, 1)) {
    const inner = node(each, 'element')
    if (element.type === 'rich_text_list') richElement(inner)
    else if (inner.type === 'date') need(Number.isInteger(inner.timestamp), 'timestamp')
    else if (inner.type === 'link') address(inner.url)
    else need(inner.type === 'text' && text(inner.text) !== '', 'an empty text')
  }
}

function button(element: Node): void {
  need(element.type === 'button', `element ${element.type}`)
  plainText(element.text, 75, 'button text')
  within(element.action_id, 255, 'action_id')
  if (element.value !== undefined) within(element.value, 2_000, 'value')
  if (element.url !== undefined) address(element.url)
  if (element.style !== undefined) {
    need(element.style === 'primary' || element.style === 'danger', 'style')
  }
  if (element.confirm === undefined) return
  const confirm = node(element.confirm, 'confirm')
  plainText(confirm.title, 100, 'confirm title')
  plainText(confirm.text, 300, 'confirm text')
  plainText(confirm.confirm, 30, 'confirm confirm')
  plainText(confirm.deny, 30, 'confirm deny')
}

function inputElement(element: Node): void {
  switch (element.type) {
    case 'plain_text_input':
      need(Number(element.max_length ?? 0) <= 3_000, 'max_length')
      return
    case 'number_input':
      need(typeof element.is_decimal_allowed === 'boolean', 'is_decimal_allowed')
      for (const key of ['min_value', 'initial_value']) {
        need(element[key] === undefined || typeof element[key] === 'string', key)
      }
      return
    case 'radio_buttons':
    case 'checkboxes':
      for (const each of list(element.options, 'options', 10, 1)) option(each, 150)
      return
    case 'static_select':
      for (const each of list(element.options, 'options', 100, 1)) option(each, 150)
      need(
        element.initial_option === undefined ||
          list(element.options, 'options').some(
            (each) => JSON.stringify(each) === JSON.stringify(element.initial_option),
          ),
        'initial_option is none of the options',
      )
      return
    default:
      need(false, `input ${element.type}`)
  }
}

function option(value: unknown, longest: number): void {
  const each = node(value, 'option')
  plainText(each.text, 75, 'option text')
  within(each.value, longest, 'option value')
}

function plainText(value: unknown, most: number, what: string): void {
  const object = node(value, what)
  need(object.type === 'plain_text', `${what} is not plain_text`)
  within(object.text, most, what)
}

function anyText(value: unknown, most: number): void {
  const object = node(value, 'text')
  need(object.type === 'plain_text' || object.type === 'mrkdwn', 'text type')
  within(object.text, most, 'text')
}

function within(value: unknown, most: number, what: string): void {
  const length = [...text(value)].length
  need(length > 0 && length <= most, `${what} has ${length} characters of at most ${most}`)
}

function address(value: unknown): void {
  within(value, 3_000, 'url')
  need(/^https?:\/\/[^/]/.test(text(value)), `url ${text(value)}`)
}

function list(value: unknown, what: string, most = 10_000, least = 0): readonly unknown[] {
  need(Array.isArray(value) && value.length <= most && value.length >= least, `length of ${what}`)
  return value as readonly unknown[]
}

function node(value: unknown, what: string): Node {
  need(typeof value === 'object' && value !== null, `${what} is missing`)
  return value as Node
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function need(holds: boolean, what: string): void {
  if (!holds) throw new Refused(what)
}
