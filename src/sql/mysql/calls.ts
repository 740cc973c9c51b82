import type { Analysis } from './analysis.ts'
import { effectOfFunction, isBuiltin } from './functions.ts'
import { rawOf, type StatementText } from './statement-text.ts'
import { judgeBody } from './stored-code.ts'
import { isName, isOp, nameOf, type Token } from './token.ts'

/** Words in front of a parenthesis that are no functions. */
const NOT_CALLED = new Set(
  `ALL ANALYSE AND ANY AS BETWEEN BY CASE CHECK CUBE CYCLE DISTINCT DISTINCTROW DIV ELSE EXCEPT EXISTS FOREIGN FROM
   FULLTEXT HAVING IGNORE IN INDEX INTERSECT INTO INTERVAL IS JOIN KEY LIKE LIMIT LINES MOD NOT OF ON
   OFFSET OR ORDER OVER PARTITION PRIMARY PROCEDURE REFERENCES REGEXP RETURN RETURNING RLIKE ROLLUP ROW
   ROWS SELECT SET SOME SOUNDS SPATIAL STRAIGHT_JOIN THEN UNION UNIQUE UPDATE USING VALUE VALUES WHEN
   WHERE WITH XOR AGAINST MEMBER LATERAL BINARY DECIMAL NUMERIC DEC FIXED VARCHAR VARBINARY NCHAR
   NVARCHAR BIT FLOAT DOUBLE REAL INT INTEGER TINYINT SMALLINT MEDIUMINT BIGINT TEXT BLOB ENUM VECTOR
   COLUMNS EXPLAIN DO CALL WHILE UNTIL ELSEIF END KEYS SIGNED UNSIGNED DUAL NCHAR
   RECURSIVE LOOP BEGIN HIGH_PRIORITY SQL_CALC_FOUND_ROWS SQL_NO_CACHE SQL_SMALL_RESULT SQL_BIG_RESULT
   SQL_BUFFER_RESULT SQL_CACHE LOW_PRIORITY DELAYED STARTING TERMINATED ENCLOSED ESCAPED OPTIONALLY`
    .trim()
    .split(/\s+/),
)

/** Notes what every function does that the tokens call; `except` holds indexes of other names. */
export function checkCalls(
  analysis: Analysis,
  text: StatementText,
  except: ReadonlySet<number> = new Set(),
): void {
  const { tokens } = text
  for (let at = 1; at < tokens.length; at++) {
    if (!isOp(tokens[at], '(')) continue
    const name = tokens[at - 1]
    if (!isName(name) || except.has(at - 1)) continue
    if (isOp(tokens[at - 2], '.')) checkQualified(analysis, tokens[at - 3], name)
    else if (isCalled(analysis, name) && !isAlias(tokens, at - 1)) checkCall(analysis, name)
  }
  checkSequences(analysis, text)
}

/** A stored function may have the name of a word that isn't reserved. */
function isCalled({ schema, facts }: Analysis, name: Token): boolean {
  if (!NOT_CALLED.has(name.keyword)) return true
  return facts.database !== null && Boolean(schema.routine('function', facts.database, name.text))
}

/** (SELECT ...) AS x (a, b): nothing else can stand between two parentheses or behind AS. */
function isAlias(tokens: readonly Token[], at: number): boolean {
  const before = tokens[at - 1]
  return isOp(before, ')') || before?.keyword === 'AS'
}

function checkQualified(analysis: Analysis, schema: Token | undefined, name: Token): void {
  if (isName(schema)) checkStored(analysis, nameOf(schema), name)
  else analysis.findings.opaque('a function is named in a way that is not understood', name)
}

function checkCall(analysis: Analysis, token: Token): void {
  const name = nameOf(token)
  const { database } = analysis.facts
  if (database !== null && analysis.schema.routine('function', database, name)) {
    checkStored(analysis, database, token)
    return
  }
  const known = effectOfFunction(name)
  if (known?.effect === 'opaque') analysis.findings.opaque(known.reason, token)
  else if (known) analysis.findings.effect(known.effect, known.reason, token)
  else if (!isBuiltin(name, analysis.dialect)) checkStored(analysis, database, token)
}

/** A function of the schema does what its body does; one that nobody knows may do anything. */
function checkStored(analysis: Analysis, schema: string | null, token: Token): void {
  const name = nameOf(token)
  const label = schema === null ? name : `${schema}.${name}`
  analysis.findings.functions.add(label)
  const routine = schema === null ? undefined : analysis.schema.routine('function', schema, name)
  if (analysis.trusted.has(label)) return
  if (routine) {
    const { schema, body } = routine
    judgeBody(analysis, { schema, label, body, what: `the function ${label}`, token })
    return
  }
  analysis.findings.unknown.add(`${label}()`)
  analysis.findings.opaque(`what the function ${label} does isn't known`, token)
}

/** MariaDB: NEXT VALUE FOR s moves a sequence, PREVIOUS VALUE FOR s doesn't. */
function checkSequences(analysis: Analysis, text: StatementText): void {
  const { tokens } = text
  for (let at = 0; at + 2 < tokens.length; at++) {
    if (tokens[at]?.keyword !== 'NEXT' || tokens[at + 1]?.keyword !== 'VALUE') continue
    if (tokens[at + 2]?.keyword === 'FOR') {
      const name = tokens[at + 3]
      const reason = `moves the sequence ${name ? rawOf(text, name) : ''}`
      analysis.findings.effect('write', reason, tokens[at])
    }
  }
}
