import type { Proposal, ScanReport } from './scan-database.ts'

/** What YAML reads as it stands as a key, without quotes. */
const PLAIN = /^[A-Za-z_][A-Za-z0-9_.]*$/

/** YAML that can be pasted into a configuration, and read by a person before. */
export function reportAsYaml(database: string, report: ScanReport): string {
  const { proposals, looked, classified, unjudged, unread } = report
  const writable = proposals.filter(isWritable)
  const lines = [
    `# ${looked.tables} tables with ${looked.columns} columns were looked at, ${classified} have a class already.`,
    '# Each line is a proposal: its confidence, then the reasons. Review them, and look for what was not found.',
    'databases:',
    `  ${keyOf(database)}:`,
    writable.length > 0 ? '    classified:' : '    classified: {}',
    ...writable.map(lineOf),
    ...proposals
      .filter((proposal) => !isWritable(proposal))
      .map((proposal) => `      # no pattern can name it: ${commentOf(proposal)}`),
    ...unjudged.map(
      (column) => `      # waits to be judged, and nothing speaks for a class: ${shown(column)}`,
    ),
    ...unread.map(
      ({ schema, table, why }) => `# by names only: ${keyOf(`${schema}.${table}`)}, ${why}`,
    ),
  ]
  return `${lines.join('\n')}\n`
}

function lineOf(proposal: Proposal): string {
  const { schema, table, column, dataClass } = proposal
  return `      ${keyOf(`${schema}.${table}.${column}`)}: ${dataClass} # ${why(proposal)}`
}

function commentOf(proposal: Proposal): string {
  return `${shown(proposal)} ${proposal.dataClass}, ${why(proposal)}`
}

function why({ confidence, reasons }: Proposal): string {
  return `${confidence.toFixed(2)}: ${reasons.join('; ')}`
}

type Named = Pick<Proposal, 'schema' | 'table' | 'column'>

/** Dots part a pattern's names, and * stands for anything: names that hold them can't be written. */
function isWritable({ schema, table, column }: Named): boolean {
  return [schema, table, column].every((name) => name !== '' && !/[.*]/.test(name))
}

function shown({ schema, table, column }: Named): string {
  return visible(JSON.stringify([schema, table, column]))
}

/** JSON's texts are YAML's too (YAML 1.2, section 1.3). */
function keyOf(text: string): string {
  return PLAIN.test(text) ? text : visible(JSON.stringify(text))
}

/** What doesn't show, or turns the text around it, written out: a person is to review it. */
function visible(json: string): string {
  return json.replace(
    /[\u007f-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g,
    (hidden) => `\\u${hidden.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** For machines. */
export function reportAsJson(database: string, report: ScanReport): string {
  return `${JSON.stringify({ database, ...report })}\n`
}
