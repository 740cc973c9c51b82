import type { Random } from '../../fuzz/random.ts'

/** Statements, and the words of which they are made. */
export interface MutationCorpus {
  readonly statements: readonly string[]
  readonly words: readonly string[]
  readonly constants: readonly string[]
  /** Calls that do something, to stand wherever a value can. */
  readonly calls: readonly string[]
}

const TOKENS =
  /\$([a-z_]*)\$[\s\S]*?\$\1\$|[eEuU]?&?'(?:[^'\\]|''|\\.)*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/|\d+(?:\.\d+)?|[\p{L}_][\p{L}\p{N}_$]*|[-+*/<>=~!@#%^&|`?]+|::|:=|\s+|[\s\S]/gu

export function tokensOf(sql: string): string[] {
  return [...sql.matchAll(TOKENS)].map(([token]) => token)
}

export function corpusOf(statements: readonly string[], calls: readonly string[]): MutationCorpus {
  const words = new Set<string>()
  const constants = new Set<string>()
  for (const token of statements.flatMap(tokensOf)) {
    if (/^[\p{L}_"]/u.test(token)) words.add(token)
    else if (/^[\d'$]/.test(token)) constants.add(token)
  }
  return { statements, words: [...words], constants: [...constants], calls }
}

/** A statement of the corpus, changed here and there and put into others. */
export function mutateSql(random: Random, corpus: MutationCorpus): string {
  let sql = random.pick(corpus.statements)
  for (let changes = random.below(3); changes > 0; changes--) sql = changed(random, sql, corpus)
  for (let wraps = random.below(3); wraps > 0; wraps--) sql = wrapped(random, sql, corpus)
  if (random.oneIn(4)) sql = disguised(random, sql)
  return sql
}

function changed(random: Random, sql: string, corpus: MutationCorpus): string {
  const tokens = tokensOf(sql)
  const at = random.below(tokens.length)
  const other = random.below(tokens.length)
  const token = tokens[at] ?? ''
  switch (random.below(6)) {
    case 0:
      tokens.splice(at, 1)
      break
    case 1:
      tokens.splice(at, 0, ` ${random.pick(corpus.words)} `)
      break
    case 2:
      tokens[at] = tokens[other] ?? ''
      tokens[other] = token
      break
    case 3:
      replaceOne(random, tokens, /^[\d'$]/, random.pick(corpus.calls))
      break
    case 4:
      replaceOne(random, tokens, /^[\d'$]/, random.pick(corpus.constants))
      break
    default:
      replaceOne(random, tokens, /^[\p{L}_"]/u, random.pick(corpus.words))
  }
  return tokens.join('')
}

function replaceOne(random: Random, tokens: string[], kind: RegExp, by: string): void {
  const places = tokens.flatMap((token, index) => (kind.test(token) ? [index] : []))
  if (places.length > 0) tokens[random.pick(places)] = by
}

function literal(sql: string): string {
  return `'${sql.replaceAll("'", "''")}'`
}

let tag = 0

type Wrap = (random: Random, sql: string, corpus: MutationCorpus) => string

/** Each puts a statement where it runs, or seems to. */
const WRAPS: readonly Wrap[] = [
  (_random, sql) => `WITH w AS (${sql}) SELECT count(*) FROM w`,
  (_random, sql) => `WITH w AS MATERIALIZED (${sql}) SELECT 1`,
  (_random, sql) => `EXPLAIN ${sql}`,
  (_random, sql) => `EXPLAIN (ANALYZE, COSTS off) ${sql}`,
  (_random, sql) => `EXPLAIN (ANALYZE false) ${sql}`,
  (_random, sql) => `DO $w${++tag}$ BEGIN ${sql}; END $w${tag}$`,
  (_random, sql) => `DO ${literal(`BEGIN EXECUTE ${literal(sql)}; END`)}`,
  (_random, sql) =>
    `DO $w${++tag}$ BEGIN IF true THEN ${sql}; END IF; EXCEPTION WHEN others THEN NULL; END $w${tag}$`,
  (_random, sql) => `PREPARE m AS ${sql}`,
  (_random, sql) => `PREPARE m AS ${sql}; EXECUTE m`,
  (_random, sql) => `DECLARE c CURSOR FOR ${sql}; FETCH ALL FROM c`,
  (_random, sql) => `COPY (${sql}) TO STDOUT`,
  (_random, sql) => `CREATE TEMP TABLE z AS ${sql}`,
  (_random, sql) => `SELECT * FROM (${sql}) z`,
  (_random, sql) => `SELECT (${sql})`,
  (_random, sql) => `SELECT EXISTS (${sql})`,
  (_random, sql) => `SELECT 1 WHERE false UNION ALL (${sql})`,
  (random, sql, corpus) => `SELECT ${random.pick(corpus.calls)} FROM (${sql}) z`,
  (random, sql, corpus) => `${sql}; ${random.pick(corpus.statements)}`,
  (random, sql, corpus) => `${random.pick(corpus.statements)}; ${sql}`,
  (_random, sql) => `SELECT query_to_xml(${literal(sql)}, true, false, '')`,
  (_random, sql) => `INSERT INTO audit (word) SELECT z::text FROM (${sql}) z`,
  (_random, sql) => `UPDATE goods SET name = name WHERE EXISTS (${sql})`,
  (_random, sql) =>
    `CREATE FUNCTION made() RETURNS void LANGUAGE sql AS ${literal(sql)}; SELECT made()`,
  (_random, sql) => `SELECT CASE WHEN true THEN (${sql}) END`,
  (random, sql, corpus) => `SELECT coalesce(${random.pick(corpus.calls)}, (${sql})::text)`,
]

function wrapped(random: Random, sql: string, corpus: MutationCorpus): string {
  return random.pick(WRAPS)(random, sql.replace(/;\s*$/, ''), corpus)
}

/** The same in other letters: case, comments, quoted names, escapes. */
function disguised(random: Random, sql: string): string {
  const tokens = tokensOf(sql).map((token) => {
    if (!random.oneIn(3)) return token
    if (/^\s+$/.test(token)) return random.pick(['/**/', ' /* ; */ ', '\n', '\t', ' -- x\n', '\f'])
    if (/^[a-z_]+$/.test(token)) return random.oneIn(2) ? token.toUpperCase() : token
    if (/^'[^'\\]*'$/.test(token)) return dressed(random, token.slice(1, -1))
    return token
  })
  return tokens.join('')
}

function dressed(random: Random, text: string): string {
  const unicode = [...text].map((letter) =>
    /[a-z]/i.test(letter) ? `\\${letter.charCodeAt(0).toString(16).padStart(4, '0')}` : letter,
  )
  const form = random.below(3)
  if (form === 0) return `E'${text}'`
  return form === 1 ? `$q$${text}$q$` : `U&'${unicode.join('')}'`
}
