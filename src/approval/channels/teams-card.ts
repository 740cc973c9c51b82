import type { ApprovalRequest } from '../request.ts'
import { type Line as LayoutLine, layoutOf } from './chat-layout.ts'
import type { Card } from './rendering.ts'
import {
  badge,
  bold,
  code,
  italic,
  type Line,
  line,
  lines,
  listing,
  moment,
  plain,
  type Run,
} from './teams-elements.ts'

/** What a card says of a request itself: no buttons. */
export function cardBody(request: ApprovalRequest, card: Card): readonly unknown[] {
  const { title, top, effects, facts } = layoutOf(request, card)
  return [
    line([{ ...bold(title), size: 'Medium' }]),
    ...lines(top.map(runsOf)),
    code(card.statement),
    ...(card.parameters.length > 0 ? [code(card.parameters.join('\n'))] : []),
    ...listing(
      'Characters that may look like others',
      card.lookAlikes.map((one) => [plain(one)]),
    ),
    ...listing('What it does', effects.map(runsOf)),
    ...facts.map((fact, at) => factOf(fact, at > 0)),
    line([{ ...plain(card.footer), size: 'Small', isSubtle: true }]),
  ]
}

/** A moment that Teams is to write stands by itself, behind words of our own. */
function factOf(fact: LayoutLine, close: boolean): unknown {
  const [words, when] = fact
  return when?.as === 'moment'
    ? moment(words?.text ?? '', when.text)
    : line(runsOf(fact), { close })
}

function runsOf(all: LayoutLine): Line {
  return all.map(({ text, as }) => RUNS[as](text))
}

const RUNS: Readonly<Record<LayoutLine[number]['as'], (text: string) => Run>> = {
  ...{ plain, bold, italic, badge, moment: plain },
  aside: (text) => plain(` (${text})`),
  gap: () => plain(' \u00b7 '),
}
