import type { Config, DatabaseConfig } from '../config/config.ts'
import { coversClass, maskOfClass } from '../mask/data-class.ts'
import type { MaskName } from '../mask/plan.ts'
import type { DecisionInput } from '../policy/conditions.ts'
import { type Explanation, explain } from '../policy/decide.ts'
import type { OutputLineage } from '../sql/output-lineage.ts'
import type { Classification } from '../sql/statement.ts'

/** What becomes of one output column. */
interface OutputReport {
  readonly name: string
  /** What it is computed from, as far as that is classified or unknown. */
  readonly lineage: readonly string[]
  readonly classes: readonly string[]
  /** Null: it leaves as it is. */
  readonly mask: MaskName | null
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
  return {
    name: output.name === '' ? '?' : output.name,
    lineage: output.sources,
    classes: output.classes,
    mask: maskOf(output, unmask, config),
  }
}

/** A column as it stands is masked as its class says; what is computed from several is masked whole. */
function maskOf(output: OutputLineage, unmask: readonly string[], config: Config): MaskName | null {
  if (output.sources.length === 0) return null
  const [dataClass, ...others] = output.classes
  const computed = !output.plain || output.unknown || others.length > 0
  if (computed || dataClass === undefined) return 'redact'
  if (unmask.some((pattern) => coversClass(pattern, dataClass))) return null
  return maskOfClass(dataClass, config.masks).mask
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
  for (const { name, lineage, mask } of report.outputs ?? []) {
    const from = lineage.length > 0 ? `from ${lineage.join(', ')}, ` : ''
    lines.push(`  output     ${name}: ${from}${mask === null ? 'in clear' : `masked: ${mask}`}`)
  }
  lines.push(`  decision   ${decisionText(report)}`)
  return `${lines.join('\n')}\n`
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
