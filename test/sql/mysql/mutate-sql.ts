import type { Random } from '../../fuzz/random.ts'

/** What makes lexers disagree, and statements that must not hide behind it. */
const FRAGMENTS = [
  ...["'", '"', '`', '\\', "''", '""', '``', "\\'", '\\"', '\\\\', '\\`', "'a'", '"a"', '`a`'],
  ...[
    '/*',
    '*/',
    '/**/',
    '/*!',
    '/*! ',
    '/*!50000 ',
    '/*!50000',
    '/*!99999 ',
    '/*!080000 ',
    '/*!100100 ',
  ],
  ...[
    '/*M! ',
    '/*M!100100 ',
    '/*M!',
    '/*!! ',
    '/*!500001 ',
    '/*!90000 ',
    '/*!50700 ',
    '/*+ ',
    '*',
    '/',
  ],
  ...[
    '-- ',
    '--',
    '--\t',
    '-- x\n',
    '--\n',
    '#',
    '# x\n',
    '\n',
    '\r',
    '\t',
    ' ',
    '\v',
    '\f',
    '\u00a0',
    '\u0001',
  ],
  ...[
    ';',
    '; ',
    ';;',
    ',',
    '(',
    ')',
    '.',
    '=',
    ':=',
    '@',
    '@@',
    '@a',
    "@'a'",
    '@"a\\"',
    '@`a`',
    '?',
    '{',
    '}',
  ],
  ...[
    '0x41',
    '0x',
    "x'41'",
    "b'01'",
    '1e5',
    '1e',
    '1.e',
    '.5',
    '1--1',
    'N',
    '_utf8mb4',
    '_binary',
    '\\N',
    '$',
    '$$',
  ],
  ...[' UNION SELECT 1 ', ' INTO @a', ' OR 1', ' SELECT ', ' FOR ', ' ANALYZE ', ' EXPLAIN '],
]

/** Statements of which the server's counters tell that they were understood. */
const TAILS = [
  '; DROP TABLE victim',
  '; DROP TABLE victim -- ',
  '; DELETE FROM scratch WHERE id = 99',
  '; INSERT INTO scratch (id) VALUES (1)',
  "; GRANT SELECT ON shop.* TO 'nobody'@'%'",
  '; SET GLOBAL max_connections = 10',
  '; CREATE TABLE made (id INT)',
  "; CREATE USER 'somebody'@'%'",
  '; TRUNCATE scratch',
  '; KILL 0',
  '; DO 1',
]

const MOST_CHANGES = 4

export interface MutationCorpus {
  readonly all: readonly string[]
  /** Those that aren't held as they are. */
  readonly harmless: readonly string[]
}

/** One or two statements of the corpus with a few bytes put in, taken out, moved or doubled. */
export function mutateSql(random: Random, corpus: MutationCorpus): Buffer {
  const pick = () => random.pick(random.oneIn(5) ? corpus.all : corpus.harmless)
  let text = pick()
  if (random.oneIn(3))
    text = `${text}${random.pick([';', '; ', ' ', '/*! ', "'", ' -- '])}${pick()}`
  if (random.oneIn(4)) text += random.pick(TAILS)
  if (random.oneIn(3)) text = hide(random, text)
  for (let often = 3; random.oneIn(often); often *= 2) text = wrap(random, text)
  let bytes = Buffer.from(text)
  for (let left = random.below(MOST_CHANGES); left > 0; left--) bytes = change(random, bytes)
  return bytes
}

/** Makes a statement one that another runs. */
function wrap(random: Random, text: string): string {
  const quoted = (quote: string) =>
    quote + text.replace(/\\/g, '\\\\').replaceAll(quote, quote + quote) + quote
  const quote = random.pick(["'", '"'])
  switch (random.below(12)) {
    case 0:
      return `EXECUTE IMMEDIATE ${quoted(quote)}`
    case 1:
      return `PREPARE w FROM ${quoted(quote)}; EXECUTE w`
    case 2:
      return `PREPARE w FROM ${quoted(quote)}; EXECUTE w USING @a`
    case 3:
      return `SET STATEMENT max_statement_time = 1 FOR ${text}`
    case 4:
      return `/*!${random.pick(['', '50000 ', '40101 ', '99999 ', '100100 '])}${text} */`
    case 5:
      return `BEGIN NOT ATOMIC ${text}; END`
    case 6:
      return `EXPLAIN ${text}`
    case 7:
      return `ANALYZE ${text}`
    case 8:
      return `SELECT 1 /*!${random.pick(['', '50000', '99999'])} ; ${text} */`
    default:
      return text
  }
}

/** Puts a statement where it may or may not be one: into quotes or a comment. */
function hide(random: Random, text: string): string {
  const [open = '', close = ''] = random.pick(HIDING)
  const at = random.below(text.length + 1)
  return `${text.slice(0, at)}${open}${random.pick(TAILS)}${close}${text.slice(at)}`
}

const HIDING = [
  ["'", "'"],
  ['"', '"'],
  ['`', '`'],
  ["'\\'", "'"],
  ['"\\"', '"'],
  ["'a''", "'"],
  ['/*', '*/'],
  ['/* /* ', ' */'],
  ['-- ', '\n'],
  ['#', '\n'],
  ['--', '\n'],
  ['/*!99999 ', ' */'],
  ['/*!99999 /* x */', ' */'],
  ['/*!50000 ', ' */'],
  ['/*M! ', ' */'],
  ["SELECT '", "', '"],
  ['@"', '\\"'],
  ["x'", "'"],
  ['@`', '`'],
] as const

function change(random: Random, bytes: Buffer): Buffer<ArrayBuffer> {
  const at = random.below(bytes.length + 1)
  const end = Math.min(bytes.length, at + 1 + random.below(8))
  const [before, piece, after] = [
    bytes.subarray(0, at),
    bytes.subarray(at, end),
    bytes.subarray(end),
  ]
  const fragment = Buffer.from(random.pick(FRAGMENTS))
  switch (random.below(8)) {
    case 0:
      return Buffer.concat([before, after])
    case 1:
      return Buffer.concat([before, piece, piece, after])
    case 2: {
      const to = random.below(bytes.length + 1)
      return Buffer.concat([bytes.subarray(0, to), piece, bytes.subarray(to)])
    }
    case 3:
      return Buffer.concat([before, Buffer.from(random.pick(TAILS)), piece, after])
    default:
      return Buffer.concat([before, fragment, piece, after])
  }
}
