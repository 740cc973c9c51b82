import type { ApprovalRequest } from '../request.ts'
import { type Layout, type Line, layoutOf } from './chat-layout.ts'
import type { Card } from './rendering.ts'
import {
  badge,
  bold,
  code,
  context,
  type Element,
  header,
  italic,
  list,
  moment,
  plain,
  richText,
  section,
} from './slack-elements.ts'

/** What the blocks say of a request itself: no buttons, no company. */
export function cardBlocks(request: ApprovalRequest, card: Card): readonly unknown[] {
  const layout = layoutOf(request, card)
  return [
    header(layout.title),
    richText(section(layout.top.map(elementsOf))),
    richText(code(card.statement, request.action ? undefined : 'sql')),
    ...(card.parameters.length > 0 ? [richText(code(card.parameters.join('\n')))] : []),
    ...(card.lookAlikes.length > 0 ? [lookAlikes(card)] : []),
    richText(...effects(layout), section(layout.facts.map(elementsOf))),
    context(card.footer),
  ]
}

function effects({ effects: lines }: Layout): readonly unknown[] {
  if (lines.length === 0) return []
  return [section([[bold('What it does')]]), list(lines.map(elementsOf))]
}

function lookAlikes(card: Card): unknown {
  const lines = card.lookAlikes.map((line) => [plain(line)])
  return richText(section([[bold('Characters that may look like others')]]), list(lines))
}

function elementsOf(line: Line): readonly Element[] {
  return line.map(({ text, as }) => ELEMENTS[as](text))
}

const ELEMENTS: Readonly<Record<Line[number]['as'], (text: string) => Element>> = {
  ...{ plain, bold, italic, badge, moment },
  aside: (text) => plain(` ${text}`),
  gap: () => plain('    '),
}
