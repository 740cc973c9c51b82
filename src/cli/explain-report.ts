import type { Config, DatabaseConfig } from '../config/config.ts'
import { isCleared, maskOfShown } from '../mask/column-mask.ts'
import type { MaskName } from '../mask/plan.ts'
import type { DecisionInput } from '../policy/conditions.ts'
import { type Explanation, explain } from '../policy/decide.ts'
import {
  type Flow,
  flowOf,
  type LineageSource,
  type OutputLineage,
  shownBy,
  shows,
} from '../sql/output-lineage.ts'
import type { Classification } from '../sql/statement.ts'

/** What becomes of one output column. */
interface OutputReport {
  readonly name: string
  /** How what is behind it shows; null where nothing is. */
  readonly flow: Flow | null
  /** All that it comes from, as far as that is known. */
  readonly sources: readonly SourceReport[]
  /** What of that is classified or unknown and shows. */
  readonly lineage: readonly string[]
  readonly classes: readonly string[]
  /** Null: it leaves as it is. */
  readonly mask: MaskName | null
}

interface SourceReport {
  readonly column: string
  /** Null: nobody has classified it. */
  readonly class: string | null
  /** Nobody knows what it holds. */
  readonly unknown: boolean
  readonly flow: Flow
}

/** All that `countersign explain` says of one statement. */
export interface StatementReport {
  readonly statement: string
  readonly verb: string
  readonly effects: Explanation['effects']
  readonly tables: Classification['tables']
  readonly columns: readonly string[]
  readonly functions: readonly string[]
  readonly classes: readonly string[]
  readonly decision: Explanation['decision']
  readonly unmask: Explanation['unmask']
  /** Null where the columns are the server's to say. */
  readonly outputs: readonly OutputReport[] | null
}

export interface ReportParts {
  readonly config: Config
  readonly database: DatabaseConfig
  readonly agent: string
  readonly now: number
}

/** Judges and decides one classified statement as the proxy would. */
export function reportOn(
  classification: Classification,
  lineage: readonly OutputLineage[] | null,
  parts: ReportParts,
): StatementReport {
  const explanation = explain(inputFor(classification, parts), parts.config.rules)
  const { decision } = explanation
  const unmask = decision.kind === 'deny' ? [] : decision.unmask
  return {
    statement: classification.sql,
    verb: classification.verb,
    effects: explanation.effects,
    tables: classification.tables,
    columns: classification.tables.flatMap((use) =>
      use.columns.map(
        (column) => `${use.schema === null ? '' : `${use.schema}.`}${use.name}.${column}`,
      ),
    ),
    functions: classification.functions,
    classes: classification.classes,
    decision,
    unmask: explanation.unmask,
    outputs: lineage?.map((output) => outputReport(output, unmask, parts.config)) ?? null,
  }
}

function inputFor(classification: Classification, parts: ReportParts): DecisionInput {
  const { config, database, agent, now } = parts
  const owners = config.agents.get(agent)?.owners ?? []
  const groups = owners.flatMap((owner) => config.people.get(owner)?.groups ?? [owner])
  return {
    classification,
    agent,
    groups: [...new Set(groups)],
    database: database.name,
    environment: database.environment,
    inTransaction: false,
    now,
  }
}

function outputReport(
  output: OutputLineage,
  unmask: readonly string[],
  config: Config,
): OutputReport {
  const shown = shownBy(output)
  const masked = shown !== null && !isCleared(shown, unmask)
  return {
    name: output.name === '' ? '?' : output.name,
    flow: flowOf(output),
    sources: output.sources.map(sourceReport),
    lineage: output.sources.filter(shows).map(({ label }) => label),
    classes: shown?.classes ?? [],
    mask: masked ? maskOfShown(shown, config.masks).mask : null,
  }
}

function sourceReport(source: LineageSource): SourceReport {
  const { kind, label, flow } = source
  const dataClass = kind === 'column' ? source.dataClass : null
  return { column: label, class: dataClass, unknown: kind === 'unknown', flow }
}

/** The report as text for a terminal. */
export function reportAsText(report: StatementReport): string {
  const lines = [report.statement, `  verb       ${report.verb}`]
  for (const { effect, reasons, rule, action } of report.effects) {
    lines.push(`  effect     ${effect}: ${reasons.join('; ')}`)
    lines.push(`             ${action.kind} by the rule ${rule}`)
  }
  for (const { schema, name, access, classes } of report.tables) {
    const held = Object.entries(classes).map(([column, own]) => `${column} is ${own}`)
    const known = held.length > 0 ? ` (${held.join(', ')})` : ''
    lines.push(`  table      ${schema === null ? '' : `${schema}.`}${name}, ${access}${known}`)
  }
  if (report.columns.length > 0) lines.push(`  columns    ${report.columns.join(', ')}`)
  if (report.functions.length > 0) lines.push(`  functions  ${report.functions.join(', ')}`)
  for (const output of report.outputs ?? []) lines.push(outputText(output))
  lines.push(`  decision   ${decisionText(report)}`)
  return `${lines.join('\n')}\n`
}

function outputText({ name, flow, sources, mask }: OutputReport): string {
  const from = sources.map((source) => sourceText(source, flow)).join(', ')
  const what = flow === null ? '' : `${flow} from ${from}; `
  return `  output     ${name}: ${what}${mask === null ? 'in clear' : `masked: ${mask}`}`
}

/** Its flow is said where it isn't the column's own. */
function sourceText(source: SourceReport, flow: Flow | null): string {
  const said = source.flow === flow ? [] : [source.flow]
  const held = source.unknown ? ['unknown'] : source.class === null ? [] : [source.class]
  const all = [...held, ...said]
  return all.length === 0 ? source.column : `${source.column} (${all.join(', ')})`
}

function decisionText({ decision }: StatementReport): string {
  switch (decision.kind) {
    case 'allow':
      return decision.ceiling ? `allow, up to ${decision.ceiling.rows} rows` : 'allow'
    case 'deny':
      return `deny, by the rule ${decision.rule}: ${decision.reason}`
    case 'require-approval':
      return `approval needed: ${decision.requirements
        .map(({ rule, by, count }) => `${count} of ${by.join(' or ')} (rule ${rule})`)
        .join(' and ')}`
  }
}
