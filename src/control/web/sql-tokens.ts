/**
 * SQL cut into pieces for display: colour, and nothing else, comes of it. The pieces put together
 * are the text, whatever the text is. What a comment or a string is follows PostgreSQL 18, section
 * 4.1; a comment that MySQL would execute counts as code.
 */
export type SqlTokenKind = 'keyword' | 'name' | 'string' | 'number' | 'comment' | 'symbol' | 'blank'

export interface SqlToken {
  readonly kind: SqlTokenKind
  readonly text: string
}

/** In this order; each matches at a place or not at all. */
const PATTERNS: readonly (readonly [SqlTokenKind, RegExp])[] = [
  ['blank', /[ \t\r\n\f\v]+/y],
  ['comment', /--[^\r\n]*/y],
  ['number', /0[xX][\da-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|\d[\d_]*(?:\.[\d_]*)?(?:[eE][+-]?\d+)?/y],
  ['number', /\.\d[\d_]*(?:[eE][+-]?\d+)?/y],
  ['name', /\$\d+/y],
  ['name', /[\p{L}\p{M}\p{Nl}\p{Cf}_@][\p{L}\p{M}\p{N}\p{Cf}_$@#]*/uy],
]

/** What may stand before a quote and belongs to it; in E'' a backslash escapes. */
const QUOTE = /(?:[eEbBxXnN]|[uU]&)?'|(?:[uU]&)?"|`/y
const DOLLAR_TAG = /\$(?:[\p{L}_][\p{L}\p{N}_]*)?\$/uy

export function sqlTokens(text: string): readonly SqlToken[] {
  const tokens: SqlToken[] = []
  let at = 0
  while (at < text.length) {
    const token = tokenAt(text, at)
    tokens.push(token)
    at += token.text.length
  }
  return tokens
}

function tokenAt(text: string, at: number): SqlToken {
  if (text.startsWith('/*', at)) return blockComment(text, at)
  if (text[at] === '$') {
    const body = dollarQuoted(text, at)
    if (body !== null) return { kind: 'string', text: body }
  }
  const opening = matchAt(QUOTE, text, at)
  if (opening !== null) return quoted(text, at, opening)
  for (const [kind, pattern] of PATTERNS) {
    const found = matchAt(pattern, text, at)
    if (found === null) continue
    const isKeyword = kind === 'name' && KEYWORDS.has(found.toUpperCase())
    return { kind: isKeyword ? 'keyword' : kind, text: found }
  }
  return { kind: 'symbol', text: String.fromCodePoint(text.codePointAt(at) ?? 0) }
}

/** PostgreSQL's comments nest. MySQL runs what stands in one that begins with `!` or `M!`. */
function blockComment(text: string, from: number): SqlToken {
  const executable = /^\/\*M?[!+]/.test(text.slice(from, from + 4))
  if (executable) return { kind: 'symbol', text: text.slice(from, from + 2) }
  let depth = 0
  const edges = /\/\*|\*\//g
  edges.lastIndex = from
  for (let edge = edges.exec(text); edge !== null; edge = edges.exec(text)) {
    depth += edge[0] === '/*' ? 1 : -1
    if (depth === 0) return { kind: 'comment', text: text.slice(from, edges.lastIndex) }
  }
  return { kind: 'comment', text: text.slice(from) }
}

/** To the quote that isn't doubled, or to the end of the text where there is none. */
function quoted(text: string, from: number, opening: string): SqlToken {
  const quote = opening.slice(-1)
  const escapes = opening.length > 1 && /^[eE]/.test(opening)
  let at = from + opening.length
  for (; at < text.length; at++) {
    if (escapes && text[at] === '\\') at++
    else if (text[at] === quote && text[at + 1] === quote) at++
    else if (text[at] === quote) break
  }
  return { kind: quote === "'" ? 'string' : 'name', text: text.slice(from, at + 1) }
}

function dollarQuoted(text: string, from: number): string | null {
  const tag = matchAt(DOLLAR_TAG, text, from)
  if (tag === null) return null
  const end = text.indexOf(tag, from + tag.length)
  return end < 0 ? text.slice(from) : text.slice(from, end + tag.length)
}

function matchAt(pattern: RegExp, text: string, at: number): string | null {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0] ?? null
}

const KEYWORDS: ReadonlySet<string> = new Set(
  `ADD ALL ALTER ANALYZE AND ANY AS ASC BEGIN BETWEEN BY CALL CASCADE CASE CAST CHECK CLUSTER COLUMN
  COMMENT COMMIT CONFLICT CONSTRAINT COPY CREATE CROSS CURRENT CURSOR DATABASE DEALLOCATE DECLARE
  DEFAULT DEFERRABLE DELETE DESC DISABLE DISCARD DISTINCT DO DOMAIN DROP ELSE ENABLE END EXCEPT
  EXCLUDE EXECUTE EXISTS EXPLAIN EXTENSION FALSE FETCH FILTER FOR FORCE FOREIGN FROM FULL
  FUNCTION GRANT GROUP HAVING IF ILIKE IN INDEX INNER INSERT INTERSECT INTO IS JOIN KEY KILL LANGUAGE
  LATERAL LEFT LIKE LIMIT LISTEN LOAD LOCK MATERIALIZED MERGE MOVE NATURAL NOT NOTHING
  NOTIFY NULL NULLS OF OFFSET ON ONLY OR ORDER OUTER OUTFILE OVER PARTITION PASSWORD PREPARE
  PRIMARY PRIVILEGES PROCEDURE PROGRAM RECURSIVE REFERENCES REFRESH REINDEX RELEASE RENAME
  REPLACE RESET RESTRICT RETURNING RETURNS REVOKE RIGHT ROLE ROLLBACK ROW ROWS SAVEPOINT SCHEMA
  SECURITY SELECT SEQUENCE SET SHOW SOME START STDIN STDOUT SYSTEM TABLE TABLESPACE TEMP
  TEMPORARY THEN TO TRANSACTION TRIGGER TRUE TRUNCATE UNION UNIQUE UNLISTEN UPDATE USER USING
  VACUUM VALUES VIEW WHEN WHERE WINDOW WITH WITHIN WORK`.split(/\s+/),
)
