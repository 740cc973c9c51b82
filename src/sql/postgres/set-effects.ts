import type { Analysis } from './analysis.ts'
import { type Body, bodyOf, listOf, literalOf, textOf } from './ast.ts'
import {
  isUtf8,
  keepsMeaning,
  protects,
  resetsIdentity,
  schemasOf,
  settingUse,
} from './settings.ts'

/**
 * Notes what setting `name` does. `values` are its literals in order, empty for a reset; null
 * where they aren't known.
 */
export function checkSetting(
  analysis: Analysis,
  name: string,
  values: readonly string[] | null,
  at?: number,
): void {
  const { findings } = analysis
  findings.effect('session', `sets ${name}`, at)
  if (values?.length === 1 && keepsMeaning(name, values[0] ?? '')) return
  const use = settingUse(name)
  if (use === 'schemas') checkSearchPath(analysis, values, at)
  else if (use === 'encoding') checkEncoding(analysis, values, at)
  else if (use === 'opaque') {
    findings.effect('opaque', `what setting ${name} changes isn't known`, at)
  } else if (use === 'privilege' && !(values?.length === 1 && protects(name, values[0] ?? ''))) {
    findings.effect('privilege', `sets ${name}, which bears on rights or protection`, at)
  }
}

/** Names mean what the catalog knows as long as every schema is known and pg_catalog comes first. */
function checkSearchPath(analysis: Analysis, values: readonly string[] | null, at?: number): void {
  const schemas = values?.flatMap(schemasOf)
  if (!schemas) {
    analysis.findings.effect('opaque', 'sets search_path to what it computes', at)
    return
  }
  for (const schema of schemas) {
    if (schema === '$user' || analysis.schema.hasSchema(schema)) continue
    analysis.findings.unknown.add(schema)
    analysis.findings.effect('opaque', `search_path names ${schema}, which isn't known`, at)
  }
  const late = schemas.indexOf('pg_catalog') > 0
  if (late)
    analysis.findings.effect('opaque', "search_path puts others before the server's own", at)
  if (schemas.some((schema) => schema.startsWith('pg_temp'))) {
    analysis.findings.effect('opaque', 'search_path names temporary objects', at)
  }
}

function checkEncoding(analysis: Analysis, values: readonly string[] | null, at?: number): void {
  const utf8 = values?.every(isUtf8)
  if (!utf8) analysis.findings.effect('opaque', 'client_encoding changes how text is read', at)
}

/** SET and RESET. Returns the settings that it touches. */
export function setStatement(analysis: Analysis, body: Body): readonly string[] {
  const name = textOf(body.name)
  switch (body.kind) {
    case 'VAR_RESET_ALL':
      analysis.findings.effect('session', 'resets all settings')
      return ['all']
    case 'VAR_SET_MULTI':
      setTransaction(analysis, name, listOf(body.args))
      return ['transaction']
    case 'VAR_RESET':
    case 'VAR_SET_DEFAULT':
    case 'VAR_SET_CURRENT':
      checkReset(analysis, name)
      return [name]
    default:
      checkSetting(analysis, name, literalsOf(listOf(body.args)))
      return [name]
  }
}

/** A reset goes back to what the session began with, under which its statements were judged. */
function checkReset(analysis: Analysis, name: string): void {
  analysis.findings.effect('session', `resets ${name}`)
  if (settingUse(name) === 'privilege' && !resetsIdentity(name)) {
    analysis.findings.effect('privilege', `resets ${name}, which bears on rights or protection`)
  }
}

function literalsOf(args: readonly unknown[]): readonly string[] | null {
  const values = args.map(literalOf)
  return values.every((value) => value !== undefined) ? values.map((value) => value ?? '') : null
}

/** SET TRANSACTION ... and SET SESSION CHARACTERISTICS AS TRANSACTION ... */
function setTransaction(analysis: Analysis, name: string, args: readonly unknown[]): void {
  const { findings } = analysis
  findings.effect('transaction', 'sets how transactions behave')
  if (name !== 'SESSION CHARACTERISTICS') return
  for (const arg of args) {
    const option = bodyOf(arg, 'DefElem')
    if (option?.defname === 'transaction_read_only' && literalOf(option.arg) === '0') {
      findings.effect('privilege', 'lets later transactions write')
    }
  }
}
