import { serialize } from 'pg-protocol'
import { clientMessage, NAMES } from './letters.ts'
import type { Random } from './random.ts'

const COPY_IN = 'COPY open_t FROM STDIN'

/** What a driver would send together, more or less; chance alone would seldom get that far. */
export function clientScript(random: Random, texts: readonly string[]): Buffer[] {
  const script: Buffer[] = []
  for (let acts = 1 + random.below(5); acts > 0; acts--) script.push(...act(random, texts))
  return script
}

function act(random: Random, texts: readonly string[]): Buffer[] {
  switch (random.below(7)) {
    case 0:
      return [clientMessage(random, texts)]
    case 1:
      return [serialize.query(random.pick(texts))]
    case 2:
      return [...execution(random, COPY_IN), ...copyData(random), serialize.sync()]
    case 3:
      return [serialize.query(COPY_IN), ...copyData(random)]
    case 4:
      return inTransaction(random, texts)
    default:
      return [...execution(random, random.pick(texts)), end(random)]
  }
}

/** Parse, Bind, perhaps Describe, Execute, of one name or of a name that is known already. */
function execution(random: Random, text: string): Buffer[] {
  const name = random.pick(NAMES)
  const portal = random.oneIn(3) ? random.pick(NAMES) : ''
  const messages = random.oneIn(5) ? [] : [serialize.parse({ name, text })]
  if (random.oneIn(4)) messages.push(serialize.flush())
  messages.push(serialize.bind({ portal, statement: name }))
  if (random.oneIn(2)) messages.push(serialize.describe({ type: 'P', name: portal }))
  const executions = random.oneIn(6) ? 2 : 1
  for (let count = 0; count < executions; count++) {
    messages.push(serialize.execute({ portal, rows: random.pick([0, 0, 1]) }))
  }
  return messages
}

function copyData(random: Random): Buffer[] {
  const messages = random.oneIn(3) ? [serialize.flush()] : []
  for (let count = random.below(4); count > 0; count--) {
    messages.push(serialize.copyData(random.bytes(random.below(60))))
  }
  messages.push(random.oneIn(4) ? serialize.copyFail('no') : serialize.copyDone())
  return messages
}

function inTransaction(random: Random, texts: readonly string[]): Buffer[] {
  const inner = Array.from({ length: 1 + random.below(3) }, () =>
    random.oneIn(2)
      ? [serialize.query(random.pick(texts))]
      : [...execution(random, random.pick(texts)), end(random)],
  )
  const over = serialize.query(random.pick(['COMMIT', 'ROLLBACK']))
  return [serialize.query('BEGIN'), ...inner.flat(), over]
}

function end(random: Random): Buffer {
  return random.oneIn(5) ? serialize.flush() : serialize.sync()
}
